/*
 * line.c - the WebSocket side of a call (see line.h)
 *
 * A message that arrives in one piece, as nearly all do, is read where it was
 * received. A message in several is put together in a buffer that exists only
 * meanwhile.
 *
 * Out: straight to the socket while it takes everything. When a rest had to be
 * kept back, messages wait in a ring that exists only meanwhile, and leave as
 * the socket becomes writeable.
 */
#include "media/line.h"

#include <stdlib.h>
#include <string.h>

#include "media/call.h"
#include "media/line_internal.h"
#include "media/loop.h"
#include "server/log.h"
#include "server/net.h"

#define GOODBYE_S  10 /* for the peer's close, where no call sees to it */

#define KIND_SHIFT 30u	  /* the length's upper bits say the kind */
#define WORDS_ROOM 16384u /* for what is not audio, when all else is full */

/* ---- the ring --------------------------------------------------------------
 */

static void ring_copy_in(struct ring *ring, const void *bytes, size_t length)
{
	size_t at = (ring->start + ring->used) % ring->size;
	size_t first = length < ring->size - at ? length : ring->size - at;

	memcpy(ring->bytes + at, bytes, first);
	memcpy(ring->bytes, (const char *)bytes + first, length - first);
	ring->used += length;
}

static void ring_copy_out(struct ring *ring, void *bytes, size_t length)
{
	size_t first = length < ring->size - ring->start
			       ? length
			       : ring->size - ring->start;

	memcpy(bytes, ring->bytes + ring->start, first);
	memcpy((char *)bytes + first, ring->bytes, length - first);
	ring->start = (ring->start + length) % ring->size;
	ring->used -= length;
}

static bool ring_push(struct ring *ring, size_t size, const void *message,
		      uint32_t length, unsigned kind)
{
	uint32_t head = length | (uint32_t)kind << KIND_SHIFT;
	size_t reserved = kind & LINE_AUDIO ? WORDS_ROOM : 0;

	if (!ring->bytes) {
		ring->bytes = malloc(size + WORDS_ROOM);
		if (!ring->bytes)
			return false;
		ring->size = size + WORDS_ROOM;
		ring->start = ring->used = 0;
	}
	if (ring->used + sizeof(head) + length + reserved > ring->size)
		return false;
	ring_copy_in(ring, &head, sizeof(head));
	ring_copy_in(ring, message, length);
	return true;
}

/* The oldest message into `out`; 0 when there is none. */
static uint32_t ring_pop(struct ring *ring, void *out, unsigned *kind)
{
	uint32_t head;

	*kind = 0;
	if (ring->used == 0)
		return 0;
	ring_copy_out(ring, &head, sizeof(head));
	*kind = head >> KIND_SHIFT;
	head &= (1u << KIND_SHIFT) - 1;
	ring_copy_out(ring, out, head);
	return head;
}

static void ring_free(struct ring *ring)
{
	free(ring->bytes);
	*ring = (struct ring){ 0 };
}

/* ---- out -------------------------------------------------------------------
 */

bool line_write(struct line *line, unsigned char *message, size_t length,
		unsigned kind)
{
	bool binary = (kind & LINE_BINARY) != 0;

	if (websocket_is_taken(&line->ws))
		return websocket_send(&line->ws, message, length,
				      binary ? WS_OP_BINARY : WS_OP_TEXT);
	return lws_write(line->wsi, message, length,
			 binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT) >= 0;
}

bool line_is_choked(const struct line *line)
{
	return websocket_is_taken(&line->ws)
		       ? websocket_is_choked(&line->ws)
		       : lws_partial_buffered(line->wsi) != 0;
}

static void want_write(struct line *line)
{
	if (!line->wsi)
		return;
	if (websocket_is_taken(&line->ws))
		websocket_want_write(&line->ws);
	else
		(void)lws_callback_on_writable(line->wsi);
}

void line_pause(struct line *line, bool pause)
{
	if (websocket_is_taken(&line->ws))
		websocket_pause(&line->ws, pause);
	else
		(void)lws_rx_flow_control(line->wsi, !pause);
	if (pause)
		want_write(line);
}

static bool write_now(struct line *line, size_t length, unsigned kind)
{
	return line_write(line, line->loop->out + LINE_PRE, length, kind);
}

bool line_send(struct line *line, size_t length, unsigned kind)
{
	if (line->close_code || !line->wsi)
		return false;
	if (line->ring.used == 0 && !line_is_choked(line))
		return write_now(line, length, kind);
	if (!ring_push(&line->ring, line->loop->settings->media.send_buffer,
		       line->loop->out + LINE_PRE, (uint32_t)length, kind))
		return false;
	want_write(line);
	return true;
}

/* Once round: what is kept goes to the end again. */
size_t line_drop_audio(struct line *line)
{
	unsigned char *out = line->loop->out + LINE_PRE;
	struct ring *ring = &line->ring;
	size_t left = ring->used, dropped = 0;
	unsigned kind;

	while (left > 0) {
		uint32_t length = ring_pop(ring, out, &kind);

		left -= sizeof(length) + length;
		if (kind & LINE_AUDIO)
			dropped++;
		else /* it has just left that much room */
			(void)ring_push(ring, ring->size, out, length, kind);
	}
	if (ring->used == 0)
		ring_free(ring);
	return dropped;
}

void line_close(struct line *line, unsigned close_code)
{
	if (line->close_code)
		return;
	line->close_code = close_code;
	ring_free(&line->ring);
	want_write(line);
}

