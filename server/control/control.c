/*
 * control.c - the role: one loop for HTTP, one thread that drains
 *
 *   main thread  libev + libwebsockets: health, metrics, status; signals
 *   drainer      outbox -> store; may wait for the database, the loop may not
 *
 * Nothing here runs when nothing happens, but for the heartbeat.
 */
#include "server/control/control.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ev.h>

#include "persistence/drainer.h"
#include "server/control/health.h"
#include "server/control/http_server.h"
#include "server/control/metrics.h"
#include "server/control/status.h"
#include "server/control/token.h"
#include "server/log.h"
#include "server/settings.h"
#include "server/thread.h"

#define BEAT_S		  0.5
#define DRAIN_AT_END_MS	  5000
#define REQUEST_TIMEOUT_S 10
#define CONNECTIONS_MAX	  1024

static const struct http_route routes[] = {
	{ HTTP_GET, "/health/live", health_live, false },
	{ HTTP_GET, "/health/ready", health_ready, false },
	{ HTTP_GET, "/health/db", health_db, false },
	{ HTTP_GET, "/metrics", metrics_handle, false },
	{ HTTP_GET, "/api/status", status_handle, true },
};

/* The main thread's heartbeat lives as long as the process. */
static struct thread *main_thread;

struct control {
	const struct control_options *options;
	struct ev_loop *loop;
	struct http_router router;
	struct http_server *server;
	struct drainer *drainer;
	char admin_token[TOKEN_SIZE];
	ev_signal term, hup;
	ev_timer beat;
};

static void on_beat(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)timer;
	(void)events;
	thread_beat(main_thread);
}

static void on_term(struct ev_loop *loop, ev_signal *signal, int events)
{
	(void)signal;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

/* Of what a reload may change, this role uses the log's settings alone. */
static void on_hup(struct ev_loop *loop, ev_signal *signal, int events)
{
	struct control *control = signal->data;
	struct settings *settings = control->options->reload();

	(void)loop;
	(void)events;
	if (!settings)
		return;
	log_configure(settings->log_level, settings->log_format);
	free(settings);
}

/* Without its token the process serves on: drains, health and metrics need
 * none, and nobody is admitted where one is needed. */
static void load_token(struct control *control)
{
	const char *path = control->options->settings->control.token_file;
	int r = token_load(path, control->admin_token);

	if (r == 0)
		return;
	control->admin_token[0] = '\0';
	log_error("ADMIN_TOKEN", "file=\"%s\" err=\"%s\" admin=refused", path,
		  r == -EINVAL ? "needs one line of 32 to 256 characters"
			       : strerror(-r));
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
	ev_timer_start(control->loop, &control->beat);
}

static int start(struct control *control)
{
	const struct control_options *options = control->options;
	struct http_server_options http = {
		.listen_fd = options->listen_fd,
		.router = &control->router,
		.timeout_s = REQUEST_TIMEOUT_S,
		.max_connections = CONNECTIONS_MAX,
	};

	control->loop = ev_loop_new(EVBACKEND_EPOLL);
	if (!control->loop)
		return -ENOMEM;
	watch_events(control);
	load_token(control);
	control->router = (struct http_router){
		.routes = routes,
		.count = sizeof(routes) / sizeof(routes[0]),
		/* Handlers read it; the router's context is for any type. */
		.context = (void *)(uintptr_t)options->settings,
		.admin_token = control->admin_token,
	};
	http.loop = control->loop;
	return http_server_start(&control->server, &http);
}

/* Callers first, then the drainer: nobody is left to see it go. */
static void stop(struct control *control)
{
	http_server_stop(control->server);
	if (control->drainer)
		drainer_stop(control->drainer, DRAIN_AT_END_MS);
	if (!control->loop)
		return;
	ev_timer_stop(control->loop, &control->beat);
	ev_signal_stop(control->loop, &control->term);
	ev_signal_stop(control->loop, &control->hup);
	ev_loop_destroy(control->loop);
}

int control_run(const struct control_options *options)
{
	struct control control = { .options = options };
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
	what = "drainer";
	r = drainer_start(&control.drainer, options->settings);
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
