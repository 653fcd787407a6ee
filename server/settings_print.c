/*
 * settings_print.c - settings as YAML and as help, and what a reload changes
 * (see settings.h)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/log.h"
#include "server/setting.h"

static void print_quoted(FILE *out, const char *text)
{
	(void)fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			(void)fputc('\\', out);
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			(void)fprintf(out, "\\x%02x", (unsigned char)*text);
		else
			(void)fputc(*text, out);
	}
	(void)fputc('"', out);
}

static void print_routes(FILE *out, const struct settings *settings)
{
	(void)fprintf(out, "  routes:\n");
	for (size_t i = 0; i < settings->media.route_count; i++) {
		const struct route *r = &settings->media.routes[i];

		(void)fprintf(out, "    - path: ");
		print_quoted(out, r->path);
		(void)fprintf(out,
			      "\n      provider: %s\n      handler: %s\n"
			      "      record: %s\n",
			      r->provider, setting_handler_words[r->handler],
			      r->record ? "true" : "false");
	}
}

/* The names before the last dot that `key` does not share with `before` open
 * new mappings. The table keeps the keys of a mapping together. */
static void print_key(FILE *out, const char *key, const char *before)
{
	size_t shared = 0;
	int depth = 0;

	for (size_t i = 0; key[i] && key[i] == before[i]; i++)
		if (key[i] == '.') {
			shared = i + 1;
			depth++;
		}
	for (const char *name = key + shared;; depth++) {
		size_t length = strcspn(name, ".");

		(void)fprintf(out, "%*s%.*s:", depth * 2, "", (int)length,
			      name);
		if (name[length] == '\0')
			break;
		(void)fputc('\n', out);
		name += length + 1;
	}
	(void)fputc(' ', out);
}

static void print_value(FILE *out, const struct setting *s,
			const struct settings *settings)
{
	char text[1100];

	setting_format(s, settings, text, sizeof(text));
	if (setting_is_text(s->kind))
		print_quoted(out, text);
	else
		(void)fputs(text, out);
	(void)fputc('\n', out);
}

void settings_print(const struct settings *settings, FILE *out)
{
	const char *before = "";

	for (size_t i = 0; i < settings_table_size; i++) {
		if (strncmp(before, "media.", 6) == 0 &&
		    strncmp(settings_table[i].key, "media.", 6) != 0)
			print_routes(out, settings);
		print_key(out, settings_table[i].key, before);
		print_value(out, &settings_table[i], settings);
		before = settings_table[i].key;
	}
}

int settings_print_one(const struct settings *settings, const char *key,
		       FILE *out)
{
	const struct setting *s = setting_find(key);
	char text[1100];

	if (!s)
		return -ENOENT;
	setting_format(s, settings, text, sizeof(text));
	(void)fprintf(out, "%s\n", text);
	return 0;
}

void settings_print_help(FILE *out)
{
	for (size_t i = 0; i < settings_table_size; i++) {
		const struct setting *s = &settings_table[i];
		char flag[80];

		(void)snprintf(flag, sizeof(flag), "--%s %s", s->key,
			       setting_kind_word(s->kind));
		(void)fprintf(out, "  %-40s %s", flag, s->help);
		if (*s->standard)
			(void)fprintf(out, " (%s)", s->standard);
		(void)fputc('\n', out);
	}
	(void)fputs("  media.routes, a list, can only be set in a file\n", out);
}

/* ---- reloading -------------------------------------------------------------
 */

int settings_log_unchangeable(const struct settings *old,
			      const struct settings *new_)
{
	int count = 0;

	for (size_t i = 0; i < settings_table_size; i++) {
		const struct setting *s = &settings_table[i];

		const char *a = (const char *)old + s->offset;
		const char *b = (const char *)new_ + s->offset;

		if (s->reloadable ||
		    (setting_is_text(s->kind) ? strcmp(a, b) == 0
					      : memcmp(a, b, s->room) == 0))
			continue;
		log_warn("RELOAD",
			 "key=%s effect=\"changes with the next start\"",
			 s->key);
		count++;
	}
	return count;
}

void settings_take_reloadable(struct settings *settings,
			      const struct settings *from)
{
	for (size_t i = 0; i < settings_table_size; i++)
		if (settings_table[i].reloadable)
			memcpy((char *)settings + settings_table[i].offset,
			       (const char *)from + settings_table[i].offset,
			       settings_table[i].room);
	memcpy(settings->media.routes, from->media.routes,
	       sizeof(from->media.routes));
	settings->media.route_count = from->media.route_count;
}
