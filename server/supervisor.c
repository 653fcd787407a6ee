/*
 * supervisor.c - the server's life, from the outside (see supervisor.h)
 *
 *   start  the data directory's lock, sockets, board; then control and media
 *   run    once a second, or at a signal: who died, who is due again, who
 *          stands still
 *   end    draining flag, SIGTERM to media; when all of them have ended,
 *          SIGTERM to control, which drains what they left
 *
 * How a role is started and buried is role.c, whose heartbeat stands still is
 * watchdog.c.
 */
#include "server/supervisor.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "holdline_version.h"
#include "persistence/lifeboat.h"
#include "server/auth/one_time.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/data_dir.h"
#include "server/live_calls.h"
#include "server/live_taps.h"
#include "server/loads.h"
#include "server/log.h"
#include "server/net.h"
#include "server/role.h"
#include "server/settings.h"
#include "server/tls.h"
#include "server/watchdog.h"

#define TICK_MS	       1000u
#define END_GRACE_MS   30000u /* beyond drain_timeout, for a slow disk */
#define CONTROL_END_MS 15000u
#define CALL_FILES     2u /* a recorded call: its socket and its recording */
#define OTHER_FILES    256u
#define ROLES_MAX      (1 + PROCESSES_MAX)

struct supervisor {
	struct supervisor_options options;
	struct settings *settings; /* in force; owned */
	struct role roles[ROLES_MAX];
	size_t role_count;
	int lock_fd, media_fd, control_fd, webhooks_fd;
	struct watchdog dog;
	sigset_t signals;
	bool draining;	     /* media is to end, and does not come back */
	bool control_told;   /* control likewise */
	uint64_t give_up_ms; /* then whoever was told to end is killed */
};

/* ---- the roles -------------------------------------------------------------
 */

static int live(const struct role *role, void *arg)
{
	const struct supervisor *sup = arg;

	if (role->kind == ROLE_MEDIA)
		return sup->options.media(sup->settings, role->index,
					  sup->media_fd);
	return sup->options.control(sup->settings, sup->control_fd,
				    sup->webhooks_fd);
}

static uint32_t count_running(const struct supervisor *sup, enum role_kind kind)
{
	uint32_t running = 0;

	for (size_t i = 0; i < sup->role_count; i++)
		running += sup->roles[i].kind == kind && sup->roles[i].pid > 0;
	return running;
}

static void publish_roles(const struct supervisor *sup)
{
	atomic_store(&board_flags()->media_roles_up,
		     count_running(sup, ROLE_MEDIA));
}

static void start_role(struct supervisor *sup, struct role *role)
{
	role_start(role,
		   &(struct role_life){ .run = live,
					.arg = sup,
					.set_title = sup->options.set_title },
		   clock_mono_ms());
	publish_roles(sup);
}

static void signal_roles(struct supervisor *sup, enum role_kind kind,
			 int number)
{
	for (size_t i = 0; i < sup->role_count; i++)
		if (sup->roles[i].kind == kind)
			role_signal(&sup->roles[i], number);
}

/* While draining, control does come back: somebody has to empty the outbox
 * until the last call has ended. */
static bool is_wanted(const struct supervisor *sup, const struct role *role)
{
	return role->kind == ROLE_MEDIA ? !sup->draining : !sup->control_told;
}

_Static_assert(PROCESSES_MAX *THREADS_MAX <= LOADS_MAX,
	       "a loop without a place among the loads");

/* Its loops have no load any more that others would compare theirs with. */
static void forget_loads(const struct supervisor *sup, const struct role *role)
{
	uint32_t threads = sup->settings->media.threads;

	for (uint32_t i = 0; role->kind == ROLE_MEDIA && i < threads; i++)
		loads_leave(&board_flags()->loads, role->index * threads + i);
}

static void bury(struct supervisor *sup, pid_t pid, int status)
{
	for (size_t i = 0; i < sup->role_count; i++) {
		struct role *role = &sup->roles[i];

		if (role->pid != pid)
			continue;
		role_died(role, status, is_wanted(sup, role), clock_mono_ms());
		forget_loads(sup, role);
	}
}

static void reap(struct supervisor *sup)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		bury(sup, pid, status);
	publish_roles(sup);
}

static void start_what_is_due(struct supervisor *sup)
{
	for (size_t i = 0; i < sup->role_count; i++)
		if (role_is_due(&sup->roles[i], clock_mono_ms()) &&
		    is_wanted(sup, &sup->roles[i]))
			start_role(sup, &sup->roles[i]);
}

