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

/* Secrets that came from a file are told by the file's name. */
static void print_secrets(FILE *out, const struct auth_store *store,
			  const char *name, const struct auth_words *secrets,
			  uint32_t file)
{
	if (file) {
		(void)fprintf(out, "          %s_file: ", name);
		print_quoted(out, store->texts + file);
		(void)fputc('\n', out);
	} else if (secrets->count > 0) {
		(void)fprintf(out, "          %s: [", name);
		for (uint32_t i = 0; i < secrets->count; i++)
			(void)fprintf(out, "%s\"%s\"", i ? ", " : "",
				      SECRET_SHOWN);
		(void)fprintf(out, "]\n");
	}
}

static void print_field(FILE *out, const char *name, const char *text)
{
	(void)fprintf(out, "          %s: ", name);
	print_quoted(out, text);
	(void)fputc('\n', out);
}

static void print_words(FILE *out, const struct auth_store *store,
			const struct auth_words *words)
{
	(void)fprintf(out, " [");
	for (uint32_t i = 0; i < words->count; i++) {
		(void)fprintf(out, "%s", i ? ", " : "");
		print_quoted(out, store->texts + words->at[i]);
	}
	(void)fprintf(out, "]\n");
}

static void print_networks(FILE *out, const struct auth_store *store,
			   const struct auth_rules *rules)
{
	char text[ADDRESS_TEXT_SIZE + 8];

	(void)fprintf(out, " [");
	for (uint32_t i = 0; i < rules->network_count; i++) {
		network_format(&store->networks[rules->network_first + i], text,
			       sizeof(text));
		(void)fprintf(out, "%s\"%s\"", i ? ", " : "", text);
	}
	(void)fprintf(out, "]\n");
}

/* What is special to one check; the secrets are alike in all. */
static void print_check(FILE *out, const struct auth_store *store,
			const struct auth_rules *rules, enum auth_kind kind)
{
	switch (kind) {
	case AUTH_BASIC:
		print_field(out, "user", store->texts + rules->user);
		break;
	case AUTH_TWILIO:
		print_field(out, "missing",
			    rules->signature_optional ? "if_present"
						      : "require");
		break;
	case AUTH_VONAGE:
		print_field(out, "type",
			    rules->authorization_as_is ? "custom" : "jwt");
		break;
	case AUTH_GENESYS:
		print_secrets(out, store, "api_key", &rules->api_keys,
			      rules->api_key_file);
		break;
	case AUTH_META:
		print_secrets(out, store, "verify_token", &rules->verify_tokens,
			      rules->verify_token_file);
		break;
	case AUTH_TOKEN:
		print_field(out, "in",
			    setting_place_words[rules->token_place -
						AUTH_IN_QUERY]);
		print_field(out, "name", store->texts + rules->token_name);
		break;
	case AUTH_ONE_TIME:
		print_field(out, "in",
			    setting_place_words[rules->one_time_place -
						AUTH_IN_QUERY]);
		print_field(out, "name", store->texts + rules->one_time_name);
		break;
	default: break;
	}
}

static void print_auth(FILE *out, const struct auth_store *store,
		       const struct route *route)
{
	const struct auth_rules *rules = &route->auth;

	if (route->open_on_purpose)
		(void)fprintf(out, "      auth: none\n");
	if (!rules->kinds)
		return;
	(void)fprintf(out, "      auth:\n");
	for (unsigned kind = 0; kind < AUTH_KINDS; kind++) {
		const struct auth_words *words = &rules->words[kind];

		if (!(rules->kinds & 1u << kind))
			continue;
		(void)fprintf(out, "        %s:", auth_kind_words[kind]);
		if (kind == AUTH_NETWORKS) {
			print_networks(out, store, rules);
		} else if (kind == AUTH_CERTIFICATE && words->count == 0) {
			(void)fprintf(out, " true\n");
		} else if (kind == AUTH_ORIGINS || kind == AUTH_CERTIFICATE) {
			print_words(out, store, words);
		} else if (kind == AUTH_TELNYX_SIGNATURE) {
			(void)fprintf(out, "\n          public_key:");
			print_words(out, store, words);
		} else {
			(void)fputc('\n', out);
			print_secrets(out, store, "secret", words,
				      rules->file[kind]);
			print_check(out, store, rules, (enum auth_kind)kind);
		}
	}
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
			      "      record: %s\n      single_stream: %s\n"
			      "      dtmf: %s\n      byte_order: %s\n",
			      r->provider, setting_handler_words[r->handler],
			      r->record ? "true" : "false",
			      r->single_stream ? "true" : "false",
			      setting_dtmf_words[r->dtmf],
			      setting_order_words[r->byte_order]);
		if (r->sample_rate_hz)
			(void)fprintf(out, "      sample_rate: %u\n",
				      r->sample_rate_hz);
		if (r->send_codec[0])
			(void)fprintf(out, "      send_format: %s/%u\n",
				      r->send_codec, r->send_rate_hz);
		print_auth(out, &settings->who, r);
	}
}

/* What becomes of a call. */
static void print_call_words(FILE *out, const struct webhook *w)
{
	(void)fprintf(out, "      route: ");
	print_quoted(out, w->route);
	(void)fprintf(out,
		      "\n      mode: %s\n      track: %s\n"
		      "      status_callback: %s\n",
		      setting_mode_words[w->mode],
		      setting_track_words[w->track],
		      w->status_callback ? "true" : "false");
}

static void print_webhooks(FILE *out, const struct settings *settings)
{
	if (settings->webhooks.answer_count > 0)
		(void)fprintf(out, "  answers:\n");
	for (size_t i = 0; i < settings->webhooks.answer_count; i++) {
		const struct webhook *w = &settings->webhooks.answers[i];

		(void)fprintf(out, "    - name: ");
		print_quoted(out, w->name);
		(void)fprintf(out, "\n      provider: %s\n", w->door.provider);
		if (w->route[0])
			print_call_words(out, w);
		print_auth(out, &settings->who, &w->door);
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
		if (strncmp(before, "webhooks.", 9) == 0 &&
		    strncmp(settings_table[i].key, "webhooks.", 9) != 0)
			print_webhooks(out, settings);
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
	(void)fputs("  media.routes and webhooks.answers, lists, can only be "
		    "set in a file\n",
		    out);
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
	memcpy(settings->webhooks.answers, from->webhooks.answers,
	       sizeof(from->webhooks.answers));
	settings->webhooks.answer_count = from->webhooks.answer_count;
	settings->whatsapp.door = from->whatsapp.door;
	settings->who = from->who;
}
