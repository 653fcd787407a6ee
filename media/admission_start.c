/* admission_start.c - who may call: what the start message says (see
 * admission.h) */
#include "media/admission.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "media/loop.h"
#include "media/provider.h"
#include "server/auth/one_time.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"

#define STREAM_NAME 512	    /* of provider and ids, to claim */
#define PLIVO_NAMES "X-PH-" /* what Plivo puts before custom names */

void admission_count_refused(const char *reason)
{
	char labels[64];

	(void)snprintf(labels, sizeof(labels), "reason=\"%s\"", reason);
	board_add(board_series(METRIC_CALLS_REFUSED_TOTAL, labels), 1);
}

static uint64_t wall_ms(void)
{
	return (uint64_t)clock_wall_us() / 1000;
}

/* Providers change the case of names, and some pass on letters and digits only:
 * "X-PH-holdlinetoken" is "holdline_token". */
static bool is_named(const char *key, const char *name)
{
	size_t prefix = strlen(PLIVO_NAMES);

	if (strncasecmp(key, PLIVO_NAMES, prefix) == 0)
		key += prefix;
	for (;; key++, name++) {
		key += strspn(key, "_-");
		name += strspn(name, "_-");
		if (tolower((unsigned char)*key) !=
		    tolower((unsigned char)*name))
			return false;
		if (!*key)
			return true;
	}
}

/* The token out of the custom values, so that no row ever holds it; whatever
 * else has its name goes with it. "": there is none, or none of ours. */
static void take_token(json_t *custom, const char *name,
		       char out[ONE_TIME_TOKEN_SIZE])
{
	const char *key;
	json_t *value;
	void *next;

	out[0] = '\0';
	json_object_foreach_safe(custom, next, key, value)
	{
		const char *text = json_string_value(value);

		if (!is_named(key, name))
			continue;
		/* A longer one is not ours; "?" is no token either. */
		if (text)
			(void)snprintf(out, ONE_TIME_TOKEN_SIZE, "%s",
				       strlen(text) < ONE_TIME_TOKEN_SIZE
					       ? text
					       : "?");
		(void)json_object_del(custom, key);
	}
}

static bool refuse_start(const struct admission *a, unsigned status,
			 const char *reason, const char *check)
{
	admission_count_refused(check);
	log_info("CALL_REFUSED",
		 "status=%u reason=%s check=%s peer=%s path=\"%s\"", status,
		 reason, check, a->peer_text, a->route->path);
	if (a->loop->gate)
		gate_note_refusal(
			a->loop->gate, &a->peer,
			&(struct limit_rates){
				a->loop->settings->media.handshakes_per_second,
				a->loop->settings->media.refusals_per_minute },
			loop_now_ms(a->loop));
	return false;
}

/* The provider's id of the call as a text; "" when there is none. */
static void call_id_of(const struct event *start, char *out, size_t size)
{
	size_t length = start->start.call_id.length;

	if (!start->start.call_id.at || length >= size)
		length = 0;
	if (length > 0)
		memcpy(out, start->start.call_id.at, length);
	out[length] = '\0';
}

static bool judge_token(const struct admission *a, const char *token,
			const char *call_id)
{
	struct auth_verdict verdict;
	struct one_time_keys keys;

	if (auth_waits_for_start(&a->route->auth)) {
		one_time_read_keys(&keys);
		auth_judge_start(
			token, call_id,
			&(struct auth_memory){ .used = &board_auth()->used,
					       .keys = &keys,
					       .provider = a->route->provider },
			wall_ms(), &verdict);
		if (verdict.status)
			return refuse_start(a, verdict.status, verdict.reason,
					    auth_check_name(verdict.check));
	}
	if (a->call_tag &&
	    a->call_tag != one_time_call_tag(a->route->provider, call_id))
		return refuse_start(a, 403, "another_call",
				    auth_check_name(AUTH_ONE_TIME));
	return true;
}

/* What must not be live twice. A provider may stream the tracks of a call
 * apart, so they are part of the name. */
static bool claim_stream(struct admission *a, const struct provider *provider,
			 const struct event *start)
{
	const struct text *id = provider->streams_share_calls
					? &start->stream_id
					: &start->start.call_id;
	unsigned tracks = 0;
	char name[STREAM_NAME];
	int length;

	if (!a->route->single_stream || !a->loop->gate || !id->at ||
	    id->length == 0)
		return true;
	for (unsigned i = 0; i < start->start.track_count; i++)
		tracks |= 1u << start->start.tracks[i];
	length = snprintf(name, sizeof(name), "%s %u %.*s", provider->name,
			  tracks, (int)id->length, id->at);
	if (length < 0 || (size_t)length >= sizeof(name) ||
	    gate_claim(a->loop->gate, &a->claim, name, (size_t)length))
		return true;
	return refuse_start(a, 403, "live_already", "single_stream");
}

bool admission_start(struct admission *a, const struct provider *provider,
		     const struct event *start)
{
	char token[ONE_TIME_TOKEN_SIZE];
	char call_id[STREAM_NAME];

	if (!a)
		return true;
	take_token(start->start.custom, a->parameter, token);
	call_id_of(start, call_id, sizeof(call_id));
	return judge_token(a, token, call_id) &&
	       claim_stream(a, provider, start);
}

void admission_end(struct admission *a)
{
	if (a && a->loop->gate)
		gate_release(a->loop->gate, &a->claim);
}

struct admission *admission_destroy(struct admission *admission)
{
	if (admission)
		admission_end(admission);
	free(admission);
	return NULL;
}
