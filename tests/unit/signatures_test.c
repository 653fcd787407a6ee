/*
 * signatures_test.c - signed URLs, tokens and messages, against what the
 * providers publish, and each way in which one can be wrong
 */
#include "auth_kit.h"

#include <sodium.h>

#include "server/auth/secret.h"

/* ---- Twilio ----------------------------------------------------------------
 */

#define TWILIO "        twilio: {secret: \"12345\"}\n"

static void twilio_signs_the_url_in_any_spelling(void **state)
{
	static const char bare[] = "0p9HGYJybIvZY5ER6AdY/msz2PI=";
	static const char port[] = "B6J/runvKkMsTaKqj5J0B9283+E=";
	static const char slash[] = "BTdtATPimKswUJAv/NJAP32rXvk=";
	static const char https[] = "of64nnYdBXG0kk8se2csoaupjgk=";
	static const struct {
		const char *scheme, *authority, *path, *signature, *expected;
	} rows[] = {
		{ "wss", "media.example.com", "/twilio", bare, "passed" },
		{ "wss", "media.example.com", "/twilio", port, "passed" },
		{ "wss", "media.example.com", "/twilio", slash, "passed" },
		{ "wss", "media.example.com", "/twilio", https, "passed" },
		{ "wss", "media.example.com:443", "/twilio", bare, "passed" },
		{ "https", "media.example.com:443", "/twilio/", port,
		  "passed" },
		{ "ws", "media.example.com", "/twilio", bare, "passed" },
		{ "wss", "media.example.com:8443", "/twilio", port,
		  "twilio_signature mismatch" },
		{ "wss", "media.example.org", "/twilio", bare,
		  "twilio_signature mismatch" },
		{ "wss", "media.example.com", "/twilio2", bare,
		  "twilio_signature mismatch" },
		{ "wss", "media.example.com", "/Twilio", bare,
		  "twilio_signature mismatch" },
		{ "wss", "media.example.com", "/twilio",
		  "0p9HGYJybIvZY5ER6AdY/msz2PJ=",
		  "twilio_signature malformed" },
		{ "wss", "media.example.com", "/twilio",
		  "1p9HGYJybIvZY5ER6AdY/msz2PI=", "twilio_signature mismatch" },
		{ "wss", "media.example.com", "/twilio", "",
		  "twilio_signature malformed" },
		{ "wss", "media.example.com", "/twilio",
		  "0p9HGYJybIvZY5ER6A==", "twilio_signature malformed" },
		{ "wss", "media.example.com", "/twilio", NULL,
		  "twilio_signature missing" },
	};
	struct kit kit;

	(void)state;
	kit_load(&kit, "/twilio", TWILIO);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct auth_request request = { .scheme = rows[i].scheme,
						.authority = rows[i].authority,
						.path = rows[i].path };

		request.headers[HEADER_TWILIO_SIGNATURE] = rows[i].signature;
		kit_expect(&kit, &request, rows[i].expected, i);
	}
	kit_free(&kit);
}

/* Twilio's published example, a webhook. */
static void twilio_signs_the_parameters_of_a_post(void **state)
{
	struct auth_request request = {
		.scheme = "https",
		.authority = "mycompany.com",
		.path = "/myapp.php",
		.query = { "foo=1", "bar=2" },
		.query_count = 2,
		.signed_tail =
			"CallSidCA1234567890ABCDECaller+14158675309Digits1234"
			"From+14158675309To+18005551212",
	};
	struct kit kit;

	(void)state;
	kit_load(&kit, "/twilio", TWILIO);
	request.headers[HEADER_TWILIO_SIGNATURE] =
		"RSOYDt4T1cUTdK1PDd93/VVr8B8=";
	kit_expect(&kit, &request, "passed", 0);
	request.query_count = 1;
	kit_expect(&kit, &request, "twilio_signature mismatch", 1);
	request.query_count = 2;
	request.signed_tail = NULL;
	kit_expect(&kit, &request, "twilio_signature mismatch", 2);
	kit_free(&kit);
}

