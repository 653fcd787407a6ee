/*
 * control.c - the role: one loop for HTTP, one thread that drains
 *
 *   main thread  libev + libwebsockets: health, metrics, status, operations
 *                (which it hands to the drainer); signals
 *   drainer      outbox -> store; may wait for the database, the loop may not
 *   api_query    what the API asks the store (store_pool.h)
 *   session_loop closes idle sessions, ends lost nodes' calls
 *   erasure      removes what somebody wants removed (erasure.h)
 *   retention    removes what is too old (retention.h)
 *   http_files   reads the files that answers are made of (http_files.h)
 *   spooler      what webhooks tell, to the disk (webhook_inbox.h)
 *   message_intake  takes batches of messages apart (message_intake.h)
 *   alerts       posts to alerts.webhook, if there is one
 *   event_feed, event_sender  events for events.webhook, likewise (events.h)
 *
 * Nothing here runs when nothing happens, but for the heartbeat.
 */
#include "server/control/control.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ev.h>
#include <sodium.h>

#include "persistence/alerts.h"
#include "persistence/drainer.h"
#include "persistence/session_loop.h"
#include "server/auth/limits.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/control/api/access.h"
#include "server/control/api/api_routes.h"
#include "server/control/api/push.h"
#include "server/control/api/roster.h"
#include "server/control/api/store_pool.h"
#include "server/control/context.h"
#include "server/control/events/alert_sender.h"
#include "server/control/events/events.h"
#include "server/control/events/session_events.h"
#include "server/control/http/http_files.h"
#include "server/control/http/http_server.h"
#include "server/control/token.h"
#include "server/control/upkeep/erasure.h"
#include "server/control/upkeep/retention.h"
#include "server/control/webhooks/message_intake.h"
#include "server/control/webhooks/webhook_inbox.h"
#include "server/control/webhooks/webhook_messages.h"
#include "server/control/webhooks/webhook_visit.h"
#include "server/control/webhooks/webhooks.h"
#include "server/live_taps.h"
#include "server/log.h"
#include "server/settings.h"
#include "server/thread.h"
#include "server/tls.h"

#define BEAT_S		  0.5
#define DRAIN_AT_END_MS	  5000
#define SPOOL_AT_END_MS	  5000 /* records of webhooks; a disk may refuse */
#define REQUEST_TIMEOUT_S 10
#define CONNECTIONS_MAX	  1024
#define LAST_TURNS	  3 /* the mail, the sockets, and one to spare */

/* The main thread's heartbeat lives as long as the process. */
static struct thread *main_thread;

struct control {
	const struct control_options *options;
	struct ev_loop *loop;
	struct http_router router;
	struct http_server *server;
	struct http_router webhook_router;
	struct http_server *webhooks;	/* NULL: there are none */
	struct settings *reloaded;	/* in force, after a SIGHUP; or NULL */
	struct control_context context; /* what the handlers know */
	struct access access;
	char alert_secret[TOKEN_SIZE], erasure_key[TOKEN_SIZE];
	struct retention *retention;
	struct session_loop *session_loop;
	struct session_events session_events;
	struct alert_sender *alert_sender; /* NULL: nobody to tell */
	ev_signal term, hup;
	ev_timer beat;
};

static void on_beat(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct control *control = timer->data;

	(void)loop;
	(void)events;
	thread_beat(main_thread);
	roster_look(control->access.roster, control->context.drainer,
		    clock_mono_ms());
	growth_note(&control->context.growth,
		    board_get(board_series(METRIC_OUTBOX_BYTES, "")),
		    clock_mono_ms());
	(void)history_look(&control->context.history, clock_mono_ms(),
			   clock_wall_us());
	alerts_look(clock_mono_ms());
	if (control->context.inbox)
		webhook_inbox_look(control->context.inbox, clock_mono_ms());
}

