/*
 * caller.c - one simulated call (see caller.h)
 */
#include "tools/holdload/caller.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/holdload/handshake.h"
#include "tools/holdload/listener.h"
#include "tools/holdload/options.h"
#include "tools/holdload/speaker.h"

#define MS		   1000000u /* nanoseconds */
#define CONNECT_TIMEOUT_NS (10000ull * MS)
#define ECHO_WAIT_NS	   (2000ull * MS)
#define CLOSE_TIMEOUT_NS   (10000ull * MS)
#define OPEN_TIMEOUT_NS	   (5000ull * MS) /* AudioHook's own */
#define BURST_MAX	   100		  /* frames caught up in one go */

static const char *const outcome_names[OUTCOME_COUNT] = {
	[OUTCOME_NONE] = "unfinished",
	[OUTCOME_COMPLETED] = "completed",
	[OUTCOME_CONNECT_FAILED] = "connect_failed",
	[OUTCOME_TLS_FAILED] = "tls_failed",
	[OUTCOME_REFUSED] = "refused",
	[OUTCOME_DROPPED] = "dropped",
	[OUTCOME_TIMEOUT] = "timeout",
	[OUTCOME_BROKEN] = "broken_protocol",
	[OUTCOME_CANCELLED] = "cancelled",
};

const char *outcome_name(enum outcome outcome)
{
	return outcome_names[outcome];
}

void caller_init(struct caller *c, const struct options *options,
		 struct measured *measured, uint64_t seed, uint64_t due_ns)
{
	const struct audio *audio = &options->audio;
	uint64_t key[2], ids[6];

	*c = (struct caller){ .options = options,
			      .measured = measured,
			      .due_ns = due_ns };
	link_init(&c->link, seed);
	c->talk = (struct talk){ .format = &options->format,
				 .parameters = options->parameters,
				 .parameter_count = options->parameter_count,
				 .token = options->token,
				 .channels = 1 };
	for (size_t i = 0; i < 6; i++)
		ids[i] = link_random(&c->link);
	options->dialect->make_ids(&c->talk.ids, ids);
	key[0] = link_random(&c->link);
	key[1] = link_random(&c->link);
	wire_make_key((const uint8_t *)key, c->key);
	c->frames_total = options->duration_ms
				  ? (options->duration_ms + audio->frame_ms -
				     1) / audio->frame_ms
				  : audio->count;
}

void caller_finish(struct caller *c)
{
	link_close(&c->link);
	listener_finish(c);
}

/* The one way to be done. Never called from inside a send (see link.h): whoever
 * sends sees the end when its turn is over, in end_if_lost(). */
static void end(struct caller *c, enum outcome outcome)
{
	if (c->state == CALLER_DONE)
		return;
	c->state = CALLER_DONE;
	c->outcome = outcome;
	c->ended_ns = c->now_ns;
	c->measured->outcomes[outcome]++;
	if (c->options->echo && c->frames_sent > c->frames_echoed)
		c->measured->echo_lost += c->frames_sent - c->frames_echoed;
	caller_finish(c);
}

/* The connection is gone; in what order that was, depends on how far we got. */
static void end_lost(struct caller *c)
{
	if (c->state > CALLER_UPGRADING) {
		end(c, OUTCOME_DROPPED);
	} else if (c->link.why) {
		c->measured->tls_why = c->link.why;
		end(c, OUTCOME_TLS_FAILED);
	} else {
		end(c, OUTCOME_CONNECT_FAILED);
	}
}

static void end_if_lost(struct caller *c)
{
	if (c->state != CALLER_DONE && c->link.lost)
		end_lost(c);
}

/* ---- connecting ------------------------------------------------------------
 */

/* Begins with the next address that lets us; none: the call has failed. */
static void try_addresses(struct caller *c)
{
	const struct options *o = c->options;

	c->state = CALLER_CONNECTING;
	c->deadline_ns = c->now_ns + CONNECT_TIMEOUT_NS;
	for (; c->address_at < o->address_count; c->address_at++)
		if (link_connect(&c->link,
				 (const struct sockaddr *)&o
					 ->addresses[c->address_at],
				 o->address_sizes[c->address_at]) == 0)
			return;
	end(c, OUTCOME_CONNECT_FAILED);
}

