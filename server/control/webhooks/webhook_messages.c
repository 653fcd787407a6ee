/* webhook_messages.c - webhooks about messages (see webhook_messages.h) */
#include "server/control/webhooks/webhook_messages.h"

#include <ctype.h>
#include <string.h>

#include "server/auth/body_mac.h"
#include "server/auth/secret.h"
#include "server/clock.h"
#include "server/control/context.h"
#include "server/control/http/http_later.h"
#include "server/control/webhooks/message_intake.h"
#include "server/control/webhooks/message_rows.h"
#include "server/control/webhooks/twilio_message.h"
#include "server/control/webhooks/webhook_inbox.h"
#include "server/control/webhooks/webhook_visit.h"
#include "server/handshake.h"
#include "server/log.h"
#include "server/settings.h"

#define CHALLENGE_MAX 128

/* ---- Meta ------------------------------------------------------------------
 */

/* The app that the path names; NULL: there is none. */
static const struct webhook *find_app(const struct settings *s,
				      const struct http_request *request)
{
	const struct webhook *webhook;

	if (!*request->parameter)
		return s->whatsapp.door.name[0] ? &s->whatsapp.door : NULL;
	webhook = visit_find(s, request->parameter);
	return webhook && webhook->door.auth.kinds & 1u << AUTH_META ? webhook
								     : NULL;
}

void webhook_messages_prepare(const struct http_route *route,
			      const struct http_request *request,
			      struct http_intake *intake, void *context)
{
	const struct control_context *control = context;
	const struct settings *s = control->settings;
	const struct webhook *app;

	if (route->handle != webhook_messages_batch)
		return;
	app = find_app(s, request);
	if (!app)
		return;
	intake->max_body = s->webhooks.max_batch;
	intake->mac =
		body_mac_start(s->who.texts, &app->door.auth.words[AUTH_META]);
}

/* It is echoed, so it may be nothing that a browser would take for a page. */
static bool is_challenge(const char *text)
{
	size_t length = text ? strlen(text) : 0;

	if (length == 0 || length > CHALLENGE_MAX)
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("-._~", *text))
			return false;
	return true;
}

/* Why the handshake is refused, in a word; NULL: it is not. */
static const char *judge_handshake(const struct visit *v)
{
	const struct http_request *request = v->request;
	const char *mode = http_query(request, "hub.mode");
	const char *token = http_query(request, "hub.verify_token");
	const struct auth_policy policy = { .texts = v->settings->who.texts };
	const struct auth_words *tokens = &v->webhook->door.auth.verify_tokens;

	if (!mode || strcmp(mode, "subscribe") != 0)
		return "no_subscription";
	if (!token || !secret_is_among(&policy, tokens, token))
		return "mismatch";
	return is_challenge(http_query(request, "hub.challenge")) ? NULL
								  : "challenge";
}

/* Other checks of that app than the signature, which only a body has. */
static bool judge_unsigned(struct visit *v)
{
	struct auth_rules rules = v->webhook->door.auth;

	rules.kinds &= ~(1u << AUTH_META);
	return visit_judge(v, &rules);
}

void webhook_messages_verify(const struct http_request *request,
			     struct http_response *response, void *context)
{
	const struct control_context *control = context;
	const char *wrong, *challenge;
	struct visit v;

	if (!visit_enter(&v, request, response, control,
			 find_app(control->settings, request), "whatsapp") ||
	    !judge_unsigned(&v))
		return;
	wrong = judge_handshake(&v);
	if (wrong) {
		visit_refuse(&v, 403, wrong, "verify_token");
		return;
	}
	challenge = http_query(request, "hub.challenge");
	visit_count(&v, "verified");
	log_info("WEBHOOK_VERIFIED", "provider=meta name=%s peer=%s",
		 v.webhook->name, request->caller->peer_text);
	http_reply(response, 200, "text/plain", strdup(challenge),
		   strlen(challenge));
}

void webhook_messages_batch(const struct http_request *request,
			    struct http_response *response, void *context)
{
	const struct control_context *control = context;
	const struct settings *s = control->settings;
	const char *full;
	struct visit v;

	if (!visit_enter(&v, request, response, control, find_app(s, request),
			 "whatsapp") ||
	    !visit_judge(&v, &v.webhook->door.auth))
		return;
	full = webhook_inbox_refusal(control->inbox);
	if (full)
		visit_unavailable(&v, full);
	else if (message_intake_take(control->intake, v.webhook->name,
				     (int64_t)s->sessions.idle_timeout_ms,
				     request, response))
		visit_count(&v, "taken");
	else
		visit_unavailable(&v, "too_many_at_once");
}

/* ---- Twilio ----------------------------------------------------------------
 */

static void store_form(struct visit *v, struct webhook_inbox *inbox)
{
	const struct settings *s = v->settings;
	const struct auth_request *caller = &v->request->caller->request;
	const char *full = webhook_inbox_refusal(inbox);
	struct message_rows rows = {
		.provider = "twilio",
		.now_us = clock_wall_us(),
		.idle_ms = (int64_t)s->sessions.idle_timeout_ms,
	};
	struct http_later *later;

	if (full) {
		visit_unavailable(v, full);
		return;
	}
	twilio_message_read(&rows, &v->body,
			    caller->headers[HEADER_TWILIO_IDEMPOTENCY]);
	later = rows.no_memory ? NULL : http_later_promise(v->request);
	if (!later) {
		message_rows_clear(&rows);
		visit_unavailable(v, "too_many_at_once");
		return;
	}
	log_info("WEBHOOK_MESSAGES",
		 "provider=twilio name=%s messages=%zu statuses=%zu "
		 "notices=%zu",
		 v->webhook->name, rows.messages, rows.statuses, rows.notices);
	v->response->later = later;
	visit_count(v, "taken");
	webhook_inbox_take_rows(inbox, &rows, later, &inbox_twiml);
}

void webhook_messages_form(const struct http_request *request,
			   struct http_response *response, void *context)
{
	const struct control_context *control = context;
	struct visit v;

	if (!visit_enter_form(&v, request, response, control, "message"))
		return;
	if (strcmp(v.webhook->door.provider, "twilio") == 0)
		store_form(&v, control->inbox);
	else
		visit_refuse(&v, 404, "no_messages", NULL);
	webhook_body_finish(&v.body);
}
