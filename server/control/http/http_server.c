/*
 * http_server.c - carries requests from libwebsockets to the router and back
 *
 * A connection holds one exchange at a time:
 *
 *   HTTP             the head is in: check it; answer when there is no body
 *   HTTP_BODY        collect, at most max_body or what its route takes
 *   BODY_COMPLETION  answer
 *   HTTP_WRITEABLE   an answer that was promised has come: send it
 *                    a piece of a file has come, or has left: the next one
 *   CONFIRM_UPGRADE  answer, or go on as a WebSocket (http_socket.h)
 *
 * An answer comes from memory and is written in one go, inside the callback:
 * libwebsockets 4.1 goes on parsing pipelined input before an answer that it
 * was only promised. What the socket does not take at once, it keeps and sends
 * on; then the connection ends, so that a peer that asks and never reads holds
 * one answer of ours and not a pile of them.
 *
 * While a promised answer is awaited (http_later.h) nothing more is read: else
 * libwebsockets would spin over what is pipelined behind the request.
 *
 * A request that is refused before its body was read ends the connection,
 * since what follows on it could be taken for another request.
 */
#include "server/control/http/http_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <libwebsockets.h>

#include "server/auth/body_mac.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/control/api/access.h"
#include "server/control/http/http_body.h"
#include "server/control/http/http_files.h"
#include "server/control/http/http_head.h"
#include "server/control/http/http_ids.h"
#include "server/control/http/http_later.h"
#include "server/control/http/http_log.h"
#include "server/control/http/http_socket.h"
#include "server/handshake.h"
#include "server/log.h"
#include "server/net.h"

#define LATER_TIMEOUT_S	 300 /* an operation may wait for the database's own */
#define PIECE_TIMEOUT_S	 60  /* for a peer to take one piece of a file */
#define HTTP_ORIGIN_SIZE 272 /* of a host's name, a scheme and a port */

struct http_server {
	struct net_context *net;
	struct http_mailbox *mailbox;
	struct http_sockets *sockets; /* NULL: none */
	struct http_files *files;     /* NULL: none */
	const struct http_router *router;
	uint32_t timeout_s;
	size_t max_body;
	struct http_bodies bodies;
	const struct settings *const *settings;
	bool for_webhooks;
	struct lws_protocols protocols[2];
};

/* A request while it is being collected; zeroed by libwebsockets. */
struct exchange {
	enum http_method method;
	char path[HTTP_PATH_MAX];
	char query[HTTP_QUERY_MAX]; /* pieces, a NUL behind each; one empty */
	char authorization[HTTP_TOKEN_SIZE + 8], cookie[HTTP_TOKEN_SIZE + 256];
	char origin[HTTP_ORIGIN_SIZE], host[HTTP_ORIGIN_SIZE];
	char if_none_match[HTTP_VALUE_SIZE], range[HTTP_VALUE_SIZE];
	char if_range[HTTP_VALUE_SIZE];
	struct http_body *body;	  /* owned; NULL: none, or it was taken */
	uint64_t since_ms;	  /* its head was here: monotonic */
	struct http_later *later; /* the answer we wait for; NULL: none */
	struct http_file *file;	  /* the body that is being sent; NULL: none */
	struct handshake *caller; /* owned; NULL: not read */
	struct address peer;
	struct bearer bearer;		/* who asked */
	const struct http_route *route; /* what; NULL: nothing that is here */
	struct http_ids ids;
};

static void exchange_reset(struct exchange *ex)
{
	if (ex->later)
		http_later_forget(ex->later);
	http_file_close(ex->file);
	http_body_free(ex->body);
	free(ex->caller);
	memset(ex, 0, sizeof(*ex));
}

static struct http_server *server_of(struct lws *wsi)
{
	return lws_context_user(lws_get_context(wsi));
}

/* Which method libwebsockets has parsed; false for one we do not know. */
static bool read_method(struct lws *wsi, enum http_method *method)
{
	static const enum http_method methods[] = {
		[LWSHUMETH_GET] = HTTP_GET,
		[LWSHUMETH_POST] = HTTP_POST,
		[LWSHUMETH_OPTIONS] = HTTP_OPTIONS,
		[LWSHUMETH_PUT] = HTTP_PUT,
		[LWSHUMETH_PATCH] = HTTP_PATCH,
		[LWSHUMETH_DELETE] = HTTP_DELETE,
		[LWSHUMETH_CONNECT] = HTTP_METHOD_COUNT,
		[LWSHUMETH_HEAD] = HTTP_HEAD,
	};
	char *uri;
	int length;
	int n = lws_http_get_uri_and_method(wsi, &uri, &length);

	if (n < 0 || (size_t)n >= sizeof(methods) / sizeof(methods[0]))
		return false;
	*method = methods[n];
	return *method != HTTP_METHOD_COUNT;
}

