/* operations.c - dead letters, as operations.h sees them; the other verbs follow */
#include "persistence/operations.h"

#include <errno.h>
#include <stdlib.h>

#include "persistence/dead_letters.h"

struct operations {
	struct dead_letters *dead;
};

int operations_open(struct operations **ret, const char *outbox_dir,
		    struct outbox *outbox, uint64_t keep_ms)
{
	struct operations *o = calloc(1, sizeof(*o));
	int r;

	(void)outbox;
	(void)keep_ms;
	if (!o)
		return -ENOMEM;
	r = dead_letters_open(&o->dead, outbox_dir);
	if (r < 0) {
		free(o);
		return r;
	}
	*ret = o;
	return 0;
}

struct operations *operations_close(struct operations *operations)
{
	if (!operations)
		return NULL;
	dead_letters_close(operations->dead);
	free(operations);
	return NULL;
}

int operations_apply(struct operations *operations,
		     const struct operation *operation,
		     struct operation_result *result)
{
	(void)operations;
	*result = (struct operation_result){ 0 };
	return operation->verb == OPERATION_KICK ? 0 : -EINVAL;
}

bool operations_paused(const struct operations *operations)
{
	(void)operations;
	return false;
}

bool operations_set_aside(const struct operations *operations,
			  const struct uuid *id)
{
	(void)operations;
	(void)id;
	return false;
}

int operations_bury(struct operations *operations, const struct record *record,
		    const struct db_error *err)
{
	return dead_letters_add(operations->dead, record, err);
}

void operations_tidy(struct operations *operations, int64_t now_wall_us)
{
	(void)operations;
	(void)now_wall_us;
}

static const char *const verb_names[OPERATION_VERB_COUNT] = {
	"hold",	  "release", "drop",   "replay", "retry",
	"bury", "import", "pause", "resume", "kick",
};

const char *operation_verb_name(enum operation_verb verb)
{
	return verb_names[verb];
}

enum operation_verb operation_verb_parse(const char *name)
{
	for (int i = 0; i < OPERATION_VERB_COUNT; i++)
		if (__builtin_strcmp(name, verb_names[i]) == 0)
			return (enum operation_verb)i;
	return OPERATION_VERB_COUNT;
}
