/* auth.c - may this caller in? The list of checks, and the simple ones (auth.h)
 */
#include "server/auth/auth.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/auth/one_time.h"
#include "server/auth/secret.h"

#define CREDENTIALS_MAX 1024 /* of Authorization: Basic, decoded */
#define UNAUTHORIZED	401u /* RFC 9110, section 15.5.2: bring credentials */
#define FORBIDDEN	403u

const char *const auth_header_names[AUTH_HEADERS] = {
	[HEADER_AUTHORIZATION] = "authorization",
	[HEADER_ORIGIN] = "origin",
	[HEADER_TWILIO_SIGNATURE] = "x-twilio-signature",
	[HEADER_PLIVO_SIGNATURE] = "x-plivo-signature-v3",
	[HEADER_PLIVO_NONCE] = "x-plivo-signature-v3-nonce",
	[HEADER_TELNYX_TOKEN] = "x-telnyx-streaming-auth-token",
	[HEADER_API_KEY] = "x-api-key",
	[HEADER_ORGANIZATION] = "audiohook-organization-id",
	[HEADER_SESSION] = "audiohook-session-id",
	[HEADER_CORRELATION] = "audiohook-correlation-id",
	[HEADER_SIGNATURE_INPUT] = "signature-input",
	[HEADER_SIGNATURE] = "signature",
	[HEADER_SIGNALWIRE_SIGNATURE] = "x-signalwire-signature",
	[HEADER_TELNYX_SIGNATURE] = "telnyx-signature-ed25519",
	[HEADER_TELNYX_TIMESTAMP] = "telnyx-timestamp",
	[HEADER_JAMBONZ_SIGNATURE] = "jambonz-signature",
	[HEADER_META_SIGNATURE] = "x-hub-signature-256",
	[HEADER_TWILIO_IDEMPOTENCY] = "i-twilio-idempotency-token",
};

/* ---- the simple checks: why not, or NULL -----------------------------------
 */

static const char *check_networks(const struct auth_policy *policy,
				  const struct auth_request *request)
{
	const struct auth_rules *rules = policy->rules;

	return network_has(policy->networks + rules->network_first,
			   rules->network_count, &request->peer)
		       ? NULL
		       : "elsewhere";
}

/* Scheme and host are the same in any case (RFC 6454, section 4). */
static const char *check_origin(const struct auth_policy *policy,
				const struct auth_request *request)
{
	const struct auth_words *allowed = &policy->rules->words[AUTH_ORIGINS];
	const char *origin = request->headers[HEADER_ORIGIN];

	if (!origin)
		return "missing";
	for (uint32_t i = 0; i < allowed->count; i++)
		if (strcasecmp(policy->texts + allowed->at[i], origin) == 0)
			return NULL;
	return "elsewhere";
}

static const char *check_certificate(const struct auth_policy *policy,
				     const struct auth_request *request)
{
	const struct auth_words *names =
		&policy->rules->words[AUTH_CERTIFICATE];

	if (!request->has_certificate)
		return "missing";
	if (names->count == 0)
		return NULL;
	for (uint32_t i = 0; i < names->count && request->certificate_name; i++)
		if (strcmp(policy->texts + names->at[i],
			   request->certificate_name) == 0)
			return NULL;
	return "another_name";
}

static const char *compare(const struct auth_policy *policy,
			   enum auth_kind kind, const char *guess)
{
	if (!guess)
		return "missing";
	return secret_is_among(policy, &policy->rules->words[kind], guess)
		       ? NULL
		       : "mismatch";
}

/* What follows the scheme of Authorization; NULL: another scheme, or none. */
static const char *credentials(const struct auth_request *request,
			       const char *scheme)
{
	const char *header = request->headers[HEADER_AUTHORIZATION];
	size_t length = strlen(scheme);

	if (!header || strncasecmp(header, scheme, length) != 0 ||
	    header[length] != ' ')
		return NULL;
	header += length;
	return header + strspn(header, " ");
}

static const char *check_bearer(const struct auth_policy *policy,
				const struct auth_request *request)
{
	return compare(policy, AUTH_BEARER, credentials(request, "Bearer"));
}

static const char *check_basic(const struct auth_policy *policy,
			       const struct auth_request *request)
{
	const char *encoded = credentials(request, "Basic");
	char text[CREDENTIALS_MAX + 1];
	bool user, password;
	int length;
	char *colon;

	if (!encoded)
		return "missing";
	length = base64_to_bytes(encoded, strlen(encoded), false, text,
				 CREDENTIALS_MAX);
	if (length < 0 || memchr(text, '\0', (size_t)length))
		return "malformed";
	text[length] = '\0';
	colon = strchr(text, ':');
	if (!colon)
		return "malformed";
	*colon = '\0';
	/* Both, always. */
	user = secret_equals(policy->texts + policy->rules->user, text);
	password = secret_is_among(policy, &policy->rules->words[AUTH_BASIC],
				   colon + 1);
	return (unsigned)user & (unsigned)password ? NULL : "mismatch";
}

const char *auth_query_value(const struct auth_request *request,
			     const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < request->query_count; i++)
		if (strncmp(request->query[i], name, length) == 0 &&
		    request->query[i][length] == '=')
			return request->query[i] + length + 1;
	return NULL;
}

static const char *token_at(const struct auth_policy *policy,
			    const struct auth_request *request,
			    enum auth_place place, uint32_t name)
{
	return place == AUTH_IN_PATH
		       ? request->path_token
		       : auth_query_value(request, policy->texts + name);
}

