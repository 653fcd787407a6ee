/*
 * patience.h - how often an address may come, on the listeners for strangers
 *
 * The counting is limits.h; here stands what it means: who is asked when, and
 * the one line in the log about an address that comes too often.
 *
 * Thread: any. Limits that are NULL limit nobody.
 */
#ifndef SERVER_PATIENCE_H
#define SERVER_PATIENCE_H

#include <stdbool.h>

#include "server/auth/limits.h"
#include "server/settings.h"

/* May one more connection be read from? A trusted proxy's always: those who
 * speak through it are asked for at each handshake. */
bool patience_welcomes(struct limits *limits, const struct settings *settings,
		       const struct limit_rates *rates,
		       const struct address *peer);
/* A connection that was welcome has gone, or has become a call. */
void patience_lets_go(struct limits *limits, const struct settings *settings,
		      const struct limit_rates *rates,
		      const struct address *peer);
/* One more handshake. Why that address must wait, in a word; NULL: it need
 * not. */
const char *patience_ends(struct limits *limits,
			  const struct limit_rates *rates,
			  const struct address *peer);

#endif
