/*
 * holdctl.h - what the verbs of holdctl share
 *
 * A verb is a function in a file of its noun (outbox_cmd.c, call_cmd.c, ...)
 * and a row of the table in main.c. It prints what was asked for on stdout and
 * complaints on stderr, and returns the exit status.
 */
#ifndef TOOLS_HOLDCTL_HOLDCTL_H
#define TOOLS_HOLDCTL_HOLDCTL_H

#include <stdbool.h>

struct settings;

enum exit_status {
	STATUS_FINE = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_UNREACHED = 3, /* server or database */
};

/* The options that belong to single verbs, as a set. */
enum option_set {
	OPTION_KIND = 1 << 0,
	OPTION_CALL = 1 << 1,
	OPTION_LIMIT = 1 << 2,
	OPTION_STATE = 1 << 3,
	OPTION_PROVIDER = 1 << 4,
	OPTION_BEFORE = 1 << 5,
};

struct request {
	const struct settings *settings;
	bool json;
	const char *operand; /* an id; NULL for verbs without one */
	const char *kind, *call, *state, *provider, *before; /* NULL: any */
	unsigned limit;					     /* 0: all */
	bool limited; /* was a limit given? else the verb has its own */
};

int status_run(const struct request *request);
int outbox_status_run(const struct request *request);
int outbox_list_run(const struct request *request);
int outbox_show_run(const struct request *request);
int outbox_export_run(const struct request *request);
int call_list_run(const struct request *request);
int call_show_run(const struct request *request);
int db_ping_run(const struct request *request);
int db_status_run(const struct request *request);
int db_migrate_run(const struct request *request);

/* "holdctl: ..." and a newline on stderr; returns `status`. */
int complain(int status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
