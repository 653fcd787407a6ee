/*
 * settings_table.c - the one table of all settings (see setting.h)
 *
 * The table says where a setting lives in the struct, how its text is read, and
 * what it may be. A new setting is a new row.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "server/setting.h"

#define RELOAD true
#define FIXED  false

#define AT(field) \
	offsetof(struct settings, field), sizeof(((struct settings *)0)->field)
#define KI  1024.0
#define MI  (1024.0 * KI)
#define GI  (1024.0 * MI)
#define S   1000.0
#define MIN (60 * S)
#define H   (60 * MIN)

const struct setting settings_table[] = {
	{ "node.id", NAME, FIXED, AT(node_id), "", 0, 0,
	  "this node, in every row and log line (default: the host name)" },
	{ "node.lease", DURATION, FIXED, AT(node.lease_ms), "3min", 1 * S,
	  24 * H,
	  "how long a node may be silent before others end its live calls" },
	{ "data_dir", PATH, FIXED, AT(data_dir), "./holdline-data", 1, 0,
	  "outbox, recordings, embedded store" },
	{ "drain_timeout", DURATION, RELOAD, AT(drain_timeout_ms), "30s", 0,
	  24 * H, "how long live calls may finish after SIGTERM" },
	{ "watchdog_timeout", DURATION, RELOAD, AT(watchdog_timeout_ms), "10s",
	  2 * S, H, "a role whose loop stands still that long is restarted" },
	{ "media.listen", ADDRESS, FIXED, AT(media.listen), "127.0.0.1:8080", 1,
	  0, "address for calls" },
	{ "media.threads", COUNT, FIXED, AT(media.threads), "0", 0, THREADS_MAX,
	  "loops a process (0: one per core)" },
	{ "media.processes", COUNT, FIXED, AT(media.processes), "1", 1,
	  PROCESSES_MAX, "media processes" },
	{ "media.tick", TICK, RELOAD, AT(media.tick_us), "auto", 0, 10000,
	  "auto, 0 (wake at once) to 10ms" },
	{ "media.max_calls", COUNT, RELOAD, AT(media.max_calls), "10000", 1,
	  1000000, "beyond: 503 at the handshake" },
	{ "media.max_message", SIZE, RELOAD, AT(media.max_message), "0", 0,
	  16 * MI, "longer messages end the call, 1009 (0: by dialect)" },
	{ "media.handshake_timeout", DURATION, FIXED,
	  AT(media.handshake_timeout_ms), "5s", 1 * S, MIN,
	  "from connecting to the upgrade" },
	{ "media.start_timeout", DURATION, RELOAD, AT(media.start_timeout_ms),
	  "10s", 100, H, "from the upgrade to the start message" },
	{ "media.idle_timeout", DURATION, RELOAD, AT(media.idle_timeout_ms),
	  "30s", 100, 24 * H, "without media the call is ended" },
	{ "media.max_call_duration", DURATION, RELOAD,
	  AT(media.max_call_duration_ms), "4h", 1 * S, 7 * 24 * H,
	  "longer calls are ended" },
	{ "media.checkpoint_interval", DURATION, RELOAD,
	  AT(media.checkpoint_interval_ms), "15s", 1 * S, H,
	  "how often a live call's numbers are kept" },
	{ "media.send_buffer", SIZE, RELOAD, AT(media.send_buffer), "64KiB",
	  4 * KI, 16 * MI, "audio a call may have unsent; more is dropped" },
	{ "media.send_ahead", DURATION, RELOAD, AT(media.send_ahead_ms), "30s",
	  20, 10 * MIN, "audio a provider gets before it can play it" },
	{ "media.send_queue", DURATION, RELOAD, AT(media.send_queue_ms), "1min",
	  100, H, "audio of a call that waits beyond; more is dropped" },
	{ "media.send_age", DURATION, RELOAD, AT(media.send_age_ms), "90s", 100,
	  H, "audio that has waited longer is dropped" },
	{ "media.public_url", ENDPOINT, RELOAD, AT(media.public_url), "", 0, 0,
	  "what providers were told, for signatures: wss://HOST[:PORT] "
	  "(default: as the caller has it)" },
	{ "media.trusted_proxies", NETWORKS, RELOAD, AT(media.trusted_proxies),
	  "", 0, 0,
	  "networks of proxies whose X-Forwarded-* is believed (default: "
	  "none)" },
	{ "media.handshakes_per_second", COUNT, RELOAD,
	  AT(media.handshakes_per_second), "1000", 0, 1000000,
	  "by one address; beyond: 429 (0: any; loopback: any)" },
	{ "media.refusals_per_minute", COUNT, RELOAD,
	  AT(media.refusals_per_minute), "120", 0, 1000000,
	  "of one address; beyond: 429 (0: any; loopback: any)" },
	{ "media.tls.cert", PATH, FIXED, AT(media.tls.cert), "", 0, 0,
	  "certificate and chain, PEM: wss (default: plain ws)" },
	{ "media.tls.key", PATH, FIXED, AT(media.tls.key), "", 0, 0,
	  "its private key, PEM; SIGHUP reads both again" },
	{ "media.tls.client_ca", PATH, FIXED, AT(media.tls.client_ca), "", 0, 0,
	  "who signs callers' certificates, PEM (default: none is asked "
	  "for)" },
	{ "auth.token_secret", SECRET, RELOAD, AT(auth.token_secret), "", 0, 0,
	  "signs one-time tokens (default: made at each start)" },
	{ "auth.token_secret_file", PATH, RELOAD, AT(auth.token_secret_file),
	  "", 0, 0, "the same from a file, one a line; the first one signs" },
	{ "recording.enabled", BOOL, RELOAD, AT(recording.enabled), "true", 0,
	  0, "record calls (a route may say no)" },
	{ "recording.dir", PATH, FIXED, AT(recording.dir), "", 0, 0,
	  "where recordings go (default: <data_dir>/recordings)" },
	{ "recording.min_free_disk", SIZE, FIXED, AT(recording.min_free_disk),
	  "512MiB", 0, 1e15, "below: audio is dropped and counted" },
	{ "recording.buffer", SIZE, FIXED, AT(recording.buffer), "64MiB",
	  1 * MI, 64 * GI, "audio in memory, waiting for the disk" },
	{ "recording.threads", COUNT, FIXED, AT(recording.threads), "1", 1, 16,
	  "threads that write recordings" },
	{ "retention.recordings", COUNT, RELOAD, AT(retention.recordings), "0",
	  0, 36500, "days after which they are removed (0: never)" },
	{ "retention.calls", COUNT, RELOAD, AT(retention.calls), "0", 0, 36500,
	  "days after which calls, their events and recordings are removed "
	  "(0: never)" },
	{ "retention.erasures", COUNT, RELOAD, AT(retention.erasures), "30", 0,
	  3650, "days for which late records of what was erased are removed" },
	{ "retention.events", COUNT, RELOAD, AT(retention.events), "0", 0,
	  36500, "days after which events of calls are removed (0: never)" },
	{ "retention.messages", COUNT, RELOAD, AT(retention.messages), "0", 0,
	  36500,
	  "days after which messages, their statuses and sessions are removed "
	  "(0: never)" },
	{ "retention.interval", DURATION, RELOAD, AT(retention.interval_ms),
	  "10min", 100, 24 * H, "how often we look for them" },
	{ "outbox.max_bytes", SIZE, FIXED, AT(outbox.max_bytes), "1GiB",
	  16 * MI, 1e15, "beyond: new calls get 503" },
	{ "outbox.min_free_disk", SIZE, FIXED, AT(outbox.min_free_disk),
	  "256MiB", 0, 1e15, "below: new calls get 503" },
	{ "outbox.low_water", COUNT, FIXED, AT(outbox.low_water), "80", 1, 100,
	  "percent of max_bytes; beyond: fewer checkpoints" },
	{ "outbox.reserve", SIZE, FIXED, AT(outbox.reserve), "32MiB", 0,
	  64 * GI, "kept for live calls on a full disk, by each process" },
	{ "outbox.keep_delivered", DURATION, FIXED,
	  AT(outbox.keep_delivered_ms), "15min", 0, 7 * 24 * H,
	  "delivered records stay that long" },
	{ "outbox.segment", SIZE, FIXED, AT(outbox.segment_bytes), "16MiB",
	  2 * MI, 1 * GI, "size of a journal's segment" },
	{ "outbox.queue", COUNT, FIXED, AT(outbox.queue_records), "32768", 64,
	  4194304, "records in memory; half full: new calls get 503" },
	{ "outbox.queue_memory", SIZE, FIXED, AT(outbox.queue_bytes), "256MiB",
	  1 * MI, 64 * GI, "their bytes; half full: new calls get 503" },
	{ "database.url", URL, FIXED, AT(database.url), "", 0, 0,
	  "sqlite:PATH or postgresql://... (default: "
	  "sqlite:<data_dir>/holdline.db)" },
	{ "database.connect_timeout", DURATION, FIXED,
	  AT(database.connect_timeout_ms), "5s", 100, 5 * MIN,
	  "for one attempt to connect" },
	{ "database.statement_timeout", DURATION, FIXED,
	  AT(database.statement_timeout_ms), "30s", 100, H, "for one batch" },
	{ "database.pool_size", COUNT, FIXED, AT(database.pool_size), "4", 1,
	  64, "connections of the control process at the most" },
	{ "database.pool_recycle", DURATION, FIXED,
	  AT(database.pool_recycle_ms), "300s", 1 * S, 24 * H,
	  "a connection's longest life" },
	{ "database.batch", COUNT, FIXED, AT(database.batch_records), "500", 1,
	  10000, "records in one transaction" },
	{ "database.poison_percent", COUNT, FIXED, AT(database.poison_percent),
	  "20", 0, 100,
	  "more refused than that: wait, instead of dead letters" },
	{ "database.retry.initial", DURATION, FIXED,
	  AT(database.retry_initial_ms), "1s", 10, MIN,
	  "the first wait after a failure; it doubles" },
	{ "database.retry.max", DURATION, FIXED, AT(database.retry_max_ms),
	  "60s", 10, H, "the longest wait" },
	{ "database.retry.jitter", FRACTION, FIXED, AT(database.retry_jitter),
	  "0.2", 0, 1, "spread of each wait, so that a herd spreads" },
	{ "database.breaker.open_after", DURATION, FIXED,
	  AT(database.breaker_open_after_ms), "5min", 1 * S, 24 * H,
	  "down that long: rest" },
	{ "database.breaker.pause", DURATION, FIXED,
	  AT(database.breaker_pause_ms), "1min", 1 * S, H,
	  "the rest, before one probe" },
	{ "control.listen", ADDRESS, FIXED, AT(control.listen),
	  "127.0.0.1:9090", 1, 0, "address for health, metrics and status" },
	{ "control.token_file", PATH, FIXED, AT(control.token_file), "", 0, 0,
	  "made at first start (default: <data_dir>/admin.token)" },
	{ "control.tls.cert", PATH, FIXED, AT(control.tls.cert), "", 0, 0,
	  "certificate and chain, PEM: https (default: plain http)" },
	{ "control.tls.key", PATH, FIXED, AT(control.tls.key), "", 0, 0,
	  "its private key, PEM; SIGHUP reads both again" },
	{ "control.signing_key_file", PATH, FIXED, AT(control.signing_key_file),
	  "", 0, 0,
	  "signs what who signs in gets; made at first start "
	  "(default: <data_dir>/signing.key)" },
	{ "control.token_ttl", DURATION, RELOAD, AT(control.token_ttl_ms),
	  "12h", 1 * MIN, 30 * 24 * H, "how long that is good" },
	{ "control.login_attempts", COUNT, RELOAD, AT(control.login_attempts),
	  "10", 0, 10000,
	  "failures a minute, of an account or an address (0: any)" },
	{ "control.plain_http_in_public", BOOL, FIXED,
	  AT(control.plain_http_in_public), "false", 0, 0,
	  "listen on a public address without TLS: passwords and tokens can be "
	  "read on the way" },
	{ "control.query_timeout", DURATION, FIXED,
	  AT(control.query_timeout_ms), "5s", 100, 5 * MIN,
	  "for one question of the API to the database" },
	{ "control.query_queue", COUNT, FIXED, AT(control.query_queue), "32", 1,
	  48, "requests that wait for it; more get 503" },
	{ "control.max_sockets", COUNT, FIXED, AT(control.max_sockets), "64", 1,
	  1000, "WebSockets, of dashboards and listeners; more get 503" },
	{ "control.max_listeners", COUNT, FIXED, AT(control.max_listeners),
	  "16", 0, 64, "who may listen to live calls at once" },
	{ "webhooks.listen", ADDRESS, FIXED, AT(webhooks.listen), "", 0, 0,
	  "address for the providers' webhooks (default: none)" },
	{ "webhooks.public_url", ENDPOINT, RELOAD, AT(webhooks.public_url), "",
	  0, 0,
	  "where providers find them: https://HOST[:PORT] (default: as the "
	  "caller has it)" },
	{ "webhooks.token_ttl", DURATION, RELOAD, AT(webhooks.token_ttl_ms),
	  "1min", 1 * S, H, "how long the token in an answer is good" },
	{ "webhooks.max_body", SIZE, FIXED, AT(webhooks.max_body), "64KiB",
	  1 * KI, 1 * MI, "a longer webhook is refused with 413" },
	{ "webhooks.max_batch", SIZE, FIXED, AT(webhooks.max_batch), "4MiB",
	  3 * MI, 64 * MI, "a longer batch of Meta's is refused with 413" },
	{ "webhooks.body_memory", SIZE, FIXED, AT(webhooks.body_memory),
	  "64MiB", 4 * MI, 64 * GI,
	  "what bodies are beyond their first 64 KiB, together; beyond: 503" },
	{ "webhooks.max_connections", COUNT, FIXED,
	  AT(webhooks.max_connections), "256", 1, 65536,
	  "beyond: accepted and closed" },
	{ "webhooks.tls.cert", PATH, FIXED, AT(webhooks.tls.cert), "", 0, 0,
	  "certificate and chain, PEM: https (default: plain http)" },
	{ "webhooks.tls.key", PATH, FIXED, AT(webhooks.tls.key), "", 0, 0,
	  "its private key, PEM; SIGHUP reads both again" },
	{ "webhooks.tls.client_ca", PATH, FIXED, AT(webhooks.tls.client_ca), "",
	  0, 0,
	  "who signs callers' certificates, PEM (default: none is asked "
	  "for)" },
	{ "whatsapp.verify_token", PASSWORD, RELOAD, AT(whatsapp.verify_token),
	  "", 0, 0,
	  "what Meta's app was told for the handshake (default: there is no "
	  "/webhooks/whatsapp)" },
	{ "whatsapp.verify_token_file", PATH, RELOAD,
	  AT(whatsapp.verify_token_file), "", 0, 0,
	  "the same from a file, one a line" },
	{ "whatsapp.app_secret", PASSWORD, RELOAD, AT(whatsapp.app_secret), "",
	  0, 0, "of Meta's app: signs its webhooks" },
	{ "whatsapp.app_secret_file", PATH, RELOAD,
	  AT(whatsapp.app_secret_file), "", 0, 0,
	  "the same from a file, one a line; all are good" },
	{ "sessions.idle_timeout", DURATION, RELOAD,
	  AT(sessions.idle_timeout_ms), "15min", 1 * S, 30 * 24 * H,
	  "a conversation without a message for that long is over" },
	{ "sessions.interval", DURATION, RELOAD, AT(sessions.interval_ms),
	  "60s", 100, H, "how often we look for those that are" },
	{ "alerts.db_down_count", COUNT, FIXED, AT(alerts.db_down_count), "10",
	  1, 10000, "more failures of the database than that: alert" },
	{ "alerts.window", DURATION, FIXED, AT(alerts.window_ms), "5min", 1 * S,
	  24 * H, "the time in which they are counted" },
	{ "alerts.webhook", LINK, FIXED, AT(alerts.webhook), "", 0, 0,
	  "who is told of an alert, by POST (default: nobody)" },
	{ "alerts.secret", SECRET, FIXED, AT(alerts.secret), "", 0, 0,
	  "signs what is posted (default: made at first start)" },
	{ "events.webhook", LINK, FIXED, AT(events.webhook), "", 0, 0,
	  "who is told of calls, recordings and outages, by POST (default: "
	  "nobody)" },
	{ "events.secret", SECRET, FIXED, AT(events.secret), "", 0, 0,
	  "signs what is posted (default: from events.secret_file)" },
	{ "events.secret_file", PATH, FIXED, AT(events.secret_file), "", 0, 0,
	  "the same from a file; made at first start (default: "
	  "<data_dir>/events.secret)" },
	{ "events.types", TYPES, FIXED, AT(events.types), "", 0, 0,
	  "those it is told of, separated by commas (default: all)" },
	{ "events.max_bytes", SIZE, FIXED, AT(events.max_bytes), "64MiB",
	  4 * MI, 1e15, "on disk; beyond: the oldest are given up" },
	{ "events.max_age", DURATION, FIXED, AT(events.max_age_ms), "72h",
	  1 * S, 30 * 24 * H, "what is not delivered by then is given up" },
	{ "events.keep", DURATION, FIXED, AT(events.keep_ms), "24h", 0,
	  30 * 24 * H, "delivered events stay that long, for a replay" },
	{ "events.retry_max", DURATION, FIXED, AT(events.retry_max_ms), "60s",
	  100, H, "the longest wait before the next try" },
	{ "events.concurrency", COUNT, FIXED, AT(events.concurrency), "32", 1,
	  64, "posts under way at once" },
	{ "log.level", LEVEL, RELOAD, AT(log_level), "info", 0, 0,
	  "debug, info, warn or error" },
	{ "log.format", FORMAT, RELOAD, AT(log_format), "text", 0, 0,
	  "text or json" },
	{ "log.mask", MASK, RELOAD, AT(log_mask), "callers", 0, 0,
	  "whose numbers and words are hidden: none, callers or all" },
};
const size_t settings_table_size =
	sizeof(settings_table) / sizeof(settings_table[0]);
_Static_assert(sizeof(settings_table) / sizeof(settings_table[0]) <=
		       SETTINGS_MAX,
	       "raise SETTINGS_MAX");

const char *const setting_level_words[4] = { "debug", "info", "warn", "error" };
const char *const setting_format_words[2] = { "text", "json" };
const char *const setting_mask_words[3] = { "none", "callers", "all" };
const char *const setting_handler_words[2] = { "record", "echo" };
const char *const setting_dtmf_words[3] = { "auto", "events", "audio" };
const char *const setting_order_words[3] = { "auto", "big", "little" };
const char *const setting_mode_words[2] = { "connect", "start" };
const char *const setting_track_words[3] = { "inbound", "outbound", "both" };

/* ---- finding the setting ---------------------------------------------------
 */

