/* callee.c - one call at the server's end (see callee.h) */
#include "tools/holdload/serve/callee.h"

#include <stdio.h>
#include <string.h>

#include "tools/holdload/serve/options.h"
#include "tools/holdload/serve/recognise.h"

#define MS		 1000000u /* nanoseconds */
#define HANDSHAKE_NS	 (10000ull * MS)
#define CLOSE_NS	 (3000ull * MS)
#define TIMESTAMP_MAX_MS (1ull << 43) /* of nanoseconds, 64 bits' worth */
#define CLOSE_NORMAL	 1000u	      /* RFC 6455, section 7.4.1 */
#define CLOSE_GOING_AWAY 1001u
#define CLOSE_BROKEN	 1002u

void callee_init(struct callee *c, struct staff *staff, int fd, uint64_t now_ns)
{
	*c = (struct callee){ .options = staff->options,
			      .staff = staff,
			      .dialect = staff->options->dialect,
			      .talk = { .channels = 1 },
			      .accepted_ns = now_ns,
			      .now_ns = now_ns,
			      .deadline_ns = now_ns + HANDSHAKE_NS };
	link_init(&c->link, &staff->bench, chance_bits(&staff->chance));
	link_adopt(&c->link, fd);
	staff->tally.calls++;
}

void callee_finish(struct callee *c)
{
	link_close(&c->link);
}

/* The one way to be done; never from inside a send (link.h). */
static void end(struct callee *c, enum outcome outcome)
{
	struct tally *tally = &c->staff->tally;

	if (c->state == CALLEE_DONE)
		return;
	c->state = CALLEE_DONE;
	c->outcome = outcome;
	c->ended_ns = c->now_ns;
	tally->outcomes[outcome]++;
	tally->lost += c->lost;
	tally->reordered += c->reordered;
	book_add(&c->staff->book, c);
	callee_finish(c);
}

static void end_lost(struct callee *c)
{
	end(c, c->state == CALLEE_CLOSING ? c->outcome : OUTCOME_DROPPED);
}

/* ---- saying ----------------------------------------------------------------
 */

static bool say(struct callee *c, const char *form, struct span text)
{
	char *message = c->staff->text;
	size_t length =
		host_say(message, sizeof(c->staff->text), form, &c->talk, text);

	if (length > 0 && link_send_frame(&c->link, WIRE_TEXT, message, length))
		return true;
	c->staff->tally.unsaid++;
	return false;
}

static void say_close(struct callee *c, unsigned code)
{
	const uint8_t bytes[] = { (uint8_t)(code >> 8), (uint8_t)code };

	if (!c->close_said)
		(void)link_send_frame(&c->link, WIRE_CLOSE, bytes,
				      sizeof(bytes));
	c->close_said = true;
}

/* From now on we only wait for the client to go. */
static void wait_for_close(struct callee *c, enum outcome outcome)
{
	if (c->state == CALLEE_CLOSING)
		return;
	c->state = CALLEE_CLOSING;
	c->outcome = outcome;
	c->deadline_ns = c->now_ns + CLOSE_NS;
}

/* ---- the handshake ---------------------------------------------------------
 */

static void set_dialect(struct callee *c, const struct dialect *dialect)
{
	c->dialect = dialect;
	c->talk.format = dialect ? &dialect->formats[0] : NULL;
}

static void answer(struct callee *c, const struct wire_asked *asked)
{
	const char *subprotocol = c->dialect ? c->dialect->subprotocol : NULL;
	char response[WIRE_RESPONSE_MAX];

	if (subprotocol && !wire_offers(asked->subprotocols, subprotocol))
		subprotocol = NULL;
	(void)link_send(&c->link, response,
			wire_put_response(response, asked, subprotocol));
	histogram_add(&c->staff->tally.handshake_us,
		      (c->now_ns - c->accepted_ns) / 1000);
}

static void on_request(struct callee *c)
{
	struct wire_asked asked;

	if (link_take_request(&c->link, &asked) == 0)
		return;
	if (!c->dialect && asked.status == 101)
		c->dialect = recognise_handshake(&asked);
	set_dialect(c, c->dialect);
	c->status = asked.status;
	answer(c, &asked);
	if (asked.status == 101) {
		c->state = CALLEE_GREETED;
		c->deadline_ns = c->now_ns + HANDSHAKE_NS;
		return;
	}
	c->staff->tally.statuses[asked.status]++;
	end(c, OUTCOME_BROKEN);
}

/* ---- hearing ---------------------------------------------------------------
 */

static void begin(struct callee *c)
{
	if (c->state != CALLEE_GREETED)
		return;
	c->state = CALLEE_TALKING;
	c->started_ns = c->now_ns;
	c->deadline_ns = c->now_ns + c->options->idle_ms * MS;
}