static void a_secret_that_is_being_changed_is_good_in_both_forms(void **state)
{
	struct auth_request request = { .scheme = "wss",
					.authority = "media.example.com",
					.path = "/twilio" };
	struct kit kit;

	(void)state;
	request.headers[HEADER_TWILIO_SIGNATURE] =
		"0p9HGYJybIvZY5ER6AdY/msz2PI=";
	kit_load(&kit, "/twilio",
		 "        twilio: {secret: [new, \"12345\"]}\n");
	kit_expect(&kit, &request, "passed", 0);
	kit_free(&kit);
	kit_load(&kit, "/twilio",
		 "        twilio: {secret: [\"12345\", old]}\n");
	kit_expect(&kit, &request, "passed", 1);
	kit_free(&kit);
	kit_load(&kit, "/twilio", "        twilio: {secret: [new, old]}\n");
	kit_expect(&kit, &request, "twilio_signature mismatch", 2);
	kit_free(&kit);
}

static void a_missing_signature_may_be_allowed_but_no_wrong_one(void **state)
{
	struct auth_request request = { .scheme = "wss",
					.authority = "media.example.com",
					.path = "/twilio" };
	struct kit kit;

	(void)state;
	kit_load(&kit, "/twilio",
		 "        twilio: {secret: x, missing: if_present}\n");
	kit_expect(&kit, &request, "passed", 0);
	request.headers[HEADER_TWILIO_SIGNATURE] =
		"0p9HGYJybIvZY5ER6AdY/msz2PI=";
	kit_expect(&kit, &request, "twilio_signature mismatch", 1);
	kit_free(&kit);
}

static void a_query_may_have_been_signed_encoded(void **state)
{
	struct auth_request request = { .scheme = "wss",
					.authority = "h",
					.path = "/p",
					.query = { "name=J\xc3\xb6rg K" },
					.query_count = 1 };
	static const char *const urls[] = { "wss://h/p?name=J%C3%B6rg%20K",
					    "wss://h/p?name=J\xc3\xb6rg K" };
	struct kit kit;

	(void)state;
	kit_load(&kit, "/p", TWILIO);
	for (size_t i = 0; i < 2; i++) {
		uint8_t digest[HMAC_SHA1_SIZE];
		char signature[32];

		assert_int_equal(
			hmac_sha1("12345", 5, urls[i], strlen(urls[i]), digest),
			0);
		sodium_bin2base64(signature, sizeof(signature), digest,
				  sizeof(digest),
				  sodium_base64_VARIANT_ORIGINAL);
		request.headers[HEADER_TWILIO_SIGNATURE] = signature;
		kit_expect(&kit, &request, "passed", i);
	}
	kit_free(&kit);
}

/* ---- Plivo -----------------------------------------------------------------
 */

static void plivo_signs_the_url_its_sorted_query_and_a_nonce(void **state)
{
	static const char bare[] =
		"VK6qM6y65MpkFvkoO1AwlY4u2XUVcPHrfuEQVnlUnXI=";
	static const char query[] =
		"1XNsCSAK/8NVUF9M/Lg9WbsHctwd8m+zQ0vluV0CJm4=";
	static const char both[] =
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=, "
		"VK6qM6y65MpkFvkoO1AwlY4u2XUVcPHrfuEQVnlUnXI=";
	static const char nonce[] = "05429567804466091622";
	static const struct {
		const char *scheme, *a, *b, *nonce, *signature, *expected;
	} rows[] = {
		{ "https", NULL, NULL, nonce, bare, "passed" },
		{ "wss", NULL, NULL, nonce, bare, "passed" },
		{ "ws", NULL, NULL, nonce, bare, "passed" },
		{ "wss", NULL, NULL, nonce, both, "passed" },
		{ "wss", "a=1", "b=2", nonce, query, "passed" },
		{ "wss", "b=2", "a=1", nonce, query, "passed" },
		{ "wss", "a=1", "b=3", nonce, query,
		  "plivo_signature mismatch" },
		{ "wss", "a=1", NULL, nonce, query,
		  "plivo_signature mismatch" },
		{ "wss", NULL, NULL, nonce, query, "plivo_signature mismatch" },
		{ "wss", NULL, NULL, "05429567804466091623", bare,
		  "plivo_signature mismatch" },
		{ "wss", NULL, NULL, NULL, bare, "plivo_signature missing" },
		{ "wss", NULL, NULL, nonce, NULL, "plivo_signature missing" },
		{ "wss", NULL, NULL, nonce, "", "plivo_signature malformed" },
		{ "wss", NULL, NULL, nonce, ",,, x ,",
		  "plivo_signature malformed" },
	};
	struct kit kit;

	(void)state;
	kit_load(&kit, "/plivo", "        plivo: {secret: my_auth_token}\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct auth_request request = {
			.scheme = rows[i].scheme,
			.authority = "media.example.com",
			.path = "/plivo",
			.query = { rows[i].a, rows[i].b },
			.query_count = (rows[i].a != NULL) + (rows[i].b != NULL)
		};

		request.headers[HEADER_PLIVO_SIGNATURE] = rows[i].signature;
		request.headers[HEADER_PLIVO_NONCE] = rows[i].nonce;
		kit_expect(&kit, &request, rows[i].expected, i);
	}
	kit_free(&kit);
}

