/* options_plan.c - the options of a plan (see options_plan.h) */
#include "tools/holdload/options_plan.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "server/settings.h"
#include "tools/holdload/options.h"

#define WORKERS_MAX	    64u
#define HANDSHAKES	    2048u
#define CALLS_AT_ONCE	    10000u /* with a rate */
#define CALLS_OF_A_THREAD   1000u  /* before there are two */
#define CALLS_OF_AN_ADDRESS 20000u /* of the 28,000 ports that Linux has */

/* ---- one by one ------------------------------------------------------------
 */

static int parse_count(const char *option, const char *text, unsigned most,
		       unsigned *count)
{
	char *end, what[64];
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno == 0 && *end == '\0' && n >= 1 && n <= most) {
		*count = (unsigned)n;
		return 0;
	}
	(void)snprintf(what, sizeof(what), "a number from 1 to %u is needed",
		       most);
	return options_wrong(option, what);
}

static int parse_per_s(const char *option, const char *text, double *per_s)
{
	char *end;

	*per_s = strtod(text, &end);
	if (end != text && *per_s > 0 && *per_s <= 1e6 &&
	    (strcmp(end, "/s") == 0 || *end == '\0'))
		return 0;
	return options_wrong(option, "calls a second are needed, such as 50/s");
}

int options_parse_time(const char *option, const char *text, uint64_t *ms)
{
	if (settings_parse_duration_ms(text, ms) == 0 && *ms > 0 &&
	    *ms <= UINT32_MAX)
		return 0;
	return options_wrong(option, "write it like 30s or 5min");
}

static int parse_seed(const char *text, uint64_t *seed)
{
	char *end;

	errno = 0;
	*seed = strtoull(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && *text != '-')
		return 0;
	return options_wrong("seed", "a number is needed");
}

static int parse_arrivals(struct options *o, const char *text)
{
	o->poisson = strcmp(text, "poisson") == 0;
	if (o->poisson || strcmp(text, "even") == 0)
		return 0;
	return options_wrong("arrivals", "they are even, or poisson");
}

int options_take_plan(struct options *o, int option, const char *text)
{
	switch (option) {
	case PLAN_CALLS:
		return parse_count("calls", text, CALLS_MAX, &o->calls);
	case PLAN_THREADS:
		return parse_count("threads", text, WORKERS_MAX, &o->threads);
	case PLAN_HANDSHAKES:
		return parse_count("handshakes", text, CALLS_MAX,
				   &o->handshakes);
	case PLAN_RAMP: return parse_per_s("ramp", text, &o->ramp_per_s);
	case PLAN_STOP: return parse_per_s("stop", text, &o->stop_per_s);
	case PLAN_RATE: return parse_per_s("rate", text, &o->rate_per_s);
	case PLAN_HOLD: return options_parse_time("hold", text, &o->hold_ms);
	case PLAN_TIME: return options_parse_time("time", text, &o->time_ms);
	case PLAN_ARRIVALS: return parse_arrivals(o, text);
	case PLAN_SEED: return parse_seed(text, &o->seed);
	case PLAN_DURATION:
		if (lengths_parse(&o->lengths, text) == 0)
			return 0;
		return options_wrong("duration",
				     "write it like 30s, 10s..60s, exp:30s, "
				     "normal:30s,5s or 10s,20s,5min");
	case PLAN_MISBEHAVE:
		if (misdeeds_parse(&o->misdeeds, text) == 0)
			return 0;
		return options_wrong("misbehave",
				     "write it like drop=5%,stall=2%, at most "
				     "100% in all; --help shows the kinds");
	default: return 2;
	}
}

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
