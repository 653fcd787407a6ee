/* store_sessions_test.c - messages find their sessions, in either database
 *
 * A model says which sessions a set of messages makes when it is looked at from
 * the beginning to the end; the databases must come to the same, in whatever
 * order, in whatever batches and however often the messages come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <unistd.h>
#include <cmocka.h>

#include "persistence/message.h"
#include "persistence/store_nodes.h"
#include "persistence/store_sessions.h"
#include "server/clock.h"
#include "support/dice.h"
#include "unit/store_kit.h"

#define PORT	20001
#define IDLE_S	900
#define IDLE_MS (UINT64_C(1000) * IDLE_S)
#define BEGIN_S 1795392000 /* 2026-11-23T00:00:00Z */

static struct postgres pg;
static char dir[] = "/tmp/holdline-sessions-XXXXXX";
static char account[16] = "1065"; /* whose messages a test looks at */

/* ---- what is told ----------------------------------------------------------
 */

struct said {
	unsigned id;
	unsigned person; /* 0: as the next two say */
	const char *user, *phone;
	int at_s;
	bool outbound;
};

static void format_time(int64_t at_s, char out[CLOCK_ISO_SIZE])
{
	clock_format_iso((BEGIN_S + at_s) * INT64_C(1000000), out);
}

static struct record *message(const struct said *said)
{
	struct uuid id = rows_id(said->id);
	char text[UUID_TEXT_SIZE], at[CLOCK_ISO_SIZE], number[16];
	const char *phone = said->phone;
	struct record *record;
	json_t *row;
	char *payload;

	if (said->person) {
		(void)snprintf(number, sizeof(number), "+%u", said->person);
		phone = number;
	}
	uuid_format(&id, text);
	format_time(said->at_s, at);
	row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:s, s:s,"
			" s:s, s:s, s:{s:i}, s:i}",
			"message_id", text, "provider", "meta", "channel",
			"whatsapp", "account_id", account,
			"provider_message_id", text, "peer",
			said->user ? said->user : phone, "peer_phone", phone,
			"peer_user_id", said->user, "direction",
			said->outbound ? "outbound" : "inbound", "at", at,
			"kind", "text", "body", "hello", "data", "n",
			(int)said->id, "idle_ms", IDLE_S * 1000);
	payload = json_dumps(row, JSON_COMPACT);
	record = rows_make(RECORD_MESSAGE_RECEIVED, said->id, 0, payload);
	free(payload);
	json_decref(row);
	return record;
}

static void tell(struct store *store, const struct said *said, size_t count)
{
	struct record *records[600];

	for (size_t i = 0; i < count; i++)
		records[i] = message(&said[i]);
	rules_must_write(store, records, count);
}

/* ---- what the database made of it ------------------------------------------
 */

static void must(int r, const struct db_error *err)
{
	if (r < 0)
		fail_msg("%s: %s", err->reason, err->text);
}

static json_t *list(struct store *store)
{
	const struct store_session_filter all = { .account = account,
						  .limit = 10000 };
	struct db_error err;
	json_t *rows = NULL;

	must(store_list_sessions(store, &all, &rows, &err), &err);
	return rows;
}

static json_t *get(struct store *store, unsigned id)
{
	const struct store_message_page page = { .limit = 1000 };
	struct uuid uuid = rows_id(id);
	char text[UUID_TEXT_SIZE];
	struct db_error err;
	json_t *row;

	uuid_format(&uuid, text);
	must(store_get_session(store, text, &page, &row, &err), &err);
	if (!row)
		fail_msg("there is no session %u", id);
	return row;
}

static void expect_text(const json_t *row, const char *key,
			const char *expected)
{
	const char *text = json_string_value(json_object_get(row, key));

	if (!text != !expected ||
	    (text && expected && strcmp(text, expected) != 0))
		fail_msg("%s is %s, not %s", key, text ? text : "null",
			 expected ? expected : "null");
}

static void expect_time(const json_t *row, const char *key, int64_t at_s)
{
	char expected[CLOCK_ISO_SIZE];

	format_time(at_s, expected);
	expect_text(row, key, expected);
}

static void expect_number(const json_t *row, const char *key, json_int_t n)
{
	assert_int_equal(json_integer_value(json_object_get(row, key)), n);
}

