/*
 * echo.c - says back what it hears, frame by frame (see media/handler.h)
 *
 * The caller's own track only: with both tracks, the other is what the caller
 * hears already.
 */
#include "media/call.h"
#include "media/handler.h"
#include "media/provider.h"

static void on_media(struct call *call, const struct event *event)
{
	if (event->media.track == TRACK_INBOUND)
		call_send_media(call, event->media.audio, event->media.bytes);
}

const struct handler handler_echo = { .name = "echo", .on_media = on_media };
