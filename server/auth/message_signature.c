/*
 * message_signature.c - Genesys AudioHook: an API key and a signed handshake
 *
 * HTTP Message Signatures as Genesys has them (draft 11 of what became RFC
 * 9421; developer.genesys.cloud/devapps/audiohook/security):
 *
 *   Signature-Input: sig1=("@request-target" "@authority" "x-api-key" ...);
 *                    keyid="..";nonce="..";alg="hmac-sha256";created=N;expires=N
 *   Signature:       sig1=:BASE64:
 *
 * Signed is a line `"name": value` for each component in the order of the list,
 * then `"@signature-params": ` and all that follows `sig1=`; the key is the
 * client secret, which is base64 itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/auth/auth.h"
#include "server/auth/once.h"
#include "server/auth/secret.h"
#include "server/auth/signed_text.h"

#define VALUE_SIZE  257
#define KEY_MAX	    256 /* bytes of a client secret */
#define NONCE_LEAST 22	/* characters: 16 bytes in base64 */
#define OLD_S	    10
#define SKEW_S	    3

/* What must be signed; each once. */
enum component {
	TARGET,
	AUTHORITY,
	ORGANIZATION,
	SESSION,
	CORRELATION,
	API_KEY,
	COMPONENTS
};
static const char *const component_names[COMPONENTS] = {
	"@request-target",	     "@authority",
	"audiohook-organization-id", "audiohook-session-id",
	"audiohook-correlation-id",  "x-api-key",
};

/* Signature-Input, taken apart. */
struct input {
	char label[32];
	const char *params; /* all behind "label=" */
	enum component order[COMPONENTS];
	char keyid[VALUE_SIZE], nonce[VALUE_SIZE], alg[32];
	uint64_t created_s, expires_s;
};

/* ---- reading Signature-Input -----------------------------------------------
 */

/* A quoted word without escapes; where it ends, or NULL. */
static const char *read_quoted(const char *at, char *out, size_t size)
{
	size_t length;

	if (*at != '"')
		return NULL;
	length = strcspn(++at, "\"\\");
	if (at[length] != '"' || length >= size)
		return NULL;
	memcpy(out, at, length);
	out[length] = '\0';
	return at + length + 1;
}

static int find_component(const char *name)
{
	for (int i = 0; i < COMPONENTS; i++)
		if (strcmp(component_names[i], name) == 0)
			return i;
	return -1;
}

/* The list in brackets: all components, each once. */
static const char *read_components(const char *at, struct input *input)
{
	unsigned seen = 0;
	char name[VALUE_SIZE];

	if (*at++ != '(')
		return NULL;
	for (int n = 0; n < COMPONENTS; n++) {
		int component;

		at += strspn(at, " ");
		at = read_quoted(at, name, sizeof(name));
		if (!at)
			return NULL;
		component = find_component(name);
		if (component < 0 || seen & 1u << component)
			return NULL;
		seen |= 1u << component;
		input->order[n] = (enum component)component;
	}
	at += strspn(at, " ");
	return *at == ')' ? at + 1 : NULL;
}

static const char *read_seconds(const char *at, uint64_t *seconds)
{
	size_t digits = strspn(at, "0123456789");

	if (digits == 0 || digits > 12)
		return NULL;
	*seconds = strtoull(at, NULL, 10);
	return at + digits;
}

/* One ";name=value"; names that we do not know are an error: what they ask for
 * we would not do. */
static const char *read_parameter(const char *at, struct input *input)
{
	size_t length;
	const char *value;

	if (*at++ != ';')
		return NULL;
	at += strspn(at, " ");
	length = strcspn(at, "=");
	if (!at[length])
		return NULL;
	value = at + length + 1;
#define IS(name) (length == sizeof(name) - 1 && memcmp(at, name, length) == 0)
	if (IS("keyid"))
		return read_quoted(value, input->keyid, sizeof(input->keyid));
	if (IS("nonce"))
		return read_quoted(value, input->nonce, sizeof(input->nonce));
	if (IS("alg"))
		return read_quoted(value, input->alg, sizeof(input->alg));
	if (IS("created"))
		return read_seconds(value, &input->created_s);
	if (IS("expires"))
		return read_seconds(value, &input->expires_s);
#undef IS
	return NULL;
}

static bool read_input(const char *header, struct input *input)
{
	size_t label = strcspn(header, "= ,");
	const char *at;

	*input = (struct input){ .created_s = 0 };
	if (label == 0 || label >= sizeof(input->label) || header[label] != '=')
		return false;
	memcpy(input->label, header, label);
	input->params = at = header + label + 1;
	at = read_components(at, input);
	while (at && *at)
		at = read_parameter(at, input);
	return at && input->keyid[0] && strlen(input->nonce) >= NONCE_LEAST &&
	       strcmp(input->alg, "hmac-sha256") == 0 && input->created_s > 0 &&
	       input->expires_s > 0;
}

/* "label=:BASE64:" */
static bool read_signature(const char *header, const char *label,
			   uint8_t out[HMAC_SHA256_SIZE])
{
	size_t length = strlen(label);

	if (strncmp(header, label, length) != 0 || header[length] != '=' ||
	    header[length + 1] != ':')
		return false;
	header += length + 2;
	length = strcspn(header, ":");
	return strcmp(header + length, ":") == 0 &&
	       base64_to_bytes(header, length, false, out, HMAC_SHA256_SIZE) ==
		       HMAC_SHA256_SIZE;
}

/* ---- what was signed -------------------------------------------------------
 */

