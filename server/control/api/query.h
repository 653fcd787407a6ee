/*
 * query.h - what a list is asked for: filters, a cursor, a limit
 *
 * Every list of the API reads its query with a table of what it knows, so that
 * a name nobody knows, a time that is none, or a limit out of range is refused
 * in the same words everywhere.
 *
 * Thread: any.
 */
#ifndef SERVER_CONTROL_API_QUERY_H
#define SERVER_CONTROL_API_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

#include "server/control/http/http.h"

#define QUERY_TEXT_MAX	    160 /* and its NUL; a user's id has 135 */
#define QUERY_LIMIT_DEFAULT 50u
#define QUERY_LIMIT_MAX	    500u

enum query_type {
	QUERY_TEXT,  /* whatever is valid UTF-8 and fits */
	QUERY_WORD,  /* one of `words` */
	QUERY_TIME,  /* RFC 3339; kept in the form of clock_format_iso() */
	QUERY_ID,    /* a UUID */
	QUERY_COUNT, /* 1 to QUERY_LIMIT_MAX */
};

struct query_parameter {
	const char *name;
	enum query_type type;
	const char *const *words; /* of a QUERY_WORD; ends with NULL */
};

struct query_value {
	bool given;
	char text[QUERY_TEXT_MAX]; /* "": it was not given */
};

/* Reads the request's query: values[i] is what parameters[i] was given. False:
 * it was answered with a 400 that names what is wrong. */
bool query_read(const struct http_request *request,
		const struct query_parameter *parameters, size_t count,
		struct query_value *values, struct http_response *response);

/* One row more than `limit` was asked for, to know whether there is another
 * page. Takes it off again; the cursor of that page is then `key` of the last
 * row that stays, or null. */
json_t *query_end_page(json_t *rows, unsigned limit, const char *key);
/* The page as an answer: {NAME: rows, "next_cursor": ...}. Takes `rows`. */
void query_reply_page(struct http_response *response, const char *name,
		      json_t *rows, unsigned limit, const char *key);

/* NULL for what was not given, as filters have it. */
const char *query_text(const struct query_value *value);
/* Of a QUERY_COUNT; the default where none was given. */
unsigned query_limit(const struct query_value *value);

#endif
