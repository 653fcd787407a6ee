/*
 * caller.c - one simulated call (see caller.h)
 */
#include "tools/holdload/caller.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/holdload/options.h"

#define MS		   1000000u /* nanoseconds */
#define CONNECT_TIMEOUT_NS (10000ull * MS)
#define ECHO_WAIT_NS	   (2000ull * MS)
#define CLOSE_TIMEOUT_NS   (10000ull * MS)
#define MESSAGE_MAX	   ((size_t)64 * 1024)
#define OUT_MAX		   ((size_t)256 * 1024)
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

/* xorshift64: for ids and masks, where nothing has to be secret. */
static uint64_t random_next(struct caller *c)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return c->random;
}

static void make_id(struct caller *c, const char *prefix, char out[35])
{
	(void)snprintf(out, 35, "%s%016llx%016llx", prefix,
		       (unsigned long long)random_next(c),
		       (unsigned long long)random_next(c));
}

void caller_init(struct caller *c, const struct options *options,
		 struct measured *measured, uint64_t seed, uint64_t due_ns)
{
	uint64_t key[2];

	*c = (struct caller){ .options = options,
			      .measured = measured,
			      .fd = -1,
			      .due_ns = due_ns,
			      .random = seed | 1 };
	for (int i = 0; i < 8; i++)
		(void)random_next(c);
	make_id(c, "AC", c->ids.account);
	make_id(c, "CA", c->ids.call);
	make_id(c, "MZ", c->ids.stream);
	key[0] = random_next(c);
	key[1] = random_next(c);
	wire_make_key((const uint8_t *)key, c->key);
	c->frames_total = options->duration_ms
				  ? (options->duration_ms + AUDIO_FRAME_MS -
				     1) / AUDIO_FRAME_MS
				  : options->audio.count;
}

static void free_buffers(struct caller *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
	free(c->marks);
	free(c->sent_ns);
	free(c->in);
	free(c->out);
	c->marks = NULL;
	c->sent_ns = NULL;
	c->in = c->out = NULL;
	c->in_length = c->in_room = c->out_length = c->out_room = 0;
}

void caller_finish(struct caller *c)
{
	free_buffers(c);
}

static void end(struct caller *c, enum outcome outcome)
{
	if (c->state == CALLER_DONE)
		return;
	c->state = CALLER_DONE;
	c->outcome = outcome;
	c->measured->outcomes[outcome]++;
	if (c->options->echo && c->frames_sent > c->frames_echoed)
		c->measured->echo_lost += c->frames_sent - c->frames_echoed;
	free_buffers(c);
}

/* ---- sending ---------------------------------------------------------------
 */

static bool keep_unsent(struct caller *c, const uint8_t *bytes, size_t length)
{
	size_t room = c->out_room ? c->out_room : 4096;
	uint8_t *more;

	if (c->out_length + length > OUT_MAX)
		return false;
	while (room < c->out_length + length)
		room *= 2;
	if (room != c->out_room) {
		more = realloc(c->out, room);
		if (!more)
			return false;
		c->out = more;
		c->out_room = room;
	}
	memcpy(c->out + c->out_length, bytes, length);
	c->out_length += length;
	c->wants_write = true;
	return true;
}

/* All of it, now or later. False: there is no room for it. */
static bool send_bytes(struct caller *c, const uint8_t *bytes, size_t length)
{
	ssize_t n = 0;

	if (c->out_length == 0) {
		n = send(c->fd, bytes, length, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			end(c, OUTCOME_DROPPED);
			return true;
		}
		if (n < 0)
			n = 0;
	}
	return (size_t)n == length ||
	       keep_unsent(c, bytes + n, length - (size_t)n);
}

static bool send_frame(struct caller *c, enum wire_opcode opcode,
		       const void *payload, size_t length)
{
	uint8_t frame[WIRE_HEADER_MAX + 8192];

	if (length > 8192)
		return false;
	return send_bytes(c, frame,
			  wire_put(frame, opcode, payload, length,
				   (uint32_t)random_next(c)));
}

static void send_text(struct caller *c, const char *text, size_t length)
{
	if (length == 0 || !send_frame(c, WIRE_TEXT, text, length))
		c->measured->frames_unsent++;
}

static void flush(struct caller *c)
{
	ssize_t n = send(c->fd, c->out, c->out_length, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		end(c, OUTCOME_DROPPED);
		return;
	}
	if (n > 0) {
		c->out_length -= (size_t)n;
		memmove(c->out, c->out + n, c->out_length);
	}
	c->wants_write = c->out_length > 0;
}

/* ---- connecting ------------------------------------------------------------
 */

