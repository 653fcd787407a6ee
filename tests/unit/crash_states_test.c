/*
 * crash_states_test.c - after any power cut, what was promised is there
 *
 * A game for each seed: calls begin and end, a spooler commits them, a drainer
 * reads, acks, settles and sweeps, disks fail now and then, processes die, and
 * at a random change to a file the power goes. What is found then is one of the
 * many states that POSIX allows (support/drive.h): any unsynced sector and any
 * unsynced name may be there or not. After each cut:
 *
 *   - what journal_commit() returned 0 for is there, once, in order and whole,
 *     or the database has it;
 *   - of the rest each record is there whole or not at all; nothing else is;
 *   - the next life begins beside what is found, and the game goes on.
 *
 * At the end all is delivered: the database has every record that was promised,
 * no call in it is open for ever, and the outbox is empty.
 *
 *   HOLDLINE_CAMPAIGN_SEEDS=10000   so many games
 *   HOLDLINE_SEED=4711              the first one's number
 *
 * A failure tells the seed: HOLDLINE_CAMPAIGN_SEEDS=1 HOLDLINE_SEED=... plays
 * that game alone.
 */
#include "outbox_kit.h"

#include <signal.h>

#include "persistence/estate.h"
#include "persistence/ground.h"
#include "persistence/journal_reader.h"
#include "persistence/outbox.h"
#include "persistence/reserve.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/thread.h"
#include "support/campaign.h"
#include "support/dice.h"
#include "support/power_cut.h"

#define GAMES	      150u /* unless more are asked for */
#define FACTS_MAX     4096u
#define OPEN_MAX      12u
#define GROUP_MAX     24u
#define RESERVE_BYTES ((uint64_t)64 << 10)
#define LIE_MAX	      8u   /* groups that a journal remembers */
#define GAME_SECONDS  120u /* longer is a hang */

void __wrap_log_event(enum log_level level, const char *tag, const char *format,
		      ...);
void __wrap_uuid_make_v7(struct uuid *id);
int64_t __wrap_clock_wall_us(void);

/* The game is noisy by nature. */
void __wrap_log_event(enum log_level level, const char *tag, const char *format,
		      ...)
{
	(void)level, (void)tag, (void)format;
}

/* Names and times follow from the seed as well, or no game could be repeated.
 */
static struct dice names;
static int64_t now_us;

void __wrap_uuid_make_v7(struct uuid *id)
{
	for (size_t i = 0; i < sizeof(id->bytes); i++)
		id->bytes[i] = (uint8_t)dice_next(&names);
}

int64_t __wrap_clock_wall_us(void)
{
	return now_us += 100000;
}

int __wrap_thread_start(struct thread **ret,
			const struct thread_options *options);
void __wrap_thread_stop(struct thread *thread);
struct thread *__wrap_thread_join(struct thread *thread);

/* What another thread would do, this one does when the dice say so. */
static struct ground *ground; /* of the journal that is written; or NULL */
static struct dice other;

int __wrap_thread_start(struct thread **ret,
			const struct thread_options *options)
{
	ground = options->arg;
	*ret = NULL;
	return 0;
}

void __wrap_thread_stop(struct thread *thread)
{
	(void)thread;
	ground = NULL;
}

struct thread *__wrap_thread_join(struct thread *thread)
{
	return thread;
}

/* One record; its number is its place in the game's list. */
struct fact {
	enum record_kind kind;
	unsigned call;
	uint32_t rev;
	unsigned journal; /* of all that the game has had */
	bool promised;	  /* journal_commit() has returned 0 for it */
	bool delivered;	  /* the database has committed it */
	bool seen;	  /* by the audit */
};

/* What the database has of a call, by the rule of rev. */
struct row {
	bool known, open;
	uint32_t rev;
	size_t fact; /* that wrote it; FACTS_MAX: the heir did */
};

