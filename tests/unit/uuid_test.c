/* uuid_test.c - ids sort by time, never repeat, and can be derived again */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/clock.h"
#include "server/thread.h"
#include "server/uuid.h"

#define THREADS	 4ul
#define EACH	 5000ul
#define IN_A_ROW 20000

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct uuid));
}

static unsigned version(const struct uuid *id)
{
	return id->bytes[6] >> 4;
}

static unsigned variant(const struct uuid *id)
{
	return id->bytes[8] >> 6;
}

static uint64_t milliseconds(const struct uuid *id)
{
	uint64_t ms = 0;

	for (int i = 0; i < 6; i++)
		ms = ms << 8 | id->bytes[i];
	return ms;
}

static void a_v7_id_carries_its_version_and_time(void **state)
{
	uint64_t before = (uint64_t)clock_wall_us() / 1000;
	struct uuid id;

	(void)state;
	uuid_make_v7(&id);
	assert_int_equal(version(&id), 7);
	assert_int_equal(variant(&id), 2);
	assert_in_range(milliseconds(&id), before,
			(uint64_t)clock_wall_us() / 1000);
}

#define NOW_NS UINT64_C(1795414620123456789)
#define MS     UINT64_C(1000000)

static void ids_sort_whatever_the_clock_does(void **state)
{
	static const struct moment {
		uint64_t wall_ns;
		bool sorts;  /* after the row before */
		uint64_t ms; /* in the id */
	} rows[] = {
		{ NOW_NS, true, NOW_NS / MS },
		{ NOW_NS, true, NOW_NS / MS }, /* the same instant */
		{ NOW_NS + 1, true, NOW_NS / MS },
		{ NOW_NS - 20 * MS, true, NOW_NS / MS }, /* a slew */
		{ NOW_NS + 5 * MS, true, NOW_NS / MS + 5 },
		{ NOW_NS - 9000 * MS, false, NOW_NS / MS - 9000 }, /* set */
		{ NOW_NS - 9000 * MS, true, NOW_NS / MS - 9000 },
	};
	struct uuid before = { 0 }, id;
	uint64_t last = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uuid_make_v7_at(&id, &last, rows[i].wall_ns);
		if ((compare(&before, &id) < 0) != rows[i].sorts)
			fail_msg("row %zu", i);
		assert_int_equal(milliseconds(&id), rows[i].ms);
		before = id;
	}
}

static void ids_of_one_thread_sort_as_they_were_made(void **state)
{
	struct uuid last, id;
	char last_text[UUID_TEXT_SIZE], text[UUID_TEXT_SIZE];

	(void)state;
	uuid_make_v7(&last);
	for (int i = 0; i < IN_A_ROW; i++) {
		uuid_make_v7(&id);
		uuid_format(&last, last_text);
		uuid_format(&id, text);
		assert_true(compare(&last, &id) < 0);
		assert_true(strcmp(last_text, text) < 0);
		last = id;
	}
}

static int make_many(struct thread *self, void *arg)
{
	struct uuid *ids = arg;

	(void)self;
	for (size_t i = 0; i < EACH; i++)
		uuid_make_v7(&ids[i]);
	return 0;
}

static void ids_of_many_threads_never_repeat(void **state)
{
	static struct uuid ids[THREADS * EACH];
	struct thread *threads[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(thread_start(&threads[i],
					      &(struct thread_options){
						      .name = "maker",
						      .body = make_many,
						      .arg = &ids[i * EACH] }),
				 0);
	for (size_t i = 0; i < THREADS; i++)
		thread_join(threads[i]);
	qsort(ids, THREADS * EACH, sizeof(ids[0]), compare);
	for (size_t i = 1; i < THREADS * EACH; i++)
		assert_false(uuid_equal(&ids[i - 1], &ids[i]));
}

/* These values are in people's databases: they may never change. They are the
 * XXH3-128 of the entity's bytes and the name, with version and variant set. */
static const struct derivation {
	const char *entity, *name, *id;
} derivations[] = {
	{ "00000000-0000-0000-0000-000000000000", "",
	  "e5189a95-99e3-8862-85ea-23ef06e28b2d" },
	{ "00000000-0000-0000-0000-000000000000", "interrupted",
	  "cf502070-07e4-8035-8c11-1a21029bb24c" },
	{ "01936b2e-4d5c-7abc-8def-0123456789ab", "interrupted",
	  "a9107215-053b-817d-a559-894abb2a9078" },
	{ "01936b2e-4d5c-7abc-8def-0123456789ac", "interrupted",
	  "9dd55eb6-aca4-83a7-bba4-8d3439c864ec" },
};

static void a_derived_id_is_always_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(derivations) / sizeof(derivations[0]);
	     i++) {
		const struct derivation *d = &derivations[i];
		char text[UUID_TEXT_SIZE];
		struct uuid entity, id;

		assert_true(uuid_parse(d->entity, &entity));
		uuid_derive(&id, &entity, d->name);
		uuid_format(&id, text);
		assert_string_equal(text, d->id);
		assert_int_equal(version(&id), 8);
		assert_int_equal(variant(&id), 2);
	}
}

static void text_and_id_are_the_same_thing(void **state)
{
	static const char lower[] = "01936b2e-4d5c-7abc-8def-0123456789ab";
	static const struct uuid bytes = { { 0x01, 0x93, 0x6b, 0x2e, 0x4d, 0x5c,
					     0x7a, 0xbc, 0x8d, 0xef, 0x01, 0x23,
					     0x45, 0x67, 0x89, 0xab } };
	char text[UUID_TEXT_SIZE];
	struct uuid id;

	(void)state;
	assert_true(uuid_parse(lower, &id));
	assert_true(uuid_equal(&id, &bytes));
	uuid_format(&bytes, text);
	assert_string_equal(text, lower);
	assert_true(uuid_parse("01936B2E-4D5C-7ABC-8DEF-0123456789AB", &id));
	assert_true(uuid_equal(&id, &bytes));
	id.bytes[15] ^= 1;
	assert_false(uuid_equal(&id, &bytes));
}

static void anything_else_is_no_id(void **state)
{
	static const char *const wrong[] = {
		"",
		"0",
		"-",
		"01936b2e",
		"01936b2e-4d5c-7abc-8def-0123456789a",
		"01936b2e-4d5c-7abc-8def-0123456789ab0",
		"01936b2e-4d5c-7abc-8def-0123456789ab ",
		" 01936b2e-4d5c-7abc-8def-0123456789ab",
		"01936b2e4d5c7abc8def0123456789ab",
		"01936b2e-4d5c-7abc-8def-0123456789ag",
		"01936b2e-4d5c-7abc-8def_0123456789ab",
		"01936b2-e4d5c-7abc-8def-0123456789ab",
		"{01936b2e-4d5c-7abc-8def-0123456789ab}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct uuid id = { { 42 } };

		if (uuid_parse(wrong[i], &id))
			fail_msg("accepted: %s", wrong[i]);
		assert_int_equal(id.bytes[0], 42);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_v7_id_carries_its_version_and_time),
		cmocka_unit_test(ids_sort_whatever_the_clock_does),
		cmocka_unit_test(ids_of_one_thread_sort_as_they_were_made),
		cmocka_unit_test(ids_of_many_threads_never_repeat),
		cmocka_unit_test(a_derived_id_is_always_the_same),
		cmocka_unit_test(text_and_id_are_the_same_thing),
		cmocka_unit_test(anything_else_is_no_id),
	};

	return cmocka_run_group_tests_name("uuid", tests, NULL, NULL);
}
