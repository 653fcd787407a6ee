/*
 * jwt.c - JSON Web Tokens signed with HS256 (see jwt.h)
 *
 * After the signature the times are looked at. A token without an end is good
 * for a while after its beginning; without either it is good for ever, and so
 * for nothing.
 */
#include "server/auth/jwt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#define PART_MAX 2048  /* bytes of a header or a payload, decoded */
#define SKEW_S	 30.0  /* clocks differ */
#define LIFE_S	 300.0 /* of a token that does not say its own */
#define VARIANT	 sodium_base64_VARIANT_URLSAFE_NO_PADDING

/* The JSON object in base64 of URLs; the caller's to release, or NULL. */
static json_t *read_part(const char *text, size_t length)
{
	char bytes[PART_MAX];
	int size = base64_to_bytes(text, length, true, bytes, sizeof(bytes));
	json_t *part = size < 0 ? NULL
				: json_loadb(bytes, (size_t)size,
					     JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(part))
		return part;
	json_decref(part);
	return NULL;
}

static bool is_hs256(const char *text, size_t length)
{
	json_t *header = read_part(text, length);
	const char *algorithm =
		json_string_value(json_object_get(header, "alg"));
	bool is = algorithm && strcmp(algorithm, "HS256") == 0;

	json_decref(header);
	return is;
}

/* A claim that is there must be a number; `*value` is 0 when it is not. */
static bool read_time(const json_t *claims, const char *name, double *value)
{
	const json_t *claim = json_object_get(claims, name);

	*value = json_number_value(claim);
	return !claim || (json_is_number(claim) && *value > 0);
}

static const char *judge_times(const json_t *claims, double now_s)
{
	double expires, issued, begins;

	if (!claims || !read_time(claims, "exp", &expires) ||
	    !read_time(claims, "iat", &issued) ||
	    !read_time(claims, "nbf", &begins))
		return "malformed";
	if (expires == 0 && issued == 0)
		return "malformed";
	if (expires == 0)
		expires = issued + LIFE_S;
	if (issued > now_s + SKEW_S || begins > now_s + SKEW_S)
		return "not_yet_valid";
	return expires + SKEW_S <= now_s ? "expired" : NULL;
}

json_t *jwt_open(const char *token, jwt_judge *judge, const void *keys,
		 double now_s, const char **wrong)
{
	size_t header = strcspn(token, ".");
	size_t payload = token[header] ? strcspn(token + header + 1, ".") : 0;
	size_t covered = header + 1 + payload; /* by the signature */
	uint8_t signature[HMAC_SHA256_SIZE];
	json_t *claims;

	*wrong = "malformed";
	if (payload == 0 || token[covered] != '.')
		return NULL;
	if (base64_to_bytes(token + covered + 1, strlen(token + covered + 1),
			    true, signature,
			    sizeof(signature)) != sizeof(signature))
		return NULL;
	*wrong = "mismatch";
	if (!judge(keys, token, covered, signature) || !is_hs256(token, header))
		return NULL;
	claims = read_part(token + header + 1, payload);
	*wrong = judge_times(claims, now_s);
	if (!*wrong)
		return claims;
	json_decref(claims);
	return NULL;
}

/* Appends the bytes in base64 of URLs. */
static size_t put_part(char *out, size_t room, const void *bytes, size_t size)
{
	if (!sodium_bin2base64(out, room, bytes, size, VARIANT))
		return 0;
	return strlen(out);
}

char *jwt_make(json_t *claims, const char *key)
{
	static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
	char *payload = claims ? json_dumps(claims, JSON_COMPACT) : NULL;
	size_t size = payload ? strlen(payload) : 0, used;
	size_t room = sodium_base64_ENCODED_LEN(sizeof(header), VARIANT) +
		      sodium_base64_ENCODED_LEN(size, VARIANT) +
		      sodium_base64_ENCODED_LEN(HMAC_SHA256_SIZE, VARIANT);
	char *token = payload ? malloc(room) : NULL;
	uint8_t digest[HMAC_SHA256_SIZE];

	json_decref(claims);
	if (token) {
		used = put_part(token, room, header, sizeof(header) - 1);
		token[used++] = '.';
		used += put_part(token + used, room - used, payload, size);
		if (hmac_sha256(key, strlen(key), token, used, digest) == 0) {
			token[used++] = '.';
			(void)put_part(token + used, room - used, digest,
				       sizeof(digest));
		} else {
			free(token);
			token = NULL;
		}
	}
	free(payload);
	return token;
}