struct game {
	struct dice dice;
	const char *base;
	char dir[PATH_MAX]; /* the outbox of this life */
	struct fact facts[FACTS_MAX];
	size_t fact_count;
	struct row rows[FACTS_MAX]; /* of each call */
	uint32_t revs[FACTS_MAX];
	unsigned calls; /* ever begun */
	unsigned open[OPEN_MAX];
	size_t open_count;
	/* the spooler */
	struct journal *journal;
	unsigned journals;	/* ever begun */
	uint64_t segment_bytes; /* 0: by the dice */
	struct estate *estate;
	struct reserve reserve;
	struct record *group[GROUP_MAX];
	size_t first, group_count; /* of the facts in it */
	/* the drainer */
	struct outbox *outbox;
};

static uint64_t current_seed; /* for whoever reports a failure */
static unsigned current_life;
static char current_game[48]; /* the seed, as text */

#define game_fail(...)                                                         \
	do {                                                                   \
		(void)fprintf(stderr, "HOLDLINE_SEED=%llu life %u\n",          \
			      (unsigned long long)current_seed, current_life); \
		fail_msg(__VA_ARGS__);                                         \
	} while (0)

static void on_alarm(int number)
{
	static const char text[] = ": it hangs\n";

	(void)number;
	(void)!write(STDERR_FILENO, current_game, strlen(current_game));
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	abort();
}

/* ---- facts -----------------------------------------------------------------
 */

/* Small ones, some that span sectors, a few that span pages. */
static size_t padding_of(size_t n)
{
	struct dice dice = dice_seed(n);

	if (dice_once_in(&dice, 100))
		return dice_throw(&dice, 100000);
	return dice_throw(&dice, dice_once_in(&dice, 10) ? 5000 : 300);
}

/* The same for the same number, to the last byte. */
static struct record *record_of(const struct game *game, size_t n)
{
	const struct fact *fact = &game->facts[n];
	struct uuid entity = kit_entity(fact->call),
		    id = kit_entity(n + 1000000);
	size_t padding = padding_of(n), length;
	char *payload = malloc(padding + 160);
	struct record *record;

	assert_non_null(payload);
	length = (size_t)snprintf(
		payload, 160,
		"{\"call_id\":\"%u\",\"n\":%zu,"
		"\"started_at\":\"2026-11-23T06:17:00.000000Z\",\"pad\":\"",
		fact->call, n);
	memset(payload + length, 'a' + (int)(n % 26), padding);
	memcpy(payload + length + padding, "\"}", 3);
	record = record_create(fact->kind, &id, &entity, fact->rev,
			       KIT_US + (int64_t)n, payload,
			       length + padding + 2);
	free(payload);
	assert_non_null(record);
	return record;
}

/* Which fact is this, whole? FACTS_MAX: none that ever was. */
static size_t recognise(const struct game *game, const struct record *record)
{
	size_t n = (size_t)(record->created_us - KIT_US);
	struct record *wanted;
	bool same;

	if (n >= game->fact_count)
		return FACTS_MAX;
	wanted = record_of(game, n);
	same = uuid_equal(&wanted->id, &record->id) &&
	       uuid_equal(&wanted->entity, &record->entity) &&
	       wanted->kind == record->kind && wanted->rev == record->rev &&
	       wanted->length == record->length &&
	       memcmp(wanted->payload, record->payload, record->length) == 0;
	free(wanted);
	return same ? n : FACTS_MAX;
}

static size_t must_recognise(const struct game *game,
			     const struct record *record)
{
	size_t n = recognise(game, record);

	if (n == FACTS_MAX)
		game_fail("a record that nobody has written: %s",
			  record->payload);
	return n;
}

/* Something happens to a call. */
static void happen(struct game *game)
{
	struct fact *fact = &game->facts[game->fact_count++];
	size_t i = game->open_count > 0
			   ? dice_throw(&game->dice, game->open_count)
			   : 0;

	*fact = (struct fact){ .journal = game->journals };
	if (game->open_count == 0 ||
	    (game->open_count < OPEN_MAX && dice_once_in(&game->dice, 3))) {
		fact->call = game->calls++;
		fact->kind = RECORD_CALL_STARTED;
		game->open[game->open_count++] = fact->call;
	} else {
		static const enum record_kind kinds[] = {
			RECORD_CALL_EVENT, RECORD_CALL_CHECKPOINT,
			RECORD_CALL_ENDED, RECORD_CALL_ENDED
		};

		fact->call = game->open[i];
		fact->kind = kinds[dice_throw(&game->dice, 4)];
		if (fact->kind == RECORD_CALL_ENDED)
			game->open[i] = game->open[--game->open_count];
	}
	if (fact->kind != RECORD_CALL_EVENT)
		fact->rev = ++game->revs[fact->call];
}

