/*
 * caller.c - one simulated call (see caller.h)
 */
#include "tools/holdload/caller.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "tools/holdload/handshake.h"
#include "tools/holdload/listener.h"
#include "tools/holdload/misbehave.h"
#include "tools/holdload/options.h"
#include "tools/holdload/speaker.h"

#define MS		   1000000u /* nanoseconds */
#define CONNECT_TIMEOUT_NS (10000ull * MS)
#define ECHO_WAIT_NS	   (2000ull * MS)
#define CLOSE_TIMEOUT_NS   (10000ull * MS)
#define OPEN_TIMEOUT_NS	   (5000ull * MS) /* AudioHook's own */
#define BURST_MAX	   100		  /* frames caught up in one go */
#define FLOOD_FRAMES	   50		  /* of a flood, for each that is due */
#define NEVER		   UINT64_MAX

static uint64_t wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / MS;
}

static uint64_t entropy(void)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		return wall_ms();
	return random;
}

void caller_init(struct caller *c, struct crew *crew,
		 const struct call_plan *plan, uint64_t turn_ns)
{
	const struct options *options = crew->options;
	uint64_t key[2], ids[6];

	*c = (struct caller){ .options = options,
			      .crew = crew,
			      .measured =
				      plan->misdeed ? &crew->odd : &crew->good,
			      .plan = *plan,
			      .turn_ns = turn_ns };
	/* No two runs are the same calls, whatever the seed: a server may
	 * know a call again by its id. */
	link_init(&c->link, &crew->bench, entropy() ^ plan->number);
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
	c->measured->calls++;
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
	barge_account(c);
	if (c->plan.misdeed)
		misbehave_account(c);
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
	for (; c->address_at < o->address_count; c->address_at++) {
		const struct link_route route = {
			.to = &o->addresses[c->address_at],
			.from = o->source_count ? &o->sources[c->plan.number %
							      o->source_count]
						: NULL,
			.narrow = c->plan.misdeed == MISDEED_SLOW_READER,
		};

		if (link_connect(&c->link, &route) == 0)
			return;
	}
	end(c, OUTCOME_CONNECT_FAILED);
}

void caller_connect(struct caller *c, uint64_t now_ns)
{
	struct measured *m = &c->crew->good;

	c->now_ns = now_ns;
	c->began_ns = now_ns;
	if (m->first_ns == 0)
		m->first_ns = now_ns;
	m->last_ns = now_ns;
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
	if (c->plan.misdeed == MISDEED_HALF_OPEN) {
		length /= 2;
		c->misbehaved = true;
		c->deadline_ns = c->plan.length_ns == PLAN_NO_END
					 ? NEVER
					 : c->now_ns + c->plan.length_ns;
	}
	if (length == 0 || !link_send(&c->link, request, length))
		end(c, OUTCOME_CONNECT_FAILED);
}

static uint64_t frame_ns(const struct caller *c)
{
	return (uint64_t)c->options->audio.frame_ms * MS;
}

/* Frames that begin before the call is to end. */
static uint64_t frames_until(const struct caller *c, uint64_t ends_ns)
{
	uint64_t frame = frame_ns(c);

	if (misdeed_is_silent(c->plan.misdeed))
		return 0;
	if (ends_ns == NEVER || c->plan.misdeed == MISDEED_FLOOD)
		return NEVER;
	return ends_ns > c->origin_ns
		       ? (ends_ns - c->origin_ns + frame - 1) / frame
		       : 0;
}

static void begin_talking(struct caller *c)
{
	uint64_t frame = frame_ns(c);

	c->state = CALLER_TALKING;
	c->deadline_ns = NEVER;
	c->ping_ns = c->now_ns;
	/* The next of its turns. */
	c->origin_ns = c->turn_ns;
	if (c->now_ns > c->turn_ns)
		c->origin_ns +=
			(c->now_ns - c->turn_ns + frame - 1) / frame * frame;
	c->ends_ns = c->plan.length_ns == PLAN_NO_END
			     ? NEVER
			     : c->origin_ns + c->plan.length_ns;
	c->frames_total = frames_until(c, c->ends_ns);
	misbehave_begin(c);
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
	if (!listener_begin(c) || !misbehave_say_hello(c)) {
		end(c, c->link.lost ? OUTCOME_DROPPED : OUTCOME_BROKEN);
		return;
	}
	if (dialect->waits_to_be_opened && c->started_ns > 0) {
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

	c->link.deaf = false;
	if (dialect->empty_binary_ends)
		(void)link_send_frame(&c->link, WIRE_BINARY, "", 0);
	if (dialect->stop && c->started_ns > 0)
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
		if (readable && c->link.deaf)
			c->link.lost = true; /* only an end is heard */
		else if (readable && c->state != CALLER_DONE)
			do
				on_readable(c, now_ns);
			while (c->state != CALLER_DONE &&
			       link_holds_more(&c->link));
	}
	end_if_lost(c);
}

