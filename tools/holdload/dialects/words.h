/*
 * words.h - writing and reading the dialects' messages
 *
 * Media goes out fifty times a second and call, so there is no printf here, and
 * what comes in is searched for its few keys without being taken apart.
 *
 * Thread: any; no state.
 */
#ifndef HOLDLOAD_DIALECTS_WORDS_H
#define HOLDLOAD_DIALECTS_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/holdload/dialect.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- writing ---------------------------------------------------------------
 */

/* What takes the place of a '$'. */
struct word {
	const char *text; /* NULL: the number */
	size_t length;
	uint64_t number;
};
#define TEXT(s)                                  \
	{                                        \
		.text = (s), .length = strlen(s) \
	}
#define SPAN(s, bytes)                         \
	{                                      \
		.text = (s), .length = (bytes) \
	}
#define NUMBER(n)             \
	{                     \
		.number = (n) \
	}

/* A message as far as it is written. */
struct words_out {
	char *at;
	size_t room;
	bool full; /* it was too long */
};
void words_add(struct words_out *out, const char *text, size_t length);
void words_add_number(struct words_out *out, uint64_t n);

/* The form with each '$' replaced by the next word, as it is. The length, or 0
 * when there is no room. */
size_t words_put(char *out, size_t room, const char *form,
		 const struct word *words);
#define SAY(out, room, form, ...) \
	words_put(out, room, form, (const struct word[]){ __VA_ARGS__ })

/* A text as it stands between quotes in JSON. NULL: no memory. */
char *words_escape(const char *text);
/* The --custom values as a JSON object, or as its members alone, each with a
 * comma before it; to be freed. NULL: no memory. */
char *words_custom(const struct talk *talk);
char *words_custom_members(const struct talk *talk);

/* "2026-01-01T10:00:00.625Z" */
#define WORDS_TIME_SIZE 40
void words_time(char out[WORDS_TIME_SIZE], uint64_t wall_ms);

/* ---- ids -------------------------------------------------------------------
 */

void ids_of_uuids(struct dialect_ids *ids, const uint64_t random[6]);
void ids_put_uuid(char out[40], const uint64_t random[2]);

/* ---- reading ---------------------------------------------------------------
 */

/* The string that the key has, wherever it stands; GARBAGE if nowhere. `key`
 * comes with its quotes. */
struct heard words_string(const char *message, size_t length, const char *key,
			  enum heard_kind kind);
/* The number that the key has; false: none. */
bool words_number(const char *message, size_t length, const char *key,
		  uint64_t *number);
/* The object that the key has, as it stands there. */
struct heard words_object(const char *message, size_t length, const char *key,
			  enum heard_kind kind);
bool words_is(const struct heard *heard, const char *word);
struct heard words_garbage(void);

/* What the server may say: the value of `by` names the message. */
struct server_word {
	const char *name;
	const char *key; /* of the string that matters; NULL: there is none */
	enum heard_kind kind;
};
struct heard words_hear(const char *message, size_t length, const char *by,
			const struct server_word *words, size_t count);
/* Whether the key has that string. */
bool words_says(const char *message, size_t length, const char *key,
		const char *value);

#endif
