/*
 * failing_memory.c - every way to get memory, for failing.h
 *
 * What our own code asks libc for goes through the linker's --wrap; what
 * jansson and SQLite ask for, through the allocators that they let us set.
 */
#include "support/failing_memory.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/failing.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
int __real_vasprintf(char **ret, const char *format, va_list arguments);
DIR *__real_fdopendir(int fd);
FILE *__real_fmemopen(void *memory, size_t size, const char *mode);
FILE *__real_open_memstream(char **ret, size_t *size);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
int __wrap_asprintf(char **ret, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int __wrap_vasprintf(char **ret, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));
DIR *__wrap_fdopendir(int fd);
FILE *__wrap_fmemopen(void *memory, size_t size, const char *mode);
FILE *__wrap_open_memstream(char **ret, size_t *size);

/* ---- libc ------------------------------------------------------------------
 */

void *__wrap_malloc(size_t size)
{
	return failing_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return failing_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return failing_now() ? NULL : __real_realloc(memory, size);
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
	return failing_now() ? NULL : __real_reallocarray(memory, count, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return failing_now() ? NULL : __real_aligned_alloc(alignment, size);
}

char *__wrap_strdup(const char *text)
{
	return failing_now() ? NULL : __real_strdup(text);
}

int __wrap_vasprintf(char **ret, const char *format, va_list arguments)
{
	return failing_now() ? -1 : __real_vasprintf(ret, format, arguments);
}

int __wrap_asprintf(char **ret, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = __wrap_vasprintf(ret, format, arguments);
	va_end(arguments);
	return length;
}

DIR *__wrap_fdopendir(int fd)
{
	return failing_now() ? NULL : __real_fdopendir(fd);
}

FILE *__wrap_fmemopen(void *memory, size_t size, const char *mode)
{
	return failing_now() ? NULL : __real_fmemopen(memory, size, mode);
}

FILE *__wrap_open_memstream(char **ret, size_t *size)
{
	return failing_now() ? NULL : __real_open_memstream(ret, size);
}

/* ---- SQLite ----------------------------------------------------------------
 */

static sqlite3_mem_methods real;

static void *sqlite_malloc(int size)
{
	return failing_now() ? NULL : real.xMalloc(size);
}

static void *sqlite_realloc(void *memory, int size)
{
	return failing_now() ? NULL : real.xRealloc(memory, size);
}

void failing_memory_install(void)
{
	sqlite3_mem_methods ours;

	json_set_alloc_funcs(__wrap_malloc, free);
	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real) != SQLITE_OK)
		abort();
	ours = real;
	ours.xMalloc = sqlite_malloc;
	ours.xRealloc = sqlite_realloc;
	/* No pools of its own in front of them. */
	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) != SQLITE_OK ||
	    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK)
		abort();
}
