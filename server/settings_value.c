/*
 * settings_value.c - a text into a value, a value into a text (see setting.h)
 *
 * Reading a value is the same code whether the text came from a default, the
 * file, the environment or a flag.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/auth/network.h"
#include "server/event_types.h"
#include "server/setting.h"

#define KI	     1024.0
#define MI	     (1024.0 * KI)
#define GI	     (1024.0 * MI)
#define S	     1000.0
#define MIN	     (60 * S)
#define H	     (60 * MIN)

#define SECRET_LEAST 16

/* ---- texts as people write them --------------------------------------------
 */

struct unit {
	const char *name;
	double worth;
};

static const struct unit duration_units[] = {
	{ "us", 0.001 }, { "ms", 1 },	  { "s", S },  { "min", MIN },
	{ "h", H },	 { "d", 24 * H }, { NULL, 0 },
};
static const struct unit size_units[] = {
	{ "B", 1 },    { "KiB", KI },	     { "MiB", MI },
	{ "GiB", GI }, { "TiB", 1024 * GI }, { "KB", 1e3 },
	{ "MB", 1e6 }, { "GB", 1e9 },	     { NULL, 0 },
};

/* Digits with at most one point among them; the rest is left at *end. */
static int parse_number(const char *text, double *value, const char **end)
{
	size_t whole = strspn(text, "0123456789");
	size_t length = whole;
	char digits[32];

	if (whole == 0)
		return -EINVAL;
	if (text[whole] == '.')
		length += 1 + strspn(text + whole + 1, "0123456789");
	if (length >= sizeof(digits))
		return -ERANGE;
	memcpy(digits, text, length);
	digits[length] = '\0';
	*value = strtod(digits, NULL);
	*end = text + length;
	return 0;
}

/* A number and its unit; bare only where it is 0. */
static int parse_unit(const char *text, const struct unit *units, double *value)
{
	const char *end;
	int r = parse_number(text, value, &end);

	if (r < 0)
		return r;
	if (*end == '\0')
		return *value > 0 ? -EINVAL : 0;
	for (; units->name; units++)
		if (strcmp(end, units->name) == 0) {
			*value *= units->worth;
			return *value > 1e17 ? -ERANGE : 0;
		}
	return -EINVAL;
}

int settings_parse_duration_ms(const char *text, uint64_t *ms)
{
	double value;
	int r = parse_unit(text, duration_units, &value);

	if (r == 0)
		*ms = (uint64_t)(value + 0.5);
	return r;
}

int settings_parse_size(const char *text, uint64_t *bytes)
{
	double value;
	int r = parse_unit(text, size_units, &value);

	if (r == 0)
		*bytes = (uint64_t)(value + 0.5);
	return r;
}

static int parse_port(const char *text, in_port_t *port)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long n;

	if (digits == 0 || digits > 5 || text[digits] != '\0')
		return -EINVAL;
	n = strtoul(text, NULL, 10);
	if (n > 65535)
		return -EINVAL;
	*port = htons((in_port_t)n);
	return 0;
}

static int parse_v4(const char *host, const char *port,
		    struct sockaddr_storage *out, socklen_t *length)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };

	if (host[0] == '\0' || strcmp(host, "*") == 0)
		host = "0.0.0.0";
	else if (strcmp(host, "localhost") == 0)
		host = "127.0.0.1";
	if (inet_pton(AF_INET, host, &v4.sin_addr) != 1 ||
	    parse_port(port, &v4.sin_port) < 0)
		return -EINVAL;
	memcpy(out, &v4, sizeof(v4));
	*length = sizeof(v4);
	return 0;
}

static int parse_v6(const char *host, const char *port,
		    struct sockaddr_storage *out, socklen_t *length)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET6, host, &v6.sin6_addr) != 1 ||
	    parse_port(port, &v6.sin6_port) < 0)
		return -EINVAL;
	memcpy(out, &v6, sizeof(v6));
	*length = sizeof(v6);
	return 0;
}

int settings_parse_address(const char *text, struct sockaddr_storage *out,
			   socklen_t *length)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;
	char host[64];

	if (!colon || n >= sizeof(host))
		return -EINVAL;
	memset(out, 0, sizeof(*out));
	memcpy(host, text, n);
	host[n] = '\0';
	if (host[0] != '[')
		return parse_v4(host, colon + 1, out, length);
	if (host[n - 1] != ']')
		return -EINVAL;
	host[n - 1] = '\0';
	return parse_v6(host + 1, colon + 1, out, length);
}

