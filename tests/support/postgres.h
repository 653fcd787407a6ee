/*
 * postgres.h - a private PostgreSQL for a test of ours
 *
 * A cluster of its own under /tmp, on a Unix socket and a port of its own, run
 * as user postgres where we are root (initdb refuses root). The server is our
 * child: it is stopped by its process id, and dies with us.
 *
 * Local connections are trusted, TCP ones need the password "secret".
 */
#ifndef TESTS_SUPPORT_POSTGRES_H
#define TESTS_SUPPORT_POSTGRES_H

#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct postgres {
	char dir[64];	   /* the cluster, and the socket */
	char bin[128];	   /* where initdb and postgres are */
	char url[192];	   /* as superuser, by the socket */
	char tcp_url[192]; /* with the password */
	unsigned port;
	pid_t pid; /* 0: stopped */
};

static inline void postgres_die(const char *what)
{
	perror(what);
	abort();
}

/* In the child: becomes postgres if we are root. */
static inline void postgres_drop_root(void)
{
	const struct passwd *user;

	if (geteuid() != 0)
		return;
	user = getpwnam("postgres");
	if (!user || initgroups("postgres", user->pw_gid) < 0 ||
	    setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0)
		postgres_die("postgres: cannot become user postgres");
}

static inline pid_t postgres_spawn(const struct postgres *pg,
				   const char *const *argv, const char *log)
{
	char program[192];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	postgres_drop_root();
	(void)prctl(PR_SET_PDEATHSIG, SIGQUIT);
	/* initdb looks for postgres beside itself, by the PATH. */
	if (setenv("PATH", pg->bin, 1) < 0 || !freopen(log, "a", stdout) ||
	    !freopen(log, "a", stderr) || chdir("/") < 0)
		postgres_die(log);
	(void)snprintf(program, sizeof(program), "%s/%s", pg->bin, argv[0]);
	(void)execv(program, (char *const *)(uintptr_t)argv);
	postgres_die(program);
	return -1;
}

static inline void postgres_find(struct postgres *pg)
{
	glob_t found;

	if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) != 0)
		postgres_die("postgres: none under /usr/lib/postgresql");
	(void)snprintf(pg->bin, sizeof(pg->bin), "%s",
		       found.gl_pathv[found.gl_pathc - 1]);
	globfree(&found);
}

static inline void postgres_make_dir(struct postgres *pg)
{
	const struct passwd *user = getpwnam("postgres");

	(void)snprintf(pg->dir, sizeof(pg->dir), "/tmp/holdline-pg-XXXXXX");
	if (!mkdtemp(pg->dir) ||
	    (geteuid() == 0 &&
	     (!user || chown(pg->dir, user->pw_uid, user->pw_gid) < 0)))
		postgres_die(pg->dir);
}

static inline void postgres_create(struct postgres *pg, unsigned port)
{
	char data[96], log[96], password[96];
	const char *const argv[] = { "initdb",
				     "--no-sync",
				     "-D",
				     data,
				     "-U",
				     "postgres",
				     "-E",
				     "UTF8",
				     "--auth-local=trust",
				     "--auth-host=scram-sha-256",
				     "--pwfile",
				     password,
				     NULL };
	int status = -1;
	pid_t pid;
	FILE *file;

	*pg = (struct postgres){ .port = port };
	postgres_find(pg);
	postgres_make_dir(pg);
	(void)snprintf(data, sizeof(data), "%s/data", pg->dir);
	(void)snprintf(log, sizeof(log), "%s/log", pg->dir);
	(void)snprintf(password, sizeof(password), "%s/password", pg->dir);
	(void)snprintf(pg->url, sizeof(pg->url),
		       "postgresql:///postgres?host=%s&port=%u&user=postgres",
		       pg->dir, port);
	(void)snprintf(pg->tcp_url, sizeof(pg->tcp_url),
		       "postgresql://postgres:secret@127.0.0.1:%u/postgres",
		       port);
	file = fopen(password, "w");
	if (!file || fputs("secret\n", file) < 0 || fclose(file) != 0 ||
	    chmod(password, 0644) < 0)
		postgres_die(password);
	pid = postgres_spawn(pg, argv, log);
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		postgres_die("postgres: initdb failed");
}

/* Does not wait until it answers: that is what some tests are about. */
static inline void postgres_start(struct postgres *pg)
{
	char data[96], port[16], log[96];
	const char *const argv[] = { "postgres",
				     "-D",
				     data,
				     "-p",
				     port,
				     "-k",
				     pg->dir,
				     "-c",
				     "fsync=off",
				     "-c",
				     "listen_addresses=127.0.0.1",
				     "-c",
				     "max_connections=40",
				     NULL };

	(void)snprintf(data, sizeof(data), "%s/data", pg->dir);
	(void)snprintf(log, sizeof(log), "%s/log", pg->dir);
	(void)snprintf(port, sizeof(port), "%u", pg->port);
	pg->pid = postgres_spawn(pg, argv, log);
	if (pg->pid < 0)
		postgres_die("postgres: fork");
}

/* SIGINT: in order; SIGQUIT: at once, as after a crash. */
static inline void postgres_stop(struct postgres *pg, int sig)
{
	if (pg->pid <= 0)
		return;
	(void)kill(pg->pid, sig);
	(void)waitpid(pg->pid, NULL, 0);
	pg->pid = 0;
}

static inline void postgres_wait(const struct postgres *pg)
{
	static const struct timespec step = { .tv_nsec = 20000000 };

	for (int i = 0; i < 1500; i++) {
		PGconn *conn = PQconnectdb(pg->url);
		bool up = PQstatus(conn) == CONNECTION_OK;

		PQfinish(conn);
		if (up)
			return;
		(void)nanosleep(&step, NULL);
	}
	postgres_die("postgres: does not answer");
}

static inline void postgres_ignore(void *arg, const char *notice)
{
	(void)arg;
	(void)notice;
}

/* Runs SQL; the first value of the first row goes to `out`, "" if none. */
static inline void postgres_sql(const struct postgres *pg, const char *sql,
				char *out, size_t size)
{
	PGconn *conn = PQconnectdb(pg->url);
	ExecStatusType status;
	PGresult *result;

	(void)PQsetNoticeProcessor(conn, postgres_ignore, NULL);
	result = PQexec(conn, sql);
	status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
		(void)fprintf(stderr, "%s: %s\n", sql, PQerrorMessage(conn));
		abort();
	}
	if (out)
		(void)snprintf(out, size, "%s",
			       PQntuples(result) > 0 ? PQgetvalue(result, 0, 0)
						     : "");
	PQclear(result);
	PQfinish(conn);
}

static inline long postgres_number(const struct postgres *pg, const char *sql)
{
	char text[64];

	postgres_sql(pg, sql, text, sizeof(text));
	return strtol(text, NULL, 10);
}

static inline void postgres_destroy(struct postgres *pg)
{
	const char *argv[] = { "rm", "-rf", "--", pg->dir, NULL };
	pid_t pid;

	postgres_stop(pg, SIGQUIT);
	pid = fork();
	if (pid == 0) {
		(void)execv("/bin/rm", (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	(void)waitpid(pid, NULL, 0);
}

#endif
