/* call_server.c - live calls as the server has them (see call_server.h), and
 * holdctl call hangup */
#include "tools/holdctl/call_server.h"

#include <stdio.h>
#include <string.h>
#include <curl/curl.h>

#include "persistence/store.h"
#include "server/uuid.h"
#include "tools/holdctl/client.h"
#include "tools/holdctl/holdctl.h"

#define PAGE_MAX  500u /* of the API */
#define PATH_ROOM 512

static void say_whence(void)
{
	(void)complain(STATUS_FINE, "the database does not answer: this is "
				    "what the server has in memory");
}

/* A parameter of the query, if there is one; cut when it is too long, as a path
 * that is too long finds nothing. */
static void add_parameter(char *path, const char *name, const char *value)
{
	size_t used = strlen(path);
	char *escaped = value ? curl_easy_escape(NULL, value, 0) : NULL;

	if (escaped)
		(void)snprintf(path + used, PATH_ROOM - used, "&%s=%s", name,
			       escaped);
	curl_free(escaped);
}

/* One page behind `cursor`; NULL: there is none. */
static json_t *get_page(const struct settings *settings,
			const struct store_call_filter *filter, unsigned limit,
			const char *cursor)
{
	char path[PATH_ROOM], why[CLIENT_WHY_SIZE];
	json_t *page;

	(void)snprintf(path, sizeof(path), "/api/calls?state=live&limit=%u",
		       limit);
	add_parameter(path, "provider", filter->provider);
	add_parameter(path, "cursor", cursor);
	return client_get(settings, path, &page, why) == CLIENT_OK ? page
								   : NULL;
}

bool call_server_list(const struct settings *settings,
		      const struct store_call_filter *filter, json_t **calls)
{
	char cursor[UUID_TEXT_SIZE] = "";
	const char *next = filter->before_call_id;
	unsigned left = filter->limit;
	json_t *page;

	if (!filter->state || strcmp(filter->state, "live") != 0)
		return false;
	*calls = json_array();
	do {
		page = get_page(settings, filter,
				left < PAGE_MAX ? left : PAGE_MAX, next);
		if (!page) {
			json_decref(*calls);
			*calls = NULL;
			return false;
		}
		(void)json_array_extend(*calls, json_object_get(page, "calls"));
		left = filter->limit - (unsigned)json_array_size(*calls);
		next = json_string_value(json_object_get(page, "next_cursor"));
		(void)snprintf(cursor, sizeof(cursor), "%s", next ? next : "");
		json_decref(page);
		next = cursor;
	} while (*cursor && left > 0);
	say_whence();
	return true;
}

bool call_server_get(const struct settings *settings, const char *id,
		     json_t **call)
{
	char path[64], why[CLIENT_WHY_SIZE];

	(void)snprintf(path, sizeof(path), "/api/calls/%s", id);
	if (client_get(settings, path, call, why) != CLIENT_OK)
		return false;
	say_whence();
	return true;
}

int call_hangup_run(const struct request *request)
{
	char path[64], id[UUID_TEXT_SIZE], why[CLIENT_WHY_SIZE];
	enum client_result result;
	json_t *answer = NULL;
	struct uuid uuid;

	if (!uuid_parse(request->operands[0], &uuid))
		return complain(STATUS_USAGE,
				"%s: hanging up needs a call's whole id",
				request->operands[0]);
	uuid_format(&uuid, id);
	(void)snprintf(path, sizeof(path), "/api/calls/%s", id);
	result = client_change(request->settings, "DELETE", path, NULL, &answer,
			       why);
	if (result != CLIENT_OK)
		return client_complain(result, why);
	if (request->json) {
		json_dumpf(answer, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		printf("%s is being hung up.\n", id);
	}
	json_decref(answer);
	return STATUS_FINE;
}
