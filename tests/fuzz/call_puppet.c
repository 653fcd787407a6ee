/*
 * call_puppet.c - a handler that answers what it is told with what it was
 * taught (see call_puppet.h)
 */
#include "fuzz/call_puppet.h"

#include <stdbool.h>
#include <string.h>

#include "fuzz/call_claims.h"
#include "support/call_world.h"

#define ACTS_MAX 300u /* between two rests; more than any list may hold */

enum moment { AT_START, AT_MEDIA, AT_DIGIT, AT_MARK, AT_END, MOMENTS };
enum act { NOTHING, SPEAK, MARK, CLEAR, DIGIT, HOLD, GO_ON, HANG_UP };

static struct {
	enum act acts[MOMENTS];
	unsigned done;
	bool started, ended;
} puppet;

const char *puppet_mark(uint8_t n)
{
	static const char *const names[] = {
		"a",
		"b",
		"prompt 1",
		"",
		"\"\\\n\x01",
		"\xc3\xbc\xe2\x82\xac",
		"a name as long as those that carry a uuid: 0123456789-abcdef",
	};

	return names[n % (sizeof(names) / sizeof(names[0]))];
}

static void act(struct call *call, enum moment moment)
{
	static const uint8_t audio[1600];

	CLAIM(call == world.call && call->state == CALL_LIVE);
	CLAIM(!puppet.ended);
	if (puppet.done++ >= ACTS_MAX)
		return;
	switch (puppet.acts[moment]) {
	case NOTHING: break;
	case SPEAK: (void)call_send_media(call, audio, sizeof(audio)); break;
	case MARK: (void)call_send_mark(call, "again"); break;
	case CLEAR:
		(void)call_send_clear(call);
		claims_cleared();
		break;
	case DIGIT: (void)call_send_digit(call, '5'); break;
	case HOLD: call_hold(call, true); break;
	case GO_ON: call_hold(call, false); break;
	case HANG_UP:
		if (moment != AT_END) /* that is what it does already */
			call_end(call, END_HANGUP, 1000, 0);
		break;
	}
}

static void on_start(struct call *call)
{
	CLAIM(!puppet.started);
	puppet.started = true;
	act(call, AT_START);
}

static void on_media(struct call *call, const struct event *event)
{
	claim_readable(event->media.audio, event->media.bytes);
	act(call, AT_MEDIA);
}

static void on_dtmf(struct call *call, char digit)
{
	CLAIM(digit != '\0');
	act(call, AT_DIGIT);
}

static void on_mark(struct call *call, const char *name)
{
	CLAIM(name != NULL);
	act(call, AT_MARK);
}

static void on_end(struct call *call)
{
	CLAIM(puppet.started);
	act(call, AT_END);
	puppet.ended = true;
}

const struct handler *puppet_new(void)
{
	static const struct handler handler = {
		.name = "puppet",
		.on_start = on_start,
		.on_media = on_media,
		.on_dtmf = on_dtmf,
		.on_mark = on_mark,
		.on_end = on_end,
	};

	memset(&puppet, 0, sizeof(puppet));
	return &handler;
}

void puppet_teach(uint8_t lesson)
{
	puppet.acts[(lesson & 7) % MOMENTS] = lesson >> 3 & 7;
}

void puppet_rest(void)
{
	puppet.done = 0;
}