static size_t close_all(struct store *store)
{
	struct db_error err;
	json_t *rows = NULL;
	size_t count;

	must(store_close_sessions(store, 10000, 0, IDLE_MS, &rows, &err), &err);
	count = json_array_size(rows);
	json_decref(rows);
	return count;
}

/* ---- the model -------------------------------------------------------------
 */

static int by_time(const void *a, const void *b)
{
	const struct said *x = a, *y = b;

	if (x->person != y->person)
		return x->person < y->person ? -1 : 1;
	if (x->at_s != y->at_s)
		return x->at_s < y->at_s ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static void put_id(json_t *row, const char *key, unsigned id)
{
	struct uuid uuid = rows_id(id);
	char text[UUID_TEXT_SIZE];

	uuid_format(&uuid, text);
	(void)json_object_set_new(row, key, json_string(text));
}

static void put_time(json_t *row, const char *key, int64_t at_s)
{
	char text[CLOCK_ISO_SIZE];

	format_time(at_s, text);
	(void)json_object_set_new(row, key, json_string(text));
}

/* One session out of messages of one person that follow each other. */
static json_t *expected_session(const struct said *said, size_t count,
				unsigned previous)
{
	json_t *row = json_pack("{s:s, s:s, s:s, s:n, s:n, s:n, s:n}",
				"channel", "whatsapp", "account_id", account,
				"state", "open", "peer_user_id", "closed_at",
				"close_reason", "previous_session_id");
	int inbound = 0, window_s = 0;
	char phone[16];

	for (size_t i = 0; i < count; i++)
		if (!said[i].outbound) {
			inbound++;
			window_s = said[i].at_s + 86400;
		}
	(void)snprintf(phone, sizeof(phone), "+%u", said->person);
	put_id(row, "session_id", said->id);
	(void)json_object_set_new(row, "peer", json_string(phone));
	(void)json_object_set_new(row, "peer_phone", json_string(phone));
	put_time(row, "opened_at", said->at_s);
	put_time(row, "last_message_at", said[count - 1].at_s);
	put_time(row, "idle_at", said[count - 1].at_s + IDLE_S);
	(void)json_object_set_new(row, "window_expires_at", json_null());
	if (inbound > 0)
		put_time(row, "window_expires_at", window_s);
	(void)json_object_set_new(row, "message_count",
				  json_integer((json_int_t)count));
	(void)json_object_set_new(row, "inbound_count", json_integer(inbound));
	(void)json_object_set_new(row, "rev", json_integer((json_int_t)count));
	if (previous)
		put_id(row, "previous_session_id", previous);
	return row;
}

/* Sorts `said`. By id: the session. */
static json_t *expected_sessions(struct said *said, size_t count)
{
	json_t *all = json_object();
	unsigned previous = 0;

	qsort(said, count, sizeof(*said), by_time);
	for (size_t i = 0, n; i < count; i += n) {
		json_t *row;

		n = 1;
		while (i + n < count && said[i + n].person == said[i].person &&
		       said[i + n].at_s - said[i + n - 1].at_s <= IDLE_S)
			n++;
		if (i == 0 || said[i - 1].person != said[i].person)
			previous = 0;
		row = expected_session(&said[i], n, previous);
		previous = said[i].id;
		(void)json_object_set_new(
			all,
			json_string_value(json_object_get(row, "session_id")),
			row);
	}
	return all;
}

static void expect_sessions(struct store *store, const json_t *expected)
{
	json_t *rows = list(store), *row;
	size_t i;

	assert_int_equal(json_array_size(rows), json_object_size(expected));
	json_array_foreach (rows, i, row) {
		const char *id =
			json_string_value(json_object_get(row, "session_id"));
		json_t *wanted = json_object_get(expected, id);

		if (!json_equal(row, wanted))
			fail_msg("%s, not %s", json_dumps(row, JSON_SORT_KEYS),
				 wanted ? json_dumps(wanted, JSON_SORT_KEYS)
					: "there");
	}
	json_decref(rows);
}

/* Every message is in a session that is there, and has as many as it says. */
static void expect_messages(struct store *store, const json_t *expected)
{
	const struct store_message_page page = { .limit = 1000 };
	const char *id;
	json_t *wanted;

	json_object_foreach ((json_t *)(uintptr_t)expected, id, wanted) {
		struct db_error err;
		json_t *row;

		must(store_get_session(store, id, &page, &row, &err), &err);
		assert_int_equal(
			json_array_size(json_object_get(row, "messages")),
			json_integer_value(
				json_object_get(wanted, "message_count")));
		json_decref(row);
	}
}

/* ---- the tests -------------------------------------------------------------
 */

#define CROWD 200

/* Ids that do not sort as the times do, and are another round's in no round. */
static void make_crowd(struct dice *dice, unsigned round, struct said *said)
{
	(void)snprintf(account, sizeof(account), "%u", round);
	for (unsigned i = 0; i < CROWD; i++)
		said[i] = (struct said){
			.id = round << 16 | ((i * 7919 + 13) % 65521 + 1),
			.person = 1 + (unsigned)dice_throw(dice, 4),
			.at_s = (int)dice_throw(dice, 200) * 150,
			.outbound = dice_once_in(dice, 3),
		};
}

static void shuffle(struct dice *dice, struct said *said, size_t count)
{
	for (size_t i = count; i > 1; i--) {
		size_t k = dice_throw(dice, i);
		struct said other = said[k];

		said[k] = said[i - 1];
		said[i - 1] = other;
	}
}

static void any_order_makes_the_same_sessions(void **state)
{
	struct said said[CROWD];

	for (unsigned round = 0; round < 6; round++) {
		struct dice dice = dice_seed(round);
		json_t *expected;

		make_crowd(&dice, round, said);
		expected = expected_sessions(said, CROWD);
		shuffle(&dice, said, CROWD);
		for (size_t i = 0, n; i < CROWD; i += n) {
			n = 1 + dice_throw(&dice, round % 3 == 0 ? 1 : 60);
			if (n > CROWD - i)
				n = CROWD - i;
			tell(*state, &said[i], n);
			if (dice_once_in(&dice, 3)) /* again, with others */
				tell(*state, &said[i / 2], i + n - i / 2);
		}
		expect_sessions(*state, expected);
		expect_messages(*state, expected);
		json_decref(expected);
	}
}

/* By number, by both, by the id alone, by number again. */
static void one_person_has_one_session(void **state)
{
	static const struct said said[] = {
		{ .id = 4, .phone = "+49", .at_s = 0 },
		{ .id = 3, .phone = "+49", .user = "DE.1", .at_s = 100 },
		{ .id = 2, .user = "DE.1", .at_s = 200 },
		{ .id = 1, .phone = "+49", .at_s = 300 },
	};
	char name[16];

	for (unsigned order = 0; order < 24; order++) {
		unsigned left[] = { 0, 1, 2, 3 }, dice = order;
		json_t *rows, *row;

		(void)snprintf(name, sizeof(name), "order %u", order);
		memcpy(account, name, sizeof(account));
		for (unsigned n = 4; n > 0; n--) {
			unsigned k = dice % n;
			struct said one = said[left[k]];

			dice /= n;
			memmove(&left[k], &left[k + 1],
				(n - k - 1) * sizeof(*left));
			one.id += order * 16;
			tell(*state, &one, 1);
		}
		rows = list(*state);
		if (json_array_size(rows) != 1)
			fail_msg("%s: %zu sessions", name,
				 json_array_size(rows));
		row = get(*state, order * 16 + 4);
		expect_text(row, "peer", "DE.1");
		expect_text(row, "peer_user_id", "DE.1");
		expect_text(row, "peer_phone", "+49");
		expect_number(row, "message_count", 4);
		assert_int_equal(
			json_array_size(json_object_get(row, "messages")), 4);
		json_decref(row);
		json_decref(rows);
	}
}

static void what_was_known_of_a_person_is_remembered(void **state)
{
	static const struct said said[] = {
		{ .id = 1, .phone = "+49", .user = "DE.1", .at_s = 0 },
		{ .id = 2, .user = "DE.1", .at_s = 5000 },
		{ .id = 3, .phone = "+49", .at_s = 5100 },
		/* the number has another owner */
		{ .id = 4, .phone = "+49", .user = "DE.2", .at_s = 5200 },
	};
	json_t *row;

	tell(*state, said, 4);
	row = get(*state, 2);
	expect_text(row, "peer_phone", "+49");
	expect_number(row, "message_count", 2);
	expect_text(row, "previous_session_id",
		    "019e0000-0000-7000-8000-000000000001");
	json_decref(row);
	row = get(*state, 4);
	expect_number(row, "message_count", 1);
	json_decref(row);
}

/* A summary says what its session says. */
static void expect_summary(const json_t *row, json_int_t messages,
			   json_int_t inbound)
{
	static const char *const same[] = { "session_id", "channel",
					    "account_id", "peer",
					    "opened_at",  "last_message_at",
					    "closed_at",  "close_reason" };
	const json_t *summary = json_object_get(row, "summary");

	assert_true(json_is_object(summary));
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_true(json_equal(json_object_get(row, same[i]),
				       json_object_get(summary, same[i])));
	expect_number(row, "message_count", messages);
	expect_number(summary, "message_count", messages);
	expect_number(summary, "inbound_count", inbound);
	expect_number(summary, "outbound_count", messages - inbound);
}

static void a_closed_session_takes_what_is_late_and_stays_closed(void **state)
{
	static const struct said first[] = {
		{ .id = 1, .person = 1, .at_s = 1000 },
		{ .id = 2, .person = 1, .at_s = 1100, .outbound = true },
	};
	static const struct said late[] = {
		{ .id = 3, .person = 1, .at_s = 1050 },
		{ .id = 4, .person = 1, .at_s = 2000 }, /* its last second */
		{ .id = 5, .person = 1, .at_s = 2900 }, /* and that one's */
		{ .id = 6, .person = 1, .at_s = 100 },	/* before it */
		{ .id = 1, .person = 1, .at_s = 1000 },
	};
	static const struct said next = { .id = 7,
					  .person = 1,
					  .at_s = 2900 + IDLE_S + 1 };
	json_t *row;

	tell(*state, first, 2);
	assert_int_equal(close_all(*state), 1);
	assert_int_equal(close_all(*state), 0);
	row = get(*state, 1);
	expect_text(row, "state", "closed");
	expect_text(row, "close_reason", "idle");
	expect_time(row, "closed_at", 1100 + IDLE_S);
	expect_summary(row, 2, 1);
	expect_text(json_object_get(row, "summary"), "close_id",
		    "019e0000-0000-7000-a000-000000000001");
	expect_number(json_object_get(row, "summary"), "duration_ms", 100000);
	json_decref(row);

	for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++)
		tell(*state, &late[i], 1);
	tell(*state, &next, 1);
	row = get(*state, 1);
	expect_text(row, "state", "closed");
	expect_time(row, "opened_at", 100);
	expect_time(row, "last_message_at", 2900);
	expect_time(row, "closed_at", 2900 + IDLE_S);
	expect_time(row, "window_expires_at", 2900 + 86400);
	expect_summary(row, 6, 5);
	json_decref(row);
	row = get(*state, 7);
	expect_text(row, "state", "open");
	expect_text(row, "previous_session_id",
		    "019e0000-0000-7000-8000-000000000001");
	assert_true(json_is_null(json_object_get(row, "summary")));
	json_decref(row);
}

