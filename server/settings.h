/*
 * settings.h - every setting of Holdline, from one table
 *
 * The table in settings.c has a row for each setting: key, kind, default,
 * range, whether SIGHUP may change it, and one line of help. From it come the
 * file's keys, the flags (--media.listen X), the variables
 * (HOLDLINE_MEDIA_LISTEN), --help, the man page and `holdline config`.
 * Flags beat variables, variables beat the file, the file beats the defaults.
 *
 * The file is YAML, read with libyaml's events rather than libcyaml: a value
 * that is well-formed and wrong must be reported with its line, and libcyaml
 * forgets the lines once it has loaded.
 *
 * A wrong setting is one message that names the key, where it stands (line,
 * flag or variable) and what would be right.
 *
 * Thread: load and reload on the main thread; a loaded struct is read-only.
 */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "log.h"
#include "server/auth/auth.h"

enum route_handler { ROUTE_RECORD, ROUTE_ECHO };
/* The words of the settings stand in the same order (setting.h). */
enum route_dtmf { ROUTE_DTMF_AUTO, ROUTE_DTMF_EVENTS, ROUTE_DTMF_AUDIO };
enum route_order { ROUTE_ORDER_AUTO, ROUTE_ORDER_BIG, ROUTE_ORDER_LITTLE };

/* One row of media.routes: what a path means. */
struct route {
	/* Exact, such as /media/twilio; /media/twilio/{token} is any path of
	 * one more segment, which is the caller's token. */
	char path[128];
	bool token_in_path;
	char provider[24]; /* a dialect, or ROUTE_AUTO, or ROUTE_RAW */
	bool raw;
	enum route_handler handler;
	bool record;	      /* write a recording? */
	bool single_stream;   /* one live stream for an id of the provider */
	bool open_on_purpose; /* "auth: none" */
	enum route_dtmf dtmf; /* where keys are taken from */
	enum route_order byte_order; /* of L16; auto: the dialect's */
	unsigned sample_rate_hz;     /* where no message says it; 0: 8000 */
	/* What we send, where the provider does not say so; empty: as the
	 * dialect has it. */
	char send_codec[8];
	unsigned send_rate_hz;
	struct auth_rules auth;
};
#define ROUTE_TOKEN "/{token}"
#define ROUTE_AUTO  "auto" /* the handshake or the first message says it */
#define ROUTE_RAW   "raw"  /* no calls: every message is said back */
#define ROUTES_MAX  64

/* One row of webhooks.answers: how a provider's webhooks are answered. */
enum webhook_mode { WEBHOOK_CONNECT, WEBHOOK_START };
enum webhook_track { WEBHOOK_INBOUND, WEBHOOK_OUTBOUND, WEBHOOK_BOTH };
struct webhook {
	char name[32]; /* its paths: /webhooks/NAME/answer and .../status */
	/* Whose webhooks, and who may call them. Of a route it has the provider
	 * and the auth; what becomes of the call is the media route's. */
	struct route door;
	/* The path of a media route: there the call goes; "": no calls come. */
	char route[128];
	enum webhook_mode mode;
	enum webhook_track track;
	bool status_callback; /* ask the provider for them, if the answer can */
};
#define WEBHOOKS_MAX  16
#define WEBHOOK_META  "meta" /* WhatsApp's Cloud API: messages, no calls */

#define PROCESSES_MAX 16 /* of media */
#define THREADS_MAX   64 /* in each of them */

/* What the auth of all routes leads to; in one piece, so that settings can be
 * copied. */
#define NETWORKS_MAX 256
struct auth_store {
	char texts[32768]; /* secrets and names; begins with the empty one */
	uint32_t texts_used;
	struct network networks[NETWORKS_MAX];
	uint32_t network_count;
	uint32_t proxy_first, proxy_count; /* media.trusted_proxies of them */
	struct auth_words token_secrets;   /* the first one signs */
};

/* The files of a listener that speaks TLS; no cert: it does not. */
struct tls_settings {
	char cert[256], key[256], client_ca[256]; /* absolute */
};

