/*
 * caller.c - one simulated call (see caller.h)
 */
#include "tools/holdload/caller.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/holdload/options.h"

#define MS		   1000000u /* nanoseconds */
#define CONNECT_TIMEOUT_NS (10000ull * MS)
#define ECHO_WAIT_NS	   (2000ull * MS)
#define CLOSE_TIMEOUT_NS   (10000ull * MS)
#define BURST_MAX	   100 /* frames caught up in one go */
#define LOOK_AHEAD	   100 /* frames an echo may have skipped */

static const char *const outcome_names[OUTCOME_COUNT] = {
	[OUTCOME_NONE] = "unfinished",
	[OUTCOME_COMPLETED] = "completed",
	[OUTCOME_CONNECT_FAILED] = "connect_failed",
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

static void make_id(struct caller *c, const char *prefix, char out[35])
{
	(void)snprintf(out, 35, "%s%016llx%016llx", prefix,
		       (unsigned long long)link_random(&c->link),
		       (unsigned long long)link_random(&c->link));
}

void caller_init(struct caller *c, const struct options *options,
		 struct measured *measured, uint64_t seed, uint64_t due_ns)
{
	uint64_t key[2];

	*c = (struct caller){ .options = options,
			      .measured = measured,
			      .due_ns = due_ns };
	link_init(&c->link, seed);
	make_id(c, "AC", c->ids.account);
	make_id(c, "CA", c->ids.call);
	make_id(c, "MZ", c->ids.stream);
	key[0] = link_random(&c->link);
	key[1] = link_random(&c->link);
	wire_make_key((const uint8_t *)key, c->key);
	c->frames_total = options->duration_ms
				  ? (options->duration_ms + AUDIO_FRAME_MS -
				     1) / AUDIO_FRAME_MS
				  : options->audio.count;
}

void caller_finish(struct caller *c)
{
	link_close(&c->link);
	free(c->marks);
	free(c->sent_ns);
	c->marks = NULL;
	c->sent_ns = NULL;
	c->mark_count = 0;
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

static void end_if_lost(struct caller *c)
{
	if (c->state != CALLER_DONE && c->link.lost)
		end(c, OUTCOME_DROPPED);
}

static bool send_text(struct caller *c, const char *text, size_t length)
{
	if (length > 0 && link_send_frame(&c->link, WIRE_TEXT, text, length))
		return true;
	c->measured->frames_unsent++;
	return false;
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
	char request[1024];
	size_t length;

	if (link_connected(&c->link) != 0) {
		c->address_at++;
		try_addresses(c);
		return;
	}
	c->state = CALLER_UPGRADING;
	length = wire_request(request, sizeof(request), c->options->host,
			      c->options->path, c->key);
	if (length == 0 || !link_send(&c->link, request, length))
		end(c, OUTCOME_CONNECT_FAILED);
}

static void say_hello(struct caller *c)
{
	const struct options *o = c->options;
	char text[8192];

	(void)send_text(c, text, o->dialect->connected(text, sizeof(text)));
	if (send_text(c, text,
		      o->dialect->start(text, sizeof(text), &c->ids,
					o->parameters, o->parameter_count,
					++c->seq)))
		c->started_ns = c->now_ns;
}

static void on_response(struct caller *c)
{
	ssize_t n = link_take_response(&c->link, c->key, &c->status);

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
	if (c->options->echo) {
		c->sent_ns = calloc(SENT_RING, sizeof(*c->sent_ns));
		if (!c->sent_ns) {
			end(c, OUTCOME_BROKEN);
			return;
		}
	}
	c->state = CALLER_TALKING;
	c->deadline_ns = UINT64_MAX;
	say_hello(c);
}

/* ---- listening -------------------------------------------------------------
 */

static bool is_frame(const struct caller *c, uint64_t index,
		     const struct heard *heard)
{
	const struct audio *audio = &c->options->audio;

	return heard->length == AUDIO_FRAME_TEXT &&
	       memcmp(heard->text, audio->frames[index % audio->count],
		      AUDIO_FRAME_TEXT) == 0;
}

/* Which frame came back? Normally the next; some may have been dropped. */
static void on_echo(struct caller *c, const struct heard *heard,
		    uint64_t now_ns)
{
	struct measured *m = c->measured;
	uint64_t index = c->frames_echoed, due_ns;

	while (index < c->frames_sent &&
	       index < c->frames_echoed + LOOK_AHEAD &&
	       !is_frame(c, index, heard))
		index++;
	if (index >= c->frames_sent || !is_frame(c, index, heard)) {
		m->echo_changed++;
		return;
	}
	m->echo_lost += index - c->frames_echoed;
	c->frames_echoed = index + 1;
	m->frames_echoed++;
	due_ns = c->origin_ns + index * AUDIO_FRAME_MS * MS;
	histogram_add(&m->echo_us, (now_ns - due_ns) / 1000);
	if (c->frames_sent - index <= SENT_RING)
		histogram_add(&m->echo_sent_us,
			      (now_ns - c->sent_ns[index % SENT_RING]) / 1000);
}

static void send_mark(struct caller *c, const char *name)
{
	char text[1024];

	if (send_text(c, text,
		      c->options->dialect->mark(text, sizeof(text), &c->ids,
						name, strlen(name), ++c->seq)))
		c->marks_returned++;
}

/* A mark comes back when playback reaches it. */
static void on_mark(struct caller *c, const struct heard *heard,
		    uint64_t now_ns)
{
	struct mark *mark;

	if (heard->length > MARK_NAME_MAX) {
		c->measured->garbage++;
		return;
	}
	c->marks_heard++;
	c->measured->marks++;
	if (!c->marks)
		c->marks = calloc(MARKS_MAX, sizeof(*c->marks));
	if (!c->marks || c->mark_count == MARKS_MAX)
		return;
	mark = &c->marks[c->mark_count++];
	mark->due_ns = c->played_ns > now_ns ? c->played_ns : now_ns;
	memcpy(mark->name, heard->text, heard->length);
	mark->name[heard->length] = '\0';
}

static void return_marks(struct caller *c, uint64_t until_ns)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < c->mark_count; i++) {
		if (c->marks[i].due_ns <= until_ns)
			send_mark(c, c->marks[i].name);
		else
			c->marks[kept++] = c->marks[i];
	}
	c->mark_count = kept;
}

