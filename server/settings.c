/*
 * settings.c - file, environment and flags into struct settings (settings.h)
 *
 * Every source ends in set(), with the place where the text stood for the
 * complaint. What follows from other settings comes last.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/auth/network.h"
#include "server/settings_load.h"
#include "server/yaml_file.h"

int settings_wrong(const struct loading *load, const struct origin *origin,
		   const char *format, ...)
{
	va_list args;

	(void)fprintf(load->err, "%s: ", origin->where);
	va_start(args, format);
	(void)vfprintf(load->err, format, args);
	va_end(args);
	(void)fputc('\n', load->err);
	return 2;
}

static int set(struct loading *load, const struct setting *s, const char *text,
	       const struct origin *origin)
{
	int r = setting_read(s, (char *)load->settings + s->offset, text);
	/* A URL may hold a password, and what is wrong with it may hide it
	 * from the mask: such a text is not repeated. */
	const char *shown = setting_is_delicate(s->kind) ? "this" : text;
	const char *quote = setting_is_delicate(s->kind) ? "" : "\"";
	char range[80];

	if (r == 0)
		return 0;
	setting_format_range(s, range, sizeof(range));
	if (r == -ENAMETOOLONG)
		return settings_wrong(load, origin, "longer than %zu bytes",
				      s->room - 1);
	if (r == -ERANGE)
		return settings_wrong(load, origin,
				      "%s%s%s is out of range (%s)", quote,
				      shown, quote, range);
	if (!*text)
		return settings_wrong(load, origin, "needs a value, %s%s%s%s",
				      setting_kind_hint(s->kind),
				      *range ? " (" : "", range,
				      *range ? ")" : "");
	return settings_wrong(load, origin, "%s%s%s is not %s%s%s%s", quote,
			      shown, quote, setting_kind_hint(s->kind),
			      *range ? " (" : "", range, *range ? ")" : "");
}

static int unknown(const struct loading *load, const struct origin *origin,
		   const char *key)
{
	if (setting_is_group(key))
		return settings_wrong(
			load, origin,
			"a group of settings, not one; its keys stand "
			"below it, indented");
	if (setting_is_below(key))
		return settings_wrong(load, origin,
				      "takes one value, not a list or a group");
	return settings_wrong(load, origin, "unknown setting; did you mean %s?",
			      setting_nearest(key, false));
}

/* ---- the sources, in their order -------------------------------------------
 */

static int load_defaults(struct loading *load)
{
	for (size_t i = 0; i < settings_table_size; i++) {
		struct origin origin;

		if (setting_is_text(settings_table[i].kind) &&
		    !*settings_table[i].standard)
			continue; /* follows from others: see complete() */
		(void)snprintf(origin.where, sizeof(origin.where), "default %s",
			       settings_table[i].key);
		if (set(load, &settings_table[i], settings_table[i].standard,
			&origin) != 0)
			return 2;
	}
	settings_add_default_routes(load->settings);
	return 0;
}

static int take_from_file(const struct yaml_value *value, void *arg)
{
	struct loading *load = arg;
	const struct setting *s = setting_find(value->key);
	struct origin origin;

	(void)snprintf(origin.where, sizeof(origin.where), "%.150s:%u: %.120s",
		       load->file, value->line, value->key);
	if (strncmp(value->key, "media.routes", 12) == 0)
		return settings_set_route(load, value, &origin);
	if (strncmp(value->key, "webhooks.answers", 16) == 0)
		return settings_set_webhook(load, value, &origin);
	if (!s && !*value->value && setting_is_group(value->key))
		return 0; /* all of its keys are commented out */
	if (!s)
		return unknown(load, &origin, value->key);
	if (load->given[s - settings_table])
		return settings_wrong(load, &origin, "stands there twice");
	load->given[s - settings_table] = true;
	return set(load, s, value->value, &origin);
}

