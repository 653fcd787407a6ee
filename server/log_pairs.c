/* log_pairs.c - how a message falls into pairs (see log_pairs.h) */
#include "server/log_pairs.h"

#include <string.h>

/* Does this quote end its value? Then the message ends, or a key follows. */
static bool is_closing(const char *quote)
{
	const char *key = quote + 2;
	size_t length;

	if (quote[1] != ' ')
		return quote[1] == '\0';
	length = strcspn(key, "= \"");
	return length > 0 && key[length] == '=';
}

/* Past the value that starts at text. */
static const char *value_end(const char *text)
{
	if (*text != '"')
		return text + strcspn(text, " ");
	for (text++; *text; text++) {
		if (*text == '\\' && text[1])
			text++;
		else if (*text == '"' && is_closing(text))
			return text + 1;
	}
	return text;
}

bool log_pair_next(const char **text, struct log_pair *pair)
{
	const char *at = *text + strspn(*text, " ");
	size_t key = strcspn(at, "= ");

	if (*at == '\0')
		return false;
	pair->key = pair->value = at;
	pair->key_length = 0;
	if (at[key] == '=') {
		pair->key_length = key;
		pair->value = at + key + 1;
		pair->end = value_end(pair->value);
	} else {
		pair->end = at + strlen(at);
	}
	*text = pair->end;
	return true;
}
