/* webhook_test.c - what webhooks say, what they are answered, what stays text
 *
 * Requests are structs, as the server hands them over; no socket is needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/payload.h"
#include "persistence/record.h"
#include "server/control/http/http.h"
#include "server/control/webhooks/webhook_answer.h"
#include "server/control/webhooks/webhook_body.h"
#include "server/control/webhooks/webhook_status.h"
#include "server/control/webhooks/xml_text.h"
#include "server/handshake.h"

static struct handshake caller; /* without a query, unless a test adds one */

static int read_body(struct webhook_body *body, const char *text)
{
	const struct http_request request = {
		.method = HTTP_POST,
		.body = text,
		.body_length = strlen(text),
		.caller = &caller,
	};

	return webhook_body_read(body, &request);
}

/* ---- text in XML -----------------------------------------------------------
 */

static void text_in_xml_stays_text(void **state)
{
	static const struct {
		const char *text, *xml;
	} rows[] = {
		{ "plain", "plain" },
		{ "<a b=\"c\">&'", "&#60;a b=&#34;c&#34;&#62;&#38;&#39;" },
		{ "\t\r\n", "&#9;&#13;&#10;" },
		{ "a\x01"
		  "b\x1f\x7f",
		  "a?b??" },
		{ "J\xc3\xb6rg \xf0\x9f\x93\x9e",
		  "J\xc3\xb6rg \xf0\x9f\x93\x9e" },
		{ "\xef\xbf\xbe\xef\xbf\xbf!", "?"
					       "?!" },
		{ "]]>", "]]&#62;" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		assert_non_null(out);
		xml_put_text(out, rows[i].text);
		assert_int_equal(fclose(out), 0);
		assert_string_equal(text, rows[i].xml);
		free(text);
	}
}

/* ---- bodies ----------------------------------------------------------------
 */

static void bodies_become_values_or_are_refused(void **state)
{
	static const struct {
		const char *body;
		int r;
		const char *names, *value; /* of what stands at these names */
	} rows[] = {
		{ "a=1&b=two+words", 0, "b", "two words" },
		{ "a=%e2%82%ac", 0, "a", "\xe2\x82\xac" },
		{ "a=1&a=2", 0, "a", "1" },
		{ "a&b=", 0, "a b", "" },
		{ "=x&c=3", 0, "c", "3" },
		{ "a=1&&&b=2&", 0, "x b", "2" },
		{ "{\"a\":{\"b\":\"deep\"}}", 0, "a.b", "deep" },
		{ "{\"a\":{\"b\":\"deep\"}}", 0, "a a.b.c", "" },
		{ " {\"n\":17}", 0, "n", "17" },
		{ "{\"n\":1.5}", 0, "n", "1.500" },
		{ "{\"n\":true,\"m\":null}", 0, "n m", "" },
		{ "{\"n\":\"0123456789abcdef\"}", 0, "n", "" }, /* too long */
		{ "a=%00", -EINVAL, "", "" },
		{ "a=%zz", -EINVAL, "", "" },
		{ "a=%4", -EINVAL, "", "" },
		{ "a=%ff", -EINVAL, "", "" },
		{ "{\"a\":1", -EINVAL, "", "" },
		{ "{\"a\":1,\"a\":2}", -EINVAL, "", "" },
		{ "[1]", 0, "a", "" }, /* a form of one odd name */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct webhook_body body;
		char value[16];

		if (read_body(&body, rows[i].body) != rows[i].r)
			fail_msg("row %zu", i);
		if (rows[i].r == 0) {
			assert_int_equal(webhook_body_get(&body, rows[i].names,
							  value, sizeof(value)),
					 *rows[i].value != '\0');
			assert_string_equal(value, rows[i].value);
		}
		webhook_body_finish(&body);
	}
}

static void a_form_is_signed_in_the_order_of_its_names(void **state)
{
	static const struct {
		const char *body, *tail;
	} rows[] = {
		{ "b=2&a=1", "a1b2" },
		{ "To=%2B1+8&From=x%26y&Empty=", "EmptyFromx&yTo+1 8" },
		{ "a=2&a=1&a=2", "a1a2" },
		{ "B=1&a=2", "B1a2" }, /* by bytes, as the libraries sort */
		{ "{}", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct webhook_body body;

		assert_int_equal(read_body(&body, rows[i].body), 0);
		if (rows[i].tail)
			assert_string_equal(body.signed_tail, rows[i].tail);
		else
			assert_null(body.signed_tail);
		webhook_body_finish(&body);
	}
}

static void too_many_fields_are_refused(void **state)
{
	char text[(WEBHOOK_FIELDS_MAX + 1) * 8];
	struct webhook_body body;
	size_t n = 0;

	(void)state;
	for (int i = 0; i <= WEBHOOK_FIELDS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "&f%d=1", i);
	assert_int_equal(read_body(&body, text), -E2BIG);
	webhook_body_finish(&body);
	*strrchr(text, '&') = '\0';
	assert_int_equal(read_body(&body, text), 0);
	webhook_body_finish(&body);
}

/* ---- statuses --------------------------------------------------------------
 */

static void each_dialect_says_how_a_call_goes(void **state)
{
	static const struct {
		const char *provider, *body, *call;
		enum webhook_stage stage;
		int64_t ms;
		const char *status, *cause, *error;
	} rows[] = {
		{ "twilio", "CallSid=CA1&CallStatus=ringing", "CA1",
		  STAGE_BEFORE, -1, "ringing", "", "" },
		{ "twilio", "CallSid=CA1&CallStatus=in-progress", "CA1",
		  STAGE_ANSWERED, -1, "in-progress", "", "" },
		{ "twilio",
		  "CallSid=CA1&CallStatus=completed&Duration=1&CallDuration=42",
		  "CA1", STAGE_ENDED, 42000, "completed", "completed", "" },
		{ "twilio",
		  "CallSid=CA1&CallStatus=no-answer&SipResponseCode=480", "CA1",
		  STAGE_ENDED, -1, "no-answer", "480", "480" },
		{ "twilio",
		  "CallSid=CA1&StreamEvent=stream-error&StreamError=lost",
		  "CA1", STAGE_ASIDE, -1, "", "", "lost" },
		{ "signalwire",
		  "CallSid=a-b&CallStatus=canceled&CallDuration=-4", "a-b",
		  STAGE_ENDED, -1, "canceled", "canceled", "" },
		{ "telnyx",
		  "CallSid=v3:s&CallControlId=v3:c&CallStatus=completed&"
		  "CallDuration=1e99",
		  "v3:c", STAGE_ENDED, -1, "completed", "completed", "" },
		{ "telnyx",
		  "{\"data\":{\"event_type\":\"call.hangup\",\"payload\":{"
		  "\"call_control_id\":\"v3:c\",\"hangup_cause\":\"timeout\","
		  "\"sip_hangup_cause\":\"unspecified\","
		  "\"start_time\":\"2026-11-24T01:00:00.000000Z\","
		  "\"end_time\":\"2026-11-24T01:00:01.500000Z\"}}}",
		  "v3:c", STAGE_ENDED, 1500, "call.hangup", "timeout",
		  "unspecified" },
		{ "plivo",
		  "CallUUID=u&CallStatus=completed&Duration=3&HangupCauseName=Busy",
		  "u", STAGE_ENDED, 3000, "completed", "Busy", "" },
		{ "vonage",
		  "{\"uuid\":\"u\",\"status\":\"answered\",\"duration\":null}",
		  "u", STAGE_ANSWERED, -1, "answered", "", "" },
		{ "vonage",
		  "{\"uuid\":\"u\",\"status\":\"completed\",\"duration\":\"2\","
		  "\"sip_code\":200}",
		  "u", STAGE_ENDED, 2000, "completed", "completed", "" },
		{ "exotel", "CallSid=e&Status=failed&Reason=Operator", "e",
		  STAGE_ENDED, -1, "failed", "failed", "Operator" },
		{ "jambonz",
		  "{\"call_sid\":\"j\",\"call_status\":\"busy\",\"duration\":0,"
		  "\"sip_status\":486,\"sip_reason\":\"Busy Here\"}",
		  "j", STAGE_ENDED, 0, "busy", "Busy Here", "486" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct webhook_status status;
		struct webhook_body body;

		assert_int_equal(read_body(&body, rows[i].body), 0);
		webhook_status_read(rows[i].provider, &body, &status);
		if (status.stage != rows[i].stage ||
		    status.duration_ms != rows[i].ms)
			fail_msg("row %zu: stage %d, %lld ms", i,
				 (int)status.stage,
				 (long long)status.duration_ms);
		assert_string_equal(status.call_id, rows[i].call);
		assert_string_equal(status.status, rows[i].status);
		assert_string_equal(status.cause, rows[i].cause);
		assert_string_equal(status.error, rows[i].error);
		assert_true(webhook_status_tells(&status));
		webhook_body_finish(&body);
	}
}

static void what_says_nothing_of_a_call_is_not_kept(void **state)
{
	static const char *const bodies[] = {
		"CallSid=CA1", "CallStatus=completed", "x=y", "{}",
		"CallSid=CA1&StreamEvent=stream-started"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct webhook_status status;
		struct webhook_body body;

		assert_int_equal(read_body(&body, bodies[i]), 0);
		webhook_status_read("twilio", &body, &status);
		assert_false(webhook_status_tells(&status));
		webhook_body_finish(&body);
	}
}

static struct record *record_of(const char *provider, const char *text,
				int64_t now_us)
{
	struct webhook_status status;
	struct webhook_body body;
	struct record *record;

	assert_int_equal(read_body(&body, text), 0);
	webhook_status_read(provider, &body, &status);
	record = webhook_status_record(provider, &status, now_us);
	assert_non_null(record);
	assert_null(payload_fault(record->payload, record->length));
	webhook_body_finish(&body);
	return record;
}

/* Repeated, it is the same record; anything else is another one. */
static void a_repeated_callback_is_the_same_record(void **state)
{
	static const char *const others[] = {
		"CallSid=CA2&CallStatus=completed&CallDuration=5",
		"CallSid=CA1&CallStatus=failed&CallDuration=5",
		"CallSid=CA1&CallStatus=completed&CallDuration=6",
		"CallSid=CA1&CallStatus=completed&CallDuration=5&ErrorCode=1234"
	};
	const char *text = "CallSid=CA1&CallStatus=completed&CallDuration=5";
	struct record *first = record_of("twilio", text, 1000000);
	struct record *again = record_of("twilio", text, 9000000);
	struct record *other = record_of("signalwire", text, 1000000);

	(void)state;
	assert_true(uuid_equal(&first->id, &again->id));
	assert_true(uuid_equal(&first->entity, &again->entity));
	assert_int_equal(first->kind, RECORD_CALL_STATUS);
	assert_false(uuid_equal(&first->id, &other->id));
	assert_false(uuid_equal(&first->entity, &other->entity));
	free(again);
	free(other);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		other = record_of("twilio", others[i], 1000000);
		assert_false(uuid_equal(&first->id, &other->id));
		free(other);
	}
	free(first);
}

/* ---- answers ---------------------------------------------------------------
 */

static struct auth_store store = { .texts = "\0holdline_token" };

static char *answer_of(struct route route, const char *public_url,
		       const char *token, const char *from)
{
	struct webhook webhook = { .mode = WEBHOOK_CONNECT, .door = route };
	struct webhook_order order = { .webhook = &webhook,
				       .route = &route,
				       .store = &store,
				       .media_url = public_url,
				       .token = token };
	struct webhook_document document;

	/* A route may take any dialect: the answer is in the webhook's. */
	(void)snprintf(route.provider, sizeof(route.provider), ROUTE_AUTO);
	route.auth.one_time_name = 1;
	(void)snprintf(order.call.from, sizeof(order.call.from), "%s", from);
	webhook_answer_stream(&order, &document);
	assert_non_null(document.text);
	assert_int_equal(document.status, 200);
	return document.text;
}

static void a_token_stands_where_its_route_looks(void **state)
{
	static const struct {
		struct route route;
		const char *public_url, *expected;
	} rows[] = {
		{ { .path = "/m",
		    .provider = "twilio",
		    .auth.one_time_place = AUTH_IN_PARAMETER },
		  "https://h:8443",
		  "url=\"wss://h:8443/m\"><Parameter name=\"holdline_token\" "
		  "value=\"T0\"/></Stream>" },
		{ { .path = "/m/{token}",
		    .token_in_path = true,
		    .provider = "telnyx",
		    .auth.one_time_place = AUTH_IN_PATH },
		  "wss://h",
		  "url=\"wss://h/m/T0\" bidirectionalMode=\"rtp\">"
		  "</Stream>" },
		{ { .path = "/m/{token}",
		    .token_in_path = true,
		    .provider = "telnyx",
		    .send_codec = "L16",
		    .send_rate_hz = 16000,
		    .auth.one_time_place = AUTH_IN_PATH },
		  "wss://h",
		  "url=\"wss://h/m/T0\" bidirectionalMode=\"rtp\" "
		  "bidirectionalCodec=\"L16\" "
		  "bidirectionalSamplingRate=\"16000\"></Stream>" },
		{ { .path = "/m",
		    .provider = "plivo",
		    .auth.one_time_place = AUTH_IN_QUERY },
		  "http://h",
		  ">ws://h/m?holdline_token=T0</Stream>" },
		{ { .path = "/m",
		    .provider = "plivo",
		    .auth.one_time_place = AUTH_IN_PARAMETER },
		  "ws://h",
		  " extraHeaders=\"holdlinetoken=T0\">ws://h/m<" },
		{ { .path = "/m",
		    .provider = "exotel",
		    .auth.one_time_place = AUTH_IN_PARAMETER },
		  "wss://h",
		  "{\"url\":\"wss://h/m?holdline_token=T0\"}" },
		{ { .path = "/m",
		    .provider = "vonage",
		    .auth.one_time_place = AUTH_IN_PARAMETER },
		  "wss://h",
		  "\"headers\":{\"holdline_token\":\"T0\"}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text =
			answer_of(rows[i].route, rows[i].public_url, "T0", "");

		if (!strstr(text, rows[i].expected))
			fail_msg("row %zu: %s", i, text);
		free(text);
	}
}

/* Nothing of it is taken for a word of the document's language. */
static void a_hostile_number_ends_nothing(void **state)
{
	static const char hostile[] =
		"\"/><Hangup/>&amp;'\\\"}],{\"action\":\"talk\"}";
	static const char *const providers[] = { "twilio", "signalwire",
						 "telnyx", "plivo",
						 "vonage", "jambonz" };

	(void)state;
	for (size_t i = 0; i < sizeof(providers) / sizeof(providers[0]); i++) {
		struct route route = { .path = "/m" };
		char *text;

		(void)snprintf(route.provider, sizeof(route.provider), "%s",
			       providers[i]);
		text = answer_of(route, "wss://h", "", hostile);
		if (text[0] == '<')
			assert_null(strstr(text, "<Hangup"));
		assert_null(strstr(text, "{\"action\":\"talk\"}"));
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_in_xml_stays_text),
		cmocka_unit_test(bodies_become_values_or_are_refused),
		cmocka_unit_test(a_form_is_signed_in_the_order_of_its_names),
		cmocka_unit_test(too_many_fields_are_refused),
		cmocka_unit_test(each_dialect_says_how_a_call_goes),
		cmocka_unit_test(what_says_nothing_of_a_call_is_not_kept),
		cmocka_unit_test(a_repeated_callback_is_the_same_record),
		cmocka_unit_test(a_token_stands_where_its_route_looks),
		cmocka_unit_test(a_hostile_number_ends_nothing),
	};

	return cmocka_run_group_tests_name("webhook", tests, NULL, NULL);
}
