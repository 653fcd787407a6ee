/*
 * track.c - where a frame belongs in time (see track.h)
 */
#include "media/track.h"

/* A forged stamp must not overflow anything or ask for years of silence; a
 * week is longer than any call may be. */
#define POSITION_MS_MAX ((uint64_t)7 * 24 * 3600 * 1000)

/* ---- counting --------------------------------------------------------------
 */

enum counted { NEXT, AHEAD, ANEW, MISSED, AGAIN };

static enum counted step_to(struct chunk_count *count, uint64_t number,
			    enum counted how)
{
	uint64_t steps = number + 1 - count->next;

	count->seen = how == ANEW	     ? ~0ull
		      : steps < TRACK_WINDOW ? count->seen << steps | 1
					     : 1;
	count->next = number + 1;
	count->anew = 0;
	return how;
}

static enum counted step_back(struct chunk_count *count, uint64_t number)
{
	uint64_t behind = count->next - 1 - number, bit;

	if (behind >= TRACK_WINDOW) {
		if (count->anew && number == count->anew)
			return step_to(count, number, ANEW);
		count->anew = number + 1;
		return AGAIN;
	}
	bit = 1ull << behind;
	if (count->seen & bit)
		return AGAIN;
	count->seen |= bit;
	return MISSED;
}

/* Notes a number; `*lost` is how many are missing before it. */
static enum counted note(struct chunk_count *count, uint64_t number,
			 uint64_t *lost)
{
	*lost = 0;
	if (number < count->next)
		return step_back(count, number);
	if (number - count->next > TRACK_LOST_MAX)
		return step_to(count, number, ANEW);
	*lost = number - count->next;
	return step_to(count, number, *lost > 0 ? AHEAD : NEXT);
}

/* Which of the two counts is the real one? `own` and `all` are what either
 * makes of the newest number. */
static void judge_sharing(struct tracks *tracks, enum counted own,
			  enum counted all)
{
	if (tracks->shared && (all == AGAIN || all == MISSED) &&
	    (own == NEXT || own == AHEAD)) {
		tracks->shared = false; /* both tracks have used that number */
		tracks->hints = 0;
	} else if (!tracks->shared && own == AHEAD && all == NEXT) {
		/* One frame that was lost looks like that, two do not. */
		tracks->shared = ++tracks->hints >= 2;
	} else if (!tracks->shared && own == NEXT) {
		tracks->hints = 0;
	}
}

/* A track's first frame. Alone it counts from 1 (some from 0); beside another
 * track it may go on where that one is. */
static void begin(struct tracks *tracks, struct track *track,
		  const struct event *event)
{
	uint64_t chunk = event->media.chunk;
	bool first = true;

	for (unsigned i = 0; i < TRACKS_MAX; i++)
		first = first && !tracks->track[i].begun;
	track->begun = true;
	if (!event->media.has_chunk)
		return;
	track->count.next = chunk == 0 ? 0 : 1;
	if (first)
		tracks->all.next = track->count.next;
	else if (chunk > 1 && chunk == tracks->all.next)
		tracks->shared = true;
}

static enum counted count_chunk(struct tracks *tracks, struct track *track,
				uint64_t chunk, uint64_t *lost)
{
	uint64_t own_lost, all_lost;
	enum counted own = note(&track->count, chunk, &own_lost);
	enum counted all = note(&tracks->all, chunk, &all_lost);

	judge_sharing(tracks, own, all);
	*lost = tracks->shared ? all_lost : own_lost;
	return tracks->shared ? all : own;
}

/* ---- placing ---------------------------------------------------------------
 */

/* The position that the stamp says, or false when it says nothing useful. */
static bool stamped(const struct tracks *tracks, const struct event *event,
		    unsigned rate_hz, uint64_t *position)
{
	uint64_t ms;

	if (!event->media.has_timestamp ||
	    event->media.timestamp_ms < tracks->origin_ms)
		return false;
	ms = event->media.timestamp_ms - tracks->origin_ms;
	if (ms > POSITION_MS_MAX)
		return false;
	*position = ms * rate_hz / 1000;
	return true;
}

/* `lost` messages are missing: the count says where the frame would be, the
 * stamp may say that more (or less) time has passed. Of a shared count nobody
 * knows whose frames are missing, so only the stamp can say. */
static void place_ahead(struct placed *placed, const struct tracks *tracks,
			const struct track *track, const struct event *event,
			unsigned rate_hz)
{
	uint64_t missing = tracks->shared ? 0 : placed->lost;
	uint64_t counted = track->end + missing * track->last_samples;
	uint64_t jitter = (uint64_t)TRACK_JITTER_MS * rate_hz / 1000;
	uint64_t said;

	placed->position = counted;
	if (stamped(tracks, event, rate_hz, &said) &&
	    (said > counted + jitter ||
	     (missing > 0 && said + jitter < counted)))
		placed->position = said > track->end ? said : track->end;
	placed->gap_ms = (placed->position - track->end) * 1000 / rate_hz;
	placed->verdict = placed->lost > 0 || placed->gap_ms > 0
				  ? TRACK_GAP
				  : TRACK_FOLLOWS;
}

static void place_behind(struct placed *placed, const struct tracks *tracks,
			 const struct track *track, uint64_t chunk)
{
	const struct chunk_count *count =
		tracks->shared ? &tracks->all : &track->count;
	uint64_t back = (count->next - chunk) * track->last_samples;

	placed->position = back <= track->end ? track->end - back : 0;
}

struct placed track_place(struct tracks *tracks, const struct event *event,
			  uint64_t samples, unsigned rate_hz)
{
	struct track *track = &tracks->track[event->media.track];
	struct placed placed = { .verdict = TRACK_FOLLOWS };
	enum counted counted = NEXT;

	if (!tracks->has_origin && event->media.has_timestamp) {
		tracks->has_origin = true;
		tracks->origin_ms = event->media.timestamp_ms;
	}
	if (!track->begun)
		begin(tracks, track, event);
	if (track->last_samples == 0)
		track->last_samples = samples;
	if (event->media.has_chunk)
		counted = count_chunk(tracks, track, event->media.chunk,
				      &placed.lost);
	if (counted == AGAIN || counted == MISSED) {
		placed.verdict = counted == AGAIN ? TRACK_REPEATED : TRACK_LATE;
		place_behind(&placed, tracks, track, event->media.chunk);
		return placed;
	}
	place_ahead(&placed, tracks, track, event, rate_hz);
	track->end = placed.position + samples;
	track->last_samples = samples;
	return placed;
}

struct placed track_skip(struct tracks *tracks, uint64_t ms, unsigned rate_hz)
{
	uint64_t most = POSITION_MS_MAX * rate_hz / 1000;
	uint64_t end = 0, samples = ms * rate_hz / 1000;
	struct placed placed = { .verdict = TRACK_GAP };

	for (unsigned i = 0; i < TRACKS_MAX; i++)
		if (tracks->track[i].end > end)
			end = tracks->track[i].end;
	if (ms > POSITION_MS_MAX || end + samples > most)
		return placed;
	for (unsigned i = 0; i < TRACKS_MAX; i++)
		tracks->track[i].end = end + samples;
	placed.position = end + samples;
	placed.gap_ms = ms;
	return placed;
}
