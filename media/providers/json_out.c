/* json_out.c - our messages to a provider, as JSON text (see json_out.h) */
#include "media/providers/json_out.h"

#include <stdio.h>
#include <string.h>

#include "media/base64.h"

struct json_out json_out_begin(char *at, size_t room)
{
	return (struct json_out){ .at = at, .room = room, .full = room == 0 };
}

static void add(struct json_out *out, const char *text, size_t length)
{
	if (out->full || length >= out->room - out->length) {
		out->full = true;
		return;
	}
	memcpy(out->at + out->length, text, length);
	out->length += length;
	out->at[out->length] = '\0';
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\';
}

/* Ids, as nearly all that is written so, are plain from end to end. */
static void add_escaped(struct json_out *out, const char *text)
{
	for (;;) {
		const char *from = text;
		char escaped[8];

		while (is_plain((unsigned char)*text))
			text++;
		add(out, from, (size_t)(text - from));
		if (!*text)
			return;
		(void)snprintf(escaped, sizeof(escaped),
			       *text == '"' || *text == '\\' ? "\\%c"
							     : "\\u%04x",
			       *text);
		add(out, escaped, strlen(escaped));
		text++;
	}
}

void json_out_form(struct json_out *out, const char *form,
		   const char *const *texts)
{
	for (;;) {
		size_t length = strcspn(form, "$");

		add(out, form, length);
		form += length;
		if (!*form)
			return;
		add_escaped(out, *texts++);
		form++;
	}
}

void json_out_base64(struct json_out *out, const uint8_t *bytes, size_t count)
{
	if (out->full || BASE64_ENCODED(count) >= out->room - out->length) {
		out->full = true;
		return;
	}
	out->length += base64_encode(bytes, count, out->at + out->length);
	out->at[out->length] = '\0';
}

size_t json_out_end(const struct json_out *out)
{
	return out->full ? 0 : out->length;
}

size_t json_out_message(char *at, size_t room, const char *form,
			const char *const *texts)
{
	struct json_out out = json_out_begin(at, room);

	json_out_form(&out, form, texts);
	return json_out_end(&out);
}
