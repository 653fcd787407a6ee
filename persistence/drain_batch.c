/* drain_batch.c - what the drainer has in its hands (see drain_batch.h) */
#include "persistence/drain_batch.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "persistence/estate.h"
#include "persistence/outbox.h"
#include "persistence/record.h"
#include "server/board.h"
#include "server/log.h"

#define SLOW_START_RECORDS 16u
#define FAST_MS		   250u	 /* the next chunk may be twice as big */
#define SLOW_MS		   2000u /* the next one is half of it */

int drain_batch_init(struct drain_batch *batch, size_t capacity)
{
	*batch = (struct drain_batch){ .capacity = capacity,
				       .chunk_max = capacity };
	batch->records = calloc(capacity, sizeof(struct record *));
	batch->origins = calloc(capacity, sizeof(struct drain_origin));
	if (batch->records && batch->origins)
		return 0;
	drain_batch_finish(batch);
	return -ENOMEM;
}

static void clear(struct drain_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		free(batch->records[i]);
	batch->count = batch->done = batch->bytes = 0;
	batch->suspect_end = 0;
	batch->some_passed = false;
}

void drain_batch_finish(struct drain_batch *batch)
{
	clear(batch);
	free(batch->records);
	free(batch->origins);
	*batch = (struct drain_batch){ .records = NULL };
}

bool drain_batch_pending(const struct drain_batch *batch)
{
	return batch->done < batch->count;
}

static bool is_full(const struct drain_batch *batch)
{
	return batch->count == batch->capacity ||
	       batch->bytes >= DRAIN_BATCH_BYTES;
}

static void add(struct drain_batch *batch, struct record *record,
		struct outbox_journal *journal, uint64_t seq)
{
	batch->records[batch->count] = record;
	batch->origins[batch->count] =
		(struct drain_origin){ .journal = journal, .seq = seq };
	batch->count++;
	batch->bytes += record->length;
}

/* Takes up to `most` from one journal. 1: there may be more; 0: no more now. */
static int take(struct drain_batch *batch, struct outbox_journal *journal,
		size_t most)
{
	struct journal_entry entry;

	for (size_t i = 0; i < most && !is_full(batch); i++) {
		int r = outbox_journal_next(journal, &entry);

		if (r <= 0)
			return r;
		add(batch, entry.record, journal, entry.seq);
	}
	return 1;
}

/* Adds the final records of what a dead process left open, as many as fit;
 * the rest follows with the next batch. */
static int take_estate(struct drain_batch *batch,
		       struct outbox_journal *journal)
{
	int64_t last_us = outbox_journal_last_us(journal);
	struct estate *estate = outbox_journal_estate(journal);

	if (!batch->settling)
		batch->settling = journal;
	while (!is_full(batch)) {
		size_t before = batch->estate_cursor;
		const struct record *open =
			estate_next(estate, &batch->estate_cursor);
		struct record *final;

		if (!open) {
			batch->estate_complete = true;
			return 0;
		}
		final = estate_settle(open, last_us);
		if (!final) {
			batch->estate_cursor = before;
			return -ENOMEM;
		}
		add(batch, final, journal, 0);
		batch->settled++;
	}
	return 0;
}

/* One journal's turn: its records, and behind the last of them its estate. Only
 * one estate is under way at a time. */
static int visit(struct drain_batch *batch, struct outbox_journal *journal,
		 size_t most)
{
	int r = 1;

	if (outbox_journal_is_settled(journal))
		return 0;
	if (batch->settling != journal)
		r = take(batch, journal, most);
	else if (!batch->estate_complete)
		r = 0;
	if (r != 0 || outbox_journal_live(journal) ||
	    (batch->settling && batch->settling != journal))
		return r < 0 ? r : 0;
	return take_estate(batch, journal);
}

struct census {
	size_t all, live, finished; /* finished: and not settled yet */
};

static struct census count_journals(struct outbox *outbox)
{
	struct census census = { 0 };
	struct outbox_journal *journal;

	while ((journal = outbox_next_journal(outbox, &census.all))) {
		if (outbox_journal_live(journal))
			census.live++;
		else if (!outbox_journal_is_settled(journal))
			census.finished++;
	}
	return census;
}

/* A fair part for each journal of one class, when `others` is the other. */
static size_t share_of(const struct drain_batch *batch, size_t class,
		       size_t others)
{
	size_t room = others > 0 ? batch->capacity / 2 : batch->capacity;

	return class > 0 && room / class > 0 ? room / class : 1;
}

/* Each journal once, beginning with another one each time; if not fairly, each
 * may take all that is left. */