/* ---- the database ----------------------------------------------------------
 */

static void write_row(struct game *game, unsigned call, uint32_t rev, bool open,
		      size_t fact)
{
	struct row *row = &game->rows[call];

	if (!row->known || row->rev < rev)
		*row = (struct row){ true, open, rev, fact };
}

static void deliver(struct game *game, size_t n)
{
	const struct fact *fact = &game->facts[n];

	game->facts[n].delivered = true;
	if (fact->kind != RECORD_CALL_EVENT)
		write_row(game, fact->call, fact->rev,
			  fact->kind != RECORD_CALL_ENDED, n);
}

static void settle(struct game *game, struct outbox_journal *journal)
{
	struct estate *estate = outbox_journal_estate(journal);
	const struct record *open;
	size_t cursor = 0;

	while ((open = estate_next(estate, &cursor))) {
		size_t n = must_recognise(game, open);

		write_row(game, game->facts[n].call, open->rev + 1, false,
			  FACTS_MAX);
	}
	(void)outbox_settled(journal);
}

/* ---- the spooler -----------------------------------------------------------
 */

static void forget_group(struct game *game)
{
	while (game->group_count > 0)
		free(game->group[--game->group_count]);
}

/* The process is gone, with the calls it carried and what it had in memory. */
static void end_spooler(struct game *game)
{
	game->journal = journal_close(game->journal);
	game->estate = estate_destroy(game->estate);
	game->reserve = (struct reserve){ 0 };
	forget_group(game);
	game->open_count = 0;
}

static void keep_reserve(struct game *game)
{
	if (game->reserve.wanted == 0)
		assert_int_equal(reserve_init(&game->reserve, game->dir, "game",
					      0, RESERVE_BYTES),
				 0);
	(void)reserve_make(&game->reserve, UINT64_MAX);
}

static bool begin_spooler(struct game *game)
{
	static const uint64_t sizes[] = { 600, 4000, 20000, 200000 };
	struct journal_options options = {
		.outbox_dir = game->dir,
		.role = "game",
		.segment_bytes = game->segment_bytes,
		.reserve = &game->reserve,
	};

	if (game->journal)
		return true;
	if (options.segment_bytes == 0)
		options.segment_bytes = sizes[dice_throw(&game->dice, 4)];
	keep_reserve(game);
	if (!game->estate)
		assert_int_equal(estate_create(&game->estate), 0);
	options.open = game->estate;
	options.ahead = dice_once_in(&other, 2);
	return journal_create(&game->journal, &options) == 0;
}

static void prepare_ground(struct game *game)
{
	if (ground && dice_once_in(&other, 2))
		ground_work(ground);
	if (game->journal && dice_once_in(&other, 8))
		journal_see_room(game->journal, dice_once_in(&other, 2));
}

static void spool(struct game *game)
{
	size_t more = dice_throw(&game->dice, 6);

	if (game->group_count == 0)
		game->first = game->fact_count;
	while (more-- > 0 && game->group_count < GROUP_MAX) {
		happen(game);
		game->group[game->group_count++] =
			record_of(game, game->fact_count - 1);
	}
	if (!begin_spooler(game) ||
	    journal_commit(game->journal, game->group, game->group_count) < 0)
		return; /* the same once more, later */
	for (size_t i = 0; i < game->group_count; i++) {
		game->facts[game->first + i].promised = true;
		assert_int_equal(estate_note(game->estate, game->group[i]), 0);
	}
	forget_group(game);
	prepare_ground(game);
}

static void spooler_ends(struct game *game)
{
	end_spooler(game);
	game->journals++;
}

/* SIGKILL, somewhere on its way to the disk: the page cache lives on. */
static void spooler_is_killed(struct game *game)
{
	uint64_t left = power_left(), last = dice_throw(&game->dice, 24);

	if (left <= last)
		return; /* the machine will be quicker */
	power_stop_after(last);
	for (int i = 0; i < 8 && !power_has_stopped(); i++)
		spool(game);
	power_stop_after(0);
	spooler_ends(game);
	power_resume(left - last);
}

