/*
 * settings_whatsapp.c - the door that whatsapp.* describes (see setting.h)
 *
 * One app of Meta's is four settings, which flags and variables can give, too;
 * it becomes a webhook as those of webhooks.answers are, for
 * /webhooks/whatsapp.
 */
#include <stdio.h>
#include <string.h>

#include "server/settings_load.h"

/* From the setting `key` and its file. */
static int keep(const struct loading *load, const char *key, const char *text,
		const char *file, struct auth_words *words)
{
	struct origin origin;

	(void)snprintf(origin.where, sizeof(origin.where), "%s", key);
	if (*text && settings_keep_word(load, &origin, words, AUTH_SECRETS_MAX,
					text) != 0)
		return 2;
	(void)snprintf(origin.where, sizeof(origin.where), "%s_file", key);
	return *file ? settings_read_secrets(load, &origin, file, words) : 0;
}

int settings_complete_whatsapp(const struct loading *load)
{
	struct settings *s = load->settings;
	struct webhook *door = &s->whatsapp.door;
	struct auth_rules *rules = &door->door.auth;
	struct auth_words *secrets = &rules->words[AUTH_META];
	struct origin origin = { "whatsapp.verify_token" };

	if (keep(load, "whatsapp.verify_token", s->whatsapp.verify_token,
		 s->whatsapp.verify_token_file, &rules->verify_tokens) != 0 ||
	    keep(load, "whatsapp.app_secret", s->whatsapp.app_secret,
		 s->whatsapp.app_secret_file, secrets) != 0)
		return 2;
	if (secrets->count == 0 && rules->verify_tokens.count == 0)
		return 0;
	if (secrets->count == 0 || rules->verify_tokens.count == 0)
		return settings_wrong(load, &origin,
				      "whatsapp.verify_token and "
				      "whatsapp.app_secret go together");
	rules->kinds = 1u << AUTH_META;
	(void)snprintf(door->name, sizeof(door->name), "whatsapp");
	(void)snprintf(door->door.provider, sizeof(door->door.provider),
		       WEBHOOK_META);
	(void)snprintf(door->door.path, sizeof(door->door.path),
		       "/webhooks/whatsapp");
	return 0;
}
