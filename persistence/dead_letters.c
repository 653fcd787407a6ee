/* dead_letters.c - records that the database refuses (see dead_letters.h) */
#include "persistence/dead_letters.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/estate.h"
#include "persistence/journal.h"
#include "persistence/outbox.h"
#include "persistence/record.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"

#define SEGMENT_BYTES ((uint64_t)1024 * 1024)

struct dead_letters {
	char dir[512];
	struct journal *journal; /* NULL: nothing died yet */
	struct estate *nothing;	 /* a dead letter opens nothing */
	struct board_series *gauge;
};

static int count_present(struct dead_letters *dead)
{
	const struct outbox_options options = { .dir = dead->dir,
						.read_only = true };
	struct outbox *outbox;
	int r = outbox_open(&outbox, &options);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	board_set(dead->gauge, (int64_t)outbox_stats(outbox).pending);
	outbox_close(outbox);
	return 0;
}

int dead_letters_open(struct dead_letters **ret, const char *outbox_dir)
{
	struct dead_letters *dead = calloc(1, sizeof(*dead));
	int r;

	if (!dead)
		return -ENOMEM;
	dead->gauge = board_series(METRIC_DEAD_LETTERS, "");
	r = -ENAMETOOLONG;
	if ((size_t)snprintf(dead->dir, sizeof(dead->dir), "%s/dead",
			     outbox_dir) >= sizeof(dead->dir))
		goto fail;
	r = estate_create(&dead->nothing);
	if (r < 0)
		goto fail;
	r = count_present(dead);
	if (r < 0)
		goto fail;
	*ret = dead;
	return 0;
fail:
	dead_letters_close(dead);
	return r;
}

struct dead_letters *dead_letters_close(struct dead_letters *dead)
{
	if (!dead)
		return NULL;
	journal_close(dead->journal);
	estate_destroy(dead->nothing);
	free(dead);
	return NULL;
}

static json_t *wrap(const struct record *record, const struct db_error *err)
{
	char *line = record_to_json(record);
	json_t *whole = line ? json_loads(line, 0, NULL) : NULL;
	const char *key = whole ? "record" : "record_text";
	json_t *letter;

	free(line);
	if (!whole)
		whole = json_stringn(record->payload, record->length);
	letter = json_pack("{s:s, s:s, s:s}", "reason", err->reason, "sqlstate",
			   err->sqlstate, "error", err->text);
	if (!letter || json_object_set_new(letter, key, whole) < 0) {
		json_decref(letter);
		return NULL;
	}
	return letter;
}

static struct record *make_letter(const struct record *record,
				  const struct db_error *err)
{
	json_t *letter = wrap(record, err);
	char *text = letter ? json_dumps(letter, JSON_COMPACT) : NULL;
	size_t length = text ? strlen(text) : 0;
	bool fits = length > 0 && length <= (size_t)RECORD_PAYLOAD_MAX;
	struct record *copy;

	copy = record_create(record->kind, &record->id, &record->entity,
			     record->rev, clock_wall_us(),
			     fits ? text : record->payload,
			     fits ? length : record->length);
	free(text);
	json_decref(letter);
	return copy;
}

static int commit(struct dead_letters *dead, struct record *letter)
{
	const struct journal_options options = {
		.outbox_dir = dead->dir,
		.role = "dead",
		.segment_bytes = SEGMENT_BYTES,
		.open = dead->nothing,
	};
	int r;

	if (!dead->journal) {
		r = journal_create(&dead->journal, &options);
		if (r < 0)
			return r;
	}
	return journal_commit(dead->journal, &letter, 1);
}

int dead_letters_add(struct dead_letters *dead, const struct record *record,
		     const struct db_error *err)
{
	struct record *letter = make_letter(record, err);
	char id[UUID_TEXT_SIZE];
	int r;

	if (!letter)
		return -ENOMEM;
	r = commit(dead, letter);
	free(letter);
	if (r < 0)
		return r;
	uuid_format(&record->id, id);
	log_error("DEAD_LETTER",
		  "id=%s kind=%s sqlstate=%s reason=%s err=\"%s\"", id,
		  record_kind_name(record->kind),
		  *err->sqlstate ? err->sqlstate : "none", err->reason,
		  err->text);
	board_add(dead->gauge, 1);
	return 0;
}
