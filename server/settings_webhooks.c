/*
 * settings_webhooks.c - webhooks.answers, a list in the file (see setting.h)
 *
 *   webhooks:
 *     answers:
 *       - provider: twilio             whose webhooks
 *         route: /media/twilio         where the call goes
 *         auth: ...                    as of a route: settings_auth.c
 *
 * Meta has messages alone and no route; a number of Twilio may have no calls.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "server/settings_load.h"
#include "server/yaml_file.h"

static const char *const webhook_keys[] = { "name",  "provider",
					    "route", "mode",
					    "track", "status_callback" };
enum webhook_key {
	NAME_KEY,
	PROVIDER_KEY,
	ROUTE_KEY,
	MODE_KEY,
	TRACK_KEY,
	STATUS_KEY,
	WEBHOOK_KEYS
};

/* Checks that look at an upgrade, or at what we issue ourselves, have nothing
 * to look at in a webhook; telnyx is the secret of a stream. */
static const enum auth_kind not_for_webhooks[] = { AUTH_ORIGINS, AUTH_GENESYS,
						   AUTH_ONE_TIME, AUTH_TELNYX };

/* Those whose webhooks we know how to answer. */
static const char *const answered[] = { "twilio",  "signalwire", "telnyx",
					"plivo",   "exotel",	 "vonage",
					"jambonz", WEBHOOK_META };

/* ---- one word --------------------------------------------------------------
 */

/* It becomes a segment of a path. */
static int set_name(const struct loading *load, const struct origin *origin,
		    struct webhook *webhook, const char *text)
{
	size_t length = strlen(text);

	if (length == 0 || length >= sizeof(webhook->name))
		return settings_wrong(load, origin, "needs 1 to %zu characters",
				      sizeof(webhook->name) - 1);
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
			return settings_wrong(load, origin,
					      "may hold letters, digits, and "
					      "._-");
	memcpy(webhook->name, text, length + 1);
	return 0;
}

static int set_route(const struct loading *load, const struct origin *origin,
		     struct webhook *webhook, const char *text)
{
	if (text[0] != '/' || strlen(text) >= sizeof(webhook->route))
		return settings_wrong(load, origin,
				      "\"%s\" is not the path of a media route",
				      text);
	memcpy(webhook->route, text, strlen(text) + 1);
	return 0;
}

static int set_word(const struct loading *load, const struct origin *origin,
		    struct webhook *webhook, enum webhook_key key,
		    const char *text)
{
	int choice = 0, r;

	switch (key) {
	case NAME_KEY: return set_name(load, origin, webhook, text);
	case PROVIDER_KEY:
		if (setting_word_index(text, answered,
				       sizeof(answered) / sizeof(answered[0])) <
		    0)
			return settings_wrong(load, origin,
					      "\"%s\" has no webhooks that "
					      "this version answers",
					      text);
		if (strcmp(text, WEBHOOK_META) != 0)
			return settings_set_provider(load, origin,
						     &webhook->door, text);
		(void)snprintf(webhook->door.provider,
			       sizeof(webhook->door.provider), WEBHOOK_META);
		return 0;
	case ROUTE_KEY: return set_route(load, origin, webhook, text);
	case MODE_KEY:
		r = settings_set_choice(load, origin, text, setting_mode_words,
					2, &choice);
		webhook->mode = (enum webhook_mode)choice;
		return r;
	case TRACK_KEY:
		r = settings_set_choice(load, origin, text, setting_track_words,
					3, &choice);
		webhook->track = (enum webhook_track)choice;
		return r;
	default:
		return settings_set_switch(load, origin,
					   &webhook->status_callback, text);
	}
}

/* ---- the list --------------------------------------------------------------
 */

static struct webhook *webhook_at(struct loading *load, unsigned index,
				  unsigned line)
{
	struct settings *s = load->settings;

	if (index >= WEBHOOKS_MAX)
		return NULL;
	if (index >= s->webhooks.answer_count) {
		s->webhooks.answers[index] =
			(struct webhook){ .status_callback = true };
		s->webhooks.answer_count = index + 1;
		load->webhook_lines[index] = line;
	}
	return &s->webhooks.answers[index];
}

