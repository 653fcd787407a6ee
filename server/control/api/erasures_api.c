/* erasures_api.c - asking that somebody be forgotten (see erasures_api.h) */
#include "server/control/api/erasures_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "persistence/store_erasure.h"
#include "server/auth/secret.h"
#include "server/auth/user.h"
#include "server/control/api/query.h"
#include "server/control/api/store_change.h"
#include "server/control/api/store_pool.h"
#include "server/control/context.h"
#include "server/control/upkeep/erasure.h"
#include "server/uuid.h"

#define TARGET_MIN   5u /* characters; less would fit too much */
#define NUMBER_MAX   15u
#define SUBJECT_SIZE (2 * HMAC_SHA256_SIZE + 1)

/* ---- whom or what ----------------------------------------------------------
 */

static const char *without_scheme(const char *text)
{
	static const char *const schemes[] = { "whatsapp:", "tel:", "sip:",
					       "sms:" };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
			return text + strlen(schemes[i]);
	return text;
}

/* The digits without what people put between them; false: there is more. */
static bool read_digits(const char *text, char digits[ERASURE_TARGET_SIZE])
{
	size_t n = 0;

	text += *text == '+';
	if (strncmp(text, "00", 2) == 0)
		text += 2;
	for (; *text; text++) {
		if (strchr(" -.()/", *text))
			continue;
		if (*text < '0' || *text > '9' || n == NUMBER_MAX)
			return false;
		digits[n++] = *text;
	}
	digits[n] = '\0';
	return n >= TARGET_MIN;
}

bool erasures_read_number(const char *text, char target[ERASURE_TARGET_SIZE])
{
	size_t length;

	text = without_scheme(text);
	length = strlen(text);
	if (length < TARGET_MIN || length >= ERASURE_TARGET_SIZE)
		return false;
	if (!read_digits(text, target))
		memcpy(target, text, length + 1);
	return true;
}

/* One cannot be made into the other without the key: it is what is left when
 * the number itself is forgotten. */
static bool hash_target(const char *key, const char *target,
			char subject[SUBJECT_SIZE])
{
	uint8_t digest[HMAC_SHA256_SIZE];

	if (!*key ||
	    hmac_sha256(key, strlen(key), target, strlen(target), digest) < 0)
		return false;
	(void)sodium_bin2hex(subject, SUBJECT_SIZE, digest, sizeof(digest));
	return true;
}

static bool read_call(const char *text, char target[ERASURE_TARGET_SIZE])
{
	struct uuid id;

	if (!uuid_parse(text, &id))
		return false;
	uuid_format(&id, target);
	return true;
}

/* ---- asking for one --------------------------------------------------------
 */

struct wish {
	struct erasure *erasure; /* the thread that carries it out */
	bool of_number;
	char target[ERASURE_TARGET_SIZE], subject[SUBJECT_SIZE];
	char who[USER_EMAIL_SIZE];
};

static int add(struct store *store, void *arg, struct http_response *response,
	       struct db_error *err)
{
	const struct wish *wish = arg;
	const struct store_erasure erasure = {
		.of_number = wish->of_number,
		.target = wish->target,
		.subject = wish->subject,
		.who = wish->who,
	};
	json_t *row;

	if (store_add_erasure(store, &erasure, &row, err) < 0)
		return -1;
	(void)json_object_del(row, "target");
	http_reply_json(response, 202, row);
	erasure_wake(wish->erasure);
	return 0;
}

/* What is wrong with it, for people; NULL: nothing. */
static const char *read_wish(struct wish *wish, const json_t *body)
{
	const char *number = json_string_value(json_object_get(body, "number"));
	const char *call = json_string_value(json_object_get(body, "call_id"));

	if (json_object_size(body) != 1 || (!number && !call))
		return "the body needs either a number or a call_id";
	wish->of_number = number != NULL;
	if (call && !read_call(call, wish->target))
		return "call_id: needs a UUID";
	if (number && !erasures_read_number(number, wish->target))
		return "number: needs 5 to 64 characters";
	return NULL;
}

