/*
 * settings_auth.c - who may call, as a file says it (see setting.h)
 *
 *   auth:
 *     networks: [192.0.2.0/24]            a check, and what it compares with
 *     twilio: {secret: [NEW, OLD]}        or a check with fields of its own
 *
 * A field is a row of a table: which check, what it is called, what its text
 * becomes. Secrets come from the file or from a file of their own, which is
 * read again whenever the settings are. No complaint repeats one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/settings_load.h"

#define KEY_PART	   32
#define LIST_WITHOUT	   (-1)
#define PUBLIC_KEY_LETTERS 43 /* before the one "=" */

/* Here, because settings stand below those who judge. */
const char *const auth_kind_words[AUTH_KINDS] = {
	[AUTH_NETWORKS] = "networks",
	[AUTH_ORIGINS] = "origins",
	[AUTH_CERTIFICATE] = "client_certificate",
	[AUTH_BEARER] = "bearer",
	[AUTH_BASIC] = "basic",
	[AUTH_TOKEN] = "token",
	[AUTH_TELNYX] = "telnyx",
	[AUTH_TWILIO] = "twilio",
	[AUTH_PLIVO] = "plivo",
	[AUTH_VONAGE] = "vonage",
	[AUTH_GENESYS] = "genesys",
	[AUTH_TELNYX_SIGNATURE] = "telnyx_signature",
	[AUTH_JAMBONZ_SIGNATURE] = "jambonz_signature",
	[AUTH_META] = "meta",
	[AUTH_ONE_TIME] = "one_time",
};

/* ---- the fields of a check -------------------------------------------------
 */

struct taking {
	const struct loading *load;
	const struct origin *origin;
	struct route *route;
	enum auth_kind kind;
	int index; /* in a list; LIST_WITHOUT: a single value */
	const char *text;
};

static int twice(const struct taking *t)
{
	return settings_wrong(t->load, t->origin, "stands there twice");
}

/* A value, or a list of them, each at its place. */
static int take_word(const struct taking *t, struct auth_words *words,
		     uint32_t most)
{
	if ((uint32_t)(t->index < 0 ? 0 : t->index) != words->count)
		return twice(t);
	return settings_keep_word(t->load, t->origin, words, most, t->text);
}

static int take_secret(const struct taking *t)
{
	struct auth_rules *rules = &t->route->auth;
	struct auth_words *words = &rules->words[t->kind];

	/* Those of a file come behind; they are no list of ours. */
	if (rules->file[t->kind])
		return settings_wrong(t->load, t->origin,
				      "stands beside a secret_file; one of "
				      "them will do");
	return take_word(t, words, AUTH_SECRETS_MAX);
}

static int take_file(const struct taking *t, uint32_t *file,
		     struct auth_words *words)
{
	if (*file)
		return twice(t);
	if (words->count > 0)
		return settings_wrong(t->load, t->origin,
				      "stands beside a secret; one of them "
				      "will do");
	if (!*t->text)
		return settings_wrong(t->load, t->origin, "needs a path");
	if (settings_keep_text(&t->load->settings->who, t->text, file) < 0)
		return settings_wrong(t->load, t->origin, "is too long");
	return settings_read_secrets(t->load, t->origin, t->text, words);
}

static int take_secret_file(const struct taking *t)
{
	struct auth_rules *rules = &t->route->auth;

	return take_file(t, &rules->file[t->kind], &rules->words[t->kind]);
}

static int take_api_key(const struct taking *t)
{
	return take_word(t, &t->route->auth.api_keys, AUTH_SECRETS_MAX);
}

static int take_api_key_file(const struct taking *t)
{
	struct auth_rules *rules = &t->route->auth;

	return take_file(t, &rules->api_key_file, &rules->api_keys);
}

static int take_verify_token(const struct taking *t)
{
	return take_word(t, &t->route->auth.verify_tokens, AUTH_SECRETS_MAX);
}

static int take_verify_token_file(const struct taking *t)
{
	struct auth_rules *rules = &t->route->auth;

	return take_file(t, &rules->verify_token_file, &rules->verify_tokens);
}

/* 32 bytes in base64. */
static int take_public_key(const struct taking *t)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t length = strspn(t->text, letters);

	if (length != PUBLIC_KEY_LETTERS || strcmp(t->text + length, "=") != 0)
		return settings_wrong(t->load, t->origin,
				      "is not an Ed25519 key in base64");
	return take_word(t, &t->route->auth.words[t->kind], AUTH_SECRETS_MAX);
}

static int take_name(const struct taking *t, uint32_t *at)
{
	if (*at)
		return twice(t);
	if (!*t->text)
		return settings_wrong(t->load, t->origin, "needs a value");
	if (settings_keep_text(&t->load->settings->who, t->text, at) < 0)
		return settings_wrong(t->load, t->origin, "is too long");
	return 0;
}

