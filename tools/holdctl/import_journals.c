/*
 * import_journals.c - the journals of another node are copied as they are
 *
 * They keep their names, which no two nodes share, and with them their estate:
 * what the node left open is ended here.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "persistence/journal_cursor.h"
#include "persistence/journal_reader.h"
#include "server/settings.h"
#include "tools/holdctl/holdctl.h"
#include "tools/holdctl/import.h"

static bool is_journal(const char *dir)
{
	char path[PATH_MAX];
	struct stat st;

	return (size_t)snprintf(path, sizeof(path), "%s/pend", dir) <
		       sizeof(path) &&
	       stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int count_records(struct import *import, const char *outbox,
			 const char *name)
{
	struct journal_cursor cursor;
	struct journal_entry entry;
	int r = journal_cursor_open(&cursor, outbox, name);

	if (r < 0)
		return r;
	while (journal_cursor_next(&cursor, &entry) == 1) {
		import->records++;
		free(entry.record);
	}
	journal_cursor_close(&cursor);
	return 0;
}

/* Can it be taken? Whoever writes it still would go on in the original. */
static int check_journal(struct import *import, const char *outbox,
			 const char *name)
{
	char path[PATH_MAX];
	int r;

	(void)snprintf(path, sizeof(path), "%s/%s", outbox, name);
	if (!is_journal(path))
		return complain(STATUS_FAILED, "%s: no journal", path);
	if (strlen(name) >= STAGING_NAME_SIZE)
		return complain(STATUS_FAILED, "%s: the name is too long",
				path);
	if (journal_is_live(path))
		return complain(STATUS_FAILED,
				"%s: its process is running and writes to it",
				path);
	r = count_records(import, outbox, name);
	if (r < 0)
		return complain(STATUS_FAILED, "%s: %s", path,
				r == -EPROTONOSUPPORT
					? "written by a newer version"
					: strerror(-r));
	return import_add_name(import, name);
}

static int check_outbox(struct import *import, const char *outbox)
{
	char **names = NULL;
	size_t count = 0;
	int status = STATUS_FINE;
	int r = journal_names(outbox, &names, &count);

	if (r < 0)
		return complain(STATUS_FAILED, "%s: %s", outbox, strerror(-r));
	if (count == 0)
		status = complain(STATUS_FAILED, "%s: no journals in it",
				  outbox);
	for (size_t i = 0; status == STATUS_FINE && i < count; i++)
		status = check_journal(import, outbox, names[i]);
	journal_names_free(names, count);
	return status;
}

static int copy_journals(struct import *import, const char *outbox)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < import->count; i++) {
		char from[PATH_MAX];

		if ((size_t)snprintf(from, sizeof(from), "%s/%s", outbox,
				     import->names[i]) >= sizeof(from))
			r = -ENAMETOOLONG;
		else
			r = staging_copy(&import->staging, from,
					 import->names[i]);
		if (r == 0)
			r = staging_offer(&import->staging, import->names[i],
					  import->names[i]);
	}
	return r < 0 ? import_complain(import, r) : STATUS_FINE;
}

int import_journals(struct import *import, const char *given)
{
	char path[PATH_MAX], own[PATH_MAX], outbox[300], *name = NULL;
	int status;

	if (!realpath(given, path))
		return complain(STATUS_FAILED, "%s: %s", given,
				strerror(errno));
	if (is_journal(path)) { /* its parent is the outbox */
		name = strrchr(path, '/');
		*name++ = '\0';
	}
	(void)snprintf(outbox, sizeof(outbox), "%s/outbox",
		       import->request->settings->data_dir);
	if (realpath(outbox, own) && strcmp(own, path) == 0)
		return complain(STATUS_FAILED, "%s: that is this outbox itself",
				given);
	status = name ? check_journal(import, path, name)
		      : check_outbox(import, path);
	if (status != STATUS_FINE || import->request->dry_run)
		return status;
	return copy_journals(import, path);
}
