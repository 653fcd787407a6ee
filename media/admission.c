/* admission.c - who may call: the verdict over a handshake (see admission.h) */
#include "media/admission.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/handshake.h"
#include "media/loop.h"
#include "server/auth/one_time.h"
#include "server/board.h"
#include "server/log.h"
#include "server/net.h"
#include "server/patience.h"

#define PATH_SHOWN 128

/* ---- the handshake ---------------------------------------------------------
 */

struct judging {
	struct loop *loop;
	const struct settings *settings;
	struct handshake *handshake;
	const struct route *route; /* NULL: none has that path */
};

/* What is logged as the path: the route's, where there is one, because the
 * caller's may hold a token. */
static void shown_path(const struct judging *j, char out[PATH_SHOWN])
{
	if (j->route)
		(void)snprintf(out, PATH_SHOWN, "%s", j->route->path);
	else
		handshake_mask_path(j->handshake->request.path, out,
				    PATH_SHOWN);
}

static void tell(const struct judging *j, unsigned status, const char *reason,
		 const char *check)
{
	char path[PATH_SHOWN];

	shown_path(j, path);
	log_info("CALL_REFUSED", "status=%u reason=%s%s%s peer=%s path=\"%s\"",
		 status, reason, check ? " check=" : "", check ? check : "",
		 j->handshake->peer_text, path);
}

/* Nobody may guess for long, at secrets or at paths. */
static bool is_guess(unsigned status)
{
	return status == 401 || status == 403 || status == 404;
}

static struct admission *refuse(const struct judging *j, unsigned status,
				const char *reason, const char *check,
				struct refusal *refusal)
{
	*refusal = (struct refusal){ .status = status, .reason = reason };
	admission_count_refused(check ? check : reason);
	tell(j, status, reason, check);
	if (is_guess(status))
		admission_note_refusal(j->loop, &j->handshake->request.peer);
	return NULL;
}

/* Why this address must wait, or NULL. */
static const char *limit(const struct judging *j)
{
	const struct limit_rates rates = admission_rates(j->loop);
	const char *name = patience_ends(j->loop->limits, &rates,
					 &j->handshake->request.peer);

	if (name)
		admission_count_refused(name);
	return name;
}

static void judge_checks(const struct judging *j, struct auth_verdict *verdict)
{
	const struct settings *s = j->settings;
	struct auth_policy policy = { .rules = &j->route->auth,
				      .texts = s->who.texts,
				      .networks = s->who.networks };
	struct one_time_keys keys = { .count = 0 };

	if (policy.rules->kinds & 1u << AUTH_ONE_TIME)
		one_time_read_keys(&keys);
	auth_judge(&policy, &j->handshake->request,
		   &(struct auth_memory){ .used = &board_auth()->used,
					  .keys = &keys,
					  .provider = j->route->provider },
		   verdict);
}

static struct admission *admit(const struct judging *j, uint64_t call_tag,
			       struct refusal *refusal)
{
	struct admission *admission = calloc(1, sizeof(*admission));
	struct loop *loop = j->loop;
	const struct auth_rules *rules = &j->route->auth;

	if (!admission)
		return refuse(j, 503, "no_memory", NULL, refusal);
	admission->loop = loop;
	admission->route = j->route;
	admission->on_trust = auth_waits_for_start(rules);
	admission->parameter =
		admission->on_trust
			? j->settings->who.texts + rules->one_time_name
			: ONE_TIME_PARAMETER;
	admission->peer = j->handshake->request.peer;
	if (admission->on_trust)
		admission_note_refusal(loop, &admission->peer);
	memcpy(admission->peer_text, j->handshake->peer_text,
	       sizeof(admission->peer_text));
	admission->trace = j->handshake->trace;
	admission->call_tag = call_tag;
	return admission;
}

static bool welcomes(void *arg, const struct address *peer)
{
	const struct loop *loop = arg;
	const struct limit_rates rates = admission_rates(loop);

	if (patience_welcomes(loop->limits, loop->settings, &rates, peer))
		return true;
	admission_count_refused("connections");
	return false;
}

static void lets_go(void *arg, const struct address *peer)
{
	const struct loop *loop = arg;
	const struct limit_rates rates = admission_rates(loop);

	patience_lets_go(loop->limits, loop->settings, &rates, peer);
}

const struct net_door admission_door = { .welcomes = welcomes,
					 .lets_go = lets_go };

struct admission *admission_judge(struct loop *loop,
				  struct handshake *handshake,
				  struct refusal *refusal)
{
	const struct settings *s = loop->settings;
	struct judging j = {
		.loop = loop,
		.settings = s,
		.handshake = handshake,
		.route = handshake_route(handshake, s),
	};
	struct auth_verdict verdict;
	const char *full = limit(&j);

	if (full) {
		*refusal = (struct refusal){ .status = 429, .reason = full };
		return NULL;
	}
	if (handshake->malformed)
		return refuse(&j, 400, "malformed", "handshake", refusal);
	if (!j.route)
		return refuse(&j, 404, "no_route", NULL, refusal);
	full = loop_refusal(loop);
	if (full)
		return refuse(&j, 503, full, NULL, refusal);
	if (j.route->auth.kinds && handshake->too_long)
		return refuse(&j, 403, "too_long", "handshake", refusal);
	judge_checks(&j, &verdict);
	if (verdict.status)
		return refuse(&j, verdict.status, verdict.reason,
			      auth_check_name(verdict.check), refusal);
	return admit(&j, verdict.call_tag, refusal);
}
