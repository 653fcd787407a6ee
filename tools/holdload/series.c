/* series.c - the figures of a run, moment by moment (see series.h) */
#include "tools/holdload/series.h"

#include <math.h>
#include <stdlib.h>

#include "tools/holdload/histogram.h"

#define SECOND_NS 1000000000u
#define SUB_BITS  4u /* sixteen buckets for each doubling */

struct series {
	uint64_t began_ns, length_ns;
	size_t count; /* moments that are over */
	struct moment moments[SERIES_MOMENTS];
	struct moment before; /* the sums when the last one ended */
	struct histogram echo_before, late_before;
};

/* ---- spreads ---------------------------------------------------------------
 */

static void spread_add(struct spread *spread, uint64_t value, uint64_t times)
{
	unsigned bucket = histogram_bucket(value, SUB_BITS);

	if (bucket >= SPREAD_BUCKETS)
		bucket = SPREAD_BUCKETS - 1;
	spread->counts[bucket] += (uint32_t)times;
	spread->count += times;
	if (value > spread->max)
		spread->max = value;
}

static void spread_merge(struct spread *into, const struct spread *from)
{
	for (unsigned i = 0; i < SPREAD_BUCKETS; i++)
		into->counts[i] += from->counts[i];
	into->count += from->count;
	if (from->max > into->max)
		into->max = from->max;
}

uint64_t spread_quantile(const struct spread *spread, double part)
{
	uint64_t rank = (uint64_t)ceil(part * (double)spread->count), seen = 0;

	if (spread->count == 0)
		return 0;
	for (unsigned i = 0; i < SPREAD_BUCKETS - 1; i++) {
		uint64_t top = histogram_top(i, SUB_BITS);

		seen += spread->counts[i];
		if (seen >= rank && seen > 0)
			return top < spread->max ? top : spread->max;
	}
	return spread->max;
}

/* What has come to the histogram since it looked like `before`, which it then
 * looks like. */
static void take_new(struct spread *spread, const struct histogram *now,
		     struct histogram *before)
{
	for (unsigned i = 0;
	     i < HISTOGRAM_BUCKETS && before->count < now->count; i++) {
		uint64_t times = now->counts[i] - before->counts[i];

		uint64_t top = histogram_top(i, HISTOGRAM_SUB_BITS);

		if (times == 0)
			continue;
		spread_add(spread, top < now->max ? top : now->max, times);
		before->counts[i] = now->counts[i];
		before->count += times;
	}
}

/* ---- moments ---------------------------------------------------------------
 */

/* The second follows the first. */
static void join(struct moment *first, const struct moment *second)
{
	first->live = second->live;
	first->begun += second->begun;
	first->ended += second->ended;
	first->failed += second->failed;
	first->frames_sent += second->frames_sent;
	first->frames_heard += second->frames_heard;
	first->echo_lost += second->echo_lost;
	spread_merge(&first->echo, &second->echo);
	spread_merge(&first->late, &second->late);
}

/* Each two become one. */
static void halve(struct series *s)
{
	size_t count = (s->count + 1) / 2;

	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			s->moments[i] = s->moments[2 * i];
		if (2 * i + 1 < s->count)
			join(&s->moments[i], &s->moments[2 * i + 1]);
	}
	s->count = count;
	s->length_ns *= 2;
}

static void end_moment(struct series *s, const struct so_far *now)
{
	struct moment *m = &s->moments[s->count++];

	*m = (struct moment){
		.live = now->sums.live,
		.begun = now->sums.begun - s->before.begun,
		.ended = now->sums.ended - s->before.ended,
		.failed = now->sums.failed - s->before.failed,
		.frames_sent = now->sums.frames_sent - s->before.frames_sent,
		.frames_heard = now->sums.frames_heard - s->before.frames_heard,
		.echo_lost = now->sums.echo_lost - s->before.echo_lost,
	};
	take_new(&m->echo, now->echo_us, &s->echo_before);
	take_new(&m->late, now->late_us, &s->late_before);
	s->before = now->sums;
}

uint64_t series_due_ns(const struct series *s)
{
	return s->began_ns + (s->count + 1) * s->length_ns;
}

void series_note(struct series *s, const struct so_far *sums, uint64_t now_ns)
{
	while (now_ns >= series_due_ns(s)) {
		if (s->count == SERIES_MOMENTS) {
			halve(s);
			continue;
		}
		end_moment(s, sums);
	}
}

void series_finish(struct series *s, const struct so_far *sums, uint64_t now_ns)
{
	series_note(s, sums, now_ns);
	if (s->count == SERIES_MOMENTS)
		halve(s);
	end_moment(s, sums);
}

struct series *series_create(uint64_t now_ns)
{
	struct series *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->began_ns = now_ns;
	s->length_ns = SECOND_NS;
	return s;
}

void series_free(struct series *s)
{
	free(s);
}

/* At the same moment. */
static void add(struct moment *into, const struct moment *from)
{
	uint64_t live = into->live + from->live;

	join(into, from);
	into->live = live;
}

void series_merge(struct series *into, struct series *from)
{
	while (into->length_ns < from->length_ns)
		halve(into);
	while (from->length_ns < into->length_ns)
		halve(from);
	for (size_t i = 0; i < from->count; i++) {
		if (i < into->count)
			add(&into->moments[i], &from->moments[i]);
		else
			into->moments[i] = from->moments[i];
	}
	if (from->count > into->count)
		into->count = from->count;
}

size_t series_count(const struct series *s)
{
	return s->count;
}

uint64_t series_length_ns(const struct series *s)
{
	return s->length_ns;
}

const struct moment *series_at(const struct series *s, size_t index)
{
	return &s->moments[index];
}
