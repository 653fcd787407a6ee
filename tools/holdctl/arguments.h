/*
 * arguments.h - the command line, taken apart
 *
 *   holdctl [OPTION]... NOUN [VERB] [OPERAND]... [OPTION]...
 *
 * Options may stand anywhere. One that is not ours and has a value is a setting
 * (--data_dir /srv/holdline) and is handed on to settings_load(), which knows
 * whether there is such a key; so getopt, which must know them all, is no help
 * here.
 */
#ifndef TOOLS_HOLDCTL_ARGUMENTS_H
#define TOOLS_HOLDCTL_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/holdctl/holdctl.h"

#define SETTINGS_MAX 64

struct arguments { /* all text is borrowed from argv */
	const char *file;
	bool help, version;
	const char *const *words; /* argv's own, moved to its front */
	size_t word_count;
	char *settings[SETTINGS_MAX + 1]; /* ends with NULL */
	size_t setting_count;
	unsigned given;		/* enum option_set */
	struct request request; /* json and the verbs' options */
};

/* Moves the words in argv together. 0, or STATUS_USAGE after a complaint. */
int arguments_parse(struct arguments *args, int argc, char **argv);

const char *option_name(enum option_set option);

#endif
