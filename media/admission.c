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

#define PATH_SHOWN 128

/* ---- the handshake ---------------------------------------------------------
 */

struct judging {
	struct loop *loop;
	const struct settings *settings;
	struct handshake *handshake;
	const struct route *route; /* NULL: none has that path */
	struct limit_rates rates;
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
	if (is_guess(status) && j->loop->gate)
		gate_note_refusal(j->loop->gate, &j->handshake->request.peer,
				  &j->rates, loop_now_ms(j->loop));
	return NULL;
}

/* Why this address must wait, or NULL. Told now and then only. */
static const char *limit(const struct judging *j)
{
	static const char *const names[] = {
		[LIMIT_PASSED] = NULL,
		[LIMIT_HANDSHAKES] = "handshake_rate",
		[LIMIT_REFUSALS] = "refusal_rate",
	};
	const char *name;
	uint32_t count;

	if (!j->loop->gate)
		return NULL;
	name = names[gate_ask(j->loop->gate, &j->handshake->request.peer,
			      &j->rates, loop_now_ms(j->loop), &count)];
	if (!name)
		return NULL;
	admission_count_refused(name);
	if (count > 0)
		log_warn("CALLER_LIMITED",
			 "status=429 reason=%s peer=%s "
			 "handshakes=%u",
			 name, j->handshake->peer_text, count);
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
	const struct auth_rules *rules = &j->route->auth;

	if (!admission)
		return refuse(j, 503, "no_memory", NULL, refusal);
	admission->loop = j->loop;
	admission->route = j->route;
	admission->parameter =
		auth_waits_for_start(rules)
			? j->settings->who.texts + rules->one_time_name
			: ONE_TIME_PARAMETER;
	admission->peer = j->handshake->request.peer;
	memcpy(admission->peer_text, j->handshake->peer_text,
	       sizeof(admission->peer_text));
	admission->call_tag = call_tag;
	return admission;
}

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
		.rates = { s->media.handshakes_per_second,
			   s->media.refusals_per_minute },
	};
	struct auth_verdict verdict;
	const char *full = limit(&j);

	if (full) {
		*refusal = (struct refusal){ .status = 429, .reason = full };
		return NULL;
	}
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