/* ---- speaking --------------------------------------------------------------
 */

/* How many frames are to be sent now. */
static uint64_t frames_due(const struct caller *c)
{
	uint64_t due;

	if (c->now_ns < c->origin_ns)
		return 0;
	if (c->plan.misdeed == MISDEED_FLOOD)
		return c->link.wants_write ? 0 : FLOOD_FRAMES;
	due = (c->now_ns - c->origin_ns) / frame_ns(c) + 1;
	if (due > c->frames_total)
		due = c->frames_total;
	return due < c->frames_sent + BURST_MAX ? due - c->frames_sent
						: BURST_MAX;
}

static void stop_talking(struct caller *c)
{
	if (misbehave_leave(c)) {
		end(c, OUTCOME_LEFT);
		return;
	}
	c->state = CALLER_WAITING;
	c->deadline_ns = c->now_ns + ECHO_WAIT_NS;
}

static void speak(struct caller *c)
{
	uint64_t count = frames_due(c);

	for (uint64_t i = 0; i < count; i++) {
		barge_on_frame(c);
		speaker_send_audio(c,
				   c->origin_ns + c->frames_sent * frame_ns(c));
		if (c->link.lost)
			return;
		speaker_send_digits(c);
	}
	if (c->now_ns >= c->ends_ns &&
	    (c->frames_total == NEVER || c->frames_sent >= c->frames_total))
		stop_talking(c);
}

static void talk(struct caller *c)
{
	if (!c->misbehaved && c->now_ns >= c->misdeed_ns && misbehave_now(c))
		end(c, OUTCOME_LEFT);
	else
		speak(c);
}

static void on_deadline(struct caller *c)
{
	if (c->state == CALLER_CONNECTING &&
	    c->address_at + 1 < c->options->address_count) {
		c->address_at++;
		try_addresses(c);
	} else if (c->state == CALLER_UPGRADING && c->misbehaved) {
		end(c, OUTCOME_LEFT);
	} else {
		end(c, OUTCOME_TIMEOUT);
	}
}

void caller_on_time(struct caller *c, uint64_t now_ns)
{
	c->now_ns = now_ns;
	if (c->state == CALLER_TALKING || c->state == CALLER_WAITING) {
		listener_on_time(c, now_ns);
		speaker_send_ping(c, now_ns);
	}
	switch (c->state) {
	case CALLER_TALKING: talk(c); break;
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

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The next frame, the end, or what else it does by the clock. */
static uint64_t next_word_ns(const struct caller *c)
{
	uint64_t at = c->ends_ns;

	if (c->plan.misdeed == MISDEED_FLOOD)
		at = c->now_ns + frame_ns(c);
	else if (c->frames_sent < c->frames_total)
		at = c->origin_ns + c->frames_sent * frame_ns(c);
	else if (c->options->dialect->ping)
		at = earlier(at, c->ping_ns);
	return c->misbehaved ? at : earlier(at, c->misdeed_ns);
}

uint64_t caller_next_ns(const struct caller *c)
{
	uint64_t at = c->deadline_ns;

	if (c->state == CALLER_DONE)
		return NEVER;
	if (c->state == CALLER_TALKING)
		at = next_word_ns(c);
	else if (c->state == CALLER_WAITING)
		at = c->now_ns + frame_ns(c);
	else
		return at;
	if (c->mark_count > 0)
		at = earlier(at, c->marks[0].due_ns);
	return c->held ? earlier(at, c->now_ns + frame_ns(c)) : at;
}

bool caller_has_settled(const struct caller *c)
{
	return c->state >= CALLER_TALKING ||
	       (c->state == CALLER_UPGRADING && c->misbehaved);
}

void caller_hang_up_at(struct caller *c, uint64_t at_ns)
{
	if (c->state == CALLER_UPGRADING)
		c->deadline_ns = at_ns;
	if (c->state != CALLER_TALKING)
		return;
	c->ends_ns = at_ns;
	c->frames_total = frames_until(c, at_ns);
	if (c->frames_total < c->frames_sent)
		c->frames_total = c->frames_sent;
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
