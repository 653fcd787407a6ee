/*
 * supervisor_test.c - roles are started, watched, restarted, and ended in order
 *
 * A test forks a supervisor whose roles are small plays: they write what
 * happens to them to a file ("notes"), which the test waits on. The log goes to
 * another. No test sleeps for a fixed time; each condition has a bound.
 *
 * What needs no process (backoff, watchdog) is told as rows with times.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* The supervisor is part of the executable and of no library. */
#include "server/data_dir.c"   /* NOLINT(bugprone-suspicious-include) */
#include "server/role.c"       /* NOLINT(bugprone-suspicious-include) */
#include "server/supervisor.c" /* NOLINT(bugprone-suspicious-include) */
#include "server/watchdog.c"   /* NOLINT(bugprone-suspicious-include) */

#define PATIENCE_MS 20000u
#define MEDIA	    "127.0.0.1:21050"
#define CONTROL	    "127.0.0.1:21051"

static char directory[] = "/tmp/supervisor_test.XXXXXX";

/* The servers of a story, each with its roles a process group of its own: what
 * a failed story leaves behind must not hold the ports of the next one. */
static pid_t started[4];
static size_t started_count;

/* ---- notes -----------------------------------------------------------------
 */

static const char *path_of(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

/* One line, whole, whoever else writes at the same time. */
static void note(const char *text)
{
	char line[64];
	int length = snprintf(line, sizeof(line), "%s\n", text);
	int fd = open(path_of("notes"), O_WRONLY | O_CREAT | O_APPEND, 0600);

	if (fd < 0 || write(fd, line, (size_t)length) != length)
		abort();
	(void)close(fd);
}

static void read_whole(const char *name, char *text, size_t size)
{
	int fd = open(path_of(name), O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		(void)close(fd);
}

static unsigned count_in(const char *name, const char *words)
{
	char text[32768];
	unsigned count = 0;

	read_whole(name, text, sizeof(text));
	for (const char *at = text; (at = strstr(at, words)); at++)
		count++;
	return count;
}

static void pause_briefly(void)
{
	(void)nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
}

/* Waits until the words stand there that often. */
static void await_in(const char *name, const char *words, unsigned count)
{
	uint64_t until = clock_mono_ms() + PATIENCE_MS;

	while (count_in(name, words) < count) {
		char text[32768];

		if (clock_mono_ms() < until) {
			pause_briefly();
			continue;
		}
		read_whole("log", text, sizeof(text));
		fail_msg("\"%s\" is not in %s %u times; the log:\n%s", words,
			 name, count, text);
	}
}

static bool exists(const char *name)
{
	return access(path_of(name), F_OK) == 0;
}

static void touch(const char *name)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	(void)close(fd);
}

/* ---- plays for roles -------------------------------------------------------
 */

/* Lives until SIGTERM and the file `until` exist; beats meanwhile. */
static int live_well(const char *name, const char *until)
{
	struct thread *self = thread_adopt_main(name, true);
	const struct timespec beat = { .tv_nsec = 20000000 };
	bool told = false;
	char text[48];
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)snprintf(text, sizeof(text), "%s pid=%d", name, (int)getpid());
	note(text);
	while (!told || (until && !exists(until))) {
		int number = sigtimedwait(&set, NULL, &beat);

		thread_beat(self);
		if (number > 0) {
			(void)snprintf(text, sizeof(text), "%s SIG%s", name,
				       sigabbrev_np(number));
			note(text);
		}
		told = told || number == SIGTERM;
	}
	(void)snprintf(text, sizeof(text), "%s ends", name);
	note(text);
	return 0;
}

static int good_media(const struct settings *settings, unsigned index,
		      int listen_fd)
{
	char text[64];

	(void)index;
	(void)snprintf(text, sizeof(text), "media sockets=%d idle=%u",
		       fcntl(listen_fd, F_GETFD) >= 0,
		       settings->media.idle_timeout_ms);
	note(text);
	return live_well("media", NULL);
}

