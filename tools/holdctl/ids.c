/* ids.c - lists of ids (see ids.h) */
#include "tools/holdctl/ids.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "tools/holdctl/holdctl.h"

int id_list_add(struct id_list *list, const struct uuid *id)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 64;
		struct uuid *ids =
			reallocarray(list->ids, capacity, sizeof(*ids));

		if (!ids)
			return -ENOMEM;
		list->ids = ids;
		list->capacity = capacity;
	}
	list->ids[list->count++] = *id;
	return 0;
}

void id_list_finish(struct id_list *list)
{
	free(list->ids);
	*list = (struct id_list){ 0 };
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct uuid));
}

void id_list_sort(struct id_list *list)
{
	if (list->count > 1)
		qsort(list->ids, list->count, sizeof(*list->ids), by_bytes);
}

bool id_list_has(const struct id_list *list, const struct uuid *id)
{
	return list->count > 0 && bsearch(id, list->ids, list->count,
					  sizeof(*list->ids), by_bytes);
}

static bool id_of_line(const char *line, struct uuid *id)
{
	json_t *object;
	const char *text;
	bool ok;

	if (line[0] != '{')
		return uuid_parse(line, id);
	object = json_loads(line, JSON_ALLOW_NUL, NULL);
	text = json_string_value(json_object_get(object, "id"));
	ok = text && uuid_parse(text, id);
	json_decref(object);
	return ok;
}

int id_list_read(struct id_list *list, FILE *in)
{
	char *line = NULL;
	size_t room = 0, number = 0;
	int status = STATUS_FINE;

	while (status == STATUS_FINE && getline(&line, &room, in) > 0) {
		char *text = line + strspn(line, " \t\r\n");
		struct uuid id;

		number++;
		text[strcspn(text, "\r\n")] = '\0';
		if (!*text)
			continue;
		if (!id_of_line(text, &id))
			status = complain(STATUS_USAGE,
					  "line %zu of standard input is "
					  "neither an id nor JSON with one",
					  number);
		else if (id_list_add(list, &id) < 0)
			status = complain(STATUS_FAILED, "out of memory");
	}
	if (ferror(in) && status == STATUS_FINE)
		status = complain(STATUS_FAILED, "standard input: %s",
				  strerror(errno));
	free(line);
	return status;
}

bool id_begins(const struct uuid *id, const char *text)
{
	char whole[UUID_TEXT_SIZE];

	uuid_format(id, whole);
	return strncasecmp(whole, text, strlen(text)) == 0;
}