/* ---- the drainer -----------------------------------------------------------
 */

/* Takes up to `most` from one journal, as a batch that the store commits. */
static void drain_journal(struct game *game, struct outbox_journal *journal,
			  uint64_t most)
{
	struct journal_entry entry;
	uint64_t last = 0;
	int r = 1;

	while (!power_has_stopped() && most-- > 0 &&
	       (r = outbox_journal_next(journal, &entry)) == 1) {
		size_t n = must_recognise(game, entry.record);

		if (outbox_journal_live(journal) && !game->facts[n].promised)
			game_fail("%zu was given out before it was durable", n);
		deliver(game, n);
		last = entry.seq;
		free(entry.record);
	}
	if (r < 0)
		game_fail("reading failed: %s", strerror(-r));
	if (last > 0 && dice_once_in(&game->dice, 6)) {
		assert_int_equal(outbox_rewind(journal), 0);
		return; /* the same once more, later */
	}
	if (last > 0)
		(void)outbox_ack(journal, last);
	if (r == 0 && !power_has_stopped() && !outbox_journal_live(journal) &&
	    !outbox_journal_is_settled(journal))
		settle(game, journal);
}

static bool begin_drainer(struct game *game)
{
	const struct outbox_options options = { .dir = game->dir };

	return game->outbox || outbox_open(&game->outbox, &options) == 0;
}

static void drain(struct game *game, uint64_t most)
{
	struct outbox_journal *journal;
	size_t cursor = 0;

	if (!begin_drainer(game))
		return;
	while ((journal = outbox_next_journal(game->outbox, &cursor)))
		drain_journal(game, journal,
			      most ? most : dice_throw(&game->dice, 30));
}

static void look_around(struct game *game)
{
	if (begin_drainer(game) && outbox_scan(game->outbox) == 0)
		(void)outbox_sweep(game->outbox, clock_wall_us());
}

/* ---- after a cut -----------------------------------------------------------
 */

static void see(struct game *game, const struct record *record)
{
	game->facts[must_recognise(game, record)].seen = true;
}

/* What stands in one journal: facts of that journal, in order, each once. */
static void audit_journal(struct game *game, const char *path)
{
	struct journal_reader *reader;
	struct journal_entry entry;
	size_t last = FACTS_MAX;
	int r = journal_reader_open(&reader, path);

	if (r < 0)
		game_fail("%s cannot be opened: %s", path, strerror(-r));
	while ((r = journal_reader_next(reader, UINT64_MAX, true, &entry)) ==
	       1) {
		size_t n = must_recognise(game, entry.record);

		free(entry.record);
		if (entry.snapshot)
			continue;
		if (last < FACTS_MAX &&
		    (n <= last ||
		     game->facts[n].journal != game->facts[last].journal))
			game_fail("%s: %zu comes behind %zu", path, n, last);
		last = n;
	}
	if (r < 0)
		game_fail("%s cannot be read: %s", path, strerror(-r));
	journal_reader_close(reader);
}

static void audit_journals(struct game *game)
{
	DIR *list = opendir(game->dir);
	struct dirent *file;
	char path[PATH_MAX];

	while (list && (file = readdir(list))) {
		if (file->d_name[0] < '0' || file->d_name[0] > '9')
			continue;
		assert_true((size_t)snprintf(path, sizeof(path), "%s/%s",
					     game->dir,
					     file->d_name) < sizeof(path));
		audit_journal(game, path);
	}
	if (list)
		(void)closedir(list);
}

/* What a drainer would be given now, and the database does not have. */
static void see_pending(struct game *game)
{
	const struct outbox_options options = { .dir = game->dir,
						.read_only = true };
	struct outbox_journal *journal;
	struct journal_entry entry;
	struct outbox *outbox;
	size_t cursor = 0;
	int r = outbox_open(&outbox, &options);

	if (r == -ENOENT)
		return;
	if (r < 0)
		game_fail("the outbox cannot be opened: %s", strerror(-r));
	while ((journal = outbox_next_journal(outbox, &cursor)))
		while ((r = outbox_journal_next(journal, &entry)) != 0) {
			if (r < 0)
				game_fail("it cannot be read: %s",
					  strerror(-r));
			see(game, entry.record);
			free(entry.record);
		}
	outbox_close(outbox);
}