/* A message that came late by seconds must not keep a closed session going. */
static void what_is_said_now_is_no_part_of_what_is_closed(void **state)
{
	int now_s = (int)(clock_wall_us() / 1000000 - BEGIN_S);
	const struct said old = { .id = 1,
				  .person = 1,
				  .at_s = now_s - IDLE_S - 100 };
	const struct said late = { .id = 2, .person = 1, .at_s = now_s - 150 };
	const struct said now = { .id = 3, .person = 1, .at_s = now_s + 60 };
	json_t *row;

	tell(*state, &old, 1);
	assert_int_equal(close_all(*state), 1);
	tell(*state, &late, 1);
	tell(*state, &now, 1);
	row = get(*state, 1);
	expect_number(row, "message_count", 2);
	json_decref(row);
	row = get(*state, 3);
	expect_text(row, "state", "open");
	expect_number(row, "message_count", 1);
	json_decref(row);
	assert_int_equal(close_all(*state), 0);
}

static struct record *status(unsigned id, const char *word,
			     enum message_rank rank, int at_s)
{
	struct uuid message_id = rows_id(id), status_id;
	char text[UUID_TEXT_SIZE], own[UUID_TEXT_SIZE], at[CLOCK_ISO_SIZE];
	char payload[512];

	uuid_derive(&status_id, &message_id, word);
	uuid_format(&message_id, text);
	uuid_format(&status_id, own);
	format_time(at_s, at);
	(void)snprintf(payload, sizeof(payload),
		       "{\"status_id\":\"%s\",\"provider\":\"meta\","
		       "\"channel\":\"whatsapp\",\"account_id\":\"1065\","
		       "\"provider_message_id\":\"%s\",\"status\":\"%s\","
		       "\"rank\":%d,\"at\":\"%s\"}",
		       own, text, word, rank, at);
	return rows_make(RECORD_MESSAGE_STATUS, id, 0, payload);
}

