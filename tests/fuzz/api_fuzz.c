/*
 * api_fuzz.c - what strangers say to the control listener before they are known
 *
 * The first byte of an input says what the rest is: a header that shows who
 * asks, cookies, or a query. Nobody is admitted who has none of our tokens, and
 * what a list was asked for is as its parameters say.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/auth/user.h"
#include "server/clock.h"
#include "server/control/api/access.h"
#include "server/control/api/query.h"
#include "server/control/http/http.h"
#include "server/uuid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct access admits = {
	.admin_token = "0123456789abcdef0123456789abcdef",
	.signing_key = "fedcba9876543210fedcba9876543210",
	.token_ttl_ms = 60000,
};

static void admit_nobody(const char *authorization, const char *cookie)
{
	struct bearer bearer;

	access_judge(&admits, authorization, cookie, 1790000000000000, &bearer);
	if (bearer.role != HTTP_ANYBODY &&
	    !strstr(authorization ? authorization : "", admits.admin_token))
		abort();
}

static void read_query(const char *query)
{
	static const char *const words[] = { "live", "ended", NULL };
	static const struct query_parameter parameters[] = {
		{ "state", QUERY_WORD, words }, { "number", QUERY_TEXT, NULL },
		{ "since", QUERY_TIME, NULL },	{ "cursor", QUERY_ID, NULL },
		{ "limit", QUERY_COUNT, NULL },
	};
	const struct http_request request = { .query = query };
	struct http_response response = { 0 };
	struct query_value values[5];
	struct uuid id;
	int64_t us;

	if (!query_read(&request, parameters, 5, values, &response)) {
		if (response.status != 400 || !response.body)
			abort();
	} else if ((values[2].given &&
		    clock_parse_iso(values[2].text, &us) < 0) ||
		   (values[3].given && !uuid_parse(values[3].text, &id)) ||
		   query_limit(&values[4]) < 1 ||
		   query_limit(&values[4]) > QUERY_LIMIT_MAX) {
		abort();
	}
	http_response_finish(&response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;
	char email[USER_EMAIL_SIZE];

	if (size == 0)
		return 0;
	text = calloc(1, size + 1); /* a query ends with an empty piece */
	memcpy(text, data + 1, size - 1);
	switch (data[0] % 4) {
	case 0: admit_nobody(text, NULL); break;
	case 1: admit_nobody("", text); break;
	case 2: read_query(text); break;
	default:
		if (user_read_email(text, email) && strpbrk(email, " \n\"%/"))
			abort();
	}
	free(text);
	return 0;
}
