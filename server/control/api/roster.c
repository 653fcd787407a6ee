/* roster.c - who may sign in, as the database had it last (see roster.h) */
#include "server/control/api/roster.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <jansson.h>

#include "persistence/db_health.h"
#include "persistence/drainer.h"
#include "persistence/store_users.h"
#include "server/clock.h"
#include "server/log.h"

#define LOOK_MS 10000u

struct roster {
	struct drainer_job job; /* first: a job is its roster */
	atomic_bool on_its_way; /* the job is with the drainer */
	bool wanted;		/* the loop's: a token was shown */
	uint64_t looked_ms;	/* likewise; 0: never */
	pthread_mutex_t lock;
	json_t *since;	  /* {lock} email -> microseconds; NULL: not read yet */
	int64_t asked_us; /* {lock} who came later is not in it */
};

int roster_create(struct roster **ret)
{
	struct roster *roster = calloc(1, sizeof(*roster));

	if (!roster)
		return -ENOMEM;
	roster->wanted = true;
	atomic_init(&roster->on_its_way, false);
	pthread_mutex_init(&roster->lock, NULL);
	*ret = roster;
	return 0;
}

struct roster *roster_destroy(struct roster *roster)
{
	if (!roster)
		return NULL;
	json_decref(roster->since);
	pthread_mutex_destroy(&roster->lock);
	free(roster);
	return NULL;
}

bool roster_admits(struct roster *roster, const char *email, int64_t issued_us)
{
	const json_t *since;
	bool admits;

	if (!roster)
		return true;
	roster->wanted = true;
	pthread_mutex_lock(&roster->lock);
	since = json_object_get(roster->since, email);
	if (!roster->since)
		admits = true;
	else if (since)
		admits = issued_us >= json_integer_value(since);
	else
		admits = issued_us >= roster->asked_us;
	pthread_mutex_unlock(&roster->lock);
	return admits;
}

/* ---- reading it ------------------------------------------------------------
 */

/* Since when a user is as he is; what cannot be read is long ago.
 */
static int64_t since_of(const json_t *user)
{
	const char *text =
		json_string_value(json_object_get(user, "changed_at"));
	int64_t us = 0;

	if (!text)
		text = json_string_value(json_object_get(user, "created_at"));
	if (!text || clock_parse_rfc3339(text, &us) < 0)
		return 0;
	return us;
}

int roster_take(struct roster *roster, struct store *store,
		struct db_error *err)
{
	int64_t asked_us = clock_wall_us();
	json_t *users = NULL, *since, *user, *former;
	size_t i;

	if (store_list_users(store, &users, err) < 0)
		return -1;
	since = json_object();
	json_array_foreach (users, i, user)
		(void)json_object_set_new(
			since,
			json_string_value(json_object_get(user, "email")),
			json_integer(since_of(user)));
	json_decref(users);
	pthread_mutex_lock(&roster->lock);
	former = roster->since;
	roster->since = since;
	roster->asked_us = asked_us;
	pthread_mutex_unlock(&roster->lock);
	json_decref(former);
	return 0;
}

static void take(struct drainer_job *job, struct store *store)
{
	struct db_error err = { .family = DB_OK };

	if (roster_take((struct roster *)job, store, &err) < 0)
		log_warn("API_QUERY", "op=roster reason=%s err=\"%s\"",
			 err.reason, err.text);
}

static void on_done(struct drainer_job *job)
{
	struct roster *roster = (struct roster *)job;

	atomic_store(&roster->on_its_way, false);
}

void roster_look(struct roster *roster, struct drainer *drainer,
		 uint64_t now_ms)
{
	bool due =
		roster->looked_ms == 0 || now_ms - roster->looked_ms >= LOOK_MS;

	if (!drainer || !roster->wanted || !due ||
	    db_health_shown() != BOARD_DB_UP ||
	    atomic_exchange(&roster->on_its_way, true))
		return;
	roster->job = (struct drainer_job){ .task = take, .done = on_done };
	if (drainer_submit(drainer, &roster->job) < 0) {
		atomic_store(&roster->on_its_way, false);
		return;
	}
	roster->wanted = false;
	roster->looked_ms = now_ms;
}