static void take_number(struct callee *c, uint64_t number)
{
	if (c->next_number == 0 || number == c->next_number) {
		c->next_number = number + 1;
	} else if (number > c->next_number) {
		c->lost += number - c->next_number;
		c->next_number = number + 1;
	} else {
		c->reordered++;
		if (c->lost > 0) /* it was not lost, but late */
			c->lost--;
	}
}

static void take_audio(struct callee *c, const uint8_t *bytes, size_t size,
		       const struct told *told)
{
	const struct audio_format *format = c->talk.format;
	struct tally *tally = &c->staff->tally;
	size_t width = audio_sample_bytes(format) * c->talk.channels;
	const struct piece piece = {
		.bytes = bytes,
		.size = size,
		.length_ns =
			(uint64_t)size * 1000 * MS / width / format->rate_hz,
		.timed = told->timed && told->at_ms < TIMESTAMP_MAX_MS,
		.at_ns = told->at_ms * MS,
	};

	tally->frames_heard++;
	tally->bytes_heard += size;
	track_hear(told->outbound ? &c->out : &c->in, &piece, tally, c->now_ns);
}

static void count_said(struct callee *c)
{
	c->frames_said++;
	c->staff->tally.frames_said++;
}

static void garbage(struct callee *c)
{
	c->garbage++;
	c->staff->tally.garbage++;
}

/* One at a time; who does not send it back gets no other. */
static void say_mark(struct callee *c)
{
	const char *form = c->dialect->host->mark;
	uint64_t every_ns = c->options->mark_ms * MS;
	char name[24];

	if (every_ns == 0 || !form || c->mark_is_out ||
	    c->now_ns - c->mark_ns < every_ns)
		return;
	(void)snprintf(name, sizeof(name), "%llu",
		       (unsigned long long)c->marks + 1);
	if (!say(c, form, (struct span){ name, strlen(name) }))
		return;
	c->marks++;
	c->mark_ns = c->now_ns;
	c->mark_is_out = true;
	c->staff->tally.marks_said++;
}

static void take_mark(struct callee *c, const struct told *told)
{
	uint64_t number;

	if (!c->mark_is_out || !span_number(told->text, &number) ||
	    number != c->marks) {
		c->staff->tally.marks_unasked++; /* or told again */
		return;
	}
	c->mark_is_out = false;
	c->staff->tally.marks_back++;
	histogram_add(&c->staff->tally.mark_us,
		      (c->now_ns - c->mark_ns) / 1000);
}

static void take_media(struct callee *c, const struct told *told)
{
	struct staff *staff = c->staff;
	struct span text = told->text;
	ssize_t size;

	if (memchr(text.text, '\\', text.length)) {
		long plain =
			fields_unescape(text, staff->text, sizeof(staff->text));

		text = (struct span){ staff->text,
				      plain < 0 ? 0 : (size_t)plain };
	}
	size = unbase64(staff->audio, text.text, text.length);
	if (size <= 0) {
		garbage(c);
		return;
	}
	take_audio(c, staff->audio, (size_t)size, told);
	if (c->options->mode == SERVE_ECHO && !told->outbound &&
	    c->dialect->host->media &&
	    say(c, c->dialect->host->media, told->text))
		count_said(c);
	say_mark(c);
}

/* The first of two channels. */
static size_t first_channel(const struct callee *c, const uint8_t *bytes,
			    size_t size, uint8_t *out)
{
	size_t width = audio_sample_bytes(c->talk.format), length = 0;

	for (size_t at = 0; at + 2 * width <= size; at += 2 * width) {
		memcpy(out + length, bytes + at, width);
		length += width;
	}
	return length;
}

static void echo_binary(struct callee *c, const uint8_t *bytes, size_t size)
{
	if (c->talk.channels == 2) {
		size = first_channel(c, bytes, size, c->staff->audio);
		bytes = c->staff->audio;
	}
	if (link_send_frame(&c->link, WIRE_BINARY, bytes, size))
		count_said(c);
	else
		c->staff->tally.unsaid++;
}

static void take_binary(struct callee *c, const struct link_message *message)
{
	const uint8_t *bytes = message->bytes;
	size_t size = message->length;

	if (!c->dialect)
		set_dialect(c, recognise_message(NULL, (struct span){ 0 }));
	begin(c);
	if (!c->dialect->binary) {
		garbage(c);
		return;
	}
	if (size == 0)
		return; /* no more audio comes, says mod_audio_fork */
	take_audio(c, bytes, size, &(struct told){ 0 });
	if (c->options->mode == SERVE_ECHO)
		echo_binary(c, bytes, size);
	say_mark(c);
}

static void take_start(struct callee *c)
{
	begin(c);
	c->staff->tally.foreign += c->talk.foreign;
}