static int patient_media(const struct settings *settings, unsigned index,
			 int listen_fd)
{
	(void)settings;
	(void)index;
	(void)listen_fd;
	return live_well("media", "calls-ended");
}

static int good_control(const struct settings *settings, int listen_fd,
			int webhooks_fd)
{
	(void)settings;
	(void)listen_fd;
	(void)webhooks_fd;
	return live_well("control", NULL);
}

/* Stands still in its first life; not even SIGABRT moves it. */
static int stuck_control(const struct settings *settings, int listen_fd,
			 int webhooks_fd)
{
	if (exists("was-stuck"))
		return good_control(settings, listen_fd, webhooks_fd);
	touch("was-stuck");
	(void)signal(SIGABRT, SIG_IGN);
	(void)thread_adopt_main("control", true);
	note("control stuck");
	for (;;)
		(void)pause();
}

/* How does the world look to a new role? */
static int curious_control(const struct settings *settings, int listen_fd,
			   int webhooks_fd)
{
	static const int ignored[] = { SIGINT, SIGHUP, SIGUSR2, SIGPIPE };
	struct sigaction action;
	sigset_t mask;
	int death = 0;
	bool good = true;

	(void)sigprocmask(SIG_BLOCK, NULL, &mask);
	for (int i = 1; i < 32; i++)
		good = good && sigismember(&mask, i) == 0;
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
		(void)sigaction(ignored[i], NULL, &action);
		good = good && action.sa_handler == SIG_IGN;
	}
	(void)sigaction(SIGTERM, NULL, &action);
	good = good && action.sa_handler == SIG_DFL;
	(void)prctl(PR_GET_PDEATHSIG, &death);
	note(good && death == SIGTERM ? "signals good" : "signals bad");
	return good_control(settings, listen_fd, webhooks_fd);
}

/* ---- a server of plays -----------------------------------------------------
 */

static struct settings *load_settings(const char *idle_timeout)
{
	char data_dir[160], idle[64];
	char *const flags[] = { data_dir,
				(char[]){ "--media.listen=" MEDIA },
				(char[]){ "--control.listen=" CONTROL },
				(char[]){ "--media.threads=2" },
				(char[]){ "--watchdog_timeout=2s" },
				(char[]){ "--drain_timeout=0" },
				idle,
				NULL };
	struct settings *settings = NULL;

	(void)snprintf(data_dir, sizeof(data_dir), "--data_dir=%s",
		       path_of("data"));
	(void)snprintf(idle, sizeof(idle), "--media.idle_timeout=%s",
		       idle_timeout);
	if (settings_load(&settings, NULL, flags, stderr) != 0)
		return NULL;
	return settings;
}

/* What the file of settings says now. */
static struct settings *reload_play(void)
{
	if (exists("settings-wrong"))
		return NULL;
	return load_settings(exists("settings-new") ? "7s" : "5s");
}

static void note_title(const char *name)
{
	char text[48];

	(void)snprintf(text, sizeof(text), "title %s", name);
	note(text);
}

static const struct supervisor_options good_plays = {
	.media = good_media,
	.control = good_control,
	.reload = reload_play,
	.set_title = note_title,
};

/* The supervisor's process; its log goes to the file "log". */
static pid_t server_start(const struct supervisor_options *plays)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct supervisor_options options = *plays;
		int log = open(path_of("log"), O_WRONLY | O_CREAT | O_APPEND,
			       0600);
		int status;

		(void)setpgid(0, 0);
		if (log < 0 || dup2(log, STDERR_FILENO) < 0)
			_exit(99);
		(void)close(log);
		options.settings = load_settings("5s");
		if (!options.settings)
			_exit(98);
		status = supervisor_run(&options);
		dprintf(STDERR_FILENO, "restarts=%d\n",
			(int)board_get(
				board_series(METRIC_PROCESS_RESTARTS_TOTAL,
					     "role=\"control\"")));
		exit(status);
	}
	/* Here as well: it may be asked for before the child has done it. */
	(void)setpgid(pid, pid);
	assert_true(started_count < sizeof(started) / sizeof(started[0]));
	started[started_count++] = pid;
	return pid;
}

