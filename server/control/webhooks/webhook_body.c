/* webhook_body.c - what a webhook says (see webhook_body.h) */
#include "server/control/webhooks/webhook_body.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/json_text.h"
#include "server/control/http/http.h"
#include "server/control/webhooks/json_path.h"
#include "server/handshake.h"

#define NAME_MAX_BYTES 128

struct field {
	const char *name, *value;
};

struct form {
	char *text; /* the body, decoded in place */
	struct field fields[WEBHOOK_FIELDS_MAX];
	size_t count;
};

/* ---- a form ----------------------------------------------------------------
 */

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *digit = c ? strchr(digits, c) : NULL;

	return digit ? (int)((digit - digits) % 16) : -1;
}

/* In place, to the end of the text or of the piece. False: a broken escape, or
 * a NUL, behind which the rest would hide. */
static bool decode(char *text)
{
	char *out = text;

	for (; *text; text++) {
		int high, low;

		if (*text != '%') {
			*out++ = *text == '+' ? ' ' : *text;
			continue;
		}
		high = hex_digit(text[1]);
		low = high < 0 ? -1 : hex_digit(text[2]);
		if (low < 0 || high + low == 0)
			return false;
		*out++ = (char)(high * 16 + low);
		text += 2;
	}
	*out = '\0';
	return true;
}

static int split_form(struct form *form)
{
	char *rest = form->text, *piece;

	while ((piece = strsep(&rest, "&"))) {
		char *value = strchr(piece, '=');

		if (!*piece)
			continue;
		if (form->count == WEBHOOK_FIELDS_MAX)
			return -E2BIG;
		if (value)
			*value++ = '\0';
		if (!decode(piece) || (value && !decode(value)))
			return -EINVAL;
		form->fields[form->count++] =
			(struct field){ piece, value ? value : "" };
	}
	return 0;
}

static int compare_fields(const void *left, const void *right)
{
	const struct field *a = left, *b = right;
	int order = strcmp(a->name, b->name);

	return order ? order : strcmp(a->value, b->value);
}

/* A field that is there twice with one value is signed once. */
static char *write_tail(struct form *form)
{
	const struct field *fields = form->fields;
	char *tail = NULL;
	size_t size;
	FILE *out = open_memstream(&tail, &size);

	if (!out)
		return NULL;
	qsort(form->fields, form->count, sizeof(form->fields[0]),
	      compare_fields);
	for (size_t i = 0; i < form->count; i++)
		if (i == 0 || compare_fields(&fields[i], &fields[i - 1]) != 0)
			(void)fprintf(out, "%s%s", fields[i].name,
				      fields[i].value);
	if (fclose(out) == 0)
		return tail;
	free(tail);
	return NULL;
}

/* The first of several of one name counts. */
static int add_value(json_t *values, const char *name, const char *value)
{
	json_t *text;

	if (json_object_get(values, name))
		return 0;
	text = json_string(value);
	if (!text)
		return -EINVAL; /* not UTF-8 */
	return json_object_set_new(values, name, text) < 0 ? -EINVAL : 0;
}

static int read_form(struct webhook_body *body,
		     const struct http_request *request)
{
	struct form form = { .text = strdup(request->body) };
	int r = form.text ? 0 : -ENOMEM;

	body->values = json_object();
	if (!body->values)
		r = -ENOMEM;
	if (r == 0 && strlen(form.text) != request->body_length)
		r = -EINVAL;
	if (r == 0)
		r = split_form(&form);
	for (size_t i = 0; r == 0 && i < form.count; i++)
		r = add_value(body->values, form.fields[i].name,
			      form.fields[i].value);
	if (r == 0) {
		body->signed_tail = write_tail(&form);
		if (!body->signed_tail)
			r = -ENOMEM;
	}
	free(form.text);
	return r;
}

/* ---- the others ------------------------------------------------------------
 */

static int read_json(struct webhook_body *body,
		     const struct http_request *request)
{
	body->values = json_text_parse(request->body, request->body_length,
				       JSON_REJECT_DUPLICATES);
	return json_is_object(body->values) ? 0 : -EINVAL;
}

/* libwebsockets has decoded it. */
static int read_query(struct webhook_body *body,
		      const struct auth_request *caller)
{
	body->values = json_object();
	if (!body->values)
		return -ENOMEM;
	for (size_t i = 0; i < caller->query_count; i++) {
		const char *field = caller->query[i];
		char name[NAME_MAX_BYTES];
		size_t length = strcspn(field, "=");
		int r;

		if (length >= sizeof(name))
			return -EINVAL;
		memcpy(name, field, length);
		name[length] = '\0';
		r = add_value(body->values, name,
			      field[length] ? field + length + 1 : "");
		if (r < 0)
			return r;
	}
	return 0;
}

int webhook_body_read(struct webhook_body *body,
		      const struct http_request *request)
{
	size_t blank = strspn(request->body, " \t\r\n");

	*body = (struct webhook_body){ .values = NULL };
	if (request->body_length == 0)
		return read_query(body, &request->caller->request);
	if (request->body[blank] == '{')
		return read_json(body, request);
	return read_form(body, request);
}

void webhook_body_finish(struct webhook_body *body)
{
	json_decref(body->values);
	free(body->signed_tail);
	*body = (struct webhook_body){ .values = NULL };
}

/* ---- looking ---------------------------------------------------------------
 */

bool webhook_body_get(const struct webhook_body *body, const char *names,
		      char *out, size_t size)
{
	return json_path_text(body->values, names, out, size);
}
