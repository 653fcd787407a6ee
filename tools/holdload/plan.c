/* plan.c - what each call of a run is to do (see plan.h) */
#include "tools/holdload/plan.h"

#include <math.h>

#include "tools/holdload/options.h"

#define GOLDEN_PART 0.6180339887498949
#define ARRIVALS    UINT64_MAX /* no call has this number */

void plan_init(struct plan *plan, const struct options *options)
{
	*plan = (struct plan){ .options = options,
			       .gaps = chance_of(options->seed, ARRIVALS) };
}

/* Calls a second; 0: all at once. */
static double pace(const struct options *o)
{
	return o->rate_per_s > 0 ? o->rate_per_s : o->ramp_per_s;
}

static uint64_t length_ns(const struct options *o, struct chance *chance)
{
	const struct audio *audio = &o->audio;

	if (o->hold_ms > 0)
		return PLAN_NO_END;
	if (o->lengths.kind == LENGTHS_OF_FILE)
		return audio->count * audio->frame_ms * (uint64_t)1000000;
	return lengths_draw_ms(&o->lengths, chance) * 1000000;
}

/* Throws that lie evenly, so that 5% of a hundred calls are about five. */
static double even_throw(uint64_t seed, uint64_t number)
{
	struct chance first = chance_of(seed, ARRIVALS - 1);
	double at = chance_part(&first) + (double)number * GOLDEN_PART;

	return at - (double)(uint64_t)at;
}

bool plan_next(struct plan *plan, struct call_plan *call)
{
	const struct options *o = plan->options;
	struct chance chance = chance_of(o->seed, plan->number);
	double per_s = pace(o);

	if (o->rate_per_s > 0 ? plan->at_s * 1000 >= (double)o->time_ms
			      : plan->number >= o->calls)
		return false;
	*call = (struct call_plan){
		.number = plan->number,
		.after_ns = (uint64_t)(plan->at_s * 1e9),
		.length_ns = length_ns(o, &chance),
		.misdeed = misdeeds_choose(&o->misdeeds,
					   even_throw(o->seed, plan->number)),
		.moment = chance_part(&chance),
	};
	plan->number++;
	if (per_s > 0 && o->poisson)
		plan->at_s += chance_gap(&plan->gaps) / per_s;
	else if (per_s > 0)
		plan->at_s = (double)plan->number / per_s;
	return true;
}

uint64_t plan_total(const struct options *o)
{
	if (o->rate_per_s > 0)
		return (uint64_t)ceil(o->rate_per_s * (double)o->time_ms /
				      1000);
	return o->calls;
}