static int take_user(const struct taking *t)
{
	return take_name(t, &t->route->auth.user);
}

static int take_token_name(const struct taking *t)
{
	struct auth_rules *rules = &t->route->auth;

	return take_name(t, t->kind == AUTH_TOKEN ? &rules->token_name
						  : &rules->one_time_name);
}

static int take_choice(const struct taking *t, const char *const *words,
		       size_t count, int *choice)
{
	*choice = setting_word_index(t->text, words, count);
	if (*choice >= 0)
		return 0;
	return settings_wrong(t->load, t->origin,
			      "\"%s\" is none; write %s, or %s%s%s", t->text,
			      words[0], words[1], count > 2 ? ", or " : "",
			      count > 2 ? words[2] : "");
}

static int take_missing(const struct taking *t)
{
	static const char *const words[] = { "require", "if_present" };
	int choice;

	if (take_choice(t, words, 2, &choice) != 0)
		return 2;
	t->route->auth.signature_optional = choice == 1;
	return 0;
}

static int take_type(const struct taking *t)
{
	static const char *const words[] = { "jwt", "custom" };
	int choice;

	if (take_choice(t, words, 2, &choice) != 0)
		return 2;
	t->route->auth.authorization_as_is = choice == 1;
	return 0;
}

const char *const setting_place_words[3] = { "query", "path", "parameter" };

static int take_place(const struct taking *t)
{
	struct auth_rules *rules = &t->route->auth;
	bool one_time = t->kind == AUTH_ONE_TIME;
	int place;

	if (take_choice(t, setting_place_words, one_time ? 3 : 2, &place) != 0)
		return 2;
	*(one_time ? &rules->one_time_place : &rules->token_place) =
		(enum auth_place)(place + AUTH_IN_QUERY);
	return 0;
}

static int take_network(const struct taking *t)
{
	struct auth_rules *rules = &t->route->auth;
	struct auth_store *store = &t->load->settings->who;
	struct network *network;
	int r;

	if ((uint32_t)(t->index < 0 ? 0 : t->index) != rules->network_count)
		return twice(t);
	if (store->network_count == NETWORKS_MAX)
		return settings_wrong(t->load, t->origin,
				      "more networks than there is room for");
	network = &store->networks[store->network_count];
	r = network_parse(t->text, network);
	if (r == -ERANGE)
		return settings_wrong(t->load, t->origin,
				      "%s has bits set beyond its prefix",
				      t->text);
	if (r < 0)
		return settings_wrong(t->load, t->origin,
				      "\"%s\" is not a network; write it like "
				      "192.0.2.0/24 or 2001:db8::/32",
				      t->text);
	if (rules->network_count == 0)
		rules->network_first = store->network_count;
	rules->network_count++;
	store->network_count++;
	return 0;
}

static int take_origin(const struct taking *t)
{
	return take_word(t, &t->route->auth.words[AUTH_ORIGINS],
			 AUTH_WORDS_MAX);
}

/* "true": any certificate that TLS accepts; else the names that may call. */
static int take_certificate(const struct taking *t)
{
	struct auth_words *names = &t->route->auth.words[AUTH_CERTIFICATE];

	if (t->index < 0 && strcmp(t->text, "true") == 0)
		return 0;
	if (t->index < 0 && strcmp(t->text, "false") == 0)
		return settings_wrong(t->load, t->origin,
				      "leave it out rather than write false");
	return take_word(t, names, AUTH_WORDS_MAX);
}