static int load_file(struct loading *load)
{
	char err[512];
	int r;

	if (!load->file)
		return 0;
	r = yaml_file_read(load->file, take_from_file, load, err, sizeof(err));
	if (r < 0)
		(void)fprintf(load->err, "%s\n", err);
	if (r == 0)
		r = settings_check_routes(load);
	return r == 0 ? settings_check_webhooks(load) : 2;
}

/* A variable of ours that is no setting is likely a slip, but other programs
 * may keep theirs under our name: it is told, not refused. */
static void check_variable(const char *name)
{
	char variable[VARIABLE_SIZE];

	for (size_t i = 0; i < settings_table_size; i++) {
		setting_format_variable(settings_table[i].key, variable);
		if (strcmp(variable, name) == 0)
			return;
	}
	setting_format_variable(setting_nearest(name, true), variable);
	log_warn("SETTINGS", "variable=%s effect=none nearest=%s", name,
		 variable);
}

/* Once a server is enough, however often it reloads. */
static void check_variables(void)
{
	static bool told;

	for (char **entry = environ; entry && *entry && !told; entry++) {
		size_t length = strcspn(*entry, "=");
		char name[VARIABLE_SIZE];

		if (strncmp(*entry, "HOLDLINE_", 9) != 0)
			continue;
		(void)snprintf(name, sizeof(name), "%.*s",
			       (int)(length < sizeof(name) ? length
							   : sizeof(name) - 1),
			       *entry);
		check_variable(name);
	}
	told = true;
}

static int load_environment(struct loading *load)
{
	for (size_t i = 0; i < settings_table_size; i++) {
		char name[VARIABLE_SIZE];
		struct origin origin;
		const char *text;

		setting_format_variable(settings_table[i].key, name);
		text = getenv(name);
		if (!text)
			continue;
		(void)snprintf(origin.where, sizeof(origin.where), "%s", name);
		if (set(load, &settings_table[i], text, &origin) != 0)
			return 2;
	}
	check_variables();
	return 0;
}

/* One flag, and the value behind it if it has none of its own: how many words
 * that was, or -1 when it is wrong. */
static int take_flag(struct loading *load, const char *flag, const char *next)
{
	size_t length = strcspn(flag, "=");
	const char *text = flag[length] ? flag + length + 1 : next;
	const struct setting *s;
	struct origin origin;
	char key[80];

	/* Without its value, which may be a secret. */
	(void)snprintf(origin.where, sizeof(origin.where), "%.*s",
		       length < 200 ? (int)length : 200, flag);
	if (strncmp(flag, "--", 2) != 0 || length - 2 >= sizeof(key)) {
		(void)settings_wrong(load, &origin,
				     "expected --KEY VALUE; see --help");
		return -1;
	}
	memcpy(key, flag + 2, length - 2);
	key[length - 2] = '\0';
	s = setting_find(key);
	if (!s && (strcmp(key, "media.routes") == 0 ||
		   strcmp(key, "webhooks.answers") == 0))
		(void)settings_wrong(load, &origin,
				     "can only be set in a file");
	else if (!s)
		(void)unknown(load, &origin, key);
	else if (!text)
		(void)settings_wrong(load, &origin, "needs a value");
	else if (set(load, s, text, &origin) == 0)
		return flag[length] ? 1 : 2;
	return -1;
}

static int load_flags(struct loading *load, char *const *argv)
{
	while (argv && *argv) {
		int words = take_flag(load, argv[0], argv[1]);

		if (words < 0)
			return 2;
		argv += words;
	}
	return 0;
}

/* ---- what follows from other settings --------------------------------------
 */

