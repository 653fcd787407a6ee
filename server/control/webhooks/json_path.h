/*
 * json_path.h - a value deep in JSON that a stranger wrote
 *
 * A path is names with dots, "data.payload.id". Whatever is not an object on
 * the way there has nothing below it.
 *
 * Thread: any.
 */
#ifndef SERVER_CONTROL_WEBHOOKS_JSON_PATH_H
#define SERVER_CONTROL_WEBHOOKS_JSON_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

/* NULL: there is none. */
const json_t *json_path(const json_t *at, const char *path);

/* The first of those paths ("a b.c d") that has a text or a number, as text. A
 * longer value counts as none. False, and "" in out: there is none. */
bool json_path_text(const json_t *at, const char *paths, char *out,
		    size_t size);

#endif
