/* book.c - a row for each call that was served (see book.h) */
#include "tools/holdload/serve/book.h"

#include <stdlib.h>

#include "tools/holdload/serve/callee.h"

/* Of one call. */
struct book_entry {
	const struct dialect *dialect; /* NULL: it never came so far */
	const struct audio_format *format;
	struct dialect_ids ids;
	enum outcome outcome;
	int status;
	unsigned close_code, channels;
	uint64_t length_ns;
	struct track in, out;
	uint64_t lost, reordered, garbage, digits, frames_said;
};

static bool reserve(struct book *book)
{
	size_t room = book->room ? 2 * book->room : 64;
	struct book_entry *entries;

	if (book->count < book->room)
		return true;
	entries = reallocarray(book->entries, room, sizeof(*entries));
	if (!entries) {
		book->missing = true;
		return false;
	}
	book->entries = entries;
	book->room = room;
	return true;
}

void book_add(struct book *book, const struct callee *c)
{
	if (!book->wanted || !reserve(book))
		return;
	book->entries[book->count++] = (struct book_entry){
		.dialect = c->dialect,
		.format = c->talk.foreign ? NULL : c->talk.format,
		.ids = c->talk.ids,
		.outcome = c->outcome,
		.status = c->status,
		.close_code = c->close_code,
		.channels = c->talk.channels,
		.length_ns = c->started_ns ? c->ended_ns - c->started_ns : 0,
		.in = c->in,
		.out = c->out,
		.lost = c->lost,
		.reordered = c->reordered,
		.garbage = c->garbage,
		.digits = c->digits,
		.frames_said = c->frames_said,
	};
}

static json_t *track_json(const struct track *track)
{
	return json_pack("{s:I, s:I, s:I}", "frames", (json_int_t)track->frames,
			 "bytes", (json_int_t)track->bytes, "adler32",
			 (json_int_t)track_adler32(track));
}

static json_t *row(const struct book_entry *e)
{
	char format[AUDIO_FORMAT_SIZE] = "";

	if (e->format)
		audio_format_name(e->format, format);
	return json_pack(
		"{s:s, s:s, s:s?, s:s, s:s, s:i, s:i, s:i, s:f, s:o, s:o*, "
		"s:I, s:I, s:I, s:I, s:I}",
		"call", e->ids.call, "stream", e->ids.stream, "dialect",
		e->dialect ? e->dialect->name : NULL, "format", format,
		"outcome", outcome_name(e->outcome), "status", e->status,
		"close_code", (int)e->close_code, "channels", (int)e->channels,
		"seconds", (double)e->length_ns / 1e9, "heard",
		track_json(&e->in), "heard_outbound",
		e->out.frames ? track_json(&e->out) : NULL, "lost",
		(json_int_t)e->lost, "reordered", (json_int_t)e->reordered,
		"garbage", (json_int_t)e->garbage, "digits",
		(json_int_t)e->digits, "frames_said",
		(json_int_t)e->frames_said);
}

void book_to_json(const struct book *book, json_t *array)
{
	for (size_t i = 0; i < book->count; i++)
		(void)json_array_append_new(array, row(&book->entries[i]));
}

void book_free(struct book *book)
{
	free(book->entries);
	*book = (struct book){ 0 };
}
