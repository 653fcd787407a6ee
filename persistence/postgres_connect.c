/*
 * postgres_connect.c - a connection in time (see postgres_connect.h)
 *
 *   now                                                         deadline
 *    |-- host 1 ------------|-- host 2 ------------|-- host 3 -----|
 *    | lookup | addr | addr |
 *
 * An address has its share of the host's time to take the connection. Once it
 * has, the server may use up the time of the host: one that is just waking up
 * takes its time, and its other addresses lead to the same.
 */
#include "persistence/postgres_connect.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/postgres_io.h"
#include "persistence/resolver.h"
#include "server/clock.h"

#define PORT "5432" /* of an item that is empty, in a list of ports */

struct host {
	char *name, *address, *port; /* owned; "" where the url says nothing */
	struct resolver_addresses known; /* what its name led to last */
};

struct pg_connector {
	char *url;
	struct host *hosts; /* NULL: left to libpq */
	size_t count;
	size_t first;	/* the one that took us last */
	char fault[64]; /* what is wrong with the url; "": nothing */
};

/* One try: how to get there, and by when. */
struct attempt {
	const struct pg_connector *connector;
	const struct pg_connect_options *options;
	const struct host *host;
	const char *address;  /* numeric; NULL: none needed */
	uint64_t reach_by_ms; /* by then somebody must be there */
	uint64_t done_by_ms;  /* by then we must be in */
};

/* ---- the url --------------------------------------------------------------
 */

static const char *find_option(const PQconninfoOption *options,
			       const char *keyword)
{
	for (; options->keyword; options++)
		if (strcmp(options->keyword, keyword) == 0)
			return options->val ? options->val : "";
	return "";
}

static size_t count_items(const char *list)
{
	size_t count = 1;

	for (; *list; list++)
		count += *list == ',';
	return count;
}

/* A copy of the item at `index`. A list of one item holds for all. */
static char *copy_item(const char *list, size_t index)
{
	if (count_items(list) == 1)
		index = 0;
	while (index-- > 0)
		list += strcspn(list, ",") + 1;
	return strndup(list, strcspn(list, ","));
}

static bool is_local(const struct host *host)
{
	return host->name[0] == '/' || host->name[0] == '@';
}

static int replace(char **text, const char *by)
{
	free(*text);
	*text = strdup(by);
	return *text ? 0 : -ENOMEM;
}

static int read_host(struct host *host, const PQconninfoOption *options,
		     size_t index)
{
	int r = 0;

	host->name = copy_item(find_option(options, "host"), index);
	host->address = copy_item(find_option(options, "hostaddr"), index);
	host->port = copy_item(find_option(options, "port"), index);
	if (!host->name || !host->address || !host->port)
		return -ENOMEM;
	/* What is empty would not replace the whole list (see start()). */
	if (!host->name[0])
		r = replace(&host->name, host->address);
	if (r == 0 && !host->port[0] && *find_option(options, "port"))
		r = replace(&host->port, PORT);
	return r;
}

static void free_hosts(struct pg_connector *connector)
{
	for (size_t i = 0; connector->hosts && i < connector->count; i++) {
		free(connector->hosts[i].name);
		free(connector->hosts[i].address);
		free(connector->hosts[i].port);
	}
	free(connector->hosts);
	connector->hosts = NULL;
}

/* Does a list of `count` items, or of one, say all that is needed? */
static bool fits(const char *list, size_t count)
{
	size_t items = count_items(list);

	return items == 1 || items == count;
}

/* Hosts that we do not understand are left to libpq, its word on them too. */
static int read_hosts(struct pg_connector *connector,
		      const PQconninfoOption *options)
{
	const char *names = find_option(options, "host");
	const char *addresses = find_option(options, "hostaddr");
	size_t count = count_items(*addresses ? addresses : names);

	if ((!*names && !*addresses) || *find_option(options, "service") ||
	    (*names && count_items(names) != count) ||
	    !fits(find_option(options, "port"), count))
		return 0;
	connector->hosts = calloc(count, sizeof(*connector->hosts));
	if (!connector->hosts)
		return -ENOMEM;
	connector->count = count;
	for (size_t i = 0; i < count; i++) {
		const struct host *host = &connector->hosts[i];

		if (read_host(&connector->hosts[i], options, i) < 0)
			return -ENOMEM;
		if (host->name[0])
			continue;
		free_hosts(connector); /* the default, wherever that is */
		return 0;
	}
	return 0;
}