static const struct field {
	enum auth_kind kind;
	const char *name; /* "": the check itself has the value */
	bool list;
	int (*take)(const struct taking *t);
} fields[] = {
	{ AUTH_NETWORKS, "", true, take_network },
	{ AUTH_ORIGINS, "", true, take_origin },
	{ AUTH_CERTIFICATE, "", true, take_certificate },
	{ AUTH_BEARER, "secret", true, take_secret },
	{ AUTH_BEARER, "secret_file", false, take_secret_file },
	{ AUTH_BASIC, "user", false, take_user },
	{ AUTH_BASIC, "secret", true, take_secret },
	{ AUTH_BASIC, "secret_file", false, take_secret_file },
	{ AUTH_TOKEN, "secret", true, take_secret },
	{ AUTH_TOKEN, "secret_file", false, take_secret_file },
	{ AUTH_TOKEN, "in", false, take_place },
	{ AUTH_TOKEN, "name", false, take_token_name },
	{ AUTH_TELNYX, "secret", true, take_secret },
	{ AUTH_TELNYX, "secret_file", false, take_secret_file },
	{ AUTH_TWILIO, "secret", true, take_secret },
	{ AUTH_TWILIO, "secret_file", false, take_secret_file },
	{ AUTH_TWILIO, "missing", false, take_missing },
	{ AUTH_PLIVO, "secret", true, take_secret },
	{ AUTH_PLIVO, "secret_file", false, take_secret_file },
	{ AUTH_VONAGE, "secret", true, take_secret },
	{ AUTH_VONAGE, "secret_file", false, take_secret_file },
	{ AUTH_VONAGE, "type", false, take_type },
	{ AUTH_GENESYS, "api_key", true, take_api_key },
	{ AUTH_GENESYS, "api_key_file", false, take_api_key_file },
	{ AUTH_GENESYS, "secret", true, take_secret },
	{ AUTH_GENESYS, "secret_file", false, take_secret_file },
	{ AUTH_TELNYX_SIGNATURE, "public_key", true, take_public_key },
	{ AUTH_JAMBONZ_SIGNATURE, "secret", true, take_secret },
	{ AUTH_JAMBONZ_SIGNATURE, "secret_file", false, take_secret_file },
	{ AUTH_META, "secret", true, take_secret },
	{ AUTH_META, "secret_file", false, take_secret_file },
	{ AUTH_META, "verify_token", true, take_verify_token },
	{ AUTH_META, "verify_token_file", false, take_verify_token_file },
	{ AUTH_ONE_TIME, "in", false, take_place },
	{ AUTH_ONE_TIME, "name", false, take_token_name },
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

/* ---- reading a key ---------------------------------------------------------
 */

struct auth_key {
	char check[KEY_PART], field[KEY_PART]; /* field "": none */
	int index;
};

static const char *take_part(const char *key, char out[KEY_PART])
{
	size_t length = strcspn(key + 1, ".[");

	if (*key != '.' || length >= KEY_PART)
		return NULL;
	memcpy(out, key + 1, length);
	out[length] = '\0';
	return key + 1 + length;
}

/* ".twilio.secret[1]" taken apart. False: it is no such key. */
static bool split_key(const char *key, struct auth_key *out)
{
	int length = 0;

	*out = (struct auth_key){ .index = LIST_WITHOUT };
	key = take_part(key, out->check);
	if (key && *key == '.')
		key = take_part(key, out->field);
	if (!key)
		return false;
	return !*key || (sscanf(key, "[%4d]%n", &out->index, &length) == 1 &&
			 length > 0 && !key[length]);
}

/* "secret, secret_file and missing" */
static void list_fields(enum auth_kind kind, char *out, size_t size)
{
	size_t length = 0;

	out[0] = '\0';
	for (size_t i = 0; i < FIELDS && length < size; i++)
		if (fields[i].kind == kind)
			length += (size_t)snprintf(out + length, size - length,
						   "%s%s", length ? ", " : "",
						   fields[i].name);
}

static void list_checks(char *out, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < AUTH_KINDS && length < size; i++)
		length += (size_t)snprintf(out + length, size - length, " %s",
					   auth_kind_words[i]);
}

static int unknown_check(const struct loading *load,
			 const struct origin *origin, const char *name)
{
	char known[200];

	list_checks(known, sizeof(known));
	return settings_wrong(load, origin,
			      "\"%s\" is not a check; this version knows%s",
			      name, known);
}

static int take_field(const struct taking *t, const char *name)
{
	char known[120];

	for (size_t i = 0; i < FIELDS; i++) {
		if (fields[i].kind != t->kind ||
		    strcmp(fields[i].name, name) != 0)
			continue;
		if (t->index >= 0 && !fields[i].list)
			return settings_wrong(t->load, t->origin,
					      "takes one value, not a list");
		t->route->auth.kinds |= 1u << t->kind;
		return fields[i].take(t);
	}
	/* "one_time:" alone wants all as it usually is. */
	if (t->kind == AUTH_ONE_TIME && !*name && !*t->text) {
		t->route->auth.kinds |= 1u << t->kind;
		return 0;
	}
	list_fields(t->kind, known, sizeof(known));
	return settings_wrong(t->load, t->origin, "unknown; below %s stand%s%s",
			      auth_kind_words[t->kind],
			      *known ? " " : "s nothing", known);
}

int settings_set_auth(const struct loading *load, const struct origin *origin,
		      struct route *route, const char *key, const char *text)
{
	struct taking t = {
		.load = load, .origin = origin, .route = route, .text = text
	};
	struct auth_key parts;
	int kind;

	if (!*key && strcmp(text, "none") == 0) {
		route->open_on_purpose = true;
		return 0;
	}
	if (!split_key(key, &parts))
		return settings_wrong(load, origin,
				      "write none, or checks below it, "
				      "indented, such as \"bearer:\"");
	kind = setting_word_index(parts.check, auth_kind_words, AUTH_KINDS);
	if (kind < 0)
		return unknown_check(load, origin, parts.check);
	t.kind = (enum auth_kind)kind;
	t.index = parts.index;
	return take_field(&t, parts.field);
}