/* Of five facts in any order that turns them round, singly or together. */
static void a_status_lifts_its_message_and_never_lowers_it(void **state)
{
	for (unsigned i = 0; i < 20; i++) {
		const struct said said = { .id = 100 + i,
					   .person = 1,
					   .outbound = true };
		struct record *batch[10];
		json_t *row, *message_row;
		unsigned n = 0;

		(void)snprintf(account, sizeof(account), "turn %u", i);
		for (unsigned k = 0; k < 10; k++) {
			unsigned which =
				i % 2 ? (i / 2 + k) % 5 : 4 - (i / 2 + k) % 5;

			batch[n++] =
				which == 0   ? message(&said)
				: which == 1 ? status(said.id, "sent",
						      MESSAGE_RANK_SENT, 5)
				: which == 2 ? status(said.id, "read",
						      MESSAGE_RANK_READ, 3)
				: which == 3
					? status(said.id, "failed",
						 MESSAGE_RANK_FAILED, 9)
					: status(said.id, "delivered",
						 MESSAGE_RANK_DELIVERED, 4);
			if (i < 10) {
				rules_must_write(*state, batch, n);
				n = 0;
			}
		}
		if (n > 0)
			rules_must_write(*state, batch, n);
		row = get(*state, said.id);
		message_row =
			json_array_get(json_object_get(row, "messages"), 0);
		expect_text(message_row, "status", "read");
		expect_time(message_row, "status_at", 3);
		assert_int_equal(json_array_size(json_object_get(message_row,
								 "statuses")),
				 4);
		json_decref(row);
	}
}

