/* plot.c - curves as a drawing (see plot.h) */
#include "tools/holdload/plot.h"

#include <math.h>

#define WIDTH  640.0
#define HEIGHT 220.0
#define LEFT   56.0
#define RIGHT  12.0
#define TOP    10.0
#define BOTTOM 26.0
#define LOWEST 0.01 /* where a logarithmic scale begins */
#define MARKS  5    /* at most, beside and below */

/* What is drawn where. */
struct scale {
	double x_from, x_to, top;
	bool logarithmic;
};

static double at_x(const struct scale *s, double x)
{
	double span = s->x_to > s->x_from ? s->x_to - s->x_from : 1;

	return LEFT + (x - s->x_from) / span * (WIDTH - LEFT - RIGHT);
}

static double at_y(const struct scale *s, double value)
{
	double part = value / s->top;

	if (s->logarithmic)
		part = value > LOWEST
			       ? log(value / LOWEST) / log(s->top / LOWEST)
			       : 0;
	return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM);
}

/* 1, 2 or 5 times a power of ten, not less than that. */
static double round_up(double value)
{
	double power = pow(10, floor(log10(value)));

	for (int i = 0; i < 3; i++) {
		static const double steps[] = { 1, 2, 5 };

		if (value <= steps[i] * power * (1 + 1e-9))
			return steps[i] * power;
	}
	return 10 * power;
}

static struct scale scale_of(const struct plot *p)
{
	struct scale s = { .logarithmic = p->logarithmic, .top = 0 };

	for (size_t c = 0; c < PLOT_CURVES && p->curves[c].name; c++)
		for (size_t i = 0; i < p->count; i++)
			if (p->curves[c].values[i] > s.top)
				s.top = p->curves[c].values[i];
	if (s.logarithmic)
		s.top = pow(10, ceil(log10(fmax(s.top, 10 * LOWEST))));
	else
		s.top = round_up(fmax(s.top, 1));
	s.x_from = p->count > 0 ? p->x[0] : 0;
	s.x_to = p->count > 0 ? p->x[p->count - 1] : 1;
	return s;
}

/* ---- lines beside and below ------------------------------------------------
 */

static void mark_value(FILE *out, const struct scale *s, double value)
{
	double y = at_y(s, value);

	(void)fprintf(out,
		      "<line class=grid x1=%.0f x2=%.0f y1=%.1f y2=%.1f />"
		      "<text x=%.0f y=%.1f text-anchor=end>%g</text>\n",
		      LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 4, value);
}

static void mark_values(FILE *out, const struct scale *s)
{
	double step = round_up(s->top / MARKS);
	double top = s->logarithmic ? log10(s->top / LOWEST) : s->top / step;

	for (int i = 0; i <= (int)(top + 0.01); i++)
		mark_value(out, s,
			   s->logarithmic ? LOWEST * pow(10, i) : i * step);
}

static void mark_x(FILE *out, const struct plot *p, const struct scale *s)
{
	size_t step = p->labels ? 1 : (p->count + MARKS - 1) / MARKS;

	for (size_t i = 0; i < p->count; i += step) {
		(void)fprintf(out, "<text x=%.1f y=%.0f text-anchor=middle>",
			      at_x(s, p->x[i]), HEIGHT - 8);
		if (p->labels)
			(void)fprintf(out, "%s</text>\n", p->labels[i]);
		else
			(void)fprintf(out, "%g %s</text>\n", p->x[i],
				      p->x_unit);
	}
}

/* ---- curves ----------------------------------------------------------------
 */

/* Where there is no value, there is no line. */
static void draw_curve(FILE *out, const struct plot *p, const struct scale *s,
		       size_t c)
{
	const double *values = p->curves[c].values;
	char move = 'M';

	(void)fprintf(out, "<path class=\"curve c%zu\" d=\"", c);
	for (size_t i = 0; i < p->count; i++) {
		if (isnan(values[i])) {
			move = 'M';
			continue;
		}
		(void)fprintf(out, "%c%.1f %.1f", move, at_x(s, p->x[i]),
			      at_y(s, values[i]));
		/* One alone is a dot. */
		if (move == 'M')
			(void)fputs("h0", out);
		move = 'L';
	}
	(void)fputs("\"/>\n", out);
}

static void put_legend(FILE *out, const struct plot *p)
{
	(void)fprintf(out, "<figcaption><b>%s</b>, %s:", p->title, p->unit);
	for (size_t c = 0; c < PLOT_CURVES && p->curves[c].name; c++)
		(void)fprintf(out, " <span class=c%zu>%s</span>", c,
			      p->curves[c].name);
	(void)fputs("</figcaption>\n", out);
}

void plot_draw(FILE *out, const struct plot *p)
{
	struct scale s = scale_of(p);

	(void)fputs("<figure>\n", out);
	put_legend(out, p);
	(void)fprintf(out,
		      "<svg viewBox=\"0 0 %.0f %.0f\" role=img "
		      "aria-label=\"%s\">\n",
		      WIDTH, HEIGHT, p->title);
	mark_values(out, &s);
	mark_x(out, p, &s);
	for (size_t c = 0; c < PLOT_CURVES && p->curves[c].name; c++)
		draw_curve(out, p, &s, c);
	(void)fputs("</svg>\n</figure>\n", out);
}
