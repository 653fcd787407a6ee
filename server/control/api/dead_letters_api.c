/* dead_letters_api.c - what the database refused (see dead_letters_api.h) */
#include "server/control/api/dead_letters_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/dead_letters.h"
#include "persistence/dead_letters_list.h"
#include "persistence/json_text.h"
#include "persistence/record.h"
#include "server/clock.h"
#include "server/control/api/query.h"
#include "server/control/context.h"
#include "server/control/http/http_files.h"
#include "server/log.h"
#include "server/settings.h"
#include "server/uuid.h"

enum { CURSOR, LIMIT, PARAMETERS };

static const struct query_parameter parameters[PARAMETERS] = {
	[CURSOR] = { "cursor", QUERY_ID, NULL },
	[LIMIT] = { "limit", QUERY_COUNT, NULL },
};

struct look {
	char outbox_dir[320];
	struct query_value values[PARAMETERS];
	struct uuid only;
};

/* ---- one letter -----------------------------------------------------------
 */

/* Words of ours, of its payload; NULL for one that could not be wrapped. */
static const char *why(const json_t *payload, const char *key)
{
	return json_string_value(json_object_get(payload, key));
}

static json_t *describe(const struct record *letter)
{
	char id[UUID_TEXT_SIZE], entity[UUID_TEXT_SIZE], dead[CLOCK_ISO_SIZE];
	json_t *payload = json_text_parse(letter->payload, letter->length,
					  JSON_ALLOW_NUL);
	json_t *described;

	uuid_format(&letter->id, id);
	uuid_format(&letter->entity, entity);
	clock_format_iso(letter->created_us, dead);
	described = json_pack(
		"{s:s, s:s, s:s, s:I, s:s, s:s?, s:s?}", "id", id, "kind",
		record_kind_name(letter->kind), "entity", entity, "rev",
		(json_int_t)letter->rev, "dead_since", dead, "reason",
		why(payload, "reason"), "sqlstate", why(payload, "sqlstate"));
	json_decref(payload);
	return described;
}

/* The same, with the record as it was. */
static json_t *describe_whole(const struct record *letter)
{
	json_t *described = describe(letter);
	struct record *record = dead_letter_unwrap(letter);
	char *line = record ? record_to_json(record) : NULL;
	json_t *whole =
		line ? json_text_parse(line, strlen(line), JSON_ALLOW_NUL)
		     : NULL;

	(void)json_object_set_new(described, "record",
				  whole ? whole : json_null());
	free(line);
	free(record);
	return described;
}

/* ---- in the disk's thread --------------------------------------------------
 */

static bool read_page(const struct look *look,
		      const struct dead_letters_wish *wish,
		      struct dead_letters_page *page,
		      struct http_response *response)
{
	int r = dead_letters_list(look->outbox_dir, wish, page);

	if (r == 0)
		return true;
	log_error("HTTP_FILE", "file=\"%s/dead\" err=\"%s\"", look->outbox_dir,
		  strerror(-r));
	http_reply_error(response, 503, "the dead letters cannot be read");
	return false;
}

static void look_at_all(void *arg, struct http_response *response)
{
	const struct look *look = arg;
	const char *cursor = query_text(&look->values[CURSOR]);
	unsigned limit = query_limit(&look->values[LIMIT]);
	struct uuid before;
	const struct dead_letters_wish wish = {
		.before =
			cursor && uuid_parse(cursor, &before) ? &before : NULL,
		.limit = limit + 1, /* is there another page? */
	};
	struct dead_letters_page page;
	char next[UUID_TEXT_SIZE];
	json_t *letters = json_array();

	if (!read_page(look, &wish, &page, response))
		goto end;
	for (size_t i = 0; i < page.count && i < limit; i++)
		(void)json_array_append_new(letters, describe(page.letters[i]));
	if (page.count > limit)
		uuid_format(&page.letters[limit - 1]->id, next);
	http_reply_json(response, 200,
			json_pack("{s:O, s:s?}", "dead_letters", letters,
				  "next_cursor",
				  page.count > limit ? next : NULL));
	dead_letters_page_finish(&page);
end:
	json_decref(letters);
}

static void look_at_one(void *arg, struct http_response *response)
{
	const struct look *look = arg;
	const struct dead_letters_wish wish = { .only = &look->only,
						.limit = 1 };
	struct dead_letters_page page;

	if (!read_page(look, &wish, &page, response))
		return;
	if (page.count > 0)
		http_reply_json(response, 200, describe_whole(page.letters[0]));
	else
		http_reply_error(response, 404, "no dead letter has this id");
	dead_letters_page_finish(&page);
}

/* ---- the requests ---------------------------------------------------------
 */

static struct look *make_look(const struct control_context *control,
			      struct http_response *response)
{
	struct look *look = calloc(1, sizeof(*look));

	if (look)
		(void)snprintf(look->outbox_dir, sizeof(look->outbox_dir),
			       "%s/outbox", control->first->data_dir);
	else
		http_reply_error(response, 503, "out of memory");
	return look;
}

void dead_letters_api_list(const struct http_request *request,
			   struct http_response *response, void *context)
{
	const struct control_context *control = context;
	struct look *look = make_look(control, response);

	if (!look)
		return;
	if (query_read(request, parameters, PARAMETERS, look->values, response))
		http_files_ask(control->files, look_at_all, look, request,
			       response);
	else
		free(look);
}

void dead_letters_api_get(const struct http_request *request,
			  struct http_response *response, void *context)
{
	const struct control_context *control = context;
	struct look *look = make_look(control, response);

	if (!look)
		return;
	if (uuid_parse(request->parameter, &look->only)) {
		http_files_ask(control->files, look_at_one, look, request,
			       response);
		return;
	}
	http_reply_error(response, 400, "the path needs a UUID");
	free(look);
}
