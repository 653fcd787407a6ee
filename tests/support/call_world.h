/*
 * call_world.h - the world of one call: a loop and a line that are ours
 *
 * What links this gets the calls as they are, and in place of the loop and the
 * line functions that do as they are told here: time stands still until a test
 * moves it, what is handed over and what is sent goes to those who look on.
 *
 *   world_prepare();              the usual settings; change what you like
 *   world_begin(provider, id);    the upgrade: world.call
 *   ...                           call_on_message(world.call, ...)
 *   world_hang_up();              the socket goes
 *
 * Thread: one.
 */
#ifndef TESTS_SUPPORT_CALL_WORLD_H
#define TESTS_SUPPORT_CALL_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/admission.h"
#include "media/call.h"
#include "media/line.h"
#include "media/loop.h"
#include "persistence/record.h"
#include "server/settings.h"

#define WORLD_ROOM 65536u /* for a message, either way */

struct line {
	unsigned close_code; /* the first one; 0: open */
	bool cut, choked;
	char sent[WORLD_ROOM + 1]; /* the newest message that it took */
	unsigned sent_count;
};

struct call_world {
	struct loop loop;
	struct settings settings;
	struct line line;
	struct route route;
	struct admission admission;
	struct call *call; /* NULL: gone */
	uint64_t now_ms;
	/* Who looks on; NULL: nobody. A record is freed behind them. */
	void (*on_record)(const struct record *record);
	void (*on_send)(const char *message, size_t length, unsigned kind);
};
extern struct call_world world;

void world_prepare(void);
/* `provider` may be NULL: the first message will say it. */
void world_begin(const struct provider *provider, const char *call_id);
/* The turns that are due by now, as the loop's timer would do it. */
void world_turn(void);
/* Does nothing when the call is gone. */
void world_hang_up(void);

#endif
