/* http.c - finds who answers a request, and gives every error one shape */
#include "server/control/http/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "server/clock.h"
#include "server/control/api/access.h"
#include "server/control/http/http_files.h"
#include "server/control/http/http_socket.h"

static const char *const method_names[HTTP_METHOD_COUNT] = {
	[HTTP_GET] = "GET",	    [HTTP_HEAD] = "HEAD",
	[HTTP_POST] = "POST",	    [HTTP_PUT] = "PUT",
	[HTTP_PATCH] = "PATCH",	    [HTTP_DELETE] = "DELETE",
	[HTTP_OPTIONS] = "OPTIONS",
};

static const char *error_name(int status)
{
	switch (status) {
	case 400: return "BAD_REQUEST";
	case 401: return "UNAUTHORIZED";
	case 403: return "FORBIDDEN";
	case 404: return "NOT_FOUND";
	case 405: return "METHOD_NOT_ALLOWED";
	case 408: return "REQUEST_TIMEOUT";
	case 411: return "LENGTH_REQUIRED";
	case 413: return "PAYLOAD_TOO_LARGE";
	case 414: return "URI_TOO_LONG";
	case 409: return "CONFLICT";
	case 416: return "RANGE_NOT_SATISFIABLE";
	case 426: return "UPGRADE_REQUIRED";
	case 429: return "TOO_MANY_REQUESTS";
	case 431: return "REQUEST_HEADER_FIELDS_TOO_LARGE";
	case 501: return "NOT_IMPLEMENTED";
	case 503: return "SERVICE_UNAVAILABLE";
	default: return "INTERNAL_SERVER_ERROR";
	}
}

void http_response_finish(struct http_response *response)
{
	free(response->body);
	free(response->cookie);
	free(response->root);
	free(response->path);
	http_file_close(response->file);
	http_socket_destroy(response->socket);
	*response = (struct http_response){ 0 };
}

void http_reply(struct http_response *response, int status, const char *type,
		char *body, size_t length)
{
	free(response->body);
	response->status = body ? status : 503;
	response->type = type;
	response->body = body;
	response->length = body ? length : 0;
}

void http_reply_json(struct http_response *response, int status, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	http_reply(response, status, "application/json", text,
		   text ? strlen(text) : 0);
}

void http_reply_error(struct http_response *response, int status,
		      const char *detail)
{
	http_reply_json(response, status,
			json_pack("{s:s, s:s, s:i}", "error",
				  error_name(status), "detail", detail,
				  "status", status));
}

void http_reply_file(struct http_response *response, const char *type,
		     const char *root, const char *path)
{
	response->status = 200;
	response->type = type;
	response->root = strdup(root);
	response->path = strdup(path);
	if (response->root && response->path)
		return;
	free(response->root);
	free(response->path);
	response->root = response->path = NULL;
	http_reply_error(response, 503, "out of memory");
}

/* Is `etag` one of the list, weak or not, or the list "*"? */
static bool etag_listed(const char *etag, const char *list)
{
	const char *found = strstr(list, etag);

	return strcmp(list, "*") == 0 || (found && *etag);
}

void http_revalidate(struct http_response *response, const char *if_none_match)
{
	if (response->status != 200)
		return;
	if (!response->etag[0] && response->body)
		(void)snprintf(response->etag, sizeof(response->etag),
			       "\"%016llx\"",
			       (unsigned long long)XXH3_64bits(
				       response->body, response->length));
	if (!if_none_match || !response->etag[0] ||
	    !etag_listed(response->etag, if_none_match))
		return;
	response->status = 304;
	free(response->body);
	response->body = NULL;
	response->file = http_file_close(response->file);
	response->length = 0;
}

const char *http_query(const struct http_request *request, const char *name)
{
	size_t length = strlen(name);
	const char *piece = request->query;

	/* "a=1", "b", and an empty one at the end */
	for (; piece && *piece; piece += strlen(piece) + 1)
		if (strncmp(piece, name, length) == 0 &&
		    (piece[length] == '=' || !piece[length]))
			return piece + length + (piece[length] == '=');
	return NULL;
}

/* Is that path the route's? What stands for {...} is copied: one segment, not
 * empty. */