void caller_connect(struct caller *c, uint64_t now_ns)
{
	const struct options *o = c->options;
	const int on = 1;

	c->began_ns = now_ns;
	c->deadline_ns = now_ns + CONNECT_TIMEOUT_NS;
	c->state = CALLER_CONNECTING;
	c->wants_write = true;
	c->fd = socket(o->address.ss_family,
		       SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		end(c, OUTCOME_CONNECT_FAILED);
		return;
	}
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(c->fd, (const struct sockaddr *)&o->address,
		    o->address_size) < 0 &&
	    errno != EINPROGRESS)
		end(c, OUTCOME_CONNECT_FAILED);
}

static void on_connected(struct caller *c)
{
	char request[1024];
	socklen_t size = sizeof(int);
	size_t length;
	int error = 0;

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ||
	    error != 0) {
		end(c, OUTCOME_CONNECT_FAILED);
		return;
	}
	c->state = CALLER_UPGRADING;
	c->wants_write = false;
	length = wire_request(request, sizeof(request), c->options->host,
			      c->options->path, c->key);
	if (!send_bytes(c, (const uint8_t *)request, length))
		end(c, OUTCOME_CONNECT_FAILED);
}

static void say_hello(struct caller *c)
{
	const struct options *o = c->options;
	char text[8192];

	send_text(c, text, o->dialect->connected(text, sizeof(text)));
	send_text(c, text,
		  o->dialect->start(text, sizeof(text), &c->ids, o->parameters,
				    o->parameter_count, ++c->seq));
}

/* The handshake's answer: how much of the buffer it took. */
static size_t on_response(struct caller *c, uint64_t now_ns)
{
	ssize_t n = wire_response((const char *)c->in, c->in_length, c->key,
				  &c->status);

	if (n == 0)
		return 0;
	if (n < 0) {
		end(c, OUTCOME_BROKEN);
		return 0;
	}
	if (c->status != 101) {
		c->measured->statuses[c->status < 600 ? c->status : 0]++;
		end(c, OUTCOME_REFUSED);
		return 0;
	}
	histogram_add(&c->measured->connect_us, (now_ns - c->began_ns) / 1000);
	if (c->options->echo) {
		c->sent_ns = calloc(SENT_RING, sizeof(*c->sent_ns));
		if (!c->sent_ns) {
			end(c, OUTCOME_BROKEN);
			return 0;
		}
	}
	c->state = CALLER_TALKING;
	c->deadline_ns = UINT64_MAX;
	say_hello(c);
	return (size_t)n;
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
	char text[512];

	send_text(c, text,
		  c->options->dialect->mark(text, sizeof(text), &c->ids, name,
					    strlen(name), ++c->seq));
}

/* A mark comes back when playback reaches it. */
static void on_mark(struct caller *c, const struct heard *heard,
		    uint64_t now_ns)
{
	struct mark *mark;

	c->measured->marks++;
	if (!c->marks)
		c->marks = calloc(MARKS_MAX, sizeof(*c->marks));
	if (!c->marks || c->mark_count == MARKS_MAX)
		return;
	mark = &c->marks[c->mark_count++];
	mark->due_ns = c->played_ns > now_ns ? c->played_ns : now_ns;
	(void)snprintf(mark->name, sizeof(mark->name), "%.*s",
		       (int)heard->length, heard->text);
}

static void return_marks(struct caller *c, uint64_t now_ns)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < c->mark_count; i++) {
		if (c->marks[i].due_ns <= now_ns)
			send_mark(c, c->marks[i].name);
		else
			c->marks[kept++] = c->marks[i];
	}
	c->mark_count = kept;
}

static void on_message(struct caller *c, const char *text, size_t length,
		       uint64_t now_ns)
{
	struct heard heard = c->options->dialect->hear(text, length, &c->ids);

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
		c->measured->clears++;
		c->played_ns = now_ns;
		return_marks(c, UINT64_MAX);
		break;
	case HEARD_NOTHING: break;
	case HEARD_GARBAGE: c->measured->garbage++; break;
	}
}

static void on_close(struct caller *c, const struct wire_frame *frame)
{
	if (frame->length >= 2)
		c->close_code =
			(unsigned)frame->payload[0] << 8 | frame->payload[1];
	if (!c->close_sent)
		(void)send_frame(c, WIRE_CLOSE, frame->payload,
				 frame->length < 126 ? frame->length : 0);
	if (c->state == CALLER_DONE)
		return;
	if (c->outcome == OUTCOME_CANCELLED)
		end(c, OUTCOME_CANCELLED);
	else
		end(c, c->stop_sent && c->close_code == 1000 ? OUTCOME_COMPLETED
							     : OUTCOME_DROPPED);
}