static void audit(struct game *game)
{
	audit_journals(game);
	for (size_t n = 0; n < game->fact_count; n++)
		game->facts[n].seen = false;
	see_pending(game);
	for (size_t n = 0; n < game->fact_count; n++) {
		const struct fact *fact = &game->facts[n];

		if (fact->promised && !fact->delivered && !fact->seen)
			game_fail("%zu was promised and is gone", n);
	}
}

/* ---- lives -----------------------------------------------------------------
 */

static void set_weather(struct game *game)
{
	static const unsigned weathers[] = { 0, 0, 0, 60, 12 };

	power_set_weather(weathers[dice_throw(&game->dice, 5)]);
}

static void step(struct game *game)
{
	switch (dice_throw(&game->dice, 20)) {
	case 0: spooler_is_killed(game); break;
	case 1: spooler_ends(game); break;
	case 2: game->outbox = outbox_close(game->outbox); break;
	case 3: set_weather(game); break;
	case 4:
	case 5: look_around(game); break;
	case 6:
	case 7:
	case 8:
	case 9: drain(game, 0); break;
	case 10: keep_reserve(game); break;
	default: spool(game);
	}
}

static void enter_life(struct game *game, unsigned life)
{
	char root[PATH_MAX - 16];

	current_life = life;
	(void)snprintf(root, sizeof(root), "%s/%u", game->base, life);
	(void)snprintf(game->dir, sizeof(game->dir), "%s/outbox", root);
	if (life > 0) {
		power_cut(root);
		return;
	}
	assert_int_equal(mkdir(root, 0700), 0);
	power_on(root, &game->dice);
}

static void live_until_the_cut(struct game *game)
{
	power_stop_after(dice_throw(&game->dice,
				    dice_once_in(&game->dice, 3) ? 60 : 900));
	while (!power_has_stopped() && game->fact_count < FACTS_MAX - GROUP_MAX)
		step(game);
	power_stop_after(0);
	end_spooler(game);
	game->journals++;
	game->outbox = outbox_close(game->outbox);
}

/* ---- the end of a game -----------------------------------------------------
 */

static void expect_all_delivered(const struct game *game)
{
	for (size_t n = 0; n < game->fact_count; n++) {
		const struct fact *fact = &game->facts[n];

		if (fact->promised && !fact->delivered)
			game_fail("%zu never came", n);
		if (fact->promised && fact->kind == RECORD_CALL_ENDED &&
		    game->rows[fact->call].fact != n)
			game_fail("call %u did not end as it did", fact->call);
	}
	for (unsigned call = 0; call < game->calls; call++)
		if (game->rows[call].known && game->rows[call].open)
			game_fail("call %u is open for ever", call);
}

static bool has(const struct game *game, const char *journal, const char *what)
{
	char path[PATH_MAX];

	assert_true((size_t)snprintf(path, sizeof(path), "%s/%s/%s", game->dir,
				     journal, what) < sizeof(path));
	return access(path, F_OK) == 0;
}

/* Except for a journal that the disk refused for so long that a segment was
 * passed over: it stays, for people. */
static void expect_empty(const struct game *game)
{
	DIR *list = opendir(game->dir);
	struct dirent *file;

	assert_non_null(list);
	while ((file = readdir(list))) {
		bool old = strncmp(file->d_name, ".old", 4) == 0 ||
			   (file->d_name[0] >= '0' && file->d_name[0] <= '9');
		bool unborn = strncmp(file->d_name, ".new", 4) == 0;

		if ((old && !has(game, file->d_name, "unread")) ||
		    (unborn && has(game, file->d_name, "pend")))
			game_fail("%s is still there", file->d_name);
	}
	(void)closedir(list);
}

/* One more life, in fair weather. */
static void finish(struct game *game)
{
	power_set_weather(0);
	for (int i = 0; i < 8; i++)
		spool(game);
	spooler_ends(game);
	look_around(game);
	/* A rewind now and then; hence more than once. */
	for (int i = 0; i < 20; i++)
		drain(game, FACTS_MAX);
	assert_int_equal(outbox_scan(game->outbox), 0);
	assert_int_equal(outbox_sweep(game->outbox, clock_wall_us() + 1), 0);
	game->outbox = outbox_close(game->outbox);
	look_around(game); /* what was half removed */
	game->outbox = outbox_close(game->outbox);
	expect_all_delivered(game);
	expect_empty(game);
}