static bool route_fits(const struct http_route *route, const char *path,
		       char parameter[HTTP_PARAMETER_SIZE])
{
	size_t fixed = strcspn(route->path, "{"), length;
	const char *rest = strchr(route->path, '}');

	parameter[0] = '\0';
	if (!rest)
		return strcmp(route->path, path) == 0;
	if (strncmp(route->path, path, fixed) != 0)
		return false;
	path += fixed;
	length = strcspn(path, "/");
	if (length == 0 || length >= HTTP_PARAMETER_SIZE ||
	    strcmp(rest + 1, path + length) != 0)
		return false;
	memcpy(parameter, path, length);
	parameter[length] = '\0';
	return true;
}

static bool route_takes(const struct http_route *route, enum http_method method)
{
	return route->method == method ||
	       (route->method == HTTP_GET && method == HTTP_HEAD);
}

static void add_allowed(char *list, size_t size, enum http_method method)
{
	size_t used = strlen(list);

	(void)snprintf(list + used, size - used, "%s%s%s", used ? ", " : "",
		       method_names[method],
		       method == HTTP_GET ? ", HEAD" : "");
}

const char *http_method_name(enum http_method method)
{
	return method_names[method];
}

/* Or does it tell the page that asks, whatever its origin? */
static bool needs_same_origin(const struct http_request *request)
{
	return request->sockets ||
	       (request->method != HTTP_GET && request->method != HTTP_HEAD &&
		request->method != HTTP_OPTIONS);
}

/* A browser sends its cookie along whoever made it ask; a page of another
 * origin cannot hide whose it is. */
bool http_is_same_origin(const struct http_request *request)
{
	const char *place =
		request->origin ? strstr(request->origin, "://") : NULL;

	return place && request->host && *request->host &&
	       strcmp(place + 3, request->host) == 0;
}

static void run(const struct http_router *router,
		const struct http_route *route, struct http_request *request,
		struct http_response *response, struct bearer *bearer)
{
	if (router->access && route->role != HTTP_ANYBODY)
		access_judge(router->access, request->authorization,
			     request->cookie, clock_wall_us(), bearer);
	request->role = bearer->role;
	request->who = bearer->who;
	if (route->role != HTTP_ANYBODY && bearer->role == HTTP_ANYBODY)
		http_reply_error(response, 401, "sign in, or send a token");
	else if (bearer->role < route->role)
		http_reply_error(response, 403, "your role does not allow it");
	else if (bearer->by_cookie && needs_same_origin(request) &&
		 !http_is_same_origin(request))
		http_reply_error(response, 403,
				 "a page of another origin asked");
	else
		route->handle(request, response, router->context);
}

static const struct http_route *find_route(const struct http_router *router,
					   const struct http_request *request,
					   char parameter[HTTP_PARAMETER_SIZE],
					   struct http_response *response)
{
	for (size_t i = 0; i < router->count; i++) {
		const struct http_route *route = &router->routes[i];

		if (!route_fits(route, request->path, parameter))
			continue;
		if (route_takes(route, request->method))
			return route;
		add_allowed(response->allow, sizeof(response->allow),
			    route->method);
	}
	return NULL;
}

void http_prepare_body(const struct http_router *router,
		       const struct http_request *request,
		       struct http_intake *intake)
{
	char parameter[HTTP_PARAMETER_SIZE];
	struct http_request matched = *request;
	struct http_response unused = { 0 };
	const struct http_route *route =
		find_route(router, request, parameter, &unused);

	matched.parameter = parameter;
	if (route && router->prepare)
		router->prepare(route, &matched, intake, router->context);
}

struct http_body *http_take_body(const struct http_request *request)
{
	struct http_body *body = request->owner ? *request->owner : NULL;

	if (body)
		*request->owner = NULL;
	return body;
}

void http_answer(const struct http_router *router,
		 const struct http_request *request,
		 struct http_response *response, struct bearer *bearer)
{
	char parameter[HTTP_PARAMETER_SIZE];
	struct http_request matched = *request;
	const struct http_route *route;

	*bearer = (struct bearer){ .role = HTTP_ANYBODY };
	matched.parameter = parameter;
	*response = (struct http_response){ 0 };
	route = find_route(router, request, parameter, response);
	if (route) {
		response->allow[0] = '\0';
		response->route = route;
		run(router, route, &matched, response, bearer);
	} else if (response->allow[0])
		http_reply_error(response, 405, "this path has other methods");
	else
		http_reply_error(response, 404, "no such path");
}
