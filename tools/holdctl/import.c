/* import.c - holdctl outbox import: records, or the journals of another node */
#include "tools/holdctl/import.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/settings.h"
#include "tools/holdctl/holdctl.h"
#include "tools/holdctl/operate.h"

int import_complain(const struct import *import, int r)
{
	if (r == -EBUSY)
		return complain(STATUS_FAILED, "another import is at work");
	return complain(STATUS_FAILED, "cannot write to %s/outbox: %s",
			import->request->settings->data_dir, strerror(-r));
}

int import_add_name(struct import *import, const char *name)
{
	char(*names)[STAGING_NAME_SIZE] =
		reallocarray(import->names, import->count + 1, sizeof(*names));

	if (!names)
		return complain(STATUS_FAILED, "out of memory");
	import->names = names;
	(void)snprintf(names[import->count++], sizeof(*names), "%s", name);
	return STATUS_FINE;
}

static int join(struct import *import, struct operation_result *result)
{
	struct operate *operate = NULL;
	int status = operate_open(&operate, import->request->settings);

	for (size_t i = 0; status == STATUS_FINE && i < import->count; i++)
		status = operate_apply(
			operate,
			(struct operation){ .verb = OPERATION_IMPORT,
					    .name = import->names[i] },
			result);
	operate_close(operate);
	return status;
}

static void report(const struct import *import,
		   const struct operation_result *result)
{
	bool dry_run = import->request->dry_run;
	bool before = !dry_run && result->done == 0 && result->already > 0;

	if (import->request->json) {
		printf("{\"verb\":\"outbox import\",\"records\":%" PRIu64
		       ",\"journals\":%zu,\"done\":%zu,\"already\":%zu,"
		       "\"dry_run\":%s}\n",
		       import->records, import->count, result->done,
		       result->already, dry_run ? "true" : "false");
		return;
	}
	printf("%" PRIu64 " %s in %zu %s %s.\n", import->records,
	       import->records == 1 ? "record" : "records",
	       import->count ? import->count : 1,
	       import->count > 1 ? "journals" : "journal",
	       dry_run	? "would be imported"
	       : before ? "imported before"
			: "imported");
}

static int stage(struct import *import)
{
	const char *given = import->request->operands[0];
	struct stat st;
	FILE *in;
	int status;

	if (strcmp(given, "-") == 0)
		return import_lines(import, stdin);
	if (stat(given, &st) == 0 && S_ISDIR(st.st_mode))
		return import_journals(import, given);
	in = fopen(given, "re");
	if (!in)
		return complain(STATUS_FAILED, "%s: %s", given,
				strerror(errno));
	status = import_lines(import, in);
	fclose(in);
	return status;
}

int outbox_import_run(const struct request *request)
{
	struct import import = { .request = request,
				 .staging = { .outbox_fd = -1, .dir_fd = -1 } };
	struct operation_result result = { 0 };
	int status, r = 0;

	if (!request->dry_run)
		r = staging_open(&import.staging, request->settings->data_dir);
	status = r < 0 ? import_complain(&import, r) : stage(&import);
	staging_close(&import.staging);
	if (status == STATUS_FINE && import.count > 0 && !request->dry_run)
		status = join(&import, &result);
	if (status == STATUS_FINE)
		report(&import, &result);
	free(import.names);
	return status;
}
