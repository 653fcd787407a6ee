/*
 * webhooks.c - who asks, and what becomes of it (see webhooks.h)
 *
 *   NAME -> webhooks.answers -> body -> checks (server/auth) -> answer
 *                                                            `-> inbox (status)
 *
 * The first steps are those of webhook_visit.h; messages are another file's:
 * webhook_messages.h.
 */
#include "server/control/webhooks/webhooks.h"

#include <stdio.h>
#include <string.h>

#include "server/auth/one_time.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/control/context.h"
#include "server/control/health.h"
#include "server/control/webhooks/webhook_answer.h"
#include "server/control/webhooks/webhook_body.h"
#include "server/control/webhooks/webhook_inbox.h"
#include "server/control/webhooks/webhook_messages.h"
#include "server/control/webhooks/webhook_status.h"
#include "server/control/webhooks/webhook_visit.h"
#include "server/handshake.h"
#include "server/log.h"
#include "server/settings.h"

#define URL_SIZE 320

/* ---- the answer ------------------------------------------------------------
 */

/* What each calls the id of the call, and from where it comes to whom. */
static const struct {
	const char *provider, *id, *from, *to, *direction;
} names[] = {
	{ "twilio", "CallSid", "From", "To", "Direction" },
	{ "signalwire", "CallSid", "From", "To", "Direction" },
	/* The stream's start has the id that Telnyx' API uses. */
	{ "telnyx", "CallControlId", "From", "To", "Direction" },
	{ "plivo", "CallUUID", "From", "To", "Direction" },
	{ "vonage", "uuid", "from", "to", "direction" },
	{ "exotel", "CallSid", "CallFrom From", "CallTo To", "Direction" },
	{ "jambonz", "call_sid", "from", "to", "direction" },
};

static void read_call(const struct visit *v, struct webhook_call *call)
{
	size_t i = 0;

	while (i + 1 < sizeof(names) / sizeof(names[0]) &&
	       strcmp(names[i].provider, v->webhook->door.provider) != 0)
		i++;
	webhook_body_get(&v->body, names[i].id, call->id, sizeof(call->id));
	webhook_body_get(&v->body, names[i].from, call->from,
			 sizeof(call->from));
	webhook_body_get(&v->body, names[i].to, call->to, sizeof(call->to));
	webhook_body_get(&v->body, names[i].direction, call->direction,
			 sizeof(call->direction));
}

static const struct route *find_route(const struct visit *v)
{
	const struct settings *s = v->settings;
	size_t i = 0;

	/* It is there: settings_complete_webhooks() has looked. */
	while (i + 1 < s->media.route_count &&
	       strcmp(s->media.routes[i].path, v->webhook->route) != 0)
		i++;
	return &s->media.routes[i];
}

/* Where the provider finds this listener. */
static void write_status_url(const struct visit *v, char out[URL_SIZE])
{
	const struct auth_request *caller = &v->request->caller->request;
	const char *scheme = caller->scheme;

	if (strcmp(scheme, "wss") == 0 || strcmp(scheme, "ws") == 0)
		scheme = scheme[2] ? "https" : "http";
	(void)snprintf(out, URL_SIZE, "%s://%s/webhooks/%s/status", scheme,
		       caller->authority, v->webhook->name);
}

static void send_document(struct visit *v, struct webhook_document *document,
			  const char *result)
{
	visit_count(v, document->text ? result : "unavailable");
	http_reply(v->response, document->status, document->type,
		   document->text, document->text ? strlen(document->text) : 0);
}

/* A token for this call, where its route wants one. False: it cannot be made,
 * and the call would be refused without it. */
static bool issue_token(const struct visit *v, const struct route *route,
			const struct webhook_call *call,
			char token[ONE_TIME_TOKEN_SIZE])
{
	token[0] = '\0';
	return !(route->auth.kinds & 1u << AUTH_ONE_TIME) ||
	       one_time_issue(token, ONE_TIME_TOKEN_SIZE, route->provider,
			      call->id, (uint64_t)clock_wall_us() / 1000,
			      v->settings->webhooks.token_ttl_ms) == 0;
}

