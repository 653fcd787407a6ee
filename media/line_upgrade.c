/*
 * line_upgrade.c - from a request to a line, and from there to its end
 *
 *   request --admission--> 101, or an answer that says why not
 *           --> line, call --> (server/websocket.h takes the frames)
 *           --> gone
 *
 * What libwebsockets tells of a connection comes here.
 */
#include <errno.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "media/admission.h"
#include "media/call.h"
#include "media/line_internal.h"
#include "media/loop.h"
#include "server/clock.h"
#include "server/handshake.h"
#include "server/log.h"
#include "server/net.h"
#include "server/tls.h"

#define CALL_ID_ROOM 512

/* ---- the upgrade -----------------------------------------------------------
 */

/* What a status is called, and what else its answer says (RFC 9110). */
static const struct answer {
	unsigned status;
	const char *phrase, *headers;
} answers[] = {
	{ 400, "Bad Request", "" },
	{ 401, "Unauthorized",
	  "www-authenticate: Basic realm=\"calls\", Bearer\r\n" },
	{ 403, "Forbidden", "" },
	{ 404, "Not Found", "" },
	/* RFC 6455, section 4.4. */
	{ 426, "Upgrade Required",
	  "upgrade: websocket\r\nsec-websocket-version: 13\r\n" },
	{ 429, "Too Many Requests", "retry-after: 1\r\n" },
	{ 503, "Service Unavailable", "" },
};

static const struct answer *find_answer(unsigned status)
{
	size_t i = 0;

	while (i + 1 < sizeof(answers) / sizeof(answers[0]) &&
	       answers[i].status != status)
		i++;
	return &answers[i];
}

/* A whole answer in plain HTTP. libwebsockets has its own, an HTML page in
 * HTTP/1.0 that asks for a style sheet. -1 closes. */
static int answer(struct lws *wsi, unsigned status, const char *text)
{
	const struct answer *a = find_answer(status);
	unsigned char bytes[LWS_PRE + 512];
	char *at = (char *)bytes + LWS_PRE;
	int length = snprintf(at, sizeof(bytes) - LWS_PRE,
			      "HTTP/1.1 %u %s\r\n%s"
			      "content-type: text/plain\r\n"
			      "content-length: %zu\r\nconnection: close\r\n\r\n"
			      "%s\n",
			      a->status, a->phrase, a->headers,
			      strlen(text) + 1, text);

	if (length > 0)
		(void)lws_write(wsi, bytes + LWS_PRE, (size_t)length,
				LWS_WRITE_HTTP_HEADERS);
	return -1;
}

/* What a caller who is refused reads: why there is no room, but not which check
 * it was that he failed. */
static int answer_refusal(struct lws *wsi, const struct refusal *refusal)
{
	switch (refusal->status) {
	case 401:
	case 403: return answer(wsi, refusal->status, "not for you");
	case 404: return answer(wsi, refusal->status, "no such route");
	default: return answer(wsi, refusal->status, refusal->reason);
	}
}

/* A request without an upgrade: tell the person what this port is for. */
static int on_plain_http(struct lws *wsi)
{
	admission_count_refused("no_upgrade");
	return answer(wsi, 426, "this port takes calls, as WebSockets");
}

/* Before the handshake. A refusal later on would do as well, but for it
 * libwebsockets writes a warning, from a buffer that all threads share. */
static int on_upgrade_asked(struct lws *wsi, const char *protocol)
{
	struct loop *loop = lws_context_user(lws_get_context(wsi));
	struct admission *admission;
	struct handshake handshake;
	struct refusal refusal;
	char ids[TRACE_IDS_SIZE];

	if (!handshake_is_websocket(wsi, protocol))
		return on_plain_http(wsi);
	handshake_read(&handshake, wsi, loop->settings,
		       loop->settings->media.public_url,
		       (uint64_t)clock_wall_us() / 1000);
	trace_ids(&handshake.trace, ids);
	log_for(ids);
	admission = admission_judge(loop, &handshake, &refusal);
	log_for(NULL);
	if (!admission)
		return answer_refusal(wsi, &refusal);
	admission_destroy(net_kept(wsi));
	net_keep(wsi, admission);
	return 0;
}

/* Nobody comes this far but by a verdict. */
static int on_upgrade(struct lws *wsi, struct line *line)
{
	struct loop *loop = lws_context_user(lws_get_context(wsi));
	const char *full;

	line->admission = net_kept(wsi);
	if (!line->admission) {
		admission_count_refused("no_upgrade");
		return answer(wsi, 403, "not for you");
	}
	line->loop = loop;
	if (line->admission->route->raw)
		return 0; /* no call: nobody waits for its end */
	full = loop_admit(loop);
	if (full) {
		admission_count_refused(full);
		return answer(wsi, 503, full);
	}
	line->admitted = true;
	return 0;
}

/* When the connection goes, after all that may look at it. */
static void forget_admission(struct lws *wsi)
{
	if (net_kept(wsi)) {
		admission_destroy(net_kept(wsi));
		net_keep(wsi, NULL);
	}
}

static bool has_header(struct lws *wsi, const char *name)
{
	return lws_hdr_custom_length(wsi, name, (int)strlen(name)) >= 0;
}

