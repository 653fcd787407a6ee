/* push.c - a WebSocket that tells how things stand (see push.h) */
#include "server/control/api/push.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <ev.h>

#include "server/board.h"
#include "server/clock.h"
#include "server/control/api/live_json.h"
#include "server/control/context.h"
#include "server/control/http/http_socket.h"
#include "server/control/status.h"
#include "server/live_calls.h"
#include "server/settings.h"

#define LOOK_S	 0.25  /* has something happened? */
#define LIVE_MAX 50u   /* calls; who wants others asks for them */
#define QUIET_MS 1000u /* when nothing has */

struct watcher {
	struct watcher *next, **link;
	struct push *push;
	struct http_socket *socket; /* NULL: not open yet */
};

/* What is worth telling at once when it changes. */
struct happening {
	uint32_t db_state, outbox_paused, draining;
	int32_t calls_active;
	int64_t dead_letters;
};

struct push {
	struct ev_loop *loop;
	const struct control_context *control;
	struct watcher *watchers;
	ev_timer look; /* runs while somebody watches */
	uint64_t told_ms;
	struct happening told;
};

static struct happening what_happens(void)
{
	struct board_flags *flags = board_flags();

	return (struct happening){
		.db_state = atomic_load(&flags->db_state),
		.outbox_paused = atomic_load(&flags->outbox_paused),
		.draining = atomic_load(&flags->draining),
		.calls_active = atomic_load(&flags->calls_active),
		.dead_letters =
			board_get(board_series(METRIC_DEAD_LETTERS, "")),
	};
}

static bool has_changed(const struct happening *a, const struct happening *b)
{
	return a->db_state != b->db_state ||
	       a->outbox_paused != b->outbox_paused ||
	       a->draining != b->draining ||
	       a->calls_active != b->calls_active ||
	       a->dead_letters != b->dead_letters;
}

/* The newest, and how many there are. */
static json_t *describe_live(const struct control_context *control)
{
	const struct live_filter newest = { .limit = LIVE_MAX };
	uint32_t total = 0;
	json_t *page = live_json_page(&newest, live_json,
				      control->first->node_id, &total);

	if (page)
		(void)json_object_set_new(page, "total", json_integer(total));
	return page;
}

/* The caller's; NULL: out of memory. */
static char *describe(const struct control_context *control)
{
	char at[CLOCK_ISO_SIZE];
	int64_t drained = board_get(board_series(METRIC_DRAINED_TOTAL, ""));
	json_t *state;
	char *text;

	clock_format_iso(clock_wall_us(), at);
	state = json_pack("{s:s, s:o, s:o, s:I, s:o}", "at", at, "status",
			  status_describe(control), "live",
			  describe_live(control), "drained",
			  (json_int_t)drained, "latest",
			  history_latest(&control->history));
	text = state ? json_dumps(state, JSON_COMPACT) : NULL;
	json_decref(state);
	return text;
}

static void tell(struct watcher *watcher, const char *text)
{
	if (watcher->socket && http_socket_is_clear(watcher->socket))
		(void)http_socket_send(watcher->socket,
				       HTTP_SOCKET_TEXT | HTTP_SOCKET_LOSABLE,
				       text, strlen(text));
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct push *push = timer->data;
	struct happening now = what_happens();
	uint64_t now_ms = clock_mono_ms();
	char *text;

	(void)loop;
	(void)events;
	if (!has_changed(&now, &push->told) &&
	    now_ms - push->told_ms < QUIET_MS)
		return;
	text = describe(push->control);
	for (struct watcher *w = push->watchers; text && w; w = w->next)
		tell(w, text);
	free(text);
	push->told = now;
	push->told_ms = now_ms;
}

/* ---- who watches ----------------------------------------------------------
 */

static void on_open(struct http_socket *socket, void *arg)
{
	struct watcher *watcher = arg;
	char *text = describe(watcher->push->control);

	watcher->socket = socket;
	if (text)
		tell(watcher, text);
	free(text);
}

static void on_closed(void *arg)
{
	struct watcher *watcher = arg;
	struct push *push = watcher->push;

	*watcher->link = watcher->next;
	if (watcher->next)
		watcher->next->link = watcher->link;
	free(watcher);
	if (!push->watchers)
		ev_timer_stop(push->loop, &push->look);
}

static const struct http_socket_kind kind = { "push", false, on_open,
					      on_closed };

static struct watcher *add_watcher(struct push *push)
{
	struct watcher *watcher = calloc(1, sizeof(*watcher));

	if (!watcher)
		return NULL;
	watcher->push = push;
	watcher->link = &push->watchers;
	watcher->next = push->watchers;
	if (watcher->next)
		watcher->next->link = &watcher->next;
	else
		ev_timer_again(push->loop, &push->look);
	push->watchers = watcher;
	return watcher;
}

void push_handle(const struct http_request *request,
		 struct http_response *response, void *context)
{
	const struct control_context *control = context;
	struct watcher *watcher;

	if (!request->sockets) {
		char *text = describe(control);

		http_reply(response, 200, "application/json", text,
			   text ? strlen(text) : 0);
		return;
	}
	watcher = add_watcher(control->push);
	if (watcher)
		http_socket_open(request, response, &kind, watcher);
	else
		http_reply_error(response, 503, "out of memory");
}

int push_start(struct push **ret, struct ev_loop *loop,
	       const struct control_context *control)
{
	struct push *push = calloc(1, sizeof(*push));

	if (!push)
		return -ENOMEM;
	push->loop = loop;
	push->control = control;
	ev_timer_init(&push->look, on_look, 0., LOOK_S);
	push->look.data = push;
	*ret = push;
	return 0;
}

struct push *push_stop(struct push *push)
{
	if (!push)
		return NULL;
	ev_timer_stop(push->loop, &push->look);
	free(push);
	return NULL;
}
