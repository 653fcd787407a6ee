/* log_mask_test.c - a line shows of people no more than it should, and of
 * everything else all */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "server/log_mask.h"

struct row {
	const char *message, *masked; /* NULL: as it is */
};

static const struct row rows[] = {
	/* numbers, as people and providers write them */
	{ "from=+15550001 to=+15550002", "from=+***001 to=+***002" },
	{ "err=\"no route for +49 (151) 234-5678, sorry\" n=2",
	  "err=\"no route for +***678, sorry\" n=2" },
	{ "err=\"whatsapp:+4915112345678 is not reachable\"",
	  "err=\"whatsapp:+***678 is not reachable\"" },
	{ "err=\"to 4915112345678.\"", "err=\"to ***678.\"" },
	{ "peer=4915112345678", "peer=***678" },
	{ "wa_id=16315551181 kind=text", "wa_id=***181 kind=text" },
	{ "event=\"number=0049151123456\"", "event=\"number=***456\"" },
	/* what only looks like one */
	{ "bytes=1073741824 pending=12345678", NULL },
	{ "peer=192.168.100.200 from=2001:db8::1234:5678", NULL },
	{ "call=01234567-1234-7123-8123-123456789012", NULL },
	{ "journal=1795414620123456-4242-0.journal", NULL },
	{ "provider_call=CA12345678901234567890123456789012", NULL },
	{ "provider_call=1732345678.12 at=\"1732345678.12\"", NULL },
	{ "err=\"2026-11-23T06:17:00.123Z, sqlstate 23514\"", NULL },
	{ "path=/data/2026/11/23/01234567-1234-7123-8123-123456789012.wav",
	  NULL },
	{ "err=\"12345678901234567890 is too long for one\"", NULL },
	{ "err=\"+1234 is too short\"", NULL },
	/* email addresses */
	{ "email=ada@example.com", "email=a***@example.com" },
	{ "err=\"Key (email)=(ada.l+x@mail.example.com) already exists\"",
	  "err=\"Key (email)=(a***@mail.example.com) already exists\"" },
	{ "who=ada@example.com action=\"PATCH /api/users/bob@example.com\"",
	  NULL },
	{ "url=\"postgresql://holdline@db.example.com:5432/holdline\"", NULL },
	{ "err=\"a@b, @example.com, x@, me@localhost, me@10.0.0.1\"", NULL },
	/* what was said */
	{ "body=\"see you at eight\" n=1", "body=*** n=1" },
	{ "custom={\"name\":\"Ada\"} n=1", "custom=*** n=1" },
	/* nothing at all, and words without a key */
	{ "", NULL },
	{ "call +4915112345678 now", "call +***678 now" },
};

static void people_are_hidden_and_the_rest_stays(void **state)
{
	char out[1008];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		log_mask_message(rows[i].message, LOG_MASK_CALLERS, out,
				 sizeof(out));
		assert_string_equal(out, rows[i].masked ? rows[i].masked
							: rows[i].message);
	}
}

static void all_means_us_as_well(void **state)
{
	char out[200];

	(void)state;
	log_mask_message("who=ada@example.com action=\"DELETE "
			 "/api/users/bob@example.com\"",
			 LOG_MASK_ALL, out, sizeof(out));
	assert_string_equal(out, "who=a***@example.com action=\"DELETE "
				 "/api/users/b***@example.com\"");
}

static void what_has_no_room_is_cut(void **state)
{
	char out[8];

	(void)state;
	log_mask_message("from=+4915112345678", LOG_MASK_CALLERS, out,
			 sizeof(out));
	assert_string_equal(out, "from=+*");
	log_mask_message("a=b@c.de", LOG_MASK_CALLERS, out, sizeof(out));
	assert_string_equal(out, "a=b***@");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people_are_hidden_and_the_rest_stays),
		cmocka_unit_test(all_means_us_as_well),
		cmocka_unit_test(what_has_no_room_is_cut),
	};

	return cmocka_run_group_tests_name("log_mask", tests, NULL, NULL);
}
