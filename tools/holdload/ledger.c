/*
 * ledger.c - what became of each call (see ledger.h)
 *
 * The same row stands in the JSON report (--json-calls) and, one a line, in the
 * file of --ledger.
 */
#include "tools/holdload/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/holdload/caller.h"
#include "tools/holdload/options.h"
#include "tools/holdload/worker.h"

#define SECOND_NS 1000000000u

/* Of one call. */
struct ledger_entry {
	uint64_t number;
	struct dialect_ids ids;
	enum outcome outcome;
	enum misdeed misdeed;
	bool misbehaved;
	int status;
	unsigned close_code;
	uint64_t started_ns, ended_ns;
	uint64_t frames_sent, frames_unsent, bytes_sent, frames_echoed;
	uint64_t marks_heard, marks_returned, clears_heard, digits_sent;
};

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

static int by_number(const void *a, const void *b)
{
	const struct ledger_entry *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

static bool reserve(struct ledger *ledger, size_t more)
{
	size_t room = ledger->room ? ledger->room : 64;
	struct ledger_entry *entries;

	while (room < ledger->count + more)
		room *= 2;
	if (room == ledger->room)
		return true;
	entries = reallocarray(ledger->entries, room, sizeof(*entries));
	if (!entries) {
		ledger->missing = true;
		return false;
	}
	ledger->entries = entries;
	ledger->room = room;
	return true;
}

void ledger_add(struct ledger *ledger, const struct caller *c)
{
	uint64_t sent = c->frames_sent - c->frames_unsent;

	if (!ledger->wanted || !reserve(ledger, 1))
		return;
	ledger->entries[ledger->count++] = (struct ledger_entry){
		.number = c->plan.number,
		.ids = c->talk.ids,
		.outcome = c->outcome,
		.misdeed = c->plan.misdeed,
		.misbehaved = c->misbehaved,
		.status = c->status,
		.close_code = c->close_code,
		.started_ns = c->started_ns,
		.ended_ns = c->ended_ns,
		.frames_sent = sent,
		.frames_unsent = c->frames_unsent,
		.bytes_sent =
			sent * c->options->audio.frame_size * c->talk.channels,
		.frames_echoed = c->frames_echoed,
		.marks_heard = c->marks_heard,
		.marks_returned = c->marks_returned,
		.clears_heard = c->clears_heard,
		.digits_sent = c->digits_sent,
	};
}

void ledger_merge(struct ledger *into, const struct ledger *from)
{
	into->missing |= from->missing;
	if (from->count == 0 || !reserve(into, from->count))
		return;
	memcpy(into->entries + into->count, from->entries,
	       from->count * sizeof(*from->entries));
	into->count += from->count;
}

void ledger_free(struct ledger *ledger)
{
	free(ledger->entries);
	*ledger = (struct ledger){ 0 };
}

static json_t *row(const struct ledger_entry *e, const struct options *options)
{
	return json_pack(
		"{s:s, s:s, s:s, s:i, s:i, s:o, s:o, s:I, s:I, s:I, s:I, s:I, "
		"s:I, s:I, s:s%, s:s, s:b}",
		"callSid", e->ids.call, "streamSid", e->ids.stream, "outcome",
		outcome_name(e->outcome), "status", e->status, "close_code",
		(int)e->close_code, "started", time_json(e->started_ns),
		"ended", time_json(e->ended_ns), "frames_sent",
		(json_int_t)e->frames_sent, "frames_unsent",
		(json_int_t)e->frames_unsent, "bytes_sent",
		(json_int_t)e->bytes_sent, "frames_echoed",
		(json_int_t)e->frames_echoed, "marks_heard",
		(json_int_t)e->marks_heard, "marks_returned",
		(json_int_t)e->marks_returned, "clears_heard",
		(json_int_t)e->clears_heard, "dtmf", options->dtmf,
		(size_t)e->digits_sent, "misbehaves", misdeed_name(e->misdeed),
		"misbehaved", e->misbehaved);
}

json_t *ledger_rows(struct ledger *ledger, const struct options *options)
{
	json_t *rows = json_array();

	if (ledger->count > 0)
		qsort(ledger->entries, ledger->count, sizeof(*ledger->entries),
		      by_number);
	for (size_t i = 0; i < ledger->count; i++)
		(void)json_array_append_new(rows,
					    row(&ledger->entries[i], options));
	return rows;
}

int ledger_write(const char *path, const struct options *options,
		 struct ledger *ledger)
{
	json_auto_t *rows = ledger_rows(ledger, options);
	FILE *out = fopen(path, "we");
	int r = rows && !ledger->missing ? 0 : -1;

	if (!out)
		goto fail;
	for (size_t i = 0; i < json_array_size(rows) && r == 0; i++) {
		r = json_dumpf(json_array_get(rows, i), out, JSON_COMPACT);
		r |= fputc('\n', out) == EOF;
	}
	r |= fclose(out);
	if (r == 0)
		return 0;
fail:
	(void)fprintf(stderr, "holdload: --ledger: %s: %s\n", path,
		      ledger->missing ? "no memory for all calls"
				      : strerror(errno));
	return -1;
}
