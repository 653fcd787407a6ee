/* access_test.c - who is admitted by what, and who is not */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "server/auth/jwt.h"
#include "server/auth/user.h"
#include "server/control/api/access.h"

#define ADMIN  "0123456789abcdef0123456789abcdef"
#define NOW_US 1790000000000000
#define TTL_MS 3600000

static const struct access admits = {
	.admin_token = ADMIN,
	.signing_key = "a key that nobody else has, honestly",
	.token_ttl_ms = TTL_MS,
};

static struct bearer judge(const struct access *by, const char *authorization,
			   const char *cookie, int64_t now_us)
{
	struct bearer bearer;

	access_judge(by, authorization, cookie, now_us, &bearer);
	return bearer;
}

/* "Bearer " and a token for ada. */
static char *issue(const struct access *by, const char *role)
{
	int64_t expires_us;
	char *token =
		access_issue(by, "ada@example.com", role, NOW_US, &expires_us);
	char *value;

	assert_non_null(token);
	assert_int_equal(expires_us, NOW_US + TTL_MS * INT64_C(1000));
	assert_true(asprintf(&value, "Bearer %s", token) > 0);
	free(token);
	return value;
}

static void the_admin_token_must_match_whole(void **state)
{
	static const struct {
		const char *authorization, *token;
		bool matches;
	} rows[] = {
		{ "Bearer " ADMIN, ADMIN, true },
		{ "bearer " ADMIN, ADMIN, true },
		{ "Bearer " ADMIN " ", ADMIN, false },
		{ "Bearer " ADMIN "0", ADMIN, false },
		{ ADMIN, ADMIN, false },
		{ "Bearer ", ADMIN, false },
		{ "Basic " ADMIN, ADMIN, false },
		{ "", ADMIN, false },
		{ NULL, ADMIN, false },
		{ "Bearer ", "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct access by = { .token_ttl_ms = TTL_MS };
		struct bearer bearer;

		strcpy(by.admin_token, rows[i].token);
		bearer = judge(&by, rows[i].authorization, NULL, NOW_US);
		if ((bearer.role == HTTP_ADMIN) != rows[i].matches)
			fail_msg("row %zu", i);
	}
}

static void a_token_says_who_and_which_role_until_its_end(void **state)
{
	static const struct {
		const char *name;
		enum http_role role;
	} roles[] = { { "viewer", HTTP_VIEWER },
		      { "operator", HTTP_OPERATOR },
		      { "admin", HTTP_ADMIN },
		      { "emperor", HTTP_ANYBODY } };

	(void)state;
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		char *token = issue(&admits, roles[i].name);
		struct bearer bearer = judge(&admits, token, NULL, NOW_US);

		assert_int_equal(bearer.role, roles[i].role);
		assert_string_equal(bearer.who,
				    bearer.role ? "ada@example.com" : "");
		assert_false(bearer.by_cookie);
		/* Half a minute for clocks that differ. */
		bearer = judge(&admits, token, NULL,
			       NOW_US + (TTL_MS + 31000) * INT64_C(1000));
		assert_int_equal(bearer.role, HTTP_ANYBODY);
		free(token);
	}
}

static void another_key_ends_all_tokens(void **state)
{
	struct access other = admits;
	char *token = issue(&admits, "admin");

	(void)state;
	strcpy(other.signing_key, "quite another key, which came later");
	assert_int_equal(judge(&other, token, NULL, NOW_US).role, HTTP_ANYBODY);
	other.signing_key[0] = '\0';
	assert_int_equal(judge(&other, token, NULL, NOW_US).role, HTTP_ANYBODY);
	free(token);
}

static void a_token_with_any_bit_changed_or_cut_is_none(void **state)
{
	char *token = issue(&admits, "viewer");
	size_t length = strlen(token);
	char *copy = strdup(token);

	(void)state;
	for (size_t i = strlen("Bearer "); i < length; i++) {
		copy[i] = '\0';
		assert_int_equal(judge(&admits, copy, NULL, NOW_US).role,
				 HTTP_ANYBODY);
		for (int bit = 0; bit < 7; bit++) {
			copy[i] = (char)(token[i] ^ (1 << bit));
			if (judge(&admits, copy, NULL, NOW_US).role !=
			    HTTP_ANYBODY)
				fail_msg("byte %zu, bit %d", i, bit);
		}
		copy[i] = token[i];
	}
	assert_int_equal(judge(&admits, copy, NULL, NOW_US).role, HTTP_VIEWER);
	free(copy);
	free(token);
}

/* Signed with our key, but not by access_issue(). */
static void claims_that_we_never_make_admit_nobody(void **state)
{
	static const char *const claims[] = {
		"{}",
		"{\"iss\":\"holdline\",\"role\":\"admin\",\"sub\":\"a\","
		"\"iat\":1790000000}",
		"{\"iss\":\"other\",\"role\":\"admin\",\"sub\":\"a\","
		"\"exp\":1790000009}",
		"{\"iss\":\"holdline\",\"role\":3,\"sub\":\"a\","
		"\"exp\":1790000009}",
		"{\"iss\":\"holdline\",\"role\":\"admin\",\"sub\":\"a\","
		"\"exp\":\"1790000009\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		char *token = jwt_make(json_loads(claims[i], 0, NULL),
				       admits.signing_key);
		char *value;

		assert_true(asprintf(&value, "Bearer %s", token) > 0);
		if (judge(&admits, value, NULL, NOW_US).role != HTTP_ANYBODY)
			fail_msg("admitted by %s", claims[i]);
		free(value);
		free(token);
	}
}