static void take_stop(struct callee *c, const struct told *told)
{
	c->stopped = true;
	if (!told->answer) /* then the client closes, when it has heard it */
		say_close(c, CLOSE_NORMAL);
	wait_for_close(c, OUTCOME_COMPLETED);
}

static void take_text(struct callee *c, const struct link_message *message)
{
	struct span text = { (const char *)message->bytes, message->length };
	struct told told;

	/* Audio may come before it. */
	if (!c->talk.started && !c->options->dialect)
		set_dialect(c, recognise_message(c->dialect, text));
	told = host_hear(c->dialect, text, &c->talk);
	if (told.numbered)
		take_number(c, told.number);
	if (told.answer)
		(void)say(c, told.answer, told.text);
	switch (told.kind) {
	case TOLD_START: take_start(c); break;
	case TOLD_MEDIA: take_media(c, &told); break;
	case TOLD_DIGIT:
		c->digits++;
		c->staff->tally.digits++;
		break;
	case TOLD_MARK: take_mark(c, &told); break;
	case TOLD_STOP: take_stop(c, &told); break;
	case TOLD_UNKNOWN: c->staff->tally.unknown++; break;
	case TOLD_GARBAGE: garbage(c); break;
	default: break;
	}
}

/* The client goes; in good order if it has said the end, where its dialect has
 * a word for that. */
static void take_close(struct callee *c, const struct link_message *message)
{
	bool in_order = c->stopped || (c->started_ns > 0 && !c->dialect->stop);

	if (message->length >= 2)
		c->close_code =
			(unsigned)message->bytes[0] << 8 | message->bytes[1];
	if (!c->close_said)
		(void)link_send_frame(&c->link, WIRE_CLOSE, message->bytes,
				      message->length);
	if (c->state == CALLEE_CLOSING)
		end(c, c->outcome);
	else
		end(c, in_order ? OUTCOME_COMPLETED : OUTCOME_DROPPED);
}

/* False: nothing whole is left. */
static bool take_message(struct callee *c)
{
	struct link_message message;

	switch (link_take(&c->link, &message)) {
	case LINK_NOTHING: return false;
	case LINK_TEXT: take_text(c, &message); break;
	case LINK_BINARY: take_binary(c, &message); break;
	case LINK_CLOSE: take_close(c, &message); break;
	case LINK_WRONG:
		say_close(c, CLOSE_BROKEN);
		end(c, OUTCOME_BROKEN);
		break;
	}
	c->heard_ns = c->now_ns;
	return true;
}

static void on_readable(struct callee *c)
{
	if (!link_receive(&c->link)) {
		end_lost(c);
		return;
	}
	if (c->state == CALLEE_ASKED)
		on_request(c);
	while (c->state != CALLEE_DONE && c->state != CALLEE_ASKED &&
	       take_message(c))
		;
}

void callee_on_ready(struct callee *c, bool readable, bool writable,
		     uint64_t now_ns)
{
	c->now_ns = now_ns;
	if (writable)
		link_flush(&c->link);
	if (readable && c->link.deaf)
		c->link.lost = true; /* only an end is heard */
	else if (readable)
		on_readable(c);
	if (c->link.lost)
		end_lost(c);
}

/* ---- time ------------------------------------------------------------------
 */

/* Whoever talks has a new deadline with each message; it is looked at when the
 * old one is over. */
static bool has_more_time(struct callee *c)
{
	uint64_t until_ns = c->heard_ns + c->options->idle_ms * MS;

	if (c->state != CALLEE_TALKING || until_ns <= c->now_ns)
		return false;
	c->deadline_ns = until_ns;
	return true;
}

void callee_on_time(struct callee *c, uint64_t now_ns)
{
	c->now_ns = now_ns;
	if (c->state == CALLEE_DONE || now_ns < c->deadline_ns ||
	    has_more_time(c))
		return;
	end(c, c->state == CALLEE_CLOSING ? c->outcome : OUTCOME_TIMEOUT);
}

uint64_t callee_next_ns(const struct callee *c)
{
	return c->deadline_ns;
}

void callee_cancel(struct callee *c, uint64_t now_ns)
{
	const char *hang_up = c->dialect ? c->dialect->host->hang_up : NULL;

	c->now_ns = now_ns;
	if (c->state < CALLEE_GREETED)
		end(c, OUTCOME_CANCELLED);
	else if (c->state == CALLEE_TALKING && hang_up)
		(void)say(c, hang_up, (struct span){ 0 });
	else if (c->state < CALLEE_CLOSING)
		say_close(c, CLOSE_GOING_AWAY);
	if (c->state < CALLEE_CLOSING)
		wait_for_close(c, OUTCOME_CANCELLED);
	if (c->link.lost)
		end_lost(c);
}
