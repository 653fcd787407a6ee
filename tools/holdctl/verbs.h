/*
 * verbs.h - what holdctl can do: the table of its verbs, and their help
 */
#ifndef TOOLS_HOLDCTL_VERBS_H
#define TOOLS_HOLDCTL_VERBS_H

#include <stdio.h>

#include "tools/holdctl/holdctl.h"

enum operand_rule {
	OPERAND_NONE,
	OPERAND_ONE,
	OPERAND_ANY, /* none as well: then by filters or --all */
};

struct verb {
	const char *noun, *verb; /* verb NULL: the noun is all */
	const char *operand;	 /* its name; NULL: takes none */
	enum operand_rule rule;
	unsigned options; /* enum option_set */
	verb_run *run;
	const char *help;     /* one line */
	const char *more;     /* what else there is to know; or NULL */
	const char *examples; /* lines, each indented */
};

/* NULL when there is no such verb; `word` may be NULL. */
const struct verb *verb_find(const char *noun, const char *word);

void verbs_print_help(FILE *out);
void verb_print_help(const struct verb *verb, FILE *out);

#endif
