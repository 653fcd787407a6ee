/*
 * settings_load.h - what the files that read settings share (see setting.h)
 *
 * Thread: the one that loads.
 */
#ifndef SERVER_SETTINGS_LOAD_H
#define SERVER_SETTINGS_LOAD_H

#include <stdbool.h>
#include <stdio.h>

#include "server/setting.h"

struct yaml_value;

/* Where a value stands, for the complaint. */
struct origin {
	char where[320]; /* "holdline.yaml:12: media.listen" */
};

struct loading {
	struct settings *settings;
	const char *file;
	FILE *err;
	bool given[SETTINGS_MAX];	  /* in the file: twice is an error */
	unsigned route_words[ROUTES_MAX]; /* bits of what a route has said */
	unsigned route_lines[ROUTES_MAX]; /* where it begins */
	unsigned webhook_words[WEBHOOKS_MAX], webhook_lines[WEBHOOKS_MAX];
};

/* Complains; returns 2, which is what a command ends with. */
__attribute__((format(printf, 3, 4))) int
settings_wrong(const struct loading *load, const struct origin *origin,
	       const char *format, ...);

/* settings_routes.c: media.routes. All return 0 or 2. */
void settings_add_default_routes(struct settings *settings);
int settings_set_route(struct loading *load, const struct yaml_value *value,
		       const struct origin *origin);
int settings_check_routes(const struct loading *load);
/* One word of a route or a webhook; complains of what is none. */
int settings_set_provider(const struct loading *load,
			  const struct origin *origin, struct route *route,
			  const char *text);
int settings_set_choice(const struct loading *load, const struct origin *origin,
			const char *text, const char *const *words,
			size_t count, int *choice);
int settings_set_switch(const struct loading *load, const struct origin *origin,
			bool *to, const char *text);
/* Is `word` the key "auth", or one below it? Then *below is what follows. */
bool settings_is_auth(const char *word, const char **below);

/* settings_webhooks.c: webhooks.answers. All return 0 or 2. */
int settings_set_webhook(struct loading *load, const struct yaml_value *value,
			 const struct origin *origin);
int settings_check_webhooks(const struct loading *load);
/* When all is loaded: do the webhooks and the routes fit together? */
int settings_complete_webhooks(const struct loading *load);
/* settings_whatsapp.c: the door that whatsapp.* describes. 0 or 2. */
int settings_complete_whatsapp(const struct loading *load);

/* settings_secrets.c */
/* 0, or -ENOSPC. */
int settings_keep_text(struct auth_store *store, const char *text,
		       uint32_t *at);
/* The next of at most so many words; 0 or 2. */
int settings_keep_word(const struct loading *load, const struct origin *origin,
		       struct auth_words *words, uint32_t most,
		       const char *text);
/* Those of a file, one a line; blanks around it and empty lines do not count.
 * 0 or 2. */
int settings_read_secrets(const struct loading *load,
			  const struct origin *origin, const char *path,
			  struct auth_words *words);

/* settings_auth.c: the `auth` of a route, and what else says who may call. */
/* `key` is what follows "auth", with its dot: ".twilio.secret[1]". */
int settings_set_auth(const struct loading *load, const struct origin *origin,
		      struct route *route, const char *key, const char *text);
/* settings_auth_check.c */
int settings_check_auth(const struct loading *load, const struct origin *origin,
			struct route *route);
/* trusted_proxies and the secrets of tokens, from the texts that say them. */
int settings_complete_auth(const struct loading *load);

#endif
