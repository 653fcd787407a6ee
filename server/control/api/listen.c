/* listen.c - a live call's sound, over a WebSocket (see listen.h) */
#include "server/control/api/listen.h"

#include <stdlib.h>
#include <string.h>
#include <ev.h>

#include "server/board.h"
#include "server/clock.h"
#include "server/control/api/query.h"
#include "server/control/context.h"
#include "server/control/http/http_socket.h"
#include "server/live_calls.h"
#include "server/live_taps.h"
#include "server/uuid.h"

#define TURN_S	  0.04
#define LOOK_MS	  500u		 /* is the call still there? */
#define BLOCK	  ((size_t)4096) /* samples of a channel in one message */
#define AHEAD_MS  200u		 /* how far the call may be before our clock, */
#define BEHIND_MS 200u		 /* and behind it, before there is silence */
#define PRIME_MS  60u		 /* of what is said, before it is played */
#define SPARE_MS  2000u		 /* what waited that long is needed by nobody */

struct listener {
	struct http_socket *socket;
	struct ev_loop *loop; /* borrowed */
	ev_timer turn;
	struct uuid id;
	int tap;
	bool mono;
	uint32_t rate_hz;  /* 0: nothing has come yet */
	uint64_t begun_us; /* monotonic */
	uint64_t sent;	   /* samples of a channel */
	uint64_t looked_ms;
	/* Of what is heard: the least that waited since then. */
	size_t spare;
	uint64_t spare_since_ms;
	bool is_saying;		/* what is said is being played */
	uint64_t said_since_ms; /* it has been waiting; 0: it has not */
};

/* ---- the pace --------------------------------------------------------------
 */

