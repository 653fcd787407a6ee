/* messages_test.c - what webhooks tell of messages becomes rows, and nothing is
 * lost on the way */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/payload.h"
#include "persistence/record.h"
#include "server/auth/body_mac.h"
#include "server/board.h"
#include "server/control/http/http.h"
#include "server/control/http/http_body.h"
#include "server/control/webhooks/message_rows.h"
#include "server/control/webhooks/meta_messages.h"
#include "server/control/webhooks/twilio_message.h"
#include "server/control/webhooks/webhook_body.h"
#include "server/handshake.h"

#define NOW_US 1764556800000000LL /* 2025-12-01T02:40:00Z */

static struct message_rows rows_of(const char *provider)
{
	return (struct message_rows){ .provider = provider,
				      .now_us = NOW_US,
				      .idle_ms = 900000 };
}

/* ---- reading rows ----------------------------------------------------------
 */

static json_t *payload_of(const struct record *record)
{
	json_t *payload = json_loadb(record->payload, record->length, 0, NULL);

	assert_null(payload_fault(record->payload, record->length));
	assert_non_null(payload);
	return payload;
}

static const char *word(const json_t *payload, const char *key)
{
	const char *text = json_string_value(json_object_get(payload, key));

	return text ? text : "-";
}

/* One line a record: what a test compares. */
static char *told(struct message_rows *rows)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_false(rows->no_memory);
	for (const struct record *r = rows->first; r; r = r->next) {
		json_t *p = payload_of(r);

		if (r->kind == RECORD_MESSAGE_RECEIVED)
			(void)fprintf(out, "%s %s %s %s/%s %s: %s\n",
				      word(p, "account_id"),
				      word(p, "provider_message_id"),
				      word(p, "peer"), word(p, "peer_phone"),
				      word(p, "peer_user_id"), word(p, "kind"),
				      word(p, "body"));
		else if (r->kind == RECORD_MESSAGE_STATUS)
			(void)fprintf(
				out, "%s %s %s is %s %lld at %.19s\n",
				word(p, "account_id"),
				word(p, "provider_message_id"), word(p, "peer"),
				word(p, "status"),
				json_integer_value(json_object_get(p, "rank")),
				word(p, "at"));
		else
			(void)fprintf(out, "(%s) %s\n", word(p, "account_id"),
				      word(p, "kind"));
		json_decref(p);
	}
	assert_int_equal(fclose(out), 0);
	message_rows_clear(rows);
	return text;
}

static void expect_meta(const char *body, const char *expected)
{
	struct message_rows rows = rows_of("meta");
	char *text;

	meta_messages_read(&rows, body, strlen(body));
	text = told(&rows);
	assert_string_equal(text, expected);
	free(text);
}

/* ---- Meta ------------------------------------------------------------------
 */

#define VALUE(text)                                                       \
	"{\"entry\":[{\"id\":\"W\",\"changes\":[{\"field\":\"messages\"," \
	"\"value\":{\"metadata\":{\"phone_number_id\":\"P\"}," text "}}]}]}"
#define MESSAGES(text) VALUE("\"messages\":[" text "]")

