/* client.c - one request by libcurl, with the token from its file */
#include "tools/holdctl/client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <curl/curl.h>

#include "server/settings.h"
#include "tools/holdctl/holdctl.h"
#include "tools/holdctl/pin.h"
#include "tools/holdctl/holdctl.h"

#define CONNECT_MS 1000L
#define LOOK_MS	   4000L   /* GET answers from memory */
#define CHANGE_MS  120000L /* POST waits for the drainer */
#define BODY_MAX   ((size_t)1024 * 1024)
#define TOKEN_MAX  256
#define URL_SIZE   160

struct answer {
	char *text;
	size_t length;
};

static size_t collect(char *data, size_t one, size_t count, void *arg)
{
	struct answer *answer = arg;
	size_t length = one * count;
	char *text;

	if (length > BODY_MAX - answer->length)
		return 0;
	text = realloc(answer->text, answer->length + length + 1);
	if (!text)
		return 0;
	memcpy(text + answer->length, data, length);
	answer->text = text;
	answer->length += length;
	text[answer->length] = '\0';
	return length;
}

static bool read_token(const char *path, char out[TOKEN_MAX + 2])
{
	FILE *in = fopen(path, "re");
	bool ok;

	if (!in)
		return false;
	ok = fgets(out, TOKEN_MAX + 2, in) != NULL;
	fclose(in);
	if (ok)
		out[strcspn(out, "\r\n")] = '\0';
	else
		errno = ENODATA;
	return ok;
}

struct question {
	const char *url;
	const char *method; /* NULL: a GET */
	const char *body;   /* NULL: none */
	char pin[PIN_SIZE]; /* who answers must have that key; "": plain */
	struct curl_slist *headers;
};

static void set_options(CURL *curl, const struct question *question,
			struct answer *answer)
{
	curl_easy_setopt(curl, CURLOPT_URL, question->url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, question->headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	/* The token must not travel to a proxy. */
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
			 question->method ? CHANGE_MS : LOOK_MS);
	if (question->method)
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, question->method);
	if (question->body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, question->body);
	if (*question->pin) {
		curl_easy_setopt(curl, CURLOPT_PINNEDPUBLICKEY, question->pin);
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L); /* pin.h */
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

/* False: out of memory. */
static bool add_headers(struct question *question, const char *token)
{
	char authorization[TOKEN_MAX + 32];
	struct curl_slist *more;

	(void)snprintf(authorization, sizeof(authorization),
		       "Authorization: Bearer %s", token);
	question->headers = curl_slist_append(NULL, authorization);
	explicit_bzero(authorization, sizeof(authorization));
	/* libcurl would wait for a "100 Continue" that nobody sends. */
	more = question->headers
		       ? curl_slist_append(question->headers, "Expect:")
		       : NULL;
	if (more)
		more = curl_slist_append(more,
					 "Content-Type: application/json");
	return more != NULL;
}

/* Somebody else who answers will not become our server by waiting. */
static enum client_result not_done(CURLcode code, const char *url,
				   char why[CLIENT_WHY_SIZE])
{
	bool stranger = code == CURLE_SSL_PINNEDPUBKEYNOTMATCH;

	(void)snprintf(why, CLIENT_WHY_SIZE, "%s: %s", url,
		       stranger ? "not the key of control.tls.cert; if that "
				  "was renewed, send SIGHUP"
				: curl_easy_strerror(code));
	return stranger || code == CURLE_WRITE_ERROR ? CLIENT_FAILED
						     : CLIENT_UNREACHED;
}

