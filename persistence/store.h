/*
 * store.h - where the rows live: one interface, two databases
 *
 * PostgreSQL and SQLite hold the same tables and are spoken to in the same
 * way: a batch of records is one transaction with one statement a table, to
 * which the payloads go as one JSON array. The upsert's guard (rev) makes it
 * safe to send anything twice and in any order.
 *
 * Thread: a store belongs to one thread. Every call has a deadline of its own
 *         (connect_timeout, statement_timeout) and ends early after
 *         store_interrupt(), the only function another thread may call.
 */
#ifndef PERSISTENCE_STORE_H
#define PERSISTENCE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "persistence/db_error.h"

struct store;
struct record;

struct store_options {
	const char *url;	 /* sqlite:PATH or postgresql://... */
	const char *application; /* application_name: "holdline/node/pid" */
	uint32_t connect_timeout_ms, statement_timeout_ms, recycle_ms;
	bool read_only; /* tools: never migrates, never writes */
};

/* Chooses by the url; does not connect. 0, -EINVAL for a url of neither kind,
 * -ENOMEM. */
int store_create(struct store **ret, const struct store_options *options);
struct store *store_destroy(struct store *store);

/* Whether only one connection may write, which is the drainer's. */
bool store_has_one_writer(const char *url);

/* Connects if need be, checks a connection that has been idle, brings the
 * schema up to date (under a lock, so that many nodes may start at once) unless
 * read-only. The calls below begin with it; it costs nothing when all is well.
 * A schema newer than ours is DB_SETUP, reason NewerSchema, and left alone.
 * All of these: 0, or -1 with *err filled in. */
int store_ready(struct store *store, struct db_error *err);

/* Drops the connection; the next call makes a new one. */
void store_disconnect(struct store *store);

/* A socket that turns readable when the server goes away while nothing is
 * asked of it (or merely has something to say): ping then. -1: none. */
int store_socket(const struct store *store);

/* One transaction: all of them or none. After a failure the transaction is
 * rolled back, or the connection thrown away if that is in doubt. Takes a copy
 * of the payloads for its time. DB_PRESENT is said of one record alone that is
 * there already; of several it means that one of them may be. */
int store_write(struct store *store, struct record *const *records,
		size_t count, struct db_error *err);

int store_ping(struct store *store, struct db_error *err);

/* The schema: the version the database has (0: none), and the one we bring.
 * Changes nothing. */
int store_schema_version(struct store *store, int *has, int *wants,
			 struct db_error *err);
int store_migrate(struct store *store, struct db_error *err);

struct store_call_filter { /* NULL: any */
	const char *state, *provider, *end_reason;
	const char *number;	    /* called or calling */
	const char *since, *before; /* started then or later; earlier; in the
				       form of clock_format_iso() */
	const char *before_call_id; /* cursor: older than this; NULL: newest */
	unsigned limit;
};
/* An array of call objects (columns as in the contract), newest first. */
int store_list_calls(struct store *store, const struct store_call_filter *f,
		     json_t **rows, struct db_error *err);
/* One call with its "events" array; *row is NULL when there is none. A
 * call_id that is not a UUID is the id of no call. */
int store_get_call(struct store *store, const char *call_id, json_t **row,
		   struct db_error *err);

/* Any thread: makes a running call return soon, and every later one at once
 * (shutdown). There is no way back. */
void store_interrupt(struct store *store);

/* The url without its password, for people. */
void store_mask_url(const char *url, char *out, size_t size);

#endif