static int absolute(struct loading *load, const char *key, char *path,
		    size_t size)
{
	struct origin origin;
	char full[PATH_MAX * 2], here[PATH_MAX];
	size_t length;

	if (path[0] == '/')
		return 0;
	(void)snprintf(origin.where, sizeof(origin.where), "%s", key);
	if (!getcwd(here, sizeof(here)))
		return settings_wrong(load, &origin,
				      "the working directory is gone");
	(void)snprintf(full, sizeof(full), "%s/%s", here,
		       strncmp(path, "./", 2) == 0 ? path + 2 : path);
	length = strlen(full);
	if (length >= size)
		return settings_wrong(load, &origin, "the path is too long: %s",
				      full);
	memcpy(path, full, length + 1);
	return 0;
}

static int below_data_dir(struct loading *load, const char *key, char *path,
			  size_t size, const char *name)
{
	struct origin origin;

	if (path[0])
		return absolute(load, key, path, size);
	if ((size_t)snprintf(path, size, "%s/%s", load->settings->data_dir,
			     name) < size)
		return 0;
	(void)snprintf(origin.where, sizeof(origin.where), "%s", key);
	return settings_wrong(load, &origin, "data_dir is too long");
}

/* A certificate and its key go together. */
static int check_tls(const struct loading *load, const char *group,
		     const struct tls_settings *tls)
{
	struct origin origin;
	bool lonely = *tls->cert && !*tls->key;

	(void)snprintf(origin.where, sizeof(origin.where), "%s.tls.%s", group,
		       lonely ? "key" : "cert");
	if (lonely || (!*tls->cert && *tls->key))
		return settings_wrong(
			load, &origin,
			"needs a value: %s.tls.cert and %s.tls.key go together",
			group, group);
	if (!*tls->cert && *tls->client_ca)
		return settings_wrong(load, &origin,
				      "needs a value: %s.tls.client_ca is for "
				      "a listener that speaks TLS",
				      group);
	return 0;
}

/* Passwords and tokens come to the control listener: beyond this machine they
 * must not travel in the clear. */
static int check_control(const struct loading *load)
{
	const struct settings *s = load->settings;
	struct origin origin = { "control.listen" };
	const char *colon = strrchr(s->control.listen, ':');
	size_t length = colon ? (size_t)(colon - s->control.listen) : 0;
	struct address address;
	char host[64];

	(void)snprintf(host, sizeof(host), "%.*s", (int)length,
		       s->control.listen);
	if (host[0] == '[') { /* [::1] */
		host[strcspn(host, "]")] = '\0';
		memmove(host, host + 1, strlen(host));
	}
	if (*s->control.tls.cert || s->control.plain_http_in_public ||
	    strcmp(host, "localhost") == 0 ||
	    (address_parse(host, &address) && address_is_loopback(&address)))
		return 0;
	return settings_wrong(
		load, &origin,
		"a public address needs TLS: set control.tls.cert and "
		"control.tls.key, or listen on 127.0.0.1 behind a proxy that "
		"has it (or say control.plain_http_in_public: true)");
}

/* What each value alone cannot tell. */
static int check_together(const struct loading *load)
{
	const struct settings *s = load->settings;
	struct origin origin = { "control.listen" };

	if (strcmp(s->control.listen, s->media.listen) == 0)
		return settings_wrong(
			load, &origin,
			"media.listen has the same address; choose "
			"another port");
	(void)snprintf(origin.where, sizeof(origin.where), "%s",
		       "webhooks.listen");
	if (strcmp(s->webhooks.listen, s->media.listen) == 0 ||
	    strcmp(s->webhooks.listen, s->control.listen) == 0)
		return settings_wrong(
			load, &origin,
			"%s.listen has the same address; choose "
			"another port",
			strcmp(s->webhooks.listen, s->media.listen) == 0
				? "media"
				: "control");
	(void)snprintf(origin.where, sizeof(origin.where), "%s",
		       "webhooks.body_memory");
	if (s->webhooks.body_memory < s->webhooks.max_batch)
		return settings_wrong(load, &origin,
				      "less than webhooks.max_batch");
	(void)snprintf(origin.where, sizeof(origin.where), "%s",
		       "database.retry.max");
	if (s->database.retry_max_ms < s->database.retry_initial_ms)
		return settings_wrong(load, &origin,
				      "less than database.retry.initial");
	if (check_control(load) != 0 ||
	    check_tls(load, "media", &s->media.tls) != 0 ||
	    check_tls(load, "control", &s->control.tls) != 0)
		return 2;
	return check_tls(load, "webhooks", &s->webhooks.tls);
}