/* ---- Vonage ----------------------------------------------------------------
 */

#define JWT_KEY "a signature secret"

/* How many characters that were. */
static size_t add_base64(const void *bytes, size_t size, char *out, size_t room)
{
	return strlen(
		sodium_bin2base64(out, room, bytes, size,
				  sodium_base64_VARIANT_URLSAFE_NO_PADDING));
}

/* "Bearer ..." of those two parts, signed with the key. */
static const char *bearer(const char *header, const char *claims,
			  const char *key)
{
	static char out[1024];
	uint8_t digest[HMAC_SHA256_SIZE];
	size_t length = (size_t)snprintf(out, sizeof(out), "Bearer ");

	length += add_base64(header, strlen(header), out + length,
			     sizeof(out) - length);
	out[length++] = '.';
	length += add_base64(claims, strlen(claims), out + length,
			     sizeof(out) - length);
	assert_int_equal(
		hmac_sha256(key, strlen(key), out + 7, length - 7, digest), 0);
	out[length++] = '.';
	(void)add_base64(digest, sizeof(digest), out + length,
			 sizeof(out) - length);
	return out;
}

static void vonage_brings_a_token_that_is_signed_and_in_time(void **state)
{
	static const char hs256[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
	static const struct {
		const char *header, *claims, *key, *expected;
	} rows[] = {
		{ hs256, "{\"iat\":1000,\"exp\":1100}", JWT_KEY, "passed" },
		{ hs256, "{\"exp\":1001}", JWT_KEY, "passed" },
		{ hs256, "{\"iat\":1000}", JWT_KEY, "passed" },
		{ hs256, "{\"iat\":1029.5,\"exp\":1100}", JWT_KEY, "passed" },
		{ hs256, "{\"exp\":971}", JWT_KEY, "passed" },
		{ hs256, "{\"exp\":970}", JWT_KEY, "vonage_token expired" },
		{ hs256, "{\"iat\":669}", JWT_KEY, "vonage_token expired" },
		{ hs256, "{\"iat\":1031,\"exp\":1100}", JWT_KEY,
		  "vonage_token not_yet_valid" },
		{ hs256, "{\"nbf\":1031,\"exp\":1100}", JWT_KEY,
		  "vonage_token not_yet_valid" },
		{ hs256, "{}", JWT_KEY, "vonage_token malformed" },
		{ hs256, "{\"exp\":\"1100\"}", JWT_KEY,
		  "vonage_token malformed" },
		{ hs256, "{\"exp\":970,\"exp\":1100}", JWT_KEY,
		  "vonage_token malformed" },
		{ hs256, "[]", JWT_KEY, "vonage_token malformed" },
		{ hs256, "{\"exp\":1100}", "another secret",
		  "vonage_token mismatch" },
		/* Whoever may name the algorithm may as well sign. */
		{ "{\"alg\":\"none\"}", "{\"exp\":1100}", JWT_KEY,
		  "vonage_token mismatch" },
		{ "{\"alg\":\"HS512\"}", "{\"exp\":1100}", JWT_KEY,
		  "vonage_token mismatch" },
		{ "{}", "{\"exp\":1100}", JWT_KEY, "vonage_token mismatch" },
	};
	struct auth_request request = { .scheme = "wss",
					.authority = "h",
					.path = "/v",
					.now_ms = 1000000 };
	struct kit kit;

	(void)state;
	kit_load(&kit, "/v",
		 "        vonage: {secret: [old, \"" JWT_KEY "\"]}\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		request.headers[HEADER_AUTHORIZATION] =
			bearer(rows[i].header, rows[i].claims, rows[i].key);
		kit_expect(&kit, &request, rows[i].expected, i);
	}
	kit_free(&kit);
}

static void what_is_no_token_is_refused(void **state)
{
	static const struct {
		const char *header, *expected;
	} rows[] = {
		{ NULL, "vonage_token missing" },
		{ "", "vonage_token malformed" },
		{ "Bearer", "vonage_token malformed" },
		{ "Bearer ", "vonage_token malformed" },
		{ "Bearer ..", "vonage_token malformed" },
		{ "Bearer a.b.c", "vonage_token malformed" },
		{ "Bearer a.b", "vonage_token malformed" },
		{ "Basic a.b.c", "vonage_token malformed" },
		{ "Bearer eyJhbGciOiJub25lIn0.eyJleHAiOjExMDB9.",
		  "vonage_token malformed" },
	};
	struct auth_request request = { .now_ms = 1000000 };
	struct kit kit;

	(void)state;
	kit_load(&kit, "/v", "        vonage: {secret: x}\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		request.headers[HEADER_AUTHORIZATION] = rows[i].header;
		kit_expect(&kit, &request, rows[i].expected, i);
	}
	kit_free(&kit);
	kit_load(&kit, "/v",
		 "        vonage: {type: custom, secret: \"Key abc\"}\n");
	request.headers[HEADER_AUTHORIZATION] = "Key abc";
	kit_expect(&kit, &request, "passed", 100);
	request.headers[HEADER_AUTHORIZATION] = "Key abd";
	kit_expect(&kit, &request, "vonage_token mismatch", 101);
	kit_free(&kit);
}

/* ---- Genesys ---------------------------------------------------------------
 */

#define GENESYS_KEY    "SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh"
#define GENESYS_SECRET "TXlTdXBlclNlY3JldEtleVRlbGxOby0xITJAMyM0JDU="
#define COMPONENTS                                                           \
	"(\"@request-target\" \"@authority\" \"audiohook-organization-id\" " \
	"\"audiohook-session-id\" \"audiohook-correlation-id\" "             \
	"\"x-api-key\")"
#define PARAMS                                                               \
	";keyid=\"" GENESYS_KEY "\";nonce=\"VGhpc0lzQVVuaXF1ZU5vbmNl\";alg=" \
	"\"hmac-sha256\";created=1641013200;expires=3282026430"
#define SIGNED "sig1=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=:"

static struct auth_request genesys_request(void)
{
	struct auth_request request = {
		.scheme = "wss",
		.authority = "audiohook.example.com",
		.path = "/api/v1/voicebiometrics/ws",
		.now_ms = 1641013200000,
	};

	request.headers[HEADER_API_KEY] = GENESYS_KEY;
	request.headers[HEADER_ORGANIZATION] =
		"d7934305-0972-4844-938e-9060eef73d05";
	request.headers[HEADER_SESSION] =
		"30b0e395-84d3-4570-ac13-9a62d8f514c0";
	request.headers[HEADER_CORRELATION] =
		"e160e428-53e2-487c-977d-96989bf5c99d";
	request.headers[HEADER_SIGNATURE_INPUT] = "sig1=" COMPONENTS PARAMS;
	request.headers[HEADER_SIGNATURE] = SIGNED;
	return request;
}

static void genesys_load(struct kit *kit)
{
	kit_load(kit, "/g",
		 "        genesys:\n          api_key: [" GENESYS_KEY ", b]\n"
		 "          secret: [\"" GENESYS_SECRET "\", b3RoZXI=]\n");
}

static void genesys_signs_the_handshake_for_one_use(void **state)
{
	struct auth_request request = genesys_request();
	struct kit kit;

	(void)state;
	genesys_load(&kit);
	kit_expect(&kit, &request, "passed", 0);
	kit_expect(&kit, &request, "genesys_signature replayed", 1);
	memset(&kit.used, 0, sizeof(kit.used));
	request.authority = "AudioHook.Example.com:443";
	kit_expect(&kit, &request, "passed", 2);
	/* A nonce need be remembered only while its request is young. */
	memset(&kit.used, 0, sizeof(kit.used));
	request.now_ms += 13000;
	kit_expect(&kit, &request, "passed", 3);
	kit_expect(&kit, &request, "genesys_signature replayed", 4);
	request.now_ms += 1000;
	kit_expect(&kit, &request, "genesys_signature expired", 5);
	request.now_ms = 1641013197000;
	memset(&kit.used, 0, sizeof(kit.used));
	kit_expect(&kit, &request, "passed", 6);
	request.now_ms = 1641013196000;
	kit_expect(&kit, &request, "genesys_signature not_yet_valid", 7);
	kit_free(&kit);
}

static void a_genesys_handshake_may_be_wrong_in_many_ways(void **state)
{
#define NO_NONCE                                                            \
	";keyid=\"" GENESYS_KEY "\";alg=\"hmac-sha256\";created=1641013200" \
	";expires=3282026430"
#define SHORT_NONCE                                                       \
	";keyid=\"" GENESYS_KEY "\";nonce=\"VGhpc0lzQVVuaXF1ZU5vb\";alg=" \
	"\"hmac-sha256\";created=1641013200;expires=3282026430"
	static const struct {
		enum auth_header header;
		const char *value, *expected;
	} rows[] = {
		{ HEADER_API_KEY, NULL, "genesys_signature missing" },
		{ HEADER_API_KEY, "b", "genesys_signature mismatch" },
		{ HEADER_API_KEY, "c", "genesys_signature mismatch" },
		{ HEADER_ORGANIZATION, NULL, "genesys_signature missing" },
		{ HEADER_ORGANIZATION, "x", "genesys_signature mismatch" },
		{ HEADER_SESSION, NULL, "genesys_signature missing" },
		{ HEADER_SESSION, "x", "genesys_signature mismatch" },
		{ HEADER_CORRELATION, "x", "genesys_signature mismatch" },
		{ HEADER_SIGNATURE, NULL, "genesys_signature missing" },
		{ HEADER_SIGNATURE, "", "genesys_signature malformed" },
		{ HEADER_SIGNATURE,
		  "sig2"
		  "=:NZBw:",
		  "genesys_signature malformed" },
		{ HEADER_SIGNATURE, SIGNED "x", "genesys_signature malformed" },
		{ HEADER_SIGNATURE,
		  "sig1=:AZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=:",
		  "genesys_signature mismatch" },
		{ HEADER_SIGNATURE_INPUT, NULL, "genesys_signature missing" },
		{ HEADER_SIGNATURE_INPUT, "", "genesys_signature malformed" },
		{ HEADER_SIGNATURE_INPUT,
		  "sig1=", "genesys_signature malformed" },
		{ HEADER_SIGNATURE_INPUT, "sig1=()" PARAMS,
		  "genesys_signature malformed" },
		{ HEADER_SIGNATURE_INPUT,
		  "sig1=(\"@request-target\" \"@authority\")" PARAMS,
		  "genesys_signature malformed" },
		{ HEADER_SIGNATURE_INPUT, "sig1=" COMPONENTS,
		  "genesys_signature malformed" },
		{ HEADER_SIGNATURE_INPUT, "sig1=" COMPONENTS PARAMS ";",
		  "genesys_signature malformed" },
		{ HEADER_SIGNATURE_INPUT, "sig1=" COMPONENTS PARAMS ";x=\"1\"",
		  "genesys_signature malformed" },
		{ HEADER_SIGNATURE_INPUT, "sig1=" COMPONENTS NO_NONCE,
		  "genesys_signature malformed" },
		{ HEADER_SIGNATURE_INPUT, "sig1=" COMPONENTS SHORT_NONCE,
		  "genesys_signature malformed" },
		{ HEADER_SIGNATURE_INPUT,
		  "sig1=(\"@request-target\" \"@request-target\" "
		  "\"audiohook-organization-id\" \"audiohook-session-id\" "
		  "\"audiohook-correlation-id\" \"x-api-key\")" PARAMS,
		  "genesys_signature malformed" },
	};
	struct kit kit;

	(void)state;
	genesys_load(&kit);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct auth_request request = genesys_request();

		request.headers[rows[i].header] = rows[i].value;
		kit_expect(&kit, &request, rows[i].expected, i);
	}
	kit_free(&kit);
}

