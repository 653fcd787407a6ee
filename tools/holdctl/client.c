/* client.c - one GET by libcurl, with the token from its file */
#include "tools/holdctl/client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <curl/curl.h>

#include "server/settings.h"

#define CONNECT_MS 1000L
#define ANSWER_MS  4000L
#define BODY_MAX   ((size_t)1024 * 1024)
#define TOKEN_MAX  256

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

static void set_options(CURL *curl, const char *url, struct curl_slist *headers,
			struct answer *answer)
{
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	/* The token must not travel to a proxy. */
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ANSWER_MS);
}

static enum client_result perform(const char *url, const char *token,
				  struct answer *answer, long *status,
				  char *why, size_t why_size)
{
	char authorization[TOKEN_MAX + 32];
	struct curl_slist *headers;
	enum client_result result = CLIENT_OK;
	CURL *curl = curl_easy_init();
	CURLcode code;

	(void)snprintf(authorization, sizeof(authorization),
		       "Authorization: Bearer %s", token);
	headers = curl_slist_append(NULL, authorization);
	if (!curl || !headers) {
		(void)snprintf(why, why_size, "out of memory");
		result = CLIENT_FAILED;
		goto end;
	}
	set_options(curl, url, headers, answer);
	code = curl_easy_perform(curl);
	if (code != CURLE_OK) {
		(void)snprintf(why, why_size, "%s: %s", url,
			       curl_easy_strerror(code));
		result = code == CURLE_WRITE_ERROR ? CLIENT_FAILED
						   : CLIENT_UNREACHED;
		goto end;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
end:
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	return result;
}

enum client_result client_get(const struct settings *settings, const char *path,
			      json_t **body, char *why, size_t why_size)
{
	const char *token_file = settings->control.token_file;
	char token[TOKEN_MAX + 2] = "", url[160];
	struct answer answer = { 0 };
	bool has_token = read_token(token_file, token);
	int token_errno = errno;
	long status = 0;
	enum client_result result;

	(void)snprintf(url, sizeof(url), "http://%s%s",
		       settings->control.listen, path);
	result = perform(url, token, &answer, &status, why, why_size);
	if (result != CLIENT_OK)
		goto end;
	if (status == 401 && !has_token)
		(void)snprintf(why, why_size, "cannot read %s: %s", token_file,
			       strerror(token_errno));
	else if (status == 401)
		(void)snprintf(why, why_size,
			       "the server at %s does not take the token in %s",
			       settings->control.listen, token_file);
	if (status == 401) {
		result = CLIENT_REFUSED;
		goto end;
	}
	*body = status == 200 && answer.text
			? json_loads(answer.text, JSON_REJECT_DUPLICATES, NULL)
			: NULL;
	if (!*body) {
		(void)snprintf(why, why_size,
			       "%s answers with status %ld and no JSON: is "
			       "that Holdline?",
			       url, status);
		result = CLIENT_FAILED;
	}
end:
	free(answer.text);
	explicit_bzero(token, sizeof(token));
	return result;
}