static void on_term(struct ev_loop *loop, ev_signal *signal, int events)
{
	(void)signal;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

/* Without it the process serves on: drains, health and metrics need none, and
 * nobody is admitted by it where one is needed. */
static void load_secret(const char *tag, const char *path,
			char secret[TOKEN_SIZE])
{
	int r = token_load_as(tag, path, secret);

	if (r == 0)
		return;
	secret[0] = '\0';
	log_error(tag, "file=\"%s\" err=\"%s\" nobody=admitted", path,
		  r == -EINVAL ? "needs one line of 32 to 256 characters"
			       : strerror(-r));
}

static void load_access(struct access *access, const struct settings *settings)
{
	load_secret("ADMIN_TOKEN", settings->control.token_file,
		    access->admin_token);
	load_secret("SIGNING_KEY", settings->control.signing_key_file,
		    access->signing_key);
	access->token_ttl_ms = settings->control.token_ttl_ms;
	access->secure = *settings->control.tls.cert;
}

/* A secret that nobody set is made, so that nothing goes out unsigned. */
static void load_alert_secret(struct control *control)
{
	const struct settings *settings = control->options->settings;
	char path[sizeof(settings->data_dir) + 16];
	int r;

	(void)snprintf(control->alert_secret, sizeof(control->alert_secret),
		       "%s", settings->alerts.secret);
	if (*control->alert_secret)
		return;
	(void)snprintf(path, sizeof(path), "%s/alerts.secret",
		       settings->data_dir);
	r = token_load_as("ALERT_SECRET", path, control->alert_secret);
	if (r == 0)
		return;
	control->alert_secret[0] = '\0';
	log_error("ALERT_SECRET", "file=\"%s\" err=\"%s\" alerts=unsigned",
		  path, strerror(-r));
}

/* Without it nothing is erased, and who asks for it is told so. */
static void load_erasure_key(struct control *control)
{
	const struct settings *settings = control->options->settings;
	char path[sizeof(settings->data_dir) + 16];

	(void)snprintf(path, sizeof(path), "%s/erasure.key",
		       settings->data_dir);
	load_secret("ERASURE_KEY", path, control->erasure_key);
	control->context.erasure_key = control->erasure_key;
}

static void changed_alert(void *arg)
{
	const struct control *control = arg;

	alert_sender_wake(control->alert_sender);
}

/* Without it the process serves on, and says so. */
static void start_alerts(struct control *control)
{
	const struct settings *settings = control->options->settings;
	const struct alert_sender_options sender = {
		.url = settings->alerts.webhook,
		.node_id = settings->node_id,
		.secret = control->alert_secret,
	};
	const struct alerts_options alerts = {
		.db_down_count = settings->alerts.db_down_count,
		.window_ms = settings->alerts.window_ms,
		.changed = changed_alert,
		.arg = control,
	};
	int r = 0, window;

	if (*settings->alerts.webhook) {
		load_alert_secret(control);
		r = alert_sender_start(&control->alert_sender, &sender);
	}
	window = alerts_start(&alerts, clock_mono_ms());
	if (r == 0)
		r = window;
	if (r < 0)
		log_error("CONTROL_START", "part=alerts err=\"%s\"",
			  strerror(-r));
}

/* The handlers look at the settings on this thread alone, so the old ones may
 * go; the drainer keeps those of the start. */
static void on_hup(struct ev_loop *loop, ev_signal *signal, int events)
{
	struct control *control = signal->data;
	struct settings *settings = control->options->reload();

	(void)loop;
	(void)events;
	if (!settings)
		return;
	log_configure(settings->log_level, settings->log_format,
		      settings->log_mask);
	tls_follow(settings);
	load_access(&control->access, settings);
	if (control->retention)
		retention_follow(control->retention, settings);
	if (control->session_loop)
		session_loop_follow(control->session_loop, settings);
	if (control->context.erasure)
		erasure_follow(control->context.erasure, settings);
	control->context.settings = settings;
	free(control->reloaded);
	control->reloaded = settings;
}

static void watch_events(struct control *control)
{
	ev_signal_init(&control->term, on_term, SIGTERM);
	control->term.data = control;
	ev_signal_start(control->loop, &control->term);
	ev_signal_init(&control->hup, on_hup, SIGHUP);
	control->hup.data = control;
	ev_signal_start(control->loop, &control->hup);
	ev_timer_init(&control->beat, on_beat, BEAT_S, BEAT_S);
	control->beat.data = control;
	ev_timer_start(control->loop, &control->beat);
}

static int make_limits(struct limits **limits)
{
	uint64_t seed;

	randombytes_buf(&seed, sizeof(seed));
	return limits_create(limits, seed);
}

static int start_webhooks(struct control *control)
{
	const struct settings *settings = control->options->settings;
	const struct http_server_options http = {
		.loop = control->loop,
		.listen_fd = control->options->webhooks_fd,
		.router = &control->webhook_router,
		.timeout_s = REQUEST_TIMEOUT_S,
		.max_connections = settings->webhooks.max_connections,
		.max_body = settings->webhooks.max_body,
		.body_memory = settings->webhooks.body_memory,
		.settings = &control->context.settings,
		.for_webhooks = true,
		.tls = TLS_WEBHOOKS,
		.door = &webhooks_door,
		.door_arg = &control->context,
	};
	int r;

	if (control->options->webhooks_fd < 0)
		return 0;
	control->webhook_router = (struct http_router){
		.routes = webhook_routes,
		.prepare = webhook_messages_prepare,
		.count = webhook_route_count,
		.context = &control->context,
	};
	r = make_limits(&control->context.callers);
	if (r == 0)
		r = webhook_inbox_start(&control->context.inbox, settings);
	if (r == 0)
		r = message_intake_start(&control->context.intake,
					 control->context.inbox);
	return r < 0 ? r : http_server_start(&control->webhooks, &http);
}

static int start_session_loop(struct control *control)
{
	const struct settings *settings = control->options->settings;
	struct session_loop_options options = {
		.settings = settings,
		.drainer = control->context.drainer,
		.arg = &control->session_events,
	};

	control->session_events = (struct session_events){
		.log = events_log(control->context.events),
		.node_id = settings->node_id,
	};
	if (control->session_events.log)
		options.closed = session_events_tell;
	return session_loop_start(&control->session_loop, &options);
}

static int start(struct control *control)
{
	const struct control_options *options = control->options;
	struct http_server_options http = {
		.listen_fd = options->listen_fd,
		.router = &control->router,
		.timeout_s = REQUEST_TIMEOUT_S,
		.max_connections = CONNECTIONS_MAX,
		.tls = TLS_CONTROL,
		.settings = &control->context.settings,
		.max_sockets = options->settings->control.max_sockets,
	};
	int r;

	control->loop = ev_loop_new(EVBACKEND_EPOLL);
	if (!control->loop)
		return -ENOMEM;
	control->context.loop = control->loop;
	live_taps_take_back();
	watch_events(control);
	r = roster_create(&control->access.roster);
	if (r < 0)
		return r;
	load_access(&control->access, options->settings);
	load_erasure_key(control);
	control->context.access = &control->access;
	control->router = (struct http_router){
		.routes = api_routes,
		.count = api_route_count,
		.context = &control->context,
		.access = &control->access,
	};
	http.loop = control->loop;
	r = make_limits(&control->context.logins);
	if (r == 0)
		r = http_files_start(&control->context.files);
	http.files = control->context.files;
	if (r == 0)
		r = push_start(&control->context.push, control->loop,
			       &control->context);
	if (r == 0)
		r = http_server_start(&control->server, &http);
	return r < 0 ? r : start_webhooks(control);
}

/* Nobody asks for rows any more. What webhooks told becomes durable, and then
 * the drainer ends: it does or gives up the operations that it was given, and
 * the loop's last turns tell those who wait for them. */
static void stop(struct control *control)
{
	struct drainer *drainer = control->context.drainer;
	struct webhook_inbox *inbox = control->context.inbox;
	struct store_pool *pool = control->context.pool;
	struct http_files *files = control->context.files;
	struct events *events = control->context.events;

	http_server_close_sockets(control->server);
	control->context.files = NULL;
	control->context.pool = NULL;
	store_pool_stop(pool);
	http_files_stop(files);
	control->context.intake = message_intake_stop(control->context.intake);
	control->context.inbox = NULL;
	(void)webhook_inbox_stop(inbox, SPOOL_AT_END_MS);
	control->context.drainer = NULL;
	retention_close(control->retention);
	session_loop_close(control->session_loop);
	erasure_close(control->context.erasure);
	if (drainer)
		drainer_stop(drainer, DRAIN_AT_END_MS);
	retention_stop(control->retention);
	session_loop_stop(control->session_loop);
	erasure_stop(control->context.erasure);
	control->context.events = NULL;
	events_stop(events);
	alerts_stop();
	alert_sender_stop(control->alert_sender);
	for (int i = 0; control->server && i < LAST_TURNS; i++)
		ev_run(control->loop, EVRUN_NOWAIT);
	http_server_stop(control->webhooks);
	http_server_stop(control->server);
	push_stop(control->context.push);
	limits_destroy(control->context.callers);
	limits_destroy(control->context.logins);
	roster_destroy(control->access.roster);
	sodium_memzero(&control->access, sizeof(control->access));
	sodium_memzero(control->erasure_key, sizeof(control->erasure_key));
	free(control->reloaded);
	if (!control->loop)
		return;
	ev_timer_stop(control->loop, &control->beat);
	ev_signal_stop(control->loop, &control->term);
	ev_signal_stop(control->loop, &control->hup);
	ev_loop_destroy(control->loop);
}

int control_run(const struct control_options *options)
{
	struct control control = { .options = options,
				   .context.settings = options->settings,
				   .context.first = options->settings };
	const char *what = "http";
	int r;

	/* Ctrl-C reaches the whole terminal; who ends when is the
	 * supervisor's to say. */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	main_thread = thread_adopt_main("control", true);
	r = start(&control);
	if (r < 0)
		goto end;
	start_alerts(&control);
	what = "events";
	r = events_start(&control.context.events, options->settings);
	if (r < 0)
		goto end;
	what = "drainer";
	r = drainer_start(&control.context.drainer, options->settings);
	if (r < 0)
		goto end;
	what = "retention";
	r = retention_start(&control.retention, control.context.drainer,
			    options->settings);
	if (r < 0)
		goto end;
	what = "session_loop";
	r = start_session_loop(&control);
	if (r < 0)
		goto end;
	what = "erasure";
	r = erasure_start(&control.context.erasure, control.context.drainer,
			  options->settings);
	if (r < 0)
		goto end;
	what = "api";
	r = store_pool_start(&control.context.pool, options->settings);
	if (r < 0)
		goto end;
	log_info("CONTROL_READY", "listen=%s",
		 options->settings->control.listen);
	ev_run(control.loop, 0);
end:
	if (r < 0)
		log_error("CONTROL_START", "part=%s err=\"%s\"", what,
			  strerror(-r));
	stop(&control);
	return r < 0 ? 1 : 0;
}
