/*
 * json_text.c - JSON text whole or not at all (see json_text.h)
 *
 * jansson 2.14 does not look everywhere whether its buffer could grow. So its
 * memory comes through here, and each thread knows whether some was refused.
 */
#include "persistence/json_text.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

static _Thread_local bool refused;

static void *allocate(size_t size)
{
	void *memory = malloc(size);

	if (!memory)
		refused = true;
	return memory;
}

static void install(void)
{
	json_set_alloc_funcs(allocate, free);
}

static void begin(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, install);
	refused = false;
}

json_t *json_text_parse(const char *text, size_t length, size_t flags)
{
	json_t *json;

	begin();
	json = json_loadb(text, length, flags, NULL);
	if (json && !refused)
		return json;
	json_decref(json);
	errno = refused ? ENOMEM : EINVAL;
	return NULL;
}

char *json_text_print(const json_t *json, size_t flags)
{
	char *text;

	begin();
	text = json_dumps(json, flags);
	if (!refused)
		return text;
	free(text);
	return NULL;
}
