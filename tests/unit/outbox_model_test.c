/*
 * outbox_model_test.c - the outbox does what a simple model of it does
 *
 * A game for each seed: journals are begun, written and ended, the outbox is
 * read, acked, rewound, settled, swept, closed and opened, in any order. Beside
 * it stands a model that keeps all of that in arrays. After each step the two
 * must agree: on what comes next from each journal, how much is pending, which
 * journals there are and live, and what they have left open.
 *
 *   HOLDLINE_CAMPAIGN_SEEDS=10000   so many games
 *   HOLDLINE_SEED=4711              the first one's number
 */
#include "outbox_kit.h"

#include "persistence/estate.h"
#include "persistence/outbox.h"
#include "server/log.h"
#include "support/campaign.h"
#include "support/dice.h"

#define GAMES	     60u /* unless more are asked for */
#define STEPS	     250u
#define JOURNALS_MAX 12u
#define CALLS	     8u
#define FACTS_MAX    600u
#define HOUR_US	     INT64_C(3600000000)

void __wrap_log_event(enum log_level level, const char *tag, const char *format,
		      ...);
void __wrap_uuid_make_v7(struct uuid *id);
int64_t __wrap_clock_wall_us(void);

void __wrap_log_event(enum log_level level, const char *tag, const char *format,
		      ...)
{
	(void)level, (void)tag, (void)format;
}

/* Journals sort by age even within a second; and time is ours. */
static uint32_t ids;
static int64_t now_us = KIT_US;

void __wrap_uuid_make_v7(struct uuid *id)
{
	uint32_t n = ++ids;

	memset(id->bytes, 0, sizeof(id->bytes));
	for (size_t i = 0; i < sizeof(n); i++)
		id->bytes[15 - i] = (uint8_t)(n >> 8 * i);
}

int64_t __wrap_clock_wall_us(void)
{
	return now_us += 1000;
}

/* ---- the model -------------------------------------------------------------
 */

struct fact {
	enum record_kind kind;
	unsigned call;
	uint32_t rev;
};

/* Sequences count from 1; facts[seq - 1]. */
struct model {
	char name[64];
	struct fact facts[FACTS_MAX];
	uint64_t written, given, acked;
	bool open[CALLS]; /* by what was written */
	bool known;	  /* the outbox has scanned since it began */
	bool seen_live;	  /* to the outbox, at its last look */
	bool settled;
	/* the real one's writer */
	struct journal *writer; /* NULL: its process is gone */
	struct estate *estate;
};

struct game {
	struct dice dice;
	const char *dir;
	struct outbox *outbox;
	struct model journals[JOURNALS_MAX]; /* oldest first */
	size_t count;
	uint32_t rev;
};

static uint64_t current_seed;
static unsigned current_step;

#define agree(condition)                                               \
	do {                                                           \
		if (!(condition))                                      \
			fail_msg("HOLDLINE_SEED=%llu step %u: not %s", \
				 (unsigned long long)current_seed,     \
				 current_step, #condition);            \
	} while (0)

static void drop(struct game *game, size_t i)
{
	game->count--;
	memmove(&game->journals[i], &game->journals[i + 1],
		(game->count - i) * sizeof(struct model));
}

static size_t open_calls(const struct model *model)
{
	size_t count = 0;

	for (size_t i = 0; i < CALLS; i++)
		count += model->open[i];
	return count;
}

/* ---- writers ---------------------------------------------------------------
 */

static void begin_journal(struct game *game)
{
	struct model *model = &game->journals[game->count];
	struct journal_options options = {
		.outbox_dir = game->dir,
		.role = "model",
		.segment_bytes = 400 + dice_throw(&game->dice, 4000),
	};

	if (game->count == JOURNALS_MAX)
		return;
	memset(model, 0, sizeof(*model));
	assert_int_equal(estate_create(&model->estate), 0);
	options.open = model->estate;
	assert_int_equal(journal_create(&model->writer, &options), 0);
	(void)snprintf(model->name, sizeof(model->name), "%s",
		       journal_name(model->writer));
	game->count++;
}

static void end_journal(struct model *model)
{
	model->writer = journal_close(model->writer);
	model->estate = estate_destroy(model->estate);
}

static struct record *happen(struct game *game, struct model *model)
{
	struct fact *fact = &model->facts[model->written++];
	unsigned call = (unsigned)dice_throw(&game->dice, CALLS);

	fact->call = call;
	fact->rev = ++game->rev;
	if (!model->open[call])
		fact->kind = RECORD_CALL_STARTED;
	else
		fact->kind = dice_once_in(&game->dice, 2)
				     ? RECORD_CALL_ENDED
				     : RECORD_CALL_CHECKPOINT;
	if (dice_once_in(&game->dice, 4))
		fact->kind = RECORD_CALL_EVENT;
	else
		model->open[call] = fact->kind != RECORD_CALL_ENDED;
	return kit_record(fact->kind, call, fact->rev);
}

static void write_group(struct game *game, struct model *model)
{
	struct record *group[8];
	size_t count = 1 + dice_throw(&game->dice, 8);

	if (!model->writer || model->written + count > FACTS_MAX)
		return;
	for (size_t i = 0; i < count; i++)
		group[i] = happen(game, model);
	assert_int_equal(journal_commit(model->writer, group, count), 0);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(estate_note(model->estate, group[i]), 0);
		free(group[i]);
	}
}