const struct setting *setting_find(const char *key)
{
	for (size_t i = 0; i < settings_table_size; i++)
		if (strcmp(settings_table[i].key, key) == 0)
			return &settings_table[i];
	return NULL;
}

/* Edit distance (Levenshtein), for keys of ordinary length. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[64];
	size_t width = strlen(b);

	if (width >= 64)
		return UINT_MAX;
	for (size_t j = 0; j <= width; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= width; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[width];
}

/* The key as a variable: HOLDLINE_MEDIA_LISTEN. */
void setting_format_variable(const char *key, char out[VARIABLE_SIZE])
{
	size_t i = (size_t)snprintf(out, VARIABLE_SIZE, "HOLDLINE_");

	for (; *key && i < VARIABLE_SIZE - 1; key++)
		out[i++] =
			*key == '.' ? '_' : (char)toupper((unsigned char)*key);
	out[i] = '\0';
}

/* The key that looks most like it; as_variable: as the variable's name. */
const char *setting_nearest(const char *text, bool as_variable)
{
	const char *best = settings_table[0].key;
	unsigned least = UINT_MAX;

	for (size_t i = 0; i <= settings_table_size; i++) {
		const char *key = i < settings_table_size
					  ? settings_table[i].key
					  : "media.routes";
		char variable[VARIABLE_SIZE];
		unsigned d;

		if (as_variable && i == settings_table_size)
			break; /* routes are no variable */
		setting_format_variable(key, variable);
		d = distance(text, as_variable ? variable : key);
		if (d < least) {
			least = d;
			best = key;
		}
	}
	return best;
}

/* Does the key name a group, such as "media" or "database.retry"? */
bool setting_is_group(const char *key)
{
	size_t length = strlen(key);

	for (size_t i = 0; i < settings_table_size; i++)
		if (strncmp(settings_table[i].key, key, length) == 0 &&
		    settings_table[i].key[length] == '.')
			return true;
	return false;
}

/* Does the key lead through a setting: "log.level[0]", "log.level.x"? */
bool setting_is_below(const char *key)
{
	for (size_t i = 0; i < settings_table_size; i++) {
		size_t length = strlen(settings_table[i].key);

		if (strncmp(settings_table[i].key, key, length) == 0 &&
		    (key[length] == '[' || key[length] == '.'))
			return true;
	}
	return false;
}