void caller_connect(struct caller *c, uint64_t now_ns)
{
	c->now_ns = now_ns;
	c->began_ns = now_ns;
	try_addresses(c);
}

static void on_connected(struct caller *c)
{
	const struct options *o = c->options;
	char request[HANDSHAKE_MAX];
	size_t length;
	int r = link_connected(&c->link,
			       o->security.context ? &o->security : NULL);

	if (r == EINPROGRESS)
		return;
	if (c->link.why) {
		end_lost(c);
		return;
	}
	if (r != 0) {
		c->address_at++;
		try_addresses(c);
		return;
	}
	c->state = CALLER_UPGRADING;
	length = handshake_put(request, sizeof(request), o, &c->talk, c->key,
			       link_random(&c->link));
	if (length == 0 || !link_send(&c->link, request, length))
		end(c, OUTCOME_CONNECT_FAILED);
}

static uint64_t wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / MS;
}

static void begin_talking(struct caller *c)
{
	c->state = CALLER_TALKING;
	c->deadline_ns = UINT64_MAX;
	c->ping_ns = c->now_ns;
}

static void on_response(struct caller *c)
{
	const struct dialect *dialect = c->options->dialect;
	ssize_t n = link_take_response(&c->link, c->key, dialect->subprotocol,
				       &c->status);

	if (n == 0)
		return;
	if (n < 0) {
		end(c, OUTCOME_BROKEN);
		return;
	}
	if (c->status != 101) {
		c->measured->statuses[c->status]++;
		end(c, OUTCOME_REFUSED);
		return;
	}
	histogram_add(&c->measured->connect_us,
		      (c->now_ns - c->began_ns) / 1000);
	c->talk.began_ms = wall_ms();
	if (!listener_begin(c) || !speaker_say_hello(c)) {
		end(c, c->link.lost ? OUTCOME_DROPPED : OUTCOME_BROKEN);
		return;
	}
	if (dialect->waits_to_be_opened) {
		c->state = CALLER_OPENING;
		c->deadline_ns = c->now_ns + OPEN_TIMEOUT_NS;
	} else {
		begin_talking(c);
	}
}

/* ---- listening -------------------------------------------------------------
 */

static void say_close(struct caller *c)
{
	static const uint8_t normal[] = { 1000 >> 8, 1000 & 0xff };

	c->stop_sent =
		link_send_frame(&c->link, WIRE_CLOSE, normal, sizeof(normal));
}

/* The end as the dialect says it: by a message and the server's answer, by one
 * after which the server closes, or by closing the socket. */
static void say_stop(struct caller *c, uint64_t now_ns)
{
	const struct dialect *dialect = c->options->dialect;
	char text[SPEAKER_TEXT_MAX];

	if (dialect->empty_binary_ends)
		(void)link_send_frame(&c->link, WIRE_BINARY, "", 0);
	if (dialect->stop)
		c->stop_sent = speaker_say(
			c, text, dialect->stop(text, sizeof(text), &c->talk));
	else
		say_close(c);
	c->state = CALLER_CLOSING;
	c->deadline_ns = now_ns + CLOSE_TIMEOUT_NS;
}

static void on_text(struct caller *c, const struct link_message *message,
		    uint64_t now_ns)
{
	switch (listener_take_text(c, (const char *)message->bytes,
				   message->length, now_ns)) {
	case HEARD_OPENED:
		if (c->state == CALLER_OPENING)
			begin_talking(c);
		break;
	case HEARD_GOODBYE: say_close(c); break;
	case HEARD_HANGUP:
		c->hung_up = true;
		if (c->state < CALLER_CLOSING)
			say_stop(c, now_ns);
		break;
	default: break;
	}
}

static void on_close(struct caller *c, const struct link_message *message)
{
	if (message->length >= 2)
		c->close_code =
			(unsigned)message->bytes[0] << 8 | message->bytes[1];
	(void)link_send_frame(&c->link, WIRE_CLOSE, message->bytes,
			      message->length);
	if (c->outcome == OUTCOME_CANCELLED)
		end(c, OUTCOME_CANCELLED);
	else
		end(c, c->stop_sent && !c->hung_up && c->close_code == 1000
			       ? OUTCOME_COMPLETED
			       : OUTCOME_DROPPED);
}