void line_cut(struct line *line)
{
	if (line->wsi)
		lws_set_timeout(line->wsi, PENDING_TIMEOUT_CLOSE_ACK,
				LWS_TO_KILL_ASYNC);
}

/* The connection stays until the peer's has come, or line_cut(). A peer whose
 * frames cannot be read any more is told so by the end of ours. */
static int say_goodbye(struct line *line)
{
	if (line->close_sent)
		return 0;
	line->close_sent = true;
	if (line->is_raw)
		lws_set_timeout(line->wsi, PENDING_TIMEOUT_CLOSE_ACK,
				GOODBYE_S);
	if (websocket_is_taken(&line->ws))
		return websocket_say_goodbye(&line->ws, line->close_code) ? 0
									  : -1;
	return net_say_goodbye(line->wsi, line->close_code, "");
}

int line_on_writable(struct line *line)
{
	uint32_t length;
	unsigned kind;

	if (line->close_code)
		return say_goodbye(line);
	if (line->is_raw)
		line_pause(line, false);
	do {
		length = ring_pop(&line->ring, line->loop->out + LINE_PRE,
				  &kind);
		if (length > 0 && !write_now(line, length, kind))
			return -1;
	} while (line->ring.used > 0 && !line_is_choked(line));
	if (line->ring.used > 0)
		want_write(line);
	else
		ring_free(&line->ring);
	return 0;
}

/* ---- in --------------------------------------------------------------------
 */

static bool partial_add(struct line *line, const char *bytes, size_t length)
{
	size_t room = line->partial_room ? line->partial_room : 4096;
	char *more;

	while (room < line->partial_length + length)
		room *= 2;
	if (room != line->partial_room) {
		more = realloc(line->partial, room);
		if (!more)
			return false;
		line->partial = more;
		line->partial_room = room;
	}
	memcpy(line->partial + line->partial_length, bytes, length);
	line->partial_length += length;
	return true;
}

static void partial_free(struct line *line)
{
	free(line->partial);
	line->partial = NULL;
	line->partial_length = line->partial_room = 0;
}

void line_receive(struct line *line, const char *in, size_t length, bool whole,
		  bool binary)
{
	if (line->close_code)
		return;
	if (line->is_raw) {
		raw_receive(&line->raw, line, in, length, whole, binary);
		return;
	}
	if (line->partial_length + length > call_longest_message(line->call)) {
		partial_free(line);
		call_fail(line->call, CLOSE_TOO_BIG,
			  "a message over media.max_message");
		return;
	}
	if (whole && line->partial_length == 0) {
		call_on_message(line->call, in, length, binary);
		return;
	}
	if (!partial_add(line, in, length)) {
		partial_free(line);
		call_fail(line->call, CLOSE_INTERNAL, "no memory");
		return;
	}
	if (whole) {
		call_on_message(line->call, line->partial, line->partial_length,
				binary);
		partial_free(line);
	}
}

/* ---- what its own socket says ----------------------------------------------
 */

static struct line *line_of(struct websocket *ws)
{
	return (struct line *)((char *)ws - offsetof(struct line, ws));
}

static const char *log_ids(const struct line *line)
{
	return line->call ? line->call->log_ids : NULL;
}

static void on_data(struct websocket *ws, const struct ws_piece *piece,
		    bool binary)
{
	struct line *line = line_of(ws);

	log_for(log_ids(line));
	line_receive(line, (const char *)piece->bytes, piece->length,
		     piece->whole, binary);
	log_for(NULL);
}

static void on_broken(struct websocket *ws, const char *why)
{
	struct line *line = line_of(ws);

	if (line->is_raw) {
		line_close(line, CLOSE_PROTOCOL);
		return;
	}
	log_for(log_ids(line));
	call_fail(line->call, CLOSE_PROTOCOL, why);
	log_for(NULL);
}

static void on_close(struct websocket *ws, unsigned code)
{
	struct line *line = line_of(ws);

	line->peer_closed = true;
	if (!line->close_sent) /* RFC 6455, 5.5.1: usually with their code */
		(void)websocket_say_goodbye(ws, code ? code : CLOSE_NORMAL);
}

static void on_ws_writable(struct websocket *ws)
{
	(void)line_on_writable(line_of(ws));
}

/* libwebsockets, whose connection it still is, closes the socket at once, and
 * tells us so. */
static void on_ws_gone(struct websocket *ws)
{
	lws_set_timeout(line_of(ws)->wsi, PENDING_TIMEOUT_CLOSE_ACK,
			LWS_TO_KILL_SYNC);
}

/* The memory of a call that speaks every 20 ms has long left the caches. */
static void on_soon(struct websocket *ws)
{
	if (line_of(ws)->call)
		call_fetch(line_of(ws)->call);
}

static void on_next(struct websocket *ws)
{
	if (line_of(ws)->call)
		call_fetch_more(line_of(ws)->call);
}

const struct websocket_owner *line_websockets(void)
{
	static const struct websocket_owner owner = {
		.on_data = on_data,
		.on_close = on_close,
		.on_broken = on_broken,
		.on_writable = on_ws_writable,
		.on_gone = on_ws_gone,
		.on_soon = on_soon,
		.on_next = on_next,
	};

	return &owner;
}

void line_gone(struct line *line)
{
	websocket_stop(&line->ws);
	line->wsi = NULL;
	call_destroy(line->call);
	line->call = NULL;
	partial_free(line);
	ring_free(&line->ring);
	raw_free(&line->raw);
	if (line->admitted)
		loop_forget(line->loop);
	line->admitted = false;
}