static void a_cookie_is_taken_by_its_name_alone(void **state)
{
	char *token = issue(&admits, "operator");
	const char *bare = token + strlen("Bearer ");
	struct {
		const char *before, *after;
		bool taken;
	} rows[] = {
		{ "holdline=", "", true },
		{ "a=b; holdline=", "; c=d", true },
		{ "a=b;holdline=", ";", true },
		{ "xholdline=", "", false },
		{ "holdline2=", "", false },
		{ "__Host-holdline=", "", false },
		{ "", "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bearer bearer;
		char *cookie;

		assert_true(asprintf(&cookie, "%s%s%s", rows[i].before, bare,
				     rows[i].after) > 0);
		bearer = judge(&admits, "", cookie, NOW_US);
		assert_int_equal(bearer.role,
				 rows[i].taken ? HTTP_OPERATOR : HTTP_ANYBODY);
		assert_int_equal(bearer.by_cookie, rows[i].taken);
		/* Who sends both is whom the header names. */
		bearer = judge(&admits, "Bearer x", cookie, NOW_US);
		assert_int_equal(bearer.role, HTTP_ANYBODY);
		free(cookie);
	}
	free(token);
}

static void a_cookie_is_for_http_alone_and_over_tls_for_tls_alone(void **state)
{
	struct access secure = admits;
	char *cookie = access_cookie(&admits, "t.o.k");

	(void)state;
	assert_string_equal(cookie, "holdline=t.o.k; Path=/; HttpOnly; "
				    "SameSite=Strict; Max-Age=3600");
	free(cookie);
	secure.secure = true;
	cookie = access_cookie(&secure, NULL);
	assert_string_equal(cookie, "__Host-holdline=; Path=/; HttpOnly; "
				    "SameSite=Strict; Secure; Max-Age=0");
	free(cookie);
}

static void emails_are_kept_in_one_form(void **state)
{
	static const struct {
		const char *text, *email; /* NULL: none */
	} rows[] = {
		{ " Ada@Example.COM\n", "ada@example.com" },
		{ "a+b@c", "a+b@c" },
		{ "", NULL },
		{ "ada", NULL },
		{ "@example.com", NULL },
		{ "ada@", NULL },
		{ "ada@b@c", NULL },
		{ "a da@example.com", NULL },
		{ "ada@example.com\nwho=root", NULL },
		{ "\xc3\xa4@example.com", NULL },
		{ "\"ada\"@example.com", NULL },
	};
	char email[USER_EMAIL_SIZE], big[300];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool read = user_read_email(rows[i].text, email);

		if (read != !!rows[i].email)
			fail_msg("row %zu", i);
		if (read)
			assert_string_equal(email, rows[i].email);
	}
	memset(big, 'a', sizeof(big));
	strcpy(big + 250, "@b.c");
	assert_true(user_read_email(big, email));
	strcpy(big + 251, "@b.c");
	assert_false(user_read_email(big, email));
}

static void passwords_are_long_enough_and_compared_by_their_hash(void **state)
{
	char hash[USER_HASH_SIZE], other[USER_HASH_SIZE], big[300];

	(void)state;
	assert_non_null(user_password_fault("short"));
	assert_non_null(user_password_fault("elevenchars"));
	assert_null(user_password_fault("twelve chars"));
	assert_non_null(user_password_fault("\xff\xff\xff\xff\xff\xff\xff"
					    "\xff\xff\xff\xff\xff"));
	memset(big, 'x', sizeof(big));
	big[256] = '\0';
	assert_null(user_password_fault(big));
	big[256] = 'x';
	big[257] = '\0';
	assert_non_null(user_password_fault(big));

	assert_int_equal(user_hash_password("twelve chars", hash), 0);
	assert_int_equal(user_hash_password("twelve chars", other), 0);
	assert_string_not_equal(hash, other);
	assert_memory_equal(hash, "$argon2id$", 10);
	assert_true(user_password_matches(hash, "twelve chars"));
	assert_false(user_password_matches(hash, "twelve Chars"));
	assert_false(user_password_matches(NULL, "twelve chars"));
	assert_false(user_password_matches("no hash", "twelve chars"));
}

static int start_sodium(void **state)
{
	(void)state;
	return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_admin_token_must_match_whole),
		cmocka_unit_test(a_token_says_who_and_which_role_until_its_end),
		cmocka_unit_test(another_key_ends_all_tokens),
		cmocka_unit_test(a_token_with_any_bit_changed_or_cut_is_none),
		cmocka_unit_test(claims_that_we_never_make_admit_nobody),
		cmocka_unit_test(a_cookie_is_taken_by_its_name_alone),
		cmocka_unit_test(
			a_cookie_is_for_http_alone_and_over_tls_for_tls_alone),
		cmocka_unit_test(emails_are_kept_in_one_form),
		cmocka_unit_test(
			passwords_are_long_enough_and_compared_by_their_hash),
	};

	return cmocka_run_group_tests_name("access", tests, start_sodium, NULL);
}
