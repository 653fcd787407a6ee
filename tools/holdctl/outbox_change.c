/*
 * outbox_change.c - the verbs that move records: hold, release, replay, drop;
 * and for dead letters retry and drop
 *
 * First all that are meant are looked up in the files, without any lock; then
 * their ids go to whoever does the work, a batch at a time. Between the two a
 * record may have been delivered, or moved by somebody else: the answer counts
 * it as not found, or as done before.
 */
#include <stdio.h>
#include <string.h>
#include <jansson.h>

#include "persistence/operations.h"
#include "persistence/record.h"
#include "tools/holdctl/holdctl.h"
#include "tools/holdctl/ids.h"
#include "tools/holdctl/item.h"
#include "tools/holdctl/operate.h"
#include "tools/holdctl/outbox_view.h"
#include "tools/holdctl/progress.h"
#include "tools/holdctl/selection.h"

struct change {
	enum operation_verb verb;
	const char *name; /* as it is typed */
	const char *past; /* "3 records ..." */
	enum record_state from[2];
	size_t from_count;
};

struct choice {
	struct selection selection;
	struct id_list ids; /* in the order of their files */
	bool failed;
};

static bool choose(const struct outbox_item *item, void *arg)
{
	struct choice *choice = arg;

	if (!selection_fits(&choice->selection, item->record))
		return true;
	choice->failed = id_list_add(&choice->ids, &item->record->id) < 0;
	return !choice->failed;
}

static int look_up(const struct request *request, const struct change *change,
		   struct choice *choice)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < change->from_count; i++)
		r = outbox_walk(request->settings, change->from[i], choose,
				choice);
	if (r < 0)
		return complain_unreadable(request, r);
	if (choice->failed)
		return complain(STATUS_FAILED, "out of memory");
	return selection_check(&choice->selection);
}

static int make_choice(const struct request *request,
		       const struct change *change, struct choice *choice)
{
	int status = selection_init(&choice->selection, request);

	if (status != STATUS_FINE)
		return status;
	if (!selection_is_plain(&choice->selection, request))
		return look_up(request, change, choice);
	choice->ids = choice->selection.ids;
	choice->selection.ids = (struct id_list){ 0 };
	return STATUS_FINE;
}

static int send_batches(const struct request *request,
			const struct change *change, const struct id_list *ids,
			struct operation_result *result)
{
	struct operate *operate = NULL;
	int status = operate_open(&operate, request->settings);

	for (size_t n = 0; status == STATUS_FINE && n < ids->count;) {
		struct operation operation = {
			.verb = change->verb,
			.ids = ids->ids + n,
			.count = ids->count - n,
			.dry_run = request->dry_run,
		};

		if (operation.count > OPERATION_IDS_MAX)
			operation.count = OPERATION_IDS_MAX;
		status = operate_apply(operate, operation, result);
		n += operation.count;
		if (ids->count > OPERATION_IDS_MAX)
			progress_show(n, ids->count);
	}
	if (ids->count > OPERATION_IDS_MAX)
		progress_clear();
	operate_close(operate);
	return status;
}

static int report(const struct request *request, const struct change *change,
		  size_t selected, const struct operation_result *result)
{
	if (request->json) {
		json_t *line = json_pack("{s:s, s:I, s:I, s:I, s:I, s:b}",
					 "verb", change->name, "selected",
					 (json_int_t)selected, "done",
					 (json_int_t)result->done, "already",
					 (json_int_t)result->already, "missing",
					 (json_int_t)result->missing, "dry_run",
					 request->dry_run);

		json_dumpf(line, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(line);
		return STATUS_FINE;
	}
	printf("%zu %s %s%s", result->done,
	       result->done == 1 ? "record" : "records",
	       request->dry_run ? "would be " : "", change->past);
	if (result->already)
		printf(", %zu were before", result->already);
	if (result->missing)
		printf(", %zu were not found", result->missing);
	puts(".");
	return STATUS_FINE;
}

static int run(const struct request *request, const struct change *change)
{
	struct choice choice = { 0 };
	struct operation_result result = { 0 };
	int status;

	if (!selection_is_made(request))
		return complain(STATUS_USAGE,
				"%s: which ones? Name ids (- reads them from "
				"standard input), give a filter (--kind, "
				"--call, --older-than, --younger-than), or "
				"--all",
				change->name);
	status = make_choice(request, change, &choice);
	if (status != STATUS_FINE)
		goto end;
	if (choice.ids.count > 0)
		status = send_batches(request, change, &choice.ids, &result);
	if (status == STATUS_FINE || result.done > 0)
		(void)report(request, change, choice.ids.count, &result);
	/* A named record that is not there is a mistake; one that a filter
	 * chose was just delivered. */
	if (status == STATUS_FINE && result.missing > 0 &&
	    choice.selection.by_ids)
		status = STATUS_FAILED;
end:
	selection_finish(&choice.selection);
	id_list_finish(&choice.ids);
	return status;
}

int outbox_hold_run(const struct request *request)
{
	return run(request, &(struct change){ .verb = OPERATION_HOLD,
					      .name = "outbox hold",
					      .past = "held",
					      .from = { STATE_PENDING },
					      .from_count = 1 });
}

int outbox_release_run(const struct request *request)
{
	return run(request, &(struct change){ .verb = OPERATION_RELEASE,
					      .name = "outbox release",
					      .past = "released",
					      .from = { STATE_HELD },
					      .from_count = 1 });
}

int outbox_replay_run(const struct request *request)
{
	return run(request, &(struct change){ .verb = OPERATION_REPLAY,
					      .name = "outbox replay",
					      .past = "put up for delivery",
					      .from = { STATE_DELIVERED },
					      .from_count = 1 });
}

int outbox_drop_run(const struct request *request)
{
	struct change change = { .verb = OPERATION_DROP,
				 .name = "outbox drop",
				 .past = "dropped",
				 .from = { STATE_PENDING, STATE_HELD },
				 .from_count = 2 };
	enum record_state state;

	if (request->state) {
		state = record_state_parse(request->state);
		if (state != STATE_PENDING && state != STATE_HELD)
			return complain(STATUS_USAGE,
					"--state %s: needs pending or held",
					request->state);
		change.from[0] = state;
		change.from_count = 1;
	}
	return run(request, &change);
}

int dead_retry_run(const struct request *request)
{
	return run(request, &(struct change){ .verb = OPERATION_RETRY,
					      .name = "dead retry",
					      .past = "put up for delivery",
					      .from = { STATE_DEAD },
					      .from_count = 1 });
}

int dead_drop_run(const struct request *request)
{
	return run(request, &(struct change){ .verb = OPERATION_BURY,
					      .name = "dead drop",
					      .past = "dropped",
					      .from = { STATE_DEAD },
					      .from_count = 1 });
}