/* How much of the buffer a whole frame took; 0: none there. */
static size_t on_frame(struct caller *c, size_t at, uint64_t now_ns)
{
	struct wire_frame frame;
	ssize_t n =
		wire_take(c->in + at, c->in_length - at, MESSAGE_MAX, &frame);

	if (n <= 0) {
		if (n < 0)
			end(c, OUTCOME_BROKEN);
		return 0;
	}
	switch (frame.opcode) {
	case WIRE_TEXT:
		/* Our server's messages come in one frame. */
		if (frame.final)
			on_message(c, (const char *)frame.payload, frame.length,
				   now_ns);
		else
			c->measured->garbage++;
		break;
	case WIRE_PING:
		(void)send_frame(c, WIRE_PONG, frame.payload, frame.length);
		break;
	case WIRE_CLOSE: on_close(c, &frame); break;
	case WIRE_PONG: break;
	default: c->measured->garbage++; break;
	}
	return (size_t)n;
}

static void consume(struct caller *c, uint64_t now_ns)
{
	size_t at = 0, n;

	if (c->state == CALLER_UPGRADING)
		at = on_response(c, now_ns);
	while (c->state != CALLER_DONE && c->state != CALLER_UPGRADING &&
	       at < c->in_length && (n = on_frame(c, at, now_ns)) > 0)
		at += n;
	if (c->state == CALLER_DONE)
		return;
	c->in_length -= at;
	memmove(c->in, c->in + at, c->in_length);
}

/* Room for more of a message that is not whole yet. */
static bool make_room(struct caller *c)
{
	size_t room = c->in ? c->in_room * 2 : MESSAGE_MAX / 8;
	uint8_t *more;

	if (c->in && c->in_length < c->in_room)
		return true;
	if (room > 2 * MESSAGE_MAX)
		return false;
	more = realloc(c->in, room);
	if (!more)
		return false;
	c->in = more;
	c->in_room = room;
	return true;
}

static void on_readable(struct caller *c, uint64_t now_ns)
{
	ssize_t n;

	if (!make_room(c)) {
		end(c, OUTCOME_BROKEN);
		return;
	}
	n = recv(c->fd, c->in + c->in_length, c->in_room - c->in_length, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		/* Without a close frame the end is not in good order. */
		end(c, c->state == CALLER_UPGRADING ? OUTCOME_CONNECT_FAILED
						    : OUTCOME_DROPPED);
		return;
	}
	c->in_length += (size_t)n;
	consume(c, now_ns);
}

void caller_on_ready(struct caller *c, bool readable, bool writable,
		     uint64_t now_ns)
{
	if (writable && c->state == CALLER_CONNECTING)
		on_connected(c);
	else if (writable && c->state != CALLER_DONE && c->out_length > 0)
		flush(c);
	if (readable && c->state != CALLER_DONE &&
	    c->state != CALLER_CONNECTING)
		on_readable(c, now_ns);
}

/* ---- speaking --------------------------------------------------------------
 */

static void send_audio(struct caller *c, uint64_t due_ns, uint64_t now_ns)
{
	const struct audio *audio = &c->options->audio;
	uint64_t index = c->frames_sent;
	uint8_t frame[WIRE_HEADER_MAX + 1024];
	char text[1024];
	size_t length = c->options->dialect->media(
		text, sizeof(text), &c->ids,
		audio->frames[index % audio->count], AUDIO_FRAME_TEXT, ++c->seq,
		index + 1, index * AUDIO_FRAME_MS);

	histogram_add(&c->measured->late_us, (now_ns - due_ns) / 1000);
	if (c->sent_ns)
		c->sent_ns[index % SENT_RING] = now_ns;
	if (!send_bytes(c, frame,
			wire_put(frame, WIRE_TEXT, text, length,
				 (uint32_t)random_next(c))))
		c->measured->frames_unsent++;
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
	send_text(c, text,
		  c->options->dialect->dtmf(text, sizeof(text), &c->ids,
					    c->options->dtmf[c->digits_sent++],
					    ++c->seq));
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
		if (c->state == CALLER_DONE)
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

	send_text(c, text,
		  c->options->dialect->stop(text, sizeof(text), &c->ids,
					    ++c->seq));
	c->stop_sent = true;
	c->state = CALLER_CLOSING;
	c->deadline_ns = now_ns + CLOSE_TIMEOUT_NS;
}

void caller_on_time(struct caller *c, uint64_t turn_ns, uint64_t now_ns)
{
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
			end(c, OUTCOME_TIMEOUT);
		break;
	default: break;
	}
}

void caller_cancel(struct caller *c, uint64_t now_ns)
{
	if (c->state == CALLER_TALKING || c->state == CALLER_WAITING) {
		say_stop(c, now_ns);
		c->outcome = OUTCOME_CANCELLED;
	} else if (c->state != CALLER_CLOSING) {
		end(c, OUTCOME_CANCELLED);
	}
}