static void on_stuck(int32_t pid, const char *thread, void *arg)
{
	struct supervisor *sup = arg;

	for (size_t i = 0; i < sup->role_count; i++)
		if (sup->roles[i].pid == (pid_t)pid)
			role_abort(&sup->roles[i], thread, clock_mono_ms());
}

static void watch(struct supervisor *sup)
{
	uint64_t now = clock_mono_ms();

	watchdog_check(&sup->dog, now, sup->settings->watchdog_timeout_ms,
		       on_stuck, sup);
	for (size_t i = 0; i < sup->role_count; i++)
		role_kill_if_due(&sup->roles[i], now);
}

/* ---- the end ---------------------------------------------------------------
 */

static void begin_end(struct supervisor *sup, int number)
{
	uint32_t drain_ms = sup->draining ? 0 : sup->settings->drain_timeout_ms;

	log_info("SERVER_DRAINING", "signal=SIG%s calls=%d at_most=%us",
		 sigabbrev_np(number),
		 (int)atomic_load(&board_flags()->calls_active),
		 drain_ms / 1000);
	sup->draining = true;
	if (!sup->control_told)
		sup->give_up_ms = clock_mono_ms() + drain_ms + END_GRACE_MS;
	atomic_fetch_add(&board_flags()->draining, 1);
	signal_roles(sup, ROLE_MEDIA, SIGTERM);
}

/* Once the last call's records are in the outbox, control may end too. */
static void end_control(struct supervisor *sup)
{
	if (sup->control_told || count_running(sup, ROLE_MEDIA) > 0)
		return;
	sup->control_told = true;
	sup->give_up_ms = clock_mono_ms() + CONTROL_END_MS;
	signal_roles(sup, ROLE_CONTROL, SIGTERM);
}

static void lose_patience(struct supervisor *sup)
{
	if (clock_mono_ms() < sup->give_up_ms)
		return;
	for (size_t i = 0; i < sup->role_count; i++) {
		const struct role *role = &sup->roles[i];

		if (role->pid == 0 || is_wanted(sup, role))
			continue;
		log_error("PROCESS_KILL", "role=%s pid=%d err=\"does not end\"",
			  role_name(role), (int)role->pid);
		role_signal(role, SIGKILL);
	}
	sup->give_up_ms = clock_mono_ms() + END_GRACE_MS;
}

static bool is_over(const struct supervisor *sup)
{
	return sup->control_told && count_running(sup, ROLE_MEDIA) == 0 &&
	       count_running(sup, ROLE_CONTROL) == 0;
}

/* ---- running ---------------------------------------------------------------
 */

/* Without them one-time tokens are refused, and all else works. */
static void publish_token_keys(const struct settings *s)
{
	const struct auth_words *words = &s->who.token_secrets;
	const char *secrets[AUTH_SECRETS_MAX];
	int r;

	for (uint32_t i = 0; i < words->count; i++)
		secrets[i] = s->who.texts + words->at[i];
	r = one_time_publish_keys(secrets, words->count);
	if (r < 0)
		log_error("TOKEN_KEYS", "err=\"%s\"", strerror(-r));
}

/* Routes that anybody may call, where others than ourselves can reach them. */
struct open_routes {
	const char *first; /* its path */
	unsigned count;
};

/* A signature that is judged only if it is there keeps nobody out. */
static bool is_open(const struct auth_rules *auth)
{
	return auth->kinds == 0 ||
	       (auth->kinds == 1u << AUTH_TWILIO && auth->signature_optional);
}

static void note_if_open(struct open_routes *open, const struct route *route)
{
	if (!is_open(&route->auth) || route->open_on_purpose)
		return;
	if (open->count++ == 0)
		open->first = route->path;
}

static void warn_if_reachable(const struct open_routes *open,
			      const char *listen)
{
	struct sockaddr_storage parsed;
	struct address address;
	socklen_t length;

	if (open->count == 0 ||
	    settings_parse_address(listen, &parsed, &length) < 0 ||
	    !address_of_socket((struct sockaddr *)&parsed, &address) ||
	    address_is_loopback(&address))
		return;
	log_warn("OPEN_ROUTES",
		 "routes=%u first=%s listen=%s effect=\"whoever "
		 "reaches it may call\" next=\"give them auth, or "
		 "auth: none\"",
		 open->count, open->first, listen);
}

