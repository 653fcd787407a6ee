/*
 * main.c - how many instructions the work of a server takes
 *
 *   instructions --environment   what the counts depend on, a line of JSON
 *   instructions DIR             plays the scenes (scenes.h), its data in DIR
 *
 * To be run by tests/bench/instructions/run, under callgrind: by itself it
 * counts nothing.
 */
#include <gnu/libc-version.h>
#include <libwebsockets.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "bench/instructions/scenes.h"

/* What processor valgrind shows decides which of libc's functions run. */
static const char *cpu(void)
{
#ifdef __x86_64__
	return __builtin_cpu_supports("avx2") ? "x86_64 avx2" : "x86_64";
#else
	return "other";
#endif
}

static void tell_environment(void)
{
	(void)printf("{\"compiler\":\"gcc %s\",\"cpu\":\"%s\",\"libc\":\"%s\","
		     "\"libwebsockets\":\"%s\",\"sqlite\":\"%s\"}\n",
		     __VERSION__, cpu(), gnu_get_libc_version(),
		     lws_get_library_version(), sqlite3_libversion());
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		(void)fprintf(stderr,
			      "usage: instructions --environment|DIR\n");
		return 2;
	}
	if (strcmp(argv[1], "--environment") == 0) {
		tell_environment();
		return 0;
	}
	scene_of_drain(argv[1]);
	scenes_of_calls(argv[1]);
	return 0;
}
