/*
 * one_time.h - tokens of ours that open one call, once, and only for a while
 *
 * For providers that cannot sign. Our answer to the provider's webhook holds
 * the address of the media endpoint and a token; the provider brings the token
 * along in the path, the query or a parameter of its start message.
 *
 *   bytes  version 1 | expiry 6 (ms) | nonce 9 | call 8 | HMAC-SHA256, 16 of it
 *
 * written as 80 hexadecimal digits, which every provider passes on as they are.
 * `call` is a digest of the provider and of its id of the call, or 0 where that
 * is not known yet. The HMAC covers all before it and the provider's name.
 *
 * The keys stand on the board: whoever issues and whoever verifies are other
 * processes. They are random at each start, or derived from auth.token_secret,
 * where several nodes are to take each other's tokens; the first key signs, all
 * verify. What was used is noted in a table (once.h) that all media processes
 * of the node share; other nodes do not, within the token's short life.
 *
 * Thread: any; keys are published by the supervisor alone.
 */
#ifndef SERVER_AUTH_ONE_TIME_H
#define SERVER_AUTH_ONE_TIME_H

#include <stddef.h>
#include <stdint.h>

struct once_table;

#define ONE_TIME_KEYS	    4
#define ONE_TIME_KEY_SIZE   32
#define ONE_TIME_TOKEN_SIZE 81 /* with its NUL */
/* The parameter of a start message in which it comes, unless a route says
 * another. */
#define ONE_TIME_PARAMETER "holdline_token"

struct one_time_keys {
	uint32_t count;
	uint8_t key[ONE_TIME_KEYS][ONE_TIME_KEY_SIZE];
};

/* Supervisor, before the roles start and on a reload: the keys that follow from
 * the secrets, or, with none, random ones, which then stay until the end. 0 or
 * -errno. */
int one_time_publish_keys(const char *const *secrets, size_t count);
/* The keys in force. */
void one_time_read_keys(struct one_time_keys *keys);

/* A fresh token. `call_id` is "" where it is not known. 0, -ENOSPC when `out`
 * is smaller than ONE_TIME_TOKEN_SIZE, -ENOKEY when there are no keys yet, or
 * -EIO. */
int one_time_issue(char *out, size_t size, const char *provider,
		   const char *call_id_or_empty, uint64_t now_ms,
		   uint32_t ttl_ms);

/* What a token may be bound to; never 0. */
uint64_t one_time_call_tag(const char *provider, const char *call_id);

/* Verifies, and on success uses it up: NULL, and the call it is for in
 * *call_tag (0: any). Else why not, in a word. */
const char *one_time_take(const char *token, const char *provider,
			  const struct one_time_keys *keys,
			  struct once_table *used, uint64_t now_ms,
			  uint64_t *call_tag);

#endif
