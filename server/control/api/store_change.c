/* store_change.c - changes to the database (see store_change.h) */
#include "server/control/api/store_change.h"

#include <stdlib.h>

#include "persistence/db_health.h"
#include "persistence/drainer.h"
#include "server/control/http/http_later.h"
#include "server/log.h"

struct change {
	struct drainer_job job; /* first: a job is its change */
	struct http_later *later;
	struct http_response response; /* what the task says */
	store_question *make;
	void *arg;
	void (*release)(void *arg);
};

static void change_free(struct change *change)
{
	change->release(change->arg);
	free(change);
}

/* ---- in the drainer's thread ----------------------------------------------
 */

static void make(struct drainer_job *job, struct store *store)
{
	struct change *change = (struct change *)job;
	struct db_error err = { .family = DB_OK };

	if (change->make(store, change->arg, &change->response, &err) == 0)
		return;
	log_warn("API_QUERY", "op=change reason=%s sqlstate=%s err=\"%s\"",
		 err.reason, *err.sqlstate ? err.sqlstate : "none", err.text);
	http_response_finish(&change->response);
	store_pool_away(&change->response);
}

static void on_done(struct drainer_job *job)
{
	struct change *change = (struct change *)job;

	if (job->error < 0)
		store_pool_away(&change->response);
	http_later_keep(change->later, &change->response);
	change_free(change);
}

/* ---- the request ----------------------------------------------------------
 */

/* Hands it to the drainer; on failure it stays the caller's. */
static int submit(struct change *change, const struct http_request *request,
		  struct http_response *response, struct drainer *drainer)
{
	struct http_later *later = http_later_promise(request);
	int r;

	if (!later)
		return -1;
	change->later = later;
	change->job.task = make;
	change->job.done = on_done;
	change->job.ids = http_later_ids(later);
	r = drainer_submit(drainer, &change->job);
	if (r < 0)
		http_later_withdraw(later);
	else
		response->later = later;
	return r;
}

void store_change_ask(struct drainer *drainer, store_question *question,
		      void *arg, void (*release)(void *arg),
		      const struct http_request *request,
		      struct http_response *response)
{
	struct change *change = arg ? calloc(1, sizeof(*change)) : NULL;

	if (!change) {
		http_reply_error(response, 503, "out of memory");
		if (arg)
			release(arg);
		return;
	}
	change->make = question;
	change->arg = arg;
	change->release = release;
	if (!drainer || db_health_shown() != BOARD_DB_UP)
		store_pool_away(response);
	else if (submit(change, request, response, drainer) == 0)
		return;
	else
		http_reply_error(response, 503,
				 "too many operations wait; repeat it later");
	change_free(change);
}
