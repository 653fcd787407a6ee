/* health.c - turns the board's flags into answers for load balancers */
#include "server/control/health.h"

#include <string.h>

#include "persistence/room.h"
#include "server/board.h"
#include "server/control/context.h"
#include "server/settings.h"

static bool takes_calls(const struct board_flags *flags)
{
	for (size_t i = 0; i < BOARD_MEDIA_MAX; i++)
		if (atomic_load(&flags->loops_of[i]) > 0)
			return true;
	return false;
}

/* The cause that takes longest to go away comes first. */
const char *health_refusal(const struct board_flags *flags, uint32_t max_calls)
{
	const char *outbox;

	if (atomic_load(&flags->draining))
		return "draining";
	if (atomic_load(&flags->media_roles_up) == 0)
		return "media_down";
	if (!takes_calls(flags))
		return "media_starting";
	outbox = room_refusal(room_worst(flags));
	if (outbox)
		return outbox;
	if (atomic_load(&flags->calls_active) >= (int64_t)max_calls)
		return "max_calls";
	return NULL;
}

void health_live(const struct http_request *request,
		 struct http_response *response, void *context)
{
	(void)request;
	(void)context;
	http_reply_json(response, 200, json_pack("{s:s}", "status", "alive"));
}

void health_ready(const struct http_request *request,
		  struct http_response *response, void *context)
{
	const struct control_context *control = context;
	const struct board_flags *flags = board_flags();
	const char *reason =
		health_refusal(flags, control->settings->media.max_calls);
	const char *detail = NULL;

	(void)request;
	if (!reason) {
		http_reply_json(response, 200,
				json_pack("{s:s}", "status", "ready"));
		return;
	}
	if (strncmp(reason, "outbox_", 7) == 0)
		detail = room_detail(room_worst(flags));
	http_reply_json(response, 503,
			json_pack("{s:s, s:s, s:s*}", "status", "not_ready",
				  "reason", reason, "detail", detail));
}

void health_db(const struct http_request *request,
	       struct http_response *response, void *context)
{
	(void)request;
	(void)context;
	if (atomic_load(&board_flags()->db_state) == BOARD_DB_UP)
		http_reply_json(response, 200,
				json_pack("{s:s}", "status", "healthy"));
	else
		http_reply_json(response, 503,
				json_pack("{s:s, s:s}", "status", "degraded",
					  "detail", "DB unavailable"));
}
