/* barge.c - the caller speaks while the server does (see barge.h) */
#include "tools/holdload/barge.h"

#include "tools/holdload/caller.h"
#include "tools/holdload/options.h"
#include "tools/holdload/speaker.h"

#define MS	 1000000u /* nanoseconds */
#define QUIET_NS (500ull * MS)

static bool is_heard(const struct caller *c)
{
	return c->heard.plays_until_ns > c->now_ns;
}

void barge_on_frame(struct caller *c)
{
	const struct options *o = c->options;

	if (o->barge_in_ms == 0 || c->barge.began_ns > 0 || !is_heard(c) ||
	    c->now_ns < c->heard.since_ns + o->barge_in_ms * MS)
		return;
	c->barge.began_ns = c->now_ns;
	c->barge.from = c->frames_sent;
	c->measured->barge_ins++;
	if (o->dtmf[0])
		speaker_send_all_digits(c);
}

void barge_on_clear(struct caller *c)
{
	if (c->barge.began_ns == 0 || c->barge.cleared || c->barge.quiet)
		return;
	c->barge.cleared = true;
	histogram_add(&c->measured->barge_clear_us,
		      (c->now_ns - c->barge.began_ns) / 1000);
}

static void become_quiet(struct caller *c)
{
	uint64_t since_ns = c->heard.plays_until_ns;

	c->barge.quiet = true;
	histogram_add(&c->measured->barge_silence_us,
		      since_ns > c->barge.began_ns
			      ? (since_ns - c->barge.began_ns) / 1000
			      : 0);
}

void barge_on_time(struct caller *c)
{
	if (c->barge.began_ns > 0 && !c->barge.quiet &&
	    c->now_ns >= c->heard.plays_until_ns + QUIET_NS)
		become_quiet(c);
}

void barge_account(struct caller *c)
{
	if (c->barge.began_ns == 0 || c->barge.quiet)
		return;
	if (is_heard(c))
		c->measured->barge_ignored++;
	else
		become_quiet(c);
}