struct settings {
	char node_id[64];
	struct {
		uint32_t lease_ms;
	} node;
	char data_dir[256]; /* absolute after loading */
	struct {
		char listen[64];  /* host:port */
		uint32_t threads; /* resolved: never 0 */
		uint32_t processes;
		uint32_t max_calls;
		uint32_t max_message; /* bytes; 0: by dialect */
		int32_t tick_us;      /* -1 auto, 0 off */
		uint32_t handshake_timeout_ms, start_timeout_ms;
		uint32_t idle_timeout_ms, max_call_duration_ms;
		uint32_t checkpoint_interval_ms;
		uint32_t send_buffer; /* bytes a call may have unsent */
		uint32_t send_ahead_ms, send_queue_ms, send_age_ms;
		char public_url[256]; /* "": from the handshake */
		char trusted_proxies[1024];
		uint32_t handshakes_per_second,
			refusals_per_minute; /* 0: any */
		struct route routes[ROUTES_MAX];
		size_t route_count;
		struct tls_settings tls;
	} media;
	struct {
		bool enabled;
		char dir[256];		/* absolute */
		uint64_t min_free_disk; /* bytes */
		uint64_t buffer; /* bytes of audio waiting for the disk */
		uint32_t threads;
	} recording;
	struct {
		uint32_t idle_timeout_ms, interval_ms;
	} sessions;
	struct { /* days; 0: for ever */
		uint32_t recordings, calls, events, messages, erasures;
		uint32_t interval_ms; /* between two looks */
	} retention;
	struct {
		uint64_t max_bytes, min_free_disk;
		uint64_t keep_delivered_ms;
		uint64_t segment_bytes;
		uint64_t reserve;	/* bytes, of each process */
		uint32_t low_water;	/* percent of max_bytes */
		uint32_t queue_records; /* the memory queue's size */
		uint64_t queue_bytes;
	} outbox;
	struct {
		char url[1024];
		uint32_t connect_timeout_ms, statement_timeout_ms;
		uint32_t pool_size, pool_recycle_ms;
		uint32_t batch_records;
		uint32_t poison_percent;
		uint32_t retry_initial_ms, retry_max_ms;
		double retry_jitter;
		uint32_t breaker_open_after_ms, breaker_pause_ms;
	} database;
	struct {
		char listen[64];
		char token_file[256];
		struct tls_settings tls;
		char signing_key_file[256];
		uint32_t token_ttl_ms;
		uint32_t login_attempts; /* a minute; 0: any */
		bool plain_http_in_public;
		uint32_t query_timeout_ms; /* a question to the database */
		uint32_t query_queue;	   /* of them, waiting */
		uint32_t max_sockets;	   /* WebSockets */
		uint32_t max_listeners;	   /* of them, those who listen in */
	} control;
	struct {
		char listen[64];      /* "": no webhooks */
		char public_url[256]; /* https://host[:port] */
		uint32_t token_ttl_ms;
		uint32_t max_body;    /* bytes */
		uint32_t max_batch;   /* bytes; of Meta's */
		uint64_t body_memory; /* bytes; of all that are held at once */
		uint32_t max_connections;
		struct webhook answers[WEBHOOKS_MAX];
		size_t answer_count;
		struct tls_settings tls;
	} webhooks;
	struct {
		char verify_token[256], verify_token_file[256];
		char app_secret[256], app_secret_file[256];
		struct webhook door; /* of /webhooks/whatsapp; no name: none */
	} whatsapp;
	struct {
		uint32_t db_down_count;
		uint32_t window_ms;
		char webhook[512]; /* "": nobody is told */
		char secret[256];  /* "": one of its own is made */
	} alerts;
	struct {
		char webhook[512]; /* "": there are no events */
		char secret[256];  /* "": from the file */
		char secret_file[256];
		char types[512]; /* "": all of them */
		uint64_t max_bytes;
		uint64_t max_age_ms, keep_ms;
		uint32_t retry_max_ms;
		uint32_t concurrency;
	} events;
	struct {
		char token_secret[256];
		char token_secret_file[256];
	} auth;
	struct auth_store who; /* from media.routes and auth.* */
	uint32_t drain_timeout_ms;
	uint32_t watchdog_timeout_ms;
	enum log_level log_level;
	enum log_format log_format;
	enum log_mask log_mask;
};

/* Loads defaults, then the file (NULL: none), then the environment, then the
 * flags (argv without the program and the subcommand). Returns 0, or 2 after
 * it wrote the complaint to `err`. `*ret` is malloc'd; free() it. */
int settings_load(struct settings **ret, const char *file, char *const *argv,
		  FILE *err);

/* The effective configuration as YAML that settings_load() accepts; secrets
 * (a password in database.url, alerts.secret, events.secret) are masked. */
void settings_print(const struct settings *settings, FILE *out);

/* One value alone, for scripts: 0, or -ENOENT for no such key. */
int settings_print_one(const struct settings *settings, const char *key,
		       FILE *out);

/* A database url without its password, for people and logs. */
void settings_mask_url(const char *url, char *out, size_t size);

/* A link's host alone: its path may be as good as a password. */
void settings_mask_link(const char *link, char *out, size_t size);

/* One line a setting: --key KIND  help (default). */
void settings_print_help(FILE *out);

/* The keys in which two configurations differ and that a reload cannot change,
 * logged one by one; returns how many. */
int settings_log_unchangeable(const struct settings *old,
			      const struct settings *new_);

/* What a reload may change, routes included, as `from` has it. */
void settings_take_reloadable(struct settings *settings,
			      const struct settings *from);

/* "30s", "5min", "64MiB" as people write them. 0 or -EINVAL / -ERANGE. */
int settings_parse_duration_ms(const char *text, uint64_t *ms);
int settings_parse_size(const char *text, uint64_t *bytes);

/* "127.0.0.1:8080", "[::1]:8080", "localhost:8080"; no host or "*" is any IPv4
 * address. Other names would need DNS, which may wait. 0 or -EINVAL. */
int settings_parse_address(const char *text, struct sockaddr_storage *address,
			   socklen_t *length);

#endif
