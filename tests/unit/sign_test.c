/* sign_test.c - how the load tool proves who it is, by the providers' vectors
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/holdload/sign.h"

static const struct dialect_ids ids = {
	"d7934305-0972-4844-938e-9060eef73d05",
	"e160e428-53e2-487c-977d-96989bf5c99d",
	"30b0e395-84d3-4570-ac13-9a62d8f514c0",
};

static void each_provider_has_its_headers(void **state)
{
	static const struct {
		enum sign_kind kind;
		const char *secret, *scheme, *host, *path, *url, *headers;
	} rows[] = {
		{ SIGN_BEARER, "token", "ws", "h", "/", NULL,
		  "Authorization: Bearer token\r\n" },
		{ SIGN_BASIC, "Aladdin:open sesame", "ws", "h", "/", NULL,
		  "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n" },
		{ SIGN_TELNYX, "token", "ws", "h", "/", NULL,
		  "x-telnyx-streaming-auth-token: token\r\n" },
		{ SIGN_TWILIO, "12345", "wss", "media.example.com", "/twilio",
		  NULL,
		  "X-Twilio-Signature: 0p9HGYJybIvZY5ER6AdY/msz2PI=\r\n" },
		{ SIGN_TWILIO, "12345", "wss", "media.example.com:443",
		  "/twilio", NULL,
		  "X-Twilio-Signature: B6J/runvKkMsTaKqj5J0B9283+E=\r\n" },
		{ SIGN_TWILIO, "12345", "ws", "127.0.0.1:8080", "/else",
		  "wss://media.example.com/twilio/",
		  "X-Twilio-Signature: BTdtATPimKswUJAv/NJAP32rXvk=\r\n" },
		{ SIGN_PLIVO, "my_auth_token", "wss", "media.example.com",
		  "/plivo", NULL,
		  "X-Plivo-Signature-V3: "
		  "VK6qM6y65MpkFvkoO1AwlY4u2XUVcPHrfuEQVnlUnXI=\r\n"
		  "X-Plivo-Signature-V3-Nonce: 05429567804466091622\r\n" },
		{ SIGN_PLIVO, "my_auth_token", "wss", "media.example.com",
		  "/plivo?b=2&%61=1", NULL,
		  "X-Plivo-Signature-V3: "
		  "1XNsCSAK/8NVUF9M/Lg9WbsHctwd8m+zQ0vluV0CJm4=\r\n"
		  "X-Plivo-Signature-V3-Nonce: 05429567804466091622\r\n" },
		{ SIGN_GENESYS, "key", "wss", "h", "/", NULL,
		  "X-API-KEY: key\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sign_request request = {
			.scheme = rows[i].scheme,
			.host = rows[i].host,
			.path = rows[i].path,
			.signed_url = rows[i].url,
			.ids = &ids,
			.random = 5429567804466091622u,
		};
		struct credentials credentials = { .secret = "" };
		char out[1024];
		size_t length;

		(void)snprintf(credentials.secret, sizeof(credentials.secret),
			       "%s", rows[i].secret);
		length = sign_put(out, sizeof(out), rows[i].kind, &credentials,
				  &request);
		assert_string_equal(out, rows[i].headers);
		assert_int_equal(length, strlen(out));
		assert_int_equal(sign_put(out, length, rows[i].kind,
					  &credentials, &request),
				 0);
	}
}

static void a_token_of_vonage_has_three_parts(void **state)
{
	const struct sign_request request = {
		.scheme = "ws",
		.host = "h",
		.path = "/",
		.ids = &ids,
		.now_s = 1767261600,
		.random = 7,
	};
	const struct credentials credentials = { .secret = "s" };
	/* {"alg":"HS256","typ":"JWT"} */
	static const char head[] = "Authorization: Bearer "
				   "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.";
	char out[1024];

	(void)state;
	assert_true(sign_put(out, sizeof(out), SIGN_VONAGE, &credentials,
			     &request) > 0);
	assert_memory_equal(out, head, strlen(head));
	assert_non_null(strchr(out + strlen(head), '.'));
	assert_null(strpbrk(out + strlen(head), "+/="));
}

/* What cannot be a secret of theirs is no signature either. */
static void a_client_secret_that_is_no_base64_signs_nothing(void **state)
{
	const struct sign_request request = {
		.scheme = "ws", .host = "h", .path = "/", .ids = &ids
	};
	const struct credentials credentials = { .secret = "key",
						 .second = "not base64!" };
	char out[1024];

	(void)state;
	assert_int_equal(sign_put(out, sizeof(out), SIGN_GENESYS, &credentials,
				  &request),
			 0);
}

static void a_file_has_the_secret_in_its_first_line(void **state)
{
	static const struct {
		const char *text, *secret, *second;
		int r;
	} rows[] = {
		{ "one", "one", "", 0 },
		{ "one\r\ntwo\nthree\n", "one", "two", 0 },
		{ "", "", "", -ENODATA },
		{ "\ntwo\n", "", "two", -ENODATA },
	};
	char path[] = "/tmp/sign_test.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct credentials credentials = { .secret = "" };
		size_t length = strlen(rows[i].text);

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, rows[i].text, length, 0), length);
		assert_int_equal(credentials_read(&credentials, path),
				 rows[i].r);
		assert_string_equal(credentials.secret, rows[i].secret);
		assert_string_equal(credentials.second, rows[i].second);
	}
	(void)close(fd);
	(void)unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_provider_has_its_headers),
		cmocka_unit_test(a_token_of_vonage_has_three_parts),
		cmocka_unit_test(
			a_client_secret_that_is_no_base64_signs_nothing),
		cmocka_unit_test(a_file_has_the_secret_in_its_first_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
