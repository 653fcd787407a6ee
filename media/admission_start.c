/* admission_start.c - who may call: what the start message says (see
 * admission.h) */
#include "media/admission.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sodium.h>

#include "media/loop.h"
#include "media/provider.h"
#include "server/auth/one_time.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"

#define CALL_ID_SIZE 512
#define PLIVO_NAMES  "X-PH-" /* what Plivo puts before custom names */

void admission_count_refused(const char *reason)
{
	char labels[64];

	(void)snprintf(labels, sizeof(labels), "reason=\"%s\"", reason);
	board_add(board_series(METRIC_CALLS_REFUSED_TOTAL, labels), 1);
}

struct limit_rates admission_rates(const struct loop *loop)
{
	const struct settings *s = loop->settings;
	const struct limit_rates all = { s->media.handshakes_per_second,
					 s->media.refusals_per_minute,
					 LOOP_CONNECTIONS(s) / 4 };

	return limits_share(&all, s->media.processes);
}

void admission_note_refusal(const struct loop *loop,
			    const struct address *address)
{
	struct limit_rates rates;

	if (!loop->limits)
		return;
	rates = admission_rates(loop);
	limits_note_refusal(loop->limits, address, &rates, loop_now_ms(loop));
}

/* It has shown a token. */
static void trust(struct admission *a)
{
	struct limit_rates rates;

	if (!a->on_trust || !a->loop->limits)
		return;
	rates = admission_rates(a->loop);
	limits_forgive(a->loop->limits, &a->peer, &rates, loop_now_ms(a->loop));
	a->on_trust = false;
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
	if (!a->on_trust)
		admission_note_refusal(a->loop, &a->peer);
	return false;
}

/* The provider's id of the call, perhaps nothing. */
static struct text call_id_of(const struct event *start, const char *header)
{
	if (start->start.call_id.at || !header)
		return start->start.call_id;
	return (struct text){ header, strlen(header) };
}

/* As a text; "" when there is none, or a longer one than any token is for. */
static void copy_id(const struct text *id, char *out, size_t size)
{
	size_t length = id->at && id->length < size ? id->length : 0;

	if (length > 0)
		memcpy(out, id->at, length);
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

static void add(crypto_generichash_state *name, const char *bytes,
		size_t length)
{
	(void)crypto_generichash_update(name, (const unsigned char *)bytes,
					length);
}

/* What must not be live twice: a track of a provider's call. */
static bool claim_stream(struct admission *a, const struct provider *provider,
			 const struct event *start, const struct text *call_id)
{
	const struct text *id =
		provider->streams_share_calls ? &start->stream_id : call_id;
	uint8_t name[LIVE_NAME_SIZE];
	crypto_generichash_state state;
	unsigned tracks = 0;

	if (!a->route->single_stream || !a->loop->limits || !id->at ||
	    id->length == 0)
		return true;
	for (unsigned i = 0; i < start->start.track_count; i++)
		tracks |= 1u << start->start.tracks[i];
	(void)crypto_generichash_init(&state, NULL, 0, sizeof(name));
	add(&state, provider->name, strlen(provider->name) + 1);
	add(&state, id->at, id->length);
	(void)crypto_generichash_final(&state, name, sizeof(name));
	if (live_take(&board_auth()->live, &a->claim, a->loop->process, name,
		      tracks ? tracks : LIVE_ALL_TRACKS))
		return true;
	return refuse_start(a, 403, "live_already", "single_stream");
}

bool admission_start(struct admission *a, const struct provider *provider,
		     const struct event *start, const char *header)
{
	char token[ONE_TIME_TOKEN_SIZE], call_id[CALL_ID_SIZE];
	struct text id;

	if (!a)
		return true;
	id = call_id_of(start, header);
	take_token(start->start.custom, a->parameter, token);
	copy_id(&id, call_id, sizeof(call_id));
	if (!judge_token(a, token, call_id))
		return false;
	trust(a);
	return claim_stream(a, provider, start, &id);
}

void admission_end(struct admission *a)
{
	if (a)
		live_release(&a->claim);
}

struct admission *admission_destroy(struct admission *admission)
{
	admission_end(admission);
	free(admission);
	return NULL;
}
