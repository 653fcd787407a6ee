/* store_kit.h - a server, a store, a refusal: what tests of stores have in
 * common
 */
#ifndef TESTS_UNIT_STORE_KIT_H
#define TESTS_UNIT_STORE_KIT_H

#include "support/postgres.h"
#include "support/store_rules.h"

static inline struct store *kit_store(const char *url, uint32_t connect_ms,
				      uint32_t statement_ms)
{
	const struct store_options options = {
		.url = url,
		.application = "holdline/test",
		.connect_timeout_ms = connect_ms,
		.statement_timeout_ms = statement_ms,
		.recycle_ms = 300000,
	};
	struct store *store;

	assert_int_equal(store_create(&store, &options), 0);
	return store;
}

static inline void kit_start(struct postgres *pg, unsigned port)
{
	postgres_create(pg, port);
	postgres_start(pg);
	postgres_wait(pg);
}

/* Of a record that must not pass; takes it. */
static inline struct db_error kit_refusal(struct store *store,
					  struct record *record)
{
	struct db_error err = { .family = DB_OK };

	assert_int_equal(rules_write(store, &record, 1, &err), -1);
	return err;
}

#endif
