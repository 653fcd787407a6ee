/* scenario.c - options from a file (see scenario.h) */
#include "tools/holdload/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/yaml_file.h"

#define NAME_MAX_BYTES 64
#define FILE_MAX_BYTES (1 << 20)

/* What was read, and is the takers' to keep until the program ends. */
struct text {
	struct text *before;
	char text[];
};
static struct text *texts;

struct reading {
	const char *path;
	const struct option_table *table;
	void *options;
};

/* "fail-if[1]" is one of several. */
static const struct option_row *row_of(const struct option_table *table,
				       const char *key)
{
	char name[NAME_MAX_BYTES];
	size_t length = strcspn(key, "[");
	const struct option_row *row;

	if (length >= sizeof(name))
		return NULL;
	memcpy(name, key, length);
	name[length] = '\0';
	row = option_find(table, name);
	if (!row || row->on_line_only || strchr(key, '.'))
		return NULL;
	return row->repeats || !key[length] ? row : NULL;
}

static char *keep(const char *value)
{
	size_t size = strlen(value) + 1;
	struct text *text = malloc(sizeof(*text) + size);

	if (!text)
		return NULL;
	text->before = texts;
	texts = text;
	return memcpy(text->text, value, size);
}

/* A switch says what it is; off is what it was. */
static int take_switch(const struct reading *reading,
		       const struct option_row *row, const char *value)
{
	char none[] = "";

	if (strcmp(value, "true") == 0)
		return row->take(reading->options, row, none);
	return strcmp(value, "false") == 0
		       ? 0
		       : options_wrong(row->name, "is true or false");
}

static int take_key(const struct reading *reading,
		    const struct yaml_value *said)
{
	const struct option_row *row = row_of(reading->table, said->key);
	char *kept;

	if (!row)
		return options_wrong(said->key,
				     "is no key of a scenario; those are the "
				     "options of --help, and only what may be "
				     "repeated is a list");
	if (!row->argument)
		return take_switch(reading, row, said->value);
	kept = keep(said->value);
	if (!kept)
		return options_wrong(said->key, "no memory");
	return row->take(reading->options, row, kept);
}

static int take_line(const struct yaml_value *said, void *arg)
{
	const struct reading *reading = arg;
	int r;

	options_are_from(reading->path, said->line);
	r = take_key(reading, said);
	options_are_from(NULL, 0);
	return r;
}

int scenario_read(const char *path, const struct option_table *table,
		  void *options)
{
	struct reading reading = { path, table, options };
	struct stat status;
	char what[512];
	int r;

	if (stat(path, &status) == 0 && status.st_size > FILE_MAX_BYTES) {
		(void)fprintf(stderr,
			      "holdload: %s: this is no scenario, "
			      "it has more than a megabyte\n",
			      path);
		return 2;
	}
	r = yaml_file_read(path, take_line, &reading, what, sizeof(what));
	if (r < 0)
		(void)fprintf(stderr, "holdload: %s\n", what);
	return r == 0 ? 0 : 2;
}
