/* post.c - a signed message on its way to a webhook (see post.h) */
#include "server/control/events/post.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "server/clock.h"
#include "server/trace.h"
#include "holdline_version.h"

#define CONNECT_MS	  5000L
#define ANSWER_MS	  15000L
#define ANSWER_BYTES_MAX  65536u
#define RETRY_AFTER_S_MAX 3600

struct post {
	CURLM *multi; /* borrowed */
	CURL *curl;
	struct curl_slist *headers;
	size_t answer_bytes;
	void *owner;
};

/* ---- what is sent ----------------------------------------------------------
 */

int post_sign(const char *secret, int64_t wall_s, const char *body,
	      size_t length, char out[POST_SIGNATURE_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char *text = malloc(length + 24);
	unsigned digest_length = 0;
	bool signed_;
	int n;

	if (!text)
		return -ENOMEM;
	n = snprintf(text, 24, "%lld.", (long long)wall_s);
	memcpy(text + n, body, length);
	signed_ = HMAC(EVP_sha256(), secret, (int)strlen(secret),
		       (const unsigned char *)text, (size_t)n + length, digest,
		       &digest_length);
	free(text);
	if (!signed_)
		return -EIO;
	n = snprintf(out, POST_SIGNATURE_SIZE, "t=%lld,v1=", (long long)wall_s);
	for (unsigned i = 0; i < digest_length; i++)
		n += snprintf(out + n, POST_SIGNATURE_SIZE - (size_t)n, "%02x",
			      digest[i]);
	return 0;
}

static bool add_header(struct curl_slist **headers, const char *name,
		       const char *value)
{
	char line[160];
	struct curl_slist *longer;

	(void)snprintf(line, sizeof(line), "%s: %s", name, value);
	longer = curl_slist_append(*headers, line);
	if (longer)
		*headers = longer;
	return longer;
}

static bool make_headers(struct post *post, const struct post_options *o)
{
	int64_t now_s = clock_wall_us() / 1000000;
	char signature[POST_SIGNATURE_SIZE], parent[TRACEPARENT_SIZE];
	struct trace trace;

	trace_follow(o->trace_id, &trace);
	trace_parent(&trace, parent);
	if (!add_header(&post->headers, "Content-Type", "application/json") ||
	    !add_header(&post->headers, "traceparent", parent) ||
	    !add_header(&post->headers, "X-Holdline-Delivery", o->id))
		return false;
	if (!*o->secret)
		return true;
	return post_sign(o->secret, now_s, o->body, o->length, signature) ==
		       0 &&
	       add_header(&post->headers, "X-Holdline-Signature", signature);
}

/* Ends a transfer whose receiver does not stop talking. */
static size_t ignore(char *data, size_t size, size_t count, void *arg)
{
	struct post *post = arg;

	(void)data;
	post->answer_bytes += size * count;
	return post->answer_bytes <= ANSWER_BYTES_MAX ? size * count : 0;
}

static void set_options(struct post *post, const struct post_options *o)
{
	CURL *curl = post->curl;

	curl_easy_setopt(curl, CURLOPT_URL, o->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "Holdline/" HOLDLINE_VERSION);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, post->headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, o->body);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)o->length);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, post);
	curl_easy_setopt(curl, CURLOPT_PRIVATE, post->owner);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ANSWER_MS);
}

/* ---- a post's life ---------------------------------------------------------
 */

int post_begin(struct post **ret, CURLM *multi,
	       const struct post_options *options)
{
	struct post *post = calloc(1, sizeof(*post));

	if (!post)
		return -ENOMEM;
	post->owner = options->owner;
	post->curl = curl_easy_init();
	if (!post->curl || !make_headers(post, options))
		goto fail;
	set_options(post, options);
	if (curl_multi_add_handle(multi, post->curl) != CURLM_OK)
		goto fail;
	post->multi = multi;
	*ret = post;
	return 0;
fail:
	post_end(post, CURLE_OUT_OF_MEMORY, NULL);
	return -ENOMEM;
}

void *post_owner(CURL *handle)
{
	char *owner = NULL;

	curl_easy_getinfo(handle, CURLINFO_PRIVATE, &owner);
	return owner;
}

/* A receiver that took the message and then would not stop talking took it. */
static void judge(const struct post *post, CURLcode code,
		  struct post_result *result)
{
	curl_off_t retry_after_s = 0;
	long status = 0;

	*result = (struct post_result){ .taken = false };
	curl_easy_getinfo(post->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(post->curl, CURLINFO_RETRY_AFTER, &retry_after_s);
	result->taken = (code == CURLE_OK || code == CURLE_WRITE_ERROR) &&
			status / 100 == 2;
	if (retry_after_s > RETRY_AFTER_S_MAX)
		retry_after_s = RETRY_AFTER_S_MAX;
	if (retry_after_s > 0)
		result->retry_after_ms = (uint32_t)retry_after_s * 1000;
	if (code == CURLE_OK)
		(void)snprintf(result->trouble, sizeof(result->trouble),
			       "answered %ld", status);
	else
		(void)snprintf(result->trouble, sizeof(result->trouble), "%s",
			       curl_easy_strerror(code));
}

void post_end(struct post *post, CURLcode code, struct post_result *result)
{
	if (!post)
		return;
	if (result)
		judge(post, code, result);
	if (post->multi)
		curl_multi_remove_handle(post->multi, post->curl);
	curl_easy_cleanup(post->curl);
	curl_slist_free_all(post->headers);
	free(post);
}
