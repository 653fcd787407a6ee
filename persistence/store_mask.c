/*
 * store_mask.c - a url for people to see (see store.h)
 *
 *   postgresql://bob:secret@host/db?sslpassword=x   a password stands behind
 *   host=h password='a b' user=bob                  the user or behind a key
 *
 * Urls come here before anybody has said that they are good ones, so in doubt
 * too much is hidden.
 */
#include "persistence/store.h"

#include <stdio.h>
#include <string.h>

static const char keyword[] = "password"; /* or what ends with it */

/* Of one character, which may be escaped. */
static char decode(const char **text)
{
	unsigned value;

	if (sscanf(*text, "%%%2x", &value) != 1) {
		(*text)++;
		return (*text)[-1];
	}
	*text += 3;
	return (char)value;
}

/* Is it a key for a password, up to its '='? Returns where the value begins. */
static const char *find_value(const char *key)
{
	char name[32] = "";
	size_t length = 0;

	while (*key && *key != '=' && *key != '&') {
		name[length++] = decode(&key);
		if (length == sizeof(name))
			return NULL;
	}
	if (*key != '=' || length < strlen(keyword) ||
	    strncmp(name + length - strlen(keyword), keyword,
		    strlen(keyword)) != 0)
		return NULL;
	return key + 1;
}

/* The password of scheme://user:password@host may hold any character, escaped
 * or not, so it goes up to the last @ there is; but not into a parameter, whose
 * value may hold one too. */
static const char *find_password(const char *authority, const char **end)
{
	const char *limit = authority + strlen(authority);

	for (const char *p = authority; (p = strpbrk(p, "?&")) && p < limit;
	     p++)
		if (find_value(p + 1))
			limit = p;
	*end = memrchr(authority, '@', (size_t)(limit - authority));
	return *end ? memchr(authority, ':', (size_t)(*end - authority)) : NULL;
}

static void mask_url(FILE *out, const char *url, const char *authority)
{
	const char *password_end = NULL;
	const char *password = find_password(authority, &password_end);
	const char *value;

	while (*url) {
		if (url == password) {
			fputs(":***", out);
			url = password_end;
		}
		fputc(*url++, out);
		if (!strchr("?&", url[-1]))
			continue;
		value = find_value(url);
		if (!value)
			continue;
		fprintf(out, "%.*s***", (int)(value - url), url);
		url = value + strcspn(value, "&");
	}
}

/* key = value, quoted or not: nothing behind the first password is shown. */
static void mask_pairs(FILE *out, const char *pairs)
{
	const char *key = strstr(pairs, keyword);

	if (key)
		fprintf(out, "%.*s%s=***", (int)(key - pairs), pairs, keyword);
	else
		fputs(pairs, out);
}

void store_mask_url(const char *url, char *out, size_t size)
{
	FILE *text = fmemopen(out, size, "w");
	const char *authority = strstr(url, "://");

	out[0] = '\0';
	if (!text)
		return;
	if (authority)
		mask_url(text, url, authority + strlen("://"));
	else if (strncmp(url, "sqlite:", strlen("sqlite:")) == 0)
		fputs(url, text);
	else
		mask_pairs(text, url);
	(void)fclose(text);
	out[size - 1] = '\0';
}