static void remove_lives(const char *base)
{
	DIR *list = opendir(base);
	struct dirent *file;
	char path[PATH_MAX];

	assert_non_null(list);
	while ((file = readdir(list))) {
		if (file->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", base, file->d_name);
		(void)nftw(path, kit_remove_one, 8, FTW_DEPTH | FTW_PHYS);
	}
	(void)closedir(list);
}

static struct game *begin_game(const char *base, uint64_t seed)
{
	struct game *game = calloc(1, sizeof(*game));

	assert_non_null(game);
	current_seed = seed;
	(void)snprintf(current_game, sizeof(current_game), "HOLDLINE_SEED=%llu",
		       (unsigned long long)seed);
	names = dice_seed(~seed);
	other = dice_seed(seed << 32);
	now_us = KIT_US;
	(void)alarm(GAME_SECONDS);
	game->base = base;
	game->dice = dice_seed(seed);
	return game;
}

/* The last life, in which all is delivered. */
static void end_game(struct game *game, unsigned life)
{
	enter_life(game, life);
	audit(game);
	finish(game);
	power_off();
	remove_lives(game->base);
	free(game);
	(void)alarm(0);
}

static void play(const char *base, uint64_t seed)
{
	struct game *game = begin_game(base, seed);
	unsigned lives = 1 + (unsigned)dice_throw(&game->dice, 3);

	for (unsigned life = 0; life < lives; life++) {
		enter_life(game, life);
		if (life > 0)
			audit(game);
		live_until_the_cut(game);
	}
	end_game(game, lives);
}

/* A drive loses a group, says that all is well, and owns up some groups later:
 * as long as the journal remembers them (its rule 4), nothing is lost. */
static void play_with_a_liar(const char *base, uint64_t seed)
{
	struct game *game = begin_game(base, seed);
	size_t before = dice_throw(&game->dice, 12);
	unsigned later = 1 + (unsigned)dice_throw(&game->dice, LIE_MAX);

	game->segment_bytes = UINT64_MAX; /* a sealed one is never synced */
	enter_life(game, 0);
	for (size_t i = 0; i < before; i++)
		spool(game);
	power_lie(later);
	/* Some of these are empty groups, which are no syncs. */
	for (size_t i = 0; i < 40u + later; i++) {
		spool(game);
		if (dice_once_in(&game->dice, 8))
			drain(game, 0);
	}
	power_stop_after(0);
	end_spooler(game);
	game->outbox = outbox_close(game->outbox);
	end_game(game, 1);
}

static void play_all(const char *base,
		     void (*game)(const char *base, uint64_t seed))
{
	uint64_t first = campaign_first_seed(), count = campaign_seeds(GAMES);

	(void)signal(SIGALRM, on_alarm);
	for (uint64_t seed = first; seed < first + count; seed++)
		game(base, seed);
	print_message("%llu games from seed %llu\n", (unsigned long long)count,
		      (unsigned long long)first);
}

static void after_any_power_cut_what_was_promised_is_there(void **state)
{
	play_all(*state, play);
}

static void what_a_drive_lost_in_secret_is_there(void **state)
{
	play_all(*state, play_with_a_liar);
}

/* In memory: a game makes hundreds of files. */
static int set_up(void **state)
{
	char *dir = strdup(access("/dev/shm", W_OK) == 0
				   ? "/dev/shm/holdline-test-XXXXXX"
				   : "/tmp/holdline-test-XXXXXX");

	power_off(); /* after a game that was lost */
	*state = dir;
	return dir && mkdtemp(dir) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			after_any_power_cut_what_was_promised_is_there, set_up,
			kit_teardown),
		cmocka_unit_test_setup_teardown(
			what_a_drive_lost_in_secret_is_there, set_up,
			kit_teardown),
	};

	return cmocka_run_group_tests_name("crash_states", tests, NULL, NULL);
}