/* The largest unit in which it is whole. */
static void format_scaled(double value, const struct unit *units, char *out,
			  size_t size)
{
	const struct unit *best = NULL;

	for (const struct unit *u = units; u->name; u++)
		if (value >= u->worth && (!best || u->worth > best->worth) &&
		    value / u->worth == (double)(uint64_t)(value / u->worth))
			best = u;
	if (best)
		(void)snprintf(out, size, "%.0f%s", value / best->worth,
			       best->name);
	else
		(void)snprintf(out, size, "0");
}

/* ---- reading one value -----------------------------------------------------
 */

bool setting_is_text(enum kind kind)
{
	return kind == NAME || kind == PATH || kind == ADDRESS ||
	       kind == ENDPOINT || kind == NETWORKS || kind == TYPES ||
	       setting_is_delicate(kind);
}

bool setting_is_delicate(enum kind kind)
{
	return kind == URL || kind == LINK || kind == SECRET ||
	       kind == PASSWORD;
}

int setting_word_index(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(text, words[i]) == 0)
			return (int)i;
	return -EINVAL;
}

/* "a duration; write it like 30s or 5min" */
const char *setting_kind_hint(enum kind kind)
{
	static const char *const hints[] = {
		[NAME] = "a name; write letters, digits, and ._-",
		[PATH] = "a path",
		[ADDRESS] = "an address; write it like 127.0.0.1:8080",
		[URL] = "a database; write sqlite:PATH or postgresql://...",
		[LINK] = "a link; write it like https://example.com/alert",
		[SECRET] = "a secret; write at least 16 characters",
		[PASSWORD] = "a secret",
		[ENDPOINT] = "an endpoint; write it like wss://example.com",
		[NETWORKS] = "networks; write them like 10.0.0.0/8, ::1",
		[TYPES] = ("types of events; write them like call.ended, "
			   "database.down"),
		[BOOL] = "a switch; write true or false",
		[COUNT] = "a number; write it like 4",
		[FRACTION] = "a fraction; write it like 0.2",
		[SIZE] = "a size; write it like 64KiB or 1GiB",
		[DURATION] = "a duration; write it like 30s or 5min",
		[TICK] = "a tick; write auto, 0, or a duration like 1ms",
		[LEVEL] = "a level; write debug, info, warn or error",
		[FORMAT] = "a format; write text or json",
		[MASK] = "a mask; write none, callers or all",
	};

	return hints[kind];
}

/* "100ms to 24h", or nothing where there is no range. */
void setting_format_range(const struct setting *s, char *out, size_t size)
{
	const struct unit *units =
		s->kind == SIZE ? size_units : duration_units;
	/* The table keeps a tick in microseconds. */
	double scale = s->kind == TICK ? 0.001 : 1;
	char least[32], most[32];

	if (s->kind == COUNT || s->kind == FRACTION) {
		(void)snprintf(out, size, "%g to %.0f", s->least, s->most);
	} else if (s->kind == SIZE || s->kind == DURATION || s->kind == TICK) {
		format_scaled(s->least * scale, units, least, sizeof(least));
		format_scaled(s->most * scale, units, most, sizeof(most));
		(void)snprintf(out, size, "%s to %s", least, most);
	} else {
		out[0] = '\0';
	}
}

static bool is_name(const char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("._-", *text))
			return false;
	return true;
}

/* An address to listen on: port 0 would be somewhere else each time. */
static bool is_address(const char *text)
{
	struct sockaddr_storage address;
	socklen_t length;

	if (settings_parse_address(text, &address, &length) < 0)
		return false;
	return strtoul(strrchr(text, ':') + 1, NULL, 10) > 0;
}

static bool is_url(const char *text)
{
	return (strncmp(text, "sqlite:", 7) == 0 && text[7]) ||
	       strncmp(text, "postgresql://", 13) == 0 ||
	       strncmp(text, "postgres://", 11) == 0;
}

static bool is_link(const char *text)
{
	const char *host = strstr(text, "://");

	if (strncmp(text, "http://", 7) != 0 &&
	    strncmp(text, "https://", 8) != 0)
		return false;
	return strcspn(host + 3, "/?#:@") > 0 && !strchr(text, ' ');
}

static bool is_endpoint(const char *text)
{
	static const char *const schemes[] = { "wss://", "https://", "ws://",
					       "http://" };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t length = strlen(schemes[i]);

		if (strncmp(text, schemes[i], length) == 0)
			return text[length] && !strpbrk(text + length, "/?#@ ");
	}
	return false;
}

