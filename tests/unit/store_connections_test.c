/* store_connections_test.c - getting to a server that does not want to be found
 *
 * Hosts that drop what is sent to them, hosts that take us and say nothing,
 * name servers that hang: whatever one of several hosts does, the others get
 * their turn, and nobody waits longer than was allowed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dlfcn.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <cmocka.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "persistence/resolver.h"
#include "server/clock.h"
#include "unit/store_kit.h"

#define PORT	 23011 /* the good server */
#define DEAF	 23012 /* drops what is sent to it */
#define SILENT	 23013 /* takes connections and says nothing */
#define REFUSING 23014

static struct postgres pg;
static int deaf_fd, silent_fd;

/* ---- name servers ---------------------------------------------------------
 */

static atomic_bool names_hang, names_fail;
static atomic_int names_asked;

/* In place of the C library's, for us and for libpq: "db.test" is the good
 * server's host, "gone.test" does not exist. */
int getaddrinfo(const char *name, const char *service,
		const struct addrinfo *hints, struct addrinfo **found)
{
	static const struct timespec step = { .tv_nsec = 1000000 };
	static int (*real)(const char *, const char *, const struct addrinfo *,
			   struct addrinfo **);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (!name || !strstr(name, ".test"))
		return real(name, service, hints, found);
	if (hints && hints->ai_flags & AI_NUMERICHOST)
		return EAI_NONAME;
	atomic_fetch_add(&names_asked, 1);
	while (atomic_load(&names_hang))
		(void)nanosleep(&step, NULL);
	if (atomic_load(&names_fail))
		return EAI_AGAIN;
	if (strcmp(name, "db.test") != 0)
		return EAI_NONAME;
	return real("127.0.0.1", service, hints, found);
}

static void let_names_go_on(void)
{
	atomic_store(&names_hang, false);
	atomic_store(&names_fail, false);
}

/* ---- servers --------------------------------------------------------------
 */

