/* webhook_visit.c - who asks, and may he (see webhook_visit.h) */
#include "server/control/webhooks/webhook_visit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/auth/limits.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/control/context.h"
#include "server/handshake.h"
#include "server/log.h"
#include "server/net.h"
#include "server/patience.h"
#include "server/settings.h"

static void count_of(const char *provider, const char *kind, const char *result)
{
	char labels[112];

	(void)snprintf(labels, sizeof(labels),
		       "provider=\"%s\",kind=\"%s\",result=\"%s\"", provider,
		       kind, result);
	board_add(board_series(METRIC_WEBHOOKS_TOTAL, labels), 1);
}

void visit_count(const struct visit *v, const char *result)
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
	visit_count(v, "limited");
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

void visit_refuse(struct visit *v, unsigned status, const char *reason,
		  const char *check)
{
	char name[HTTP_PARAMETER_SIZE];

	visit_count(v, check && strstr(check, "_signature") ? "bad_signature"
							    : "refused");
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
		visit_count(v, "unavailable");
		http_reply_error(v->response, 503, "out of memory");
		return false;
	}
	if (r < 0) {
		visit_refuse(v, 400,
			     r == -E2BIG ? "too_many_fields"
					 : "neither_form_nor_json",
			     NULL);
		return false;
	}
	/* What Plivo signs of a body is a form: JSON would pass unsigned. */
	if (v->request->body_length > 0 && !v->body.signed_tail &&
	    rules->kinds & 1u << AUTH_PLIVO) {
		visit_refuse(v, 400, "not_a_form", NULL);
		return false;
	}
	caller->request.signed_tail = v->body.signed_tail;
	caller->request.body = v->request->body;
	caller->request.body_length = v->request->body_length;
	return true;
}

bool visit_judge(struct visit *v, const struct auth_rules *rules)
{
	const struct settings *s = v->settings;
	struct handshake *caller = v->request->caller;
	struct auth_verdict verdict;

	if (caller->malformed) {
		visit_refuse(v, 400, "malformed", "handshake");
		return false;
	}
	if (v->webhook->door.auth.kinds && caller->too_long) {
		visit_refuse(v, 403, "too_long", "handshake");
		return false;
	}
	caller->request.body_mac = v->request->body_mac;
	auth_judge(
		&(struct auth_policy){ .rules = rules,
				       .texts = s->who.texts,
				       .networks = s->who.networks },
		&caller->request,
		&(struct auth_memory){ .used = &board_auth()->used,
				       .provider = v->webhook->door.provider },
		&verdict);
	if (verdict.status == 0)
		return true;
	visit_refuse(v, verdict.status, verdict.reason,
		     auth_check_name(verdict.check));
	return false;
}

const struct webhook *visit_find(const struct settings *s, const char *name)
{
	for (size_t i = 0; i < s->webhooks.answer_count; i++)
		if (strcmp(s->webhooks.answers[i].name, name) == 0)
			return &s->webhooks.answers[i];
	return NULL;
}

bool visit_enter(struct visit *v, const struct http_request *request,
		 struct http_response *response,
		 const struct control_context *control,
		 const struct webhook *webhook, const char *kind)
{
	*v = (struct visit){ .settings = control->settings,
			     .callers = control->callers,
			     .rates = rates_of(control->settings),
			     .request = request,
			     .response = response,
			     .webhook = webhook,
			     .kind = kind };
	if (!request->caller) {
		http_reply_error(response, 404, "no such path");
		return false;
	}
	if (!has_patience(v))
		return false;
	if (webhook)
		return true;
	visit_refuse(v, 404, "no_such_name", NULL);
	return false;
}

bool visit_enter_form(struct visit *v, const struct http_request *request,
		      struct http_response *response,
		      const struct control_context *control, const char *kind)
{
	const struct webhook *webhook =
		visit_find(control->settings, request->parameter);

	if (!visit_enter(v, request, response, control, webhook, kind))
		return false;
	if (read_body(v) && visit_judge(v, &webhook->door.auth))
		return true;
	webhook_body_finish(&v->body);
	return false;
}

void visit_unavailable(struct visit *v, const char *reason)
{
	visit_count(v, "unavailable");
	log_warn("WEBHOOK_REFUSED",
		 "status=503 reason=%s peer=%s name=%s "
		 "kind=%s effect=\"the provider tries "
		 "again\"",
		 reason, v->request->caller->peer_text, v->webhook->name,
		 v->kind);
	http_reply_error(v->response, 503, reason);
}
