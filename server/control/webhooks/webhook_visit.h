/*
 * webhook_visit.h - one webhook on its way through: who asks, and may he
 *
 * A refusal tells the caller nothing but its status; why, is in the log. Every
 * visit is counted once (holdline_webhooks_total), by what became of it.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_WEBHOOKS_WEBHOOK_VISIT_H
#define SERVER_CONTROL_WEBHOOKS_WEBHOOK_VISIT_H

#include <stdbool.h>

#include "server/auth/limits.h"
#include "server/control/http/http.h"
#include "server/control/webhooks/webhook_body.h"

struct auth_rules;
struct control_context;
struct net_door;
struct settings;
struct webhook;

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

/* Who may connect (net.h). */
extern const struct net_door webhooks_door;

/* The one of webhooks.answers that has that name, or NULL. */
const struct webhook *visit_find(const struct settings *settings,
				 const char *name);

/* Begins a visit to `webhook` (NULL: there is none). False: it was answered,
 * because there is none or he asks too often. */
bool visit_enter(struct visit *v, const struct http_request *request,
		 struct http_response *response,
		 const struct control_context *control,
		 const struct webhook *webhook, const char *kind);
/* Has he shown what these rules want? False: it was answered. */
bool visit_judge(struct visit *v, const struct auth_rules *rules);

/* All of it, for the one of webhooks.answers that the path names; the body is
 * read into v->body, which is then to be finished. False: it was answered, and
 * v->body is empty. */
bool visit_enter_form(struct visit *v, const struct http_request *request,
		      struct http_response *response,
		      const struct control_context *control, const char *kind);

void visit_count(const struct visit *v, const char *result);
/* `check`: that refused, or NULL. */
void visit_refuse(struct visit *v, unsigned status, const char *reason,
		  const char *check);
/* 503: it is to come again. */
void visit_unavailable(struct visit *v, const char *reason);

#endif
