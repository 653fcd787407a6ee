/* db_cmd.c - holdctl db: is the database there, and is its schema ours? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <jansson.h>

#include "persistence/db_error.h"
#include "persistence/store.h"
#include "server/clock.h"
#include "server/settings.h"
#include "tools/holdctl/database.h"
#include "tools/holdctl/holdctl.h"
#include "tools/holdctl/server_lock.h"

static void print_json(json_t *object)
{
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(object);
}

int db_ping_run(const struct request *request)
{
	struct store *store = database_open(request->settings, true);
	char url[sizeof(request->settings->database.url)];
	struct db_error err = { 0 };
	uint64_t began_us, connected_us, answered_us;
	int status = STATUS_FINE;

	if (!store)
		return STATUS_USAGE;
	store_mask_url(request->settings->database.url, url, sizeof(url));
	began_us = clock_mono_us();
	if (store_ready(store, &err) < 0)
		goto fail;
	connected_us = clock_mono_us();
	if (store_ping(store, &err) < 0)
		goto fail;
	answered_us = clock_mono_us();
	if (request->json)
		print_json(json_pack(
			"{s:s, s:f, s:f}", "url", url, "connect_ms",
			(double)(connected_us - began_us) / 1000.0, "ping_ms",
			(double)(answered_us - connected_us) / 1000.0));
	else
		printf("%s answers: connected in %.1f ms, ping %.1f ms\n", url,
		       (double)(connected_us - began_us) / 1000.0,
		       (double)(answered_us - connected_us) / 1000.0);
	goto end;
fail:
	status = database_complain(request->settings, &err);
end:
	store_destroy(store);
	return status;
}

/* What two versions of a schema mean together. */
static const char *schema_verdict(int has, int wants)
{
	if (has == wants)
		return "up to date";
	if (has < wants)
		return "older than this program: holdctl db migrate, or "
		       "start the server";
	return "newer than this program: upgrade it";
}

int db_status_run(const struct request *request)
{
	struct store *store = database_open(request->settings, true);
	char url[sizeof(request->settings->database.url)];
	struct db_error err = { 0 };
	int has = 0, wants = 0;
	int status;

	if (!store)
		return STATUS_USAGE;
	store_mask_url(request->settings->database.url, url, sizeof(url));
	if (store_schema_version(store, &has, &wants, &err) < 0) {
		status = database_complain(request->settings, &err);
		goto end;
	}
	status = has == wants ? STATUS_FINE : STATUS_FAILED;
	if (request->json)
		print_json(json_pack("{s:s, s:i, s:i, s:b}", "url", url,
				     "schema", has, "wants", wants,
				     "up_to_date", has == wants));
	else
		printf("database  %s\nschema    %d of %d: %s\n", url, has,
		       wants, schema_verdict(has, wants));
end:
	store_destroy(store);
	return status;
}

/* SQLite has one writing connection, the server's: Debian's version may corrupt
 * the file when a second one writes. PostgreSQL takes its turn by a lock. */
static bool server_writes_it(const struct settings *settings)
{
	return strncmp(settings->database.url, "sqlite:", 7) == 0 &&
	       server_lock_is_held(settings->data_dir);
}

int db_migrate_run(const struct request *request)
{
	const struct settings *settings = request->settings;
	struct store *store;
	struct db_error err = { 0 };
	int has = 0, wants = 0;
	int status = STATUS_FINE;

	if (server_writes_it(settings))
		return complain(STATUS_FAILED,
				"a server runs on %s and migrates its SQLite "
				"file itself; stop it first to do it by hand",
				settings->data_dir);
	store = database_open(settings, false);
	if (!store)
		return STATUS_USAGE;
	if (store_migrate(store, &err) < 0 ||
	    store_schema_version(store, &has, &wants, &err) < 0)
		status = database_complain(settings, &err);
	else if (request->json)
		print_json(json_pack("{s:i}", "schema", has));
	else
		printf("The schema is at version %d.\n", has);
	store_destroy(store);
	return status;
}
