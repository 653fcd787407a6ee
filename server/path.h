/*
 * path.h - does a file lie where it should?
 *
 * For paths that come out of the database, where others may write.
 *
 * Thread: any that may wait for a disk.
 */
#ifndef SERVER_PATH_H
#define SERVER_PATH_H

#include <limits.h>

/* The file's real path, every link followed. 0 when it lies below `root`,
 * -EXDEV when it lies elsewhere, -ENODEV when there is no root (a disk that is
 * not mounted?), -errno when there is no such file or it cannot be looked at.
 */
int path_below(const char *root, const char *path, char real[PATH_MAX]);

#endif
