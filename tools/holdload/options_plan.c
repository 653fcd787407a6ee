/* options_plan.c - what the help calls "when": the options of a plan (see
 * options_plan.h) */
#include "tools/holdload/options_plan.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "tools/holdload/options.h"
#include "tools/holdload/options_table.h"

#define HANDSHAKES	    2048u
#define CALLS_AT_ONCE	    10000u /* with a rate */
#define CALLS_OF_A_THREAD   1000u  /* before there are two */
#define CALLS_OF_AN_ADDRESS 20000u /* of the 28,000 ports that Linux has */

/* ---- one by one ------------------------------------------------------------
 */

static int take_seed(void *options, const struct option_row *row, char *text)
{
	struct options *o = options;
	char *end;

	errno = 0;
	o->seed = strtoull(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && *text != '-')
		return 0;
	return options_wrong(row->name, "a number is needed");
}

static int take_arrivals(void *options, const struct option_row *row,
			 char *text)
{
	struct options *o = options;

	o->poisson = strcmp(text, "poisson") == 0;
	if (o->poisson || strcmp(text, "even") == 0)
		return 0;
	return options_wrong(row->name, "they are even, or poisson");
}

static int take_lengths(void *options, const struct option_row *row, char *text)
{
	struct options *o = options;

	if (lengths_parse(&o->lengths, text) == 0)
		return 0;
	return options_wrong(row->name, "write it like 30s, 10s..60s, exp:30s, "
					"normal:30s,5s or 10s,20s,5min");
}

static int take_misdeeds(void *options, const struct option_row *row,
			 char *text)
{
	struct options *o = options;

	o->misdeeds = (struct misdeeds){ 0 };
	if (misdeeds_parse(&o->misdeeds, text) == 0)
		return 0;
	return options_wrong(row->name,
			     "write it like drop=5%,stall=2%, at most 100% in "
			     "all; --help shows the kinds");
}

static const struct option_row rows[] = {
	{ "calls", "N", "each once (1); with --rate: at once, at most (10000)",
	  .take = option_take_count, OPTION_AT(struct options, calls),
	  .least = 1, .most = CALLS_MAX },
	{ "ramp", "R/s", "begun a second (all at once)",
	  .take = option_take_per_s, OPTION_AT(struct options, ramp_per_s) },
	{ "duration", "T",
	  "of a call: 30s, 10s..60s, exp:30s (the mean),\n"
	  "normal:30s,5s or one of 10s,20s,5min (the file once)",
	  .take = take_lengths },
	{ "hold", "T", "instead: nobody hangs up until all have been up for T",
	  .take = option_take_time, OPTION_AT(struct options, hold_ms) },
	{ "stop", "R/s", "after --hold: so many hang up a second (all at once)",
	  .take = option_take_per_s, OPTION_AT(struct options, stop_per_s) },
	{ "rate", "R/s",
	  "instead: so many come a second, whatever the server\ndoes about it",
	  .take = option_take_per_s, OPTION_AT(struct options, rate_per_s) },
	{ "time", "T", "for so long, with --rate", .take = option_take_time,
	  OPTION_AT(struct options, time_ms) },
	{ "arrivals", "KIND",
	  "even, or poisson: at random, as people call (even)",
	  .take = take_arrivals },
	{ "handshakes", "N", "under way at once, at most (2048)",
	  .take = option_take_count, OPTION_AT(struct options, handshakes),
	  .least = 1, .most = CALLS_MAX },
	{ "seed", "N", "the same run again; its report says which it was",
	  .take = take_seed },
	{ "misbehave", "K=P%,...",
	  "so many of the calls do wrong on purpose, and are\n"
	  "counted apart; the kinds are below",
	  .take = take_misdeeds },
};
const struct option_section options_plan = OPTION_SECTION("when", rows);

/* ---- together --------------------------------------------------------------
 */

static int check(const struct options *o)
{
	if (o->rate_per_s > 0 && o->time_ms == 0)
		return options_wrong("rate", "for how long? Add --time");
	if (o->time_ms > 0 && o->rate_per_s <= 0)
		return options_wrong("time", "at which rate? Add --rate");
	if (o->rate_per_s > 0 && (o->ramp_per_s > 0 || o->hold_ms > 0))
		return options_wrong("rate", "does not go with --ramp or "
					     "--hold");
	if (o->stop_per_s > 0 && o->hold_ms == 0)
		return options_wrong("stop", "is for calls with --hold");
	if (o->hold_ms > 0 && o->lengths.kind != LENGTHS_OF_FILE)
		return options_wrong("hold", "says how long the calls are; "
					     "leave --duration out");
	if (o->poisson && o->rate_per_s <= 0 && o->ramp_per_s <= 0)
		return options_wrong("arrivals", "needs a --rate or a --ramp");
	return 0;
}

static unsigned processors(void)
{
	cpu_set_t ours;

	if (sched_getaffinity(0, sizeof(ours), &ours) < 0)
		return 1;
	return (unsigned)CPU_COUNT(&ours);
}

static void choose_threads(struct options *o)
{
	unsigned enough = 1 + (o->calls - 1) / CALLS_OF_A_THREAD;
	unsigned there = processors();

	if (o->threads == 0)
		o->threads = enough < there ? enough : there;
	if (o->threads > o->calls)
		o->threads = o->calls;
	if (o->handshakes < o->threads)
		o->handshakes = o->threads;
}

/* A port of ours can have one connection to each of the server's: more calls
 * than ports need more addresses, of which the loopback has plenty. */
static void choose_sources(struct options *o)
{
	const struct sockaddr_in *to = (const void *)&o->addresses[0].name;
	unsigned count = (o->calls - 1) / CALLS_OF_AN_ADDRESS + 1;

	if (o->source_count > 0 || count == 1 || to->sin_family != AF_INET ||
	    ntohl(to->sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
		return;
	for (unsigned i = 0; i < count && i < SOURCES_MAX; i++) {
		struct sockaddr_in from = { .sin_family = AF_INET };

		from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + i);
		memcpy(&o->sources[i].name, &from, sizeof(from));
		o->sources[i].size = sizeof(from);
		o->source_count = i + 1;
	}
}

static void choose_seed(struct options *o)
{
	uint32_t seed = 0; /* short enough to be typed */

	if (o->seed == 0 &&
	    getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == sizeof(seed))
		o->seed = seed;
}

int options_finish_plan(struct options *o)
{
	int r = check(o);

	if (o->calls == 0)
		o->calls = o->rate_per_s > 0 ? CALLS_AT_ONCE : 1;
	if (o->handshakes == 0)
		o->handshakes = HANDSHAKES;
	choose_threads(o);
	choose_sources(o);
	choose_seed(o);
	return r;
}