static void await_running(void)
{
	await_in("notes", "media pid=", 1);
	await_in("notes", "control pid=", 1);
}

/* The exit status; a signal's number above 128, as a shell tells it. */
static int server_await(pid_t pid)
{
	uint64_t until = clock_mono_ms() + PATIENCE_MS;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (clock_mono_ms() >= until) {
			(void)kill(pid, SIGKILL);
			fail_msg("the server does not end");
		}
		pause_briefly();
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int server_end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGTERM), 0);
	return server_await(pid);
}

/* The pid of that role in its latest life. */
static pid_t pid_of(const char *role)
{
	char text[32768], words[32];
	const char *at, *last = NULL;

	(void)snprintf(words, sizeof(words), "%s pid=", role);
	read_whole("notes", text, sizeof(text));
	for (at = text; (at = strstr(at, words)); at++)
		last = at;
	if (!last)
		abort();
	return (pid_t)strtol(last + strlen(words), NULL, 10);
}

/* ---- stories ---------------------------------------------------------------
 */

static void media_ends_before_control(void **state)
{
	pid_t server = server_start(&good_plays);
	char text[4096];

	(void)state;
	await_running();
	assert_int_equal(count_in("notes", "sockets=1"), 1);
	assert_int_equal(server_end(server), 0);
	read_whole("notes", text, sizeof(text));
	assert_non_null(strstr(text, "media ends"));
	assert_non_null(strstr(text, "control SIGTERM"));
	assert_true(strstr(text, "media ends") <
		    strstr(text, "control SIGTERM"));
	assert_int_equal(count_in("notes", "title "), 3);
	assert_int_equal(count_in("log", "[SERVER_START]"), 1);
	assert_int_equal(count_in("log", "[SERVER_END] status=0"), 1);
}

static void a_role_that_dies_is_started_again(void **state)
{
	pid_t server = server_start(&good_plays);

	(void)state;
	await_running();
	assert_int_equal(kill(pid_of("control"), SIGKILL), 0);
	await_in("notes", "control pid=", 2);
	assert_int_equal(kill(pid_of("control"), SIGKILL), 0);
	await_in("notes", "control pid=", 3);
	assert_int_equal(kill(pid_of("media"), SIGKILL), 0);
	await_in("notes", "media pid=", 2);
	assert_int_equal(server_end(server), 0);
	assert_int_equal(count_in("log", "cause=SIGKILL restart_in=0.1s"), 2);
	assert_int_equal(count_in("log", "cause=SIGKILL restart_in=0.2s"), 1);
	assert_int_equal(count_in("log", "restarts=2"), 1);
}

static void a_role_that_stands_still_is_killed_and_started_again(void **state)
{
	struct supervisor_options plays = good_plays;
	pid_t server;

	(void)state;
	plays.control = stuck_control;
	server = server_start(&plays);
	await_in("notes", "control stuck", 1);
	await_in("notes", "control pid=", 1);
	assert_int_equal(server_end(server), 0);
	assert_int_equal(count_in("log", "[WATCHDOG] role=control pid="), 1);
	assert_int_equal(count_in("log", "thread=control"), 1);
	assert_int_equal(count_in("log", "cause=SIGKILL restart_in="), 1);
}

static void a_role_begins_with_clean_signals(void **state)
{
	struct supervisor_options plays = good_plays;
	pid_t server;

	(void)state;
	plays.control = curious_control;
	server = server_start(&plays);
	await_running();
	assert_int_equal(server_end(server), 0);
	assert_int_equal(count_in("notes", "signals good"), 1);
}

static void while_draining_control_comes_back_and_media_does_not(void **state)
{
	struct supervisor_options plays = good_plays;
	pid_t server;

	(void)state;
	plays.media = patient_media;
	server = server_start(&plays);
	await_running();
	assert_int_equal(kill(server, SIGTERM), 0);
	await_in("notes", "media SIGTERM", 1);
	assert_int_equal(kill(pid_of("control"), SIGKILL), 0);
	await_in("notes", "control pid=", 2);

	/* A call's records may be missing: that is no good end. */
	assert_int_equal(kill(pid_of("media"), SIGKILL), 0);
	assert_int_equal(server_await(server), 1);
	assert_int_equal(count_in("notes", "media pid="), 1);
	assert_int_equal(count_in("notes", "control ends"), 1);
}

