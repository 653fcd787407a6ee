/* recording_record.c - what became of a recording (see recording_record.h) */
#include "media/recording_record.h"

#include <stdlib.h>
#include <string.h>

#include "media/recorder.h"
#include "media/recording_file.h"
#include "persistence/json_text.h"
#include "persistence/record.h"
#include "server/clock.h"

static json_t *describe(const struct recording_fate *fate)
{
	if (fate->failure)
		return json_pack("{s:s, s:s}", "path", fate->path, "reason",
				 fate->failure);
	return json_pack("{s:s, s:I, s:I, s:b}", "path", fate->path, "bytes",
			 (json_int_t)fate->bytes, "duration_ms",
			 (json_int_t)fate->duration_ms, "repaired",
			 fate->repaired);
}

struct record *recording_record(const struct recording_fate *fate,
				int64_t now_us)
{
	const char *kind =
		fate->failure ? "recording.failed" : "recording.stored";
	char call[UUID_TEXT_SIZE], id_text[UUID_TEXT_SIZE], at[CLOCK_ISO_SIZE];
	struct record *record = NULL;
	struct uuid call_id, id;
	json_t *row;
	char *text;

	if (!uuid_parse(recording_call(fate->path, call), &call_id))
		return NULL;
	uuid_derive(&id, &call_id, kind);
	uuid_format(&id, id_text);
	clock_format_iso(now_us, at);
	row = json_pack("{s:s, s:s, s:s, s:s, s:o}", "event_id", id_text,
			"call_id", call, "at", at, "kind", kind, "data",
			describe(fate));
	text = row ? json_text_print(row, JSON_COMPACT) : NULL;
	if (text)
		record = record_create(RECORD_CALL_EVENT, &id, &call_id, 0,
				       now_us, text, strlen(text));
	free(text);
	json_decref(row);
	return record;
}
