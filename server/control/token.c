/*
 * token.c - makes and reads the admin token's file
 *
 * The token is written to a file of another name, synced, and linked to its
 * own: a crash leaves either no token or a whole one, and of two processes that
 * start at once one makes it and both read the same.
 */
#include "server/control/token.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sodium.h>

#include "server/log.h"

#define TOKEN_BYTES 32
#define PATH_SIZE   512

/* 0, or -errno: -ENOENT when there is no file. */
static int read_token(const char *path, char out[TOKEN_SIZE])
{
	char text[TOKEN_SIZE + 1];
	ssize_t n;
	size_t length;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	length = strcspn(text, "\r\n");
	text[length] = '\0';
	if (length < TOKEN_LEAST || length >= TOKEN_SIZE ||
	    strpbrk(text, " \t"))
		return -EINVAL;
	memcpy(out, text, length + 1);
	return 0;
}

static int write_all(int fd, const char *text)
{
	size_t length = strlen(text);
	ssize_t n = write(fd, text, length);

	if (n < 0)
		return -errno;
	return (size_t)n == length ? 0 : -ENOSPC;
}

static int sync_directory_of(const char *path)
{
	char copy[PATH_SIZE];
	int fd, r;

	(void)snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int write_new_file(const char *path, const char *line)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, line);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

static int make_token(const char *path)
{
	unsigned char bytes[TOKEN_BYTES];
	char line[TOKEN_SIZE];
	char draft[PATH_SIZE];
	int r;

	if (snprintf(draft, sizeof(draft), "%s.new-%d", path, (int)getpid()) >=
	    (int)sizeof(draft))
		return -ENAMETOOLONG;
	randombytes_buf(bytes, sizeof(bytes));
	sodium_bin2base64(line, sizeof(line) - 1, bytes, sizeof(bytes),
			  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	strcat(line, "\n");
	(void)unlink(draft); /* of a process of our pid that died here */
	r = write_new_file(draft, line);
	if (r == 0 && link(draft, path) < 0 && errno != EEXIST)
		r = -errno;
	(void)unlink(draft);
	if (r == 0)
		r = sync_directory_of(path);
	sodium_memzero(bytes, sizeof(bytes));
	sodium_memzero(line, sizeof(line));
	return r;
}

int token_load(const char *path, char out[TOKEN_SIZE])
{
	return token_load_as("ADMIN_TOKEN", path, out);
}

int token_load_as(const char *tag, const char *path, char out[TOKEN_SIZE])
{
	int r;

	if (sodium_init() < 0)
		return -ENOSYS;
	r = read_token(path, out);
	if (r != -ENOENT)
		return r;
	r = make_token(path);
	if (r < 0)
		return r;
	log_info(tag, "made=\"%s\"", path);
	return read_token(path, out);
}
