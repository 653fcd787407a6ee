/* speaker.c - what a caller says, when it is told to (see speaker.h) */
#include "tools/holdload/speaker.h"

#include <stdlib.h>
#include <string.h>

#include "tools/holdload/caller.h"
#include "tools/holdload/options.h"

#define PING_NS (5000ull * 1000000) /* AudioHook's own */

bool speaker_say(struct caller *c, const char *text, size_t length)
{
	if (length > 0 && link_send_frame(&c->link, WIRE_TEXT, text, length))
		return true;
	c->measured->frames_unsent++;
	return false;
}

bool speaker_say_hello(struct caller *c)
{
	const struct dialect *dialect = c->options->dialect;
	char *text = malloc(DIALECT_START_MAX);
	bool said = text;

	if (said && dialect->connected)
		said = speaker_say(
			c, text,
			dialect->connected(text, DIALECT_START_MAX, &c->talk));
	if (said)
		said = speaker_say(
			c, text,
			dialect->start(text, DIALECT_START_MAX, &c->talk));
	if (said)
		c->started_ns = c->now_ns;
	free(text);
	return said;
}

static bool send_frame(struct caller *c, const struct frame *frame)
{
	const struct dialect *dialect = c->options->dialect;
	enum wire_opcode opcode = dialect->binary ? WIRE_BINARY : WIRE_TEXT;
	char message[SPEAKER_TEXT_MAX];
	const void *payload = message;
	size_t length;

	if (dialect->media) {
		length = dialect->media(message, sizeof(message), &c->talk,
					frame);
	} else {
		payload = frame->bytes;
		length = frame->size;
	}
	if (length > 0 && link_send_frame(&c->link, opcode, payload, length))
		return true;
	c->measured->frames_unsent++;
	return false;
}

/* Which frame of the audio is the call's next: the file, over and over, once
 * there is somebody to interrupt; until then silence. */
static size_t frame_of_file(const struct caller *c)
{
	const struct audio *audio = &c->options->audio;

	if (c->options->barge_in_ms == 0)
		return c->frames_sent % audio->count;
	if (c->barge.began_ns == 0 || c->options->dtmf[0])
		return audio->count;
	return (c->frames_sent - c->barge.from) % audio->count;
}

void speaker_send_audio(struct caller *c, uint64_t due_ns)
{
	const struct audio *audio = &c->options->audio;
	uint64_t index = c->frames_sent;
	size_t at = frame_of_file(c);
	const struct frame frame = {
		.bytes = audio->bytes + at * audio->frame_size,
		.size = audio->frame_size,
		.text = audio->texts ? audio->texts + at * audio->text_size
				     : NULL,
		.text_length = audio->text_size,
		.number = index + 1,
		.at_ms = index * audio->frame_ms,
	};

	/* A flood is ahead of its time. */
	uint64_t late_us = c->now_ns > due_ns ? (c->now_ns - due_ns) / 1000 : 0;

	histogram_add(&c->measured->late_us, late_us);
	if (c->late_us)
		c->late_us[index % SENT_RING] =
			late_us < UINT32_MAX ? (uint32_t)late_us : UINT32_MAX;
	if (!send_frame(c, &frame))
		c->frames_unsent++;
	c->frames_sent++;
	c->talk.sent_ms += audio->frame_ms;
	c->measured->frames_sent++;
	c->measured->bytes_sent += audio->frame_size * c->talk.channels;
}

static void send_digit(struct caller *c)
{
	char text[SPEAKER_TEXT_MAX];

	(void)speaker_say(
		c, text,
		c->options->dialect->dtmf(text, sizeof(text), &c->talk,
					  c->options->dtmf[c->digits_sent++]));
}

void speaker_send_digits(struct caller *c)
{
	size_t count = strlen(c->options->dtmf);
	uint64_t total = c->frames_total;

	if (total == UINT64_MAX) /* it has no end yet: one a second */
		total = (count + 1) * 1000 / c->options->audio.frame_ms;
	if (c->digits_sent < count && c->options->barge_in_ms == 0 &&
	    c->frames_sent * (count + 1) >= total * (c->digits_sent + 1))
		send_digit(c);
}

void speaker_send_all_digits(struct caller *c)
{
	while (c->options->dtmf[c->digits_sent])
		send_digit(c);
}

void speaker_send_ping(struct caller *c, uint64_t now_ns)
{
	const struct dialect *dialect = c->options->dialect;
	char text[SPEAKER_TEXT_MAX];

	if (!dialect->ping || now_ns < c->ping_ns)
		return;
	c->ping_ns = now_ns + PING_NS;
	(void)speaker_say(c, text, dialect->ping(text, sizeof(text), &c->talk));
}