/* ---- to close, and to tell of it -------------------------------------------
 */

static size_t claim(struct store *store, unsigned limit, uint64_t again_ms,
		    bool tell_them)
{
	json_t *rows = NULL, *ids = json_array();
	struct db_error err;
	size_t count;

	must(store_claim_summaries(store, limit, again_ms, &rows, &err), &err);
	count = json_array_size(rows);
	for (size_t i = 0; i < count; i++)
		(void)json_array_append(
			ids,
			json_object_get(json_array_get(rows, i), "close_id"));
	if (tell_them)
		must(store_summaries_told(store, ids, &err), &err);
	json_decref(ids);
	json_decref(rows);
	return count;
}

static int64_t count_open(struct store *store)
{
	struct db_error err;
	int64_t count = -1;

	must(store_count_open_sessions(store, &count, &err), &err);
	return count;
}

static void whoever_was_not_told_is_told_again(void **state)
{
	const struct said late = { .id = 9, .person = 1, .at_s = 10 };

	for (unsigned i = 1; i <= 5; i++)
		tell(*state, &(struct said){ .id = i, .person = i }, 1);
	assert_int_equal(count_open(*state), 5);
	assert_int_equal(close_all(*state), 5);
	assert_int_equal(count_open(*state), 0);
	assert_int_equal(claim(*state, 2, 60000, true), 2);
	assert_int_equal(claim(*state, 10, 60000, false), 3);
	assert_int_equal(claim(*state, 10, 60000, false), 0);
	tell(*state, &late, 1); /* is no news of an end */
	(void)usleep(2000);
	assert_int_equal(claim(*state, 10, 1, true), 3);
	(void)usleep(2000);
	assert_int_equal(claim(*state, 10, 1, true), 0);
}

/* As the contract's records and other programs open one. */
static struct record *opened(unsigned id, int at_s)
{
	struct uuid uuid = rows_id(id);
	char text[UUID_TEXT_SIZE], at[CLOCK_ISO_SIZE], payload[512];

	uuid_format(&uuid, text);
	format_time(at_s, at);
	(void)snprintf(payload, sizeof(payload),
		       "{\"session_id\":\"%s\",\"channel\":\"whatsapp\","
		       "\"account_id\":\"1065\",\"peer\":\"+1\","
		       "\"state\":\"open\",\"opened_at\":\"%s\","
		       "\"last_message_at\":\"%s\",\"rev\":1}",
		       text, at, at);
	return rows_make(RECORD_SESSION_OPENED, id, 1, payload);
}