static bool is_network(const char *text)
{
	struct network network;

	return network_parse(text, &network) == 0;
}

static bool is_event_type(const char *text)
{
#define NAME_OF(name, text) text,
	static const char *const names[] = { EVENT_TYPES(NAME_OF) };
#undef NAME_OF

	return setting_word_index(text, names,
				  sizeof(names) / sizeof(names[0])) >= 0;
}

/* Is each of its words, of which there may be none, of that kind? */
static bool are_words(const char *text, bool (*is)(const char *word))
{
	char copy[1024];
	char *rest = copy, *word;

	if (strlen(text) >= sizeof(copy))
		return true; /* which will be found too long */
	memcpy(copy, text, strlen(text) + 1);
	while ((word = strsep(&rest, ", ")))
		if (*word && !is(word))
			return false;
	return true;
}

static int read_text(const struct setting *s, char *at, const char *text)
{
	size_t length = strlen(text);

	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < ' ')
			return -EINVAL;
	if (length < (size_t)s->least || (s->kind == NAME && !is_name(text)) ||
	    (s->kind == ADDRESS && length > 0 && !is_address(text)) ||
	    (s->kind == URL && length > 0 && !is_url(text)) ||
	    (s->kind == LINK && length > 0 && !is_link(text)) ||
	    (s->kind == ENDPOINT && length > 0 && !is_endpoint(text)) ||
	    (s->kind == NETWORKS && !are_words(text, is_network)) ||
	    (s->kind == TYPES && !are_words(text, is_event_type)) ||
	    (s->kind == SECRET && length > 0 && length < SECRET_LEAST))
		return -EINVAL;
	if (length >= s->room)
		return -ENAMETOOLONG;
	memcpy(at, text, length + 1);
	return 0;
}

static int read_word(const struct setting *s, void *at, const char *text)
{
	static const char *const switch_words[] = { "false", "true" };
	int word;

	switch (s->kind) {
	case BOOL:
		word = setting_word_index(text, switch_words, 2);
		if (word >= 0)
			*(bool *)at = word == 1;
		break;
	case LEVEL:
		word = setting_word_index(text, setting_level_words, 4);
		if (word >= 0)
			*(enum log_level *)at = (enum log_level)word;
		break;
	case MASK:
		word = setting_word_index(text, setting_mask_words, 3);
		if (word >= 0)
			*(enum log_mask *)at = (enum log_mask)word;
		break;
	default:
		word = setting_word_index(text, setting_format_words, 2);
		if (word >= 0)
			*(enum log_format *)at = (enum log_format)word;
		break;
	}
	return word < 0 ? word : 0;
}

/* The number that the text means, as the struct keeps it. */
static int parse_as(const struct setting *s, const char *text, double *value)
{
	const char *end = "";
	int r;

	switch (s->kind) {
	case SIZE: return parse_unit(text, size_units, value);
	case DURATION: return parse_unit(text, duration_units, value);
	case TICK:
		r = parse_unit(text, duration_units, value);
		*value *= 1000;
		return r;
	default:
		r = parse_number(text, value, &end);
		if (r == 0 && (*end || (s->kind == COUNT && strchr(text, '.'))))
			r = -EINVAL;
		return r;
	}
}

static int read_number(const struct setting *s, void *at, const char *text)
{
	double value = 0;
	int r;

	if (s->kind == TICK && strcmp(text, "auto") == 0) {
		*(int32_t *)at = -1;
		return 0;
	}
	r = parse_as(s, text, &value);
	if (r < 0)
		return r;
	if (value < s->least || value > s->most)
		return -ERANGE;
	if (s->kind == FRACTION)
		*(double *)at = value;
	else if (s->room == sizeof(uint64_t))
		*(uint64_t *)at = (uint64_t)(value + 0.5);
	else if (s->kind == TICK)
		*(int32_t *)at = (int32_t)(value + 0.5);
	else
		*(uint32_t *)at = (uint32_t)(value + 0.5);
	return 0;
}

int setting_read(const struct setting *s, void *at, const char *text)
{
	if (setting_is_text(s->kind))
		return read_text(s, at, text);
	if (s->kind == BOOL || s->kind == LEVEL || s->kind == FORMAT ||
	    s->kind == MASK)
		return read_word(s, at, text);
	return read_number(s, at, text);
}

/* ---- and back --------------------------------------------------------------
 */