/* Content-Length as a number: digits alone. 0, or the status to refuse with. */
static int read_content_length(struct lws *wsi, size_t *length)
{
	char text[12] = "";
	size_t n;

	*length = 0;
	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) == 0)
		return 0;
	/* Too long for `text` is too long for us as well. */
	if (lws_hdr_copy(wsi, text, sizeof(text),
			 WSI_TOKEN_HTTP_CONTENT_LENGTH) < 0)
		return 413;
	n = strspn(text, "0123456789");
	if (n == 0 || text[n] != '\0')
		return 400;
	*length = strtoul(text, NULL, 10);
	return 0;
}

/* Who calls: libwebsockets forgets the head before the body is in. */
static int read_caller(struct lws *wsi, struct exchange *ex)
{
	const struct settings *settings = *server_of(wsi)->settings;

	if (!server_of(wsi)->for_webhooks)
		return 0;
	ex->caller = malloc(sizeof(*ex->caller));
	if (!ex->caller)
		return 503;
	handshake_read(ex->caller, wsi, settings, settings->webhooks.public_url,
		       (uint64_t)clock_wall_us() / 1000);
	return 0;
}

/* Each piece as libwebsockets has decoded it. 0, or the status to refuse with.
 */
static int read_query(struct lws *wsi, struct exchange *ex)
{
	size_t used = 0;

	for (int n = 0;
	     lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, n) > 0;
	     n++) {
		int length = lws_hdr_copy_fragment(
			wsi, ex->query + used,
			(int)(sizeof(ex->query) - 1 - used),
			WSI_TOKEN_HTTP_URI_ARGS, n);

		if (length < 0)
			return 414;
		used += strlen(ex->query + used) + 1;
		if (used >= sizeof(ex->query) - 1)
			return 414;
	}
	ex->query[used] = '\0';
	return 0;
}

/* A header that admits nobody when it is missing: one that is too long is as
 * good as none. */
static void read_optional(struct lws *wsi, enum lws_token_indexes token,
			  char *value, size_t size)
{
	if (lws_hdr_copy(wsi, value, (int)size, token) < 0)
		value[0] = '\0';
}

/* The value of a header that libwebsockets does not know; NULL: none, or too
 * long for us. */
static const char *read_custom(struct lws *wsi, const char *name, char *value,
			       int size)
{
	int n = lws_hdr_custom_copy(wsi, value, size, name, (int)strlen(name));

	return n > 0 ? value : NULL;
}

/* What the request is called: before anything is said of it. */
static void read_ids(struct lws *wsi, struct exchange *ex)
{
	char id[HTTP_REQUEST_ID_SIZE], parent[TRACEPARENT_READ];
	const char *given = NULL;

	if (handshake_is_proxied(wsi, *server_of(wsi)->settings))
		given = read_custom(wsi, "x-request-id:", id, sizeof(id));
	http_ids_make(&ex->ids, given,
		      read_custom(wsi, "traceparent:", parent, sizeof(parent)));
}

/* What was asked, as the router and others have it. */
static struct http_request request_of(struct lws *wsi, struct exchange *ex)
{
	return (struct http_request){
		.method = ex->method,
		.path = ex->path,
		.query = ex->query,
		.authorization = ex->authorization,
		.cookie = ex->cookie,
		.origin = ex->origin,
		.host = ex->host,
		.peer = ex->peer,
		.if_none_match = ex->if_none_match,
		.range = ex->range,
		.if_range = ex->if_range,
		.body = ex->body ? ex->body->bytes : "",
		.body_length = ex->body ? ex->body->length : 0,
		.body_mac = ex->body ? ex->body->mac : NULL,
		.owner = &ex->body,
		.mailbox = server_of(wsi)->mailbox,
		.caller = ex->caller,
		.ids = ex->ids.text,
	};
}

/* Takes the body that is announced, as its route wants it. 0, or the status to
 * refuse with. */
