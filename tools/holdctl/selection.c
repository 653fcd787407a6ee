/* selection.c - which records are meant (see selection.h) */
#include "tools/holdctl/selection.h"

#include <stdlib.h>
#include <string.h>

#include "persistence/record.h"
#include "server/clock.h"
#include "tools/holdctl/holdctl.h"

static bool is_filtered(const struct request *request)
{
	return request->kind || request->call || request->older_ms ||
	       request->younger_ms;
}

bool selection_is_made(const struct request *request)
{
	return request->all || request->operand_count > 0 ||
	       is_filtered(request);
}

bool selection_is_plain(const struct selection *selection,
			const struct request *request)
{
	return selection->by_ids && selection->begin_count == 0 &&
	       !is_filtered(request);
}

static int64_t ago_us(uint64_t ms)
{
	int64_t now_us = clock_wall_us();

	return ms < (uint64_t)now_us / 1000 ? now_us - (int64_t)ms * 1000 : 0;
}

static int take_operand(struct selection *selection, const char *text)
{
	struct uuid id;

	if (strcmp(text, "-") == 0)
		return id_list_read(&selection->ids, stdin);
	if (uuid_parse(text, &id))
		return id_list_add(&selection->ids, &id) < 0
			       ? complain(STATUS_FAILED, "out of memory")
			       : 0;
	if (text[strspn(text, "0123456789abcdefABCDEF-")] != '\0' ||
	    strlen(text) >= UUID_TEXT_SIZE)
		return complain(STATUS_USAGE, "%s: not the beginning of an id",
				text);
	selection->begins[selection->begin_count++].text = text;
	return 0;
}

static int take_operands(struct selection *selection,
			 const struct request *request)
{
	int status = 0;

	if (request->operand_count == 0)
		return 0;
	selection->begins =
		calloc(request->operand_count, sizeof(*selection->begins));
	if (!selection->begins)
		return complain(STATUS_FAILED, "out of memory");
	for (size_t i = 0; status == 0 && i < request->operand_count; i++)
		status = take_operand(selection, request->operands[i]);
	id_list_sort(&selection->ids);
	return status;
}

int selection_init(struct selection *selection, const struct request *request)
{
	/* An empty list on standard input means nothing, and not all. */
	*selection = (struct selection){ .call = request->call,
					 .by_ids = request->operand_count > 0,
					 .oldest_us = INT64_MIN,
					 .newest_us = INT64_MAX };
	if (request->kind) {
		selection->kind = record_kind_parse(request->kind);
		if (selection->kind == 0)
			return complain(STATUS_USAGE,
					"--kind %s: no such kind of record "
					"(call.started, call.ended, ...)",
					request->kind);
	}
	if (request->older_ms)
		selection->newest_us = ago_us(request->older_ms);
	if (request->younger_ms)
		selection->oldest_us = ago_us(request->younger_ms);
	return take_operands(selection, request);
}

void selection_finish(struct selection *selection)
{
	id_list_finish(&selection->ids);
	free(selection->begins);
	selection->begins = NULL;
}

static bool is_named(struct selection *selection, const struct uuid *id)
{
	bool named = !selection->by_ids || id_list_has(&selection->ids, id);

	for (size_t i = 0; i < selection->begin_count; i++) {
		struct id_beginning *begin = &selection->begins[i];

		if (!id_begins(id, begin->text))
			continue;
		named = true;
		if (begin->matches == 0 || !uuid_equal(&begin->id, id))
			begin->matches++;
		if (begin->matches == 1)
			begin->id = *id;
	}
	return named;
}

bool selection_fits(struct selection *selection, const struct record *record)
{
	if (selection->kind && record->kind != selection->kind)
		return false;
	if (selection->call && !id_begins(&record->entity, selection->call))
		return false;
	if (record->created_us < selection->oldest_us ||
	    record->created_us > selection->newest_us)
		return false;
	return is_named(selection, &record->id);
}

int selection_check(const struct selection *selection)
{
	for (size_t i = 0; i < selection->begin_count; i++) {
		const struct id_beginning *begin = &selection->begins[i];

		if (begin->matches == 0)
			return complain(STATUS_FAILED,
					"no such record has an id that begins "
					"with %s",
					begin->text);
		if (begin->matches > 1)
			return complain(STATUS_FAILED,
					"%s begins more than one id: write "
					"more of it",
					begin->text);
	}
	return 0;
}
