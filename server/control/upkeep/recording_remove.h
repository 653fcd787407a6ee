/*
 * recording_remove.h - a recording goes from the disk, if it is one of ours
 *
 * Thread: any that may wait for a disk.
 */
#ifndef SERVER_CONTROL_UPKEEP_RECORDING_REMOVE_H
#define SERVER_CONTROL_UPKEEP_RECORDING_REMOVE_H

/* 0: it is gone now. -ENOENT: there was none. -EXDEV: it lies elsewhere than
 * below `root`, and stays. -errno: it may still be there. Of the last two a
 * line is logged under `tag`. */
int recording_remove(const char *root, const char *path, const char *tag);

#endif
