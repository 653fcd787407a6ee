/*
 * json_out.h - our messages to a provider, as JSON text
 *
 *   struct json_out out = json_out_begin(buffer, room);
 *
 *   json_out_form(&out, "{\"event\":\"mark\",\"name\":\"$\"}", &name);
 *   return json_out_end(&out);
 *
 * Nothing is allocated; what does not fit makes the whole message nothing.
 *
 * Thread: any.
 */
#ifndef MEDIA_PROVIDERS_JSON_OUT_H
#define MEDIA_PROVIDERS_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_out {
	char *at; /* borrowed */
	size_t room, length;
	bool full; /* something did not fit */
};

struct json_out json_out_begin(char *at, size_t room);
/* The form, in which each $ stands for the next of the texts: the inside of a
 * JSON string, escaped, for ids and names come from outside. */
void json_out_form(struct json_out *out, const char *form,
		   const char *const *texts);
void json_out_base64(struct json_out *out, const uint8_t *bytes, size_t count);
/* The length, NUL not counted; 0: it did not fit. */
size_t json_out_end(const struct json_out *out);

/* A message that is a form and nothing else; the length, or 0. */
size_t json_out_message(char *at, size_t room, const char *form,
			const char *const *texts);
#define TEXTS(...) ((const char *const[]){ __VA_ARGS__ })

#endif
