/* path.c - does a file lie where it should? (see path.h) */
#include "server/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int path_below(const char *root, const char *path, char real[PATH_MAX])
{
	char real_root[PATH_MAX];
	size_t length;

	if (!realpath(root, real_root))
		return -ENODEV;
	if (!realpath(path, real))
		return -errno;
	length = strlen(real_root);
	return strncmp(real_root, real, length) == 0 && real[length] == '/'
		       ? 0
		       : -EXDEV;
}
