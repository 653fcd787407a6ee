/* progress.c - a bar on stderr (see progress.h) */
#include "tools/holdctl/progress.h"

#include <stdio.h>
#include <unistd.h>

#define BAR 30

void progress_show(size_t done, size_t total)
{
	static const char full[] = "##############################";
	int filled = total ? (int)(BAR * done / total) : BAR;

	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r[%-*.*s] %3d%%  %zu of %zu", BAR, filled, full,
		total ? (int)(100 * done / total) : 100, done, total);
}

void progress_clear(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}
