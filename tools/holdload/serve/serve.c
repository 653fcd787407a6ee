/*
 * serve.c - `holdload serve` (see serve.h)
 *
 *   options -> listener -> desks, which accept -> progress -> merge -> report
 */
#include "tools/holdload/serve/serve.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tools/holdload/serve/desk.h"
#include "tools/holdload/serve/options.h"
#include "tools/holdload/serve/report.h"
#include "tools/holdload/worker.h"

#define BACKLOG	    4096
#define PROGRESS_MS 200
#define WATCH_MS    10

static struct house house; /* also for signals */

static void on_interrupt(int number)
{
	(void)number;
	atomic_fetch_add(&house.leaving, 1);
}

/* As many as we are let; calls beyond that wait to be accepted. */
static void raise_file_limit(struct serve_options *o)
{
	struct rlimit limit;
	rlim_t spare = 64;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max > spare && o->calls_max > limit.rlim_max - spare)
		o->calls_max = (unsigned)(limit.rlim_max - spare);
}

/* Also which port it was, of those that the system chooses. */
static void tell_where(int fd)
{
	struct sockaddr_storage name;
	socklen_t size = sizeof(name);
	char host[64], port[8];

	if (getsockname(fd, (struct sockaddr *)&name, &size) == 0 &&
	    getnameinfo((const struct sockaddr *)&name, size, host,
			sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		(void)fprintf(stderr, "holdload: serve: ws://%s%s%s:%s\n",
			      strchr(host, ':') ? "[" : "", host,
			      strchr(host, ':') ? "]" : "", port);
}

static int begin_to_listen(const struct serve_options *o)
{
	const struct sockaddr *name = (const void *)&o->address.name;
	const int on = 1;
	int fd = socket(name->sa_family,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd >= 0 && bind(fd, name, o->address.size) == 0 &&
	    listen(fd, BACKLOG) == 0) {
		tell_where(fd);
		return fd;
	}
	(void)fprintf(stderr, "holdload: serve: --listen: %s: %s\n", o->listen,
		      strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

/* ---- progress --------------------------------------------------------------
 */

static uint64_t frames_of(struct desk *desks, uint64_t count)
{
	uint64_t frames = 0;

	for (uint64_t i = 0; i < count; i++)
		frames += atomic_load(&desks[i].frames);
	return frames;
}

static void draw(uint64_t frames)
{
	(void)fprintf(stderr, "\r%llu live, %llu over, %llu frames/s \033[K",
		      (unsigned long long)atomic_load(&house.live),
		      (unsigned long long)atomic_load(&house.served),
		      (unsigned long long)(frames * 1000 / PROGRESS_MS));
}

static bool is_done(const struct serve_options *o)
{
	uint64_t ms = (worker_now_ns() - house.began_ns) / 1000000;

	return (o->calls > 0 && atomic_load(&house.served) >= o->calls) ||
	       (o->time_ms > 0 && ms >= o->time_ms);
}

static void wait_until_done(const struct serve_options *o, struct desk *desks)
{
	bool tty = isatty(STDERR_FILENO) != 0;
	const struct timespec wait = {
		.tv_nsec = (tty ? PROGRESS_MS : WATCH_MS) * 1000000L
	};
	uint64_t before, frames = 0;

	while (atomic_load(&house.leaving) == 0 && !is_done(o)) {
		(void)nanosleep(&wait, NULL);
		before = frames;
		frames = frames_of(desks, o->threads);
		if (tty)
			draw(frames - before);
	}
	(void)atomic_fetch_or(&house.leaving, 1);
	if (tty)
		(void)fprintf(stderr, "\r\033[K");
}

/* ---- the run ---------------------------------------------------------------
 */

static int report(const struct serve_options *o, struct desk *desks,
		  struct tally *all)
{
	double seconds = (double)(worker_now_ns() - house.began_ns) / 1e9;
	json_t *calls = o->json_calls ? json_array() : NULL;
	int r = 0;

	for (unsigned i = 0; i < o->threads; i++) {
		tally_merge(all, &desks[i].staff.tally);
		if (calls)
			book_to_json(&desks[i].staff.book, calls);
		if (desks[i].staff.book.missing)
			(void)fprintf(stderr, "holdload: serve: --json-calls: "
					      "no memory for all of them\n");
	}
	if (!o->json_path || strcmp(o->json_path, "-") != 0)
		serve_report_table(stdout, o, all, seconds);
	if (o->json_path)
		r = serve_report_json(o, all, calls, seconds);
	else
		json_decref(calls);
	return r == 0 && serve_report_failures(o, all) == 0 ? 0 : 1;
}

static int carry_out(const struct serve_options *o, struct desk *desks,
		     struct tally *all)
{
	uint64_t started = 0;
	int r = 0;

	house.began_ns = worker_now_ns();
	for (; started < o->threads && r == 0; started++)
		r = desk_start(&desks[started], &house, (unsigned)started);
	if (r == 0)
		wait_until_done(o, desks);
	else
		atomic_store(&house.leaving, 2);
	if (r != 0)
		started--; /* the last one did not start */
	for (uint64_t i = 0; i < started; i++)
		desk_join(&desks[i]);
	if (r == 0)
		return report(o, desks, all);
	(void)fprintf(stderr, "holdload: serve: %s\n", strerror(r));
	return 1;
}

int serve_main(int argc, char **argv)
{
	static struct serve_options options; /* as long as `house` */
	struct desk *desks;
	struct tally *all;
	int status = serve_options_parse(&options, argc, argv);

	if (status != 0)
		return status < 0 ? 0 : status;
	raise_file_limit(&options);
	house.options = &options;
	house.listener = begin_to_listen(&options);
	if (house.listener < 0)
		return 3;
	(void)signal(SIGINT, on_interrupt);
	(void)signal(SIGTERM, on_interrupt);
	(void)signal(SIGPIPE, SIG_IGN);
	desks = calloc(options.threads, sizeof(*desks));
	all = calloc(1, sizeof(*all));
	if (desks && all) {
		status = carry_out(&options, desks, all);
	} else {
		(void)fprintf(stderr, "holdload: serve: no memory\n");
		status = 1;
	}
	for (uint64_t i = 0; desks && i < options.threads; i++)
		desk_free(&desks[i]);
	free(desks);
	free(all);
	(void)close(house.listener);
	return status;
}