static enum client_result perform(struct question *question, const char *token,
				  struct answer *answer, long *status,
				  char why[CLIENT_WHY_SIZE])
{
	enum client_result result = CLIENT_OK;
	CURL *curl = curl_easy_init();
	CURLcode code;

	if (!add_headers(question, token) || !curl) {
		(void)snprintf(why, CLIENT_WHY_SIZE, "out of memory");
		result = CLIENT_FAILED;
		goto end;
	}
	set_options(curl, question, answer);
	code = curl_easy_perform(curl);
	if (code != CURLE_OK) {
		result = not_done(code, question->url, why);
		goto end;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
end:
	curl_slist_free_all(question->headers);
	curl_easy_cleanup(curl);
	return result;
}

static enum client_result refused(const struct settings *settings,
				  const char *token, int token_errno,
				  char why[CLIENT_WHY_SIZE])
{
	const char *file = settings->control.token_file;

	if (!*token)
		(void)snprintf(why, CLIENT_WHY_SIZE, "cannot read %s: %s", file,
			       strerror(token_errno));
	else
		(void)snprintf(why, CLIENT_WHY_SIZE,
			       "the server at %s does not take the token in %s",
			       settings->control.listen, file);
	return CLIENT_REFUSED;
}

/* What a status that is no success says, in the server's words if it has any.
 */
static enum client_result understand(const char *url, long status,
				     const struct answer *raw, json_t **answer,
				     char why[CLIENT_WHY_SIZE])
{
	json_t *json =
		raw->text ? json_loads(raw->text, JSON_REJECT_DUPLICATES, NULL)
			  : NULL;
	const char *detail = json_string_value(json_object_get(json, "detail"));

	if (json && status / 100 == 2) {
		*answer = json;
		return CLIENT_OK;
	}
	if (detail)
		(void)snprintf(why, CLIENT_WHY_SIZE, "the server says: %s",
			       detail);
	else
		(void)snprintf(why, CLIENT_WHY_SIZE,
			       "%s answers with status %ld and no JSON: is "
			       "that Holdline?",
			       url, status);
	json_decref(json);
	return detail && status == 503 ? CLIENT_BUSY : CLIENT_FAILED;
}

/* Where the server is to be found, and by what it is known. */
static bool address(const struct settings *settings, const char *path,
		    struct question *question, char url[URL_SIZE],
		    char why[CLIENT_WHY_SIZE])
{
	const char *cert = settings->control.tls.cert;
	int r = *cert ? pin_of_certificate(cert, question->pin) : 0;

	(void)snprintf(url, URL_SIZE, "http%s://%s%s", *cert ? "s" : "",
		       settings->control.listen, path);
	if (r == 0)
		return true;
	(void)snprintf(why, CLIENT_WHY_SIZE, "control.tls.cert: %s: %s", cert,
		       r == -EINVAL ? "no certificate in it" : strerror(-r));
	return false;
}

static enum client_result request(const struct settings *settings,
				  const char *method, const char *path,
				  const char *body, json_t **answer,
				  char why[CLIENT_WHY_SIZE])
{
	char token[TOKEN_MAX + 2] = "", url[URL_SIZE];
	struct question question = { .url = url,
				     .method = method,
				     .body = body };
	struct answer raw = { 0 };
	int token_errno = 0;
	long status = 0;
	enum client_result result;

	if (!address(settings, path, &question, url, why))
		return CLIENT_FAILED;
	if (!read_token(settings->control.token_file, token))
		token_errno = errno;
	result = perform(&question, token, &raw, &status, why);
	if (result == CLIENT_OK && status == 401)
		result = refused(settings, token, token_errno, why);
	else if (result == CLIENT_OK)
		result = understand(url, status, &raw, answer, why);
	free(raw.text);
	explicit_bzero(token, sizeof(token));
	return result;
}

enum client_result client_get(const struct settings *settings, const char *path,
			      json_t **answer, char why[CLIENT_WHY_SIZE])
{
	return request(settings, NULL, path, NULL, answer, why);
}

enum client_result client_change(const struct settings *settings,
				 const char *method, const char *path,
				 const json_t *body, json_t **answer,
				 char why[CLIENT_WHY_SIZE])
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	enum client_result result;

	if (body && !text) {
		(void)snprintf(why, CLIENT_WHY_SIZE, "out of memory");
		return CLIENT_FAILED;
	}
	result = request(settings, method, path, text, answer, why);
	if (text)
		explicit_bzero(text, strlen(text)); /* maybe a password */
	free(text);
	return result;
}

enum client_result client_post(const struct settings *settings,
			       const char *path, const json_t *body,
			       json_t **answer, char why[CLIENT_WHY_SIZE])
{
	return client_change(settings, "POST", path, body, answer, why);
}

int client_complain(enum client_result result, const char *why)
{
	return complain(result == CLIENT_UNREACHED || result == CLIENT_BUSY
				? STATUS_UNREACHED
				: STATUS_FAILED,
			"%s", why);
}