static void one_that_no_message_made_is_closed_too(void **state)
{
	int now_s = (int)(clock_wall_us() / 1000000 - BEGIN_S);
	struct record *records[] = { opened(1, now_s - IDLE_S - 10),
				     opened(2, now_s - 10) };
	json_t *row;

	rules_must_write(*state, records, 2);
	assert_int_equal(close_all(*state), 1);
	row = get(*state, 1);
	expect_text(row, "state", "closed");
	assert_true(json_is_object(json_object_get(row, "summary")));
	json_decref(row);
	assert_int_equal(close_all(*state), 0);
	assert_int_equal(count_open(*state), 1);
}

static void what_still_waits_in_an_outbox_keeps_its_session_open(void **state)
{
	int now_s = (int)(clock_wall_us() / 1000000 - BEGIN_S);
	json_t *rows = NULL;
	struct db_error err;

	tell(*state,
	     &(struct said){ .id = 1, .person = 1, .at_s = now_s - 2000 }, 1);
	tell(*state,
	     &(struct said){ .id = 2, .person = 2, .at_s = now_s - 5000 }, 1);
	must(store_close_sessions(*state, 10, 3000000, IDLE_MS, &rows, &err),
	     &err);
	assert_int_equal(json_array_size(rows), 1);
	expect_text(json_array_get(rows, 0), "peer", "+2");
	json_decref(rows);
	assert_int_equal(close_all(*state), 1);
}

static void pages_of_sessions_and_messages_follow_each_other(void **state)
{
	struct store_session_filter filter = {
		.state = "open", .channel = "whatsapp", .peer = "+1", .limit = 3
	};
	struct store_message_page page = { .limit = 2 };
	char cursor[UUID_TEXT_SIZE], since[CLOCK_ISO_SIZE];
	struct db_error err;
	json_t *rows, *row;

	for (unsigned i = 0; i < 10; i++)
		tell(*state,
		     &(struct said){ .id = 10 + i,
				     .person = 1 + i % 2,
				     .at_s = (int)i * 1000 },
		     1);
	must(store_list_sessions(*state, &filter, &rows, &err), &err);
	assert_int_equal(json_array_size(rows), 3);
	expect_time(json_array_get(rows, 0), "opened_at", 8000);
	(void)snprintf(cursor, sizeof(cursor), "%s",
		       json_string_value(json_object_get(
			       json_array_get(rows, 2), "session_id")));
	json_decref(rows);
	filter.before_session_id = cursor;
	format_time(2000, since);
	filter.since = since;
	must(store_list_sessions(*state, &filter, &rows, &err), &err);
	assert_int_equal(json_array_size(rows), 1);
	expect_time(json_array_get(rows, 0), "opened_at", 2000);
	json_decref(rows);

	for (unsigned i = 0; i < 5; i++)
		tell(*state,
		     &(struct said){
			     .id = 100 + i, .person = 3, .at_s = (int)i / 2 },
		     1);
	for (unsigned i = 0; i < 5; i += 2) {
		must(store_get_session(*state,
				       "019e0000-0000-7000-8000-000000000064",
				       &page, &row, &err),
		     &err);
		rows = json_object_get(row, "messages");
		assert_int_equal(json_array_size(rows), i < 4 ? 2 : 1);
		(void)snprintf(cursor, sizeof(cursor), "%s",
			       json_string_value(json_object_get(
				       json_array_get(rows, 0), "message_id")));
		assert_int_equal(strtol(cursor + 24, NULL, 16), 100 + i);
		(void)snprintf(cursor, sizeof(cursor),
			       "019e0000-0000-7000-8000-%012x", 101 + i);
		page.after_message_id = cursor;
		json_decref(row);
	}
}

/* ---- nodes -----------------------------------------------------------------
 */

static size_t end_lost(struct store *store, const char *node, uint64_t lease_ms)
{
	json_t *calls = NULL;
	struct db_error err;
	size_t count;

	must(store_end_lost_calls(store, node, lease_ms, 100, &calls, &err),
	     &err);
	count = json_array_size(calls);
	json_decref(calls);
	return count;
}

