/*
 * pacer.h - when what we say leaves: neither too early nor ever later
 *
 * Most providers buffer what we send, and tell when they have played it: audio
 * may go out ahead, up to a limit, and waits here beyond it. Others play what
 * comes: for them one frame leaves every so often, on a clock that does not
 * drift, and everything else waits. Both may want messages of certain sizes.
 *
 * Time is a grid: the n-th frame is due n frames after the first. A tick that
 * comes late finds several frames due and sends them; but what lies further
 * back than PACER_CATCH_UP_MS is forgiven, and the grid begins anew there, so
 * that a hiccup never becomes a burst, nor a delay for the rest of the call.
 *
 * The queue is bounded in time (`queue_ms`), and what has waited in it for
 * longer than `age_ms` is dropped when its turn comes. A mark waits behind the
 * audio that it stands for.
 *
 * Memory is taken when something must wait, and kept for the next time. No
 * socket, no clock: time is an argument.
 *
 * Thread: belongs to one call.
 */
#ifndef MEDIA_PACER_H
#define MEDIA_PACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACER_CATCH_UP_MS 100u
#define PACER_MARKS_MAX	  256u /* that wait at one time */

struct pacer;

struct pacer_options {
	uint32_t bytes_per_s;
	uint8_t silence; /* fills up a message that is too short */
	/* A message has at least `least` bytes, is a multiple of `step`, and
	 * at most `most`, which gives way if no such message could be. */
	size_t least, step, most;
	bool clocked; /* a message leaves when the one before is over */
	/* Otherwise: when less than this has been sent ahead, a message leaves;
	 * so there may be one more than that. */
	uint32_t ahead_ms;
	uint32_t queue_ms, age_ms;
};

enum piece_kind { PIECE_NONE, PIECE_AUDIO, PIECE_MARK };
struct piece {
	enum piece_kind kind;
	const uint8_t *audio; /* valid until the next call */
	size_t bytes;
	const char *mark; /* likewise */
	bool late;	  /* it leaves after its time */
};

/* NULL: no memory. */
struct pacer *pacer_create(const struct pacer_options *options);
void pacer_destroy(struct pacer *pacer); /* accepts NULL */

/* True: this much audio may leave at once, as one message, and counts as sent;
 * nothing waits that it would overtake. */
bool pacer_pass(struct pacer *pacer, uint64_t now_ms, size_t bytes);
/* It will be asked very soon: its memory may come. Accepts NULL. */
void pacer_fetch(const struct pacer *pacer);
/* At the end of the queue. False: there is no room for it, or no memory. */
bool pacer_add_audio(struct pacer *pacer, uint64_t now_ms, const uint8_t *audio,
		     size_t bytes);
bool pacer_add_mark(struct pacer *pacer, uint64_t now_ms, const char *name);

/* What may leave now. Call again until it is PIECE_NONE. */
struct piece pacer_next(struct pacer *pacer, uint64_t now_ms);
/* When to ask again; nothing need happen before. */
uint64_t pacer_due_ms(const struct pacer *pacer, uint64_t now_ms);

/* The provider's buffer is full (or no more). */
void pacer_hold(struct pacer *pacer, bool hold);
/* Empties the queue, and the provider has emptied its own. The names of the
 * marks that waited go to `each`, which may be NULL and must leave the pacer
 * alone. Returns how much audio waited, in ms. */
uint64_t pacer_clear(struct pacer *pacer,
		     void (*each)(void *arg, const char *mark), void *arg);

bool pacer_is_empty(const struct pacer *pacer);
/* How many additions were dropped for their age since the last look. */
uint64_t pacer_take_aged(struct pacer *pacer);

#endif