static int begin_body(struct lws *wsi, struct exchange *ex)
{
	struct http_server *server = server_of(wsi);
	const struct http_request request = request_of(wsi, ex);
	struct http_intake intake = { .max_body = server->max_body };
	size_t expected;
	int status = read_content_length(wsi, &expected);

	if (status != 0 || expected == 0)
		return status;
	http_prepare_body(server->router, &request, &intake);
	if (expected <= intake.max_body)
		ex->body = http_body_create(&server->bodies, expected);
	if (!ex->body) {
		body_mac_free(intake.mac);
		return expected > intake.max_body ? 413 : 503;
	}
	ex->body->mac = intake.mac;
	return 0;
}

/* Takes over what the head says. 0, or the status to refuse it with. */
static int read_head(struct lws *wsi, struct exchange *ex, const char *path,
		     size_t path_length)
{
	bool sends;
	int status;

	exchange_reset(ex);
	ex->since_ms = clock_mono_ms();
	ex->peer = handshake_peer(wsi, *server_of(wsi)->settings);
	read_ids(wsi, ex);
	if (!read_method(wsi, &ex->method))
		return 501;
	if (!handshake_is_http(wsi))
		return 400;
	if (path_length >= sizeof(ex->path))
		return 414;
	memcpy(ex->path, path, path_length);
	status = read_query(wsi, ex);
	if (status != 0)
		return status;
	if (lws_hdr_copy(wsi, ex->authorization, sizeof(ex->authorization),
			 WSI_TOKEN_HTTP_AUTHORIZATION) < 0)
		return 431;
	read_optional(wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, ex->if_none_match,
		      sizeof(ex->if_none_match));
	read_optional(wsi, WSI_TOKEN_HTTP_RANGE, ex->range, sizeof(ex->range));
	read_optional(wsi, WSI_TOKEN_HTTP_IF_RANGE, ex->if_range,
		      sizeof(ex->if_range));
	read_optional(wsi, WSI_TOKEN_HTTP_COOKIE, ex->cookie,
		      sizeof(ex->cookie));
	read_optional(wsi, WSI_TOKEN_ORIGIN, ex->origin, sizeof(ex->origin));
	read_optional(wsi, WSI_TOKEN_HOST, ex->host, sizeof(ex->host));
	/* libwebsockets does not decode chunked requests. */
	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
		return 411;
	sends = ex->method == HTTP_POST || ex->method == HTTP_PUT ||
		ex->method == HTTP_PATCH;
	if (sends &&
	    lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) == 0)
		return 411;
	status = begin_body(wsi, ex);
	return status == 0 ? read_caller(wsi, ex) : status;
}

static const char *why_refused(int status)
{
	switch (status) {
	case 400: return "this is no request as HTTP/1.1 has it";
	case 408: return "the body took too long";
	case 411: return "a body needs a Content-Length";
	case 413: return "the body is too long";
	case 414: return "the path or the query is too long";
	case 431: return "the Authorization header is too long";
	case 501: return "this method is not known here, or not so";
	default: return "too much at once; repeat it later";
	}
}

static bool write_body(struct lws *wsi, const struct http_response *response,
		       enum lws_write_protocol protocol)
{
	unsigned char *buffer = malloc(LWS_PRE + response->length);
	int n;

	if (!buffer)
		return false;
	memcpy(buffer + LWS_PRE, response->body, response->length);
	n = lws_write(wsi, buffer + LWS_PRE, response->length, protocol);
	free(buffer);
	return n >= 0;
}

static void note(struct lws *wsi, const struct exchange *ex, int status,
		 bool is_audited)
{
	const struct http_answered answered = {
		.method = ex->method,
		.path = ex->path,
		.route = ex->route,
		.bearer = &ex->bearer,
		.peer = &ex->peer,
		.status = status,
		.took_ms = clock_mono_ms() - ex->since_ms,
		.is_webhook = server_of(wsi)->for_webhooks,
		.is_audited = is_audited,
	};

	http_log_answer(&answered);
}

/* Sends the response and releases it. False: the connection is of no use. */
static bool send_response(struct lws *wsi, const struct exchange *ex,
			  struct http_response *response, bool hang_up)
{
	bool ok;

	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT,
			(int)server_of(wsi)->timeout_s);
	note(wsi, ex, response->status, false);
	ok = http_head_write(wsi, response, ex->ids.request, hang_up);
	if (ok && ex->method != HTTP_HEAD && response->body &&
	    response->length > 0)
		ok = write_body(wsi, response, LWS_WRITE_HTTP_FINAL);
	http_response_finish(response);
	return ok;
}

