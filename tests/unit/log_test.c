/* log_test.c - lines reach stderr in order and whole, and hold nobody up */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <regex.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "server/board.h"
#include "server/log.h"
#include "server/thread.h"
#include "unit/stderr_kit.h"

#define STAMP \
	"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z "

static char heard[4 << 20];

static void assert_matches(const char *text, const char *pattern)
{
	regex_t regex;
	int r;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	r = regexec(&regex, text, 0, NULL, 0);
	regfree(&regex);
	if (r != 0)
		fail_msg("%s is not like %s", text, pattern);
}

/* The number after `key` in each line that has it, in order. */
static const char *next_number(const char *text, const char *key,
			       unsigned long *number)
{
	const char *at = strstr(text, key);

	if (!at)
		return NULL;
	at += strlen(key);
	*number = strtoul(at, NULL, 10);
	return at;
}

static void an_event_is_a_stamped_line(void **state)
{
	struct kit_ear ear = kit_listen();

	(void)state;
	log_info("CALL_START", "call=%d provider=%s", 7, "twilio");
	kit_hear(&ear, heard, sizeof(heard));
	assert_matches(heard, STAMP "INFO \\[CALL_START\\] call=7 "
				    "provider=twilio\n$");
}

static void an_event_is_an_object_in_json(void **state)
{
	struct kit_ear ear = kit_listen();

	(void)state;
	log_configure(LOG_LEVEL_INFO, LOG_FORMAT_JSON, LOG_MASK_NONE);
	log_error("DB_DOWN", "op=%s err=\"%s\"", "outbox_drain", "a\nb");
	log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, LOG_MASK_NONE);
	kit_hear(&ear, heard, sizeof(heard));
	assert_matches(heard, "^\\{\"time\":\"[^\"]+Z\",\"level\":\"ERROR\","
			      "\"tag\":\"DB_DOWN\",\"op\":\"outbox_drain\","
			      "\"err\":\"a\\\\u000ab\"\\}\n$");
}

static void what_is_below_the_level_is_left_out(void **state)
{
	static const char *const expected[] = {
		[LOG_LEVEL_DEBUG] = "DEBUG.*\n.*INFO.*\n.*WARN.*\n.*ERROR.*\n$",
		[LOG_LEVEL_INFO] = "Z INFO.*\n.*WARN.*\n.*ERROR.*\n$",
		[LOG_LEVEL_WARN] = "Z WARN.*\n.*ERROR.*\n$",
		[LOG_LEVEL_ERROR] = "Z ERROR.*\n$",
	};

	(void)state;
	for (int level = LOG_LEVEL_DEBUG; level <= LOG_LEVEL_ERROR; level++) {
		struct kit_ear ear = kit_listen();
		size_t lines = 0;

		log_configure((enum log_level)level, LOG_FORMAT_TEXT,
			      LOG_MASK_NONE);
		log_debug("T", "n=0");
		log_info("T", "n=1");
		log_warn("T", "n=2");
		log_error("T", "n=3");
		log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, LOG_MASK_NONE);
		kit_hear(&ear, heard, sizeof(heard));
		assert_matches(heard, expected[level]);
		for (const char *c = heard; *c; c++)
			lines += *c == '\n';
		assert_int_equal(lines, 4 - level);
	}
}

static void logging_leaves_errno_alone(void **state)
{
	struct kit_ear ear = kit_listen();
	int after;

	(void)state;
	(void)close(STDERR_FILENO);
	errno = ENOSPC;
	log_info("T", "n=1"); /* fails with EBADF */
	after = errno;
	kit_hear(&ear, heard, sizeof(heard));
	assert_int_equal(after, ENOSPC);
}

