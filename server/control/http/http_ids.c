/* http_ids.c - what a request is called (see http_ids.h) */
#include "server/control/http/http_ids.h"

#include <stdio.h>
#include <string.h>

#include "server/log_line.h"
#include "server/uuid.h"

_Static_assert(HTTP_IDS_SIZE <= LOG_IDS_MAX + 1, "a line has room for them");

static bool is_sane(const char *id)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t length = strlen(id);

	return length > 0 && length < HTTP_REQUEST_ID_SIZE &&
	       strspn(id, good) == length;
}

void http_ids_make(struct http_ids *ids, const char *given,
		   const char *traceparent)
{
	struct uuid id;

	if (given && is_sane(given)) {
		(void)snprintf(ids->request, sizeof(ids->request), "%s", given);
	} else {
		uuid_make_v7(&id);
		uuid_format(&id, ids->request);
	}
	trace_take(traceparent, &ids->trace);
	(void)snprintf(ids->text, sizeof(ids->text), "request=%s trace=%s",
		       ids->request, ids->trace.id);
}
