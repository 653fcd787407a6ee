/*
 * setting.h - one row of the table of settings, for the files that work on it
 *
 *   settings_table.c  the table; finding a key, or the one that was meant
 *   settings_value.c  a text into a value, a value into a text
 *   settings_routes.c media.routes of a file; settings_auth.c,
 *                     settings_auth_check.c and settings_secrets.c what they
 *                     say about who may call
 *   settings_webhooks.c webhooks.answers of a file
 *   settings_whatsapp.c what whatsapp.* says, as one more of them
 *   settings.c        file, environment and flags into struct settings
 *   settings_print.c  struct settings as YAML, help, and what a reload changes
 *
 * Thread: any; the table is constant.
 */
#ifndef SERVER_SETTING_H
#define SERVER_SETTING_H

#include <stdbool.h>
#include <stddef.h>

#include "server/settings.h"

enum kind {
	NAME,	  /* char[]: letters, digits, and ._- */
	PATH,	  /* char[] */
	ADDRESS,  /* char[]: host:port */
	URL,	  /* char[]: of a database; may hold a password */
	LINK,	  /* char[]: http or https; its path may be a secret */
	SECRET,	  /* char[]: of ours; never shown */
	PASSWORD, /* char[]: as others chose it; never shown */
	ENDPOINT, /* char[]: wss://host[:port] */
	NETWORKS, /* char[]: networks, separated by commas */
	TYPES,	  /* char[]: types of events, separated by commas */
	BOOL,	  /* bool */
	COUNT,	  /* uint32_t */
	FRACTION, /* double */
	SIZE,	  /* uint64_t or uint32_t, bytes */
	DURATION, /* uint64_t or uint32_t, milliseconds */
	TICK,	  /* int32_t, microseconds; -1: auto */
	LEVEL,	  /* enum log_level */
	FORMAT,	  /* enum log_format */
	MASK,	  /* enum log_mask */
};

struct setting {
	const char *key;
	enum kind kind;
	bool reloadable;      /* SIGHUP may change it */
	size_t offset, room;  /* in struct settings */
	const char *standard; /* the default, as one would write it */
	double least, most;   /* as kept; for texts, the least length */
	const char *help;
};

/* The table; its keys of one group stand together. */
extern const struct setting settings_table[];
extern const size_t settings_table_size;
#define SETTINGS_MAX 128 /* at least that size */

extern const char *const setting_level_words[4];
extern const char *const setting_format_words[2];
extern const char *const setting_mask_words[3];
extern const char *const setting_handler_words[2];
extern const char *const setting_dtmf_words[3];
extern const char *const setting_order_words[3];
extern const char *const setting_mode_words[2];
extern const char *const setting_track_words[3];
/* From AUTH_IN_QUERY on. */
extern const char *const setting_place_words[3];
int setting_word_index(const char *text, const char *const *words,
		       size_t count); /* or -EINVAL */

/* settings_table.c */
const struct setting *setting_find(const char *key); /* or NULL */
/* The key that looks most like it; as_variable: as the variable's name. */
const char *setting_nearest(const char *text, bool as_variable);
/* Does the key name a group, such as "media" or "database.retry"? */
bool setting_is_group(const char *key);
/* Does the key lead through a setting: "log.level[0]", "log.level.x"? */
bool setting_is_below(const char *key);
/* The key as a variable: HOLDLINE_MEDIA_LISTEN. */
#define VARIABLE_SIZE 80
void setting_format_variable(const char *key, char out[VARIABLE_SIZE]);

/* What is shown for a secret is itself long enough to be read back. */
#define SECRET_SHOWN "****************"

/* settings_value.c */
bool setting_is_text(enum kind kind);
/* May its text hold what nobody should read in a complaint? */
bool setting_is_delicate(enum kind kind);
/* Puts the text's meaning at `at`: 0, -EINVAL when it is not of the kind,
 * -ERANGE, -ENAMETOOLONG. */
int setting_read(const struct setting *s, void *at, const char *text);
/* "a duration; write it like 30s or 5min" */
const char *setting_kind_hint(enum kind kind);
/* "DURATION", for help. */
const char *setting_kind_word(enum kind kind);
/* "100ms to 24h", or nothing where there is no range. */
void setting_format_range(const struct setting *s, char *out, size_t size);
/* The value as the file would say it, without quotes and secrets. */
void setting_format(const struct setting *s, const struct settings *settings,
		    char *out, size_t size);

#endif