/* Those that we may run on, as far as media.threads may go. */
static unsigned cores(void)
{
	cpu_set_t set;

	unsigned count;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	count = (unsigned)CPU_COUNT(&set);
	return count < THREADS_MAX ? count : THREADS_MAX;
}

static void complete_node_id(struct settings *s)
{
	char host[sizeof(s->node_id)] = "";

	if (s->node_id[0])
		return;
	if (gethostname(host, sizeof(host) - 1) < 0 || !host[0])
		(void)snprintf(host, sizeof(host), "holdline");
	memcpy(s->node_id, host, sizeof(host));
}

/* Those of TLS may be left out. */
static int complete_tls_paths(struct loading *load)
{
	struct settings *s = load->settings;
	const struct {
		const char *key;
		char *path;
	} paths[] = {
		{ "media.tls.cert", s->media.tls.cert },
		{ "media.tls.key", s->media.tls.key },
		{ "media.tls.client_ca", s->media.tls.client_ca },
		{ "control.tls.cert", s->control.tls.cert },
		{ "control.tls.key", s->control.tls.key },
		{ "webhooks.tls.cert", s->webhooks.tls.cert },
		{ "webhooks.tls.key", s->webhooks.tls.key },
		{ "webhooks.tls.client_ca", s->webhooks.tls.client_ca },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(paths) / sizeof(paths[0]); i++)
		if (*paths[i].path)
			r = absolute(load, paths[i].key, paths[i].path,
				     sizeof(s->media.tls.cert));
	return r;
}

static int complete_paths(struct loading *load)
{
	struct settings *s = load->settings;
	int r = absolute(load, "data_dir", s->data_dir, sizeof(s->data_dir));

	if (r == 0)
		r = below_data_dir(load, "recording.dir", s->recording.dir,
				   sizeof(s->recording.dir), "recordings");
	if (r == 0)
		r = below_data_dir(
			load, "control.token_file", s->control.token_file,
			sizeof(s->control.token_file), "admin.token");
	if (r == 0)
		r = below_data_dir(load, "control.signing_key_file",
				   s->control.signing_key_file,
				   sizeof(s->control.signing_key_file),
				   "signing.key");
	if (r == 0)
		r = below_data_dir(
			load, "events.secret_file", s->events.secret_file,
			sizeof(s->events.secret_file), "events.secret");
	return r == 0 ? complete_tls_paths(load) : r;
}

static int complete(struct loading *load)
{
	struct settings *s = load->settings;
	int r = complete_paths(load);

	complete_node_id(s);
	if (s->media.threads == 0)
		s->media.threads = cores();
	if (!s->database.url[0])
		(void)snprintf(s->database.url, sizeof(s->database.url),
			       "sqlite:%s/holdline.db", s->data_dir);
	if (r == 0)
		r = settings_complete_auth(load);
	if (r == 0)
		r = settings_complete_webhooks(load);
	if (r == 0)
		r = settings_complete_whatsapp(load);
	return r == 0 ? check_together(load) : r;
}

int settings_load(struct settings **ret, const char *file, char *const *argv,
		  FILE *err)
{
	struct loading load = { .file = file, .err = err };

	load.settings = calloc(1, sizeof(*load.settings));
	if (!load.settings) {
		(void)fprintf(err, "settings: no memory\n");
		return 2;
	}
	if (load_defaults(&load) || load_file(&load) ||
	    load_environment(&load) || load_flags(&load, argv) ||
	    complete(&load)) {
		free(load.settings);
		return 2;
	}
	*ret = load.settings;
	return 0;
}