void erasures_api_add(const struct http_request *request,
		      struct http_response *response, void *context)
{
	const struct control_context *control = context;
	struct wish *wish = calloc(1, sizeof(*wish));
	json_t *body = json_loadb(request->body, request->body_length,
				  JSON_REJECT_DUPLICATES, NULL);
	const char *wrong = wish ? read_wish(wish, body) : NULL;

	json_decref(body);
	if (wrong) {
		http_reply_error(response, 400, wrong);
	} else if (wish && !hash_target(control->erasure_key, wish->target,
					wish->subject)) {
		http_reply_error(response, 503, "there is no key for it");
	} else {
		if (wish) {
			wish->erasure = control->erasure;
			(void)snprintf(wish->who, sizeof(wish->who), "%s",
				       request->who);
		}
		store_change_ask(control->drainer, add, wish, free, request,
				 response);
		return;
	}
	free(wish);
}

/* ---- looking at them -------------------------------------------------------
 */

enum { NUMBER, CALL, CURSOR, LIMIT, PARAMETERS };

static const struct query_parameter parameters[PARAMETERS] = {
	[NUMBER] = { "number", QUERY_TEXT, NULL },
	[CALL] = { "call_id", QUERY_ID, NULL },
	[CURSOR] = { "cursor", QUERY_ID, NULL },
	[LIMIT] = { "limit", QUERY_COUNT, NULL },
};

struct list {
	struct query_value values[PARAMETERS];
	char subject[SUBJECT_SIZE]; /* "": of any */
};

static int ask_list(struct store *store, void *arg,
		    struct http_response *response, struct db_error *err)
{
	const struct list *list = arg;
	unsigned limit = query_limit(&list->values[LIMIT]);
	const char *subject = *list->subject ? list->subject : NULL;
	json_t *rows = NULL;

	if (store_list_erasures(store, subject,
				query_text(&list->values[CURSOR]), limit + 1,
				&rows, err) < 0)
		return -1;
	query_reply_page(response, "erasures", rows, limit, "erasure_id");
	return 0;
}

/* What is wrong with the filters; NULL: nothing. */
static const char *read_subject(struct list *list, const char *key)
{
	const char *number = query_text(&list->values[NUMBER]);
	const char *call = query_text(&list->values[CALL]);
	char target[ERASURE_TARGET_SIZE];

	if (!number && !call)
		return NULL;
	if (number && call)
		return "ask for a number or a call, not for both";
	if (number ? !erasures_read_number(number, target)
		   : !read_call(call, target))
		return "number: needs 5 to 64 characters";
	return hash_target(key, target, list->subject)
		       ? NULL
		       : "there is no key to look for it by";
}

void erasures_api_list(const struct http_request *request,
		       struct http_response *response, void *context)
{
	const struct control_context *control = context;
	struct list *list = calloc(1, sizeof(*list));
	const char *wrong;

	if (!list) {
		http_reply_error(response, 503, "out of memory");
		return;
	}
	if (!query_read(request, parameters, PARAMETERS, list->values,
			response)) {
		free(list);
		return;
	}
	wrong = read_subject(list, control->erasure_key);
	if (!wrong) {
		store_pool_ask(control->pool, ask_list, list, request,
			       response);
		return;
	}
	http_reply_error(response, 400, wrong);
	free(list);
}

static int ask_one(struct store *store, void *arg,
		   struct http_response *response, struct db_error *err)
{
	json_t *row = NULL;

	if (store_get_erasure(store, arg, &row, err) < 0)
		return -1;
	if (row)
		http_reply_json(response, 200, row);
	else
		http_reply_error(response, 404, "no erasure has this id");
	return 0;
}

void erasures_api_get(const struct http_request *request,
		      struct http_response *response, void *context)
{
	const struct control_context *control = context;
	char *id = malloc(ERASURE_TARGET_SIZE);

	if (!id || read_call(request->parameter, id)) {
		store_pool_ask(control->pool, ask_one, id, request, response);
		return;
	}
	http_reply_error(response, 400, "the path needs a UUID");
	free(id);
}