static void warn_of_open_routes(const struct settings *s)
{
	struct open_routes calls = { .count = 0 }, webhooks = { .count = 0 };

	for (size_t i = 0; i < s->media.route_count; i++)
		note_if_open(&calls, &s->media.routes[i]);
	for (size_t i = 0; i < s->webhooks.answer_count; i++)
		note_if_open(&webhooks, &s->webhooks.answers[i].door);
	warn_if_reachable(&calls, s->media.listen);
	warn_if_reachable(&webhooks, s->webhooks.listen);
}

/* What we hold is what a role that is started later begins with. */
static void reload(struct supervisor *sup)
{
	struct settings *next = sup->options.reload();

	if (!next) {
		log_error("RELOAD", "err=\"the settings are wrong\" "
				    "effect=\"nothing was changed\"");
		return;
	}
	(void)settings_log_unchangeable(sup->settings, next);
	settings_take_reloadable(sup->settings, next);
	free(next);
	publish_token_keys(sup->settings);
	tls_reload(sup->settings);
	log_configure(sup->settings->log_level, sup->settings->log_format,
		      sup->settings->log_mask);
	log_info("RELOAD", "effect=done");
	signal_roles(sup, ROLE_MEDIA, SIGHUP);
	signal_roles(sup, ROLE_CONTROL, SIGHUP);
}

static void on_signal(struct supervisor *sup, int number)
{
	switch (number) {
	case SIGTERM:
	case SIGINT: begin_end(sup, number); break;
	case SIGHUP: reload(sup); break;
	case SIGUSR2:
		signal_roles(sup, ROLE_MEDIA, number);
		signal_roles(sup, ROLE_CONTROL, number);
		break;
	default: break; /* SIGCHLD has woken us up, which is all it is for */
	}
}

/* To the next restart that is due, at most a second. */
static struct timespec next_wait(const struct supervisor *sup)
{
	uint64_t now = clock_mono_ms();
	uint64_t wait = TICK_MS;

	for (size_t i = 0; i < sup->role_count; i++) {
		const struct role *role = &sup->roles[i];
		uint64_t at = role->restart_at_ms;

		if (role->pid > 0 || at == 0 || !is_wanted(sup, role))
			continue;
		if (at <= now)
			wait = 0;
		else if (at - now < wait)
			wait = at - now;
	}
	return (struct timespec){ .tv_sec = (time_t)(wait / 1000),
				  .tv_nsec = (long)(wait % 1000) * 1000000 };
}

static void run(struct supervisor *sup)
{
	while (!is_over(sup)) {
		struct timespec wait = next_wait(sup);
		int number = sigtimedwait(&sup->signals, NULL, &wait);

		if (number > 0)
			on_signal(sup, number);
		reap(sup);
		if (sup->draining) {
			end_control(sup);
			lose_patience(sup);
		}
		start_what_is_due(sup);
		watch(sup);
	}
}

/* ---- start -----------------------------------------------------------------
 */

static void raise_file_limit(const struct settings *settings)
{
	uint64_t needed =
		(uint64_t)settings->media.max_calls * CALL_FILES + OTHER_FILES;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < needed)
		log_warn("FILE_LIMIT",
			 "open_files=%" PRIu64 " needed=%" PRIu64
			 " effect=\"fewer calls than media.max_calls\" "
			 "next=\"raise ulimit -n or LimitNOFILE\"",
			 (uint64_t)limit.rlim_cur, needed);
}

/* 0, or 2 after it said which setting is at fault and what to do. */
static int listen_on(const char *key, const char *address, int *fd)
{
	int r = *fd = net_listen(address);

	if (r >= 0)
		return 0;
	if (r == -EADDRINUSE)
		(void)fprintf(stderr,
			      "%s: %s is taken by another program; stop it, or "
			      "choose another port with --%s HOST:PORT\n",
			      key, address, key);
	else
		(void)fprintf(stderr, "%s: cannot listen on %s: %s\n", key,
			      address, strerror(-r));
	return 2;
}

