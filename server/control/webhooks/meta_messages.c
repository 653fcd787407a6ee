/* meta_messages.c - WhatsApp's Cloud API, taken apart (see meta_messages.h) */
#include "server/control/webhooks/meta_messages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "persistence/json_text.h"
#include "server/control/webhooks/json_path.h"
#include "server/control/webhooks/message_rows.h"
#include "server/control/webhooks/printable_json.h"

#define OBJECT	     "whatsapp_business_account"
#define CONTACTS_MAX 1024 /* of one value, that messages are compared with */
#define YEAR_2100_S  4102444800LL

/* One `value` while it is read. */
struct value {
	struct message_rows *rows;
	char account[MESSAGE_TEXT_SIZE]; /* phone_number_id, else the entry's */
	json_t *metadata;
	json_t *contacts;  /* an array */
	json_t *unclaimed; /* those of them that nobody's message names */
};

/* ---- lists that may be none ------------------------------------------------
 */

static size_t size_of(const json_t *list)
{
	if (json_is_array(list))
		return json_array_size(list);
	return list && !json_is_null(list);
}

static json_t *at(json_t *list, size_t i)
{
	return json_is_array(list) ? json_array_get(list, i) : list;
}

static bool is_full(const struct message_rows *rows)
{
	return rows->count > MESSAGE_RECORDS_MAX;
}

/* What `object` says beside the keys that we know. */
static void keep_rest(struct message_rows *rows, const char *account,
		      const char *kind, json_t *object,
		      const char *const *known)
{
	json_t *rest = json_copy(object);

	/* When memory runs out, jansson copies a part and says nothing. */
	if (rest && json_object_size(rest) != json_object_size(object)) {
		json_decref(rest);
		rest = NULL;
	}
	for (; rest && *known; known++)
		(void)json_object_del(rest, *known);
	if (rest && json_object_size(rest) == 0)
		json_decref(rest);
	else
		message_rows_add_notice(rows, account, kind, rest);
}

/* ---- who -------------------------------------------------------------------
 */

static bool same_text(const char *text, const json_t *contact, const char *key)
{
	char other[MESSAGE_TEXT_SIZE];

	return *text && json_path_text(contact, key, other, sizeof(other)) &&
	       strcmp(text, other) == 0;
}

static json_t *claim(const struct value *value, json_t *contact)
{
	for (size_t i = 0; i < json_array_size(value->unclaimed); i++)
		if (json_array_get(value->unclaimed, i) == contact) {
			(void)json_array_remove(value->unclaimed, i);
			break;
		}
	return contact;
}

/* The contact of that user or that number. A lone one is whose the message is,
 * unless it says another number. NULL: there is none. */
static json_t *find_contact(const struct value *value, const char *user,
			    const char *phone)
{
	size_t count = json_array_size(value->contacts);
	json_t *first = json_array_get(value->contacts, 0);
	char number[MESSAGE_TEXT_SIZE];

	if (count > CONTACTS_MAX)
		count = CONTACTS_MAX;
	for (size_t i = 0; i < count; i++) {
		json_t *contact = json_array_get(value->contacts, i);

		if (same_text(user, contact, "user_id") ||
		    same_text(phone, contact, "wa_id"))
			return claim(value, contact);
	}
	if (json_array_size(value->contacts) != 1 || !json_is_object(first))
		return NULL;
	if (*phone && json_path_text(first, "wa_id", number, sizeof(number)))
		return NULL;
	if (*user && json_path_text(first, "user_id", number, sizeof(number)))
		return NULL;
	return claim(value, first);
}

struct person {
	char phone[MESSAGE_TEXT_SIZE], user[MESSAGE_TEXT_SIZE]; /* or "" */
	json_t *contact; /* borrowed; or NULL */
};

/* Who is meant, by whatever is said of him here or by his contact. */
static void find_person(const struct value *value, const json_t *element,
			const char *user_key, const char *phone_key,
			struct person *person)
{
	json_path_text(element, user_key, person->user, sizeof(person->user));
	json_path_text(element, phone_key, person->phone,
		       sizeof(person->phone));
	person->contact = find_contact(value, person->user, person->phone);
	if (!*person->user)
		json_path_text(person->contact, "user_id", person->user,
			       sizeof(person->user));
	if (!*person->phone)
		json_path_text(person->contact, "wa_id", person->phone,
			       sizeof(person->phone));
}

static const char *peer_of(const struct person *person)
{
	return *person->user ? person->user : person->phone;
}

/* ---- messages --------------------------------------------------------------
 */

