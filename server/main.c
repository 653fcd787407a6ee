/*
 * main.c - the executable `holdline`: serve, config, version
 *
 * A table of contents: which command, which settings, then the supervisor.
 */
#include <bsd/unistd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdline_version.h"
#include "media/media.h"
#include "server/control/control.h"
#include "server/settings.h"
#include "server/supervisor.h"

#define USAGE_ERROR 2

struct command {
	const char *name;
	int (*run)(char **argv);
	const char *help;
};

/* Where the settings came from, so that SIGHUP can go there again. */
static struct {
	const char *file;
	char **flags;
} source;

/* argv[0], where the process title goes. */
static char *own_name;
static size_t own_name_length;

/* In a role: what it began with. */
static const struct settings *began_with;

static struct settings *reload(void)
{
	struct settings *settings;

	return settings_load(&settings, source.file, source.flags, stderr) == 0
		       ? settings
		       : NULL;
}

/* For a role what cannot change stays as it was; which of the changes those
 * are, the supervisor has told already. */
static struct settings *reload_role(void)
{
	struct settings *fresh = reload();
	struct settings *next = fresh ? malloc(sizeof(*next)) : NULL;

	if (next) {
		*next = *began_with;
		settings_take_reloadable(next, fresh);
	}
	free(fresh);
	return next;
}

static int run_media(const struct settings *settings, unsigned index,
		     int listen_fd)
{
	began_with = settings;
	return media_run(&(struct media_options){ .settings = settings,
						  .index = index,
						  .listen_fd = listen_fd,
						  .reload = reload_role });
}

static int run_control(const struct settings *settings, int listen_fd,
		       int webhooks_fd)
{
	began_with = settings;
	return control_run(
		&(struct control_options){ .settings = settings,
					   .listen_fd = listen_fd,
					   .webhooks_fd = webhooks_fd,
					   .reload = reload_role });
}

static void set_title(const char *name)
{
	/* The dash drops the program's name from the title. */
	setproctitle("-holdline: %s", name);
	/* libbsd leaves a dot behind the shorter title, for kernels of old; ps
	 * would show it. */
	if (strlen("holdline: ") + strlen(name) < own_name_length)
		own_name[own_name_length] = '\0';
}

/* ---- the command line ------------------------------------------------------
 */

/* Takes "-c FILE", and "--get KEY" where `key` is not NULL, out of the
 * arguments; what is left are flags of settings. False: a value is missing. */
static bool take_options(char **argv, const char **key)
{
	char **kept = source.flags = argv;

	for (; *argv; argv++) {
		const char **to = NULL;

		if (strcmp(*argv, "-c") == 0)
			to = &source.file;
		else if (key && strcmp(*argv, "--get") == 0)
			to = key;
		if (!to) {
			*kept++ = *argv;
			continue;
		}
		if (!argv[1]) {
			(void)fprintf(stderr, "holdline: %s needs a value\n",
				      *argv);
			return false;
		}
		*to = *++argv;
	}
	*kept = NULL;
	return true;
}

static int load(struct settings **settings, char **argv, const char **key)
{
	if (!take_options(argv, key))
		return USAGE_ERROR;
	return settings_load(settings, source.file, source.flags, stderr);
}

/* ---- the commands ----------------------------------------------------------
 */

static int serve(char **argv)
{
	struct settings *settings;
	int status = load(&settings, argv, NULL);

	if (status != 0)
		return status;
	return supervisor_run(
		&(struct supervisor_options){ .settings = settings,
					      .reload = reload,
					      .media = run_media,
					      .control = run_control,
					      .set_title = set_title });
}

static int config(char **argv)
{
	const char *key = NULL;
	struct settings *settings;
	int status = load(&settings, argv, &key);

	if (status != 0)
		return status;
	if (!key) {
		settings_print(settings, stdout);
	} else if (settings_print_one(settings, key, stdout) < 0) {
		(void)fprintf(stderr, "holdline: no setting is called %s\n",
			      key);
		status = USAGE_ERROR;
	}
	free(settings);
	return fflush(stdout) == 0 ? status : 1;
}

static int version(char **argv)
{
	if (*argv) {
		(void)fprintf(stderr, "holdline: version takes no arguments\n");
		return USAGE_ERROR;
	}
	return puts("holdline " HOLDLINE_VERSION) < 0 ? 1 : 0;
}

static const struct command commands[] = {
	{ "serve", serve,
	  "usage: holdline serve [-c FILE] [--KEY VALUE]...\n"
	  "\n"
	  "Runs the server in the foreground; it logs to stderr. SIGTERM ends "
	  "it when its\n"
	  "calls have ended, SIGHUP makes it read its settings again.\n"
	  "\n"
	  "  holdline serve\n"
	  "  holdline serve -c /etc/holdline.yaml --media.listen 0.0.0.0:8080\n"
	  "  HOLDLINE_DATABASE_URL=postgresql://me@db/calls holdline serve\n" },
	{ "config", config,
	  "usage: holdline config [-c FILE] [--KEY VALUE]... [--get KEY]\n"
	  "\n"
	  "Prints the settings as `holdline serve` would use them, as YAML, or "
	  "one of them.\n"
	  "Passwords are masked. Ends with 2 and the place at fault if one is "
	  "wrong.\n"
	  "\n"
	  "  holdline config -c /etc/holdline.yaml\n"
	  "  holdline config --get media.listen\n" },
	{ "version", version,
	  "usage: holdline version\n"
	  "\n"
	  "Prints the version.\n" },
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static const char usage[] =
	"usage: holdline serve  [-c FILE] [--KEY VALUE]...   run the server\n"
	"       holdline config [-c FILE] [--KEY VALUE]...   print and check "
	"the settings\n"
	"       holdline version                             print the version\n"
	"\n"
	"examples:\n"
	"  holdline serve --media.listen 0.0.0.0:8080\n"
	"  holdline config -c /etc/holdline.yaml\n"
	"\n"
	"`holdline COMMAND --help` tells more; `holdline serve --help` lists "
	"all settings.\n";

static const char settings_intro[] =
	"\n"
	"Settings: --media.listen X here is the key media.listen in FILE "
	"(YAML) and the\n"
	"variable HOLDLINE_MEDIA_LISTEN. Flags beat variables, variables beat "
	"the file.\n";

static int help_on(const struct command *command)
{
	(void)fputs(command->help, stdout);
	if (command->run != version) {
		(void)fputs(settings_intro, stdout);
		settings_print_help(stdout);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}

static bool asks_for_help(char *const *argv)
{
	for (; *argv; argv++)
		if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-h") == 0)
			return true;
	return false;
}

int main(int argc, char **argv, char **envp)
{
	const char *name = argc > 1 ? argv[1] : "";

	own_name = argv[0];
	own_name_length = strlen(argv[0]);
	setproctitle_init(argc, argv, envp);
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(name, commands[i].name) != 0)
			continue;
		return asks_for_help(argv + 2) ? help_on(&commands[i])
					       : commands[i].run(argv + 2);
	}
	if (strcmp(name, "--version") == 0)
		return version(argv + 2);
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		(void)fputs(usage, stdout);
		return 0;
	}
	if (*name)
		(void)fprintf(stderr, "holdline: no command is called %s\n",
			      name);
	(void)fputs(usage, stderr);
	return USAGE_ERROR;
}
