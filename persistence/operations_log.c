/* operations_log.c - a line for each operation (see operations_log.h) */
#include "persistence/operations_log.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "persistence/disk.h"
#include "persistence/json_text.h"
#include "persistence/operations.h"
#include "server/clock.h"
#include "server/log.h"

#define BYTES_MAX ((off_t)16 * 1024 * 1024)

static json_t *ids_of(const struct operation *operation)
{
	json_t *ids = json_array();

	for (size_t i = 0; i < operation->count; i++) {
		char id[UUID_TEXT_SIZE];

		uuid_format(&operation->ids[i], id);
		if (json_array_append_new(ids, json_string(id)) < 0) {
			json_decref(ids);
			return NULL;
		}
	}
	return ids;
}

/* malloc'd, with its newline; NULL without memory. */
static char *make_line(const struct operation *operation,
		       const struct operation_result *result, int error)
{
	char at[CLOCK_ISO_SIZE];
	json_t *line;
	char *text;

	clock_format_iso(clock_wall_us(), at);
	line = json_pack("{s:s, s:s, s:s, s:s*, s:o, s:I, s:I, s:I, s:s*}",
			 "at", at, "who", operation->who, "verb",
			 operation_verb_name(operation->verb), "name",
			 operation->name, "ids", ids_of(operation), "done",
			 (json_int_t)result->done, "already",
			 (json_int_t)result->already, "missing",
			 (json_int_t)result->missing, "error",
			 error < 0 ? strerror(-error) : NULL);
	text = line ? json_text_print(line, JSON_COMPACT) : NULL;
	json_decref(line);
	if (text) {
		size_t length = strlen(text);
		char *longer = realloc(text, length + 2);

		if (!longer)
			free(text);
		else
			memcpy(longer + length, "\n", 2);
		text = longer;
	}
	return text;
}

/* A line that a crash cut short stands alone: 1 when the last one did not end,
 * 0, or -errno. */
static int is_torn(int fd, off_t size)
{
	char last;
	ssize_t n;

	if (size == 0)
		return 0;
	n = disk_read(fd, &last, 1, (uint64_t)size - 1);
	return n < 0 ? (int)n : n == 1 && last != '\n';
}

static int append(int fd, off_t size, const char *text)
{
	int r = is_torn(fd, size);
	off_t at = size;

	if (r == 1)
		r = disk_write(fd, "\n", 1, (uint64_t)at++);
	if (r == 0)
		r = disk_write(fd, text, strlen(text), (uint64_t)at);
	if (r == 0)
		r = disk_sync(fd);
	if (r < 0)
		(void)!ftruncate(fd, size);
	return r;
}

static int append_to_log(int dir_fd, const char *text)
{
	struct stat status;
	int fd = openat(dir_fd, "operations.log", O_RDWR | O_CREAT | O_CLOEXEC,
			0600);
	int r;

	if (fd < 0)
		return -errno;
	r = fstat(fd, &status) < 0 ? -errno : 0;
	if (r == 0)
		r = append(fd, status.st_size, text);
	if (r == 0 && status.st_size == 0)
		r = disk_sync(dir_fd);
	if (r == 0 && status.st_size > BYTES_MAX)
		(void)renameat(dir_fd, "operations.log", dir_fd,
			       "operations.log.1");
	(void)close(fd);
	return r;
}

static void say(const struct operation *operation,
		const struct operation_result *result, int error)
{
	char first[UUID_TEXT_SIZE] = "none";

	if (operation->count > 0)
		uuid_format(&operation->ids[0], first);
	log_info("OUTBOX_OPERATION",
		 "verb=%s who=\"%s\" name=%s ids=%zu first=%s done=%zu "
		 "already=%zu missing=%zu%s%s%s",
		 operation_verb_name(operation->verb), operation->who,
		 operation->name ? operation->name : "none", operation->count,
		 first, result->done, result->already, result->missing,
		 error < 0 ? " err=\"" : "", error < 0 ? strerror(-error) : "",
		 error < 0 ? "\"" : "");
}

int operations_log(const char *outbox_dir, const struct operation *operation,
		   const struct operation_result *result, int error)
{
	char *line = make_line(operation, result, error);
	int dir_fd =
		line ? disk_open_dir(AT_FDCWD, outbox_dir, false) : -ENOMEM;
	int r = dir_fd < 0 ? dir_fd : append_to_log(dir_fd, line);

	if (dir_fd >= 0)
		(void)close(dir_fd);
	free(line);
	say(operation, result, error);
	return r;
}
