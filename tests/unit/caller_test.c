/* caller_test.c - the load tool's calls, against servers that misbehave
 */
#include "phone_kit.h"

#include "tools/holdload/ledger.h"

/* ---- connections that break ------------------------------------------------
 */

static void marks_that_cannot_be_returned_end_the_call_once(void **state)
{
	struct phone *p = *state;

	begin(p);
	speak(p, 2);
	for (int i = 0; i < 5; i++)
		say_mark(p, "m");
	assert_int_equal(p->caller.mark_count, 5);
	reset(p);
	p->now += SECOND;
	caller_on_time(&p->caller, p->now);
	assert_ended_once(p, OUTCOME_DROPPED);
	assert_int_equal(p->caller.marks_returned, 0);
}

static void a_stop_that_cannot_be_sent_ends_the_call_once(void **state)
{
	struct phone *p = *state;

	begin(p);
	speak(p, 51);
	assert_int_equal(p->caller.state, CALLER_WAITING);
	reset(p);
	for (int i = 0; i < 3; i++) {
		p->now += 30 * SECOND;
		caller_on_time(&p->caller, p->now);
	}
	assert_ended_once(p, OUTCOME_DROPPED);
	assert_false(p->caller.stop_sent);
}

static void a_cancel_that_cannot_be_said_ends_the_call_once(void **state)
{
	struct phone *p = *state;

	begin(p);
	speak(p, 3);
	reset(p);
	caller_cancel(&p->caller, p->now);
	caller_cancel(&p->caller, p->now);
	assert_ended_once(p, OUTCOME_DROPPED);
}

static void a_frame_that_cannot_be_sent_is_not_counted_as_sent(void **state)
{
	struct ledger ledger = { .wanted = true };
	struct phone *p = *state;
	json_t *rows, *row;

	begin(p);
	speak(p, 4);
	reset(p);
	speak(p, 4);
	assert_ended_once(p, OUTCOME_DROPPED);
	ledger_add(&ledger, &p->caller);
	rows = ledger_rows(&ledger, &p->options);
	row = json_array_get(rows, 0);
	assert_non_null(row);
	assert_int_equal(
		json_integer_value(json_object_get(row, "frames_sent")), 4);
	assert_int_equal(
		json_integer_value(json_object_get(row, "frames_unsent")), 1);
	json_decref(rows);
	ledger_free(&ledger);
}

static void the_next_address_is_tried_when_the_first_refuses(void **state)
{
	struct phone *p = *state;
	int silent = p->listener;

	listen_here(p, 1);
	(void)close(silent); /* nobody listens at the first any more */
	caller_connect(&p->caller, p->now);
	let_caller(p, POLLOUT);
	assert_int_equal(p->caller.state, CALLER_CONNECTING);
	let_caller(p, POLLOUT);
	assert_int_equal(p->caller.state, CALLER_UPGRADING);
	assert_int_equal(p->caller.address_at, 1);
}

static void without_any_address_that_answers_the_call_has_failed(void **state)
{
	struct phone *p = *state;

	(void)close(p->listener);
	p->listener = -1;
	caller_connect(&p->caller, p->now);
	let_caller(p, POLLOUT);
	assert_ended_once(p, OUTCOME_CONNECT_FAILED);
}

/* ---- answers to the handshake ----------------------------------------------
 */

static void a_status_that_is_none_is_no_answer(void **state)
{
	static const char *const rows[] = {
		"HTTP/1.1 -5 Minus\r\n\r\n",
		"HTTP/1.1 -2147483648 Least\r\n\r\n",
		"HTTP/1.1 99999999999999999999 Most\r\n\r\n",
		"HTTP/1.1 1000 Four digits\r\n\r\n",
		"HTTP/1.1 20 Two digits\r\n\r\n",
		"HTTP/1.1 2e2 None\r\n\r\n",
		"HTTP/1.1 \xff\xff\xff\r\n\r\n",
		"HTTP/1.1 \r\n\r\n",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct phone *p;

		if (i > 0) {
			assert_int_equal(free_phone(state), 0);
			assert_int_equal(make_phone(state), 0);
		}
		p = *state;
		answer(p, rows[i]);
		assert_ended_once(p, OUTCOME_BROKEN);
		assert_int_equal(p->caller.status, 0);
	}
}

static void any_status_of_three_digits_is_counted(void **state)
{
	struct phone *p = *state;

	answer(p, "HTTP/1.1 999 Odd\r\n\r\n");
	assert_ended_once(p, OUTCOME_REFUSED);
	assert_int_equal(p->measured->statuses[999], 1);
	assert_int_equal(p->caller.status, 999);
}

/* ---- messages --------------------------------------------------------------
 */

/* The echo of our frame, cut into `count` fragments with a ping before each. */
static void echo_in_fragments(struct phone *p, size_t count)
{
	char text[1024], part[1024];
	size_t length, size, at = 0;

	(void)snprintf(text, sizeof(text),
		       "{\"event\":\"media\",\"streamSid\":\"%s\","
		       "\"media\":{\"payload\":\"%.*s\"}}",
		       p->caller.talk.ids.stream, FRAME_TEXT, sound_text);
	length = strlen(text);
	for (size_t i = 0; i < count; i++) {
		size = i + 1 < count ? length / count : length - at;
		memcpy(part, text + at, size);
		part[size] = '\0';
		at += size;
		say_frame(p, 0x89, "ping");
		say_frame(p, (i ? 0u : 1u) | (i + 1 < count ? 0u : 0x80u),
			  part);
	}
}