/* libpq says what it does not understand, and then quotes it. */
static void note_fault(struct pg_connector *connector, const char *message)
{
	(void)snprintf(connector->fault, sizeof(connector->fault), "%.*s",
		       (int)strcspn(message, "\":\n"), message);
}

int pg_connector_create(struct pg_connector **ret, const char *url)
{
	struct pg_connector *connector = calloc(1, sizeof(*connector));
	PQconninfoOption *options = NULL;
	char *message = NULL;
	int r = -ENOMEM;

	if (!connector)
		return -ENOMEM;
	connector->url = strdup(url);
	if (!connector->url)
		goto fail;
	options = PQconninfoParse(url, &message);
	if (options)
		r = read_hosts(connector, options);
	else if (message)
		r = 0;
	if (r < 0)
		goto fail;
	if (message)
		note_fault(connector, message);
	PQfreemem(message);
	PQconninfoFree(options);
	*ret = connector;
	return 0;
fail:
	PQfreemem(message);
	PQconninfoFree(options);
	pg_connector_destroy(connector);
	return r;
}

struct pg_connector *pg_connector_destroy(struct pg_connector *connector)
{
	if (!connector)
		return NULL;
	free_hosts(connector);
	free(connector->url);
	free(connector);
	return NULL;
}

/* ---- one attempt ----------------------------------------------------------
 */

/* The url may say otherwise wherever it stands behind us; the host, before it,
 * is our choice. A vanished peer is noticed in five seconds, whether it owes us
 * an answer (keepalives) or an acknowledgement (the user timeout). No start-up
 * options, which poolers refuse; no Kerberos by default, whose servers libpq
 * would wait for. An empty value is as good as none. */
static PGconn *start(const struct attempt *attempt)
{
	const struct host *host = attempt->host;
	const char *const names[] = {
		"application_name",
		"keepalives_idle",
		"keepalives_interval",
		"keepalives_count",
		"tcp_user_timeout",
		"gssencmode",
		"target_session_attrs",
		"dbname",
		"client_encoding",
		"host",
		"hostaddr",
		"port",
		NULL,
	};
	const char *const values[] = {
		attempt->options->application,
		"2",
		"1",
		"3",
		"5000",
		"disable",
		attempt->options->read_only ? "any" : "read-write",
		attempt->connector->url,
		"UTF8",
		host ? host->name : NULL,
		attempt->address,
		host ? host->port : NULL,
		NULL,
	};

	return PQconnectStartParams(names, values, 1);
}

static bool is_reached(const PGconn *conn)
{
	ConnStatusType status = PQstatus(conn);

	return status != CONNECTION_NEEDED && status != CONNECTION_STARTED;
}

static int finish(const struct attempt *attempt, PGconn *conn,
		  struct db_error *err)
{
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;
	uint64_t deadline_ms = attempt->reach_by_ms;

	while (status != PGRES_POLLING_OK) {
		if (pg_wait(PQsocket(conn),
			    status == PGRES_POLLING_READING ? POLLIN : POLLOUT,
			    deadline_ms, attempt->options->interrupt_fd,
			    err) < 0)
			return -1;
		status = PQconnectPoll(conn);
		if (is_reached(conn))
			deadline_ms = attempt->done_by_ms;
		if (status == PGRES_POLLING_FAILED) {
			pg_connect_error(conn, err);
			return -1;
		}
	}
	return 0;
}

static PGconn *try_once(const struct attempt *attempt, struct db_error *err)
{
	PGconn *conn = start(attempt);

	if (!conn) {
		db_error_set(err, DB_TRANSIENT, "OutOfMemory", "no memory");
		return NULL;
	}
	(void)PQsetNoticeReceiver(conn, pg_log_notice, NULL);
	(void)PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
	if (PQstatus(conn) == CONNECTION_BAD)
		pg_connect_error(conn, err);
	else if (finish(attempt, conn, err) == 0)
		return conn;
	PQfinish(conn);
	return NULL;
}

/* ---- all of them ----------------------------------------------------------
 */

