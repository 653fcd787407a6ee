/*
 * line_internal.h - a line, as the files that make it one see it
 *
 *   line_upgrade.c   from the request to the call, and what libwebsockets says
 *   line.c           messages in and out, closing
 *   raw.c            a line without a call
 *
 * A line's frames are read by the loop itself (server/websocket.h), or by
 * libwebsockets where that had to stay: TLS, and who sent more than a request
 * before he was answered. `ws` tells which.
 */
#ifndef MEDIA_LINE_INTERNAL_H
#define MEDIA_LINE_INTERNAL_H

#include <libwebsockets.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/line.h"
#include "media/raw.h"
#include "server/websocket.h"

struct admission;
struct call;
struct loop;

/* Messages one behind the other: a length, then the bytes, wrapping round. */
struct ring {
	unsigned char *bytes;
	size_t size, start, used;
};

struct line {
	/* What a frame needs stands together. */
	struct call *call;
	struct loop *loop;
	struct lws *wsi;
	unsigned close_code; /* 0: not closing */
	bool is_raw;
	bool admitted; /* counted among the calls */
	bool close_sent;
	bool peer_closed;      /* the peer has sent a close frame */
	size_t partial_length; /* of a message in several pieces */
	struct websocket ws;

	struct ring ring;
	char *partial; /* owned */
	size_t partial_room;
	struct admission *admission; /* borrowed from the connection */
	struct raw raw;		     /* of a route that repeats what it hears */
};

/* Bytes in front of a message that is sent. */
#define LINE_PRE LWS_PRE

/* A piece of a message. */
void line_receive(struct line *line, const char *in, size_t length, bool whole,
		  bool binary);
/* What waits leaves. -1: the connection is of no use. */
int line_on_writable(struct line *line);
/* LINE_PRE bytes, then a whole message; never while choked. False: lost. */
bool line_write(struct line *line, unsigned char *message, size_t length,
		unsigned kind);
bool line_is_choked(const struct line *line);
/* Nothing more is read until it is called again. */
void line_pause(struct line *line, bool pause);
/* The connection goes, whatever it had become. */
void line_gone(struct line *line);

#endif
