/*
 * line.h - the WebSocket side of a call
 *
 * Here and nowhere else a WebSocket meets a call: the upgrade (which route?
 * room for one more?), fragments into messages, bytes out under back-pressure,
 * closing. A line that cannot take more keeps up to media.send_buffer bytes of
 * messages and drops what comes beyond.
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
struct websocket_owner;

/* What the loops hand to their libwebsockets context. */
const struct lws_protocols *line_protocols(void);
/* How a loop's sockets tell their lines what comes. */
const struct websocket_owner *line_websockets(void);

/* What a message is. */
enum {
	LINE_TEXT = 0,
	LINE_BINARY = 1,
	LINE_AUDIO = 2 /* may be dropped by line_drop_audio() */
};

/* Sends the message that stands in the loop's `out` buffer. False: choked, and
 * it was dropped. What is not audio finds room for longer. */
bool line_send(struct line *line, size_t length, unsigned kind);
/* Drops the audio that waits to be sent; how many messages that were. */
size_t line_drop_audio(struct line *line);
/* Closes with that code as soon as the line can take it. A peer that takes
 * nothing is cut off by line_cut(). */
void line_close(struct line *line, unsigned close_code);
void line_cut(struct line *line);

#endif