static void a_message_in_fragments_is_heard_as_one(void **state)
{
	struct phone *p = *state;

	begin(p);
	speak(p, 6);
	for (size_t count = 1; count <= 6; count++)
		echo_in_fragments(p, count);
	assert_int_equal(p->measured->frames_echoed, 6);
	assert_int_equal(p->measured->garbage, 0);
	assert_int_equal(p->measured->echo_changed, 0);
}

static void fragments_without_end_end_the_call(void **state)
{
	struct phone *p = *state;
	char part[4000 + 1];

	memset(part, 'x', sizeof(part) - 1);
	part[sizeof(part) - 1] = '\0';
	begin(p);
	say_frame(p, 0x01, part);
	for (int i = 0; i < 20 && p->caller.state != CALLER_DONE; i++)
		say_frame(p, 0x00, part);
	assert_ended_once(p, OUTCOME_BROKEN);
}

static void frames_out_of_order_end_the_call(void **state)
{
	static const struct {
		unsigned first, second;
	} rows[] = {
		{ 0x80, 0 },	/* goes on with nothing */
		{ 0x01, 0x81 }, /* a message inside another */
		{ 0x09, 0 },	/* a ping in fragments */
		{ 0x83, 0 },	/* a kind that there is not */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct phone *p;

		if (i > 0) {
			assert_int_equal(free_phone(state), 0);
			assert_int_equal(make_phone(state), 0);
		}
		p = *state;
		begin(p);
		say_frame(p, rows[i].first, "{}");
		if (rows[i].second)
			say_frame(p, rows[i].second, "{}");
		assert_ended_once(p, OUTCOME_BROKEN);
	}
}

static void a_mark_comes_back_as_it_was_named(void **state)
{
	struct phone *p = *state;
	char longest[400];

	begin(p);
	speak(p, 1);
	say_mark(p, "say \\\"hi\\\"");
	assert_string_equal(p->caller.marks[0].name, "say \\\"hi\\\"");
	p->now += SECOND;
	caller_on_time(&p->caller, p->now);
	assert_int_equal(p->caller.marks_returned, 1);
	memset(longest, 'n', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	say_mark(p, longest); /* rather not than cut off */
	assert_int_equal(p->caller.mark_count, 0);
	assert_int_equal(p->measured->garbage, 1);
}

static void blanks_in_the_json_make_no_difference(void **state)
{
	static const struct {
		const char *message;
		enum heard_kind kind;
		const char *text;
	} rows[] = {
		{ "{\"event\":\"media\",\"streamSid\":\"MZ1\","
		  "\"media\":{\"payload\":\"AAAA\"}}",
		  HEARD_MEDIA, "AAAA" },
		{ "{ \"event\" : \"media\" ,\n\t\"streamSid\": \"MZ1\",\r\n"
		  "  \"media\": { \"payload\" :\"AAAA\" } }",
		  HEARD_MEDIA, "AAAA" },
		{ "{\"mark\": {\"name\": \"event\"}, \"event\": \"mark\", "
		  "\"streamSid\": \"MZ1\"}",
		  HEARD_MARK, "event" },
		{ "{\"event\": \"clear\", \"streamSid\": \"MZ1\"}", HEARD_CLEAR,
		  NULL },
		{ "{\"event\": \"clear\", \"streamSid\": \"MZ2\"}",
		  HEARD_GARBAGE, NULL },
		{ "{\"event\": \"clear\", \"x\": \"MZ1\"}", HEARD_GARBAGE,
		  NULL },
		{ "{\"event\": 7, \"streamSid\": \"MZ1\"}", HEARD_GARBAGE,
		  NULL },
		{ "{\"streamSid\": \"MZ1\", \"event\": \"mark\\", HEARD_GARBAGE,
		  NULL },
		{ "{\"streamSid\": \"MZ1\", \"event\"", HEARD_GARBAGE, NULL },
		{ "", HEARD_GARBAGE, NULL },
	};
	struct talk talk = { .ids = { .stream = "MZ1" } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t length = strlen(rows[i].message);
		/* Not a byte more: the sanitizer sees whoever reads on. */
		char *message = malloc(length ? length : 1);
		struct heard heard;

		assert_non_null(message);
		memcpy(message, rows[i].message, length);
		heard = dialect_twilio.hear(message, length, &talk);
		if (heard.kind != rows[i].kind)
			fail_msg("%s", rows[i].message);
		if (rows[i].text) {
			assert_int_equal(heard.length, strlen(rows[i].text));
			assert_memory_equal(heard.text, rows[i].text,
					    heard.length);
		}
		free(message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PHONE(marks_that_cannot_be_returned_end_the_call_once),
		PHONE(a_stop_that_cannot_be_sent_ends_the_call_once),
		PHONE(a_cancel_that_cannot_be_said_ends_the_call_once),
		PHONE(a_frame_that_cannot_be_sent_is_not_counted_as_sent),
		PHONE(the_next_address_is_tried_when_the_first_refuses),
		PHONE(without_any_address_that_answers_the_call_has_failed),
		PHONE(a_status_that_is_none_is_no_answer),
		PHONE(any_status_of_three_digits_is_counted),
		PHONE(a_message_in_fragments_is_heard_as_one),
		PHONE(fragments_without_end_end_the_call),
		PHONE(frames_out_of_order_end_the_call),
		PHONE(a_mark_comes_back_as_it_was_named),
		cmocka_unit_test(blanks_in_the_json_make_no_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
