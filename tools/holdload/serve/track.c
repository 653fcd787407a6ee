/* track.c - one side of a call as it comes in (see track.h) */
#include "tools/holdload/serve/track.h"

#include "tools/holdload/serve/tally.h"

#define MS	    1000000u /* nanoseconds */
#define PAUSE_NS    (1000ull * MS)
#define HOLE_NS	    (10ull * MS) /* less may be a timestamp's rounding */
#define ADLER_PRIME 65521u
#define ADLER_RUN   5552u /* bytes until 32 bits might run over */
#define FOLLOW	    1024  /* a part of each deviation, so slow */

/* ---- content ---------------------------------------------------------------
 */

static void add_content(struct track *t, const uint8_t *bytes, size_t size)
{
	uint32_t a = t->sum, b = t->sum_of_sums;

	t->bytes += size;
	while (size > 0) {
		size_t run = size < ADLER_RUN ? size : ADLER_RUN;

		for (size_t i = 0; i < run; i++) {
			a += bytes[i];
			b += a;
		}
		a %= ADLER_PRIME;
		b %= ADLER_PRIME;
		bytes += run;
		size -= run;
	}
	t->sum = a;
	t->sum_of_sums = b;
}

uint32_t track_adler32(const struct track *t)
{
	/* It begins with 1, which every sum of sums has in it. */
	uint32_t a = (t->sum + 1) % ADLER_PRIME;
	uint32_t b = (uint32_t)((t->sum_of_sums + t->bytes) % ADLER_PRIME);

	return b << 16 | a;
}

/* ---- time ------------------------------------------------------------------
 */

static void judge(struct track *t, const struct piece *piece, uint64_t at_ns,
		  struct tally *tally, uint64_t now_ns)
{
	uint64_t gap_ns = now_ns - t->last_ns;
	int64_t off_ns = (int64_t)(gap_ns - t->last_length_ns);
	int64_t late_ns = (int64_t)(now_ns - t->origin_ns - at_ns);
	int64_t length_ns = (int64_t)piece->length_ns;

	histogram_add(&tally->gap_us, gap_ns / 1000);
	histogram_add(&tally->jitter_us,
		      (uint64_t)(off_ns < 0 ? -off_ns : off_ns) / 1000);
	tally->late += late_ns > length_ns;
	tally->early += late_ns < -length_ns;
	tally->burst += gap_ns < piece->length_ns / 4;
	t->origin_ns += (uint64_t)(late_ns / FOLLOW);
}

void track_hear(struct track *t, const struct piece *piece, struct tally *tally,
		uint64_t now_ns)
{
	uint64_t at_ns = piece->timed ? piece->at_ns : t->next_at_ns;

	if (t->frames > 0 && at_ns >= t->next_at_ns + HOLE_NS)
		tally->missing_ms += (at_ns - t->next_at_ns) / MS;
	if (t->frames == 0 || now_ns - t->last_ns >= PAUSE_NS)
		t->origin_ns = now_ns - at_ns;
	else
		judge(t, piece, at_ns, tally, now_ns);
	if (t->frames == 0 || at_ns + piece->length_ns > t->next_at_ns)
		t->next_at_ns = at_ns + piece->length_ns;
	t->last_ns = now_ns;
	t->last_length_ns = piece->length_ns;
	t->frames++;
	add_content(t, piece->bytes, piece->size);
}
