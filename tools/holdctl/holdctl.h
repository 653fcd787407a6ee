/*
 * holdctl.h - what the verbs of holdctl share
 *
 * A verb is a function in a file of its own kind (outbox_list.c, dead_cmd.c,
 * ...) and a row of the table in verbs.c. It prints what was asked for on
 * stdout and complaints on stderr, and returns the exit status.
 */
#ifndef TOOLS_HOLDCTL_HOLDCTL_H
#define TOOLS_HOLDCTL_HOLDCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
	OPTION_OLDER = 1 << 6,
	OPTION_YOUNGER = 1 << 7,
	OPTION_ALL = 1 << 8,
	OPTION_DRY_RUN = 1 << 9,
	OPTION_ROLE = 1 << 10,
};

struct request {
	const struct settings *settings;
	bool json;
	const char *const *operands; /* ids, or a file */
	size_t operand_count;
	const char *kind, *call, *state, *provider, *before; /* NULL: any */
	const char *role;				     /* NULL: none */
	uint64_t older_ms, younger_ms;			     /* 0: any age */
	unsigned limit;					     /* 0: all */
	bool limited; /* was a limit given? else the verb has its own */
	bool all, dry_run;
};

typedef int verb_run(const struct request *request);

verb_run status_run;
verb_run outbox_status_run, outbox_list_run, outbox_show_run, outbox_export_run;
verb_run outbox_tail_run;
verb_run outbox_hold_run, outbox_release_run, outbox_replay_run,
	outbox_drop_run;
verb_run outbox_pause_run, outbox_resume_run, outbox_kick_run;
verb_run outbox_import_run, outbox_verify_run, outbox_repair_run;
verb_run dead_list_run, dead_show_run, dead_retry_run, dead_drop_run;
verb_run events_status_run, events_list_run, events_replay_run;
verb_run call_list_run, call_show_run, call_hangup_run;
verb_run user_add_run, user_passwd_run, user_list_run, user_remove_run;
verb_run erase_call_run, erase_number_run, erase_list_run;
verb_run db_ping_run, db_status_run, db_migrate_run;

/* "holdctl: ..." and a newline on stderr; returns `status`. */
int complain(int status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
