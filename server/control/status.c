/* status.c - puts the board together as one JSON object */
#include "server/control/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "holdline_version.h"
#include "persistence/room.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/control/context.h"
#include "server/control/diagnosis.h"
#include "server/control/health.h"
#include "server/settings.h"

static json_int_t gauge(enum board_metric metric)
{
	return board_get(board_series(metric, ""));
}

/* How long the supervisor, our parent, has been running. Our own age would
 * begin anew whenever the control process is restarted. Field 22 of
 * /proc/PID/stat is its start in ticks after boot; the name before it, in
 * brackets, may hold anything. */
static json_int_t uptime_seconds(void)
{
	char path[32], line[1024];
	const char *rest;
	unsigned long long ticks = 0;
	struct timespec now;
	FILE *in;
	size_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)getppid());
	in = fopen(path, "re");
	if (!in)
		return 0;
	n = fread(line, 1, sizeof(line) - 1, in);
	fclose(in);
	line[n] = '\0';
	rest = strrchr(line, ')');
	if (!rest ||
	    sscanf(rest + 1,
		   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d "
		   "%*d %*d %*d %*d %*d %llu",
		   &ticks) != 1)
		return 0;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec -
	       (json_int_t)(ticks / (unsigned long long)sysconf(_SC_CLK_TCK));
}

/* Once memory has run out the object is NULL and stays so, and the answer
 * becomes a 503: half a status would be taken for a whole one. */
static void put(json_t **object, const char *key, json_t *value)
{
	if (json_object_set_new(*object, key, value) == 0)
		return;
	json_decref(*object);
	*object = NULL;
}

/* What the outbox may still take: the less of what its quota and its disk
 * allow. */
static json_int_t room_bytes(const struct settings *settings)
{
	json_int_t quota = (json_int_t)settings->outbox.max_bytes -
			   gauge(METRIC_OUTBOX_BYTES);
	json_int_t disk = gauge(METRIC_OUTBOX_FREE_BYTES) -
			  (json_int_t)settings->outbox.min_free_disk;
	json_int_t room = quota < disk ? quota : disk;

	return room > 0 ? room : 0;
}

/* How long until then, at the rate of the last minutes; null while it does not
 * grow. */
static json_t *lasts_seconds(json_int_t room, double growth)
{
	if (growth < 1.0)
		return json_null();
	return json_integer((json_int_t)((double)room / growth));
}

static json_t *outbox_status(const struct control_context *control)
{
	const struct settings *settings = control->settings;
	const struct board_flags *flags = board_flags();
	const struct board_spooler *worst = room_worst(flags);
	double growth = growth_rate(&control->growth);
	int error = (int)atomic_load(&worst->broken);
	enum board_room room = (enum board_room)atomic_load(&worst->room);
	json_int_t max_bytes = (json_int_t)settings->outbox.max_bytes;
	json_int_t left = room_bytes(settings);
	json_t *out = json_object();

	put(&out, "records", json_integer(gauge(METRIC_OUTBOX_RECORDS)));
	put(&out, "bytes", json_integer(gauge(METRIC_OUTBOX_BYTES)));
	put(&out, "oldest_seconds",
	    json_integer(gauge(METRIC_OUTBOX_OLDEST_SECONDS)));
	put(&out, "held", json_integer(gauge(METRIC_OUTBOX_HELD)));
	put(&out, "queued", json_integer(gauge(METRIC_QUEUE_RECORDS)));
	put(&out, "max_bytes", json_integer(max_bytes));
	put(&out, "growth_bytes_per_second", json_real(growth));
	put(&out, "room_bytes", json_integer(left));
	put(&out, "lasts_seconds", lasts_seconds(left, growth));
	put(&out, "paused", json_boolean(atomic_load(&flags->outbox_paused)));
	put(&out, "full", json_boolean(room >= BOARD_ROOM_QUOTA));
	put(&out, "room", json_string(room_name(room)));
	put(&out, "free_bytes", json_integer(gauge(METRIC_OUTBOX_FREE_BYTES)));
	put(&out, "reserve_bytes",
	    json_integer(gauge(METRIC_OUTBOX_RESERVE_BYTES)));
	put(&out, "broken", json_boolean(error));
	put(&out, "error", error ? json_string(strerror(error)) : json_null());
	return out;
}

