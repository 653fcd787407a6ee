/* outbox_switch.c - holdctl outbox pause, resume and kick */
#include <stdio.h>
#include <jansson.h>

#include "persistence/operations.h"
#include "tools/holdctl/holdctl.h"
#include "tools/holdctl/operate.h"
#include "tools/holdctl/server_lock.h"
#include "server/settings.h"

static int run(const struct request *request, enum operation_verb verb,
	       const char *now)
{
	const struct operation operation = { .verb = verb };
	struct operation_result result = { 0 };
	struct operate *operate = NULL;
	int status = operate_open(&operate, request->settings);

	if (status == STATUS_FINE)
		status = operate_apply(operate, operation, &result);
	operate_close(operate);
	if (status != STATUS_FINE)
		return status;
	if (request->json)
		printf("{\"verb\":\"outbox %s\",\"done\":%zu,\"already\":%zu}\n",
		       operation_verb_name(verb), result.done, result.already);
	else
		puts(now);
	return STATUS_FINE;
}

int outbox_pause_run(const struct request *request)
{
	return run(request, OPERATION_PAUSE,
		   "The drain is paused: nothing is delivered until holdctl "
		   "outbox resume. Calls go on.");
}

int outbox_resume_run(const struct request *request)
{
	return run(request, OPERATION_RESUME, "The drain goes on.");
}

int outbox_kick_run(const struct request *request)
{
	if (!server_lock_is_held(request->settings->data_dir))
		return complain(STATUS_UNREACHED,
				"no server runs on %s: there is nobody to try",
				request->settings->data_dir);
	return run(request, OPERATION_KICK, "The database is tried at once.");
}
