/*
 * handler.h - what a call does with what it hears
 *
 * One const struct of functions in one file under handlers/; the route names
 * it. A handler acts through call.h (call_send_media and so on). Functions that
 * are NULL mean "nothing to do".
 *
 * Thread: the call's loop.
 */
#ifndef MEDIA_HANDLER_H
#define MEDIA_HANDLER_H

#include <stddef.h>
#include <stdint.h>

#include "server/settings.h"

struct call;
struct event;

struct handler {
	const char *name;
	void (*on_start)(struct call *call);
	void (*on_media)(struct call *call, const struct event *event);
	void (*on_dtmf)(struct call *call, char digit);
	void (*on_mark)(struct call *call, const char *name);
	void (*on_end)(struct call *call);
};

extern const struct handler handler_record;
extern const struct handler handler_echo;

const struct handler *handler_of(enum route_handler which);

#endif
