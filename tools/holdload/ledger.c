/*
 * ledger.c - what became of each call (see ledger.h)
 *
 * The same row stands in the JSON report (--json-calls) and, one a line, in the
 * file of --ledger.
 */
#include "tools/holdload/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/holdload/caller.h"
#include "tools/holdload/options.h"
#include "tools/holdload/worker.h"

#define SECOND_NS 1000000000u

/* A monotonic time as UTC with milliseconds; null for 0, which is never. */
static json_t *time_json(uint64_t monotonic_ns)
{
	struct timespec now;
	struct tm utc;
	uint64_t age_ns, at_ns;
	time_t at_s;
	char day[32], text[48];

	if (monotonic_ns == 0)
		return json_null();
	(void)clock_gettime(CLOCK_REALTIME, &now);
	age_ns = worker_now_ns() - monotonic_ns;
	at_ns = (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec -
		age_ns;
	at_s = (time_t)(at_ns / SECOND_NS);
	if (!gmtime_r(&at_s, &utc) ||
	    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &utc) == 0)
		return json_null();
	(void)snprintf(text, sizeof(text), "%s.%03uZ", day,
		       (unsigned)(at_ns % SECOND_NS / 1000000u));
	return json_string(text);
}

json_t *ledger_row(const struct caller *c)
{
	uint64_t sent = c->frames_sent - c->frames_unsent;
	uint64_t bytes = sent * c->options->audio.frame_size * c->talk.channels;

	return json_pack(
		"{s:s, s:s, s:s, s:i, s:i, s:o, s:o, s:I, s:I, s:I, s:I, s:I, "
		"s:I, s:I, s:s%}",
		"callSid", c->talk.ids.call, "streamSid", c->talk.ids.stream,
		"outcome", outcome_name(c->outcome), "status", c->status,
		"close_code", (int)c->close_code, "started",
		time_json(c->started_ns), "ended", time_json(c->ended_ns),
		"frames_sent", (json_int_t)sent, "frames_unsent",
		(json_int_t)c->frames_unsent, "bytes_sent", (json_int_t)bytes,
		"frames_echoed", (json_int_t)c->frames_echoed, "marks_heard",
		(json_int_t)c->marks_heard, "marks_returned",
		(json_int_t)c->marks_returned, "clears_heard",
		(json_int_t)c->clears_heard, "dtmf", c->options->dtmf,
		(size_t)c->digits_sent);
}

int ledger_write(const char *path, const struct options *options,
		 const struct caller *callers)
{
	FILE *out = fopen(path, "we");
	int r = 0;

	if (!out)
		goto fail;
	for (unsigned i = 0; i < options->calls && r == 0; i++) {
		json_auto_t *row = ledger_row(&callers[i]);

		r = row ? json_dumpf(row, out, JSON_COMPACT) : -1;
		r |= fputc('\n', out) == EOF;
	}
	r |= fclose(out);
	if (r == 0)
		return 0;
fail:
	(void)fprintf(stderr, "holdload: --ledger: %s: %s\n", path,
		      strerror(errno));
	return -1;
}
