/*
 * auth.h - may this caller in? The checks of a route, as pure functions
 *
 * A route's settings name checks; all of them must pass. What a check needs of
 * the handshake stands in struct auth_request, put together by whoever has the
 * socket. Nothing here reads a file, a clock or a socket, so a test is an
 * array of rows.
 *
 *   networks, origins, client_certificate   who is it, from where
 *   twilio, plivo                           the signed URL of the upgrade
 *   vonage, genesys                         a signed token, a signed message
 *   telnyx_signature, jambonz_signature     a signed webhook
 *   meta                                    likewise, of up to megabytes
 *   telnyx, bearer, basic, token            a secret that comes as it is
 *   one_time                                a token of ours, valid once
 *
 * Secrets are compared in constant time, with all that may be in force, and
 * over all spellings of a signed URL before anything is decided: how long the
 * answer takes tells nothing about how nearly right a guess was.
 *
 * What may be used once (one_time, the nonces of genesys) is noted in a table
 * that the caller shares with others, and only after all else has passed.
 *
 * Thread: any.
 */
#ifndef SERVER_AUTH_AUTH_H
#define SERVER_AUTH_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/auth/network.h"

struct body_mac;
struct once_table;
struct one_time_keys;

/* Cheap ones first; what is used up by a success comes last. */
enum auth_kind {
	AUTH_NETWORKS,
	AUTH_ORIGINS,
	AUTH_CERTIFICATE,
	AUTH_BEARER,
	AUTH_BASIC,
	AUTH_TOKEN,
	AUTH_TELNYX,
	AUTH_TWILIO,
	AUTH_PLIVO,
	AUTH_VONAGE,
	AUTH_GENESYS,
	AUTH_TELNYX_SIGNATURE,
	AUTH_JAMBONZ_SIGNATURE,
	AUTH_META,
	AUTH_ONE_TIME,
	AUTH_KINDS
};

/* As in the settings; for logs and metrics auth_check_name(). */
extern const char *const auth_kind_words[AUTH_KINDS];
const char *auth_check_name(enum auth_kind kind);

/* Texts of the settings stand in one array, and are known by where: so the
 * settings can be copied. Offset 0 is the empty text. */
#define AUTH_WORDS_MAX	 16
#define AUTH_SECRETS_MAX 4 /* in force at once */
struct auth_words {
	uint32_t count;
	uint32_t at[AUTH_WORDS_MAX];
};

/* Where a token comes; once settings are loaded it is known. */
enum auth_place { AUTH_UNSAID, AUTH_IN_QUERY, AUTH_IN_PATH, AUTH_IN_PARAMETER };

/* What a route wants. */
struct auth_rules {
	uint32_t kinds; /* 1 << enum auth_kind; 0: open to all */
	/* What each check compares with: its secrets, the origins, the common
	 * names of certificates (none: any that TLS accepted). */
	struct auth_words words[AUTH_KINDS];
	uint32_t file[AUTH_KINDS];  /* where they were read from, or 0 */
	struct auth_words api_keys; /* genesys */
	uint32_t api_key_file;
	struct auth_words verify_tokens; /* meta */
	uint32_t verify_token_file;
	uint32_t user;		  /* basic */
	bool signature_optional;  /* twilio: judged only if it is there */
	bool authorization_as_is; /* vonage: the header is the secret */
	enum auth_place token_place, one_time_place;
	uint32_t token_name, one_time_name; /* in query and parameters */
	uint32_t network_first, network_count;
};

/* A route's rules, with what their offsets and indices lead to. */
struct auth_policy {
	const struct auth_rules *rules;
	const char *texts;
	const struct network *networks;
};

enum auth_header {
	HEADER_AUTHORIZATION,
	HEADER_ORIGIN,
	HEADER_TWILIO_SIGNATURE,
	HEADER_PLIVO_SIGNATURE,
	HEADER_PLIVO_NONCE,
	HEADER_TELNYX_TOKEN,
	HEADER_API_KEY,
	HEADER_ORGANIZATION,
	HEADER_SESSION,
	HEADER_CORRELATION,
	HEADER_SIGNATURE_INPUT,
	HEADER_SIGNATURE,
	HEADER_SIGNALWIRE_SIGNATURE,
	HEADER_TELNYX_SIGNATURE,
	HEADER_TELNYX_TIMESTAMP,
	HEADER_JAMBONZ_SIGNATURE,
	HEADER_META_SIGNATURE,
	HEADER_TWILIO_IDEMPOTENCY, /* no check: what a repeat shares */
	AUTH_HEADERS
};
/* In lower case, without the colon. */
extern const char *const auth_header_names[AUTH_HEADERS];

#define AUTH_QUERY_MAX 32 /* Exotel asks its webhooks with some twenty */

/* The handshake. Everything is borrowed. */
struct auth_request {
	const char *scheme;	/* as the provider was told: "wss" */
	const char *authority;	/* host, perhaps with :port; likewise */
	const char *path;	/* with its token */
	const char *path_token; /* the last segment, where a route says so */
	const char *query[AUTH_QUERY_MAX]; /* "name=value", decoded */
	size_t query_count;
	/* What a signature covers behind the URL: of a webhook's POST the
	 * parameters, sorted, name by value; NULL: nothing. */
	const char *signed_tail;
	const char *body; /* of a webhook's POST, as it came; NULL: none */
	size_t body_length;
	struct body_mac *body_mac; /* of a POST to a door of Meta's, or NULL */
	const char *headers[AUTH_HEADERS]; /* NULL: not there */
	struct address peer;
	bool has_certificate;	      /* that TLS accepted */
	const char *certificate_name; /* its common name, or NULL */
	uint64_t now_ms;	      /* wall clock */
};

struct auth_verdict {
	unsigned status;      /* 0: passed; else 401 or 403 */
	enum auth_kind check; /* that refused */
	const char *reason;   /* constant text, one word */
	/* A one-time token came with the handshake: the call it is for. */
	uint64_t call_tag; /* one_time_call_tag(); 0: any */
};

/* What is used once, and the keys of what we issued. */
struct auth_memory {
	struct once_table *used;
	const struct one_time_keys *keys;
	const char *provider; /* of the route: a token is for one */
};

void auth_judge(const struct auth_policy *policy,
		const struct auth_request *request,
		const struct auth_memory *memory, struct auth_verdict *verdict);

/* Must the start message bring a token? */
bool auth_waits_for_start(const struct auth_rules *rules);
/* Whether the token in the start (NULL: none) may open that call. */
void auth_judge_start(const char *token, const char *call_id,
		      const struct auth_memory *memory, uint64_t now_ms,
		      struct auth_verdict *verdict);

/* The value of "name=value", or NULL. */
const char *auth_query_value(const struct auth_request *request,
			     const char *name);

/* ---- for the checks: why not, as a word; NULL: passed ----------------------
 */

const char *auth_check_twilio(const struct auth_policy *policy,
			      const struct auth_request *request);
const char *auth_check_plivo(const struct auth_policy *policy,
			     const struct auth_request *request);
const char *auth_check_vonage(const struct auth_policy *policy,
			      const struct auth_request *request);
const char *auth_check_genesys(const struct auth_policy *policy,
			       const struct auth_request *request,
			       struct once_table *used);
const char *auth_check_telnyx_signature(const struct auth_policy *policy,
					const struct auth_request *request);
const char *auth_check_jambonz_signature(const struct auth_policy *policy,
					 const struct auth_request *request);
const char *auth_check_meta(const struct auth_request *request);

#endif
