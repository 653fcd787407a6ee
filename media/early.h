/*
 * early.h - audio that came before the words that say what it is
 *
 * Some providers let the first samples overtake the start. They are kept as
 * they came, message by message, and heard when the start has come.
 *
 * Thread: belongs to one call.
 */
#ifndef MEDIA_EARLY_H
#define MEDIA_EARLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EARLY_MAX 65536u /* bytes, with 4 for each message */

struct early;

/* Makes `*early` for the first. False: there is no room for it, or no memory.
 */
bool early_keep(struct early **early, const void *audio, size_t bytes);
/* The next message, or NULL. */
const char *early_next(struct early *early, size_t *bytes);
void early_free(struct early *early); /* accepts NULL */

#endif