static void the_writer_keeps_the_order(void **state)
{
	struct kit_ear ear = kit_listen();
	const char *at = heard;
	unsigned long n;
	int again;

	(void)state;
	assert(log_start_writer() == 0);
	again = log_start_writer();
	for (unsigned i = 0; i < 500; i++)
		log_info("T", "n=%u", i);
	log_stop_writer();
	log_stop_writer();
	log_info("T", "n=500"); /* written here and now */
	kit_hear(&ear, heard, sizeof(heard));
	assert_int_equal(again, -EALREADY);
	for (unsigned i = 0; i <= 500; i++) {
		at = next_number(at, "n=", &n);
		assert_non_null(at);
		assert_int_equal(n, i);
	}
	assert_null(next_number(at, "n=", &n));
}

#define TALKERS 4
#define LINES	400

static int talk(struct thread *self, void *arg)
{
	for (unsigned i = 0; i < LINES; i++)
		log_info("T", "talker=%d n=%u", (int)(intptr_t)arg, i);
	(void)self;
	return 0;
}

/* Reads while others talk, for what does not fit into a pipe. */
static int listen_in(struct thread *self, void *arg)
{
	(void)self;
	kit_read_all(arg, heard, sizeof(heard));
	return 0;
}

static struct thread *start(const char *name, thread_body *body, void *arg)
{
	struct thread *thread = NULL;
	int r = thread_start(&thread, &(struct thread_options){ .name = name,
								.body = body,
								.arg = arg });

	assert(r == 0);
	return thread;
}

static void lines_of_many_threads_stay_whole(void **state)
{
	struct kit_ear ear = kit_listen();
	struct thread *reader = start("reader", listen_in, &ear);
	struct thread *talkers[TALKERS];
	unsigned long next[TALKERS] = { 0 };

	(void)state;
	assert(log_start_writer() == 0);
	for (int i = 0; i < TALKERS; i++)
		talkers[i] = start("talker", talk, (void *)(intptr_t)i);
	for (int i = 0; i < TALKERS; i++)
		thread_join(talkers[i]);
	log_stop_writer();
	kit_restore(&ear);
	thread_join(reader);
	for (char *line = strtok(heard, "\n"); line;
	     line = strtok(NULL, "\n")) {
		unsigned long talker = TALKERS, n = 0;

		assert_matches(line, STAMP "INFO \\[T\\] talker=[0-9] "
					   "n=[0-9]+$");
		(void)next_number(line, "talker=", &talker);
		(void)next_number(line, "n=", &n);
		assert_in_range(talker, 0, TALKERS - 1);
		assert_int_equal(n, next[talker]++);
	}
	for (int i = 0; i < TALKERS; i++)
		assert_int_equal(next[i], LINES);
}

static void talk_while_the_writer_ends(int round)
{
	struct thread *talkers[TALKERS];

	assert(log_start_writer() == 0);
	for (int i = 0; i < TALKERS; i++)
		talkers[i] = start("talker", talk, (void *)(intptr_t)i);
	log_stop_writer();
	for (int i = 0; i < TALKERS; i++)
		thread_join(talkers[i]);
	log_info("T", "round=%d", round);
}

/* Some lines go through the ring and some past it, but none stays in it. */
static void no_line_is_lost_when_the_writer_ends(void **state)
{
	struct kit_ear ear = kit_listen();
	struct thread *reader = start("reader", listen_in, &ear);
	unsigned lines = 0, rounds = 0;

	(void)state;
	for (int i = 0; i < 20; i++)
		talk_while_the_writer_ends(i);
	kit_restore(&ear);
	thread_join(reader);
	for (char *line = strtok(heard, "\n"); line;
	     line = strtok(NULL, "\n")) {
		lines += strstr(line, "talker=") != NULL;
		if (!strstr(line, "round="))
			continue;
		rounds++;
		assert_int_equal(lines, rounds * TALKERS * LINES);
	}
	assert_int_equal(rounds, 20);
}

