/* outbox_api.c - what operators do with the outbox, over HTTP (outbox_api.h) */
#include "server/control/api/outbox_api.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/drainer.h"
#include "server/auth/user.h"
#include "server/control/api/access.h"
#include "server/control/context.h"
#include "server/control/http/http_later.h"
#include "server/uuid.h"

#define WHO_SIZE  USER_EMAIL_SIZE
#define NAME_SIZE 64
#define WHY_SIZE  160

/* An operation on its way: the drainer has it until it is done. */
struct order {
	struct drainer_job job; /* first: a job is its order */
	struct http_later *later;
	char who[WHO_SIZE], name[NAME_SIZE];
	struct uuid ids[]; /* as many as the body may hold */
};

/* ---- the body --------------------------------------------------------------
 */

static bool refuse(char why[WHY_SIZE], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Notes what is wrong; false, for the caller to return. */
static bool refuse(char why[WHY_SIZE], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(why, WHY_SIZE, format, args);
	va_end(args);
	return false;
}

static bool read_ids(struct order *order, const json_t *value,
		     char why[WHY_SIZE])
{
	size_t count = json_array_size(value);

	if (!json_is_array(value))
		return refuse(why, "ids: needs an array of UUIDs");
	if (count > OPERATION_IDS_MAX)
		return refuse(why,
			      "ids: %zu are too many, at most %u go at "
			      "once",
			      count, OPERATION_IDS_MAX);
	for (size_t i = 0; i < count; i++) {
		const char *id = json_string_value(json_array_get(value, i));

		if (!id || !uuid_parse(id, &order->ids[i]))
			return refuse(why, "ids: element %zu is no UUID", i);
	}
	order->job.operation.ids = order->ids;
	order->job.operation.count = count;
	return true;
}

/* Text that goes into the log and the file system: printable ASCII. */
static bool read_text(char *out, size_t size, const char *key,
		      const json_t *value, char why[WHY_SIZE])
{
	const char *text = json_string_value(value);
	size_t length = text ? strlen(text) : 0;

	if (length == 0 || length >= size)
		return refuse(why, "%s: needs a text of 1 to %zu characters",
			      key, size - 1);
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return refuse(why,
				      "%s: needs printable ASCII without "
				      "blanks",
				      key);
	memcpy(out, text, length + 1);
	return true;
}

static bool read_member(struct order *order, const char *key,
			const json_t *value, char why[WHY_SIZE])
{
	struct operation *operation = &order->job.operation;

	if (strcmp(key, "ids") == 0)
		return read_ids(order, value, why);
	if (strcmp(key, "who") == 0)
		return read_text(order->who, WHO_SIZE, key, value, why);
	if (strcmp(key, "name") == 0) {
		operation->name = order->name;
		return read_text(order->name, NAME_SIZE, key, value, why);
	}
	if (strcmp(key, "dry_run") == 0) {
		operation->dry_run = json_is_true(value);
		return json_is_boolean(value) ||
		       refuse(why, "dry_run: needs true or false");
	}
	return refuse(why, "%.40s: no such key (ids, who, dry_run, name)", key);
}

/* Does the verb have what it needs, and nothing that it does not know? */
static bool check(const struct operation *operation, char why[WHY_SIZE])
{
	const char *verb = operation_verb_name(operation->verb);
	bool by_ids = operation->verb < OPERATION_IMPORT;
	bool by_name = operation->verb == OPERATION_IMPORT;

	if (by_ids && operation->count == 0)
		return refuse(why, "ids: %s needs at least one", verb);
	if (!by_ids && operation->count > 0)
		return refuse(why, "ids: %s takes none", verb);
	if (by_name && !operation->name)
		return refuse(why, "name: %s needs one", verb);
	if (!by_name && operation->name)
		return refuse(why, "name: %s takes none", verb);
	if (by_name &&
	    (operation->name[0] == '.' || strchr(operation->name, '/')))
		return refuse(why, "name: needs the name of a directory");
	return true;
}

static bool read_body(struct order *order, const struct http_request *request,
		      char why[WHY_SIZE])
{
	json_t *body = json_loadb(request->body, request->body_length,
				  JSON_REJECT_DUPLICATES, NULL);
	const char *key;
	json_t *value;
	bool ok = json_is_object(body) ||
		  refuse(why, "the body is no JSON object");

	json_object_foreach (body, key, value)
		ok = ok && read_member(order, key, value, why);
	json_decref(body);
	return ok;
}

/* A user acts in his own name. Whoever has the admin token may say for whom he
 * does, as holdctl says who sits before it. */
static bool is_user(const struct http_request *request)
{
	return request->who && *request->who &&
	       strcmp(request->who, ACCESS_ADMIN_TOKEN) != 0;
}

/* `id`: that one record, whatever the body says; NULL: the body's. */
static bool read_order(struct order *order, enum operation_verb verb,
		       const char *id, const struct http_request *request,
		       char why[WHY_SIZE])
{
	struct operation *operation = &order->job.operation;

	operation->verb = verb;
	strcpy(order->who, "api");
	if (!(id && request->body_length == 0) &&
	    !read_body(order, request, why))
		return false;
	if (is_user(request))
		(void)snprintf(order->who, WHO_SIZE, "%s", request->who);
	if (id) {
		operation->ids = order->ids;
		operation->count = 1;
		if (!uuid_parse(id, &order->ids[0]))
			return refuse(why, "the path needs a UUID");
	}
	return check(operation, why);
}

/* ---- the answer ------------------------------------------------------------
 */

static void answer_error(int error, struct http_response *response)
{
	char detail[WHY_SIZE];

	switch (error) {
	case -ENOENT:
		http_reply_error(response, 404, "nothing there by that name");
		return;
	case -EINVAL:
		http_reply_error(response, 400, "no such operation");
		return;
	case -EBUSY:
		http_reply_error(response, 503,
				 "too many operations wait; repeat it later");
		return;
	case -ECANCELED:
		http_reply_error(response, 503,
				 "the drainer does not run; repeat it later");
		return;
	default:
		(void)snprintf(detail, sizeof(detail),
			       "the outbox cannot be changed (%s); what was "
			       "done stands, repeat it later",
			       strerror(-error));
		http_reply_error(response, 503, detail);
	}
}

static void answer(const struct drainer_job *job,
		   struct http_response *response)
{
	const struct operation_result *result = &job->result;

	if (job->error < 0) {
		answer_error(job->error, response);
		return;
	}
	http_reply_json(response, 200,
			json_pack("{s:s, s:I, s:I, s:I, s:b}", "verb",
				  operation_verb_name(job->operation.verb),
				  "done", (json_int_t)result->done, "already",
				  (json_int_t)result->already, "missing",
				  (json_int_t)result->missing, "dry_run",
				  job->operation.dry_run));
}

/* In the drainer's thread. */
static void on_done(struct drainer_job *job)
{
	struct order *order = job->context;
	struct http_response response = { 0 };

	answer(job, &response);
	http_later_keep(order->later, &response);
	free(order);
}

/* ---- on the way ------------------------------------------------------------
 */

/* Hands it to the drainer; on failure it stays the caller's. */
static int submit(struct order *order, const struct http_request *request,
		  struct http_response *response, struct drainer *drainer)
{
	struct http_later *later = http_later_promise(request);
	int r;

	if (!later)
		return -EBUSY;
	order->later = later;
	order->job.operation.who = order->who;
	order->job.done = on_done;
	order->job.context = order;
	order->job.ids = http_later_ids(later);
	r = drainer ? drainer_submit(drainer, &order->job) : -ECANCELED;
	if (r < 0)
		http_later_withdraw(later);
	else
		response->later = later;
	return r;
}

static void handle(enum operation_verb verb, const char *id,
		   const struct http_request *request,
		   struct http_response *response,
		   const struct control_context *control)
{
	struct order *order = calloc(
		1, sizeof(*order) + OPERATION_IDS_MAX * sizeof(struct uuid));
	char why[WHY_SIZE] = "";
	int r;

	if (!order) {
		http_reply_error(response, 503, "out of memory");
		return;
	}
	if (!read_order(order, verb, id, request, why)) {
		http_reply_error(response, 400, why);
		goto fail;
	}
	r = submit(order, request, response, control->drainer);
	if (r == 0)
		return;
	answer_error(r, response);
fail:
	free(order);
}

void outbox_api_post(const struct http_request *request,
		     struct http_response *response, void *context)
{
	enum operation_verb verb = operation_verb_parse(request->parameter);

	if (verb == OPERATION_VERB_COUNT || verb == OPERATION_RETRY ||
	    verb == OPERATION_BURY || verb == OPERATION_ERASE)
		http_reply_error(response, 404, "no such operation");
	else
		handle(verb, NULL, request, response, context);
}

void dead_letters_api_post(const struct http_request *request,
			   struct http_response *response, void *context)
{
	if (strcmp(request->parameter, "retry") == 0)
		handle(OPERATION_RETRY, NULL, request, response, context);
	else if (strcmp(request->parameter, "drop") == 0)
		handle(OPERATION_BURY, NULL, request, response, context);
	else
		http_reply_error(response, 404, "no such operation");
}

void dead_letters_api_retry(const struct http_request *request,
			    struct http_response *response, void *context)
{
	handle(OPERATION_RETRY, request->parameter, request, response, context);
}
