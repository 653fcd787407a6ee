/*
 * auth_test.c - the checks that compare: secrets, addresses, names; how they go
 * together; and what a wrong `auth` is told
 */
#include "auth_kit.h"

#include <sodium.h>

/* ---- one check at a time ---------------------------------------------------
 */

static void a_header_holds_the_secret(void **state)
{
	static const struct {
		const char *auth;
		enum auth_header header;
		const char *value, *expected;
	} rows[] = {
		{ "bearer: {secret: [new, old]}", HEADER_AUTHORIZATION,
		  "Bearer new", "passed" },
		{ "bearer: {secret: [new, old]}", HEADER_AUTHORIZATION,
		  "bearer  old", "passed" },
		{ "bearer: {secret: new}", HEADER_AUTHORIZATION, "Bearer old",
		  "bearer mismatch" },
		{ "bearer: {secret: new}", HEADER_AUTHORIZATION, "Bearer ne",
		  "bearer mismatch" },
		{ "bearer: {secret: new}", HEADER_AUTHORIZATION, "Bearer new ",
		  "bearer mismatch" },
		{ "bearer: {secret: new}", HEADER_AUTHORIZATION, "Bearer NEW",
		  "bearer mismatch" },
		{ "bearer: {secret: new}", HEADER_AUTHORIZATION, "Bearer ",
		  "bearer mismatch" },
		{ "bearer: {secret: new}", HEADER_AUTHORIZATION, "Bearernew",
		  "bearer missing" },
		{ "bearer: {secret: new}", HEADER_AUTHORIZATION, "Basic bmV3",
		  "bearer missing" },
		{ "bearer: {secret: new}", HEADER_AUTHORIZATION, NULL,
		  "bearer missing" },
		/* me:pass, me:pa:ss, me, you:pass, me: */
		{ "basic: {user: me, secret: pass}", HEADER_AUTHORIZATION,
		  "Basic bWU6cGFzcw==", "passed" },
		{ "basic: {user: me, secret: \"pa:ss\"}", HEADER_AUTHORIZATION,
		  "Basic bWU6cGE6c3M=", "passed" },
		{ "basic: {user: me, secret: pass}", HEADER_AUTHORIZATION,
		  "Basic bWU=", "basic malformed" },
		{ "basic: {user: me, secret: pass}", HEADER_AUTHORIZATION,
		  "Basic eW91OnBhc3M=", "basic mismatch" },
		{ "basic: {user: me, secret: pass}", HEADER_AUTHORIZATION,
		  "Basic bWU6", "basic mismatch" },
		{ "basic: {user: me, secret: pass}", HEADER_AUTHORIZATION,
		  "Basic bWU6cGFzcw", "basic malformed" },
		{ "basic: {user: me, secret: pass}", HEADER_AUTHORIZATION,
		  "Basic !", "basic malformed" },
		/* me:pass and a NUL */
		{ "basic: {user: me, secret: pass}", HEADER_AUTHORIZATION,
		  "Basic bWU6cGFzcwA=", "basic malformed" },
		{ "basic: {user: me, secret: pass}", HEADER_AUTHORIZATION, NULL,
		  "basic missing" },
		{ "telnyx: {secret: abc}", HEADER_TELNYX_TOKEN, "abc",
		  "passed" },
		{ "telnyx: {secret: abc}", HEADER_TELNYX_TOKEN, "abcd",
		  "telnyx_token mismatch" },
		{ "telnyx: {secret: abc}", HEADER_TELNYX_TOKEN, "",
		  "telnyx_token mismatch" },
		{ "telnyx: {secret: abc}", HEADER_TELNYX_TOKEN, NULL,
		  "telnyx_token missing" },
		{ "origins: [\"https://a.example\", \"https://b.example\"]",
		  HEADER_ORIGIN, "https://B.example", "passed" },
		{ "origins: \"https://a.example\"", HEADER_ORIGIN,
		  "https://a.example.org", "origin elsewhere" },
		{ "origins: \"https://a.example\"", HEADER_ORIGIN, "null",
		  "origin elsewhere" },
		{ "origins: \"https://a.example\"", HEADER_ORIGIN, NULL,
		  "origin missing" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct auth_request request = { .path = "/a" };
		char auth[128];
		struct kit kit;

		(void)snprintf(auth, sizeof(auth), "        %s\n",
			       rows[i].auth);
		kit_load(&kit, "/a", auth);
		request.headers[rows[i].header] = rows[i].value;
		kit_expect(&kit, &request, rows[i].expected, i);
		kit_free(&kit);
	}
}

static void a_token_stands_in_the_query_or_the_path(void **state)
{
	static const struct {
		const char *path, *auth, *query, *segment, *expected;
	} rows[] = {
		{ "/a", "token: {secret: abc}", "token=abc", NULL, "passed" },
		{ "/a", "token: {secret: abc}", "token=abd", NULL,
		  "token mismatch" },
		{ "/a", "token: {secret: abc}", "Token=abc", NULL,
		  "token missing" },
		{ "/a", "token: {secret: abc}", "tokens=abc", NULL,
		  "token missing" },
		{ "/a", "token: {secret: abc}", "token", NULL,
		  "token missing" },
		{ "/a", "token: {secret: abc}", NULL, "abc", "token missing" },
		{ "/a", "token: {secret: abc, name: key}", "key=abc", NULL,
		  "passed" },
		{ "/a", "token: {secret: abc, name: key}", "token=abc", NULL,
		  "token missing" },
		{ "/a/{token}", "token: {secret: abc}", NULL, "abc", "passed" },
		{ "/a/{token}", "token: {secret: abc}", NULL, "ab",
		  "token mismatch" },
		{ "/a/{token}", "token: {secret: abc}", "token=abc", NULL,
		  "token missing" },
		{ "/a/{token}", "one_time:", NULL, "abc",
		  "one_time malformed" },
		{ "/a", "one_time: {in: query}", "holdline_token=abc", NULL,
		  "one_time malformed" },
		{ "/a", "one_time: {in: query}", "holdline_token=", NULL,
		  "one_time missing" },
		{ "/a", "one_time: {in: query, name: t}", "holdline_token=a",
		  NULL, "one_time missing" },
		/* Which is judged at the start. */
		{ "/a", "one_time:", NULL, NULL, "passed" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct auth_request request = {
			.path = "/a",
			.path_token = rows[i].segment,
			.query = { "other=1", rows[i].query },
			.query_count = rows[i].query ? 2 : 1
		};
		char auth[128];
		struct kit kit;

		(void)snprintf(auth, sizeof(auth), "        %s\n",
			       rows[i].auth);
		kit_load(&kit, rows[i].path, auth);
		kit_expect(&kit, &request, rows[i].expected, i);
		assert_int_equal(auth_waits_for_start(kit.policy.rules),
				 i + 1 == sizeof(rows) / sizeof(rows[0]));
		kit_free(&kit);
	}
}

static void a_caller_comes_from_an_allowed_network(void **state)
{
	static const struct {
		const char *peer, *expected;
	} rows[] = {
		{ "192.0.2.200", "passed" },
		{ "2001:db8::9", "passed" },
		{ "198.51.100.7", "passed" },
		{ "198.51.100.8", "networks elsewhere" },
		{ "2001:db9::9", "networks elsewhere" },
		{ "::", "networks elsewhere" },
	};
	struct kit kit;

	(void)state;
	kit_load(&kit, "/a",
		 "        networks: [192.0.2.0/24, \"2001:db8::/32\", "
		 "198.51.100.7]\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct auth_request request = { .path = "/a" };

		assert_true(address_parse(rows[i].peer, &request.peer));
		kit_expect(&kit, &request, rows[i].expected, i);
	}
	kit_free(&kit);
}

static void a_certificate_may_have_to_have_a_name(void **state)
{
	static const struct {
		const char *auth;
		bool has;
		const char *name, *expected;
	} rows[] = {
		{ "client_certificate: true", true, NULL, "passed" },
		{ "client_certificate: true", false, NULL,
		  "client_certificate missing" },
		{ "client_certificate: [pbx-1, pbx-2]", true, "pbx-2",
		  "passed" },
		{ "client_certificate: pbx-1", true, "pbx-2",
		  "client_certificate another_name" },
		{ "client_certificate: pbx-1", true, NULL,
		  "client_certificate another_name" },
		{ "client_certificate: pbx-1", false, "pbx-1",
		  "client_certificate missing" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct auth_request request = { .path = "/a",
						.has_certificate = rows[i].has,
						.certificate_name =
							rows[i].name };
		char auth[128];
		struct kit kit;

		(void)snprintf(auth, sizeof(auth), "        %s\n",
			       rows[i].auth);
		kit_load(&kit, "/a", auth);
		kit_expect(&kit, &request, rows[i].expected, i);
		kit_free(&kit);
	}
}

/* ---- together --------------------------------------------------------------
 */

static void all_checks_must_pass_and_a_token_is_used_up_last(void **state)
{
	struct auth_request request = { .path = "/a", .now_ms = 1000 };
	char token[ONE_TIME_TOKEN_SIZE], query[100];
	struct kit kit;

	(void)state;
	assert_int_equal(one_time_publish_keys(NULL, 0), 0);
	assert_int_equal(
		one_time_issue(token, sizeof(token), "twilio", "", 1000, 60000),
		0);
	(void)snprintf(query, sizeof(query), "holdline_token=%s", token);
	kit_load(&kit, "/a",
		 "        bearer: {secret: abc}\n"
		 "        one_time: {in: query}\n"
		 "        networks: 192.0.2.0/24\n");
	one_time_read_keys(&kit.keys);
	request.query[0] = query;
	request.query_count = 1;
	kit_expect(&kit, &request, "networks elsewhere", 0);
	assert_true(address_parse("192.0.2.1", &request.peer));
	kit_expect(&kit, &request, "bearer missing", 1);
	request.headers[HEADER_AUTHORIZATION] = "Bearer abc";
	/* Two refusals have not spent it. */
	kit_expect(&kit, &request, "passed", 2);
	kit_expect(&kit, &request, "one_time used_before", 3);
	kit_free(&kit);
}

static void secrets_come_from_a_file_one_a_line(void **state)
{
	struct auth_request request = { .path = "/a" };
	char name[] = "/tmp/holdline-secret-XXXXXX";
	int fd = mkstemp(name);
	char auth[128];
	struct kit kit;

	(void)state;
	assert_int_equal(dprintf(fd, "\n  first one \r\n\nsecond\n"), 23);
	assert_int_equal(close(fd), 0);
	(void)snprintf(auth, sizeof(auth),
		       "        bearer: {secret_file: %s}\n", name);
	kit_load(&kit, "/a", auth);
	(void)unlink(name);
	request.headers[HEADER_AUTHORIZATION] = "Bearer first one";
	kit_expect(&kit, &request, "passed", 0);
	request.headers[HEADER_AUTHORIZATION] = "Bearer second";
	kit_expect(&kit, &request, "passed", 1);
	request.headers[HEADER_AUTHORIZATION] = "Bearer ";
	kit_expect(&kit, &request, "bearer mismatch", 2);
	kit_free(&kit);
}

/* ---- what is wrong is told -------------------------------------------------
 */

/* What follows "media.routes[0]" in the complaint. */
static const char *complaint_of(const char *path, const char *auth)
{
	static char complaint[1024];
	char name[] = "/tmp/holdline-auth-XXXXXX";
	struct settings *settings = NULL;
	int fd = mkstemp(name);
	FILE *err = fmemopen(complaint, sizeof(complaint), "w");
	const char *at;

	assert_non_null(err);
	assert_true(dprintf(fd,
			    "media:\n  routes:\n    - path: %s\n"
			    "      provider: twilio\n      auth: %s\n",
			    path, auth) > 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(settings_load(&settings, name, NULL, err), 2);
	assert_int_equal(fclose(err), 0);
	(void)unlink(name);
	at = strstr(complaint, "media.routes[0]");
	if (!at)
		fail_msg("complaint: %s", complaint);
	return at + strlen("media.routes[0]");
}

static void a_complaint_names_the_key_and_no_secret(void **state)
{
	static const struct {
		const char *path, *auth, *complaint;
	} rows[] = {
		{ "/a", "open",
		  ".auth: write none, or checks below it, indented, such as "
		  "\"bearer:\"\n" },
		{ "/a", "{hmac: {secret: hush}}",
		  ".auth.hmac.secret: \"hmac\" is not a check; this version "
		  "knows networks origins client_certificate bearer basic "
		  "token telnyx twilio plivo vonage genesys "
		  "telnyx_signature jambonz_signature meta one_time\n" },
		{ "/a", "{twilio: {token: hush}}",
		  ".auth.twilio.token: unknown; below twilio stand secret, "
		  "secret_file, missing\n" },
		{ "/a", "{twilio: hush}",
		  ".auth.twilio: unknown; below twilio stand secret, "
		  "secret_file, missing\n" },
		{ "/a", "{twilio: {secret: \"\"}}",
		  ".auth.twilio.secret: needs a value\n" },
		{ "/a", "{twilio: {missing: require}}",
		  ": auth.twilio needs a secret or a secret_file\n" },
		{ "/a", "{twilio: {secret: hush, missing: maybe}}",
		  ".auth.twilio.missing: \"maybe\" is none; write require, or "
		  "if_present\n" },
		{ "/a", "{bearer: {secret: [1, 2, 3, 4, hush]}}",
		  ".auth.bearer.secret[4]: more than 4 of them\n" },
		{ "/a", "{bearer: {secret: hush, secret: hush}}",
		  ".auth.bearer.secret: stands there twice\n" },
		{ "/a", "{bearer: {secret_file: /nowhere}}",
		  ".auth.bearer.secret_file: /nowhere cannot be opened: No "
		  "such file or directory\n" },
		{ "/a", "{bearer: {secret_file: /dev/null}}",
		  ".auth.bearer.secret_file: /dev/null holds no secret\n" },
		{ "/a", "{bearer: {secret_file: [/a, /b]}}",
		  ".auth.bearer.secret_file[0]: takes one value, not a list\n" },
		{ "/a", "{basic: {secret: hush}}",
		  ": auth.basic needs a user\n" },
		{ "/a", "{genesys: {secret: hush}}",
		  ": auth.genesys needs api_key or api_key_file\n" },
		{ "/a", "{networks: [10.0.0.1/8]}",
		  ".auth.networks[0]: 10.0.0.1/8 has bits set beyond its "
		  "prefix\n" },
		{ "/a", "{networks: home}",
		  ".auth.networks: \"home\" is not a network; write it like "
		  "192.0.2.0/24 or 2001:db8::/32\n" },
		{ "/a", "{client_certificate: false}",
		  ".auth.client_certificate: leave it out rather than write "
		  "false\n" },
		{ "/a/{token}", "none",
		  ": the path holds a {token}; one of auth.token and "
		  "auth.one_time must be \"in: path\"\n" },
		{ "/a/{token}",
		  "{token: {secret: hush}, one_time: {in: path}, "
		  "bearer: {secret: hush, secret: hush}}",
		  ".auth.bearer.secret: stands there twice\n" },
		{ "/a/{token}", "{token: {secret: hush}, one_time: }",
		  ": the path holds a {token}; one of auth.token and "
		  "auth.one_time must be \"in: path\"\n" },
		{ "/a", "{token: {secret: hush, in: path}}",
		  ": a token in the path needs a path that ends with "
		  "/{token}\n" },
		{ "/a", "{token: {secret: hush, in: parameter}}",
		  ".auth.token.in: \"parameter\" is none; write query, or "
		  "path\n" },
		{ "/{token}/a", "none",
		  ".path: a path may hold {token} only as its last segment\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *got = complaint_of(rows[i].path, rows[i].auth);

		if (strcmp(got, rows[i].complaint) != 0)
			fail_msg("row %zu says %s", i, got);
		assert_null(strstr(got, "hush"));
	}
}

/* Printed, read again, and printed again: the same, and without secrets. */
static void what_is_printed_can_be_loaded_and_shows_no_secret(void **state)
{
	static const char auth[] =
		"        twilio: {secret: [hush1, hush2], missing: if_present}\n"
		"        networks: [10.0.0.0/8, \"2001:db8::/32\"]\n"
		"        origins: \"https://a.example\"\n"
		"        client_certificate: [pbx]\n"
		"        basic: {user: me, secret: hush3}\n"
		"        token: {secret: hush4, in: query, name: key}\n"
		"        vonage: {secret: hush5, type: custom}\n"
		"        genesys: {api_key: hush6, secret: aHVzaA==}\n"
		"        one_time: {in: path}\n";
	char name[] = "/tmp/holdline-auth-XXXXXX";
	int fd = mkstemp(name);
	char *first = NULL, *second = NULL;
	struct settings *again = NULL;
	size_t size;
	struct kit kit;
	FILE *out;

	(void)state;
	kit_load(&kit, "/a/{token}", auth);
	out = open_memstream(&first, &size);
	settings_print(kit.settings, out);
	assert_int_equal(fclose(out), 0);
	assert_null(strstr(first, "hush"));
	assert_null(strstr(first, "aHVzaA"));
	assert_true(dprintf(fd, "%s", first) > 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(settings_load(&again, name, NULL, stderr), 0);
	(void)unlink(name);
	out = open_memstream(&second, &size);
	settings_print(again, out);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(first, second);
	assert_int_equal(again->media.routes[0].auth.kinds,
			 kit.settings->media.routes[0].auth.kinds);
	free(first);
	free(second);
	free(again);
	kit_free(&kit);
}

static int start(void **state)
{
	(void)state;
	return sodium_init() < 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_holds_the_secret),
		cmocka_unit_test(a_token_stands_in_the_query_or_the_path),
		cmocka_unit_test(a_caller_comes_from_an_allowed_network),
		cmocka_unit_test(a_certificate_may_have_to_have_a_name),
		cmocka_unit_test(
			all_checks_must_pass_and_a_token_is_used_up_last),
		cmocka_unit_test(secrets_come_from_a_file_one_a_line),
		cmocka_unit_test(a_complaint_names_the_key_and_no_secret),
		cmocka_unit_test(
			what_is_printed_can_be_loaded_and_shows_no_secret),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
