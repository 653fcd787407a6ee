/*
 * histogram.c - latencies in constant memory (see histogram.h)
 */
#include "tools/holdload/histogram.h"

#include <math.h>

#define SUB_BITS HISTOGRAM_SUB_BITS

/* Values below 1,024 have a bucket each; above, the ten bits behind the leading
 * one choose among 1,024, once for each doubling. */
static unsigned bucket_of(uint64_t value)
{
	unsigned exponent, bucket;

	if (value < (1u << SUB_BITS))
		return (unsigned)value;
	exponent = 63u - (unsigned)__builtin_clzll(value);
	bucket = ((exponent - SUB_BITS + 1) << SUB_BITS) +
		 (unsigned)((value >> (exponent - SUB_BITS)) &
			    ((1u << SUB_BITS) - 1));
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The largest value that falls into the bucket. */
static uint64_t top_of(unsigned bucket)
{
	unsigned exponent = bucket >> SUB_BITS;
	uint64_t sub = bucket & ((1u << SUB_BITS) - 1);

	if (exponent == 0)
		return sub;
	return ((((uint64_t)1 << SUB_BITS) + sub + 1) << (exponent - 1)) - 1;
}

void histogram_add(struct histogram *h, uint64_t value)
{
	h->counts[bucket_of(value)]++;
	h->count++;
	h->sum += value;
	if (value > h->max)
		h->max = value;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->counts[i] += from->counts[i];
	into->count += from->count;
	into->sum += from->sum;
	if (from->max > into->max)
		into->max = from->max;
}

uint64_t histogram_quantile(const struct histogram *h, double part)
{
	/* 0.9999 of 10,000 is a little more than 9,999, as doubles go. */
	uint64_t rank = (uint64_t)ceil(part * (double)h->count - 1e-6),
		 seen = 0;

	if (h->count == 0)
		return 0;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
		seen += h->counts[i];
		if (seen >= rank && seen > 0)
			return top_of(i) < h->max ? top_of(i) : h->max;
	}
	return h->max;
}

double histogram_mean(const struct histogram *h)
{
	return h->count ? (double)h->sum / (double)h->count : 0;
}
