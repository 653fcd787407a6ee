/* pacer.c - when what we say leaves (see pacer.h) */
#include "media/pacer.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_AGAIN_MS 10u

/* Audio that was added at one time, or a mark. */
struct entry {
	uint64_t at_ms;
	size_t bytes; /* of audio still here; 0: a mark */
	char *mark;   /* owned */
};

struct pacer {
	/* What pacer_pass() looks at stands together (pacer_fetch). */
	uint64_t due_us; /* clocked: of the next; else: all sent is over */
	size_t entry_count;
	bool held;
	bool begun;
	struct pacer_options options;

	uint8_t *audio;	  /* a ring */
	uint8_t *message; /* a piece of it, in one part */
	size_t audio_room, audio_start, audio_used;
	struct entry *entries; /* a ring */
	size_t entry_room, entry_start;
	unsigned marks;
	char *mark; /* handed out last */
	uint64_t aged;
};

/* All sizes are whole steps: a message that is filled up to the next one never
 * outgrows the most. */
static void round_sizes(struct pacer_options *o)
{
	o->least += (o->step - o->least % o->step) % o->step;
	o->most -= o->most % o->step;
	if (o->most < o->least)
		o->most = o->least;
}

struct pacer *pacer_create(const struct pacer_options *options)
{
	struct pacer *pacer = calloc(1, sizeof(*pacer));

	if (!pacer)
		return NULL;
	pacer->options = *options;
	round_sizes(&pacer->options);
	return pacer;
}

void pacer_destroy(struct pacer *pacer)
{
	if (!pacer)
		return;
	(void)pacer_clear(pacer, NULL, NULL);
	free(pacer->mark);
	free(pacer->entries);
	free(pacer->message);
	free(pacer->audio);
	free(pacer);
}

void pacer_fetch(const struct pacer *pacer)
{
	__builtin_prefetch(pacer);
	__builtin_prefetch((const char *)pacer + 64);
}

static uint64_t duration_us(const struct pacer *pacer, size_t bytes)
{
	return (uint64_t)bytes * 1000000 / pacer->options.bytes_per_s;
}

/* ---- the queue -------------------------------------------------------------
 */

/* A place in a ring, at most once beyond its end. */
static size_t wrap(size_t at, size_t room)
{
	return at < room ? at : at - room;
}

static struct entry *entry_at(const struct pacer *pacer, size_t i)
{
	return &pacer->entries[wrap(pacer->entry_start + i, pacer->entry_room)];
}

static bool entries_grow(struct pacer *pacer)
{
	size_t room = pacer->entry_room ? 2 * pacer->entry_room : 16;
	struct entry *more;

	if (pacer->entry_count < pacer->entry_room)
		return true;
	more = calloc(room, sizeof(*more));
	if (!more)
		return false;
	for (size_t i = 0; i < pacer->entry_count; i++)
		more[i] = *entry_at(pacer, i);
	free(pacer->entries);
	pacer->entries = more;
	pacer->entry_room = room;
	pacer->entry_start = 0;
	return true;
}

static void entry_pop(struct pacer *pacer)
{
	pacer->entry_start = wrap(pacer->entry_start + 1, pacer->entry_room);
	pacer->entry_count--;
}

static void audio_copy_out(struct pacer *pacer, uint8_t *to, size_t bytes)
{
	size_t first = pacer->audio_room - pacer->audio_start;

	if (first > bytes)
		first = bytes;
	if (to) {
		memcpy(to, pacer->audio + pacer->audio_start, first);
		memcpy(to + first, pacer->audio, bytes - first);
	}
	pacer->audio_start =
		wrap(pacer->audio_start + bytes, pacer->audio_room);
	pacer->audio_used -= bytes;
}

static bool audio_grow(struct pacer *pacer, size_t bytes)
{
	size_t used = pacer->audio_used;
	size_t room = pacer->audio_room ? pacer->audio_room : 4096;
	uint8_t *more;

	if (used + bytes <= pacer->audio_room)
		return true;
	while (room < used + bytes)
		room *= 2;
	more = malloc(room);
	if (!more)
		return false;
	if (used > 0)
		audio_copy_out(pacer, more, used);
	free(pacer->audio);
	pacer->audio = more;
	pacer->audio_room = room;
	pacer->audio_start = 0;
	pacer->audio_used = used;
	return true;
}