/* ---- the outbox ------------------------------------------------------------
 */

/* NULL: the outbox has not got it. */
static struct outbox_journal *real(const struct game *game,
				   const struct model *model)
{
	struct outbox_journal *journal;
	size_t cursor = 0;

	while ((journal = outbox_next_journal(game->outbox, &cursor)))
		if (strcmp(outbox_journal_name(journal), model->name) == 0)
			return journal;
	return NULL;
}

static void expect_estate(const struct model *model,
			  struct outbox_journal *journal)
{
	struct estate *estate = outbox_journal_estate(journal);
	const struct record *record;
	size_t cursor = 0;

	agree(estate_count(estate) == open_calls(model));
	while ((record = estate_next(estate, &cursor)))
		for (unsigned call = 0; call < CALLS; call++)
			if (kit_is_entity(record, call))
				agree(model->open[call]);
}

/* Takes up to so many, each the one that the model says. */
static void take(struct game *game, struct model *model)
{
	struct outbox_journal *journal = real(game, model);
	uint64_t most = dice_throw(&game->dice, 40);
	struct journal_entry entry;

	for (; most > 0 && outbox_journal_next(journal, &entry) == 1; most--) {
		const struct fact *fact = &model->facts[model->given];

		agree(entry.seq == model->given + 1);
		agree(entry.seq <= model->written);
		agree(entry.record->kind == fact->kind);
		agree(entry.record->rev == fact->rev);
		agree(kit_is_entity(entry.record, fact->call));
		model->given++;
		free(entry.record);
	}
	if (most == 0 || model->settled)
		return;
	agree(model->given == model->written);
	expect_estate(model, journal);
}

static void ack(struct game *game, struct model *model)
{
	uint64_t more = model->given - model->acked;

	if (more == 0)
		return;
	if (dice_once_in(&game->dice, 2))
		more = 1 + dice_throw(&game->dice, more);
	model->acked += more;
	assert_int_equal(outbox_ack(real(game, model), model->acked), 0);
}

static void rewind_journal(const struct game *game, struct model *model)
{
	assert_int_equal(outbox_rewind(real(game, model)), 0);
	model->given = model->acked;
}

static void settle(const struct game *game, struct model *model)
{
	if (model->seen_live || model->acked < model->written || model->settled)
		return;
	assert_int_equal(outbox_settled(real(game, model)), 0);
	model->settled = true;
}

static void scan(struct game *game)
{
	assert_int_equal(outbox_scan(game->outbox), 0);
	for (size_t i = 0; i < game->count; i++) {
		struct model *model = &game->journals[i];

		model->known = true;
		model->seen_live = model->writer != NULL;
	}
}

