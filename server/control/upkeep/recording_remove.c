/* recording_remove.c - a recording goes from the disk (see
 * recording_remove.h) */
#include "server/control/upkeep/recording_remove.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "server/log.h"
#include "server/path.h"

int recording_remove(const char *root, const char *path, const char *tag)
{
	char real[PATH_MAX];
	int r = path_below(root, path, real);

	if (r == -ENOTDIR)
		r = -ENOENT;
	if (r == 0 && unlink(real) < 0)
		r = -errno;
	if (r == -EXDEV)
		log_warn(tag, "file=\"%s\" err=\"not in %s: left\"", path,
			 root);
	else if (r < 0 && r != -ENOENT)
		log_error(tag, "file=\"%s\" err=\"%s\"", path, strerror(-r));
	return r;
}
