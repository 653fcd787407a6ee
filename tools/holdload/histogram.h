/*
 * histogram.h - latencies with three significant digits in constant memory
 *
 * Log-linear buckets: 1,024 of them for each doubling, so no value is off by
 * more than 1/1024 of itself. The last one takes whatever is 2^30 or more: of
 * microseconds, a quarter of an hour. Merging is adding.
 *
 * Thread: belongs to one thread; merge when it has ended.
 */
#ifndef HOLDLOAD_HISTOGRAM_H
#define HOLDLOAD_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 10u
#define HISTOGRAM_BUCKETS  (21u << HISTOGRAM_SUB_BITS)

struct histogram {
	uint64_t counts[HISTOGRAM_BUCKETS];
	uint64_t count, sum, max;
};

/* With so many bits behind the leading one, values below 2^bits have a bucket
 * each; above, 2^bits share each doubling. And a bucket's largest value. */
unsigned histogram_bucket(uint64_t value, unsigned sub_bits);
uint64_t histogram_top(unsigned bucket, unsigned sub_bits);

void histogram_add(struct histogram *h, uint64_t value);
void histogram_merge(struct histogram *into, const struct histogram *from);
/* The least value that so large a part of all values (0.99) does not exceed; 0
 * when empty. */
uint64_t histogram_quantile(const struct histogram *h, double part);
double histogram_mean(const struct histogram *h);

#endif