static int refuse(struct lws *wsi, struct exchange *ex, int status)
{
	struct http_response response = { 0 };

	http_reply_error(&response, status, why_refused(status));
	(void)send_response(wsi, ex, &response, true);
	exchange_reset(ex);
	return -1; /* libwebsockets sends what is left, then closes */
}

/* Has the router answer, or promise to. */
static void ask(struct lws *wsi, struct exchange *ex,
		struct http_response *response)
{
	const struct http_request request = request_of(wsi, ex);

	http_answer(server_of(wsi)->router, &request, response, &ex->bearer);
	ex->route = response->route;
}

/* Makes the connection ready for the next request, or ends it. */
static int next_request(struct lws *wsi, struct exchange *ex, bool ok)
{
	exchange_reset(ex);
	if (!ok || lws_partial_buffered(wsi))
		return -1;
	return lws_http_transaction_completed(wsi) ? -1 : 0;
}

/* Nothing more is read until it comes. */
static int wait_for(struct lws *wsi, struct exchange *ex,
		    struct http_later *later)
{
	ex->later = later;
	http_later_expect(later, wsi);
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, LATER_TIMEOUT_S);
	(void)lws_rx_flow_control(wsi, 0);
	return 0;
}

/* ---- a file as the body ----------------------------------------------------
 */

static int read_on(struct lws *wsi, struct exchange *ex)
{
	const struct http_request request = request_of(wsi, ex);
	struct http_later *later = http_files_read(ex->file, &request);

	return later ? wait_for(wsi, ex, later) : -1;
}

static int begin_file(struct lws *wsi, struct exchange *ex,
		      struct http_response *response)
{
	struct http_file *file = response->file;
	bool ok = http_head_write(wsi, response, ex->ids.request, false);

	note(wsi, ex, response->status, false);
	if (!ok || ex->method == HTTP_HEAD || response->length == 0) {
		http_response_finish(response);
		return next_request(wsi, ex, ok);
	}
	response->file = NULL;
	http_response_finish(response);
	ex->file = file;
	return read_on(wsi, ex);
}

/* The head promised what now cannot be read: the peer sees it cut short. */
static int send_piece(struct lws *wsi, struct exchange *ex,
		      struct http_response *piece)
{
	bool last = !http_file_has_more(ex->file);
	bool ok = piece->status == 200 &&
		  write_body(wsi, piece,
			     last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP);

	http_response_finish(piece);
	if (!ok)
		return -1;
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, PIECE_TIMEOUT_S);
	/* When all of it has left, and not before. */
	lws_callback_on_writable(wsi);
	return 0;
}

/* ---- the answer -----------------------------------------------------------
 */

/* Answers, and makes the connection ready for the next request or ends it; or
 * waits on. */
static int finish(struct lws *wsi, struct exchange *ex,
		  struct http_response *response)
{
	bool ok;

	if (response->path) {
		const struct http_request request = request_of(wsi, ex);
		struct http_later *later = http_files_open(
			server_of(wsi)->files, &request, response);

		http_response_finish(response);
		if (later)
			return wait_for(wsi, ex, later);
		http_reply_error(response, 503,
				 "too many files are being sent");
	}
	if (ex->method == HTTP_GET || ex->method == HTTP_HEAD)
		http_revalidate(response, ex->if_none_match);
	if (response->file)
		return begin_file(wsi, ex, response);
	ok = send_response(wsi, ex, response, false);
	return next_request(wsi, ex, ok);
}

/* The request is all here. */
static int complete(struct lws *wsi, struct exchange *ex)
{
	struct http_response response;

	ask(wsi, ex, &response);
	if (response.later)
		return wait_for(wsi, ex, response.later);
	return finish(wsi, ex, &response);
}

static void on_arrived(void *waiter)
{
	/* Before it may write, libwebsockets must be willing to read. */
	(void)lws_rx_flow_control(waiter, 1);
	lws_callback_on_writable(waiter);
}

static int on_writeable(struct lws *wsi, struct exchange *ex)
{
	struct http_response response;

	if (!ex)
		return 0;
	if (!ex->later) {
		if (!ex->file)
			return 0;
		return http_file_has_more(ex->file)
			       ? read_on(wsi, ex)
			       : next_request(wsi, ex, true);
	}
	if (!http_later_take(ex->later, &response))
		return 0;
	ex->later = NULL;
	return ex->file ? send_piece(wsi, ex, &response)
			: finish(wsi, ex, &response);
}