static void a_blocked_reader_costs_lines_and_they_are_counted(void **state)
{
	struct board_series *metric =
		board_series(METRIC_LOG_DROPPED_TOTAL, "");
	struct kit_ear ear = kit_listen();
	unsigned long sent = 0, received = 0, reported = 0, n;
	struct thread *reader;

	(void)state;
	assert(log_start_writer() == 0);
	/* Comes to an end only if none of these waits for the reader. */
	while (log_dropped() < 100)
		log_info("T", "line=%lu padding=%0200d", sent++, 0);
	reader = start("reader", listen_in, &ear);
	log_stop_writer();
	kit_restore(&ear);
	thread_join(reader);
	for (const char *at = heard; (at = next_number(at, "line=", &n));)
		received++;
	for (const char *at = heard;
	     (at = next_number(at, "WARN [LOG_DROPPED] count=", &n));)
		reported += n;
	assert_true(received > 0);
	assert_int_equal(received + log_dropped(), sent);
	assert_int_equal(reported, log_dropped());
	assert_int_equal(board_get(metric), log_dropped());
}

static void a_nonblocking_stderr_loses_nothing(void **state)
{
	struct kit_ear ear = kit_listen();
	struct thread *reader;
	unsigned long n = 0, received = 0;

	(void)state;
	(void)fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK);
	assert(log_start_writer() == 0);
	for (int i = 0; i < 1000; i++) /* three times what a pipe holds */
		log_info("T", "line=%d padding=%0200d", i, 0);
	reader = start("reader", listen_in, &ear);
	log_stop_writer();
	kit_restore(&ear);
	thread_join(reader);
	for (const char *at = heard; (at = next_number(at, "line=", &n));)
		assert_int_equal(n, received++);
	assert_int_equal(received, 1000);
}

/* "comm" or "syscall" of one of our threads, from /proc. */
static bool read_task(const char *tid, const char *what, char *out, size_t size)
{
	char path[300];
	FILE *file;
	bool found;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%s/%s", tid, what);
	file = fopen(path, "re");
	if (!file)
		return false;
	found = fgets(out, (int)size, file) != NULL;
	(void)fclose(file);
	return found;
}

static bool writer_sleeps_on_its_futex(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	char comm[32], call[256];
	bool sleeps = false;

	assert_non_null(tasks);
	while ((task = readdir(tasks)) != NULL)
		if (read_task(task->d_name, "comm", comm, sizeof(comm)) &&
		    strcmp(comm, "log\n") == 0 &&
		    read_task(task->d_name, "syscall", call, sizeof(call)) &&
		    strtol(call, NULL, 10) == SYS_futex)
			sleeps = true;
	(void)closedir(tasks);
	return sleeps;
}

/* A writer that polled would never be seen asleep for good; one that is, must
 * still be woken by the next line. */
static void an_idle_writer_sleeps_until_it_is_needed(void **state)
{
	char self[16], call[256], line[256] = "";
	struct kit_ear ear;

	(void)state;
	(void)snprintf(self, sizeof(self), "%d", (int)gettid());
	if (!read_task(self, "syscall", call, sizeof(call)))
		skip(); /* the kernel does not tell */
	ear = kit_listen();
	assert(log_start_writer() == 0);
	while (!writer_sleeps_on_its_futex())
		(void)sched_yield();
	log_info("T", "n=1");
	assert(read(ear.read_fd, line, sizeof(line) - 1) > 0);
	log_stop_writer();
	kit_hear(&ear, heard, sizeof(heard));
	assert_matches(line, "n=1\n$");
}

static void a_child_logs_without_its_parents_writer(void **state)
{
	struct kit_ear ear = kit_listen();
	int status = -1;
	pid_t pid;

	(void)state;
	assert(log_start_writer() == 0);
	for (int i = 0; i < 50; i++)
		log_info("T", "parent=%d", i);
	pid = fork();
	if (pid == 0) {
		log_info("T", "child=1");
		log_stop_writer();
		_exit(0);
	}
	(void)waitpid(pid, &status, 0);
	log_stop_writer();
	kit_hear(&ear, heard, sizeof(heard));
	assert_int_equal(status, 0);
	assert_non_null(strstr(heard, "child=1\n"));
	assert_null(strstr(strstr(heard, "child=1\n") + 1, "child=1\n"));
	assert_non_null(strstr(heard, "parent=0\n"));
	assert_null(strstr(strstr(heard, "parent=0\n") + 1, "parent=0\n"));
	assert_non_null(strstr(heard, "parent=49\n"));
}

