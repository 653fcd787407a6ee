/* listener.c - what a caller makes of the server's messages (listener.h) */
#include "tools/holdload/listener.h"

#include <stdlib.h>
#include <string.h>

#include "tools/holdload/base64.h"
#include "tools/holdload/caller.h"
#include "tools/holdload/options.h"
#include "tools/holdload/speaker.h"

#define MS	   1000000u /* nanoseconds */
#define LOOK_AHEAD 100	    /* frames an echo may have skipped */
/* Asterisk's queue: 900 and 800 frames of 20 ms. */
#define FULL_NS	 (18000ull * MS)
#define ROOM_NS	 (16000ull * MS)
#define PAUSE_NS (1000ull * MS)

bool listener_begin(struct caller *c)
{
	if (!c->options->echo)
		return true;
	c->late_us = calloc(SENT_RING, sizeof(*c->late_us));
	c->part = malloc(c->options->audio.frame_size);
	return c->late_us && c->part;
}

void listener_finish(struct caller *c)
{
	free(c->marks);
	free(c->late_us);
	free(c->part);
	c->marks = NULL;
	c->late_us = NULL;
	c->part = NULL;
	c->mark_count = 0;
}

/* ---- echoes ----------------------------------------------------------------
 */

/* All frames that are sent, end to end: as bytes or as base64. */
struct frames {
	const void *at;
	size_t size; /* of one */
};

static bool is_frame(const struct caller *c, uint64_t index,
		     const struct frames *sent, const void *came)
{
	const char *all = sent->at;

	return memcmp(came, all + index % c->options->audio.count * sent->size,
		      sent->size) == 0;
}

/* Which frame came back? Normally the next; some may have been dropped. */
static void take_echo(struct caller *c, const struct frames *sent,
		      const void *came, uint64_t now_ns)
{
	struct measured *m = c->measured;
	uint64_t index = c->frames_echoed, due_ns, echo_us;

	while (index < c->frames_sent &&
	       index < c->frames_echoed + LOOK_AHEAD &&
	       !is_frame(c, index, sent, came))
		index++;
	if (index >= c->frames_sent || !is_frame(c, index, sent, came)) {
		m->echo_changed++;
		return;
	}
	m->echo_lost += index - c->frames_echoed;
	c->frames_echoed = index + 1;
	m->frames_echoed++;
	due_ns = c->origin_ns + index * c->options->audio.frame_ms * MS;
	echo_us = now_ns > due_ns ? (now_ns - due_ns) / 1000 : 0;
	histogram_add(&m->echo_us, echo_us);
	if (c->frames_sent - index <= SENT_RING)
		histogram_add(&m->echo_sent_us,
			      echo_us - c->late_us[index % SENT_RING]);
}

/* The server may cut its messages otherwise than we do. */
static void take_bytes(struct caller *c, const uint8_t *bytes, size_t size,
		       uint64_t now_ns)
{
	const struct frames sent = { c->options->audio.bytes,
				     c->options->audio.frame_size };

	while (size > 0) {
		size_t more = sent.size - c->part_size;

		if (more > size)
			more = size;
		if (more == sent.size) {
			take_echo(c, &sent, bytes, now_ns);
		} else {
			memcpy(c->part + c->part_size, bytes, more);
			c->part_size += more;
		}
		if (c->part_size == sent.size) {
			take_echo(c, &sent, c->part, now_ns);
			c->part_size = 0;
		}
		bytes += more;
		size -= more;
	}
}

/* ---- playback --------------------------------------------------------------
 */

/* How the last message of audio came. Without --echo a pause of a second is
 * one that the server made, and no hole in what it says. */
static void judge_gap(struct caller *c, uint64_t now_ns)
{
	const struct heard_audio *heard = &c->heard;
	uint64_t frame_ns = (uint64_t)c->options->audio.frame_ms * MS;
	uint64_t gap_ns = now_ns - heard->came_ns;

	if (heard->came_ns == 0 || (gap_ns >= PAUSE_NS && !c->options->echo))
		return;
	histogram_add(&c->measured->recv_gap_us, gap_ns / 1000);
	if (now_ns > heard->plays_until_ns + frame_ns)
		c->measured->recv_late++;
}

static void play(struct caller *c, size_t bytes, uint64_t now_ns)
{
	const struct audio_format *format = c->talk.format;
	struct heard_audio *heard = &c->heard;

	judge_gap(c, now_ns);
	c->measured->frames_heard++;
	if (heard->came_ns == 0 || now_ns > heard->plays_until_ns + PAUSE_NS)
		heard->since_ns = now_ns;
	heard->came_ns = now_ns;
	if (heard->plays_until_ns < now_ns)
		heard->plays_until_ns = now_ns;
	heard->plays_until_ns += (uint64_t)bytes * 1000 * MS /
				 audio_sample_bytes(format) / format->rate_hz;
}

