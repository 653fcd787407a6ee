/*
 * webhooks.c - who asks, and what becomes of it (see webhooks.h)
 *
 *   NAME -> webhooks.answers -> body -> checks (server/auth) -> answer
 *                                                            `-> inbox (status)
 *
 * A refusal tells the caller nothing but its status; why, is in the log.
 */
#include "server/control/webhooks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/auth/limits.h"
#include "server/auth/one_time.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/control/context.h"
#include "server/control/health.h"
#include "server/control/webhook_answer.h"
#include "server/control/webhook_body.h"
#include "server/control/webhook_inbox.h"
#include "server/control/webhook_status.h"
#include "server/handshake.h"
#include "server/log.h"
#include "server/net.h"
#include "server/patience.h"
#include "server/settings.h"

#define URL_SIZE 320

/* One webhook on its way through. */
struct visit {
	const struct settings *settings;
	struct limits *callers; /* NULL: nobody is limited */
	struct limit_rates rates;
	const struct http_request *request;
	struct http_response *response;
	const struct webhook *webhook;
	const char *kind; /* "answer", for the log and the metric */
	struct webhook_body body;
};

static void count_of(const char *provider, const char *kind, const char *result)
{
	char labels[112];

	(void)snprintf(labels, sizeof(labels),
		       "provider=\"%s\",kind=\"%s\",result=\"%s\"", provider,
		       kind, result);
	board_add(board_series(METRIC_WEBHOOKS_TOTAL, labels), 1);
}

static void count(const struct visit *v, const char *result)
{
	count_of(v->webhook ? v->webhook->door.provider : "unknown", v->kind,
		 result);
}

/* ---- who asks --------------------------------------------------------------
 */

static struct limit_rates rates_of(const struct settings *s)
{
	return (struct limit_rates){ s->media.handshakes_per_second,
				     s->media.refusals_per_minute,
				     s->webhooks.max_connections / 4 };
}

static bool welcomes(void *context, const struct address *peer)
{
	const struct control_context *control = context;
	const struct limit_rates rates = rates_of(control->settings);

	if (patience_welcomes(control->callers, control->settings, &rates,
			      peer))
		return true;
	count_of("unknown", "unknown", "limited");
	return false;
}

static void lets_go(void *context, const struct address *peer)
{
	const struct control_context *control = context;
	const struct limit_rates rates = rates_of(control->settings);

	patience_lets_go(control->callers, control->settings, &rates, peer);
}

const struct net_door webhooks_door = { .welcomes = welcomes,
					.lets_go = lets_go };

/* Nobody may flood, or guess for long. False: it was answered. */
static bool has_patience(struct visit *v)
{
	if (!patience_ends(v->callers, &v->rates,
			   &v->request->caller->request.peer))
		return true;
	count(v, "limited");
	http_reply_error(v->response, 429, "too many");
	return false;
}

/* As the log may have it, also where it is nobody's. */
static void write_name(const struct visit *v, char *out, size_t size)
{
	if (v->webhook) {
		(void)snprintf(out, size, "%s", v->webhook->name);
		return;
	}
	handshake_mask_path(v->request->parameter, out, size);
	log_word(out, out, size);
}

static void refuse(struct visit *v, unsigned status, const char *reason,
		   const char *check)
{
	char name[HTTP_PARAMETER_SIZE];

	count(v, "refused");
	write_name(v, name, sizeof(name));
	log_info("WEBHOOK_REFUSED",
		 "status=%u reason=%s%s%s peer=%s name=%s kind=%s", status,
		 reason, check ? " check=" : "", check ? check : "",
		 v->request->caller->peer_text, name, v->kind);
	if (v->callers && status != 400)
		limits_note_refusal(v->callers,
				    &v->request->caller->request.peer,
				    &v->rates, clock_mono_ms());
	http_reply_error(v->response, (int)status,
			 status == 400	 ? reason
			 : status == 404 ? "no such path"
					 : "not for you");
	/* Some come without a password first, and again when they are asked. */
	if (status == 401 && v->webhook->door.auth.kinds & 1u << AUTH_BASIC)
		v->response->challenge = "Basic realm=\"webhooks\"";
}

