/*
 * message_rows.h - what a webhook told of messages, as records
 *
 *   message   a row of `messages`: somebody wrote to us
 *   status    a row of `message_statuses`: what became of what we wrote
 *   notice    a row of `message_notices`: anything else, as it came
 *
 * Nothing is left out. What is too long for a record, nested too deeply for a
 * database, or not even JSON is kept as text, in pieces: notices whose data say
 * {"of": ID, "part": 1, "parts": 9, "text": "..."}, or "base64" for what is no
 * text. ID is the row that they belong to, or common to them alone.
 *
 * Ids follow from what was said, so that what a provider repeats, in whatever
 * order and company, is one row.
 *
 * Thread: one at a time.
 */
#ifndef SERVER_CONTROL_WEBHOOKS_MESSAGE_ROWS_H
#define SERVER_CONTROL_WEBHOOKS_MESSAGE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

struct record;

#define MESSAGE_TEXT_SIZE   256 /* of an id, a number, a word; longer is none */
#define MESSAGE_BODY_MAX    16384 /* bytes; `data` has all of a longer one */
#define MESSAGE_RECORDS_MAX 16384 /* that one webhook may become */

/* The records of one webhook. */
struct message_rows {
	const char *provider; /* "meta"; a literal */
	int64_t now_us;
	int64_t idle_ms; /* sessions.idle_timeout */
	struct record *first, *last;
	size_t count;
	size_t messages, statuses, notices; /* of them */
	size_t unknown;			    /* messages of unknown type */
	bool no_memory;			    /* one of them is missing */
};

/* Texts may be "", but for `id`, `kind`, `status` and the peer of a message. */
struct message_row {
	const char *channel, *account, *id;
	const char *peer, *phone, *user;
	const char *kind;
	const char *body; /* or NULL */
	int64_t at_us;
};
struct message_status_row {
	const char *channel, *account, *id, *peer, *status;
	const char *timestamp; /* as it was said: part of the id */
	int64_t at_us;
};

/* All take `data`; NULL means that there was no memory for it. */
void message_rows_add(struct message_rows *rows, const struct message_row *row,
		      json_t *data);
void message_rows_add_status(struct message_rows *rows,
			     const struct message_status_row *row,
			     json_t *data);
void message_rows_add_notice(struct message_rows *rows, const char *account,
			     const char *kind, json_t *data);
/* Bytes of any kind. */
void message_rows_add_bytes(struct message_rows *rows, const char *account,
			    const char *kind, const char *bytes, size_t length);

/* Frees what is in it, and begins anew. */
void message_rows_clear(struct message_rows *rows);

#endif