static void send_stream(struct visit *v)
{
	const struct settings *s = v->settings;
	char token[ONE_TIME_TOKEN_SIZE], status_url[URL_SIZE];
	char id[WEBHOOK_TEXT_SIZE];
	struct webhook_order order = {
		.webhook = v->webhook,
		.route = find_route(v),
		.store = &s->who,
		.media_url = s->media.public_url,
		.token = token,
	};
	struct webhook_document document;

	read_call(v, &order.call);
	if (!issue_token(v, order.route, &order.call, token)) {
		visit_count(v, "unavailable");
		http_reply_error(v->response, 503, "no token can be made");
		return;
	}
	write_status_url(v, status_url);
	order.status_url = v->webhook->status_callback ? status_url : NULL;
	webhook_answer_stream(&order, &document);
	log_info("WEBHOOK_ANSWER",
		 "provider=%s provider_call=\"%s\" route=\"%s\" name=%s",
		 v->webhook->door.provider,
		 log_quoted(order.call.id, id, sizeof(id)), order.route->path,
		 v->webhook->name);
	send_document(v, &document, "streamed");
}

static void send_busy(struct visit *v, const char *reason)
{
	struct webhook_document document;

	log_info("CALL_REFUSED", "status=503 reason=%s webhook=%s", reason,
		 v->webhook->name);
	webhook_answer_busy(v->webhook->door.provider, &document);
	send_document(v, &document, "busy");
}

static void answer(const struct http_request *request,
		   struct http_response *response, void *context)
{
	const char *full;
	struct visit v;

	if (!visit_enter_form(&v, request, response, context, "answer"))
		return;
	if (!v.webhook->route[0]) {
		visit_refuse(&v, 404, "no_route", NULL);
		webhook_body_finish(&v.body);
		return;
	}
	full = health_refusal(board_flags(), v.settings->media.max_calls);
	if (full)
		send_busy(&v, full);
	else
		send_stream(&v);
	webhook_body_finish(&v.body);
}

/* ---- the status ------------------------------------------------------------
 */

static void tell_status(const struct visit *v,
			const struct webhook_status *status)
{
	char id[sizeof(status->call_id)], word[sizeof(status->status)],
		cause[sizeof(status->cause)];

	log_info("WEBHOOK_STATUS",
		 "provider=%s provider_call=\"%s\" status=\"%s\" "
		 "cause=\"%s\" name=%s",
		 v->webhook->door.provider,
		 log_quoted(status->call_id, id, sizeof(id)),
		 log_quoted(status->status, word, sizeof(word)),
		 log_quoted(status->cause, cause, sizeof(cause)),
		 v->webhook->name);
}

static void store_status(struct visit *v, struct webhook_inbox *inbox)
{
	const char *provider = v->webhook->door.provider;
	const char *full = webhook_inbox_refusal(inbox);
	struct webhook_status status;
	struct record *record;

	webhook_status_read(provider, &v->body, &status);
	if (!webhook_status_tells(&status)) {
		visit_count(v, "ignored");
		http_reply(v->response, 200, "text/plain", strdup(""), 0);
		return;
	}
	record = full ? NULL
		      : webhook_status_record(provider, &status,
					      clock_wall_us());
	if (!record) {
		visit_unavailable(v, full ? full : "no_memory");
		return;
	}
	tell_status(v, &status);
	webhook_inbox_take(inbox, v->request, v->response, record,
			   &inbox_nothing);
	visit_count(v, v->response->later ? "taken" : "unavailable");
}

static void take_status(const struct http_request *request,
			struct http_response *response, void *context)
{
	const struct control_context *control = context;
	struct visit v;

	if (!visit_enter_form(&v, request, response, context, "status"))
		return;
	store_status(&v, control->inbox);
	webhook_body_finish(&v.body);
}

const struct http_route webhook_routes[] = {
	{ HTTP_GET, "/webhooks/{name}/answer", answer, HTTP_ANYBODY },
	{ HTTP_POST, "/webhooks/{name}/answer", answer, HTTP_ANYBODY },
	{ HTTP_GET, "/webhooks/{name}/status", take_status, HTTP_ANYBODY },
	{ HTTP_POST, "/webhooks/{name}/status", take_status, HTTP_ANYBODY },
	{ HTTP_POST, "/webhooks/{name}/message", webhook_messages_form,
	  HTTP_ANYBODY },
	{ HTTP_GET, "/webhooks/whatsapp", webhook_messages_verify,
	  HTTP_ANYBODY },
	{ HTTP_POST, "/webhooks/whatsapp", webhook_messages_batch,
	  HTTP_ANYBODY },
	{ HTTP_GET, "/webhooks/{name}/whatsapp", webhook_messages_verify,
	  HTTP_ANYBODY },
	{ HTTP_POST, "/webhooks/{name}/whatsapp", webhook_messages_batch,
	  HTTP_ANYBODY },
};
const size_t webhook_route_count =
	sizeof(webhook_routes) / sizeof(webhook_routes[0]);
