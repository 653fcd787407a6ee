/*
 * settings_routes.c - media.routes, a list in the file (see setting.h)
 *
 * The first route of a file replaces the defaults, which are a route for each
 * dialect. What a route says about who may call is settings_auth.c.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "server/providers.h"
#include "server/settings_load.h"
#include "server/yaml_file.h"

static const char *const route_keys[] = {
	"path", "provider",   "handler",     "record",	   "single_stream",
	"dtmf", "byte_order", "send_format", "sample_rate"
};
#define ROUTE_KEYS (sizeof(route_keys) / sizeof(route_keys[0]))
#define AUTH_KEY   "auth"

static bool ends_with_token(const char *path)
{
	size_t length = strlen(path), token = strlen(ROUTE_TOKEN);

	return length > token &&
	       strcmp(path + length - token, ROUTE_TOKEN) == 0 &&
	       memchr(path, '{', length) == path + length - token + 1;
}

static int set_path(const struct loading *load, const struct origin *origin,
		    struct route *route, const char *text)
{
	const struct settings *s = load->settings;

	if (text[0] != '/' || strcspn(text, "?# \t") != strlen(text))
		return settings_wrong(load, origin,
				      "\"%s\" is not a path; write it like "
				      "/media/twilio",
				      text);
	if (strlen(text) >= sizeof(route->path))
		return settings_wrong(load, origin, "longer than %zu bytes",
				      sizeof(route->path) - 1);
	for (size_t i = 0; i < s->media.route_count; i++)
		if (strcmp(s->media.routes[i].path, text) == 0)
			return settings_wrong(load, origin,
					      "another route has the path %s",
					      text);
	memcpy(route->path, text, strlen(text) + 1);
	route->token_in_path = ends_with_token(text);
	if (strchr(text, '{') && !route->token_in_path)
		return settings_wrong(
			load, origin,
			"a path may hold {token} only as its last "
			"segment");
	return 0;
}

#define PROVIDER_WORD(name)   " " #name
#define PROVIDER_STRING(name) #name,

static const char *const providers[] = { PROVIDERS(PROVIDER_STRING)
						 ROUTE_AUTO };
#define PROVIDER_COUNT (sizeof(providers) / sizeof(providers[0]))

static bool is_provider(const char *text)
{
	size_t i = 0;

	while (i < PROVIDER_COUNT && strcmp(providers[i], text) != 0)
		i++;
	return i < PROVIDER_COUNT || strcmp(text, ROUTE_RAW) == 0;
}

int settings_set_choice(const struct loading *load, const struct origin *origin,
			const char *text, const char *const *words,
			size_t count, int *choice)
{
	*choice = setting_word_index(text, words, count);
	if (*choice >= 0)
		return 0;
	return settings_wrong(load, origin,
			      "\"%s\" is none; write %s or %s%s%s", text,
			      words[0], words[1], count > 2 ? " or " : "",
			      count > 2 ? words[2] : "");
}

int settings_set_switch(const struct loading *load, const struct origin *origin,
			bool *to, const char *text)
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return settings_wrong(load, origin, "\"%s\" is not %s", text,
				      setting_kind_hint(BOOL));
	*to = text[0] == 't';
	return 0;
}

int settings_set_provider(const struct loading *load,
			  const struct origin *origin, struct route *route,
			  const char *text)
{
	if (!is_provider(text))
		return settings_wrong(
			load, origin,
			"\"%s\" is not a provider; this version "
			"knows" PROVIDERS(PROVIDER_WORD) ", and " ROUTE_AUTO,
			text);
	memcpy(route->provider, text, strlen(text) + 1);
	route->raw = strcmp(text, ROUTE_RAW) == 0;
	return 0;
}

#define RATE_MIN_HZ 8000u
#define RATE_MAX_HZ 48000u

static bool is_rate(unsigned rate_hz)
{
	return rate_hz >= RATE_MIN_HZ && rate_hz <= RATE_MAX_HZ;
}

/* "L16/16000", or a codec alone, at 8000 Hz. */
static int set_send_format(const struct loading *load,
			   const struct origin *origin, struct route *route,
			   const char *text)
{
	static const char *const codecs[] = { "PCMU", "PCMA", "L16", "G722",
					      "OPUS" };
	char codec[sizeof(route->send_codec)], slash = '/', end = '\0';
	unsigned rate_hz = 8000;
	int n = sscanf(text, "%7[A-Z0-9]%c%6u%c", codec, &slash, &rate_hz,
		       &end);

	if (n < 1 || n == 2 || n == 4 || slash != '/' ||
	    setting_word_index(codec, codecs,
			       sizeof(codecs) / sizeof(codecs[0])) < 0)
		return settings_wrong(load, origin,
				      "\"%s\" is no format; write PCMU, PCMA, "
				      "L16, G722 or OPUS, and a rate behind it "
				      "such as L16/16000",
				      text);
	if (!is_rate(rate_hz))
		return settings_wrong(load, origin,
				      "\"%s\": a rate is from %u to %u", text,
				      RATE_MIN_HZ, RATE_MAX_HZ);
	memcpy(route->send_codec, codec, sizeof(codec));
	route->send_rate_hz = rate_hz;
	return 0;
}

static int set_sample_rate(const struct loading *load,
			   const struct origin *origin, struct route *route,
			   const char *text)
{
	char end;

	if (sscanf(text, "%6u%c", &route->sample_rate_hz, &end) == 1 &&
	    is_rate(route->sample_rate_hz))
		return 0;
	return settings_wrong(load, origin, "\"%s\": a rate is from %u to %u",
			      text, RATE_MIN_HZ, RATE_MAX_HZ);
}

