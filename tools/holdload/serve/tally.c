/* tally.c - what the calls of one thread told, together (see tally.h) */
#include "tools/holdload/serve/tally.h"

void tally_merge(struct tally *into, const struct tally *from)
{
	into->calls += from->calls;
	for (int i = 0; i < OUTCOME_COUNT; i++)
		into->outcomes[i] += from->outcomes[i];
	for (int i = 0; i < WIRE_STATUSES; i++)
		into->statuses[i] += from->statuses[i];
	into->foreign += from->foreign;
	into->frames_heard += from->frames_heard;
	into->bytes_heard += from->bytes_heard;
	into->late += from->late;
	into->early += from->early;
	into->burst += from->burst;
	into->missing_ms += from->missing_ms;
	into->lost += from->lost;
	into->reordered += from->reordered;
	into->digits += from->digits;
	into->unknown += from->unknown;
	into->garbage += from->garbage;
	into->frames_said += from->frames_said;
	into->unsaid += from->unsaid;
	into->marks_said += from->marks_said;
	into->marks_back += from->marks_back;
	into->marks_unasked += from->marks_unasked;
	histogram_merge(&into->mark_us, &from->mark_us);
	histogram_merge(&into->handshake_us, &from->handshake_us);
	histogram_merge(&into->gap_us, &from->gap_us);
	histogram_merge(&into->jitter_us, &from->jitter_us);
	histogram_merge(&into->late_us, &from->late_us);
}
