/*
 * plot.h - curves as a drawing (SVG) inside of a page
 *
 * Thread: any; no state.
 */
#ifndef HOLDLOAD_PLOT_H
#define HOLDLOAD_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define PLOT_CURVES 4

struct curve {
	const char *name;     /* plain text without markup */
	const double *values; /* at each x; NAN: none there */
};

struct plot {
	const char *title, *unit;  /* of the values */
	const double *x;	   /* rising */
	const char *const *labels; /* below each x; NULL: its number */
	const char *x_unit;
	size_t count;
	struct curve curves[PLOT_CURVES]; /* name NULL: no more */
	bool logarithmic;		  /* from 0.01 up: latencies */
};

void plot_draw(FILE *out, const struct plot *plot);

#endif