static void calls_of_a_lost_node_end_and_its_own_word_wins(void **state)
{
	struct record *records[] = { rows_started(1), rows_started(2),
				     rows_ended(3, 2) };
	struct record *true_end = rows_ended(2, 2);
	struct db_error err;
	json_t *row;

	rules_must_write(*state, records, 3); /* of n1 */
	must(store_node_seen(*state, "n1", "2026-11-23T06:00:00.000000Z", &err),
	     &err);
	must(store_node_seen(*state, "n2", "2026-11-23T06:00:00.000000Z", &err),
	     &err);
	assert_int_equal(end_lost(*state, "n2", 60000), 0);
	(void)usleep(2000);
	assert_int_equal(end_lost(*state, "n1", 1), 0); /* never its own */
	assert_int_equal(end_lost(*state, "n2", 1), 2);
	assert_int_equal(end_lost(*state, "n2", 1), 0);
	row = rules_get(*state, 1);
	expect_text(row, "state", "ended");
	expect_text(row, "end_reason", "interrupted");
	assert_true(json_is_string(json_object_get(row, "ended_at")));
	assert_true(json_integer_value(json_object_get(row, "duration_ms")) >
		    0);
	expect_number(row, "rev", 1);
	json_decref(row);
	rules_must_write(*state, &true_end, 1);
	row = rules_get(*state, 2);
	expect_text(row, "end_reason", "stop");
	json_decref(row);
}

/* ---- databases -------------------------------------------------------------
 */

static int start_server(void **state)
{
	(void)state;
	kit_start(&pg, PORT);
	return mkdtemp(dir) ? 0 : -1;
}

static int stop_server(void **state)
{
	(void)state;
	postgres_destroy(&pg);
	return rmdir(dir);
}

static int begin(void **state, const char *url)
{
	struct db_error err;

	(void)snprintf(account, sizeof(account), "1065");
	*state = kit_store(url, 5000, 20000);
	must(store_ready(*state, &err), &err);
	return 0;
}

static int in_postgres(void **state)
{
	postgres_sql(&pg, "DROP SCHEMA public CASCADE; CREATE SCHEMA public",
		     NULL, 0);
	return begin(state, pg.url);
}

static int in_sqlite(void **state)
{
	char url[64];

	(void)snprintf(url, sizeof(url), "sqlite:%s/db", dir);
	return begin(state, url);
}

static int end(void **state)
{
	char path[64];

	store_destroy(*state);
	(void)snprintf(path, sizeof(path), "%s/db", dir);
	(void)unlink(path);
	return 0;
}

/* ---- both databases beside each other --------------------------------------
 */

/* Known by a number, by a user's id, by both, and by those of a neighbour. */
static struct said somebody(struct dice *dice, unsigned id)
{
	static const char *const users[] = { NULL, "DE.1", "DE.2", "DE.3" };
	static const char *const phones[] = { NULL, "+1", "+2", "+3" };
	struct said said = {
		.id = id,
		.user = users[dice_throw(dice, 4)],
		.phone = phones[dice_throw(dice, 4)],
		.at_s = (int)dice_throw(dice, 300) * 300,
		.outbound = dice_once_in(dice, 3),
	};

	if (!said.user && !said.phone)
		said.phone = "+4";
	return said;
}

static void expect_same(struct store *one, struct store *other, unsigned round)
{
	json_t *rows = list(one), *others = list(other), *row;
	size_t i;

	json_array_foreach (rows, i, row)
		if (!json_equal(row, json_array_get(others, i)))
			fail_msg("round %u: %s\n%s", round,
				 json_dumps(row, JSON_SORT_KEYS),
				 json_dumps(json_array_get(others, i),
					    JSON_SORT_KEYS));
	assert_int_equal(json_array_size(rows), json_array_size(others));
	json_decref(rows);
	json_decref(others);
}

static void both_databases_make_the_same_of_anything(void **state)
{
	struct store *other;

	(void)in_sqlite((void **)&other);
	for (unsigned round = 0; round < 10; round++) {
		struct dice dice = dice_seed(round + 1000);
		unsigned id = round << 16;

		(void)snprintf(account, sizeof(account), "%u", round);
		for (unsigned turn = 0; turn < 25; turn++) {
			size_t count = 1 + dice_throw(&dice, 8);
			struct said said[8];

			for (size_t i = 0; i < count; i++)
				said[i] = somebody(&dice, ++id);
			tell(*state, said, count);
			tell(other, said, count);
			if (dice_once_in(&dice, 6))
				assert_int_equal(close_all(*state),
						 close_all(other));
			expect_same(*state, other, round);
		}
	}
	(void)end((void **)&other);
}