static uint64_t samples_in(const struct listener *l, uint64_t ms)
{
	return ms * l->rate_hz / 1000;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What was there all the time, for so long, only makes us late. */
static void skip_spare(struct listener *l, size_t waiting, uint64_t now_ms)
{
	int16_t pcm[BLOCK];

	if (waiting < l->spare)
		l->spare = waiting;
	if (now_ms - l->spare_since_ms < SPARE_MS)
		return;
	while (l->spare > 0)
		l->spare -= live_tap_read(l->tap, LIVE_HEARD, pcm,
					  least(l->spare, BLOCK));
	l->spare = live_tap_waiting(l->tap, LIVE_HEARD);
	l->spare_since_ms = now_ms;
}

/* It begins with a little in hand, so that it does not stutter; a last word
 * that is shorter is played as well. */
static bool may_say(struct listener *l, uint64_t now_ms)
{
	size_t waiting = live_tap_waiting(l->tap, LIVE_SAID);

	if (waiting == 0) {
		l->is_saying = false;
		l->said_since_ms = 0;
		return false;
	}
	if (l->said_since_ms == 0)
		l->said_since_ms = now_ms;
	if (waiting >= samples_in(l, PRIME_MS) ||
	    now_ms - l->said_since_ms >= 2 * (uint64_t)PRIME_MS)
		l->is_saying = true;
	return l->is_saying;
}

/* ---- messages --------------------------------------------------------------
 */

static void put(uint8_t *to, int sample)
{
	if (sample > INT16_MAX)
		sample = INT16_MAX;
	if (sample < INT16_MIN)
		sample = INT16_MIN;
	to[0] = (uint8_t)((unsigned)sample & 0xff);
	to[1] = (uint8_t)((unsigned)sample >> 8 & 0xff);
}

/* So many samples of each side; those that are missing are silence. */
static void send_block(struct listener *l, size_t heard, size_t total,
		       uint64_t now_ms)
{
	int16_t left[BLOCK] = { 0 }, right[BLOCK] = { 0 };
	uint8_t bytes[BLOCK * 2 * sizeof(int16_t)];
	size_t frame = l->mono ? 2 : 4;

	(void)live_tap_read(l->tap, LIVE_HEARD, left, heard);
	if (may_say(l, now_ms))
		(void)live_tap_read(l->tap, LIVE_SAID, right, total);
	for (size_t i = 0; i < total; i++) {
		put(bytes + i * frame, l->mono ? left[i] + right[i] : left[i]);
		if (!l->mono)
			put(bytes + i * frame + 2, right[i]);
	}
	l->sent += total;
	(void)http_socket_send(l->socket,
			       HTTP_SOCKET_BINARY | HTTP_SOCKET_LOSABLE, bytes,
			       total * frame);
}

/* All that is due. */
static void pump(struct listener *l, uint64_t now_ms)
{
	uint64_t elapsed_us = clock_mono_us() - l->begun_us;
	uint64_t due = elapsed_us * l->rate_hz / 1000000;
	uint64_t latest = due + samples_in(l, AHEAD_MS);
	uint64_t earliest = due > samples_in(l, BEHIND_MS)
				    ? due - samples_in(l, BEHIND_MS)
				    : 0;
	uint64_t heard = live_tap_waiting(l->tap, LIVE_HEARD), total;

	heard = l->sent < latest ? least(heard, latest - l->sent) : 0;
	total = l->sent + heard < earliest ? earliest - l->sent : heard;
	while (total > 0) {
		size_t block = (size_t)least(total, BLOCK);
		size_t part = (size_t)least(heard, block);

		send_block(l, part, block, now_ms);
		heard -= part;
		total -= block;
	}
	skip_spare(l, live_tap_waiting(l->tap, LIVE_HEARD), now_ms);
}

/* Takes it. */
static bool say(struct listener *l, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	bool said = text && http_socket_send(l->socket, HTTP_SOCKET_TEXT, text,
					     strlen(text));

	json_decref(json);
	free(text);
	return said;
}

/* ---- beginning and end -----------------------------------------------------
 */

static json_t *describe_sound(const struct live_call *call, bool mono)
{
	char id[UUID_TEXT_SIZE];

	uuid_format(&call->id, id);
	return json_pack("{s:s, s:s, s:s, s:i, s:i, s:s}", "event", "start",
			 "call_id", id, "codec", call->codec, "sample_rate",
			 (int)call->rate_hz, "channels", mono ? 1 : 2, "format",
			 "s16le");
}

static void begin(struct listener *l, const struct live_call *call,
		  uint64_t now_ms)
{
	l->rate_hz = live_tap_rate_hz(l->tap);
	if (l->rate_hz == 0)
		return; /* its loop has not looked yet */
	l->begun_us = clock_mono_us();
	l->spare_since_ms = now_ms;
	l->spare = SIZE_MAX;
	(void)say(l, describe_sound(call, l->mono));
}

static void end(struct listener *l, const char *reason)
{
	ev_timer_stop(l->loop, &l->turn);
	(void)say(l, json_pack("{s:s, s:s?}", "event", "end", "end_reason",
			       reason && *reason ? reason : NULL));
	http_socket_close(l->socket, HTTP_SOCKET_DONE, "the call has ended");
}

static void on_turn(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct listener *l = timer->data;
	uint64_t now_ms = clock_mono_ms();
	enum live_answer there = LIVE_FOUND;
	struct live_call call = { 0 };

	(void)loop;
	(void)events;
	if (l->rate_hz == 0 || now_ms - l->looked_ms >= LOOK_MS) {
		there = live_call_read(&l->id, &call);
		l->looked_ms = now_ms;
	}
	if (l->rate_hz == 0)
		begin(l, &call, now_ms);
	if (l->rate_hz > 0)
		pump(l, now_ms);
	if (there != LIVE_FOUND)
		end(l, call.end_reason);
}

static void on_open(struct http_socket *socket, void *arg)
{
	struct listener *l = arg;

	l->socket = socket;
	ev_timer_start(l->loop, &l->turn);
}

static void on_closed(void *arg)
{
	struct listener *l = arg;

	ev_timer_stop(l->loop, &l->turn);
	board_add(board_series(METRIC_LISTEN_DROPPED_TOTAL, ""),
		  (int64_t)live_tap_dropped(l->tap));
	live_tap_close(l->tap, &l->id);
	free(l);
}

static const struct http_socket_kind kind = {
	.name = "listen",
	.audited = true,
	.on_open = on_open,
	.on_closed = on_closed,
};

/* ---- the request ----------------------------------------------------------
 */

static const char *const channels[] = { "1", "2", NULL };
static const struct query_parameter parameters[] = {
	{ "channels", QUERY_WORD, channels },
};

static void refuse_unknown(struct http_response *response)
{
	http_reply_error(response, 404, "no such call is live here");
}

/* The tap is the listener's from here on. */
static struct listener *create(const struct control_context *control,
			       const struct uuid *id, int tap)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->loop = control->loop;
	l->id = *id;
	l->tap = tap;
	ev_timer_init(&l->turn, on_turn, TURN_S, TURN_S);
	l->turn.data = l;
	return l;
}

static void open_listener(const struct http_request *request,
			  struct http_response *response,
			  const struct control_context *control,
			  const struct uuid *id, bool mono)
{
	struct listener *l;
	int tap;

	if (live_tap_open(id, &tap) != LIVE_FOUND) {
		refuse_unknown(response);
		return;
	}
	if (tap == LIVE_TAP_NONE) {
		http_reply_error(response, 503, "too many listen already");
		return;
	}
	l = create(control, id, tap);
	if (!l) {
		live_tap_close(tap, id);
		http_reply_error(response, 503, "out of memory");
		return;
	}
	l->mono = mono;
	http_socket_open(request, response, &kind, l);
}

static void answer_format(struct http_response *response, const struct uuid *id,
			  bool mono)
{
	struct live_call call;

	if (live_call_read(id, &call) == LIVE_FOUND)
		http_reply_json(response, 200, describe_sound(&call, mono));
	else
		refuse_unknown(response);
}

void listen_handle(const struct http_request *request,
		   struct http_response *response, void *context)
{
	struct query_value values[1];
	struct uuid id;
	bool mono;

	if (!query_read(request, parameters, 1, values, response))
		return;
	mono = strcmp(values[0].text, "1") == 0;
	if (!uuid_parse(request->parameter, &id))
		http_reply_error(response, 400, "the path needs a UUID");
	else if (request->sockets)
		open_listener(request, response, context, &id, mono);
	else
		answer_format(response, &id, mono);
}