static void a_second_sigterm_reaches_media_and_not_control(void **state)
{
	struct supervisor_options plays = good_plays;
	pid_t server;

	(void)state;
	plays.media = patient_media;
	server = server_start(&plays);
	await_running();
	assert_int_equal(kill(server, SIGTERM), 0);
	await_in("notes", "media SIGTERM", 1);
	assert_int_equal(kill(server, SIGINT), 0);
	await_in("notes", "media SIGTERM", 2);
	assert_int_equal(count_in("notes", "control SIGTERM"), 0);
	touch("calls-ended");
	assert_int_equal(server_await(server), 0);
}

static void sighup_changes_what_can_change_also_for_later_lives(void **state)
{
	pid_t server = server_start(&good_plays);

	(void)state;
	await_running();
	assert_int_equal(count_in("notes", "idle=5000"), 1);
	touch("settings-new");
	assert_int_equal(kill(server, SIGHUP), 0);
	await_in("notes", "media SIGHUP", 1);
	await_in("notes", "control SIGHUP", 1);
	assert_int_equal(kill(pid_of("media"), SIGKILL), 0);
	await_in("notes", "idle=7000", 1);

	touch("settings-wrong");
	assert_int_equal(kill(server, SIGHUP), 0);
	await_in("log", "[RELOAD] err=", 1);
	assert_int_equal(server_end(server), 0);
	assert_int_equal(count_in("notes", "control SIGHUP"), 1);
}

static void a_second_server_is_kept_out_of_the_data_dir(void **state)
{
	pid_t server = server_start(&good_plays);
	char words[64];

	(void)state;
	await_running();
	assert_int_equal(server_await(server_start(&good_plays)), 1);
	(void)snprintf(words, sizeof(words), "pid=%d err=\"in use",
		       (int)server);
	assert_int_equal(count_in("log", words), 1);
	assert_int_equal(count_in("notes", "media pid="), 1);
	assert_int_equal(server_end(server), 0);
}

static void the_roles_of_a_dead_server_are_waited_for(void **state)
{
	struct supervisor_options plays = good_plays;
	pid_t server, next;

	(void)state;
	plays.media = patient_media;
	server = server_start(&plays);
	await_running();
	assert_int_equal(kill(server, SIGKILL), 0);
	assert_int_equal(server_await(server), 128 + SIGKILL);
	/* Its death has reached them, but a call goes on. */
	await_in("notes", "media SIGTERM", 1);
	next = server_start(&good_plays);
	await_in("log", "waiting=\"for the calls", 1);
	assert_int_equal(count_in("notes", "media pid="), 1);
	touch("calls-ended");
	await_in("notes", "media pid=", 2);
	assert_int_equal(server_end(next), 0);
}

static void a_taken_port_is_a_setting_at_fault(void **state)
{
	static const struct {
		const char *address, *complaint;
	} rows[] = {
		{ MEDIA, "media.listen: " MEDIA " is taken" },
		{ CONTROL, "control.listen: " CONTROL " is taken" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd = net_listen(rows[i].address);

		assert_true(fd >= 0);
		assert_int_equal(server_await(server_start(&good_plays)), 2);
		assert_int_equal(count_in("log", rows[i].complaint), 1);
		(void)close(fd);
	}
	assert_false(exists("notes"));
}

/* ---- rows ------------------------------------------------------------------
 */

static void the_wait_doubles_to_a_bound_and_starts_anew(void **state)
{
	static const struct {
		uint64_t lived_ms;
		uint32_t wait_ms;
	} rows[] = {
		{ 0, 100 },   { 0, 200 },     { 0, 400 },  { 59999, 800 },
		{ 0, 1600 },  { 0, 3200 },    { 0, 6400 }, { 0, 10000 },
		{ 0, 10000 }, { 60000, 100 }, { 0, 200 },
	};
	struct role role = { .kind = ROLE_MEDIA };
	uint64_t now = 1000;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		role.pid = 999999;
		role.started_ms = now;
		now += rows[i].lived_ms;
		role_died(&role, 1 << 8, true, now);
		assert_int_equal(role.pid, 0);
		assert_false(role_is_due(&role, now + rows[i].wait_ms - 1));
		assert_true(role_is_due(&role, now + rows[i].wait_ms));
		now += rows[i].wait_ms;
	}
	role.pid = 999999;
	role_died(&role, 0, false, now);
	assert_false(role_is_due(&role, UINT64_MAX));
}

