/* drive.c - what a drive holds, for certain or perhaps (see drive.h) */
#include "support/drive.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR ((uint64_t)512)

struct change {
	bool resize; /* to the size `at`; else a write */
	uint64_t at, length;
	unsigned char *bytes; /* NULL: zeros */
};

/* What a file holds: behind `kept` bytes there are zeros up to its size. */
struct content {
	unsigned char *bytes;
	uint64_t kept, size;
};

struct entry {
	char name[80];
	struct drive_node *node;
};

/* Made: from is "". Removed: to is "". Both: renamed. */
struct move {
	char from[80], to[80];
	struct drive_node *node;
};

struct drive_node {
	struct drive_node *next;
	uint64_t ino;
	bool is_dir;
	unsigned secret; /* syncs until a loss comes to light; 0: no loss */
	struct content content;
	struct change *changes;
	size_t change_count;
	struct entry *entries;
	size_t entry_count;
	struct move *moves;
	size_t move_count;
};

struct drive {
	struct drive_node *nodes; /* newest first */
};

/* A test that has no memory has failed. */
static void *must(void *memory)
{
	assert(memory);
	return memory;
}

static void *grow(void *array, size_t count, size_t size)
{
	/* Room doubles at 1, 2, 4, ... */
	if ((count & (count - 1)) != 0)
		return array;
	return must(realloc(array, (count ? count * 2 : 1) * size));
}

/* ---- nodes -----------------------------------------------------------------
 */

struct drive *drive_create(void)
{
	return must(calloc(1, sizeof(struct drive)));
}

static void forget_changes(struct drive_node *node)
{
	for (size_t i = 0; i < node->change_count; i++)
		free(node->changes[i].bytes);
	free(node->changes);
	node->changes = NULL;
	node->change_count = 0;
}

static void forget_moves(struct drive_node *node)
{
	free(node->moves);
	node->moves = NULL;
	node->move_count = 0;
}

struct drive *drive_destroy(struct drive *drive)
{
	struct drive_node *node;

	if (!drive)
		return NULL;
	while ((node = drive->nodes)) {
		drive->nodes = node->next;
		forget_changes(node);
		forget_moves(node);
		free(node->entries);
		free(node->content.bytes);
		free(node);
	}
	free(drive);
	return NULL;
}

struct drive_node *drive_add_node(struct drive *drive, uint64_t ino,
				  bool is_dir)
{
	struct drive_node *node = must(calloc(1, sizeof(*node)));

	node->ino = ino;
	node->is_dir = is_dir;
	node->next = drive->nodes;
	drive->nodes = node;
	return node;
}

struct drive_node *drive_find(const struct drive *drive, uint64_t ino)
{
	struct drive_node *node = drive->nodes;

	while (node && node->ino != ino)
		node = node->next;
	return node;
}

/* ---- files -----------------------------------------------------------------
 */

static void add_change(struct drive_node *file, struct change change)
{
	file->changes =
		grow(file->changes, file->change_count, sizeof(*file->changes));
	file->changes[file->change_count++] = change;
}

