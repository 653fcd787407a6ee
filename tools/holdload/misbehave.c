/* misbehave.c - doing what misdeed.h has names for (see misbehave.h) */
#include "tools/holdload/misbehave.h"

#include <string.h>

#include "tools/holdload/caller.h"
#include "tools/holdload/options.h"
#include "tools/holdload/speaker.h"

bool misbehave_say_hello(struct caller *c)
{
	switch (c->plan.misdeed) {
	case MISDEED_NO_START: return true;
	case MISDEED_WRONG_ORDER:
		c->misbehaved = true;
		speaker_send_audio(c, c->now_ns);
		return speaker_say_hello(c);
	default: return speaker_say_hello(c);
	}
}

void misbehave_begin(struct caller *c)
{
	const struct options *o = c->options;
	uint64_t length = c->plan.length_ns;

	c->misdeed_ns = UINT64_MAX;
	if (c->plan.misdeed == MISDEED_NONE)
		return;
	c->link.deaf = c->plan.misdeed == MISDEED_SLOW_READER;
	if (!misdeed_has_a_moment(c->plan.misdeed)) {
		c->misbehaved = true;
		return;
	}
	if (length == PLAN_NO_END)
		length = o->hold_ms * 1000000;
	c->misdeed_ns =
		c->origin_ns + (uint64_t)(c->plan.moment * (double)length);
}

/* A media message whose payload is none. */
static void say_bad_audio(struct caller *c)
{
	static const char text[] = "!not base64!";
	const struct dialect *dialect = c->options->dialect;
	const struct frame frame = { .bytes = (const uint8_t *)text,
				     .size = 3, /* half a sample too many */
				     .text = text,
				     .text_length = strlen(text),
				     .number = c->frames_sent + 1 };
	char message[SPEAKER_TEXT_MAX];

	if (dialect->binary)
		(void)link_send_frame(&c->link, WIRE_BINARY, frame.bytes,
				      frame.size);
	else
		(void)speaker_say(c, message,
				  dialect->media(message, sizeof(message),
						 &c->talk, &frame));
}

bool misbehave_now(struct caller *c)
{
	static const char broken[] = "{\"event\":\"media\",\"media\":{\"pay";
	/* RFC 6455, section 5.2: all three reserved bits, no mask. */
	static const uint8_t unmasked[] = { 0xf1, 0x02, '{', '}' };
	/* A masked text of 64 MiB; the mask, and its first bytes. */
	static const uint8_t giant[] = { 0x81, 0xff, 0, 0, 0, 0, 0x04, 0, 0,
					 0,    1,    2, 3, 4, 5, 6,    7, 8 };

	c->misbehaved = true;
	switch (c->plan.misdeed) {
	case MISDEED_DROP: link_cut(&c->link, false); return true;
	case MISDEED_RESET: link_cut(&c->link, true); return true;
	case MISDEED_BAD_JSON:
		(void)link_send_frame(&c->link, WIRE_TEXT, broken,
				      strlen(broken));
		return false;
	case MISDEED_BAD_AUDIO: say_bad_audio(c); return false;
	case MISDEED_BAD_FRAME:
		(void)link_send(&c->link, unmasked, sizeof(unmasked));
		return false;
	case MISDEED_OVERSIZED:
		(void)link_send(&c->link, giant, sizeof(giant));
		return false;
	default: return false;
	}
}

bool misbehave_leave(struct caller *c)
{
	if (c->plan.misdeed != MISDEED_OVERSIZED || !c->misbehaved)
		return false;
	link_cut(&c->link, false);
	return true;
}

void misbehave_account(const struct caller *c)
{
	struct deeds *deeds = &c->crew->good.misdeeds[c->plan.misdeed];

	deeds->calls++;
	deeds->done += c->misbehaved;
	switch (c->outcome) {
	case OUTCOME_COMPLETED:
	case OUTCOME_LEFT:
	case OUTCOME_TIMEOUT:
	case OUTCOME_CANCELLED: break;
	default: deeds->cut_off += c->misbehaved;
	}
}
