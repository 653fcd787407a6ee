/*
 * drive.h - what a drive holds for certain, and what it may hold after a cut
 *
 * A model of files and directories as POSIX promises them and no better. Each
 * knows what was synced, and the changes since, in order. When the power goes,
 * any of those may have reached the drive or not:
 *
 *   a file       each sector of 512 bytes has the first so many changes that
 *                touched it, none to all, whatever its neighbours have; the
 *                size likewise. What a grown file never got is zeros, or what
 *                the drive last held in that place: a sector of another file.
 *   a directory  any subset of its entries made, removed or renamed since.
 *
 * After a failed sync the kernel drops the pages: each sector has what it got
 * until then, and no later sync mends it. A drive may also lose a write and
 * report success, and own up to it some syncs later.
 *
 * Thread: belongs to one thread.
 */
#ifndef TESTS_SUPPORT_DRIVE_H
#define TESTS_SUPPORT_DRIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/dice.h"

struct drive;
struct drive_node; /* a file or a directory; the drive's */

struct drive *drive_create(void);
struct drive *drive_destroy(struct drive *drive); /* returns NULL */

struct drive_node *drive_add_node(struct drive *drive, uint64_t ino,
				  bool is_dir);
/* The newest node with that number; NULL: not on this drive. */
struct drive_node *drive_find(const struct drive *drive, uint64_t ino);

/* Changes, not synced yet. `bytes` NULL: zeros. */
void drive_write(struct drive_node *file, uint64_t at, const void *bytes,
		 uint64_t length);
void drive_resize(struct drive_node *file, uint64_t size);
void drive_link(struct drive_node *dir, const char *name,
		struct drive_node *node);
void drive_unlink(struct drive_node *dir, const char *name);
/* Within one directory it happens or not; from one into another the two halves
 * may be found apart. */
void drive_rename(struct drive_node *dir, const char *from,
		  struct drive_node *to_dir, const char *to);

/* 0, or -EIO when a loss comes to light that was kept secret. */
int drive_sync(struct drive *drive, struct drive_node *node, struct dice *dice);
void drive_fail_sync(struct drive *drive, struct drive_node *node,
		     struct dice *dice);
/* This sync says that all is well. The one so many later on this file tells
 * the truth. */
void drive_lie(struct drive *drive, struct drive_node *file, unsigned later,
	       struct dice *dice);

/* Are there no changes that are neither synced nor lost? */
bool drive_is_synced(const struct drive_node *file);
/* What a file holds for certain: so many bytes, and zeros up to its size. */
const unsigned char *drive_bytes(const struct drive_node *file, uint64_t *kept,
				 uint64_t *size);

/* Writes what may be found below `root` after a cut into the directory `path`,
 * which is there and empty. */
void drive_image(const struct drive *drive, const struct drive_node *root,
		 const char *path, struct dice *dice);

#endif