static void block_signals(struct supervisor *sup)
{
	static const int ours[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGCHLD };

	(void)sigemptyset(&sup->signals);
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		(void)sigaddset(&sup->signals, ours[i]);
		/* Whoever started us may ignore them, as nohup does. An
		 * ignored SIGCHLD would take the dead away unseen. */
		(void)signal(ours[i], SIG_DFL);
	}
	(void)sigprocmask(SIG_BLOCK, &sup->signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

static void list_roles(struct supervisor *sup)
{
	sup->roles[sup->role_count++] = (struct role){ .kind = ROLE_CONTROL };
	for (unsigned i = 0; i < sup->settings->media.processes; i++)
		sup->roles[sup->role_count++] =
			(struct role){ .kind = ROLE_MEDIA, .index = i };
}

static int bind_sockets(struct supervisor *sup)
{
	const struct settings *s = sup->settings;
	int status = listen_on("media.listen", s->media.listen, &sup->media_fd);

	if (status == 0)
		status = listen_on("control.listen", s->control.listen,
				   &sup->control_fd);
	if (status == 0 && s->webhooks.listen[0])
		status = listen_on("webhooks.listen", s->webhooks.listen,
				   &sup->webhooks_fd);
	return status;
}

static int prepare(struct supervisor *sup)
{
	const struct settings *s = sup->settings;
	int r;

	log_configure(s->log_level, s->log_format, s->log_mask);
	/* It may wait long, so signals still end us here. */
	sup->lock_fd =
		data_dir_take(s->data_dir, s->drain_timeout_ms + END_GRACE_MS);
	if (sup->lock_fd < 0)
		return 1;
	raise_file_limit(s);
	r = bind_sockets(sup);
	if (r != 0)
		return r;
	r = board_create();
	if (r < 0) {
		log_error("BOARD", "err=\"%s\"", strerror(-r));
		return 1;
	}
	/* Without them all works, only that a killed process loses what had
	 * not reached the disk. */
	r = lifeboats_create((size_t)s->media.processes * s->media.threads);
	if (r < 0)
		log_warn("LIFEBOATS", "err=\"%s\"", strerror(-r));
	/* Likewise, that live calls are neither shown nor listened to. */
	r = live_calls_create(s->media.max_calls);
	if (r == 0)
		r = live_taps_create(s->control.max_listeners);
	if (r < 0)
		log_warn("LIVE_CALLS", "err=\"%s\"", strerror(-r));
	r = tls_start(s, stderr);
	if (r != 0)
		return r;
	publish_token_keys(s);
	block_signals(sup);
	list_roles(sup);
	return 0;
}

static void announce(const struct settings *s)
{
	char url[sizeof(s->database.url) + 8];

	settings_mask_url(s->database.url, url, sizeof(url));
	log_info(
		"SERVER_START",
		"version=%s pid=%d node=%s media=%s control=%s data_dir=\"%s\" "
		"database=\"%s\"",
		HOLDLINE_VERSION, (int)getpid(), s->node_id, s->media.listen,
		s->control.listen, s->data_dir, url);
}

/* What a process that nobody restarted any more had not made durable. */
static int rescue_records(const struct supervisor *sup)
{
	const struct settings *s = sup->settings;
	char dir[sizeof(s->data_dir) + sizeof("/outbox")];
	size_t rescued = 0;
	int r;

	(void)snprintf(dir, sizeof(dir), "%s/outbox", s->data_dir);
	r = lifeboats_rescue(0, (size_t)s->media.processes * s->media.threads,
			     dir, &rescued);
	if (r < 0)
		log_error("RECORDS_RESCUED", "err=\"%s\"", strerror(-r));
	else if (rescued > 0)
		log_warn("RECORDS_RESCUED", "records=%zu", rescued);
	return r < 0 ? 1 : 0;
}

static int serve(struct supervisor *sup)
{
	int status;

	if (sup->options.set_title)
		sup->options.set_title("supervisor");
	announce(sup->settings);
	warn_of_open_routes(sup->settings);
	for (size_t i = 0; i < sup->role_count; i++)
		start_role(sup, &sup->roles[i]);
	run(sup);
	status = rescue_records(sup);
	for (size_t i = 0; i < sup->role_count; i++)
		status |= sup->roles[i].status;
	log_info("SERVER_END", "status=%d", status);
	return status;
}

static void finish(struct supervisor *sup)
{
	if (sup->media_fd >= 0)
		(void)close(sup->media_fd);
	if (sup->control_fd >= 0)
		(void)close(sup->control_fd);
	if (sup->webhooks_fd >= 0)
		(void)close(sup->webhooks_fd);
	if (sup->lock_fd >= 0)
		(void)close(sup->lock_fd);
	tls_end();
	free(sup->settings);
	free(sup);
}

int supervisor_run(const struct supervisor_options *options)
{
	struct supervisor *sup = calloc(1, sizeof(*sup));
	int status;

	if (!sup) {
		free(options->settings);
		log_error("SERVER_START", "err=\"%s\"", strerror(ENOMEM));
		return 1;
	}
	sup->options = *options;
	sup->settings = options->settings;
	sup->lock_fd = sup->media_fd = sup->control_fd = sup->webhooks_fd = -1;
	status = prepare(sup);
	if (status == 0)
		status = serve(sup);
	finish(sup);
	return status;
}
