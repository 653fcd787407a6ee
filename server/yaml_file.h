/*
 * yaml_file.h - a YAML file as a list of (key, value, line)
 *
 * "media:\n  listen: X" becomes key "media.listen"; the n-th mapping of a
 * sequence gets its number: "media.routes[0].path". Only what a settings file
 * needs: mappings, sequences of mappings, scalars.
 *
 * Thread: any.
 */
#ifndef SERVER_YAML_FILE_H
#define SERVER_YAML_FILE_H

#include <stddef.h>

struct yaml_value {
	const char *key, *value; /* borrowed for the call */
	unsigned line;		 /* from 1 */
};

/* Calls `take` for each scalar in order until it returns non-zero, which is
 * then returned. A file that cannot be read or is no such YAML: -1 and a
 * message "FILE:LINE: what is wrong" in err. */
int yaml_file_read(const char *path,
		   int (*take)(const struct yaml_value *value, void *arg),
		   void *arg, char *err, size_t err_size);

#endif
