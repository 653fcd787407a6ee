/* operate.c - has an operation done (see operate.h) */
#include "tools/holdctl/operate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <jansson.h>

#include "persistence/outbox.h"
#include "server/clock.h"
#include "server/settings.h"
#include "tools/holdctl/client.h"
#include "tools/holdctl/holdctl.h"
#include "tools/holdctl/owner.h"
#include "tools/holdctl/server_lock.h"

#define PATIENCE_MS 30000u /* with a server that is busy or starting anew */
#define PAUSE_MS    250L

struct operate {
	const struct settings *settings; /* borrowed */
	char who[WHO_SIZE];
	/* While no server runs: */
	int lock_fd; /* -1: a server runs */
	struct outbox *outbox;
	struct operations *operations;
};

/* ---- by the server ---------------------------------------------------------
 */

static void path_of(enum operation_verb verb, char out[64])
{
	if (verb == OPERATION_RETRY)
		(void)snprintf(out, 64, "/api/dead-letters/retry");
	else if (verb == OPERATION_BURY)
		(void)snprintf(out, 64, "/api/dead-letters/drop");
	else
		(void)snprintf(out, 64, "/api/outbox/%s",
			       operation_verb_name(verb));
}

/* NULL: out of memory. */
static json_t *body_of(const struct operation *operation)
{
	json_t *ids = json_array(), *body;

	for (size_t i = 0; i < operation->count; i++) {
		char id[UUID_TEXT_SIZE];

		uuid_format(&operation->ids[i], id);
		if (json_array_append_new(ids, json_string(id)) < 0) {
			json_decref(ids);
			return NULL;
		}
	}
	body = json_pack("{s:s, s:b, s:o}", "who", operation->who, "dry_run",
			 operation->dry_run, "ids", ids);
	if (body && operation->name &&
	    json_object_set_new(body, "name", json_string(operation->name)) <
		    0) {
		json_decref(body);
		return NULL;
	}
	return body;
}

static void add_answer(struct operation_result *result, const json_t *answer)
{
	static const char *const keys[] = { "done", "already", "missing" };
	size_t *const counts[] = { &result->done, &result->already,
				   &result->missing };

	for (size_t i = 0; i < 3; i++)
		*counts[i] += (size_t)json_integer_value(
			json_object_get(answer, keys[i]));
}

static bool is_worth_waiting(const struct operate *operate,
			     enum client_result result)
{
	return result == CLIENT_BUSY ||
	       (result == CLIENT_UNREACHED &&
		server_lock_is_held(operate->settings->data_dir));
}

static int ask_server(const struct operate *operate,
		      const struct operation *operation,
		      struct operation_result *result)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	uint64_t until_ms = clock_mono_ms() + PATIENCE_MS;
	json_t *body = body_of(operation), *answer = NULL;
	char path[64], why[CLIENT_WHY_SIZE];
	enum client_result r;

	if (!body)
		return complain(STATUS_FAILED, "out of memory");
	path_of(operation->verb, path);
	while ((r = client_post(operate->settings, path, body, &answer, why)) !=
		       CLIENT_OK &&
	       is_worth_waiting(operate, r) && clock_mono_ms() < until_ms)
		(void)nanosleep(&pause, NULL);
	json_decref(body);
	if (r != CLIENT_OK)
		return client_complain(r, why);
	add_answer(result, answer);
	json_decref(answer);
	return STATUS_FINE;
}

/* ---- without one -----------------------------------------------------------
 */

static int open_files(struct operate *operate, const char *dir)
{
	const struct settings *settings = operate->settings;
	const struct outbox_options options = {
		.dir = dir,
		.keep_delivered_ms = settings->outbox.keep_delivered_ms,
		.max_bytes = settings->outbox.max_bytes,
	};
	int r = outbox_open(&operate->outbox, &options);

	if (r == 0)
		r = operations_open(&operate->operations, dir, operate->outbox,
				    settings->outbox.keep_delivered_ms);
	return r;
}

static int take_over(struct operate *operate)
{
	const char *data_dir = operate->settings->data_dir;
	char dir[300];
	int r;

	(void)snprintf(dir, sizeof(dir), "%s/outbox", data_dir);
	if (access(dir, F_OK) < 0)
		return complain(STATUS_FAILED,
				"%s: %s (is %s the server's data_dir?)", dir,
				strerror(errno), data_dir);
	r = owner_become(data_dir);
	if (r < 0)
		return complain(STATUS_FAILED,
				"cannot act for the owner of "
				"%s: %s",
				data_dir, strerror(-r));
	operate->lock_fd = server_lock_take(data_dir);
	if (operate->lock_fd == -EBUSY)
		return STATUS_FINE; /* one runs: it does the work */
	if (operate->lock_fd < 0)
		return complain(STATUS_FAILED, "%s/LOCK: %s", data_dir,
				strerror(-operate->lock_fd));
	r = open_files(operate, dir);
	if (r == -EBUSY)
		return complain(STATUS_FAILED, "somebody else is at work on %s",
				dir);
	return r < 0 ? complain(STATUS_FAILED, "cannot open %s: %s", dir,
				strerror(-r))
		     : STATUS_FINE;
}

static int do_it(struct operate *operate, const struct operation *operation,
		 struct operation_result *total)
{
	struct operation_result result = { 0 };
	int r = operations_apply(operate->operations, operation, &result);

	total->done += result.done;
	total->already += result.already;
	total->missing += result.missing;
	if (r == -ENOENT)
		return complain(STATUS_FAILED, "nothing there by that name");
	return r < 0 ? complain(STATUS_FAILED,
				"the outbox cannot be changed: %s; what was "
				"done stands, and repeating it is safe",
				strerror(-r))
		     : STATUS_FINE;
}

/* ---- either way ------------------------------------------------------------
 */

int operate_open(struct operate **ret, const struct settings *settings)
{
	struct operate *operate = calloc(1, sizeof(*operate));
	int status;

	if (!operate)
		return complain(STATUS_FAILED, "out of memory");
	operate->settings = settings;
	operate->lock_fd = -1;
	owner_name_user(operate->who);
	status = take_over(operate);
	if (status != STATUS_FINE) {
		operate_close(operate);
		return status;
	}
	*ret = operate;
	return STATUS_FINE;
}

int operate_apply(struct operate *operate, struct operation operation,
		  struct operation_result *result)
{
	operation.who = operate->who;
	return operate->operations ? do_it(operate, &operation, result)
				   : ask_server(operate, &operation, result);
}

struct operate *operate_close(struct operate *operate)
{
	if (!operate)
		return NULL;
	operations_close(operate->operations);
	outbox_close(operate->outbox);
	if (operate->lock_fd >= 0)
		(void)close(operate->lock_fd);
	free(operate);
	return NULL;
}
