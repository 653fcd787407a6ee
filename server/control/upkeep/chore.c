/* chore.c - what a thread that tidies up has done (see chore.h) */
#include "server/control/upkeep/chore.h"

#include <errno.h>
#include <string.h>

#include "server/log.h"

struct chore {
	chore_task *task;
	void *arg;
	bool failed;
	struct db_error err;
};

void chores_init(struct chores *chores, struct drainer *drainer,
		 const char *tag)
{
	errand_office_init(&chores->office, drainer);
	chores->tag = tag;
}

void chores_finish(struct chores *chores)
{
	errand_office_finish(&chores->office);
}

void chores_close(struct chores *chores)
{
	errand_office_close(&chores->office);
}

static void work(struct store *store, void *arg)
{
	struct chore *chore = arg;

	chore->failed = chore->task(store, chore->arg, &chore->err) < 0;
}

bool chore_run(struct chores *chores, chore_task *task, void *arg)
{
	struct chore chore = { .task = task, .arg = arg };
	int r = errand_run(&chores->office, work, &chore);

	if (chore.failed)
		log_warn(chores->tag, "reason=%s err=\"%s\"", chore.err.reason,
			 chore.err.text);
	return r == 0 && !chore.failed;
}

bool chore_operate(struct chores *chores, const struct operation *operation)
{
	struct operation_result result;
	int r = errand_operate(&chores->office, operation, &result);

	if (r < 0 && r != -ECANCELED)
		log_warn(chores->tag, "verb=%s err=\"%s\"",
			 operation_verb_name(operation->verb), strerror(-r));
	return r == 0;
}
