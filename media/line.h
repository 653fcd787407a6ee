/*
 * line.h - the WebSocket side of a call
 *
 * Here and nowhere else libwebsockets meets a call: the upgrade (which route?
 * room for one more?), fragments into messages, bytes out under back-pressure,
 * closing. A line that cannot take more keeps up to media.send_buffer bytes and
 * drops what comes beyond.
 *
 * Thread: the call's loop.
 */
#ifndef MEDIA_LINE_H
#define MEDIA_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct line;
struct lws_protocols;

/* What the loops hand to their libwebsockets context. */
const struct lws_protocols *line_protocols(void);

/* Sends the message that stands in the loop's `out` buffer, as text or binary.
 * False: choked, and it was dropped. */
bool line_send(struct line *line, size_t length, bool binary);
/* Drops what waits to be sent; how many messages that were. */
size_t line_drop_queued(struct line *line);
/* Closes with that code as soon as the line can take it. A peer that takes
 * nothing is cut off by line_cut(). */
void line_close(struct line *line, unsigned close_code);
void line_cut(struct line *line);

#endif