/* The types that we know, and where each has what people read. */
static const struct {
	const char *type, *body;
} types[] = {
	{ "text", "text.body" },
	{ "image", "image.caption" },
	{ "video", "video.caption" },
	{ "audio", NULL },
	{ "voice", NULL },
	{ "document", "document.caption" },
	{ "sticker", NULL },
	{ "location", "location.name" },
	{ "contacts", NULL },
	{ "interactive", "interactive.button_reply.title" },
	{ "interactive", "interactive.list_reply.title" },
	{ "interactive", "interactive.nfm_reply.body" },
	{ "button", "button.text" },
	{ "reaction", "reaction.emoji" },
	{ "order", "order.text" },
	{ "system", "system.body" },
	{ "request_welcome", NULL },
	{ "unsupported", NULL },
};

/* NULL: there is none. `*known`: whether the type is. */
static const char *body_of(const json_t *message, const char *type, bool *known)
{
	*known = false;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const char *body;

		if (strcmp(types[i].type, type) != 0)
			continue;
		*known = true;
		body = types[i].body ? json_string_value(json_path(
					       message, types[i].body))
				     : NULL;
		if (body)
			return body;
	}
	return *known ? NULL
		      : json_string_value(json_path(message, "text.body"));
}

/* Seconds since 1970 as a text or a number; what is neither was now. */
static int64_t time_of(const struct message_rows *rows, const char *timestamp)
{
	size_t digits = strspn(timestamp, "0123456789");
	long long seconds = digits > 0 && digits < 12 && !timestamp[digits]
				    ? strtoll(timestamp, NULL, 10)
				    : 0;

	return seconds > 0 && seconds < YEAR_2100_S ? seconds * 1000000
						    : rows->now_us;
}

/* What came, with what there is to know of whom it is from. */
static json_t *data_of(const struct value *value, const char *what,
		       json_t *element, const struct person *person)
{
	return json_pack("{s:O, s:O*, s:O*}", what, element, "contact",
			 person->contact, "metadata", value->metadata);
}

static void read_message(struct value *value, json_t *message)
{
	char id[MESSAGE_TEXT_SIZE], type[MESSAGE_TEXT_SIZE],
		timestamp[MESSAGE_TEXT_SIZE];
	struct person person;
	struct message_row row = { .channel = "whatsapp",
				   .account = value->account };
	bool known;

	json_path_text(message, "id", id, sizeof(id));
	find_person(value, message, "from_user_id", "from", &person);
	if (!*id || !*peer_of(&person)) {
		message_rows_add_notice(
			value->rows, value->account, "message",
			data_of(value, "message", message, &person));
		return;
	}
	if (!json_path_text(message, "type", type, sizeof(type)))
		(void)snprintf(type, sizeof(type), "unknown");
	json_path_text(message, "timestamp", timestamp, sizeof(timestamp));
	row.id = id;
	row.peer = peer_of(&person);
	row.phone = person.phone;
	row.user = person.user;
	row.kind = type;
	row.body = body_of(message, type, &known);
	row.at_us = time_of(value->rows, timestamp);
	value->rows->unknown += !known;
	message_rows_add(value->rows, &row,
			 data_of(value, "message", message, &person));
}

static void read_status(struct value *value, json_t *status)
{
	char id[MESSAGE_TEXT_SIZE], word[MESSAGE_TEXT_SIZE],
		timestamp[MESSAGE_TEXT_SIZE];
	struct person person;

	json_path_text(status, "id", id, sizeof(id));
	json_path_text(status, "status", word, sizeof(word));
	json_path_text(status, "timestamp", timestamp, sizeof(timestamp));
	find_person(value, status, "recipient_user_id", "recipient_id",
		    &person);
	if (!*id || !*word) {
		message_rows_add_notice(
			value->rows, value->account, "status",
			data_of(value, "status", status, &person));
		return;
	}
	message_rows_add_status(
		value->rows,
		&(struct message_status_row){
			.channel = "whatsapp",
			.account = value->account,
			.id = id,
			.peer = peer_of(&person),
			.status = word,
			.timestamp = timestamp,
			.at_us = time_of(value->rows, timestamp) },
		data_of(value, "status", status, &person));
}

/* ---- the envelope ----------------------------------------------------------
 */

static void read_all(struct value *value, json_t *list,
		     void (*read)(struct value *value, json_t *element),
		     const char *kind)
{
	for (size_t i = 0; i < size_of(list) && !is_full(value->rows); i++) {
		json_t *element = at(list, i);

		if (read && json_is_object(element))
			read(value, element);
		else
			message_rows_add_notice(value->rows, value->account,
						kind, json_incref(element));
	}
}