/* Some hold a long body back until they are told that it is wanted, or a second
 * has passed (RFC 9110, 10.1.1). False: the connection is of no use. */
static bool invite_body(struct lws *wsi)
{
	static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
	unsigned char buffer[LWS_PRE + sizeof(line)];
	const int length = (int)sizeof(line) - 1;
	char expected[16];

	if (lws_hdr_copy(wsi, expected, sizeof(expected),
			 WSI_TOKEN_HTTP_EXPECT) <= 0 ||
	    strcasecmp(expected, "100-continue") != 0)
		return true;
	memcpy(buffer + LWS_PRE, line, (size_t)length);
	return lws_write(wsi, buffer + LWS_PRE, (size_t)length,
			 LWS_WRITE_HTTP_HEADERS) == length;
}

static int on_head(struct lws *wsi, struct exchange *ex, const char *path,
		   size_t length)
{
	int status;

	if (ex->later || ex->file)
		return -1;
	status = read_head(wsi, ex, path, length);
	if (status != 0)
		return refuse(wsi, ex, status);
	if (ex->body)
		return invite_body(wsi) ? 0 : -1;
	return complete(wsi, ex);
}

/* libwebsockets 4.1 hands a body that was pipelined behind another request
 * over from the wrong place: from the beginning of its own head. */
static bool is_misplaced(const struct exchange *ex, const char *in,
			 size_t length)
{
	static const char *const names[HTTP_METHOD_COUNT] = {
		[HTTP_POST] = "POST /",	  [HTTP_PUT] = "PUT /",
		[HTTP_PATCH] = "PATCH /", [HTTP_DELETE] = "DELETE /",
		[HTTP_GET] = "GET /",
	};
	const char *name = names[ex->method];
	size_t compared;

	if (!name || ex->body->length > 0)
		return false;
	compared = strlen(name) < length ? strlen(name) : length;
	return memcmp(in, name, compared) == 0;
}

static int on_body(struct lws *wsi, struct exchange *ex, const char *in,
		   size_t length)
{
	int r;

	if (length == 0)
		return 0;
	if (ex->later)
		return -1;
	/* libwebsockets begins its timeout anew with each byte. */
	if (clock_mono_ms() - ex->since_ms >
	    (uint64_t)server_of(wsi)->timeout_s * 1000)
		return refuse(wsi, ex, 408);
	if (ex->body && is_misplaced(ex, in, length))
		return refuse(wsi, ex, 400);
	r = ex->body ? http_body_add(ex->body, in, length) : -EMSGSIZE;
	if (r < 0)
		return refuse(wsi, ex, r == -EMSGSIZE ? 413 : 503);
	return 0;
}

/* ---- an upgrade ------------------------------------------------------------
 */

/* Who asks for a subprotocol wants to hear its name, and we have none. */
static bool asks_for_socket(struct lws *wsi, const char *protocol)
{
	return handshake_is_websocket(wsi, protocol) &&
	       lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL) == 0;
}

static int become_socket(struct lws *wsi, const struct exchange *ex,
			 struct http_response *response)
{
	struct http_socket *socket = response->socket;

	note(wsi, ex, response->status, http_socket_is_audited(socket));
	response->socket = NULL;
	net_keep(wsi, socket);
	return 0;
}

/* A server may ignore an upgrade (RFC 9110, 7.8), and must where the client
 * only offers it, as Java's does with h2c: what does not become a WebSocket is
 * answered as it stands. libwebsockets has not yet looked at what keeps a
 * connection alive here, so this one ends, and cannot wait for an answer. */
static int on_upgrade(struct lws *wsi, const char *protocol)
{
	struct exchange ex = { 0 };
	struct http_response response;
	struct http_request request;
	char *path;
	int length, status, r = -1;

	if (lws_http_get_uri_and_method(wsi, &path, &length) < 0 || length < 0)
		return -1;
	log_for(ex.ids.text);
	status = read_head(wsi, &ex, path, (size_t)length);
	if (status == 0 && ex.body)
		status = 501;
	if (status != 0)
		return refuse(wsi, &ex, status);
	request = request_of(wsi, &ex); /* who ends cannot wait */
	request.mailbox = NULL;
	if (asks_for_socket(wsi, protocol))
		request.sockets = server_of(wsi)->sockets;
	http_answer(server_of(wsi)->router, &request, &response, &ex.bearer);
	ex.route = response.route;
	if (response.socket)
		r = become_socket(wsi, &ex, &response);
	else
		(void)send_response(wsi, &ex, &response, true);
	exchange_reset(&ex);
	return r;
}