/* In lower case, without a port that follows from the scheme. */
static void add_authority(struct signed_text *base, const char *authority)
{
	size_t length = strlen(authority);
	char text[VALUE_SIZE];

	if (length > 4 && strcmp(authority + length - 4, ":443") == 0)
		length -= 4;
	if (length >= sizeof(text)) {
		base->too_long = true;
		return;
	}
	for (size_t i = 0; i < length; i++)
		text[i] = (char)(authority[i] >= 'A' && authority[i] <= 'Z'
					 ? authority[i] + ('a' - 'A')
					 : authority[i]);
	text[length] = '\0';
	signed_text_add(base, text);
}

static void add_component(struct signed_text *base, enum component component,
			  const struct auth_request *request, bool encoded)
{
	static const enum auth_header headers[COMPONENTS] = {
		[ORGANIZATION] = HEADER_ORGANIZATION,
		[SESSION] = HEADER_SESSION,
		[CORRELATION] = HEADER_CORRELATION,
		[API_KEY] = HEADER_API_KEY,
	};
	const char *value = request->headers[headers[component]];

	signed_text_add(base, "\"");
	signed_text_add(base, component_names[component]);
	signed_text_add(base, "\": ");
	if (component == TARGET) {
		signed_text_add(base, request->path);
		signed_text_add_query(base, request->query,
				      request->query_count, encoded);
	} else if (component == AUTHORITY) {
		add_authority(base, request->authority);
	} else {
		signed_text_add(base, value ? value : "");
	}
	signed_text_add(base, "\n");
}

static bool is_digest_of(const struct auth_policy *policy,
			 const struct signed_text *base,
			 const uint8_t signature[HMAC_SHA256_SIZE])
{
	const struct auth_words *secrets = &policy->rules->words[AUTH_GENESYS];
	uint8_t key[KEY_MAX], digest[HMAC_SHA256_SIZE];
	unsigned passed = 0;

	for (uint32_t i = 0; i < secrets->count && !base->too_long; i++) {
		const char *secret = policy->texts + secrets->at[i];
		int size = base64_to_bytes(secret, strlen(secret), false, key,
					   sizeof(key));

		passed |= size > 0 &&
			  hmac_sha256(key, (size_t)size, base->text,
				      base->length, digest) == 0 &&
			  secret_same_bytes(digest, signature, sizeof(digest));
	}
	return passed != 0;
}

static bool is_signed(const struct auth_policy *policy,
		      const struct auth_request *request,
		      const struct input *input,
		      const uint8_t signature[HMAC_SHA256_SIZE])
{
	unsigned passed = 0;

	/* The query in both spellings; without one they are the same. */
	for (int encoded = 0; encoded < 2; encoded++) {
		struct signed_text base = { .length = 0 };

		for (int i = 0; i < COMPONENTS; i++)
			add_component(&base, input->order[i], request, encoded);
		signed_text_add(&base, "\"@signature-params\": ");
		signed_text_add(&base, input->params);
		passed |= is_digest_of(policy, &base, signature);
	}
	return passed != 0;
}

/* ---- the verdict -----------------------------------------------------------
 */

static const char *judge_times(const struct input *input, uint64_t now_s)
{
	if (input->created_s > now_s + SKEW_S)
		return "not_yet_valid";
	if (input->created_s + OLD_S + SKEW_S < now_s ||
	    input->expires_s + SKEW_S < now_s)
		return "expired";
	return NULL;
}

/* A request that is older than a few seconds is refused for its age, so a nonce
 * need not be remembered longer. */
static const char *judge_nonce(const struct input *input,
			       struct once_table *used, uint64_t now_s)
{
	static const char purpose[] = "genesys nonce";
	uint8_t id[HMAC_SHA256_SIZE];

	if (hmac_sha256(purpose, sizeof(purpose), input->nonce,
			strlen(input->nonce), id) < 0)
		return "internal";
	switch (once_use(used, id, now_s,
			 input->created_s + OLD_S + SKEW_S + 1)) {
	case ONCE_FIRST: return NULL;
	case ONCE_AGAIN: return "replayed";
	default: return "too_many_nonces";
	}
}

static const char *judge_signature(const struct auth_policy *policy,
				   const struct auth_request *request,
				   struct once_table *used)
{
	const char *header = request->headers[HEADER_SIGNATURE_INPUT];
	const char *signature = request->headers[HEADER_SIGNATURE];
	uint64_t now_s = request->now_ms / 1000;
	uint8_t bytes[HMAC_SHA256_SIZE];
	const char *wrong;
	struct input input;

	if (!header || !signature || !request->headers[HEADER_ORGANIZATION] ||
	    !request->headers[HEADER_SESSION] ||
	    !request->headers[HEADER_CORRELATION])
		return "missing";
	if (!read_input(header, &input) ||
	    !read_signature(signature, input.label, bytes))
		return "malformed";
	if (!is_signed(policy, request, &input, bytes) ||
	    !secret_equals(request->headers[HEADER_API_KEY], input.keyid))
		return "mismatch";
	wrong = judge_times(&input, now_s);
	return wrong ? wrong : judge_nonce(&input, used, now_s);
}

const char *auth_check_genesys(const struct auth_policy *policy,
			       const struct auth_request *request,
			       struct once_table *used)
{
	const struct auth_rules *rules = policy->rules;
	const char *key = request->headers[HEADER_API_KEY];

	if (!key)
		return "missing";
	if (!secret_is_among(policy, &rules->api_keys, key))
		return "mismatch";
	/* An API key that has no client secret comes without a signature. */
	return rules->words[AUTH_GENESYS].count == 0
		       ? NULL
		       : judge_signature(policy, request, used);
}