/* Whatever may be a password becomes ***: between the user's colon and the
 * host's @, and whatever follows "password=". Rather too much than too little.
 */
void settings_mask_url(const char *url, char *out, size_t size)
{
	const char *scheme = strstr(url, "://");
	const char *user = scheme ? scheme + 3 : url;
	const char *at = scheme ? strrchr(user, '@') : NULL;
	const char *colon = at ? memchr(user, ':', (size_t)(at - user)) : NULL;
	const char *rest = colon ? at : url;
	const char *query = strstr(rest, "password=");
	int length = query ? (int)(query - rest) + 9 : (int)strlen(rest);

	(void)snprintf(out, size, "%.*s%s%.*s%s",
		       colon ? (int)(colon - url) : 0, url, colon ? ":***" : "",
		       length, rest, query ? "***" : "");
}

void settings_mask_link(const char *link, char *out, size_t size)
{
	const char *host = strstr(link, "://");
	const char *from = host ? host + 3 : link;
	size_t length = strcspn(from, "/?#");
	const char *at = memrchr(from, '@', length);

	if (at) {
		length -= (size_t)(at + 1 - from);
		from = at + 1;
	}
	(void)snprintf(out, size, "%.*s%.*s%s",
		       host ? (int)(host + 3 - link) : 0, link, (int)length,
		       from, from[length] && from[length + 1] ? "/***" : "");
}

static void format_number(const struct setting *s, const void *at, char *out,
			  size_t size)
{
	double value = s->room == sizeof(uint64_t)
			       ? (double)*(const uint64_t *)at
			       : *(const uint32_t *)at;

	if (s->kind == SIZE)
		format_scaled(value, size_units, out, size);
	else if (s->kind == DURATION)
		/* Kept in milliseconds: the unit below them never fits best. */
		format_scaled(value, duration_units + 1, out, size);
	else
		(void)snprintf(out, size, "%.0f", value);
}

static void format_tick(int32_t tick_us, char *out, size_t size)
{
	if (tick_us < 0)
		(void)snprintf(out, size, "auto");
	else
		format_scaled(tick_us / 1000.0, duration_units, out, size);
}

/* The value as the file would say it, without quotes and secrets. */
void setting_format(const struct setting *s, const struct settings *settings,
		    char *out, size_t size)
{
	const void *at = (const char *)settings + s->offset;

	switch (s->kind) {
	case URL: settings_mask_url(at, out, size); return;
	case LINK: settings_mask_link(at, out, size); return;
	case SECRET:
	case PASSWORD:
		(void)snprintf(out, size, "%s",
			       *(const char *)at ? SECRET_SHOWN : "");
		return;
	case NAME:
	case PATH:
	case ENDPOINT:
	case NETWORKS:
	case TYPES:
	case ADDRESS: (void)snprintf(out, size, "%s", (const char *)at); return;
	case BOOL:
		(void)snprintf(out, size, "%s",
			       *(const bool *)at ? "true" : "false");
		return;
	case FRACTION:
		(void)snprintf(out, size, "%g", *(const double *)at);
		return;
	case TICK: format_tick(*(const int32_t *)at, out, size); return;
	case LEVEL:
		(void)snprintf(
			out, size, "%s",
			setting_level_words[*(const enum log_level *)at]);
		return;
	case FORMAT:
		(void)snprintf(
			out, size, "%s",
			setting_format_words[*(const enum log_format *)at]);
		return;
	case MASK:
		(void)snprintf(out, size, "%s",
			       setting_mask_words[*(const enum log_mask *)at]);
		return;
	default: format_number(s, at, out, size); return;
	}
}

const char *setting_kind_word(enum kind kind)
{
	static const char *const words[] = {
		[NAME] = "NAME",	 [PATH] = "PATH",
		[ADDRESS] = "HOST:PORT", [URL] = "URL",
		[LINK] = "URL",		 [SECRET] = "TEXT",
		[PASSWORD] = "TEXT",	 [ENDPOINT] = "URL",
		[NETWORKS] = "NETWORKS", [TYPES] = "TYPES",
		[BOOL] = "true|false",	 [COUNT] = "NUMBER",
		[FRACTION] = "FRACTION", [SIZE] = "SIZE",
		[DURATION] = "DURATION", [TICK] = "TICK",
		[LEVEL] = "LEVEL",	 [FORMAT] = "FORMAT",
		[MASK] = "MASK",
	};

	return words[kind];
}