static void fill_pipe(int fd)
{
	static const char bytes[4096];

	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	while (write(fd, bytes, sizeof(bytes)) > 0)
		;
	(void)fcntl(fd, F_SETFL, 0);
}

static void a_stuck_stderr_holds_up_neither_end_nor_crash(void **state)
{
	static const char *const parts[] = { "name=x", NULL };
	struct kit_ear ear = kit_listen();
	int status = -1;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		fill_pipe(STDERR_FILENO);
		if (log_start_writer() < 0)
			_exit(1);
		log_info("T", "n=1");
		log_stop_writer();
		log_info("T", "n=2");
		log_crash("THREAD_CRASH", parts);
		_exit(0);
	}
	(void)waitpid(pid, &status, 0);
	kit_hear(&ear, heard, sizeof(heard));
	assert_int_equal(status, 0);
}

static void a_crash_is_told_after_what_led_to_it(void **state)
{
	static const char *const parts[] = { "name=", "loop-1",
					     " err=", "SIGSEGV", NULL };
	struct kit_ear ear = kit_listen();

	(void)state;
	assert(log_start_writer() == 0);
	for (int i = 0; i < 300; i++)
		log_info("T", "n=%d", i);
	log_crash("THREAD_CRASH", parts);
	log_stop_writer();
	kit_hear(&ear, heard, sizeof(heard));
	assert_matches(heard, "n=299\n[^\n]*Z ERROR \\[THREAD_CRASH\\] "
			      "name=loop-1 err=SIGSEGV\n$");
}

static void a_crash_with_too_much_to_say_is_cut(void **state)
{
	const char *parts[100];
	struct kit_ear ear = kit_listen();

	(void)state;
	for (size_t i = 0; i < 99; i++)
		parts[i] = "0123456789";
	parts[99] = NULL;
	log_crash("THREAD_CRASH", parts);
	kit_hear(&ear, heard, sizeof(heard));
	assert_matches(heard, "ERROR \\[THREAD_CRASH\\] 0123[0-9]{200,300}\n$");
}

/* Neither in the text nor, where the pairs are read again, in JSON. */
static void a_stranger_cannot_add_a_pair(void **state)
{
	static const char said[] = "/\" peer=192.0.2.9 x=\"\\";
	char out[64];

	(void)state;
	assert_string_equal(log_quoted(said, out, sizeof(out)),
			    "/? peer=192.0.2.9 x=??");
	assert_string_equal(log_word(said, out, sizeof(out)),
			    "/??peer?192.0.2.9?x???");
	assert_string_equal(log_word("CA12", out, 3), "CA");
	assert_string_equal(log_quoted("CA", out, 3), "CA");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_is_a_stamped_line),
		cmocka_unit_test(an_event_is_an_object_in_json),
		cmocka_unit_test(what_is_below_the_level_is_left_out),
		cmocka_unit_test(logging_leaves_errno_alone),
		cmocka_unit_test(the_writer_keeps_the_order),
		cmocka_unit_test(lines_of_many_threads_stay_whole),
		cmocka_unit_test(no_line_is_lost_when_the_writer_ends),
		cmocka_unit_test(
			a_blocked_reader_costs_lines_and_they_are_counted),
		cmocka_unit_test(a_nonblocking_stderr_loses_nothing),
		cmocka_unit_test(an_idle_writer_sleeps_until_it_is_needed),
		cmocka_unit_test(a_child_logs_without_its_parents_writer),
		cmocka_unit_test(a_stuck_stderr_holds_up_neither_end_nor_crash),
		cmocka_unit_test(a_crash_is_told_after_what_led_to_it),
		cmocka_unit_test(a_crash_with_too_much_to_say_is_cut),
		cmocka_unit_test(a_stranger_cannot_add_a_pair),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