static void forget_socket(struct lws *wsi)
{
	struct http_socket *socket = net_kept(wsi);

	if (!socket)
		return;
	net_keep(wsi, NULL);
	http_socket_destroy(socket);
}

/* What is about no exchange: the connection, and the socket that it became. */
static int on_connection(struct lws *wsi, enum lws_callback_reasons reason,
			 const char *protocol)
{
	switch (reason) {
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return on_upgrade(wsi, protocol);
	case LWS_CALLBACK_ESTABLISHED:
	case LWS_CALLBACK_RECEIVE:
	case LWS_CALLBACK_RECEIVE_PONG:
	case LWS_CALLBACK_SERVER_WRITEABLE:
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
	case LWS_CALLBACK_CLOSED:
		return http_socket_on_event(net_kept(wsi), wsi, (int)reason);
	case LWS_CALLBACK_WSI_DESTROY: forget_socket(wsi); return 0;
	default: return 0;
	}
}

static int dispatch(struct lws *wsi, enum lws_callback_reasons reason,
		    struct exchange *ex, void *in, size_t length)
{
	switch (reason) {
	case LWS_CALLBACK_HTTP: return on_head(wsi, ex, in, length);
	case LWS_CALLBACK_HTTP_BODY: return on_body(wsi, ex, in, length);
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		/* Without a body it was answered with its head. */
		return ex->body && !ex->later ? complete(wsi, ex) : 0;
	case LWS_CALLBACK_HTTP_WRITEABLE: return on_writeable(wsi, ex);
	case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
	case LWS_CALLBACK_CLOSED_HTTP: exchange_reset(ex); return 0;
	default: return on_connection(wsi, reason, in);
	}
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason,
		    void *user, void *in, size_t length)
{
	struct exchange *ex = user;
	int r;

	/* Only one that is asking for a socket works for anybody then. */
	if (!ex) {
		r = on_connection(wsi, reason, in);
	} else {
		log_for(ex->ids.text);
		r = dispatch(wsi, reason, ex, in, length);
	}
	log_for(NULL);
	return r;
}

int http_server_start(struct http_server **ret,
		      const struct http_server_options *options)
{
	struct http_server *server = calloc(1, sizeof(*server));
	struct net_options net = {
		.loop = options->loop,
		.user = server,
		.listen_fd = options->listen_fd,
		.timeout_s = options->timeout_s,
		.max_connections = options->max_connections,
		.server_name = "control",
		.tls = options->tls,
		.door = options->door,
		.door_arg = options->door_arg,
	};
	int r;

	if (!server)
		return -ENOMEM;
	server->router = options->router;
	server->files = options->files;
	server->timeout_s = options->timeout_s;
	server->max_body =
		options->max_body ? options->max_body : HTTP_BODY_MAX;
	if (options->for_webhooks)
		server->bodies = (struct http_bodies){
			.most = options->body_memory,
			.shown = board_series(METRIC_WEBHOOK_BODY_BYTES, ""),
			.refused = board_series(
				METRIC_WEBHOOK_BODIES_REFUSED_TOTAL, ""),
		};
	server->settings = options->settings;
	server->for_webhooks = options->for_webhooks;
	server->protocols[0] = (struct lws_protocols){
		.name = "http",
		.callback = on_event,
		.per_session_data_size = sizeof(struct exchange),
		.rx_buffer_size = 4096,
	};
	net.protocols = server->protocols;
	r = http_mailbox_create(&server->mailbox, options->loop, on_arrived);
	if (r == 0 && options->max_sockets > 0)
		r = http_sockets_create(&server->sockets, options->loop,
					options->router->access,
					options->max_sockets);
	if (r < 0)
		goto fail;
	r = net_context_create(&server->net, &net);
	if (r < 0)
		goto fail;
	*ret = server;
	return 0;
fail:
	http_server_stop(server);
	return r;
}

void http_server_close_sockets(struct http_server *server)
{
	if (server && server->sockets)
		http_sockets_close(server->sockets);
}

struct http_server *http_server_stop(struct http_server *server)
{
	if (!server)
		return NULL;
	net_context_destroy(server->net);
	http_sockets_destroy(server->sockets);
	http_mailbox_destroy(server->mailbox);
	free(server);
	return NULL;
}