static void an_api_key_without_a_client_secret_is_not_signed(void **state)
{
	struct auth_request request = { .path = "/g" };
	struct kit kit;

	(void)state;
	kit_load(&kit, "/g", "        genesys: {api_key: abc}\n");
	request.headers[HEADER_API_KEY] = "abc";
	kit_expect(&kit, &request, "passed", 0);
	request.headers[HEADER_API_KEY] = "abcd";
	kit_expect(&kit, &request, "genesys_signature mismatch", 1);
	kit_free(&kit);
}

/* ---- Telnyx' webhooks -------------------------------------------------------
 */

#define SIGNED_AT "1700000000"
#define BODY	  "CallSid=v3%3A1"

static void telnyx_signs_the_time_and_the_body(void **state)
{
	static const struct {
		const char *timestamp, *body;
		int64_t later_s; /* than it was signed */
		const char *expected;
	} rows[] = {
		{ SIGNED_AT, BODY, 0, "passed" },
		{ SIGNED_AT, BODY, 300, "passed" },
		{ SIGNED_AT, BODY, -300, "passed" },
		{ SIGNED_AT, BODY, 301, "telnyx_signature expired" },
		{ SIGNED_AT, BODY, -301, "telnyx_signature not_yet_valid" },
		{ "1700000001", BODY, 0, "telnyx_signature mismatch" },
		{ SIGNED_AT, "CallSid=v3%3A2", 0, "telnyx_signature mismatch" },
		{ SIGNED_AT, "", 0, "telnyx_signature mismatch" },
		{ "", BODY, 0, "telnyx_signature malformed" },
		{ "17x", BODY, 0, "telnyx_signature malformed" },
		{ "99999999999999999999", BODY, 0,
		  "telnyx_signature malformed" },
		{ NULL, BODY, 0, "telnyx_signature missing" },
	};
	static const char text[] = SIGNED_AT "|" BODY;
	const unsigned char seed[crypto_sign_SEEDBYTES] = { 7 };
	unsigned char public_key[crypto_sign_PUBLICKEYBYTES];
	unsigned char secret_key[crypto_sign_SECRETKEYBYTES];
	unsigned char signature[crypto_sign_BYTES];
	char encoded[2][128], auth[256];
	struct kit kit;

	(void)state;
	crypto_sign_seed_keypair(public_key, secret_key, seed);
	crypto_sign_detached(signature, NULL, (const unsigned char *)text,
			     sizeof(text) - 1, secret_key);
	sodium_bin2base64(encoded[0], sizeof(encoded[0]), public_key,
			  sizeof(public_key), sodium_base64_VARIANT_ORIGINAL);
	sodium_bin2base64(encoded[1], sizeof(encoded[1]), signature,
			  sizeof(signature), sodium_base64_VARIANT_ORIGINAL);
	(void)snprintf(auth, sizeof(auth),
		       "        telnyx_signature: {public_key: \"%s\"}\n",
		       encoded[0]);
	kit_load(&kit, "/telnyx", auth);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct auth_request request = {
			.path = "/telnyx",
			.body = rows[i].body,
			.body_length = strlen(rows[i].body),
			.now_ms =
				(uint64_t)(1700000000 + rows[i].later_s) * 1000,
		};

		request.headers[HEADER_TELNYX_SIGNATURE] = encoded[1];
		request.headers[HEADER_TELNYX_TIMESTAMP] = rows[i].timestamp;
		kit_expect(&kit, &request, rows[i].expected, i);
	}
	kit_free(&kit);
}

