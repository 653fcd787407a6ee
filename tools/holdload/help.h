/*
 * help.h - what holdload says about itself
 */
#ifndef HOLDLOAD_HELP_H
#define HOLDLOAD_HELP_H

#include <stdio.h>

void help_print(FILE *out);
void help_list_dialects(FILE *out);
/* What to do about a handshake that was refused with that status; NULL: no
 * idea. */
const char *help_for_status(int status);

#endif
