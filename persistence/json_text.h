/*
 * json_text.h - JSON text read and written whole or not at all
 *
 * When jansson gets no memory, its parser may take bad text for the reason or
 * cut a string short and say nothing, and its printer may leave out a key. What
 * is read here is what stood there, and what is printed is all of it.
 *
 * Thread: any.
 */
#ifndef PERSISTENCE_JSON_TEXT_H
#define PERSISTENCE_JSON_TEXT_H

#include <stddef.h>
#include <jansson.h>

/* As json_loadb(). NULL with errno: ENOMEM, or EINVAL for what is no JSON. */
json_t *json_text_parse(const char *text, size_t length, size_t flags);
/* As json_dumps(), malloc'd. NULL: no memory. */
char *json_text_print(const json_t *json, size_t flags);

#endif
