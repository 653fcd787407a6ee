/* audit.c - one line for everything that somebody changed (see audit.h) */
#include "server/control/api/audit.h"

#include <stdio.h>

#include "server/log.h"

#define TEXT_SIZE 300

struct text {
	char bytes[TEXT_SIZE];
};

/* What came from outside, as one word of a line. */
static struct text clean(const char *given)
{
	struct text text = { "" };
	char *out = text.bytes;

	(void)snprintf(out, sizeof(text.bytes), "%s", given);
	for (; *out; out++)
		if (*out < ' ' || *out > '~' || *out == '"' || *out == '\\')
			*out = '?';
	return text;
}

void audit_note(const char *who, const char *role, const char *action,
		const char *from, int status)
{
	log_info("AUDIT", "who=%s role=%s action=\"%s\" from=%s status=%d",
		 clean(who).bytes, role, clean(action).bytes, from, status);
}
