/* dashboard.c - hands out the dashboard's files (see dashboard.h) */
#include "server/control/dashboard.h"

#include <stdlib.h>
#include <string.h>

struct dashboard_file {
	const char *name;
	const unsigned char *bytes;
	size_t length;
};

/* server/control/embed.cmake makes it of dashboard/. */
#include "dashboard_files.h"

/* Everything is our own, nothing stands in the markup, nobody frames it, and a
 * text can never become markup. */
static const char page_policy[] =
	"default-src 'none'; script-src 'self'; style-src 'self'; "
	"img-src 'self'; connect-src 'self'; media-src 'self'; "
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
	"require-trusted-types-for 'script'; trusted-types 'none'";

static const char *type_of(const char *name)
{
	static const struct {
		const char *ending, *type;
	} types[] = {
		{ ".html", "text/html; charset=utf-8" },
		{ ".css", "text/css; charset=utf-8" },
		{ ".js", "text/javascript; charset=utf-8" },
		{ ".svg", "image/svg+xml" },
	};
	const char *ending = strrchr(name, '.');

	for (size_t i = 0; ending && i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].ending, ending) == 0)
			return types[i].type;
	return "application/octet-stream";
}

static void answer(const char *name, struct http_response *response)
{
	for (size_t i = 0;
	     i < sizeof(dashboard_files) / sizeof(dashboard_files[0]); i++) {
		const struct dashboard_file *file = &dashboard_files[i];
		char *copy;

		if (strcmp(file->name, name) != 0)
			continue;
		copy = malloc(file->length);
		if (copy)
			memcpy(copy, file->bytes, file->length);
		http_reply(response, 200, type_of(name), copy, file->length);
		response->policy = page_policy;
		response->may_keep = true;
		return;
	}
	http_reply_error(response, 404, "the dashboard has no such file");
}

void dashboard_page(const struct http_request *request,
		    struct http_response *response, void *context)
{
	(void)request;
	(void)context;
	answer("index.html", response);
}

void dashboard_file(const struct http_request *request,
		    struct http_response *response, void *context)
{
	(void)context;
	answer(request->parameter, response);
}
