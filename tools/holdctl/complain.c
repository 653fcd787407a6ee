/* complain.c - how holdctl says that something is wrong */
#include "tools/holdctl/holdctl.h"

#include <stdarg.h>
#include <stdio.h>

int complain(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("holdctl: ", stderr);
	(void)vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return status;
}