/* False: nothing whole is left. */
static bool take_message(struct caller *c, uint64_t now_ns)
{
	struct link_message message;

	switch (link_take(&c->link, &message)) {
	case LINK_NOTHING: return false;
	case LINK_TEXT: on_text(c, &message, now_ns); break;
	case LINK_BINARY:
		listener_take_binary(c, message.bytes, message.length, now_ns);
		break;
	case LINK_CLOSE: on_close(c, &message); break;
	case LINK_WRONG: end(c, OUTCOME_BROKEN); break;
	}
	return true;
}

static void on_readable(struct caller *c, uint64_t now_ns)
{
	if (!link_receive(&c->link)) {
		/* Without a close frame the end is not in good order. */
		end_lost(c);
		return;
	}
	if (c->state == CALLER_UPGRADING)
		on_response(c);
	while (c->state != CALLER_DONE && c->state != CALLER_UPGRADING &&
	       take_message(c, now_ns))
		;
}

void caller_on_ready(struct caller *c, bool readable, bool writable,
		     uint64_t now_ns)
{
	c->now_ns = now_ns;
	if (c->state == CALLER_CONNECTING) {
		if (writable || c->link.joined)
			on_connected(c);
	} else {
		if (writable && c->state != CALLER_DONE)
			link_flush(&c->link);
		if (readable && c->state != CALLER_DONE)
			do
				on_readable(c, now_ns);
			while (c->state != CALLER_DONE &&
			       link_holds_more(&c->link));
	}
	end_if_lost(c);
}

/* ---- speaking --------------------------------------------------------------
 */

static void speak(struct caller *c, uint64_t turn_ns, uint64_t now_ns)
{
	const uint64_t frame_ns = (uint64_t)c->options->audio.frame_ms * MS;

	/* The origin is our worker's turn, which comes every 20 ms from now on:
	 * anything else would be late by design. */
	if (c->origin_ns == 0)
		c->origin_ns = turn_ns;
	for (int i = 0; i < BURST_MAX && c->frames_sent < c->frames_total;
	     i++) {
		uint64_t due_ns = c->origin_ns + c->frames_sent * frame_ns;

		if (due_ns > now_ns)
			return;
		speaker_send_audio(c, due_ns, now_ns);
		if (c->link.lost)
			return;
		speaker_send_digits(c);
	}
	if (c->frames_sent >= c->frames_total &&
	    now_ns >= c->origin_ns + c->frames_total * frame_ns) {
		c->state = CALLER_WAITING;
		c->deadline_ns = now_ns + ECHO_WAIT_NS;
	}
}

static void on_deadline(struct caller *c)
{
	if (c->state == CALLER_CONNECTING &&
	    c->address_at + 1 < c->options->address_count) {
		c->address_at++;
		try_addresses(c);
	} else {
		end(c, OUTCOME_TIMEOUT);
	}
}

void caller_on_time(struct caller *c, uint64_t turn_ns, uint64_t now_ns)
{
	c->now_ns = now_ns;
	if (c->state == CALLER_TALKING || c->state == CALLER_WAITING) {
		listener_on_time(c, now_ns);
		speaker_send_ping(c, now_ns);
	}
	switch (c->state) {
	case CALLER_TALKING: speak(c, turn_ns, now_ns); break;
	case CALLER_WAITING:
		if (!c->options->echo || c->frames_echoed >= c->frames_sent ||
		    now_ns >= c->deadline_ns)
			say_stop(c, now_ns);
		break;
	case CALLER_CONNECTING:
	case CALLER_UPGRADING:
	case CALLER_OPENING:
	case CALLER_CLOSING:
		if (now_ns >= c->deadline_ns)
			on_deadline(c);
		break;
	default: break;
	}
	end_if_lost(c);
}

void caller_cancel(struct caller *c, uint64_t now_ns)
{
	c->now_ns = now_ns;
	if (c->state == CALLER_TALKING || c->state == CALLER_WAITING) {
		say_stop(c, now_ns);
		c->outcome = OUTCOME_CANCELLED;
	} else if (c->state != CALLER_CLOSING) {
		end(c, OUTCOME_CANCELLED);
	}
	end_if_lost(c);
}
