/*
 * json_text.h - JSON text read whole or not at all
 *
 * When jansson's parser gets no memory it may take bad text for the reason, or
 * cut a string short and say nothing. What is read here is what stood there.
 *
 * Thread: any.
 */
#ifndef PERSISTENCE_JSON_TEXT_H
#define PERSISTENCE_JSON_TEXT_H

#include <stddef.h>
#include <jansson.h>

/* As json_loadb(). NULL with errno: ENOMEM, or EINVAL for what is no JSON. */
json_t *json_text_parse(const char *text, size_t length, size_t flags);

#endif
