/*
 * post.h - a signed message on its way to a webhook of somebody else's
 *
 *   X-Holdline-Delivery: 0199...    the message's id: the same however often it
 *                                   is tried
 *   traceparent: 00-4bf92f...-01    of the call's trace, or a new one (trace.h)
 *   X-Holdline-Signature: t=1795414620,v1=6ffbb59b2300aae63f27240606a9788...
 *
 * v1 is the HMAC-SHA256, in hex, of t, a dot and the body, with the webhook's
 * secret as the key. A receiver computes it again, and refuses an old t, so
 * that nobody can replay what he overheard.
 *
 * Redirects are not followed, for they could lead a signed message anywhere; an
 * answer is not read beyond a bound; a certificate must be good. A post that is
 * over leaves its resolver thread behind, if that hangs, rather than wait for
 * it.
 *
 * Thread: a post belongs to the thread of its multi handle.
 */
#ifndef SERVER_CONTROL_EVENTS_POST_H
#define SERVER_CONTROL_EVENTS_POST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <curl/curl.h>

struct post;

struct post_options { /* all of it borrowed until post_end() */
	const char *url;
	const char *secret; /* "": it is not signed */
	const char *id;
	const char *trace_id; /* of what it tells; NULL: of none */
	const char *body;
	size_t length;
	void *owner; /* for post_owner() */
};

struct post_result {
	bool taken;		 /* the receiver said 2xx */
	uint32_t retry_after_ms; /* what it asked for, at most an hour; 0 */
	char trouble[96];	 /* why it was not taken, for a log */
};

/* Puts it on its way. 0 or -ENOMEM. */
int post_begin(struct post **ret, CURLM *multi,
	       const struct post_options *options);
/* Whose post is that handle, which its multi says is done? */
void *post_owner(CURL *handle);
/* It is over, or given up (result NULL); frees. Accepts NULL. */
void post_end(struct post *post, CURLcode code, struct post_result *result);

#define POST_SIGNATURE_SIZE 96
/* "t=...,v1=...": 0, -ENOMEM, or -EIO when OpenSSL does not do it. */
int post_sign(const char *secret, int64_t wall_s, const char *body,
	      size_t length, char out[POST_SIGNATURE_SIZE]);

#endif