/* A route may leave the dialect open: then a subprotocol or a header may say
 * it; otherwise the first message will. */
static const struct provider *find_provider(struct lws *wsi,
					    const struct route *route)
{
	const char *protocol = lws_get_protocol(wsi)->name;
	const struct provider *p = provider_find(route->provider);

	for (size_t i = 0; !p && provider_at(i); i++) {
		const struct provider *other = provider_at(i);

		if ((other->subprotocol &&
		     strcmp(other->subprotocol, protocol) == 0) ||
		    (other->handshake_header &&
		     has_header(wsi, other->handshake_header)))
			p = other;
	}
	return p;
}

/* The headers are still there; "" or too long: there is none. */
static void read_hello(struct lws *wsi, const struct route *route,
		       struct hello *hello, char *id, int room)
{
	const char *name;

	hello->provider = find_provider(wsi, route);
	hello->call_id = NULL;
	name = hello->provider ? hello->provider->call_id_header : NULL;
	if (name &&
	    lws_hdr_custom_copy(wsi, id, room, name, (int)strlen(name)) > 0)
		hello->call_id = id;
}

static int on_established(struct lws *wsi, struct line *line)
{
	const struct route *route = line->admission->route;
	struct hello hello;
	char id[CALL_ID_ROOM];

	line->wsi = wsi;
	line->is_raw = route->raw;
	net_settle(wsi);
	(void)websocket_take(&line->ws, &line->loop->websockets, wsi,
			     net_request_length(wsi));
	if (route->raw)
		return 0;
	read_hello(wsi, route, &hello, id, sizeof(id));
	line->call = call_create(line->loop, line, line->admission, &hello);
	if (line->call)
		return 0;
	log_error("CALL_ERROR", "path=%s err=\"no memory\"", route->path);
	return -1;
}

/* Nobody said goodbye. If libwebsockets had prepared a close code of its own,
 * or the other end is still there, then it was libwebsockets that hung up, on
 * frames that broke the protocol. */
static void note_broken_framing(struct line *line)
{
	char byte;
	ssize_t n;

	if (!line->call || line->close_code || line->peer_closed ||
	    websocket_is_taken(&line->ws))
		return;
	if (lws_is_ssl(line->wsi) && tls_is_ended(lws_get_ssl(line->wsi)))
		return;
	n = recv(lws_get_socket_fd(line->wsi), &byte, 1,
		 MSG_PEEK | MSG_DONTWAIT);
	if (lws_get_close_length(line->wsi) > 0 || n > 0 ||
	    (n < 0 && errno == EAGAIN))
		call_fail(line->call, CLOSE_PROTOCOL,
			  "broken WebSocket framing");
}

/* What has no line yet, or no longer. */
static int on_connection(struct lws *wsi, enum lws_callback_reasons reason,
			 const char *protocol)
{
	switch (reason) {
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return on_upgrade_asked(wsi, protocol);
	case LWS_CALLBACK_HTTP: return on_plain_http(wsi);
	case LWS_CALLBACK_WSI_DESTROY: forget_admission(wsi); return 0;
	default: return 0;
	}
}

static int dispatch(struct lws *wsi, enum lws_callback_reasons reason,
		    struct line *line, void *in, size_t length)
{
	switch (reason) {
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		return on_upgrade(wsi, line);
	case LWS_CALLBACK_ESTABLISHED: return on_established(wsi, line);
	case LWS_CALLBACK_RECEIVE:
		line_receive(line, in, length,
			     lws_is_final_fragment(wsi) &&
				     lws_remaining_packet_payload(wsi) == 0,
			     lws_frame_is_binary(wsi) != 0);
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE: return line_on_writable(line);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		line->peer_closed = true;
		/* It answers ours, and needs no answer. */
		return line->close_sent ? -1 : 0;
	case LWS_CALLBACK_CLOSED:
		note_broken_framing(line);
		line_gone(line);
		return 0;
	case LWS_CALLBACK_WSI_DESTROY: /* also of a handshake that failed */
		line_gone(line);
		return on_connection(wsi, reason, in);
	default: return on_connection(wsi, reason, in);
	}
}

static int on_line(struct lws *wsi, enum lws_callback_reasons reason,
		   void *user, void *in, size_t length)
{
	struct line *line = user;
	int r;

	if (!line)
		return on_connection(wsi, reason, in);
	log_for(line->call ? line->call->log_ids : NULL);
	r = dispatch(wsi, reason, line, in, length);
	log_for(NULL);
	return r;
}

#define PROTOCOLS_MAX 16

const struct lws_protocols *line_protocols(void)
{
	/* Who asks for no subprotocol gets the first; who asks for one wants to
	 * hear its name (RFC 6455, section 4.2.2). An empty one is the last. */
	static struct lws_protocols protocols[PROTOCOLS_MAX + 1];
	size_t count = 0;

	for (size_t i = 0; i == 0 || provider_at(i - 1); i++) {
		const char *name = i ? provider_at(i - 1)->subprotocol : "call";

		if (!name || count == PROTOCOLS_MAX)
			continue;
		protocols[count++] = (struct lws_protocols){
			.name = name,
			.callback = on_line,
			.per_session_data_size = sizeof(struct line),
		};
	}
	return protocols;
}
