/* measured.c - what many calls measure together (see measured.h) */
#include "tools/holdload/measured.h"

static const char *const outcome_names[OUTCOME_COUNT] = {
	[OUTCOME_NONE] = "unfinished",
	[OUTCOME_COMPLETED] = "completed",
	[OUTCOME_CONNECT_FAILED] = "connect_failed",
	[OUTCOME_TLS_FAILED] = "tls_failed",
	[OUTCOME_REFUSED] = "refused",
	[OUTCOME_DROPPED] = "dropped",
	[OUTCOME_TIMEOUT] = "timeout",
	[OUTCOME_BROKEN] = "broken_protocol",
	[OUTCOME_CANCELLED] = "cancelled",
	[OUTCOME_LEFT] = "left",
};

const char *outcome_name(enum outcome outcome)
{
	return outcome_names[outcome];
}

void measured_merge(struct measured *into, const struct measured *from)
{
	histogram_merge(&into->start_late_us, &from->start_late_us);
	histogram_merge(&into->connect_us, &from->connect_us);
	histogram_merge(&into->echo_us, &from->echo_us);
	histogram_merge(&into->echo_sent_us, &from->echo_sent_us);
	histogram_merge(&into->late_us, &from->late_us);
	histogram_merge(&into->recv_gap_us, &from->recv_gap_us);
	histogram_merge(&into->mark_lag_us, &from->mark_lag_us);
	histogram_merge(&into->barge_clear_us, &from->barge_clear_us);
	histogram_merge(&into->barge_silence_us, &from->barge_silence_us);
	into->calls += from->calls;
	into->skipped += from->skipped;
	if (into->first_ns == 0 ||
	    (from->first_ns > 0 && from->first_ns < into->first_ns))
		into->first_ns = from->first_ns;
	if (from->last_ns > into->last_ns)
		into->last_ns = from->last_ns;
	into->frames_sent += from->frames_sent;
	into->bytes_sent += from->bytes_sent;
	into->frames_echoed += from->frames_echoed;
	into->echo_lost += from->echo_lost;
	into->echo_changed += from->echo_changed;
	into->frames_unsent += from->frames_unsent;
	into->frames_heard += from->frames_heard;
	into->recv_late += from->recv_late;
	into->barge_ins += from->barge_ins;
	into->barge_ignored += from->barge_ignored;
	into->marks += from->marks;
	into->clears += from->clears;
	into->garbage += from->garbage;
	for (int i = 0; i < OUTCOME_COUNT; i++)
		into->outcomes[i] += from->outcomes[i];
	for (int i = 0; i < WIRE_STATUSES; i++)
		into->statuses[i] += from->statuses[i];
	for (int i = 0; i < MISDEED_COUNT; i++) {
		into->misdeeds[i].calls += from->misdeeds[i].calls;
		into->misdeeds[i].done += from->misdeeds[i].done;
		into->misdeeds[i].cut_off += from->misdeeds[i].cut_off;
	}
	if (!into->tls_why)
		into->tls_why = from->tls_why;
}