/* ---- two nodes at once, which only PostgreSQL has -------------------------
 */

struct node {
	pthread_t thread;
	struct said said[CROWD];
	size_t count; /* told, or closed */
};

static void *tell_in_batches(void *arg)
{
	struct node *node = arg;
	struct store *store = kit_store(pg.url, 5000, 20000);

	for (size_t i = 0; i < node->count; i += 5)
		tell(store, &node->said[i], 5);
	store_destroy(store);
	return NULL;
}

static void two_nodes_open_one_session(void **state)
{
	struct said said[CROWD];
	struct node nodes[2] = { 0 };
	struct dice dice = dice_seed(99);
	json_t *expected;

	make_crowd(&dice, 99, said);
	expected = expected_sessions(said, CROWD);
	shuffle(&dice, said, CROWD);
	for (size_t i = 0; i < CROWD; i++) {
		struct node *node = &nodes[i % 2];

		node->said[node->count++] = said[i];
	}
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&nodes[i].thread, NULL,
						tell_in_batches, &nodes[i]),
				 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_join(nodes[i].thread, NULL), 0);
	expect_sessions(*state, expected);
	expect_messages(*state, expected);
	json_decref(expected);
}

static void *close_in_steps(void *arg)
{
	struct node *node = arg;
	struct store *store = kit_store(pg.url, 5000, 20000);
	size_t idle_turns = 0;

	while (idle_turns < 3) {
		json_t *rows = NULL;
		struct db_error err;

		must(store_close_sessions(store, 20, 0, IDLE_MS, &rows, &err),
		     &err);
		node->count += json_array_size(rows);
		idle_turns = json_array_size(rows) ? 0 : idle_turns + 1;
		json_decref(rows);
	}
	store_destroy(store);
	return NULL;
}

static void two_nodes_close_each_session_once(void **state)
{
	struct said said[500];
	struct node nodes[2] = { 0 };

	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 500; i++)
			said[i] = (struct said){ .id = round * 500 + i + 1,
						 .person = round * 500 + i + 1,
						 .at_s = (int)i };
		tell(*state, said, 500);
	}
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&nodes[i].thread, NULL,
						close_in_steps, &nodes[i]),
				 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_join(nodes[i].thread, NULL), 0);
	assert_int_equal(nodes[0].count + nodes[1].count, 1000);
	assert_int_equal(postgres_number(&pg,
					 "SELECT count(DISTINCT session_id)"
					 " FROM session_summaries"),
			 1000);
	assert_int_equal(
		postgres_number(&pg, "SELECT count(*) FROM session_summaries"),
		1000);
}

#define IN_BOTH(test)                                          \
	{ #test " (postgres)", test, in_postgres, end, NULL }, \
	{                                                      \
#test " (sqlite)", test, in_sqlite, end, NULL  \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH(any_order_makes_the_same_sessions),
		IN_BOTH(one_person_has_one_session),
		IN_BOTH(what_was_known_of_a_person_is_remembered),
		IN_BOTH(a_closed_session_takes_what_is_late_and_stays_closed),
		IN_BOTH(what_is_said_now_is_no_part_of_what_is_closed),
		IN_BOTH(a_status_lifts_its_message_and_never_lowers_it),
		IN_BOTH(whoever_was_not_told_is_told_again),
		IN_BOTH(one_that_no_message_made_is_closed_too),
		IN_BOTH(what_still_waits_in_an_outbox_keeps_its_session_open),
		IN_BOTH(pages_of_sessions_and_messages_follow_each_other),
		IN_BOTH(calls_of_a_lost_node_end_and_its_own_word_wins),
		cmocka_unit_test_setup_teardown(
			both_databases_make_the_same_of_anything, in_postgres,
			end),
		cmocka_unit_test_setup_teardown(two_nodes_open_one_session,
						in_postgres, end),
		cmocka_unit_test_setup_teardown(
			two_nodes_close_each_session_once, in_postgres, end),
	};

	return cmocka_run_group_tests_name("store_sessions", tests,
					   start_server, stop_server);
}
