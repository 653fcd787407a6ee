/*
 * main.c - holdload: many phone calls against a media server
 *
 *   options -> workers, each with its part of the plan -> progress -> merge ->
 *   report
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tools/holdload/figures.h"
#include "tools/holdload/help.h"
#include "tools/holdload/html.h"
#include "tools/holdload/ledger.h"
#include "tools/holdload/options.h"
#include "tools/holdload/progress.h"
#include "tools/holdload/report.h"
#include "tools/holdload/series.h"
#include "tools/holdload/serve/serve.h"
#include "tools/holdload/worker.h"

static struct run run; /* also for signals */

static void on_interrupt(int number)
{
	(void)number;
	atomic_fetch_add(&run.cancel, 1);
}

/* A call is an open file. What the system allows by default is raised as far as
 * it lets us; calls that could not begin would only look like the server's
 * fault. 0, or 2 after a complaint. */
static int raise_file_limit(const struct options *o)
{
	const rlim_t needed = (rlim_t)o->calls + 64;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= needed)
		return 0;
	if (limit.rlim_max < needed) { /* for root alone */
		const struct rlimit more = { needed, needed };

		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return 0;
	}
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_max >= needed && setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return 0;
	(void)fprintf(
		stderr,
		"holdload: --calls: %u at once need %llu open files, and "
		"%llu are allowed; say `ulimit -n %llu` first, as root "
		"or with a line in /etc/security/limits.d, or LimitNOFILE "
		"in a unit\n",
		o->calls, (unsigned long long)needed,
		(unsigned long long)limit.rlim_max, (unsigned long long)needed);
	return 2;
}

/* ---- the run ---------------------------------------------------------------
 */

/* What all workers measured, in the first one's series. */
static void join_all(struct worker *workers, unsigned count,
		     struct measured *all, struct ledger *ledger)
{
	for (unsigned i = 0; i < count; i++) {
		worker_join(&workers[i]);
		measured_merge(all, &workers[i].crew.good);
		ledger_merge(ledger, &workers[i].ledger);
		if (i > 0)
			series_merge(workers[0].series, workers[i].series);
	}
}

static int tell(const struct run_report *report, struct ledger *ledger)
{
	const struct options *o = report->options;
	json_auto_t *document = report_document(report);
	int r = 0;

	if (!o->json_path || strcmp(o->json_path, "-") != 0)
		report_table(stdout, report);
	if (o->html_path)
		r |= html_write(o->html_path, document);
	if (o->json_calls)
		(void)json_object_set_new(document, "call_list",
					  ledger_rows(ledger, o));
	if (o->json_path)
		r |= figures_write(o->json_path, document);
	return r;
}

static int carry_out(const struct options *o, struct worker *workers,
		     struct measured *all)
{
	struct ledger ledger = { .wanted = true };
	unsigned started = 0;
	int r = 0;

	run.options = o;
	run.began_ns = worker_now_ns();
	for (; started < o->threads && r == 0; started += r == 0)
		r = worker_start(&workers[started], &run, started);
	if (r != 0) {
		(void)fprintf(stderr, "holdload: a thread: %s\n", strerror(r));
		atomic_store(&run.cancel, 2);
	} else {
		progress_wait(&run, workers);
	}
	join_all(workers, started, all, &ledger);
	if (r == 0)
		r = tell(&(struct run_report){ o, all, workers[0].series,
					       (double)(worker_now_ns() -
							run.began_ns) /
						       1e9 },
			 &ledger);
	if (o->ledger_path && started > 0 &&
	    ledger_write(o->ledger_path, o, &ledger) < 0)
		r = -1;
	ledger_free(&ledger);
	for (unsigned i = 0; i < o->threads; i++)
		worker_free(&workers[i]);
	return r;
}

/* What to do about what went wrong. */
static void advise(const struct measured *all)
{
	for (int i = 0; i < WIRE_STATUSES; i++) {
		const char *advice =
			all->statuses[i] ? help_for_status(i) : NULL;

		if (advice)
			(void)fprintf(stderr, "holdload: HTTP %d: %s\n", i,
				      advice);
	}
	if (all->tls_why)
		(void)fprintf(stderr,
			      "holdload: TLS: %s; --cacert says whom to trust, "
			      "--insecure trusts anybody, --cert shows our own "
			      "certificate\n",
			      all->tls_why);
}

/* What the run says about itself. */
static int verdict(const struct options *o, const struct measured *all)
{
	advise(all);
	if (all->calls > 0 &&
	    all->outcomes[OUTCOME_CONNECT_FAILED] == all->calls) {
		(void)fprintf(stderr, "holdload: nobody answers at %s\n",
			      o->host);
		return 3;
	}
	if (report_failures(o, all) > 0)
		return 1;
	return all->outcomes[OUTCOME_COMPLETED] == all->calls ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct options options;
	struct worker *workers;
	struct measured *all;
	int status;

	if (argc > 1 && strcmp(argv[1], "serve") == 0)
		return serve_main(argc - 1, argv + 1);
	status = options_parse(&options, argc, argv);
	if (status == 0)
		status = raise_file_limit(&options);
	if (status != 0) {
		options_free(&options);
		return status < 0 ? 0 : status;
	}
	(void)signal(SIGINT, on_interrupt);
	(void)signal(SIGTERM, on_interrupt);
	(void)signal(SIGPIPE, SIG_IGN);
	workers = calloc(options.threads, sizeof(*workers));
	all = calloc(1, sizeof(*all));
	if (workers && all) {
		status = carry_out(&options, workers, all) == 0
				 ? verdict(&options, all)
				 : 1;
	} else {
		(void)fprintf(stderr, "holdload: no memory\n");
		status = 1;
	}
	free(workers);
	free(all);
	options_free(&options);
	return status;
}