static void set_flow(struct caller *c, uint64_t now_ns)
{
	const struct dialect *dialect = c->options->dialect;
	uint64_t queued_ns = c->heard.plays_until_ns > now_ns
				     ? c->heard.plays_until_ns - now_ns
				     : 0;
	char text[SPEAKER_TEXT_MAX];

	if (!dialect->flow ||
	    (c->held ? queued_ns >= ROOM_NS : queued_ns < FULL_NS))
		return;
	c->held = !c->held;
	(void)speaker_say(c, text,
			  dialect->flow(text, sizeof(text), &c->talk, c->held));
}

/* ---- marks -----------------------------------------------------------------
 */

static void return_mark(struct caller *c, const struct mark *mark, bool cleared)
{
	const struct dialect *dialect = c->options->dialect;
	char text[SPEAKER_TEXT_MAX];

	if (!dialect->mark ||
	    !speaker_say(c, text,
			 dialect->mark(text, sizeof(text), &c->talk, mark->name,
				       mark->length, cleared)))
		return;
	c->marks_returned++;
	if (!cleared)
		histogram_add(&c->measured->mark_lag_us,
			      (c->now_ns - mark->came_ns) / 1000);
}

static void return_marks(struct caller *c, uint64_t until_ns, bool cleared)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < c->mark_count; i++) {
		if (c->marks[i].due_ns <= until_ns)
			return_mark(c, &c->marks[i], cleared);
		else
			c->marks[kept++] = c->marks[i];
	}
	c->mark_count = kept;
}

/* A mark comes back when playback reaches it. */
static void take_mark(struct caller *c, const struct heard *heard,
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
	mark->came_ns = now_ns;
	mark->due_ns = c->heard.plays_until_ns > now_ns
			       ? c->heard.plays_until_ns
			       : now_ns;
	mark->length = heard->length;
	if (heard->length > 0)
		memcpy(mark->name, heard->text, heard->length);
	mark->name[heard->length] = '\0';
}

static void take_clear(struct caller *c, uint64_t now_ns)
{
	const struct dialect *dialect = c->options->dialect;
	char text[SPEAKER_TEXT_MAX];

	c->clears_heard++;
	c->measured->clears++;
	/* What comes now is something else: no gap leads to it. */
	c->heard = (struct heard_audio){ .plays_until_ns = now_ns };
	barge_on_clear(c);
	if (dialect->cleared)
		(void)speaker_say(
			c, text,
			dialect->cleared(text, sizeof(text), &c->talk));
	if (dialect->clear_loses_marks)
		c->mark_count = 0;
	return_marks(c, UINT64_MAX, true);
	set_flow(c, now_ns);
}

/* ---- messages --------------------------------------------------------------
 */

static void take_media_text(struct caller *c, const struct heard *heard,
			    uint64_t now_ns)
{
	const struct audio *audio = &c->options->audio;
	const struct frames sent = { audio->texts, audio->text_size };
	uint8_t bytes[BASE64_ROOM(LINK_MESSAGE_MAX)];
	ssize_t size;

	if (heard->length == audio->text_size && c->part_size == 0) {
		play(c, audio->frame_size, now_ns);
		if (c->options->echo)
			take_echo(c, &sent, heard->text, now_ns);
		return;
	}
	size = unbase64(bytes, heard->text, heard->length);
	if (size < 0) {
		c->measured->garbage++;
		return;
	}
	play(c, (size_t)size, now_ns);
	if (c->options->echo)
		take_bytes(c, bytes, (size_t)size, now_ns);
}

enum heard_kind listener_take_text(struct caller *c, const char *message,
				   size_t length, uint64_t now_ns)
{
	struct heard heard =
		c->options->dialect->hear(message, length, &c->talk);

	switch (heard.kind) {
	case HEARD_MEDIA:
		take_media_text(c, &heard, now_ns);
		set_flow(c, now_ns);
		break;
	case HEARD_MARK: take_mark(c, &heard, now_ns); break;
	case HEARD_CLEAR: take_clear(c, now_ns); break;
	case HEARD_GARBAGE: c->measured->garbage++; break;
	default: return heard.kind;
	}
	return HEARD_NOTHING;
}

void listener_take_binary(struct caller *c, const uint8_t *bytes, size_t size,
			  uint64_t now_ns)
{
	const struct dialect *dialect = c->options->dialect;

	if (!dialect->binary ||
	    (dialect->one_frame_only && size != c->options->audio.frame_size)) {
		c->measured->garbage++;
		return;
	}
	play(c, size, now_ns);
	if (c->options->echo)
		take_bytes(c, bytes, size, now_ns);
	set_flow(c, now_ns);
}

void listener_on_time(struct caller *c, uint64_t now_ns)
{
	if (c->mark_count > 0)
		return_marks(c, now_ns, false);
	if (c->held)
		set_flow(c, now_ns);
	barge_on_time(c);
}