/* hex(HMAC-SHA256("whsec", "1700000000.{\"call_sid\":\"J1\"}")), made with
 * openssl dgst -sha256 -hmac. */
#define JAMBONZ_BODY "{\"call_sid\":\"J1\"}"
#define JAMBONZ_V1 \
	"03c3cfae3e59ffce66b3f5bed06ab686060f6cc371c9432c910b58afb9ab984c"
#define OTHER_V1                           \
	"00000000000000000000000000000000" \
	"00000000000000000000000000000000"

static void jambonz_signs_the_time_and_the_body(void **state)
{
	static const struct {
		const char *header, *body;
		int64_t later_s; /* than it was signed */
		const char *expected;
	} rows[] = {
		{ "t=1700000000,v1=" JAMBONZ_V1, JAMBONZ_BODY, 0, "passed" },
		{ "v1=" JAMBONZ_V1 ", t=1700000000", JAMBONZ_BODY, 300,
		  "passed" },
		{ "t=1700000000,v1=" OTHER_V1 ",v0=x,v1=" JAMBONZ_V1,
		  JAMBONZ_BODY, -300, "passed" },
		{ "t=1700000000,v1=" JAMBONZ_V1, JAMBONZ_BODY, 301,
		  "jambonz_signature expired" },
		{ "t=1700000000,v1=" JAMBONZ_V1, JAMBONZ_BODY " ", 0,
		  "jambonz_signature mismatch" },
		{ "t=1700000001,v1=" JAMBONZ_V1, JAMBONZ_BODY, 0,
		  "jambonz_signature mismatch" },
		{ "t=1700000000,v1=" JAMBONZ_V1, "", 0,
		  "jambonz_signature no_body" },
		{ "t=1700000000,v1=" OTHER_V1, JAMBONZ_BODY, 0,
		  "jambonz_signature mismatch" },
		{ "t=1700000000,v1=00", JAMBONZ_BODY, 0,
		  "jambonz_signature malformed" },
		{ "t=1700000000,v1=" JAMBONZ_V1 "00", JAMBONZ_BODY, 0,
		  "jambonz_signature malformed" },
		{ "t=1,t=1700000000,v1=" JAMBONZ_V1, JAMBONZ_BODY, 0,
		  "jambonz_signature malformed" },
		{ "t=1700000000", JAMBONZ_BODY, 0,
		  "jambonz_signature malformed" },
		{ "v1=" JAMBONZ_V1, JAMBONZ_BODY, 0,
		  "jambonz_signature malformed" },
		{ "t=1700000000,,v1=" JAMBONZ_V1, JAMBONZ_BODY, 0,
		  "jambonz_signature malformed" },
		{ "t=17000000000000000,v1=" JAMBONZ_V1, JAMBONZ_BODY, 0,
		  "jambonz_signature malformed" },
		{ "t=x,v1=" JAMBONZ_V1, JAMBONZ_BODY, 0,
		  "jambonz_signature malformed" },
		{ "", JAMBONZ_BODY, 0, "jambonz_signature malformed" },
		{ NULL, JAMBONZ_BODY, 0, "jambonz_signature missing" },
	};
	struct kit kit;

	(void)state;
	kit_load(&kit, "/jambonz",
		 "        jambonz_signature: {secret: [old, whsec]}\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct auth_request request = {
			.path = "/jambonz",
			.body = rows[i].body,
			.body_length = strlen(rows[i].body),
			.now_ms =
				(uint64_t)(1700000000 + rows[i].later_s) * 1000,
		};

		request.headers[HEADER_JAMBONZ_SIGNATURE] = rows[i].header;
		kit_expect(&kit, &request, rows[i].expected, i);
	}
	kit_free(&kit);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(twilio_signs_the_url_in_any_spelling),
		cmocka_unit_test(twilio_signs_the_parameters_of_a_post),
		cmocka_unit_test(
			a_secret_that_is_being_changed_is_good_in_both_forms),
		cmocka_unit_test(
			a_missing_signature_may_be_allowed_but_no_wrong_one),
		cmocka_unit_test(a_query_may_have_been_signed_encoded),
		cmocka_unit_test(
			plivo_signs_the_url_its_sorted_query_and_a_nonce),
		cmocka_unit_test(
			vonage_brings_a_token_that_is_signed_and_in_time),
		cmocka_unit_test(what_is_no_token_is_refused),
		cmocka_unit_test(telnyx_signs_the_time_and_the_body),
		cmocka_unit_test(jambonz_signs_the_time_and_the_body),
		cmocka_unit_test(genesys_signs_the_handshake_for_one_use),
		cmocka_unit_test(a_genesys_handshake_may_be_wrong_in_many_ways),
		cmocka_unit_test(
			an_api_key_without_a_client_secret_is_not_signed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
