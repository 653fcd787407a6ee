/*
 * histogram.h - latencies with three significant digits in constant memory
 *
 * Log-linear buckets: 64 of them for each doubling, so no value is off by more
 * than 1/64 of itself. Merging is adding. Units are whatever the caller uses.
 *
 * Thread: belongs to one thread; merge when it has ended.
 */
#ifndef HOLDLOAD_HISTOGRAM_H
#define HOLDLOAD_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS 2048

struct histogram {
	uint64_t counts[HISTOGRAM_BUCKETS];
	uint64_t count, sum, max;
};

void histogram_add(struct histogram *h, uint64_t value);
void histogram_merge(struct histogram *into, const struct histogram *from);
/* The value below which that part of all values lie (0.99); 0 when empty. */
uint64_t histogram_quantile(const struct histogram *h, double part);
double histogram_mean(const struct histogram *h);

#endif
