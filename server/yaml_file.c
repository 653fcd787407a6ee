/*
 * yaml_file.c - a YAML file as a list of (key, value, line) (see yaml_file.h)
 *
 * libyaml tells events; we keep the path to where we are as one string and a
 * small stack of how to get back.
 */
#include "server/yaml_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#define DEPTH_MAX 8
#define KEY_MAX	  256

struct level {
	size_t path_length; /* of the container itself */
	bool empty;	    /* nothing was in it so far */
	bool sequence;
	bool has_key;	/* a mapping: the path ends with a key of it */
	unsigned items; /* a sequence: how many began */
};

struct walk {
	const char *file;
	int (*take)(const struct yaml_value *value, void *arg);
	void *arg;
	char path[KEY_MAX];
	struct level levels[DEPTH_MAX];
	size_t depth;
	char *err;
	size_t err_size;
};

static int complain(const struct walk *walk, size_t line, const char *what)
{
	(void)snprintf(walk->err, walk->err_size, "%s:%zu: %s", walk->file,
		       line + 1, what);
	return -1;
}

static struct level *top(struct walk *walk)
{
	return walk->depth > 0 ? &walk->levels[walk->depth - 1] : NULL;
}

static int append(struct walk *walk, const char *text, size_t line)
{
	size_t length = strlen(walk->path);

	if (length + strlen(text) >= sizeof(walk->path))
		return complain(walk, line, "a key this long is none of ours");
	memcpy(walk->path + length, text, strlen(text) + 1);
	return 0;
}

/* The path of the value that begins here: behind its key, or numbered. */
static int begin_value(struct walk *walk, size_t line)
{
	struct level *level = top(walk);
	char number[16];

	if (!level || !level->sequence)
		return 0;
	level->empty = false;
	walk->path[level->path_length] = '\0';
	(void)snprintf(number, sizeof(number), "[%u]", level->items++);
	return append(walk, number, line);
}

static void end_value(struct walk *walk)
{
	struct level *level = top(walk);

	if (!level)
		return;
	walk->path[level->path_length] = '\0';
	level->has_key = false;
}

static int open_container(struct walk *walk, bool sequence, size_t line)
{
	struct level *level = top(walk);

	if (level && !level->sequence && !level->has_key)
		return complain(walk, line, "a key must be a plain word");
	if (walk->depth == DEPTH_MAX)
		return complain(walk, line, "nested too deeply");
	if (begin_value(walk, line) < 0)
		return -1;
	walk->levels[walk->depth++] =
		(struct level){ .path_length = strlen(walk->path),
				.sequence = sequence,
				.empty = true };
	return 0;
}

/* An empty list or mapping is told as an empty value: whoever wanted something
 * below the key must not take it for something that was left out. */
static int close_container(struct walk *walk, size_t line)
{
	const struct level *level = top(walk);
	int r = 0;

	if (level && level->empty && *walk->path)
		r = walk->take(
			&(struct yaml_value){ .key = walk->path,
					      .value = "",
					      .line = (unsigned)line + 1 },
			walk->arg);
	walk->depth--;
	end_value(walk);
	return r;
}

static int scalar(struct walk *walk, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t line = event->start_mark.line;
	struct level *level = top(walk);
	int r;

	if (!level)
		return complain(walk, line, "expected \"key: value\"");
	if (strlen(text) != event->data.scalar.length)
		return complain(walk, line, "a NUL byte");
	if (!level->sequence && !level->has_key) {
		level->has_key = true;
		level->empty = false;
		if (level->path_length > 0 && append(walk, ".", line) < 0)
			return -1;
		return append(walk, text, line);
	}
	if (begin_value(walk, line) < 0)
		return -1;
	r = walk->take(&(struct yaml_value){ .key = walk->path,
					     .value = text,
					     .line = (unsigned)line + 1 },
		       walk->arg);
	end_value(walk);
	return r;
}

static int handle(struct walk *walk, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_MAPPING_START_EVENT:
		return open_container(walk, false, event->start_mark.line);
	case YAML_SEQUENCE_START_EVENT:
		return open_container(walk, true, event->start_mark.line);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		return close_container(walk, event->start_mark.line);
	case YAML_SCALAR_EVENT: return scalar(walk, event);
	case YAML_ALIAS_EVENT:
		return complain(walk, event->start_mark.line,
				"aliases are not supported");
	default: return 0;
	}
}

/* The line of a byte of the file, from 0: libyaml's decoder tells offsets. */
static size_t line_at(FILE *file, size_t offset)
{
	size_t line = 0;
	int c;

	rewind(file);
	for (; offset > 0 && (c = fgetc(file)) != EOF; offset--)
		line += c == '\n';
	return line;
}

static int complain_syntax(struct walk *walk, const yaml_parser_t *parser,
			   FILE *file)
{
	const char *problem = parser->problem ? parser->problem : "not YAML";
	size_t line = parser->problem_mark.line;
	char what[256];

	if (ferror(file)) {
		(void)snprintf(walk->err, walk->err_size, "%s: cannot be read",
			       walk->file);
		return -1;
	}
	if (parser->error == YAML_READER_ERROR)
		line = line_at(file, parser->problem_offset);
	/* libyaml's words for what is nearly always a tab. */
	(void)snprintf(what, sizeof(what), "%s%s", problem,
		       strstr(problem, "cannot start any token")
			       ? " (is it a tab? indent with spaces)"
			       : "");
	return complain(walk, line, what);
}

static int parse(struct walk *walk, yaml_parser_t *parser, FILE *file)
{
	yaml_event_t event;
	bool end = false;
	int r = 0;

	while (r == 0 && !end) {
		if (!yaml_parser_parse(parser, &event))
			return complain_syntax(walk, parser, file);
		end = event.type == YAML_STREAM_END_EVENT;
		r = handle(walk, &event);
		yaml_event_delete(&event);
	}
	return r;
}

int yaml_file_read(const char *path,
		   int (*take)(const struct yaml_value *value, void *arg),
		   void *arg, char *err, size_t err_size)
{
	struct walk walk = { .file = path,
			     .take = take,
			     .arg = arg,
			     .err = err,
			     .err_size = err_size };
	yaml_parser_t parser;
	FILE *file = fopen(path, "re");
	int r;

	if (!file) {
		(void)snprintf(err, err_size, "%s: cannot be opened: %s", path,
			       strerror(errno));
		return -1;
	}
	if (yaml_parser_initialize(&parser)) {
		yaml_parser_set_input_file(&parser, file);
		r = parse(&walk, &parser, file);
		yaml_parser_delete(&parser);
	} else {
		r = complain(&walk, 0, "no memory");
	}
	(void)fclose(file);
	return r;
}