static int set_route_word(const struct loading *load,
			  const struct origin *origin, struct route *route,
			  size_t key, const char *text)
{
	int word = 0, r;

	switch (key) {
	case 0: return set_path(load, origin, route, text);
	case 1: return settings_set_provider(load, origin, route, text);
	case 2:
		word = setting_word_index(text, setting_handler_words, 2);
		if (word < 0)
			return settings_wrong(
				load, origin,
				"\"%s\" is not a handler; write record "
				"or echo",
				text);
		route->handler = (enum route_handler)word;
		return 0;
	case 3: return settings_set_switch(load, origin, &route->record, text);
	case 4:
		return settings_set_switch(load, origin, &route->single_stream,
					   text);
	case 5:
		r = settings_set_choice(load, origin, text, setting_dtmf_words,
					3, &word);
		route->dtmf = (enum route_dtmf)word;
		return r;
	case 6:
		r = settings_set_choice(load, origin, text, setting_order_words,
					3, &word);
		route->byte_order = (enum route_order)word;
		return r;
	case 7: return set_send_format(load, origin, route, text);
	default: return set_sample_rate(load, origin, route, text);
	}
}

/* The route that begins here, or NULL when there is no room for it. The first
 * replaces the defaults. */
static struct route *route_at(struct loading *load, unsigned index,
			      unsigned line)
{
	struct settings *s = load->settings;

	if (index >= ROUTES_MAX)
		return NULL;
	if (load->route_lines[0] == 0)
		s->media.route_count = 0;
	if (index >= s->media.route_count) {
		s->media.routes[index] =
			(struct route){ .record = true, .single_stream = true };
		s->media.route_count = index + 1;
		load->route_lines[index] = line;
	}
	return &s->media.routes[index];
}

/* The part of "media.routes[0].auth.twilio.secret" behind the number, and the
 * number; NULL: it is no such key. */
static const char *split_key(const char *key, unsigned *index)
{
	int length = 0;

	if (sscanf(key, "media.routes[%4u].%n", index, &length) != 1 ||
	    length == 0)
		return NULL;
	return key + length;
}

bool settings_is_auth(const char *word, const char **below)
{
	size_t auth = strlen(AUTH_KEY);

	*below = word + auth;
	return strncmp(word, AUTH_KEY, auth) == 0 &&
	       (!word[auth] || word[auth] == '.' || word[auth] == '[');
}

int settings_set_route(struct loading *load, const struct yaml_value *value,
		       const struct origin *origin)
{
	struct route *route;
	const char *word, *below = NULL;
	unsigned index;
	bool is_auth;
	int key;

	word = split_key(value->key, &index);
	if (!word)
		return settings_wrong(load, origin,
				      "a list of routes; begin each like \"- "
				      "path: /media/twilio\"");
	is_auth = settings_is_auth(word, &below);
	key = setting_word_index(word, route_keys, ROUTE_KEYS);
	if (key < 0 && !is_auth)
		return settings_wrong(
			load, origin,
			"unknown; a route has path, provider, handler, "
			"record, single_stream, dtmf, byte_order, "
			"send_format, sample_rate and auth");
	route = route_at(load, index, value->line);
	if (!route)
		return settings_wrong(load, origin, "more than %d routes",
				      ROUTES_MAX);
	if (is_auth)
		return settings_set_auth(load, origin, route, below,
					 value->value);
	if (load->route_words[index] & (1u << key))
		return settings_wrong(load, origin, "stands there twice");
	load->route_words[index] |= 1u << key;
	return set_route_word(load, origin, route, (size_t)key, value->value);
}

/* Has each route what it cannot do without? */
int settings_check_routes(const struct loading *load)
{
	struct settings *s = load->settings;

	for (size_t i = 0; i < s->media.route_count; i++) {
		struct route *route = &s->media.routes[i];
		struct origin origin;

		(void)snprintf(origin.where, sizeof(origin.where),
			       "%.150s:%u: media.routes[%zu]", load->file,
			       load->route_lines[i], i);
		if (!route->path[0] || !route->provider[0])
			return settings_wrong(load, &origin,
					      "a route needs a path and a "
					      "provider");
		if (route->raw && route->handler != ROUTE_ECHO)
			return settings_wrong(load, &origin,
					      "provider raw has no calls; it "
					      "goes with handler: echo");
		if (settings_check_auth(load, &origin, route) != 0)
			return 2;
		if (route->raw && route->auth.kinds & 1u << AUTH_ONE_TIME &&
		    route->auth.one_time_place == AUTH_IN_PARAMETER)
			return settings_wrong(load, &origin,
					      "provider raw has no start "
					      "message; one_time goes with "
					      "\"in: query\" or \"in: path\"");
	}
	return 0;
}

/* ---- the defaults ----------------------------------------------------------
 */

/* /media/NAME and /media/NAME/echo for each dialect, and /media itself. */
void settings_add_default_routes(struct settings *s)
{
	static_assert(2 * PROVIDER_COUNT <= ROUTES_MAX, "a route each");
	for (size_t i = 0; i < 2 * PROVIDER_COUNT; i++) {
		const char *provider = providers[i / 2];
		bool open = strcmp(provider, ROUTE_AUTO) == 0;
		struct route *route = &s->media.routes[i];

		(void)snprintf(route->path, sizeof(route->path), "/media%s%s%s",
			       open ? "" : "/", open ? "" : provider,
			       i % 2 ? "/echo" : "");
		(void)snprintf(route->provider, sizeof(route->provider), "%s",
			       provider);
		route->handler = i % 2 ? ROUTE_ECHO : ROUTE_RECORD;
		route->record = route->single_stream = true;
	}
	s->media.route_count = 2 * PROVIDER_COUNT;
}