static unsigned stuck_count;

static void count_stuck(int32_t pid, const char *thread, void *arg)
{
	(void)arg;
	assert_int_equal(pid, getpid());
	assert_string_equal(thread, "loop");
	stuck_count++;
}

static void the_watchdog_counts_its_own_checks(void **state)
{
	static const struct {
		uint64_t at_ms;
		bool beats;
		unsigned stuck; /* so far */
	} rows[] = {
		{ 1000, true, 0 },     { 2000, true, 0 },
		{ 3000, false, 0 },    { 4000, false, 0 },
		{ 4100, false, 0 }, /* too soon to count */
		{ 4999, false, 0 },    { 5000, false, 1 },
		{ 6000, false, 1 },    { 7000, true, 1 },
		{ 8000, false, 1 }, /* the machine sleeps for an hour: */
		{ 3608000, false, 1 }, { 3609000, true, 1 },
		{ 3610000, false, 1 }, { 3611000, false, 1 },
		{ 3612000, false, 2 },
	};
	struct watchdog *dog = calloc(1, sizeof(*dog));
	struct board_thread *watched = board_thread_claim("loop", true);
	struct board_thread *other = board_thread_claim("spooler", false);

	(void)state;
	assert_non_null(dog);
	stuck_count = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].beats)
			atomic_fetch_add(&watched->beats, 1);
		watchdog_check(dog, rows[i].at_ms, 3000, count_stuck, NULL);
		if (stuck_count != rows[i].stuck)
			fail_msg("row %zu counts %u", i, stuck_count);
	}
	board_thread_release(watched);
	board_thread_release(other);
	free(dog);
}

/* ---- order -----------------------------------------------------------------
 */

static void remove_all(const char *path)
{
	static const char *const names[] = { "notes",	     "log",
					     "was-stuck",    "calls-ended",
					     "settings-new", "settings-wrong",
					     "data/LOCK" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlink(path_of(names[i]));
	(void)rmdir(path_of("data"));
	(void)rmdir(path);
}

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(directory, sizeof(directory), "%s",
		       "/tmp/supervisor_test.XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	while (started_count > 0) {
		pid_t group = started[--started_count];
		uint64_t until = clock_mono_ms() + PATIENCE_MS;

		/* Until nobody is left in it. */
		while (kill(-group, SIGKILL) == 0 && clock_mono_ms() < until) {
			(void)waitpid(group, NULL, WNOHANG);
			pause_briefly();
		}
	}
	remove_all(directory);
	return 0;
}

#define STORY(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(media_ends_before_control),
		STORY(a_role_that_dies_is_started_again),
		STORY(a_role_that_stands_still_is_killed_and_started_again),
		STORY(a_role_begins_with_clean_signals),
		STORY(while_draining_control_comes_back_and_media_does_not),
		STORY(a_second_sigterm_reaches_media_and_not_control),
		STORY(sighup_changes_what_can_change_also_for_later_lives),
		STORY(a_second_server_is_kept_out_of_the_data_dir),
		STORY(the_roles_of_a_dead_server_are_waited_for),
		STORY(a_taken_port_is_a_setting_at_fault),
		cmocka_unit_test(the_wait_doubles_to_a_bound_and_starts_anew),
		cmocka_unit_test(the_watchdog_counts_its_own_checks),
	};

	return cmocka_run_group_tests_name("supervisor", tests, NULL, NULL);
}
