/*
 * settings_secrets.c - secrets and names out of the settings, and where they
 * are kept (see settings_load.h)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/settings_load.h"

#define LINE_SIZE 4200 /* the longest secret is Telnyx's, of 4000 */

int settings_keep_text(struct auth_store *store, const char *text, uint32_t *at)
{
	size_t size = strlen(text) + 1;

	if (store->texts_used == 0)
		store->texts_used = 1; /* the empty text at 0 */
	if (size > sizeof(store->texts) - store->texts_used)
		return -ENOSPC;
	*at = store->texts_used;
	memcpy(store->texts + *at, text, size);
	store->texts_used += (uint32_t)size;
	return 0;
}

int settings_keep_word(const struct loading *load, const struct origin *origin,
		       struct auth_words *words, uint32_t most,
		       const char *text)
{
	if (!*text)
		return settings_wrong(load, origin, "needs a value");
	if (words->count >= most)
		return settings_wrong(load, origin, "more than %u of them",
				      most);
	if (settings_keep_text(&load->settings->who, text,
			       &words->at[words->count]) < 0)
		return settings_wrong(load, origin,
				      "more secrets and names than there is "
				      "room for");
	words->count++;
	return 0;
}

int settings_read_secrets(const struct loading *load,
			  const struct origin *origin, const char *path,
			  struct auth_words *words)
{
	uint32_t before = words->count;
	FILE *file = fopen(path, "re");
	char line[LINE_SIZE];
	int status = 0;

	if (!file)
		return settings_wrong(load, origin, "%s cannot be opened: %s",
				      path, strerror(errno));
	while (status == 0 && fgets(line, sizeof(line), file)) {
		size_t length = strlen(line);
		char *text = line + strspn(line, " \t");

		if (length + 1 == sizeof(line) && line[length - 1] != '\n')
			status = settings_wrong(load, origin,
						"%s has a line of over %d "
						"bytes",
						path, LINE_SIZE - 2);
		while (length > 0 && strchr(" \t\r\n", line[length - 1]))
			line[--length] = '\0';
		if (status == 0 && text < line + length)
			status = settings_keep_word(load, origin, words,
						    AUTH_SECRETS_MAX, text);
	}
	if (status == 0 && ferror(file))
		status =
			settings_wrong(load, origin, "%s cannot be read", path);
	(void)fclose(file);
	if (status == 0 && words->count == before)
		status = settings_wrong(load, origin, "%s holds no secret",
					path);
	return status;
}