/* False: it was answered. */
static bool read_body(struct visit *v)
{
	struct handshake *caller = v->request->caller;
	const struct auth_rules *rules = &v->webhook->door.auth;
	int r = webhook_body_read(&v->body, v->request);

	if (r == -ENOMEM) {
		count(v, "unavailable");
		http_reply_error(v->response, 503, "out of memory");
		return false;
	}
	if (r < 0) {
		refuse(v, 400,
		       r == -E2BIG ? "too_many_fields"
				   : "neither_form_nor_json",
		       NULL);
		return false;
	}
	/* What these sign of a body is a form: JSON would pass unsigned. */
	if (v->request->body_length > 0 && !v->body.signed_tail &&
	    rules->kinds & (1u << AUTH_TWILIO | 1u << AUTH_PLIVO)) {
		refuse(v, 400, "not_a_form", NULL);
		return false;
	}
	caller->request.signed_tail = v->body.signed_tail;
	caller->request.body = v->request->body;
	caller->request.body_length = v->request->body_length;
	return true;
}

static bool judge(struct visit *v)
{
	const struct settings *s = v->settings;
	const struct route *door = &v->webhook->door;
	const struct handshake *caller = v->request->caller;
	struct auth_verdict verdict;

	if (caller->malformed) {
		refuse(v, 400, "malformed", "handshake");
		return false;
	}
	if (door->auth.kinds && caller->too_long) {
		refuse(v, 403, "too_long", "handshake");
		return false;
	}
	auth_judge(&(struct auth_policy){ .rules = &door->auth,
					  .texts = s->who.texts,
					  .networks = s->who.networks },
		   &caller->request,
		   &(struct auth_memory){ .used = &board_auth()->used,
					  .provider = door->provider },
		   &verdict);
	if (verdict.status == 0)
		return true;
	refuse(v, verdict.status, verdict.reason,
	       auth_check_name(verdict.check));
	return false;
}

/* Finds whose webhook it is and lets nobody else in. False: it was answered,
 * and v->body is empty. */
static bool enter(struct visit *v, const struct http_request *request,
		  struct http_response *response, void *context,
		  const char *kind)
{
	const struct control_context *control = context;
	const struct settings *s = control->settings;

	*v = (struct visit){ .settings = s,
			     .callers = control->callers,
			     .rates = rates_of(s),
			     .request = request,
			     .response = response,
			     .kind = kind };
	for (size_t i = 0; i < s->webhooks.answer_count; i++)
		if (strcmp(s->webhooks.answers[i].name, request->parameter) ==
		    0)
			v->webhook = &s->webhooks.answers[i];
	if (!request->caller) {
		http_reply_error(response, 404, "no such path");
		return false;
	}
	if (!has_patience(v))
		return false;
	if (!v->webhook) {
		refuse(v, 404, "no_such_name", NULL);
		return false;
	}
	if (read_body(v) && judge(v))
		return true;
	webhook_body_finish(&v->body);
	return false;
}

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
	count(v, document->text ? result : "unavailable");
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
		count(v, "unavailable");
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

	if (!enter(&v, request, response, context, "answer"))
		return;
	full = health_refusal(board_flags(), v.settings->media.max_calls);
	if (full)
		send_busy(&v, full);
	else
		send_stream(&v);
	webhook_body_finish(&v.body);
}

/* ---- the status ------------------------------------------------------------
 */

static void send_unavailable(struct visit *v, const char *reason)
{
	count(v, "unavailable");
	log_warn("WEBHOOK_REFUSED",
		 "status=503 reason=%s peer=%s name=%s "
		 "kind=%s effect=\"the provider tries "
		 "again\"",
		 reason, v->request->caller->peer_text, v->webhook->name,
		 v->kind);
	http_reply_error(v->response, 503, reason);
}

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
		count(v, "ignored");
		http_reply(v->response, 200, "text/plain", strdup(""), 0);
		return;
	}
	record = full ? NULL
		      : webhook_status_record(provider, &status,
					      clock_wall_us());
	if (!record) {
		send_unavailable(v, full ? full : "no_memory");
		return;
	}
	tell_status(v, &status);
	webhook_inbox_take(inbox, v->request, v->response, record);
	count(v, v->response->later ? "taken" : "unavailable");
}

static void take_status(const struct http_request *request,
			struct http_response *response, void *context)
{
	const struct control_context *control = context;
	struct visit v;

	if (!enter(&v, request, response, context, "status"))
		return;
	store_status(&v, control->inbox);
	webhook_body_finish(&v.body);
}

const struct http_route webhook_routes[] = {
	{ HTTP_GET, "/webhooks/{name}/answer", answer, HTTP_ANYBODY },
	{ HTTP_POST, "/webhooks/{name}/answer", answer, HTTP_ANYBODY },
	{ HTTP_GET, "/webhooks/{name}/status", take_status, HTTP_ANYBODY },
	{ HTTP_POST, "/webhooks/{name}/status", take_status, HTTP_ANYBODY },
};
const size_t webhook_route_count =
	sizeof(webhook_routes) / sizeof(webhook_routes[0]);