static void read_value(struct message_rows *rows, json_t *object,
		       const char *entry_id, const char *field)
{
	static const char *const known[] = {
		"messaging_product", "metadata", "contacts", "messages",
		"statuses",	     "errors",	 NULL
	};
	json_t *contacts = json_object_get(object, "contacts");
	struct value value = { .rows = rows,
			       .metadata = json_object_get(object, "metadata"),
			       .contacts = json_array() };

	if (!json_path_text(object, "metadata.phone_number_id", value.account,
			    sizeof(value.account)))
		(void)snprintf(value.account, sizeof(value.account), "%s",
			       entry_id);
	for (size_t i = 0; value.contacts && i < size_of(contacts); i++)
		(void)json_array_append(value.contacts, at(contacts, i));
	value.unclaimed = json_copy(value.contacts);
	if (value.unclaimed &&
	    json_array_size(value.unclaimed) == size_of(contacts)) {
		read_all(&value, json_object_get(object, "messages"),
			 read_message, "message");
		read_all(&value, json_object_get(object, "statuses"),
			 read_status, "status");
		read_all(&value, json_object_get(object, "errors"), NULL,
			 "error");
		read_all(&value, value.unclaimed, NULL, "contact");
		keep_rest(rows, value.account, field, object, known);
	} else {
		rows->no_memory = true;
	}
	json_decref(value.contacts);
	json_decref(value.unclaimed);
}

static void read_change(struct message_rows *rows, json_t *change,
			const char *entry_id)
{
	static const char *const known[] = { "field", "value", NULL };
	json_t *values = json_object_get(change, "value");
	char field[MESSAGE_TEXT_SIZE];

	json_path_text(change, "field", field, sizeof(field));
	if (*field && strcmp(field, "messages") != 0) {
		message_rows_add_notice(rows, entry_id, field,
					json_incref(change));
		return;
	}
	for (size_t i = 0; i < size_of(values) && !is_full(rows); i++) {
		json_t *value = at(values, i);

		if (json_is_object(value))
			read_value(rows, value, entry_id, "messages");
		else
			message_rows_add_notice(rows, entry_id, "value",
						json_incref(value));
	}
	keep_rest(rows, entry_id, "change", change, known);
}

static void read_entry(struct message_rows *rows, json_t *entry)
{
	static const char *const known[] = { "id", "time", "changes", NULL };
	json_t *changes = json_object_get(entry, "changes");
	char id[MESSAGE_TEXT_SIZE];

	json_path_text(entry, "id", id, sizeof(id));
	for (size_t i = 0; i < size_of(changes) && !is_full(rows); i++) {
		json_t *change = at(changes, i);

		if (json_is_object(change))
			read_change(rows, change, id);
		else
			message_rows_add_notice(rows, id, "change",
						json_incref(change));
	}
	keep_rest(rows, id, "entry", entry, known);
}

/* One envelope; of another kind than ours it is kept whole. */
static void read_envelope(struct message_rows *rows, json_t *envelope)
{
	static const char *const known[] = { "object", "entry", NULL };
	json_t *entries = json_object_get(envelope, "entry");
	char object[MESSAGE_TEXT_SIZE];

	json_path_text(envelope, "object", object, sizeof(object));
	if (!json_is_object(envelope) ||
	    (*object && strcmp(object, OBJECT) != 0)) {
		message_rows_add_notice(rows, "", *object ? object : "envelope",
					json_incref(envelope));
		return;
	}
	for (size_t i = 0; i < size_of(entries) && !is_full(rows); i++) {
		json_t *entry = at(entries, i);

		if (json_is_object(entry))
			read_entry(rows, entry);
		else
			message_rows_add_notice(rows, "", "entry",
						json_incref(entry));
	}
	keep_rest(rows, "", "envelope", envelope, known);
}

void meta_messages_read(struct message_rows *rows, const char *body,
			size_t length)
{
	json_t *json =
		json_text_parse(body, length, JSON_ALLOW_NUL | JSON_DECODE_ANY);
	bool no_memory = !json && errno == ENOMEM;

	if (json && printable_json(json) < 0)
		no_memory = true;
	for (size_t i = 0; !no_memory && i < size_of(json) && !is_full(rows);
	     i++)
		read_envelope(rows, at(json, i));
	if (is_full(rows) || (!json && !no_memory)) {
		message_rows_clear(rows);
		message_rows_add_bytes(rows, "", "webhook", body, length);
	}
	if (no_memory)
		rows->no_memory = true;
	json_decref(json);
}
