/* item.c - how a record is shown (see item.h) */
#include "tools/holdctl/item.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/record.h"
#include "server/clock.h"
#include "server/settings.h"
#include "tools/holdctl/holdctl.h"
#include "server/human.h"
#include "tools/holdctl/outbox_view.h"

const struct table_column item_columns[ITEM_COLUMNS] = {
	{ .title = "ID" },
	{ .title = "KIND" },
	{ .title = "CALL", .elastic = true },
	{ .title = "REV", .right = true },
	{ .title = "AGE", .right = true },
	{ .title = "BYTES", .right = true },
	{ .title = "JOURNAL", .elastic = true },
};

int64_t age_seconds(int64_t now_us, int64_t then_us)
{
	return now_us > then_us ? (now_us - then_us) / 1000000 : 0;
}

int complain_unreadable(const struct request *request, int r)
{
	return complain(STATUS_FAILED, "cannot read the outbox in %s: %s%s",
			request->settings->data_dir, strerror(-r),
			r == -ENOENT ? " (is that the server's data_dir?)"
				     : "");
}

void item_add_row(struct table *table, const struct outbox_item *item,
		  int64_t now_us)
{
	const struct record *record = item->record;
	char id[UUID_TEXT_SIZE], entity[UUID_TEXT_SIZE], age[HUMAN_SIZE];
	char rev[16], bytes[16];

	uuid_format(&record->id, id);
	uuid_format(&record->entity, entity);
	(void)snprintf(rev, sizeof(rev), "%" PRIu32, record->rev);
	(void)snprintf(bytes, sizeof(bytes), "%" PRIu32, record->length);
	human_age(age_seconds(now_us, record->created_us), age);
	table_add(table, (const char *const[]){
				 id, record_kind_name(record->kind), entity,
				 rev, age, bytes, item->journal });
}

/* What a dead letter says besides; NULL stays NULL. */
static json_t *add_reason(json_t *line, const struct outbox_item *item)
{
	struct letter letter;
	json_t *more;

	letter_read(&letter, item);
	more = json_pack("{s:s, s:s, s:s}", "reason", letter.reason, "sqlstate",
			 letter.sqlstate, "error", letter.error);
	letter_finish(&letter);
	if (!line || !more || json_object_update(line, more) < 0) {
		json_decref(line);
		line = NULL;
	}
	json_decref(more);
	return line;
}

json_t *item_to_json(const struct outbox_item *item, int64_t now_us)
{
	const struct record *record = item->record;
	char id[UUID_TEXT_SIZE], entity[UUID_TEXT_SIZE], at[CLOCK_ISO_SIZE];
	json_t *line;

	uuid_format(&record->id, id);
	uuid_format(&record->entity, entity);
	clock_format_iso(record->created_us, at);
	line = json_pack(
		"{s:s, s:s, s:s, s:I, s:s, s:I, s:s, s:s, s:I, s:I}", "id", id,
		"kind", record_kind_name(record->kind), "call", entity, "rev",
		(json_int_t)record->rev, "created_at", at, "age_seconds",
		(json_int_t)age_seconds(now_us, record->created_us), "state",
		record_state_name(item->state), "journal", item->journal, "seq",
		(json_int_t)item->seq, "bytes", (json_int_t)record->length);
	return item->state == STATE_DEAD ? add_reason(line, item) : line;
}

char *item_export(const struct outbox_item *item)
{
	struct letter letter;
	char *line = NULL;

	if (item->state != STATE_DEAD)
		return record_to_json(item->record);
	letter_read(&letter, item);
	if (letter.record)
		line = json_dumps(letter.record, JSON_COMPACT);
	letter_finish(&letter);
	return line;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

void letter_read(struct letter *letter, const struct outbox_item *item)
{
	json_t *json = json_loadb(item->record->payload, item->record->length,
				  JSON_ALLOW_NUL, NULL);
	const json_t *record = json_object_get(json, "record");

	*letter = (struct letter){
		.json = json,
		.reason = text_of(json, "reason"),
		.sqlstate = text_of(json, "sqlstate"),
		.error = text_of(json, "error"),
		.record = json_is_object(record) ? record : NULL,
	};
}

void letter_finish(struct letter *letter)
{
	json_decref(letter->json);
	*letter = (struct letter){ 0 };
}