int settings_set_webhook(struct loading *load, const struct yaml_value *value,
			 const struct origin *origin)
{
	const char *word = value->key, *below;
	struct webhook *webhook;
	unsigned index;
	int length = 0, key;

	if (sscanf(word, "webhooks.answers[%4u].%n", &index, &length) != 1 ||
	    length == 0)
		return settings_wrong(load, origin,
				      "a list; begin each like \"- provider: "
				      "twilio\"");
	word += length;
	key = setting_word_index(word, webhook_keys, WEBHOOK_KEYS);
	if (key < 0 && !settings_is_auth(word, &below))
		return settings_wrong(load, origin,
				      "unknown; an answer has name, provider, "
				      "route, mode, track, status_callback "
				      "and auth");
	webhook = webhook_at(load, index, value->line);
	if (!webhook)
		return settings_wrong(load, origin, "more than %d answers",
				      WEBHOOKS_MAX);
	if (key < 0)
		return settings_set_auth(load, origin, &webhook->door, below,
					 value->value);
	if (load->webhook_words[index] & (1u << key))
		return settings_wrong(load, origin, "stands there twice");
	load->webhook_words[index] |= 1u << key;
	return set_word(load, origin, webhook, (enum webhook_key)key,
			value->value);
}

/* ---- has each what it needs? -----------------------------------------------
 */

static int check_name(const struct loading *load, const struct origin *origin,
		      size_t index)
{
	struct webhook *webhooks = load->settings->webhooks.answers;
	struct webhook *webhook = &webhooks[index];

	if (!webhook->name[0])
		memcpy(webhook->name, webhook->door.provider,
		       sizeof(webhook->door.provider));
	for (size_t i = 0; i < index; i++)
		if (strcmp(webhooks[i].name, webhook->name) == 0)
			return settings_wrong(load, origin,
					      "another answer has the name %s; "
					      "give them names of their own",
					      webhook->name);
	(void)snprintf(webhook->door.path, sizeof(webhook->door.path),
		       "/webhooks/%s", webhook->name);
	return 0;
}

static int check_auth(const struct loading *load, const struct origin *origin,
		      struct route *door)
{
	for (size_t i = 0;
	     i < sizeof(not_for_webhooks) / sizeof(not_for_webhooks[0]); i++)
		if (door->auth.kinds & 1u << not_for_webhooks[i])
			return settings_wrong(
				load, origin, "auth.%s is not for webhooks",
				auth_kind_words[not_for_webhooks[i]]);
	return settings_check_auth(load, origin, door);
}

/* May it, must it, or can it not lead to a media route? */
static int check_route(const struct loading *load, const struct origin *origin,
		       const struct webhook *webhook)
{
	const char *provider = webhook->door.provider;
	bool meta = strcmp(provider, WEBHOOK_META) == 0;

	if (meta && webhook->route[0])
		return settings_wrong(load, origin,
				      "meta sends messages and no calls: leave "
				      "the route out");
	if (meta && !(webhook->door.auth.kinds & 1u << AUTH_META))
		return settings_wrong(load, origin,
				      "meta needs auth.meta, with a secret and "
				      "a verify_token");
	if (*provider &&
	    (meta || webhook->route[0] || strcmp(provider, "twilio") == 0))
		return 0;
	return settings_wrong(load, origin,
			      "an answer needs a provider and a route");
}

int settings_check_webhooks(const struct loading *load)
{
	struct settings *s = load->settings;

	for (size_t i = 0; i < s->webhooks.answer_count; i++) {
		struct webhook *webhook = &s->webhooks.answers[i];
		struct origin origin;

		(void)snprintf(origin.where, sizeof(origin.where),
			       "%.150s:%u: webhooks.answers[%zu]", load->file,
			       load->webhook_lines[i], i);
		if (check_route(load, &origin, webhook) != 0 ||
		    check_name(load, &origin, i) != 0 ||
		    check_auth(load, &origin, &webhook->door) != 0)
			return 2;
	}
	return 0;
}

static const struct route *find_route(const struct settings *s,
				      const char *path)
{
	for (size_t i = 0; i < s->media.route_count; i++)
		if (strcmp(s->media.routes[i].path, path) == 0)
			return &s->media.routes[i];
	return NULL;
}

int settings_complete_webhooks(const struct loading *load)
{
	const struct settings *s = load->settings;

	for (size_t i = 0; i < s->webhooks.answer_count; i++) {
		const struct webhook *webhook = &s->webhooks.answers[i];
		const struct route *route = find_route(s, webhook->route);
		struct origin origin;

		if (!webhook->route[0])
			continue;
		(void)snprintf(origin.where, sizeof(origin.where),
			       "%.150s:%u: webhooks.answers[%zu].route",
			       load->file, load->webhook_lines[i], i);
		if (!route)
			return settings_wrong(load, &origin,
					      "no media route has the path %s",
					      webhook->route);
		if (strcmp(route->provider, webhook->door.provider) != 0 &&
		    strcmp(route->provider, ROUTE_AUTO) != 0)
			return settings_wrong(
				load, &origin,
				"%s is a route of %s, and the answer is for "
				"%s",
				webhook->route, route->provider,
				webhook->door.provider);
		if (!s->media.public_url[0])
			return settings_wrong(load, &origin,
					      "an answer holds the stream's "
					      "address: set "
					      "media.public_url");
	}
	return 0;
}
