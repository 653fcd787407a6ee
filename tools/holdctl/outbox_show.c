/* outbox_show.c - holdctl outbox show and dead show: one record, whole */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "persistence/record.h"
#include "server/uuid.h"
#include "tools/holdctl/holdctl.h"
#include "server/human.h"
#include "tools/holdctl/ids.h"
#include "tools/holdctl/item.h"
#include "tools/holdctl/outbox_view.h"

/* The records whose id begins so. The first is kept as text. */
struct lookup {
	const char *wanted;
	char *line; /* its export, or the letter as it is */
	char *journal;
	enum record_state state;
	struct uuid id;
	char *reason; /* of a dead letter, for people */
	unsigned matches;
};

/* "reason: ...", a line each; NULL: out of memory. */
static char *reason_text(const struct outbox_item *item)
{
	struct letter letter;
	char *text = NULL;

	letter_read(&letter, item);
	if (asprintf(&text, "reason:   %s\nsqlstate: %s\nerror:    %s\n",
		     letter.reason, letter.sqlstate[0] ? letter.sqlstate : "-",
		     letter.error) < 0)
		text = NULL;
	letter_finish(&letter);
	return text;
}

static char *letter_text(const struct outbox_item *item)
{
	char id[UUID_TEXT_SIZE], *text = NULL;
	struct letter letter;
	json_t *whole;

	uuid_format(&item->record->id, id);
	letter_read(&letter, item);
	whole = letter.json ? json_deep_copy(letter.json)
			    : json_pack("{s:s%}", "record_text",
					item->record->payload,
					(size_t)item->record->length);
	if (whole && json_object_set_new(whole, "id", json_string(id)) == 0)
		text = json_dumps(whole, JSON_COMPACT);
	json_decref(whole);
	letter_finish(&letter);
	return text;
}

static void keep(struct lookup *lookup, const struct outbox_item *item)
{
	lookup->id = item->record->id;
	lookup->state = item->state;
	lookup->journal = strdup(item->journal);
	if (item->state == STATE_DEAD) {
		lookup->line = letter_text(item);
		lookup->reason = reason_text(item);
	} else {
		lookup->line = item_export(item);
	}
	lookup->matches = 1;
}

static bool look(const struct outbox_item *item, void *arg)
{
	struct lookup *lookup = arg;

	if (!id_begins(&item->record->id, lookup->wanted))
		return true;
	if (lookup->matches == 0)
		keep(lookup, item);
	else if (!uuid_equal(&lookup->id, &item->record->id))
		lookup->matches++;
	return lookup->matches < 2;
}

static int print_record(struct lookup *lookup, bool as_json)
{
	json_t *record;
	char *text;

	if (!lookup->line || !lookup->journal)
		return complain(STATUS_FAILED, "the record cannot be shown");
	if (as_json) {
		puts(lookup->line);
		return STATUS_FINE;
	}
	record = json_loads(lookup->line, JSON_ALLOW_NUL, NULL);
	/* ASCII alone: a payload holds what strangers sent, and some of
	 * Unicode commands a terminal. */
	text = record ? json_dumps(record, JSON_INDENT(2) | JSON_ENSURE_ASCII)
		      : NULL;
	json_decref(record);
	if (!text)
		return complain(STATUS_FAILED, "the record cannot be shown");
	printf("%s\njournal:  %s\nstate:    %s\n", text, lookup->journal,
	       record_state_name(lookup->state));
	for (char *line = lookup->reason, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		human_defuse(line);
		if (*line)
			puts(line);
	}
	free(text);
	return STATUS_FINE;
}

static int complain_missing(const char *wanted, bool dead)
{
	if (dead)
		return complain(STATUS_FAILED, "no dead letter has the id %s",
				wanted);
	return complain(STATUS_FAILED,
			"no such record has the id %s (what was delivered is "
			"in the database: holdctl call show; what is kept of "
			"it: --state delivered)",
			wanted);
}

static int show(const struct request *request, enum record_state first,
		enum record_state last)
{
	struct lookup lookup = { .wanted = request->operands[0] };
	int status, r = 0;

	for (unsigned s = first; r == 0 && lookup.matches < 2 && s <= last; s++)
		r = outbox_walk(request->settings, (enum record_state)s, look,
				&lookup);
	if (r < 0)
		status = complain_unreadable(request, r);
	else if (lookup.matches == 0)
		status = complain_missing(lookup.wanted, first == STATE_DEAD);
	else if (lookup.matches > 1)
		status =
			complain(STATUS_FAILED,
				 "%s begins more than one id: write more of it",
				 lookup.wanted);
	else
		status = print_record(&lookup, request->json);
	free(lookup.line);
	free(lookup.journal);
	free(lookup.reason);
	return status;
}

int outbox_show_run(const struct request *request)
{
	enum record_state first = STATE_PENDING, last = STATE_DEAD;

	if (request->state) {
		first = last = record_state_parse(request->state);
		if (first == STATE_COUNT)
			return complain(STATUS_USAGE,
					"--state %s: needs pending, held, "
					"dropped, dead or delivered",
					request->state);
	}
	return show(request, first, last);
}

int dead_show_run(const struct request *request)
{
	return show(request, STATE_DEAD, STATE_DEAD);
}
