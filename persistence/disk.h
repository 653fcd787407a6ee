/*
 * disk.h - the file system calls of the outbox, whole and honest
 *
 * Each of these either does all of it or says why not. They stand together so
 * that a test can make the disk fail (disk_fault) where a real one would.
 *
 * Thread: any; disk_fault is for tests.
 */
#ifndef PERSISTENCE_DISK_H
#define PERSISTENCE_DISK_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Tests only: asked before every call with its name ("pwrite", "fdatasync",
 * "fsync", "create", "pread", "fallocate"); a negative errno makes that call
 * fail. */
typedef int disk_fault_hook(const char *operation);
void disk_set_fault(disk_fault_hook *hook); /* NULL: none */

/* All of it, at that offset: 0 or -errno. */
int disk_write(int fd, const void *bytes, size_t length, uint64_t offset);
int disk_write_zeros(int fd, uint64_t length, uint64_t offset);
/* Blocks for the first `length` bytes: 0, -EOPNOTSUPP where the file system
 * cannot promise them, -errno. */
int disk_allocate(int fd, uint64_t length);
/* Does that -errno say that there is no room? */
bool disk_is_full(int error);
/* As much as there is: the number of bytes, or -errno. */
ssize_t disk_read(int fd, void *bytes, size_t length, uint64_t offset);
int disk_sync_data(int fd);
int disk_sync(int fd);
/* What is read from now on comes from the disk, where the file system can. What
 * is not synced stays. */
void disk_drop_cache(int fd);
/* A new file in the directory: the descriptor, or -errno. */
int disk_create(int dir_fd, const char *name);
/* Reads the file past the page cache, where the file system can: 0 when it
 * holds these bytes there, -EIO when it holds others, -errno. */
int disk_verify(int dir_fd, const char *name, const void *bytes, size_t length,
		uint64_t offset);

/* A directory, made at need: the descriptor, or -errno. */
int disk_open_dir(int dir_fd, const char *name, bool make);
/* Opened for readdir(); NULL with errno set. */
DIR *disk_list(int dir_fd, const char *name);
/* Every level of the path, each synced into the one above: 0 or -errno. */
int disk_make_path(const char *path);
/* Removes the files whose names end like that, then the directory if nothing
 * else is in it: 0 or -errno. */
int disk_remove_dir(int dir_fd, const char *name, const char *suffix);
/* Bytes that the regular files below the directory take on the disk, those that
 * only keep room (DISK_RESERVE_PREFIX) aside. */
#define DISK_RESERVE_PREFIX "RESERVE."
uint64_t disk_usage(int dir_fd, const char *name);

#endif