static const char *check_token(const struct auth_policy *policy,
			       const struct auth_request *request)
{
	const struct auth_rules *rules = policy->rules;

	return compare(policy, AUTH_TOKEN,
		       token_at(policy, request, rules->token_place,
				rules->token_name));
}

static const char *check_one_time(const struct auth_policy *policy,
				  const struct auth_request *request,
				  const struct auth_memory *memory,
				  uint64_t *call_tag)
{
	const struct auth_rules *rules = policy->rules;
	const char *token;

	if (auth_waits_for_start(rules))
		return NULL; /* see auth_judge_start() */
	token = token_at(policy, request, rules->one_time_place,
			 rules->one_time_name);
	if (!token || !*token)
		return "missing";
	return one_time_take(token, memory->provider, memory->keys,
			     memory->used, request->now_ms, call_tag);
}

/* ---- all of them -----------------------------------------------------------
 */

/* What the caller is told, and what the check is called in log and metric. */
static const struct {
	unsigned status;
	const char *name;
} checks[AUTH_KINDS] = {
	[AUTH_NETWORKS] = { FORBIDDEN, "networks" },
	[AUTH_ORIGINS] = { FORBIDDEN, "origin" },
	[AUTH_CERTIFICATE] = { FORBIDDEN, "client_certificate" },
	[AUTH_BEARER] = { UNAUTHORIZED, "bearer" },
	[AUTH_BASIC] = { UNAUTHORIZED, "basic" },
	[AUTH_TOKEN] = { UNAUTHORIZED, "token" },
	[AUTH_TELNYX] = { UNAUTHORIZED, "telnyx_token" },
	[AUTH_TWILIO] = { FORBIDDEN, "twilio_signature" },
	[AUTH_PLIVO] = { FORBIDDEN, "plivo_signature" },
	[AUTH_VONAGE] = { UNAUTHORIZED, "vonage_token" },
	[AUTH_GENESYS] = { UNAUTHORIZED, "genesys_signature" },
	[AUTH_TELNYX_SIGNATURE] = { FORBIDDEN, "telnyx_signature" },
	[AUTH_JAMBONZ_SIGNATURE] = { FORBIDDEN, "jambonz_signature" },
	[AUTH_META] = { FORBIDDEN, "meta_signature" },
	[AUTH_ONE_TIME] = { UNAUTHORIZED, "one_time" },
};

const char *auth_check_name(enum auth_kind kind)
{
	return checks[kind].name;
}

static const char *check(enum auth_kind kind, const struct auth_policy *policy,
			 const struct auth_request *request,
			 const struct auth_memory *memory, uint64_t *call_tag)
{
	switch (kind) {
	case AUTH_NETWORKS: return check_networks(policy, request);
	case AUTH_ORIGINS: return check_origin(policy, request);
	case AUTH_CERTIFICATE: return check_certificate(policy, request);
	case AUTH_BEARER: return check_bearer(policy, request);
	case AUTH_BASIC: return check_basic(policy, request);
	case AUTH_TOKEN: return check_token(policy, request);
	case AUTH_TELNYX:
		return compare(policy, kind,
			       request->headers[HEADER_TELNYX_TOKEN]);
	case AUTH_TWILIO: return auth_check_twilio(policy, request);
	case AUTH_PLIVO: return auth_check_plivo(policy, request);
	case AUTH_VONAGE: return auth_check_vonage(policy, request);
	case AUTH_GENESYS:
		return auth_check_genesys(policy, request, memory->used);
	case AUTH_TELNYX_SIGNATURE:
		return auth_check_telnyx_signature(policy, request);
	case AUTH_JAMBONZ_SIGNATURE:
		return auth_check_jambonz_signature(policy, request);
	case AUTH_META: return auth_check_meta(request);
	case AUTH_ONE_TIME:
		return check_one_time(policy, request, memory, call_tag);
	default: return "unknown"; /* rather nobody than anybody */
	}
}

static void refuse(struct auth_verdict *verdict, enum auth_kind kind,
		   const char *reason)
{
	verdict->status = checks[kind].status;
	verdict->check = kind;
	verdict->reason = reason;
}

void auth_judge(const struct auth_policy *policy,
		const struct auth_request *request,
		const struct auth_memory *memory, struct auth_verdict *verdict)
{
	*verdict = (struct auth_verdict){ .status = 0 };
	for (unsigned kind = 0; kind < AUTH_KINDS; kind++) {
		const char *wrong;

		if (!(policy->rules->kinds & 1u << kind))
			continue;
		wrong = check((enum auth_kind)kind, policy, request, memory,
			      &verdict->call_tag);
		if (!wrong)
			continue;
		refuse(verdict, (enum auth_kind)kind, wrong);
		return;
	}
}

bool auth_waits_for_start(const struct auth_rules *rules)
{
	return rules->kinds & 1u << AUTH_ONE_TIME &&
	       rules->one_time_place == AUTH_IN_PARAMETER;
}

void auth_judge_start(const char *token, const char *call_id,
		      const struct auth_memory *memory, uint64_t now_ms,
		      struct auth_verdict *verdict)
{
	uint64_t tag = 0;
	const char *wrong = "missing";

	*verdict = (struct auth_verdict){ .status = 0 };
	if (token && *token)
		wrong = one_time_take(token, memory->provider, memory->keys,
				      memory->used, now_ms, &tag);
	if (!wrong && tag &&
	    (!call_id || tag != one_time_call_tag(memory->provider, call_id)))
		wrong = "another_call";
	if (wrong)
		refuse(verdict, AUTH_ONE_TIME, wrong);
}
