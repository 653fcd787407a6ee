/*
 * handshake_fuzz.c - what strangers send to be let in
 *
 * An input is lines: a letter says what the rest is.
 *
 *   s wss            the scheme        f 192.0.2.1, x   X-Forwarded-For
 *   a host:443       the authority     c CA1            the call of a token
 *   p /media/twilio  the path          A to O ...       a header, in the order
 *   q name=value     of the query                       of enum auth_header
 *   t token          in the path
 *
 * It is judged by each check alone, twice: with secrets that the corpus knows,
 * so that the depths are reached, and with secrets that nobody knows, where
 * nothing may ever pass.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/handshake.h"
#include "server/auth/auth.h"
#include "server/auth/once.h"
#include "server/auth/one_time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_MS	   1641013200000u /* when Genesys' published example is good */
#define INPUT_MAX  16384
#define KNOWN	   1 /* where each text of `known` stands */
#define KNOWN_B64  7
#define API_KEY	   52
#define UNKNOWN	   1
#define ASKS(kind) (1u << (kind))

/* "12345", a client secret and an API key as Genesys publishes them. */
static const char known[] = "\0"
			    "12345\0"
			    "TXlTdXBlclNlY3JldEtleVRlbGxOby0xITJAMyM0JDU=\0"
			    "SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh";
static char unknown[64];
static struct network networks[2];
static struct once_table used;
static struct one_time_keys keys;

static void prepare(void)
{
	if (unknown[1])
		return;
	randombytes_buf(&keys, sizeof(keys));
	keys.count = 2;
	for (size_t i = 1; i < sizeof(unknown) - 1; i++)
		unknown[i] = (char)('A' + randombytes_uniform(26));
	if (network_parse("10.0.0.0/8", &networks[0]) < 0 ||
	    network_parse("2001:db8::/32", &networks[1]) < 0)
		abort();
}

static void read_line(struct auth_request *request, const char **forwarded,
		      const char **call, char *line)
{
	const char *rest = line[0] && line[1] ? line + 2 : line + 1;

	if (!line[0])
		return;
	switch (line[0]) {
	case 's': request->scheme = rest; return;
	case 'a': request->authority = rest; return;
	case 'p': request->path = rest; return;
	case 't': request->path_token = rest; return;
	case 'f': *forwarded = rest; return;
	case 'c': *call = rest; return;
	case 'q':
		if (request->query_count < AUTH_QUERY_MAX)
			request->query[request->query_count++] = rest;
		return;
	default:
		if (line[0] >= 'A' && line[0] < 'A' + (int)AUTH_HEADERS)
			request->headers[line[0] - 'A'] = rest;
	}
}

static void judge(const struct auth_request *request, enum auth_kind kind,
		  bool is_known)
{
	struct auth_rules rules = { .kinds = ASKS(kind) };
	uint32_t secret = !is_known		 ? UNKNOWN
			  : kind == AUTH_GENESYS ? KNOWN_B64
						 : KNOWN;
	struct auth_policy policy = { .rules = &rules,
				      .texts = is_known ? known : unknown,
				      .networks = networks };
	struct auth_memory memory = { .used = &used,
				      .keys = &keys,
				      .provider = "plivo" };
	struct auth_verdict verdict;

	rules.words[kind] = (struct auth_words){ 2, { secret, secret } };
	rules.api_keys = (struct auth_words){ 1, { is_known ? API_KEY : 2 } };
	rules.user = secret;
	rules.token_name = rules.one_time_name = is_known ? KNOWN : 3;
	rules.token_place = rules.one_time_place =
		request->path_token ? AUTH_IN_PATH : AUTH_IN_QUERY;
	rules.network_count = 2;
	auth_judge(&policy, request, &memory, &verdict);
	if (verdict.status != 0 && verdict.status != 401 &&
	    verdict.status != 403)
		abort();
	if (verdict.status == 0 && !is_known && kind >= AUTH_BEARER)
		abort(); /* who could know? */
}

static void judge_all(const struct auth_request *request, const char *call)
{
	struct auth_memory memory = { .used = &used,
				      .keys = &keys,
				      .provider = "plivo" };
	struct auth_verdict verdict;
	char shown[64];

	for (unsigned kind = 0; kind < AUTH_KINDS; kind++) {
		judge(request, (enum auth_kind)kind, true);
		judge(request, (enum auth_kind)kind, false);
	}
	auth_judge_start(request->path_token, call, &memory, request->now_ms,
			 &verdict);
	if (verdict.status == 0)
		abort();
	handshake_mask_path(request->path, shown, sizeof(shown));
	if (strlen(shown) >= sizeof(shown))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct auth_request request = {
		.scheme = "wss", .authority = "", .path = "", .now_ms = NOW_MS
	};
	const char *forwarded = NULL, *call = NULL;
	static char text[INPUT_MAX];
	char *rest = text, *line;

	prepare();
	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	memset(&used, 0, sizeof(used));
	while ((line = strsep(&rest, "\n")))
		read_line(&request, &forwarded, &call, line);
	(void)address_parse("10.0.0.1", &request.peer);
	request.peer = network_client(networks, 2, request.peer, forwarded);
	judge_all(&request, call);
	return 0;
}