static bool is_zero(const unsigned char *bytes, uint64_t length)
{
	return length == 0 ||
	       (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

void drive_write(struct drive_node *file, uint64_t at, const void *bytes,
		 uint64_t length)
{
	struct change change = { .at = at, .length = length };

	assert(!file->is_dir);
	if (bytes && !is_zero(bytes, length)) {
		change.bytes = must(malloc(length));
		memcpy(change.bytes, bytes, length);
	}
	add_change(file, change);
}

void drive_resize(struct drive_node *file, uint64_t size)
{
	assert(!file->is_dir);
	add_change(file, (struct change){ .resize = true, .at = size });
}

static void make_room(struct content *content, uint64_t kept)
{
	if (kept <= content->kept)
		return;
	content->bytes = must(realloc(content->bytes, kept));
	memset(content->bytes + content->kept, 0, kept - content->kept);
	content->kept = kept;
}

static uint64_t size_after(uint64_t size, const struct change *change)
{
	uint64_t end = change->at + change->length;

	if (change->resize)
		return change->at;
	return end > size ? end : size;
}

/* What the change does to the bytes from `begin` to `end`. */
static void apply(struct content *content, const struct change *change,
		  uint64_t begin, uint64_t end)
{
	uint64_t from = change->at, to = change->at + change->length;

	if (change->resize)
		to = UINT64_MAX;
	from = from > begin ? from : begin;
	to = to < end ? to : end;
	if (change->bytes)
		make_room(content, to > content->kept && to > from ? to : 0);
	to = to < content->kept ? to : content->kept;
	if (from >= to)
		return;
	if (change->bytes)
		memcpy(content->bytes + from,
		       change->bytes + (from - change->at), to - from);
	else
		memset(content->bytes + from, 0, to - from);
}

/* How many of `count` changes: mostly all of them or none. */
static size_t some_of(struct dice *dice, size_t count)
{
	switch (dice_throw(dice, 3)) {
	case 0: return 0;
	case 1: return count;
	default: return dice_throw(dice, count + 1);
	}
}

/* A sector of some file, as another that was freed may have left it. */
static void leave_stale(const struct drive *drive, struct content *content,
			uint64_t begin, struct dice *dice)
{
	const struct drive_node *node = drive->nodes;
	size_t skip = dice_throw(dice, 16);
	uint64_t at;

	while (node &&
	       (node->is_dir || node->content.kept < 2 * SECTOR || skip-- > 0))
		node = node->next;
	if (!node)
		return;
	at = dice_throw(dice, node->content.kept / SECTOR) * SECTOR;
	make_room(content, begin + SECTOR);
	memcpy(content->bytes + begin, node->content.bytes + at, SECTOR);
}

static uint64_t possible_size(const struct drive_node *file, struct dice *dice)
{
	size_t changes = some_of(dice, file->change_count);
	uint64_t size = file->content.size;

	for (size_t i = 0; i < changes; i++)
		size = size_after(size, &file->changes[i]);
	return size;
}

static void copy_content(struct content *to, const struct content *from)
{
	*to = (struct content){ .size = from->size };
	make_room(to, from->kept);
	if (from->kept > 0)
		memcpy(to->bytes, from->bytes, from->kept);
}

/* Up to where the file has, or will have, anything but zeros. */
static uint64_t end_of_bytes(const struct drive_node *file)
{
	uint64_t end = file->content.kept;

	for (size_t i = 0; i < file->change_count; i++) {
		const struct change *change = &file->changes[i];

		if (change->bytes && change->at + change->length > end)
			end = change->at + change->length;
	}
	return end;
}

/* What may be found of the file after a cut; the bytes are the caller's. */
static struct content possible_content(const struct drive *drive,
				       const struct drive_node *file,
				       struct dice *dice)
{
	bool all = dice_once_in(dice, 4), none = dice_once_in(dice, 4);
	bool stale = dice_once_in(dice, 8);
	uint64_t end = end_of_bytes(file);
	struct content content;

	copy_content(&content, &file->content);
	content.size = possible_size(file, dice);
	for (uint64_t at = 0; at < end; at += SECTOR) {
		size_t got = all    ? file->change_count
			     : none ? 0
				    : some_of(dice, file->change_count);

		if (got == 0 && stale && at >= file->content.size &&
		    at + SECTOR <= content.size && dice_once_in(dice, 4))
			leave_stale(drive, &content, at, dice);
		for (size_t i = 0; i < got; i++)
			apply(&content, &file->changes[i], at, at + SECTOR);
	}
	if (content.kept > content.size)
		content.kept = content.size;
	return content;
}

static void sync_file(struct drive_node *file)
{
	for (size_t i = 0; i < file->change_count; i++) {
		apply(&file->content, &file->changes[i], 0, UINT64_MAX);
		file->content.size =
			size_after(file->content.size, &file->changes[i]);
	}
	forget_changes(file);
}

static void fail_file(const struct drive *drive, struct drive_node *file,
		      struct dice *dice)
{
	struct content content = possible_content(drive, file, dice);

	free(file->content.bytes);
	file->content = content;
	forget_changes(file);
}

/* ---- directories -----------------------------------------------------------
 */

static void add_move(struct drive_node *dir, const char *from, const char *to,
		     struct drive_node *node)
{
	struct move move = { .node = node };

	assert(dir->is_dir);
	assert(strlen(from) < sizeof(move.from) &&
	       strlen(to) < sizeof(move.to));
	memcpy(move.from, from, strlen(from) + 1);
	memcpy(move.to, to, strlen(to) + 1);
	dir->moves = grow(dir->moves, dir->move_count, sizeof(*dir->moves));
	dir->moves[dir->move_count++] = move;
}

void drive_link(struct drive_node *dir, const char *name,
		struct drive_node *node)
{
	add_move(dir, "", name, node);
}

void drive_unlink(struct drive_node *dir, const char *name)
{
	add_move(dir, name, "", NULL);
}

static struct drive_node *look_up(const struct drive_node *dir,
				  const char *name)
{
	for (size_t i = dir->move_count; i-- > 0;)
		if (strcmp(dir->moves[i].to, name) == 0)
			return dir->moves[i].node;
		else if (strcmp(dir->moves[i].from, name) == 0)
			return NULL;
	for (size_t i = 0; i < dir->entry_count; i++)
		if (strcmp(dir->entries[i].name, name) == 0)
			return dir->entries[i].node;
	return NULL;
}

void drive_rename(struct drive_node *dir, const char *from,
		  struct drive_node *to_dir, const char *to)
{
	struct drive_node *node = look_up(dir, from);

	assert(node);
	if (dir == to_dir) {
		add_move(dir, from, to, node);
		return;
	}
	add_move(to_dir, "", to, node);
	add_move(dir, from, "", NULL);
}

static void drop_entry(struct drive_node *dir, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < dir->entry_count; i++)
		if (strcmp(dir->entries[i].name, name) != 0)
			dir->entries[kept++] = dir->entries[i];
	dir->entry_count = kept;
}

static void apply_move(struct drive_node *dir, const struct move *move)
{
	struct entry entry = { .node = move->node };

	if (*move->from)
		drop_entry(dir, move->from);
	if (!*move->to)
		return;
	drop_entry(dir, move->to);
	memcpy(entry.name, move->to, sizeof(entry.name));
	dir->entries = must(
		realloc(dir->entries, (dir->entry_count + 1) * sizeof(entry)));
	dir->entries[dir->entry_count++] = entry;
}

/* A copy of the directory with some of its moves made, or all. */
static struct drive_node possible_entries(const struct drive_node *dir,
					  struct dice *dice)
{
	bool all = dice_once_in(dice, 3), none = dice_once_in(dice, 3);
	struct drive_node found = { .is_dir = true };

	for (size_t i = 0; i < dir->entry_count; i++) {
		struct move move = { .node = dir->entries[i].node };

		memcpy(move.to, dir->entries[i].name, sizeof(move.to));
		apply_move(&found, &move);
	}
	for (size_t i = 0; i < dir->move_count; i++)
		if (all || (!none && dice_once_in(dice, 2)))
			apply_move(&found, &dir->moves[i]);
	return found;
}

static void sync_dir(struct drive_node *dir)
{
	for (size_t i = 0; i < dir->move_count; i++)
		apply_move(dir, &dir->moves[i]);
	forget_moves(dir);
}

/* ---- syncing ---------------------------------------------------------------
 */

void drive_fail_sync(struct drive *drive, struct drive_node *node,
		     struct dice *dice)
{
	/* A directory's entries are not dropped: they stay unsynced. */
	if (!node->is_dir)
		fail_file(drive, node, dice);
}

int drive_sync(struct drive *drive, struct drive_node *node, struct dice *dice)
{
	if (node->is_dir) {
		sync_dir(node);
	} else if (node->secret > 0 && --node->secret == 0) {
		fail_file(drive, node, dice);
		return -EIO;
	} else {
		sync_file(node);
	}
	return 0;
}

void drive_lie(struct drive *drive, struct drive_node *file, unsigned later,
	       struct dice *dice)
{
	fail_file(drive, file, dice);
	if (file->secret == 0)
		file->secret = later;
}

bool drive_is_synced(const struct drive_node *file)
{
	return file->change_count == 0;
}

const unsigned char *drive_bytes(const struct drive_node *file, uint64_t *kept,
				 uint64_t *size)
{
	const struct content *content = &file->content;

	*size = content->size;
	*kept = content->kept < content->size ? content->kept : content->size;
	return content->bytes;
}

/* ---- after the cut ---------------------------------------------------------
 */

static void write_file(const struct drive *drive, const struct drive_node *file,
		       const char *path, struct dice *dice)
{
	struct content content = possible_content(drive, file, dice);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert(fd >= 0);
	if (content.kept > 0)
		assert(pwrite(fd, content.bytes, content.kept, 0) ==
		       (ssize_t)content.kept);
	assert(ftruncate(fd, (off_t)content.size) == 0);
	(void)close(fd);
	free(content.bytes);
}

void drive_image(const struct drive *drive, const struct drive_node *root,
		 const char *path, struct dice *dice)
{
	struct drive_node found = possible_entries(root, dice);
	char below[PATH_MAX];

	for (size_t i = 0; i < found.entry_count; i++) {
		const struct entry *entry = &found.entries[i];

		(void)snprintf(below, sizeof(below), "%s/%s", path,
			       entry->name);
		if (entry->node->is_dir) {
			assert(mkdir(below, 0700) == 0);
			drive_image(drive, entry->node, below, dice);
		} else {
			write_file(drive, entry->node, below, dice);
		}
	}
	free(found.entries);
}
