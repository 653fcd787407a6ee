/*
 * record.c - listens: the recorder does the rest (see media/handler.h)
 */
#include "media/handler.h"

const struct handler handler_record = { .name = "record" };

const struct handler *handler_of(enum route_handler which)
{
	static const struct handler *const handlers[] = {
		[ROUTE_RECORD] = &handler_record,
		[ROUTE_ECHO] = &handler_echo,
	};

	return handlers[which];
}
