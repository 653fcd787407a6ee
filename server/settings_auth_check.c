/*
 * settings_auth_check.c - has each route's `auth` what it needs, and what was
 * not said (see settings_load.h)
 */
#include <stdio.h>
#include <string.h>

#include "server/auth/one_time.h"
#include "server/settings_load.h"

#define TOKEN_QUERY "token" /* what it is called in the query */

/* ---- one route -------------------------------------------------------------
 */

/* Which of the two kinds of token a path of {token} holds, where no route says
 * so: the only one that it may be. */
static int complete_path(const struct loading *load,
			 const struct origin *origin, struct auth_rules *rules)
{
	bool token = rules->kinds & 1u << AUTH_TOKEN;
	bool one_time = rules->kinds & 1u << AUTH_ONE_TIME;
	int said = (token && rules->token_place == AUTH_IN_PATH) +
		   (one_time && rules->one_time_place == AUTH_IN_PATH);

	if (said == 0 && one_time && rules->one_time_place == AUTH_UNSAID &&
	    !(token && rules->token_place == AUTH_UNSAID)) {
		rules->one_time_place = AUTH_IN_PATH;
		said = 1;
	} else if (said == 0 && token && !one_time &&
		   rules->token_place == AUTH_UNSAID) {
		rules->token_place = AUTH_IN_PATH;
		said = 1;
	}
	if (said == 1)
		return 0;
	return settings_wrong(load, origin,
			      "the path holds a {token}; one of auth.token and "
			      "auth.one_time must be \"in: path\"");
}

static int name_it(const struct loading *load, const struct origin *origin,
		   uint32_t *at, const char *usual)
{
	if (*at || settings_keep_text(&load->settings->who, usual, at) == 0)
		return 0;
	return settings_wrong(load, origin,
			      "more secrets and names than there is room for");
}

/* Names and places that were not said. */
static int complete_places(const struct loading *load,
			   const struct origin *origin, struct route *route)
{
	struct auth_rules *rules = &route->auth;

	if (route->token_in_path && complete_path(load, origin, rules) != 0)
		return 2;
	if (!route->token_in_path && (rules->token_place == AUTH_IN_PATH ||
				      rules->one_time_place == AUTH_IN_PATH))
		return settings_wrong(load, origin,
				      "a token in the path needs a path that "
				      "ends with " ROUTE_TOKEN);
	if (rules->token_place == AUTH_UNSAID)
		rules->token_place = AUTH_IN_QUERY;
	if (rules->one_time_place == AUTH_UNSAID)
		rules->one_time_place = AUTH_IN_PARAMETER;
	if (rules->kinds & 1u << AUTH_TOKEN &&
	    name_it(load, origin, &rules->token_name, TOKEN_QUERY) != 0)
		return 2;
	return rules->kinds & 1u << AUTH_ONE_TIME
		       ? name_it(load, origin, &rules->one_time_name,
				 ONE_TIME_PARAMETER)
		       : 0;
}

static int missing(const struct loading *load, const struct origin *origin,
		   enum auth_kind kind, const char *what)
{
	return settings_wrong(load, origin, "auth.%s needs %s",
			      auth_kind_words[kind], what);
}

static int check_kind(const struct loading *load, const struct origin *origin,
		      const struct auth_rules *rules, enum auth_kind kind)
{
	switch (kind) {
	case AUTH_NETWORKS:
	case AUTH_ORIGINS:
	case AUTH_CERTIFICATE:
	case AUTH_ONE_TIME: return 0; /* they have what they need */
	case AUTH_GENESYS:
		return rules->api_keys.count > 0
			       ? 0
			       : missing(load, origin, kind,
					 "api_key or api_key_file");
	case AUTH_BASIC:
		if (!rules->user)
			return missing(load, origin, kind, "a user");
		break;
	case AUTH_META:
		if (rules->verify_tokens.count == 0)
			return missing(load, origin, kind,
				       "a verify_token or a verify_token_file");
		break;
	case AUTH_TELNYX_SIGNATURE:
		return rules->words[kind].count > 0
			       ? 0
			       : missing(load, origin, kind, "a public_key");
	default: break;
	}
	return rules->words[kind].count > 0
		       ? 0
		       : missing(load, origin, kind,
				 "a secret or a secret_file");
}

int settings_check_auth(const struct loading *load, const struct origin *origin,
			struct route *route)
{
	const struct auth_rules *rules = &route->auth;

	for (unsigned kind = 0; kind < AUTH_KINDS; kind++)
		if (rules->kinds & 1u << kind &&
		    check_kind(load, origin, rules, (enum auth_kind)kind) != 0)
			return 2;
	if (route->open_on_purpose && rules->kinds)
		return settings_wrong(load, origin,
				      "auth is none and has checks as well");
	if (rules->kinds & 1u << AUTH_META &&
	    strcmp(route->provider, WEBHOOK_META) != 0)
		return settings_wrong(load, origin,
				      "auth.meta is for webhooks of meta");
	return complete_places(load, origin, route);
}

/* ---- settings of the whole server ------------------------------------------
 */

static int complete_proxies(const struct loading *load)
{
	struct auth_store *store = &load->settings->who;
	struct origin origin = { "media.trusted_proxies" };
	char copy[sizeof(load->settings->media.trusted_proxies)];
	char *rest = copy, *word;

	memcpy(copy, load->settings->media.trusted_proxies, sizeof(copy));
	store->proxy_first = store->network_count;
	while ((word = strsep(&rest, ", "))) {
		if (!*word)
			continue;
		if (store->network_count == NETWORKS_MAX ||
		    network_parse(word,
				  &store->networks[store->network_count]) < 0)
			return settings_wrong(load, &origin,
					      "more networks than there is "
					      "room for");
		store->network_count++;
		store->proxy_count++;
	}
	return 0;
}

int settings_complete_auth(const struct loading *load)
{
	struct settings *s = load->settings;
	struct auth_words *secrets = &s->who.token_secrets;
	struct origin origin = { "auth.token_secret" };

	if (complete_proxies(load) != 0)
		return 2;
	if (s->auth.token_secret[0] &&
	    settings_keep_word(load, &origin, secrets, AUTH_SECRETS_MAX,
			       s->auth.token_secret) != 0)
		return 2;
	if (!s->auth.token_secret_file[0])
		return 0;
	(void)snprintf(origin.where, sizeof(origin.where), "%s",
		       "auth.token_secret_file");
	return settings_read_secrets(load, &origin, s->auth.token_secret_file,
				     secrets);
}