/* Until when, if the time to `deadline_ms` is shared with others to come. */
static uint64_t share_ms(uint64_t deadline_ms, size_t shares)
{
	uint64_t now_ms = clock_mono_ms();

	return now_ms < deadline_ms
		       ? now_ms + (deadline_ms - now_ms + shares - 1) / shares
		       : deadline_ms;
}

static bool is_interruption(const struct db_error *err)
{
	return strcmp(err->reason, "Interrupted") == 0;
}

/* How much does it tell about the database? A server that will be there soon is
 * worth more than one that does not want us, and that more than silence. */
static int weight(const struct db_error *err)
{
	if (is_interruption(err))
		return 4;
	if (err->family == DB_SETUP)
		return 2;
	return err->sqlstate[0] ? 3 : 1;
}

/* Keeps the more telling of two; *err has none yet while its family is OK. */
static void tell(struct db_error *err, const struct db_error *another)
{
	if (err->family == DB_OK || weight(another) > weight(err))
		*err = *another;
}

/* Where the name leads now; if nobody knows, where it led last. */
static int look_up(struct host *host, uint64_t deadline_ms, int interrupt_fd,
		   struct db_error *err)
{
	size_t shares = host->known.count > 0 ? 2 : 1;
	struct resolver_addresses found;
	enum resolver_result result =
		resolver_lookup(host->name, share_ms(deadline_ms, shares),
				interrupt_fd, &found);
	char text[256];

	if (result == RESOLVER_FOUND) {
		host->known = found;
		return 0;
	}
	if (host->known.count > 0 && result != RESOLVER_UNKNOWN &&
	    result != RESOLVER_INTERRUPTED)
		return 0;
	(void)snprintf(text, sizeof(text), "host %.150s: %s", host->name,
		       resolver_text(result));
	db_error_set(err, DB_TRANSIENT,
		     result == RESOLVER_INTERRUPTED ? "Interrupted"
		     : result == RESOLVER_UNKNOWN   ? "HostNotFound"
						    : "HostLookupFailed",
		     text);
	err->connection_lost = true;
	return -1;
}

static PGconn *try_addresses(struct attempt *attempt, struct db_error *err)
{
	const struct resolver_addresses *known = &attempt->host->known;

	for (size_t i = 0; i < known->count; i++) {
		struct db_error failure;
		PGconn *conn;

		attempt->address = known->text[i];
		attempt->reach_by_ms =
			share_ms(attempt->done_by_ms, known->count - i);
		conn = try_once(attempt, &failure);
		if (conn)
			return conn;
		tell(err, &failure);
		if (failure.family == DB_SETUP || is_interruption(&failure))
			break; /* the others would say the same */
	}
	return NULL;
}

static PGconn *try_host(struct attempt *attempt, struct host *host,
			struct db_error *err)
{
	attempt->host = host;
	attempt->address = host ? host->address : NULL;
	attempt->reach_by_ms = attempt->done_by_ms;
	if (!host || host->address[0] || is_local(host))
		return try_once(attempt, err);
	if (look_up(host, attempt->done_by_ms, attempt->options->interrupt_fd,
		    err) < 0)
		return NULL;
	return try_addresses(attempt, err);
}

PGconn *pg_connector_connect(struct pg_connector *connector,
			     const struct pg_connect_options *options,
			     struct db_error *err)
{
	uint64_t deadline_ms = clock_mono_ms() + options->timeout_ms;
	size_t count = connector->hosts ? connector->count : 1;
	struct attempt attempt = { .connector = connector, .options = options };

	if (connector->fault[0]) {
		db_error_set(err, DB_SETUP, "InvalidUrl", connector->fault);
		err->connection_lost = true;
		return NULL;
	}
	*err = (struct db_error){ .family = DB_OK };
	for (size_t i = 0; i < count && !is_interruption(err); i++) {
		size_t index = (connector->first + i) % count;
		struct db_error failure = { .family = DB_OK };
		PGconn *conn;

		attempt.done_by_ms = share_ms(deadline_ms, count - i);
		conn = try_host(&attempt,
				connector->hosts ? &connector->hosts[index]
						 : NULL,
				&failure);
		if (conn) {
			connector->first = index;
			return conn;
		}
		tell(err, &failure);
	}
	return NULL;
}