static int listen_on(unsigned port, int backlog)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, (void *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

/* A full queue makes the kernel drop every further SYN: a black hole that needs
 * no rights. */
static void fill_queue(unsigned port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	for (int i = 0; i < 4; i++) { /* kept open until the end */
		int fd = socket(AF_INET,
				SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		(void)connect(fd, (void *)&address, sizeof(address));
	}
}

static int start_servers(void **state)
{
	(void)state;
	kit_start(&pg, PORT);
	deaf_fd = listen_on(DEAF, 0);
	fill_queue(DEAF);
	silent_fd = listen_on(SILENT, 100);
	return 0;
}

static int stop_servers(void **state)
{
	(void)state;
	(void)close(deaf_fd);
	(void)close(silent_fd);
	postgres_destroy(&pg);
	return 0;
}

static int no_more_names(void **state)
{
	(void)state;
	let_names_go_on();
	return 0;
}

#define URL(hosts)                                                    \
	"postgresql://postgres:secret@" hosts "/postgres?application" \
	"_name=hosts"

static void must_ping(struct store *store)
{
	struct db_error err;

	if (store_ping(store, &err) < 0)
		fail_msg("%s %s: %s", db_family_name(err.family), err.reason,
			 err.text);
}

/* ---- several hosts --------------------------------------------------------
 */

static void the_host_that_is_there_is_found(void **state)
{
	static const char *const urls[] = {
		URL("127.0.0.1:23011"),
		URL("127.0.0.1:23014,127.0.0.1:23011"),
		URL("127.0.0.1:23012,127.0.0.1:23011"),
		URL("127.0.0.1:23013,127.0.0.1:23011"),
		URL("127.0.0.1:23011,127.0.0.1:23012"),
		URL("127.0.0.1:23012,127.0.0.1:23013,127.0.0.1:23011"),
		URL("db.test:23011"),
		URL("gone.test:1,db.test:23011"),
		URL("[::1]:23014,localhost:23011"),
		"postgresql://postgres:secret@/postgres?hostaddr=127.0.0.1,"
		"127.0.0.1&port=23012,23011",
		"postgresql://postgres:secret@a,b/postgres?hostaddr=127.0.0.1,"
		"127.0.0.1&port=23014,23011",
		"postgresql://postgres:secret@127.0.0.1:23014,/postgres?"
		"hostaddr=127.0.0.1,127.0.0.1&port=23014,23011",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct store *store = kit_store(urls[i], 2400, 5000);
		struct db_error err;

		if (store_ping(store, &err) < 0)
			fail_msg("%s: %s %s: %s", urls[i],
				 db_family_name(err.family), err.reason,
				 err.text);
		store_destroy(store);
	}
}

static void the_host_that_took_us_is_asked_first(void **state)
{
	struct store *store =
		kit_store(URL("127.0.0.1:23013,127.0.0.1:23011"), 2400, 5000);
	struct pollfd fd = { .fd = silent_fd, .events = POLLIN };

	(void)state;
	must_ping(store);
	while (poll(&fd, 1, 0) > 0) /* it was asked */
		(void)close(accept(silent_fd, NULL, NULL));
	store_disconnect(store);
	must_ping(store);
	assert_int_equal(poll(&fd, 1, 0), 0);
	store_destroy(store);
}

static void all_hosts_together_have_the_time_allowed(void **state)
{
	struct store *store = kit_store(
		URL("127.0.0.1:23012,127.0.0.1:23013,127.0.0.1:23012"), 300,
		5000);
	struct db_error err;
	uint64_t begin_ms = clock_mono_ms();

	(void)state;
	assert_int_equal(store_ping(store, &err), -1);
	assert_int_equal(err.family, DB_TRANSIENT);
	assert_string_equal(err.reason, "Timeout");
	assert_true(clock_mono_ms() - begin_ms >= 300);
	store_destroy(store);
}

/* Of several failures the one that says most is told. */
static void the_most_telling_host_is_believed(void **state)
{
	static const struct {
		const char *url, *reason;
		enum db_family family;
	} rows[] = {
		{ "postgresql://x:y@127.0.0.1:23014,127.0.0.1:23011/postgres",
		  "InvalidPassword", DB_SETUP },
		{ "postgresql://x:y@127.0.0.1:23011,127.0.0.1:23014/postgres",
		  "InvalidPassword", DB_SETUP },
		{ URL("127.0.0.1:23014,127.0.0.1:23013"), "ConnectionRefused",
		  DB_TRANSIENT },
		{ URL("gone.test:1,127.0.0.1:23014"), "HostNotFound",
		  DB_TRANSIENT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct store *store = kit_store(rows[i].url, 1500, 5000);
		struct db_error err;

		assert_int_equal(store_ping(store, &err), -1);
		if (err.family != rows[i].family ||
		    strcmp(err.reason, rows[i].reason) != 0)
			fail_msg("%s: %s %s: %s", rows[i].url,
				 db_family_name(err.family), err.reason,
				 err.text);
		store_destroy(store);
	}
}

static void a_standby_is_passed_over(void **state)
{
	struct store *store = kit_store(URL("127.0.0.1:23011"), 2000, 5000);
	struct db_error err;

	(void)state;
	postgres_sql(&pg, "ALTER SYSTEM SET default_transaction_read_only = on",
		     NULL, 0);
	postgres_sql(&pg, "SELECT pg_reload_conf()", NULL, 0);
	while (postgres_number(&pg,
			       "SELECT (current_setting("
			       "'transaction_read_only') = 'on')::int") == 0)
		;
	assert_int_equal(store_ping(store, &err), -1);
	assert_int_equal(err.family, DB_TRANSIENT);
	assert_string_equal(err.reason, "ReadOnlySqlTransaction");
	postgres_sql(&pg, "ALTER SYSTEM RESET default_transaction_read_only",
		     NULL, 0);
	postgres_sql(&pg, "SELECT pg_reload_conf()", NULL, 0);
	while (store_ping(store, &err) < 0)
		assert_string_equal(err.reason, "ReadOnlySqlTransaction");
	store_destroy(store);
}

/* ---- names ----------------------------------------------------------------
 */

static void name_servers_that_hang_hold_up_nobody(void **state)
{
	struct store *store = kit_store(URL("db.test:23011"), 200, 5000);
	struct store *other =
		kit_store(URL("other.test:1,127.0.0.1:23011"), 2400, 5000);
	struct db_error err;

	(void)state;
	atomic_store(&names_hang, true);
	assert_int_equal(store_ping(store, &err), -1);
	assert_int_equal(err.family, DB_TRANSIENT);
	assert_string_equal(err.reason, "HostLookupFailed");
	must_ping(other);
	store_destroy(other);
	store_destroy(store);
}

static void addresses_of_yesterday_do_while_nobody_knows_better(void **state)
{
	struct store *store = kit_store(URL("db.test:23011"), 3000, 5000);
	struct db_error err;

	(void)state;
	must_ping(store);
	store_disconnect(store);
	atomic_store(&names_hang, true);
	must_ping(store);
	let_names_go_on();
	store_disconnect(store);
	atomic_store(&names_fail, true);
	must_ping(store);
	store_destroy(store);
	store = kit_store(URL("db.test:23011"), 3000, 5000);
	assert_int_equal(store_ping(store, &err), -1); /* knew nothing */
	assert_string_equal(err.reason, "HostLookupFailed");
	store_destroy(store);
}

static void lookups_that_hang_are_few(void **state)
{
	struct resolver_addresses addresses;
	int stuck = 0;

	(void)state;
	atomic_store(&names_asked, 0);
	atomic_store(&names_hang, true);
	while (stuck < RESOLVER_MAX) /* some of before may still go away */
		stuck += resolver_lookup("db.test", clock_mono_ms() + 1, -1,
					 &addresses) == RESOLVER_TIMEOUT;
	while (atomic_load(&names_asked) < RESOLVER_MAX)
		;
	assert_int_equal(resolver_lookup("db.test", clock_mono_ms() + 60000, -1,
					 &addresses),
			 RESOLVER_UNAVAILABLE);
	assert_int_equal(atomic_load(&names_asked), RESOLVER_MAX);
	let_names_go_on();
	while (resolver_lookup("db.test", clock_mono_ms() + 10000, -1,
			       &addresses) != RESOLVER_FOUND)
		;
	assert_string_equal(addresses.text[0], "127.0.0.1");
}

/* ---- being interrupted ----------------------------------------------------
 */

static void *ping_until_interrupted(void *arg)
{
	struct db_error err;

	return store_ping(arg, &err) < 0 &&
			       strcmp(err.reason, "Interrupted") == 0
		       ? arg
		       : NULL;
}

/* In every wait there is: for a name, for a host, for an answer. */
static void an_interrupt_ends_every_wait_at_once(void **state)
{
	static const char *const urls[] = {
		URL("db.test:23011,127.0.0.1:23012"),
		URL("127.0.0.1:23012,127.0.0.1:23012"),
		URL("127.0.0.1:23013,127.0.0.1:23013"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct store *store = kit_store(urls[i], 600000, 5000);
		struct timespec a_moment = { .tv_nsec = 20000000 };
		pthread_t thread;
		void *fine;

		atomic_store(&names_hang, true);
		assert_int_equal(pthread_create(&thread, NULL,
						ping_until_interrupted, store),
				 0);
		/* Before, meanwhile: it must end either way. */
		(void)nanosleep(&a_moment, NULL);
		store_interrupt(store);
		pthread_join(thread, &fine);
		assert_non_null(fine);
		store_destroy(store);
		let_names_go_on();
	}
}

/* ---- a cable that is pulled ----------------------------------------------
 */

#define IN_A_NET "in-a-net-of-our-own"

static int set_loopback(bool up)
{
	struct ifreq request = { .ifr_flags = up ? IFF_UP : 0 };
	int r, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "lo");
	r = ioctl(fd, SIOCSIFFLAGS, &request);
	(void)close(fd);
	return r;
}

static int written_fd; /* of the session that waits */

/* Once the server has the batch and has acknowledged it. */
static void *pull_the_cable(void *arg)
{
	int unacked = 1;

	while (postgres_number(arg, "SELECT count(*) FROM pg_stat_activity "
				    "WHERE wait_event = 'PgSleep'") == 0)
		;
	while (ioctl(written_fd, SIOCOUTQ, &unacked) == 0 && unacked > 0)
		;
	return set_loopback(false) == 0 ? arg : NULL;
}

static int write_while_the_cable_is_pulled(struct postgres *server)
{
	struct store *store = kit_store(URL("127.0.0.1:23011"), 5000, 5000);
	struct record *record = rows_started(1);
	struct db_error err = { .family = DB_OK };
	pthread_t thread;
	void *fine;
	int r;

	if (store_ready(store, &err) < 0)
		return 2;
	postgres_sql(server,
		     "CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS "
		     "$$BEGIN PERFORM pg_sleep(600);"
		     " RETURN NEW; END$$; CREATE TRIGGER t BEFORE INSERT ON "
		     "calls FOR EACH ROW EXECUTE FUNCTION t()",
		     NULL, 0);
	written_fd = store_socket(store);
	pthread_create(&thread, NULL, pull_the_cable, server);
	r = rules_write(store, &record, 1, &err);
	pthread_join(thread, &fine);
	store_destroy(store);
	/* The kernel has noticed; our own clock would say Timeout. */
	if (fine && r < 0 && err.family == DB_TRANSIENT &&
	    strcmp(err.reason, "ConnectionFailure") == 0)
		return 0;
	print_error("%s: %s\n", err.reason, err.text);
	return 3;
}

/* A process of its own: its name space is one, and a child that was forked off
 * a process with threads should not start any. */
static int live_in_a_net_of_our_own(void)
{
	struct postgres server;
	int r;

	if (unshare(CLONE_NEWNET) < 0 || set_loopback(true) < 0)
		return 4;
	kit_start(&server, PORT);
	r = write_while_the_cable_is_pulled(&server);
	postgres_destroy(&server);
	return r;
}

static void as_root_a_server_that_vanishes_is_noticed(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0) {
		print_message("NEEDS ROOT, NOT RUN: a net of its own\n");
		skip();
	}
	pid = fork();
	if (pid == 0) {
		(void)execl("/proc/self/exe", "test", IN_A_NET, NULL);
		_exit(5);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the child ended with %x", (unsigned)status);
}

/* ---- a session's life -----------------------------------------------------
 */

static long sessions(void)
{
	return postgres_number(&pg, "SELECT count(*) FROM pg_stat_activity "
				    "WHERE application_name = 'hosts'");
}

static void a_failed_batch_leaves_no_transaction_behind(void **state)
{
	struct store *store = kit_store(URL("127.0.0.1:23011"), 2000, 5000);
	struct record *bad = rows_call(RECORD_CALL_STARTED, 1, 1, "bad", 0);
	struct record *good = rows_started(2);
	struct db_error err;

	(void)state;
	assert_int_equal(rules_write(store, &bad, 1, &err), -1);
	assert_int_equal(err.family, DB_POISON);
	assert_int_equal(
		postgres_number(&pg, "SELECT count(*) FROM pg_stat_activity "
				     "WHERE application_name = 'hosts' AND "
				     "state <> 'idle'"),
		0);
	rules_must_write(store, &good, 1);
	assert_int_equal(sessions(), 1);
	store_destroy(store);
}

/* A session whose settings somebody has changed is not ours to trust. */
static void timeouts_travel_with_each_batch(void **state)
{
	struct store *store = kit_store(URL("127.0.0.1:23011"), 2000, 5000);
	struct record *record = rows_started(3);
	char text[64];

	(void)state;
	must_ping(store);
	postgres_sql(&pg,
		     "CREATE TABLE seen (value text);"
		     "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql "
		     "AS $$BEGIN INSERT INTO seen VALUES (current_setting("
		     "'statement_timeout') || ' ' || current_setting("
		     "'lock_timeout')); RETURN NEW; END$$;"
		     "CREATE TRIGGER note BEFORE INSERT ON calls FOR EACH ROW "
		     "EXECUTE FUNCTION note()",
		     NULL, 0);
	rules_must_write(store, &record, 1);
	postgres_sql(&pg, "SELECT value FROM seen", text, sizeof(text));
	assert_string_equal(text, "5s 5s");
	postgres_sql(&pg, "DROP TRIGGER note ON calls", NULL, 0);
	store_destroy(store);
}

#define WITH_NAMES(test) cmocka_unit_test_teardown(test, no_more_names)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WITH_NAMES(the_host_that_is_there_is_found),
		WITH_NAMES(the_host_that_took_us_is_asked_first),
		WITH_NAMES(all_hosts_together_have_the_time_allowed),
		WITH_NAMES(the_most_telling_host_is_believed),
		WITH_NAMES(a_standby_is_passed_over),
		WITH_NAMES(name_servers_that_hang_hold_up_nobody),
		WITH_NAMES(addresses_of_yesterday_do_while_nobody_knows_better),
		WITH_NAMES(lookups_that_hang_are_few),
		WITH_NAMES(an_interrupt_ends_every_wait_at_once),
		WITH_NAMES(as_root_a_server_that_vanishes_is_noticed),
		WITH_NAMES(a_failed_batch_leaves_no_transaction_behind),
		WITH_NAMES(timeouts_travel_with_each_batch),
	};

	if (argc > 1 && strcmp(argv[1], IN_A_NET) == 0)
		return live_in_a_net_of_our_own();
	return cmocka_run_group_tests_name("store_connections", tests,
					   start_servers, stop_servers);
}
