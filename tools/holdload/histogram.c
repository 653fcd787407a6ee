/*
 * histogram.c - latencies in constant memory (see histogram.h)
 */
#include "tools/holdload/histogram.h"

#include <math.h>

unsigned histogram_bucket(uint64_t value, unsigned sub_bits)
{
	unsigned exponent;

	if (value < (1u << sub_bits))
		return (unsigned)value;
	exponent = 63u - (unsigned)__builtin_clzll(value);
	return ((exponent - sub_bits + 1) << sub_bits) +
	       (unsigned)((value >> (exponent - sub_bits)) &
			  ((1u << sub_bits) - 1));
}

uint64_t histogram_top(unsigned bucket, unsigned sub_bits)
{
	unsigned exponent = bucket >> sub_bits;
	uint64_t sub = bucket & ((1u << sub_bits) - 1);

	if (exponent == 0)
		return sub;
	return ((((uint64_t)1 << sub_bits) + sub + 1) << (exponent - 1)) - 1;
}

static unsigned bucket_of(uint64_t value)
{
	unsigned bucket = histogram_bucket(value, HISTOGRAM_SUB_BITS);

	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static uint64_t top_of(unsigned bucket)
{
	return histogram_top(bucket, HISTOGRAM_SUB_BITS);
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