static int visit_all(struct drain_batch *batch, struct outbox *outbox,
		     const struct census *census, bool fairly)
{
	size_t live = share_of(batch, census->live, census->finished);
	size_t finished = share_of(batch, census->finished, census->live);
	size_t skip = batch->turn % census->all, cursor = 0;
	int result = 0;

	for (size_t i = 0; i < skip + census->all && !is_full(batch); i++) {
		struct outbox_journal *journal =
			outbox_next_journal(outbox, &cursor);
		size_t most = batch->capacity;
		int r;

		if (!journal) {
			cursor = 0;
			journal = outbox_next_journal(outbox, &cursor);
		}
		if (i < skip)
			continue;
		if (fairly)
			most = outbox_journal_live(journal) ? live : finished;
		r = visit(batch, journal, most);
		if (r < 0 && result == 0)
			result = r;
	}
	return result;
}

/* An estate in which nothing was open, or the last part of one, is done when
 * the batch is. */
static int complete(struct drain_batch *batch)
{
	struct outbox_journal *journal = batch->settling;
	size_t settled = batch->settled;

	clear(batch);
	if (!journal || !batch->estate_complete)
		return 0;
	batch->settling = NULL;
	batch->estate_complete = false;
	batch->estate_cursor = batch->settled = 0;
	if (settled > 0) {
		log_warn("ESTATE_SETTLED", "journal=%s calls=%zu",
			 outbox_journal_name(journal), settled);
		board_add(board_series(METRIC_ESTATES_SETTLED_TOTAL, ""),
			  (int64_t)settled);
	}
	return outbox_settled(journal);
}

int drain_batch_fill(struct drain_batch *batch, struct outbox *outbox)
{
	struct census census = count_journals(outbox);
	int fair, rest, r = 0;

	assert(!drain_batch_pending(batch));
	if (census.all == 0)
		return 0;
	fair = visit_all(batch, outbox, &census, true);
	rest = visit_all(batch, outbox, &census, false);
	batch->turn++;
	if (batch->count == 0)
		r = complete(batch);
	return fair < 0 ? fair : rest < 0 ? rest : r;
}

size_t drain_batch_chunk(const struct drain_batch *batch)
{
	size_t n = batch->count - batch->done;

	if (batch->suspect_end > batch->done) {
		size_t suspects = batch->suspect_end - batch->done;

		n = suspects > 1 ? suspects / 2 : 1;
	}
	return n < batch->chunk_max ? n : batch->chunk_max;
}

/* Up to the last of each journal's run; runs of one journal are in order. */
static int ack(const struct drain_batch *batch, size_t begin, size_t end)
{
	int result = 0;

	for (size_t i = begin; i < end; i++) {
		const struct drain_origin *origin = &batch->origins[i];
		int r;

		if (origin->seq == 0 ||
		    (i + 1 < end &&
		     batch->origins[i + 1].journal == origin->journal &&
		     batch->origins[i + 1].seq > 0))
			continue;
		r = outbox_ack(origin->journal, origin->seq);
		if (r < 0 && result == 0)
			result = r;
	}
	return result;
}

static int advance(struct drain_batch *batch, size_t n)
{
	int acked = ack(batch, batch->done, batch->done + n), r = 0;

	batch->done += n;
	if (batch->suspect_end <= batch->done)
		batch->suspect_end = 0;
	if (!drain_batch_pending(batch))
		r = complete(batch);
	return acked < 0 ? acked : r;
}

/* What has grown shrinks to half for a slow answer; a chunk that was smaller
 * than it might have been says nothing about bigger ones. */
static void adapt(struct drain_batch *batch, size_t n, uint64_t took_ms)
{
	if (took_ms > SLOW_MS && n > 1)
		batch->chunk_max = n / 2;
	else if (took_ms <= FAST_MS)
		batch->chunk_max *= 2;
	if (batch->chunk_max > batch->capacity)
		batch->chunk_max = batch->capacity;
}

int drain_batch_passed(struct drain_batch *batch, size_t n, uint64_t took_ms)
{
	batch->some_passed = true;
	adapt(batch, n, took_ms);
	return advance(batch, n);
}

void drain_batch_slow_start(struct drain_batch *batch)
{
	if (batch->chunk_max > SLOW_START_RECORDS)
		batch->chunk_max = SLOW_START_RECORDS;
}

int drain_batch_set_aside(struct drain_batch *batch)
{
	batch->suspect_end = 0;
	return advance(batch, 1);
}

void drain_batch_refused(struct drain_batch *batch, size_t n)
{
	batch->suspect_end = batch->done + n;
}

void drain_batch_too_big(struct drain_batch *batch, size_t n)
{
	batch->chunk_max = n / 2;
}
