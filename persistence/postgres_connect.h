/*
 * postgres_connect.h - a connection to one of a url's hosts, in time
 *
 * libpq's own way of trying several hosts has one clock for all of them, or
 * none: a host that does not answer at all keeps the others from their turn.
 * So each host is tried on its own, with its share of the time that is left,
 * and so is each address of a host. A host that has taken us keeps us: the next
 * connection begins there. Names are looked up before (resolver.h), so the time
 * holds whatever the name servers do; if they do not answer, the addresses they
 * gave last will do.
 *
 * Everything else in the url means what it means to libpq (except
 * target_session_attrs=prefer-standby: the first host that answers will do). A
 * url that names no host, or a service, is left to libpq as a whole.
 *
 * Thread: a connector belongs to one thread.
 */
#ifndef PERSISTENCE_POSTGRES_CONNECT_H
#define PERSISTENCE_POSTGRES_CONNECT_H

#include <stdbool.h>
#include <stdint.h>
#include <libpq-fe.h>

#include "persistence/db_error.h"

struct pg_connector;

/* 0 or -ENOMEM. A url that libpq does not understand is said when somebody
 * wants to connect: it is a fault of the set-up like any other. */
int pg_connector_create(struct pg_connector **ret, const char *url);
struct pg_connector *pg_connector_destroy(struct pg_connector *connector);

struct pg_connect_options {
	const char *application; /* application_name */
	uint32_t timeout_ms;	 /* for all hosts together */
	int interrupt_fd;	 /* readable: give up */
	bool read_only;		 /* a standby will do */
};

/* NULL and *err: what the most telling of the hosts said. */
PGconn *pg_connector_connect(struct pg_connector *connector,
			     const struct pg_connect_options *options,
			     struct db_error *err);

#endif