static void audio_copy_in(struct pacer *pacer, const uint8_t *from,
			  size_t bytes)
{
	size_t end =
		wrap(pacer->audio_start + pacer->audio_used, pacer->audio_room);
	size_t first = pacer->audio_room - end;

	if (first > bytes)
		first = bytes;
	memcpy(pacer->audio + end, from, first);
	memcpy(pacer->audio, from + first, bytes - first);
	pacer->audio_used += bytes;
}

/* Few calls ever have to wait, so it is made for the first. */
static bool message_made(struct pacer *pacer)
{
	if (!pacer->message)
		pacer->message = malloc(pacer->options.most);
	return pacer->message != NULL;
}

bool pacer_add_audio(struct pacer *pacer, uint64_t now_ms, const uint8_t *audio,
		     size_t bytes)
{
	uint64_t most = (uint64_t)pacer->options.queue_ms *
			pacer->options.bytes_per_s / 1000;

	if (bytes == 0)
		return true;
	if (pacer->audio_used + bytes > most || !message_made(pacer) ||
	    !entries_grow(pacer) || !audio_grow(pacer, bytes))
		return false;
	audio_copy_in(pacer, audio, bytes);
	pacer->entry_count++;
	*entry_at(pacer, pacer->entry_count - 1) =
		(struct entry){ .at_ms = now_ms, .bytes = bytes };
	return true;
}

bool pacer_add_mark(struct pacer *pacer, uint64_t now_ms, const char *name)
{
	char *mark;

	if (pacer->marks >= PACER_MARKS_MAX || !entries_grow(pacer))
		return false;
	mark = strdup(name);
	if (!mark)
		return false;
	pacer->entry_count++;
	pacer->marks++;
	*entry_at(pacer, pacer->entry_count - 1) =
		(struct entry){ .at_ms = now_ms, .mark = mark };
	return true;
}

uint64_t pacer_clear(struct pacer *pacer,
		     void (*each)(void *arg, const char *mark), void *arg)
{
	uint64_t waited_ms = duration_us(pacer, pacer->audio_used) / 1000;

	while (pacer->entry_count > 0) {
		struct entry *entry = entry_at(pacer, 0);

		if (entry->mark && each)
			each(arg, entry->mark);
		free(entry->mark);
		entry_pop(pacer);
	}
	pacer->audio_start = pacer->audio_used = 0;
	pacer->marks = 0;
	if (!pacer->options.clocked)
		pacer->begun = false;
	return waited_ms;
}

/* ---- time ------------------------------------------------------------------
 */

/* May a message leave now? Sets the grid right if so. */
static bool is_due(struct pacer *pacer, uint64_t now_ms)
{
	uint64_t now = now_ms * 1000, back = 1000ull * PACER_CATCH_UP_MS;

	if (!pacer->begun || (!pacer->options.clocked && pacer->due_us < now))
		pacer->due_us = now;
	pacer->begun = true;
	if (!pacer->options.clocked)
		return pacer->due_us - now <=
		       (uint64_t)pacer->options.ahead_ms * 1000;
	if (pacer->due_us > now)
		return false;
	if (now - pacer->due_us > back)
		pacer->due_us = now - back;
	return true;
}

bool pacer_pass(struct pacer *pacer, uint64_t now_ms, size_t bytes)
{
	const struct pacer_options *o = &pacer->options;

	if (pacer->entry_count > 0 || pacer->held || bytes < o->least ||
	    bytes > o->most || bytes % o->step != 0 || !is_due(pacer, now_ms))
		return false;
	pacer->due_us += duration_us(pacer, bytes);
	return true;
}

uint64_t pacer_due_ms(const struct pacer *pacer, uint64_t now_ms)
{
	uint64_t due_ms = pacer->due_us / 1000;

	if (!pacer->options.clocked)
		due_ms -= due_ms < pacer->options.ahead_ms
				  ? due_ms
				  : pacer->options.ahead_ms;
	/* Held, or not enough for a message yet: a look now and then. */
	return due_ms > now_ms ? due_ms : now_ms + LOOK_AGAIN_MS;
}

/* ---- pieces ----------------------------------------------------------------
 */