static void on_text(struct caller *c, const struct link_message *message,
		    uint64_t now_ns)
{
	struct heard heard = c->options->dialect->hear(
		(const char *)message->bytes, message->length, &c->ids);

	switch (heard.kind) {
	case HEARD_MEDIA:
		if (c->played_ns < now_ns)
			c->played_ns = now_ns;
		c->played_ns += heard.length / 4 * 3 * MS / 8;
		if (c->options->echo)
			on_echo(c, &heard, now_ns);
		break;
	case HEARD_MARK: on_mark(c, &heard, now_ns); break;
	case HEARD_CLEAR:
		c->clears_heard++;
		c->measured->clears++;
		c->played_ns = now_ns;
		return_marks(c, UINT64_MAX);
		break;
	case HEARD_NOTHING: break;
	case HEARD_GARBAGE: c->measured->garbage++; break;
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
		end(c, c->stop_sent && c->close_code == 1000 ? OUTCOME_COMPLETED
							     : OUTCOME_DROPPED);
}

/* False: nothing whole is left. */
static bool take_message(struct caller *c, uint64_t now_ns)
{
	struct link_message message;

	switch (link_take(&c->link, &message)) {
	case LINK_NOTHING: return false;
	case LINK_TEXT: on_text(c, &message, now_ns); break;
	case LINK_CLOSE: on_close(c, &message); break;
	case LINK_OTHER: c->measured->garbage++; break;
	case LINK_WRONG: end(c, OUTCOME_BROKEN); break;
	}
	return true;
}

static void on_readable(struct caller *c, uint64_t now_ns)
{
	if (!link_receive(&c->link)) {
		/* Without a close frame the end is not in good order. */
		end(c, c->state == CALLER_UPGRADING ? OUTCOME_CONNECT_FAILED
						    : OUTCOME_DROPPED);
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
	if (writable && c->state == CALLER_CONNECTING)
		on_connected(c);
	else if (writable && c->state != CALLER_DONE)
		link_flush(&c->link);
	if (readable && c->state != CALLER_DONE &&
	    c->state != CALLER_CONNECTING)
		on_readable(c, now_ns);
	end_if_lost(c);
}

/* ---- speaking --------------------------------------------------------------
 */

static void send_audio(struct caller *c, uint64_t due_ns, uint64_t now_ns)
{
	const struct audio *audio = &c->options->audio;
	uint64_t index = c->frames_sent;
	char text[1024];
	size_t length = c->options->dialect->media(
		text, sizeof(text), &c->ids,
		audio->frames[index % audio->count], AUDIO_FRAME_TEXT, ++c->seq,
		index + 1, index * AUDIO_FRAME_MS);

	histogram_add(&c->measured->late_us, (now_ns - due_ns) / 1000);
	if (c->sent_ns)
		c->sent_ns[index % SENT_RING] = now_ns;
	if (!send_text(c, text, length))
		c->frames_unsent++;
	c->frames_sent++;
	c->measured->frames_sent++;
	c->measured->bytes_sent += AUDIO_FRAME_BYTES;
}

/* The digits are spread over the call. */
static void send_digits(struct caller *c)
{
	size_t count = strlen(c->options->dtmf);
	char text[512];

	if (c->digits_sent >= count ||
	    c->frames_sent * (count + 1) <
		    c->frames_total * (c->digits_sent + 1))
		return;
	(void)send_text(c, text,
			c->options->dialect->dtmf(
				text, sizeof(text), &c->ids,
				c->options->dtmf[c->digits_sent++], ++c->seq));
}

static void talk(struct caller *c, uint64_t turn_ns, uint64_t now_ns)
{
	/* The origin is our worker's turn, which comes every 20 ms from now on:
	 * anything else would be late by design. */
	if (c->origin_ns == 0)
		c->origin_ns = turn_ns;
	for (int i = 0; i < BURST_MAX && c->frames_sent < c->frames_total;
	     i++) {
		uint64_t due_ns =
			c->origin_ns + c->frames_sent * AUDIO_FRAME_MS * MS;

		if (due_ns > now_ns)
			return;
		send_audio(c, due_ns, now_ns);
		if (c->link.lost)
			return;
		send_digits(c);
	}
	if (c->frames_sent >= c->frames_total &&
	    now_ns >= c->origin_ns + c->frames_total * AUDIO_FRAME_MS * MS) {
		c->state = CALLER_WAITING;
		c->deadline_ns = now_ns + ECHO_WAIT_NS;
	}
}

static void say_stop(struct caller *c, uint64_t now_ns)
{
	char text[512];

	c->stop_sent = send_text(c, text,
				 c->options->dialect->stop(text, sizeof(text),
							   &c->ids, ++c->seq));
	c->state = CALLER_CLOSING;
	c->deadline_ns = now_ns + CLOSE_TIMEOUT_NS;
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
	if (c->mark_count > 0 && c->state == CALLER_TALKING)
		return_marks(c, now_ns);
	switch (c->state) {
	case CALLER_TALKING: talk(c, turn_ns, now_ns); break;
	case CALLER_WAITING:
		if (!c->options->echo || c->frames_echoed >= c->frames_sent ||
		    now_ns >= c->deadline_ns)
			say_stop(c, now_ns);
		break;
	case CALLER_CONNECTING:
	case CALLER_UPGRADING:
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