static void a_message_is_known_by_whom_it_is_from(void **state)
{
	static const struct {
		const char *body, *rows;
	} cases[] = {
		{ MESSAGES("{\"id\":\"m\",\"from\":\"1650\",\"type\":\"text\","
			   "\"text\":{\"body\":\"hi\"}}"),
		  "P m 1650 1650/- text: hi\n" },
		{ MESSAGES("{\"id\":7,\"from\":1650,\"timestamp\":1}"),
		  "P 7 1650 1650/- unknown: -\n" },
		{ MESSAGES("{\"id\":\"m\",\"from\":\"\",\"from_user_id\":"
			   "\"US.1\",\"type\":\"audio\"}"),
		  "P m US.1 -/US.1 audio: -\n" },
		{ VALUE("\"contacts\":[{\"wa_id\":\"2\",\"user_id\":\"US.2\"},"
			"{\"wa_id\":\"1\",\"user_id\":\"US.1\"}],\"messages\":"
			"[{\"id\":\"m\",\"from\":\"1\",\"type\":\"sticker\"}]"),
		  "P m US.1 1/US.1 sticker: -\n(P) contact\n" },
		/* A lone contact is whose it is, unless he is another. */
		{ VALUE("\"contacts\":{\"user_id\":\"US.3\"},\"messages\":"
			"[{\"id\":\"m\",\"type\":\"system\"}]"),
		  "P m US.3 -/US.3 system: -\n" },
		{ VALUE("\"contacts\":[{\"wa_id\":\"9\"}],\"messages\":"
			"[{\"id\":\"m\",\"from\":\"1\",\"type\":\"order\"}]"),
		  "P m 1 1/- order: -\n(P) contact\n" },
		/* Nobody's, or nameless: kept aside. */
		{ MESSAGES("{\"id\":\"m\",\"type\":\"text\"}"),
		  "(P) message\n" },
		{ MESSAGES("{\"from\":\"1\"}, null, 3"),
		  "(P) message\n(P) message\n(P) message\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_meta(cases[i].body, cases[i].rows);
}

static void a_status_has_a_rank_and_its_own_time(void **state)
{
	(void)state;
	expect_meta(
		VALUE("\"statuses\":[{\"id\":\"m\",\"status\":\"read\","
		      "\"timestamp\":\"1749416383\",\"recipient_id\":\"1\"},"
		      "{\"id\":\"m\",\"status\":\"FAILED\",\"timestamp\":"
		      "1749416384,\"recipient_user_id\":\"US.1\"},"
		      "{\"id\":\"m\",\"status\":\"warped\",\"timestamp\":"
		      "\"soon\"},{\"id\":\"m\"}]"),
		"P m 1 is read 5 at 2025-06-08T20:59:43\n"
		"P m US.1 is FAILED 3 at 2025-06-08T20:59:44\n"
		"P m - is warped 0 at 2025-12-01T02:40:00\n"
		"(P) status\n");
}

static void whatever_else_stands_there_is_kept(void **state)
{
	static const struct {
		const char *body, *rows;
	} cases[] = {
		{ "{}", "" },
		{ "[]", "" },
		{ "{\"entry\":[{\"id\":\"W\",\"changes\":[{\"field\":"
		  "\"account_alerts\",\"value\":1}]}]}",
		  "(W) account_alerts\n" },
		{ "{\"object\":\"page\",\"entry\":[1]}", "() page\n" },
		{ "[\"x\", {\"entry\":{\"x\":1,\"changes\":[2]}}, 3]",
		  "() envelope\n() change\n() entry\n() envelope\n" },
		{ VALUE("\"errors\":[{\"code\":1}],\"more\":2"),
		  "(P) error\n(P) messages\n" },
		{ "{\"entry\":[{\"changes\":[{\"value\":\"x\",\"y\":1}]}],"
		  "\"z\":1}",
		  "() value\n() change\n() envelope\n" },
		{ "{\"entry\":", "() webhook\n" },
		{ "\xff", "() webhook\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_meta(cases[i].body, cases[i].rows);
}

static void ids_follow_from_what_was_said(void **state)
{
	static const char again[] = MESSAGES(
		"{\"id\":\"n\",\"from\":\"1\"},{\"from\":\"1\",\"id\":\"m\"}");
	struct message_rows first = rows_of("meta"), second = rows_of("meta");
	static const char body[] = MESSAGES("{\"id\":\"m\",\"from\":\"1\"}");

	(void)state;
	second.now_us += 1000000;
	meta_messages_read(&first, body, strlen(body));
	meta_messages_read(&second, again, strlen(again));
	assert_int_equal(second.count, 2);
	assert_true(uuid_equal(&first.first->id, &second.last->id));
	assert_false(uuid_equal(&first.first->id, &second.first->id));
	/* The same person: one conversation. */
	assert_true(uuid_equal(&second.first->entity, &second.last->entity));
	message_rows_clear(&first);
	message_rows_clear(&second);
}

/* ---- bounds ----------------------------------------------------------------
 */

/* The texts of all pieces in a row. */
static char *put_together(const struct message_rows *rows)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	for (const struct record *r = rows->first; r; r = r->next) {
		json_t *payload = payload_of(r);
		const json_t *data = json_object_get(payload, "data");

		if (json_object_get(data, "of"))
			(void)fputs(word(data, "text"), out);
		json_decref(payload);
	}
	assert_int_equal(fclose(out), 0);
	return text;
}

static void what_no_record_can_hold_comes_in_pieces(void **state)
{
	const size_t length = 700000;
	struct message_rows rows = rows_of("meta");
	char *body = malloc(length + 200), *text;
	size_t head;
	json_t *json;

	(void)state;
	assert_non_null(body);
	head = (size_t)sprintf(
		body, "%s",
		"{\"entry\":{\"changes\":{\"value\":{\"messages\":"
		"{\"id\":\"m\",\"from\":\"1\",\"text\":{\"body\":\"");
	for (size_t i = 0; i < length; i += 2) {
		body[head + i] = '\xc3'; /* an e with its accent */
		body[head + i + 1] = '\xa9';
	}
	(void)snprintf(body + head + length, 8, "\"}}}}}}");
	meta_messages_read(&rows, body, strlen(body));
	assert_int_equal(rows.messages, 1);
	assert_in_range(rows.notices, 18, 20);
	text = put_together(&rows);
	json = json_loads(text, 0, NULL);
	assert_int_equal(
		strlen(word(json_object_get(json_object_get(json, "message"),
					    "text"),
			    "body")),
		length);
	json_decref(json);
	free(text);
	free(body);
	message_rows_clear(&rows);
}

static void what_is_nested_too_deeply_is_kept_as_text(void **state)
{
	struct message_rows rows = rows_of("meta");
	char body[1024] = "{\"entry\":[", *text;

	(void)state;
	for (int i = 0; i < 200; i++)
		strcat(body, "[");
	for (int i = 0; i < 200; i++)
		strcat(body, "]");
	strcat(body, "]}");
	meta_messages_read(&rows, body, strlen(body));
	text = put_together(&rows);
	assert_int_equal(strlen(text), 400);
	free(text);
	message_rows_clear(&rows);
}

static void more_than_a_webhook_may_become_is_kept_as_it_came(void **state)
{
	const size_t count = MESSAGE_RECORDS_MAX + 1;
	struct message_rows rows = rows_of("meta");
	char *body = malloc(2 * count + 100), *at = body, *text;

	(void)state;
	assert_non_null(body);
	at += sprintf(at, "{\"entry\":[");
	for (size_t i = 0; i < count; i++)
		at += sprintf(at, "%s1", i ? "," : "");
	(void)sprintf(at, "]}");
	meta_messages_read(&rows, body, strlen(body));
	assert_int_equal(rows.count, 1);
	text = put_together(&rows);
	assert_string_equal(text, body);
	free(text);
	free(body);
	message_rows_clear(&rows);
}

/* ---- Twilio ----------------------------------------------------------------
 */

static void a_form_of_twilio_is_a_message_or_a_status(void **state)
{
	static const struct {
		const char *form, *token, *rows;
	} cases[] = {
		{ "MessageSid=SM1&From=%2B1&To=%2B2&Body=Hi", NULL,
		  "+2 SM1 +1 +1/- text: Hi\n" },
		{ "MessageSid=SM1&From=whatsapp%3A%2B1&To=whatsapp%3A%2B2&"
		  "MediaContentType0=application%2Fpdf",
		  NULL, "+2 SM1 +1 +1/- document: -\n" },
		{ "SmsSid=SM1&From=whatsapp%3AUS.1&To=%2B2&ButtonText=Yes",
		  NULL, "+2 SM1 US.1 -/US.1 button: Yes\n" },
		{ "From=%2B1&To=%2B2&Latitude=1&Label=Here", "T",
		  "+2 T +1 +1/- location: Here\n" },
		{ "MessageSid=SM1&MessageStatus=undelivered&From=%2B2&To=%2B1",
		  "T", "+2 SM1 +1 is undelivered 3 at 2025-12-01T02:40:00\n" },
		{ "From=%2B1&To=%2B2", NULL, "(+2) message\n" },
		{ "MessageSid=SM1", NULL, "() message\n" },
	};
	static struct handshake caller;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct http_request request = {
			.method = HTTP_POST,
			.caller = &caller,
			.body = cases[i].form,
			.body_length = strlen(cases[i].form),
		};
		struct message_rows rows = rows_of("twilio");
		struct webhook_body body;
		char *text;

		assert_int_equal(webhook_body_read(&body, &request), 0);
		twilio_message_read(&rows, &body, cases[i].token);
		text = told(&rows);
		assert_string_equal(text, cases[i].rows);
		free(text);
		webhook_body_finish(&body);
	}
}

/* ---- the body while it comes -----------------------------------------------
 */

static void a_body_is_counted_under_each_secret(void **state)
{
	/* HMAC-SHA256("key", "The quick brown fox ...") as everybody has it. */
	static const uint8_t right[HMAC_SHA256_SIZE] = {
		0xf7, 0xbc, 0x83, 0xf4, 0x30, 0x53, 0x84, 0x24,
		0xb1, 0x32, 0x98, 0xe6, 0xaa, 0x6f, 0xb1, 0x43,
		0xef, 0x4d, 0x59, 0xa1, 0x49, 0x46, 0x17, 0x59,
		0x97, 0x47, 0x9d, 0xbc, 0x2d, 0x1a, 0x3c, 0xd8
	};
	static const char text[] =
		"The quick brown fox jumps over the lazy dog";
	static const char secrets[] = "\0old\0key";
	const struct auth_words words = { .count = 2, .at = { 1, 5 } };
	struct body_mac *mac;

	(void)state;
	for (size_t cut = 0; cut < strlen(text); cut += 7) {
		mac = body_mac_start(secrets, &words);
		body_mac_add(mac, text, cut);
		body_mac_add(mac, text + cut, strlen(text) - cut);
		assert_true(body_mac_matches(mac, right));
		assert_false(body_mac_matches(mac, right)); /* once */
		assert_null(body_mac_free(mac));
	}
	mac = body_mac_start(secrets, &(struct auth_words){ 1, { 1 } });
	body_mac_add(mac, text, strlen(text));
	assert_false(body_mac_matches(mac, right));
	body_mac_free(mac);
	mac = body_mac_start(secrets, &(struct auth_words){ 0 });
	assert_false(body_mac_matches(mac, right));
	body_mac_free(mac);
}

static void bodies_are_bounded_together(void **state)
{
	static char big[3 * HTTP_BODY_FIRST];
	struct board_series *refused =
		board_series(METRIC_WEBHOOK_BODIES_REFUSED_TOTAL, "");
	struct http_bodies all = { .most = 4 * HTTP_BODY_FIRST,
				   .refused = refused };
	struct http_body *large = http_body_create(&all, sizeof(big));
	struct http_body *other, *small;

	(void)state;
	assert_int_equal(all.held, HTTP_BODY_FIRST); /* nothing came yet */
	for (size_t n = 0; n < sizeof(big); n += sizeof(big) / 3)
		assert_int_equal(http_body_add(large, big, sizeof(big) / 3), 0);
	assert_int_equal(http_body_add(large, "x", 1), -EMSGSIZE);
	assert_int_equal(all.held, sizeof(big));
	other = http_body_create(&all, sizeof(big));
	assert_int_equal(http_body_add(other, big, HTTP_BODY_FIRST), 0);
	assert_int_equal(http_body_add(other, big, 1), -ENOBUFS);
	assert_int_equal(board_get(refused), 1);
	/* Who says little is not kept out. */
	small = http_body_create(&all, HTTP_BODY_FIRST);
	assert_int_equal(http_body_add(small, "0123456789", 10), 0);
	assert_string_equal(small->bytes, "0123456789");
	http_body_free(small);
	http_body_free(large);
	assert_int_equal(http_body_add(other, big, 1), 0);
	http_body_free(other);
	assert_int_equal(all.held, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_known_by_whom_it_is_from),
		cmocka_unit_test(a_status_has_a_rank_and_its_own_time),
		cmocka_unit_test(whatever_else_stands_there_is_kept),
		cmocka_unit_test(ids_follow_from_what_was_said),
		cmocka_unit_test(what_no_record_can_hold_comes_in_pieces),
		cmocka_unit_test(what_is_nested_too_deeply_is_kept_as_text),
		cmocka_unit_test(
			more_than_a_webhook_may_become_is_kept_as_it_came),
		cmocka_unit_test(a_form_of_twilio_is_a_message_or_a_status),
		cmocka_unit_test(a_body_is_counted_under_each_secret),
		cmocka_unit_test(bodies_are_bounded_together),
	};

	return cmocka_run_group_tests_name("messages", tests, NULL, NULL);
}