static const char *db_state_name(uint32_t state)
{
	switch (state) {
	case BOARD_DB_UP: return "up";
	case BOARD_DB_DOWN: return "down";
	case BOARD_DB_PAUSED: return "paused";
	default: return "unknown";
	}
}

static const char *breaker_name(json_int_t state)
{
	switch (state) {
	case 0: return "closed";
	case 1: return "open";
	default: return "half-open";
	}
}

/* A time of the board; null for none. */
static json_t *time_or_null(int64_t wall_us)
{
	char text[CLOCK_ISO_SIZE];

	if (wall_us == 0)
		return json_null();
	clock_format_iso(wall_us, text);
	return json_string(text);
}

static json_t *database_status(void)
{
	struct board_flags *flags = board_flags();
	const char *state = db_state_name(atomic_load(&flags->db_state));
	char reason[BOARD_TEXT_SIZE];
	json_t *out = json_object();

	board_text_get(&flags->db_reason, reason);
	put(&out, "state", json_string(state));
	put(&out, "since", time_or_null(atomic_load(&flags->db_since_us)));
	put(&out, "reason", reason[0] ? json_string(reason) : json_null());
	put(&out, "next_try",
	    time_or_null(atomic_load(&flags->db_next_try_us)));
	put(&out, "breaker",
	    json_string(breaker_name(gauge(METRIC_DB_BREAKER_STATE))));
	return out;
}

static json_t *thread_status(struct board_thread *thread, int pid)
{
	size_t length = strnlen(thread->name, sizeof(thread->name));
	json_int_t beats = (json_int_t)atomic_load(&thread->beats);
	json_t *out = json_object();

	put(&out, "pid", json_integer(pid));
	put(&out, "name", json_stringn(thread->name, length));
	put(&out, "watched", json_boolean(atomic_load(&thread->watched)));
	put(&out, "beats", json_integer(beats));
	return out;
}

/* Those of all processes: the board is shared. */
static json_t *threads_status(void)
{
	json_t *list = json_array();

	for (size_t i = 0; i < BOARD_THREADS; i++) {
		struct board_thread *thread = board_thread_at(i);
		int pid = atomic_load(&thread->pid);

		if (pid > 0)
			json_array_append_new(list, thread_status(thread, pid));
	}
	return list;
}

static json_t *problems_of(const json_t *status)
{
	struct problem problems[PROBLEMS_MAX];
	size_t count = diagnose(status, clock_wall_us(), problems);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "what", problems[i].what,
					"remedy", problems[i].remedy));
	return list;
}

json_t *status_describe(const struct control_context *control)
{
	const struct settings *settings = control->settings;
	const struct board_flags *flags = board_flags();
	uint32_t max_calls = settings->media.max_calls;
	const char *reason = health_refusal(flags, max_calls);
	int32_t calls_active = atomic_load(&flags->calls_active);
	json_t *out = json_object();

	put(&out, "version", json_string(HOLDLINE_VERSION));
	put(&out, "node", json_string(settings->node_id));
	put(&out, "uptime_seconds", json_integer(uptime_seconds()));
	put(&out, "ready", json_boolean(!reason));
	put(&out, "reason", reason ? json_string(reason) : json_null());
	put(&out, "draining", json_boolean(atomic_load(&flags->draining)));
	put(&out, "calls_active", json_integer(calls_active));
	put(&out, "max_calls", json_integer(max_calls));
	put(&out, "outbox", outbox_status(control));
	put(&out, "database", database_status());
	put(&out, "dead_letters", json_integer(gauge(METRIC_DEAD_LETTERS)));
	put(&out, "events",
	    json_pack("{s:I, s:I}", "pending", gauge(METRIC_EVENTS_PENDING),
		      "oldest_seconds", gauge(METRIC_EVENTS_OLDEST_SECONDS)));
	put(&out, "threads", threads_status());
	put(&out, "problems", problems_of(out));
	return out;
}

void status_handle(const struct http_request *request,
		   struct http_response *response, void *context)
{
	(void)request;
	http_reply_json(response, 200, status_describe(context));
}

void outbox_get_handle(const struct http_request *request,
		       struct http_response *response, void *context)
{
	json_t *out = outbox_status(context);

	(void)request;
	put(&out, "database", database_status());
	put(&out, "dead_letters", json_integer(gauge(METRIC_DEAD_LETTERS)));
	http_reply_json(response, 200, out);
}
