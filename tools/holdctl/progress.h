/*
 * progress.h - a bar on stderr while many records are on their way
 *
 * Only on a terminal, and only when the work is more than one batch; it is gone
 * when the work is done.
 */
#ifndef TOOLS_HOLDCTL_PROGRESS_H
#define TOOLS_HOLDCTL_PROGRESS_H

#include <stddef.h>

void progress_show(size_t done, size_t total);
void progress_clear(void);

#endif
