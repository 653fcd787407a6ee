/* database.c - the store, opened for a look */
#include "tools/holdctl/database.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "persistence/db_error.h"
#include "persistence/store.h"
#include "server/settings.h"
#include "tools/holdctl/holdctl.h"
#include "server/human.h"

struct store *database_open(const struct settings *settings, bool read_only)
{
	char application[96];
	struct store_options options = {
		.url = settings->database.url,
		.application = application,
		.connect_timeout_ms = settings->database.connect_timeout_ms,
		.statement_timeout_ms = settings->database.statement_timeout_ms,
		.recycle_ms = settings->database.pool_recycle_ms,
		.read_only = read_only,
	};
	struct store *store = NULL;
	int r;

	(void)snprintf(application, sizeof(application), "holdctl/%.40s/%d",
		       settings->node_id, (int)getpid());
	r = store_create(&store, &options);
	if (r == 0)
		return store;
	(void)complain(0, "database.url: %s",
		       r == -EINVAL ? "is neither sqlite: nor postgresql://"
				    : strerror(-r));
	return NULL;
}

static const char *advice(const struct db_error *err)
{
	switch (err->family) {
	case DB_SETUP:
		return "its set-up is at fault: check database.url, the "
		       "user's rights, and the schema (holdctl db migrate)";
	case DB_TRANSIENT:
	case DB_RESET:
		return "check database.url and that the database runs; a "
		       "running server keeps its records until it is back";
	default: return "";
	}
}

int database_complain(const struct settings *settings,
		      const struct db_error *err)
{
	char url[sizeof(settings->database.url)], text[sizeof(err->text)];
	const char *hint = advice(err);
	bool unreached = err->family == DB_TRANSIENT ||
			 err->family == DB_RESET || err->connection_lost;

	store_mask_url(settings->database.url, url, sizeof(url));
	(void)snprintf(text, sizeof(text), "%s", err->text);
	human_defuse(text);
	(void)complain(0, "%s: %s%s%s", url, err->reason, text[0] ? ": " : "",
		       text);
	if (hint[0])
		fprintf(stderr, "  %s\n", hint);
	return unreached ? STATUS_UNREACHED : STATUS_FAILED;
}
