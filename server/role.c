/*
 * role.c - forks a role and keeps its book (see role.h)
 *
 * A role is forked, not executed: it inherits the board, the sockets, the lock
 * of the data directory and the parsed settings. What it must not inherit is
 * how the supervisor treats signals.
 */
#include "server/role.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/board.h"
#include "server/log.h"
#include "server/thread.h"

#define BACKOFF_FIRST_MS 100u
#define BACKOFF_MAX_MS	 10000u
#define GOOD_LIFE_MS	 60000u /* lived that long: back to the first wait */
#define ABORT_GRACE_MS	 1000u

const char *role_name(const struct role *role)
{
	return role->kind == ROLE_MEDIA ? "media" : "control";
}

/* SIGTERM ends a role that has no handler yet: it has no call yet either. The
 * others must not: they may come at any time, and mean something only to a role
 * that listens. libev does not unblock what it handles; so nothing is blocked.
 */
static void reset_signals(void)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGUSR2, SIGPIPE,
				       SIGXFSZ };
	sigset_t none;

	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGCHLD, SIG_DFL);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn static void become(const struct role *role,
			     const struct role_life *life, pid_t supervisor)
{
	int status;

	/* If the supervisor dies, its roles end in good order. It may have
	 * died before we asked for that. */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != supervisor)
		_exit(EXIT_FAILURE);
	(void)prctl(PR_SET_NAME, role_name(role));
	if (life->set_title)
		life->set_title(role_name(role));
	thread_catch_fatal_signals();
	if (log_start_writer() < 0)
		log_warn("LOG", "err=\"no writer thread\" "
				"effect=\"a slow stderr slows this role\"");
	reset_signals();
	status = life->run(role, life->arg);
	log_stop_writer();
	exit(status);
}

void role_start(struct role *role, const struct role_life *life,
		uint64_t now_ms)
{
	pid_t supervisor = getpid();
	pid_t pid;

	(void)fflush(NULL); /* or the child would write it once more */
	pid = fork();
	if (pid == 0)
		become(role, life, supervisor);
	role->started_ms = now_ms;
	role->restart_at_ms = 0;
	role->kill_at_ms = 0;
	if (pid < 0) {
		role->restart_at_ms = now_ms + BACKOFF_MAX_MS;
		log_error("PROCESS_START", "role=%s err=\"%s\" next=%us",
			  role_name(role), strerror(errno),
			  BACKOFF_MAX_MS / 1000);
		return;
	}
	role->pid = pid;
	log_info("PROCESS_START", "role=%s pid=%d", role_name(role), (int)pid);
}

static void format_cause(int wait_status, char *out, size_t size)
{
	const char *name;

	if (!WIFSIGNALED(wait_status)) {
		(void)snprintf(out, size, "exit:%d", WEXITSTATUS(wait_status));
		return;
	}
	name = sigabbrev_np(WTERMSIG(wait_status));
	(void)snprintf(out, size, "SIG%s", name ? name : "?");
}

static bool ended_well(int wait_status)
{
	if (WIFSIGNALED(wait_status))
		return WTERMSIG(wait_status) == SIGTERM; /* before it began */
	return WEXITSTATUS(wait_status) == 0;
}

static void plan_restart(struct role *role, uint64_t now_ms)
{
	if (role->backoff_ms == 0 || now_ms - role->started_ms >= GOOD_LIFE_MS)
		role->backoff_ms = BACKOFF_FIRST_MS;
	else if (role->backoff_ms < BACKOFF_MAX_MS / 2)
		role->backoff_ms *= 2;
	else
		role->backoff_ms = BACKOFF_MAX_MS;
	role->restart_at_ms = now_ms + role->backoff_ms;
}

void role_died(struct role *role, int wait_status, bool wanted, uint64_t now_ms)
{
	char cause[24], labels[32];
	int pid = (int)role->pid;

	format_cause(wait_status, cause, sizeof(cause));
	board_forget_process((int32_t)role->pid);
	role->status = ended_well(wait_status) ? 0 : 1;
	role->pid = 0;
	role->kill_at_ms = 0;
	role->restart_at_ms = 0;
	if (!wanted) {
		log_event(role->status ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO,
			  "PROCESS_EXIT", "role=%s pid=%d cause=%s",
			  role_name(role), pid, cause);
		return;
	}
	plan_restart(role, now_ms);
	/* Told to end before that, we need not wait for it: what it had to say
	 * is on the disk, or in its lifeboats. */
	role->status = 0;
	log_error("PROCESS_EXIT", "role=%s pid=%d cause=%s restart_in=%.1fs",
		  role_name(role), pid, cause, role->backoff_ms / 1000.0);
	(void)snprintf(labels, sizeof(labels), "role=\"%s\"", role_name(role));
	board_add(board_series(METRIC_PROCESS_RESTARTS_TOTAL, labels), 1);
}

bool role_is_due(const struct role *role, uint64_t now_ms)
{
	return role->pid == 0 && role->restart_at_ms > 0 &&
	       now_ms >= role->restart_at_ms;
}

void role_signal(const struct role *role, int number)
{
	if (role->pid > 0)
		(void)kill(role->pid, number);
}

void role_abort(struct role *role, const char *thread, uint64_t now_ms)
{
	if (role->kill_at_ms > 0)
		return; /* already told */
	log_error("WATCHDOG",
		  "role=%s pid=%d thread=%s err=\"stands still\" "
		  "effect=restart",
		  role_name(role), (int)role->pid, thread);
	role->kill_at_ms = now_ms + ABORT_GRACE_MS;
	role_signal(role, SIGABRT);
}

void role_kill_if_due(struct role *role, uint64_t now_ms)
{
	if (role->kill_at_ms > 0 && now_ms >= role->kill_at_ms)
		role_signal(role, SIGKILL);
}