static void sweep(struct game *game, bool later)
{
	assert_int_equal(
		outbox_sweep(game->outbox, now_us + (later ? 2 * HOUR_US : 0)),
		0);
	for (size_t i = game->count; later && i-- > 0;)
		if (game->journals[i].settled)
			drop(game, i);
}

static void reopen(struct game *game)
{
	const struct outbox_options options = { .dir = game->dir,
						.keep_delivered_ms = 3600000 };

	game->outbox = outbox_close(game->outbox);
	assert_int_equal(outbox_open(&game->outbox, &options), 0);
	for (size_t i = 0; i < game->count; i++)
		game->journals[i].given = game->journals[i].acked;
	scan(game);
}

/* ---- a game ----------------------------------------------------------------
 */

static void compare(const struct game *game)
{
	struct outbox_stats stats = outbox_stats(game->outbox);
	uint64_t pending = 0, journals = 0, live = 0;

	for (size_t i = 0; i < game->count; i++) {
		const struct model *model = &game->journals[i];
		struct outbox_journal *journal = real(game, model);

		agree((journal != NULL) == model->known);
		if (!journal)
			continue;
		agree(outbox_journal_live(journal) == model->seen_live);
		agree(outbox_journal_is_settled(journal) == model->settled);
		agree(outbox_journal_pending(journal) ==
		      (model->settled ? 0 : model->written - model->acked));
		pending += model->settled ? 0 : model->written - model->acked;
		journals++;
		live += model->seen_live;
	}
	agree(stats.journals == journals);
	agree(stats.live_journals == live);
	agree(stats.pending == pending);
	agree((stats.oldest_us != 0) == (pending != 0));
	agree(stats.damage.records + stats.damage.bytes + stats.damage.gaps ==
	      0);
}

static void step(struct game *game)
{
	struct model *model;

	if (game->count == 0) {
		begin_journal(game);
		scan(game);
	}
	model = &game->journals[dice_throw(&game->dice, game->count)];
	/* What the outbox has not seen yet can only be written. A writer's end
	 * is looked for at once: until then the board does not tell its
	 * sequence, and the model would have to know what the reader knew. */
	switch (dice_throw(&game->dice, 24)) {
	case 0: begin_journal(game); break;
	case 1:
		end_journal(model);
		scan(game);
		break;
	case 2: reopen(game); break;
	case 3: scan(game); break;
	case 4: sweep(game, true); break;
	case 5: sweep(game, false); break;
	case 6:
		if (model->known)
			rewind_journal(game, model);
		break;
	case 7:
	case 8:
		if (model->known)
			settle(game, model);
		break;
	case 9:
	case 10:
	case 11:
	case 12:
	case 13:
		if (model->known)
			take(game, model);
		break;
	case 14:
	case 15:
	case 16:
		if (model->known)
			ack(game, model);
		break;
	default: write_group(game, model);
	}
}

static void play(const char *base, uint64_t seed)
{
	struct game *game = calloc(1, sizeof(*game));
	char dir[PATH_MAX];

	assert_non_null(game);
	(void)snprintf(dir, sizeof(dir), "%s/%llu", base,
		       (unsigned long long)seed);
	current_seed = seed;
	game->dir = dir;
	game->dice = dice_seed(seed);
	assert_int_equal(
		outbox_open(&game->outbox,
			    &(struct outbox_options){
				    .dir = dir, .keep_delivered_ms = 3600000 }),
		0);
	for (current_step = 1; current_step <= STEPS; current_step++) {
		step(game);
		compare(game);
	}
	outbox_close(game->outbox);
	for (size_t i = 0; i < game->count; i++)
		end_journal(&game->journals[i]);
	free(game);
	(void)nftw(dir, kit_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void the_outbox_and_its_model_agree(void **state)
{
	uint64_t first = campaign_first_seed(), count = campaign_seeds(GAMES);

	for (uint64_t seed = first; seed < first + count; seed++)
		play(*state, seed);
	print_message("%llu games from seed %llu\n", (unsigned long long)count,
		      (unsigned long long)first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(the_outbox_and_its_model_agree),
	};

	return cmocka_run_group_tests_name("outbox_model", tests, NULL, NULL);
}