static void drop_aged(struct pacer *pacer, uint64_t now_ms)
{
	while (pacer->entry_count > 0) {
		struct entry *entry = entry_at(pacer, 0);

		if (entry->mark ||
		    now_ms - entry->at_ms <= pacer->options.age_ms)
			return;
		audio_copy_out(pacer, NULL, entry->bytes);
		pacer->aged++;
		entry_pop(pacer);
	}
}

/* Audio up to the next mark, at most `most`; *ends: nothing will be added to
 * it, for a mark follows or nothing came for a while. */
static size_t at_hand(const struct pacer *pacer, size_t most, uint64_t now_ms,
		      bool *ends)
{
	uint64_t newest_ms = 0;
	size_t bytes = 0;

	*ends = false;
	for (size_t i = 0; i < pacer->entry_count && bytes < most; i++) {
		const struct entry *entry = entry_at(pacer, i);

		if (entry->mark) {
			*ends = true;
			return bytes;
		}
		bytes += entry->bytes;
		newest_ms = entry->at_ms;
	}
	*ends = (now_ms - newest_ms) * 1000 >=
		2 * duration_us(pacer, pacer->options.least) + 1000;
	return bytes < most ? bytes : most;
}

static void take(struct pacer *pacer, size_t bytes)
{
	audio_copy_out(pacer, pacer->message, bytes);
	while (bytes > 0) {
		struct entry *entry = entry_at(pacer, 0);
		size_t part = entry->bytes < bytes ? entry->bytes : bytes;

		entry->bytes -= part;
		bytes -= part;
		if (entry->bytes == 0)
			entry_pop(pacer);
	}
}

/* How many bytes the next message has, of which `*filled` are silence; 0: not
 * enough yet. */
static size_t message_size(const struct pacer *pacer, uint64_t now_ms,
			   size_t *filled)
{
	const struct pacer_options *o = &pacer->options;
	bool ends;
	size_t bytes = at_hand(pacer, o->most, now_ms, &ends);
	size_t whole = bytes - bytes % o->step;

	*filled = 0;
	if (whole >= o->least && whole > 0)
		return whole;
	if (!ends || bytes == 0)
		return 0;
	whole = bytes < o->least ? o->least : bytes;
	whole += (o->step - whole % o->step) % o->step;
	*filled = whole - bytes;
	return whole;
}

static struct piece next_mark(struct pacer *pacer)
{
	struct entry *entry = entry_at(pacer, 0);

	free(pacer->mark);
	pacer->mark = entry->mark;
	pacer->marks--;
	entry_pop(pacer);
	return (struct piece){ .kind = PIECE_MARK, .mark = pacer->mark };
}

/* Had it been able to leave a whole message ago? */
static bool is_late(const struct pacer *pacer, uint64_t now_ms, size_t bytes)
{
	uint64_t at_us = entry_at(pacer, 0)->at_ms * 1000;
	uint64_t due_us = pacer->due_us > at_us ? pacer->due_us : at_us;

	return pacer->options.clocked &&
	       now_ms * 1000 >= due_us + duration_us(pacer, bytes);
}

struct piece pacer_next(struct pacer *pacer, uint64_t now_ms)
{
	struct piece piece = { .kind = PIECE_NONE };
	size_t filled;

	drop_aged(pacer, now_ms);
	if (pacer->entry_count == 0)
		return piece;
	if (entry_at(pacer, 0)->mark)
		return next_mark(pacer);
	if (pacer->held || !is_due(pacer, now_ms))
		return piece;
	piece.bytes = message_size(pacer, now_ms, &filled);
	if (piece.bytes == 0)
		return piece;
	piece.kind = PIECE_AUDIO;
	piece.audio = pacer->message;
	piece.late = is_late(pacer, now_ms, piece.bytes);
	take(pacer, piece.bytes - filled);
	memset(pacer->message + piece.bytes - filled, pacer->options.silence,
	       filled);
	pacer->due_us += duration_us(pacer, piece.bytes);
	return piece;
}

void pacer_hold(struct pacer *pacer, bool hold)
{
	pacer->held = hold;
}

bool pacer_is_empty(const struct pacer *pacer)
{
	return pacer->entry_count == 0;
}

uint64_t pacer_take_aged(struct pacer *pacer)
{
	uint64_t aged = pacer->aged;

	pacer->aged = 0;
	return aged;
}
