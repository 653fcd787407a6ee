/*
 * settings_test.c - what people write, and what they are told when it is wrong
 *
 * Files are written to a directory of the test's own; complaints are read back
 * from memory, word for word where the words are the point.
 */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "server/setting.h"
#include "server/settings.h"

static char directory[] = "/tmp/settings_test.XXXXXX";
static char complaint[1024]; /* of the last load */

/* ---- helpers ---------------------------------------------------------------
 */

static const char *write_file(const char *text)
{
	static char path[sizeof(directory) + 16];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/h.yaml", directory);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	return path;
}

/* NULL, and the complaint, when something is wrong. */
static struct settings *load(const char *file, const char *const *flags)
{
	struct settings *settings = NULL;
	char *argv[16] = { NULL };
	FILE *err;
	int status;

	for (size_t i = 0; flags && flags[i]; i++) {
		argv[i] = strdup(flags[i]);
		assert_non_null(argv[i]);
	}
	complaint[0] = '\0';
	err = fmemopen(complaint, sizeof(complaint), "w");
	assert_non_null(err);
	status = settings_load(&settings, file, argv, err);
	assert_int_equal(fclose(err), 0);
	for (size_t i = 0; argv[i]; i++)
		free(argv[i]);
	if (status != 0) {
		assert_int_equal(status, 2);
		assert_null(settings);
		assert_true(complaint[0] != '\0');
	}
	return settings;
}

#define FLAGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct settings *load_good(const char *file, const char *const *flags)
{
	struct settings *settings = load(file, flags);

	if (!settings) {
		fail_msg("refused: %s", complaint);
		abort(); /* for those who do not know that it never returns */
	}
	return settings;
}

/* What loading the text as a file complains of, without the directory. */
static const char *complaint_of(const char *text)
{
	struct settings *settings = load(write_file(text), NULL);

	free(settings);
	assert_null(settings);
	assert_memory_equal(complaint, directory, strlen(directory));
	return complaint + strlen(directory) + 1;
}

static char *printed(const struct settings *settings)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	settings_print(settings, out);
	if (fclose(out) != 0 || !text)
		abort();
	return text;
}

/* ---- texts -----------------------------------------------------------------
 */

static void durations_need_a_unit_that_exists(void **state)
{
	static const struct {
		const char *text;
		int result;
		uint64_t ms;
	} rows[] = {
		{ "30s", 0, 30000 },
		{ "5min", 0, 300000 },
		{ "4h", 0, 14400000 },
		{ "250ms", 0, 250 },
		{ "1.5s", 0, 1500 },
		{ "1d", 0, 86400000 },
		{ "0", 0, 0 },
		{ "0s", 0, 0 },
		{ "400us", 0, 0 },
		{ "30", -EINVAL, 0 },
		{ "30x", -EINVAL, 0 },
		{ "30 s", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "1e3s", -EINVAL, 0 },
		{ "0x10s", -EINVAL, 0 },
		{ "1.2.3s", -EINVAL, 0 },
		{ " 1s", -EINVAL, 0 },
		{ "30S", -EINVAL, 0 },
		{ "inf", -EINVAL, 0 },
		{ "nan", -EINVAL, 0 },
		{ "9999999999999999999d", -ERANGE, 0 },
		{ "11111111111111111111111111111111111111s", -ERANGE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t ms = 0;
		int r = settings_parse_duration_ms(rows[i].text, &ms);

		if (r != rows[i].result || (r == 0 && ms != rows[i].ms))
			fail_msg("\"%s\" gives %d, %llu", rows[i].text, r,
				 (unsigned long long)ms);
	}
}

static void sizes_need_a_unit_that_exists(void **state)
{
	static const struct {
		const char *text;
		int result;
		uint64_t bytes;
	} rows[] = {
		{ "64KiB", 0, 65536 },	      { "1MiB", 0, 1048576 },
		{ "1GiB", 0, 1073741824 },    { "1.5KiB", 0, 1536 },
		{ "512B", 0, 512 },	      { "1KB", 0, 1000 },
		{ "2MB", 0, 2000000 },	      { "0", 0, 0 },
		{ "2TiB", 0, 2199023255552 }, { "64", -EINVAL, 0 },
		{ "64kib", -EINVAL, 0 },      { "64K", -EINVAL, 0 },
		{ "999999TiB", -ERANGE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t bytes = 0;
		int r = settings_parse_size(rows[i].text, &bytes);

		if (r != rows[i].result || (r == 0 && bytes != rows[i].bytes))
			fail_msg("\"%s\" gives %d, %llu", rows[i].text, r,
				 (unsigned long long)bytes);
	}
}

static void addresses_are_numeric(void **state)
{
	static const struct {
		const char *text;
		int family; /* 0: refused */
		uint16_t port;
	} rows[] = {
		{ "127.0.0.1:8080", AF_INET, 8080 },
		{ "localhost:80", AF_INET, 80 },
		{ ":80", AF_INET, 80 },
		{ "*:65535", AF_INET, 65535 },
		{ "[::1]:443", AF_INET6, 443 },
		{ "[::]:0", AF_INET6, 0 },
		{ "127.0.0.1", 0, 0 },
		{ "127.0.0.1:", 0, 0 },
		{ "127.0.0.1:65536", 0, 0 },
		{ "127.0.0.1:-1", 0, 0 },
		{ "127.0.0.1:80x", 0, 0 },
		{ "256.0.0.1:80", 0, 0 },
		{ "::1:80", 0, 0 },
		{ "[::1:80", 0, 0 },
		{ "[]:80", 0, 0 },
		{ "[:80", 0, 0 },
		{ "example.com:80", 0, 0 },
		{ "", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sockaddr_storage a = { 0 };
		socklen_t length = 0;
		int r = settings_parse_address(rows[i].text, &a, &length);
		const struct sockaddr_in *v4 = (struct sockaddr_in *)&a;

		/* Both families keep the port at the same place. */
		if ((r == 0) != (rows[i].family != 0) ||
		    (r == 0 && (a.ss_family != rows[i].family ||
				ntohs(v4->sin_port) != rows[i].port)))
			fail_msg("\"%s\" gives %d", rows[i].text, r);
	}
}

/* ---- defaults and sources --------------------------------------------------
 */

static void without_anything_the_defaults_hold(void **state)
{
	struct settings *s = load_good(NULL, NULL);
	char expected[PATH_MAX + 32], here[PATH_MAX];

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	(void)snprintf(expected, sizeof(expected), "%s/holdline-data", here);
	assert_string_equal(s->data_dir, expected);
	assert_true(s->node_id[0] != '\0');
	assert_string_equal(s->media.listen, "127.0.0.1:8080");
	assert_in_range(s->media.threads, 1, 1024);
	assert_int_equal(s->media.processes, 1);
	assert_int_equal(s->media.tick_us, -1);
	assert_int_equal(s->media.max_calls, 10000);
	assert_int_equal(s->media.start_timeout_ms, 10000);
	assert_int_equal(s->media.idle_timeout_ms, 30000);
	assert_int_equal(s->media.max_call_duration_ms, 4 * 3600 * 1000);
	assert_int_equal(s->media.send_buffer, 64 * 1024);
	assert_true(s->media.route_count >= 2);
	assert_string_equal(s->media.routes[0].path, "/media/twilio");
	assert_int_equal(s->media.routes[0].handler, ROUTE_RECORD);
	assert_string_equal(s->media.routes[1].path, "/media/twilio/echo");
	assert_int_equal(s->media.routes[1].handler, ROUTE_ECHO);
	assert_true(s->recording.enabled);
	assert_int_equal(s->recording.min_free_disk, 512 << 20);
	assert_int_equal(s->outbox.max_bytes, 1 << 30);
	assert_int_equal(s->outbox.low_water, 80);
	assert_int_equal(s->outbox.reserve, 32 << 20);
	assert_int_equal(s->outbox.queue_bytes, 256 << 20);
	assert_int_equal(s->outbox.keep_delivered_ms, 15 * 60 * 1000);
	assert_int_equal(s->database.pool_recycle_ms, 300 * 1000);
	assert_true(s->database.retry_jitter > 0.199 &&
		    s->database.retry_jitter < 0.201);
	assert_int_equal(s->drain_timeout_ms, 30000);
	assert_int_equal(s->log_level, LOG_LEVEL_INFO);
	assert_int_equal(s->log_format, LOG_FORMAT_TEXT);
	free(s);
}

static void paths_follow_the_data_dir_unless_given(void **state)
{
	struct settings *s =
		load_good(NULL, FLAGS("--data_dir", "/srv/h", "--recording.dir",
				      "/mnt/audio"));

	(void)state;
	assert_string_equal(s->data_dir, "/srv/h");
	assert_string_equal(s->recording.dir, "/mnt/audio");
	assert_string_equal(s->control.token_file, "/srv/h/admin.token");
	assert_string_equal(s->database.url, "sqlite:/srv/h/holdline.db");
	free(s);
}

static void the_files_of_tls_are_named_from_where_we_are(void **state)
{
	struct settings *s = load_good(
		NULL, FLAGS("--media.tls.cert", "c.pem", "--media.tls.key",
			    "./k.pem", "--media.tls.client_ca", "/a/ca.pem"));
	char here[PATH_MAX], cert[PATH_MAX + 8], key[PATH_MAX + 8];

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	(void)snprintf(cert, sizeof(cert), "%s/c.pem", here);
	(void)snprintf(key, sizeof(key), "%s/k.pem", here);
	assert_string_equal(s->media.tls.cert, cert);
	assert_string_equal(s->media.tls.key, key);
	assert_string_equal(s->media.tls.client_ca, "/a/ca.pem");
	assert_string_equal(s->control.tls.cert, "");
	free(s);
}

static void settings_that_do_not_go_together_are_told(void **state)
{
	const struct {
		const char *const *flags;
		const char *complaint;
	} rows[] = {
		{ FLAGS("--media.tls.cert", "/c"),
		  "media.tls.key: needs a value: media.tls.cert and "
		  "media.tls.key go together\n" },
		{ FLAGS("--control.tls.key", "/k"),
		  "control.tls.cert: needs a value: control.tls.cert and "
		  "control.tls.key go together\n" },
		{ FLAGS("--whatsapp.app_secret", "s"),
		  "whatsapp.verify_token: whatsapp.verify_token and "
		  "whatsapp.app_secret go together\n" },
		{ FLAGS("--webhooks.body_memory", "4MiB",
			"--webhooks.max_batch", "5MiB"),
		  "webhooks.body_memory: less than webhooks.max_batch\n" },
		{ FLAGS("--media.tls.client_ca", "/a"),
		  "media.tls.cert: needs a value: media.tls.client_ca is for a "
		  "listener that speaks TLS\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_null(load(NULL, rows[i].flags));
		assert_string_equal(complaint, rows[i].complaint);
	}
}

static void flags_beat_variables_and_variables_beat_the_file(void **state)
{
	const char *file = write_file("media: {max_calls: 1, processes: 2}\n"
				      "drain_timeout: 3s\n");
	struct settings *s;

	(void)state;
	assert_int_equal(setenv("HOLDLINE_MEDIA_MAX_CALLS", "11", 1), 0);
	assert_int_equal(setenv("HOLDLINE_MEDIA_PROCESSES", "12", 1), 0);
	s = load_good(file, FLAGS("--media.max_calls=111"));
	assert_int_equal(s->media.max_calls, 111);
	assert_int_equal(s->media.processes, 12);
	assert_int_equal(s->drain_timeout_ms, 3000);
	assert_int_equal(s->watchdog_timeout_ms, 10000);
	free(s);
	assert_int_equal(unsetenv("HOLDLINE_MEDIA_MAX_CALLS"), 0);
	assert_int_equal(unsetenv("HOLDLINE_MEDIA_PROCESSES"), 0);
}

static void a_group_with_all_its_keys_commented_out_is_fine(void **state)
{
	struct settings *s = load_good(
		write_file("# nothing yet\nmedia:\n#  listen: x\nlog:\n"
			   "  level: debug\n"),
		NULL);

	(void)state;
	assert_int_equal(s->log_level, LOG_LEVEL_DEBUG);
	free(s);
}

static void an_empty_file_changes_nothing(void **state)
{
	struct settings *s = load_good(write_file(""), NULL);

	(void)state;
	assert_string_equal(s->media.listen, "127.0.0.1:8080");
	free(s);
}

static void routes_of_a_file_replace_the_defaults(void **state)
{
	struct settings *s = load_good(
		write_file("media:\n  routes:\n"
			   "    - { path: /a, provider: twilio }\n"
			   "    - path: /b\n      provider: twilio\n"
			   "      handler: echo\n      record: false\n"),
		NULL);

	(void)state;
	assert_int_equal(s->media.route_count, 2);
	assert_string_equal(s->media.routes[0].path, "/a");
	assert_int_equal(s->media.routes[0].handler, ROUTE_RECORD);
	assert_true(s->media.routes[0].record);
	assert_string_equal(s->media.routes[1].path, "/b");
	assert_int_equal(s->media.routes[1].handler, ROUTE_ECHO);
	assert_false(s->media.routes[1].record);
	free(s);
}

static void a_route_says_what_is_sent_and_where_keys_are(void **state)
{
	struct settings *s = load_good(
		write_file("media:\n  routes:\n"
			   "    - {path: /a, provider: telnyx}\n"
			   "    - {path: /b, provider: telnyx, send_format: "
			   "PCMA, dtmf: audio, byte_order: little}\n"
			   "    - {path: /c, provider: telnyx, send_format: "
			   "L16/16000, dtmf: events, byte_order: big}\n"),
		NULL);
	const struct route *r = s->media.routes;

	(void)state;
	assert_string_equal(r[0].send_codec, "");
	assert_int_equal(r[0].dtmf, ROUTE_DTMF_AUTO);
	assert_int_equal(r[0].byte_order, ROUTE_ORDER_AUTO);
	assert_string_equal(r[1].send_codec, "PCMA");
	assert_int_equal(r[1].send_rate_hz, 8000);
	assert_int_equal(r[1].dtmf, ROUTE_DTMF_AUDIO);
	assert_int_equal(r[1].byte_order, ROUTE_ORDER_LITTLE);
	assert_string_equal(r[2].send_codec, "L16");
	assert_int_equal(r[2].send_rate_hz, 16000);
	assert_int_equal(r[2].dtmf, ROUTE_DTMF_EVENTS);
	assert_int_equal(r[2].byte_order, ROUTE_ORDER_BIG);
	free(s);
}

/* ---- values at their bounds ------------------------------------------------
 */

static void each_kind_holds_its_bounds(void **state)
{
	static const struct {
		const char *key, *text;
		int good;
	} rows[] = {
		{ "media.idle_timeout", "100ms", 1 },
		{ "media.idle_timeout", "99ms", 0 },
		{ "media.idle_timeout", "24h", 1 },
		{ "media.idle_timeout", "24.1h", 0 },
		{ "media.idle_timeout", "", 0 },
		{ "media.max_calls", "1", 1 },
		{ "media.max_calls", "0", 0 },
		{ "media.max_calls", "1000000", 1 },
		{ "media.max_calls", "1000001", 0 },
		{ "media.max_calls", "1.5", 0 },
		{ "media.max_calls", "1e3", 0 },
		{ "media.max_calls", "0x10", 0 },
		{ "media.max_calls", "99999999999999999999999999999", 0 },
		{ "media.tick", "auto", 1 },
		{ "media.tick", "0", 1 },
		{ "media.tick", "500us", 1 },
		{ "media.tick", "10ms", 1 },
		{ "media.tick", "11ms", 0 },
		{ "media.tick", "10", 0 },
		{ "media.send_buffer", "4KiB", 1 },
		{ "media.send_buffer", "4095B", 0 },
		{ "media.send_buffer", "16MiB", 1 },
		{ "media.send_buffer", "17MiB", 0 },
		{ "media.listen", "*:1", 1 },
		{ "media.listen", "127.0.0.1:0", 0 },
		{ "media.listen", "", 0 },
		{ "database.retry.jitter", "0", 1 },
		{ "database.retry.jitter", "1", 1 },
		{ "database.retry.jitter", "1.01", 0 },
		{ "database.retry.jitter", "-0.1", 0 },
		{ "recording.enabled", "false", 1 },
		{ "recording.enabled", "no", 0 },
		{ "log.level", "warn", 1 },
		{ "log.level", "WARN", 0 },
		{ "log.format", "json", 1 },
		{ "log.format", "xml", 0 },
		{ "node.id", "a-1.b_2", 1 },
		{ "node.id", "two words", 0 },
		{ "node.id", "", 1 },
		{ "data_dir", "", 0 },
		{ "data_dir", "/a\nb", 0 },
		{ "database.url", "sqlite:/x.db", 1 },
		{ "database.url", "sqlite:", 0 },
		{ "database.url", "postgresql://a:b@h/d", 1 },
		{ "database.url", "mysql://h/d", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char flag[80];
		struct settings *s;

		(void)snprintf(flag, sizeof(flag), "--%s", rows[i].key);
		s = load(NULL, FLAGS(flag, rows[i].text));
		if ((s != NULL) != rows[i].good)
			fail_msg("%s \"%s\": %s", rows[i].key, rows[i].text,
				 s ? "accepted" : complaint);
		if (!s && strncmp(complaint, flag, strlen(flag)) != 0)
			fail_msg("%s \"%s\" names another: %s", rows[i].key,
				 rows[i].text, complaint);
		free(s);
	}
}

static void a_text_that_does_not_fit_is_refused(void **state)
{
	char path[512];

	(void)state;
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[255] = '\0';
	free(load_good(NULL, FLAGS("--recording.dir", path)));
	/* As long as it may be, and yet nothing below it would fit. */
	assert_null(load(NULL, FLAGS("--data_dir", path)));
	path[255] = 'a';
	path[256] = '\0';
	assert_null(load(NULL, FLAGS("--recording.dir", path)));
	assert_string_equal(complaint,
			    "--recording.dir: longer than 255 bytes\n");
}

static void settings_that_contradict_each_other_are_refused(void **state)
{
	(void)state;
	assert_null(load(NULL, FLAGS("--control.listen", "127.0.0.1:8080")));
	assert_non_null(strstr(complaint, "control.listen: media.listen"));
	assert_null(load(NULL, FLAGS("--database.retry.max", "10ms")));
	assert_non_null(strstr(complaint, "database.retry.max: less than"));
}

/* ---- complaints ------------------------------------------------------------
 */

#define ROUTE(text) "media:\n  routes:\n    - {path: /a, " text "}\n"

static void a_complaint_names_file_line_key_and_what_is_right(void **state)
{
	static const struct {
		const char *text, *complaint;
	} rows[] = {
		{ "media:\n  idle_timeout: 30x\n",
		  "h.yaml:2: media.idle_timeout: \"30x\" is not a duration; "
		  "write it like 30s or 5min (100ms to 1d)\n" },
		{ "\n\nmedia:\n  idle_timeout: 25h\n",
		  "h.yaml:4: media.idle_timeout: \"25h\" is out of range "
		  "(100ms to 1d)\n" },
		{ "media:\n  idle_timeout:\n",
		  "h.yaml:2: media.idle_timeout: needs a value, a duration; "
		  "write it like 30s or 5min (100ms to 1d)\n" },
		{ "media:\n  lisen: x\n",
		  "h.yaml:2: media.lisen: unknown setting; did you mean "
		  "media.listen?\n" },
		{ "media: 3\n",
		  "h.yaml:1: media: a group of settings, not one; its keys "
		  "stand below it, indented\n" },
		{ "log:\n  level: [info]\n",
		  "h.yaml:2: log.level[0]: takes one value, not a list or a "
		  "group\n" },
		{ "log:\n  level:\n    x: info\n",
		  "h.yaml:3: log.level.x: takes one value, not a list or a "
		  "group\n" },
		{ "log:\n  level: info\n  level: warn\n",
		  "h.yaml:3: log.level: stands there twice\n" },
		{ "just words\n", "h.yaml:1: expected \"key: value\"\n" },
		{ "media: {listen: \"a\n", NULL },
		{ "log:\n\tlevel: info\n", NULL },
		{ "a: &x 1\nb: *x\n", NULL },
		{ "? [a]\n: b\n", "h.yaml:1: a key must be a plain word\n" },
		{ "data_dir: \"a\\0b\"\n", "h.yaml:1: a NUL byte\n" },
		{ "media:\n  routes:\n    - path: media\n",
		  "h.yaml:3: media.routes[0].path: \"media\" is not a path; "
		  "write it like /media/twilio\n" },
		{ "media:\n  routes:\n    - path: /a\n",
		  "h.yaml:3: media.routes[0]: a route needs a path and a "
		  "provider\n" },
		{ "media:\n  routes:\n    - path: /a\n      path: /b\n",
		  "h.yaml:4: media.routes[0].path: stands there twice\n" },
		{ "media:\n  routes:\n  - {path: /a, provider: twilio}\n"
		  "  - {path: /a, provider: twilio}\n",
		  "h.yaml:4: media.routes[1].path: another route has the path "
		  "/a\n" },
		{ "media:\n  routes:\n    - {path: /a, provider: acme}\n",
		  "h.yaml:3: media.routes[0].provider: \"acme\" is not a "
		  "provider; this version knows twilio signalwire telnyx "
		  "plivo exotel vonage genesys asterisk azure jambonz plain "
		  "freeswitch, and auto\n" },
		{ "media:\n  routes:\n    - {path: /a, provider: raw, "
		  "handler: echo, auth: {one_time: }}\n",
		  "h.yaml:3: media.routes[0]: provider raw has no start "
		  "message; one_time goes with \"in: query\" or \"in: path\"\n" },
		{ "media:\n  routes:\n    - {path: /a, provider: raw}\n",
		  "h.yaml:3: media.routes[0]: provider raw has no calls; it "
		  "goes with handler: echo\n" },
		{ "media:\n  routes:\n    - {path: /a, handler: play}\n",
		  "h.yaml:3: media.routes[0].handler: \"play\" is not a "
		  "handler; write record or echo\n" },
		{ "media:\n  routes:\n    - {path: /a, color: red}\n",
		  "h.yaml:3: media.routes[0].color: unknown; a route has path, "
		  "provider, handler, record, single_stream, dtmf, "
		  "byte_order, send_format, sample_rate and auth\n" },
		{ ROUTE("sample_rate: 16k"),
		  "h.yaml:3: media.routes[0].sample_rate: \"16k\": a rate is "
		  "from 8000 to 48000\n" },
		{ ROUTE("sample_rate: 4000"), NULL },
		{ ROUTE("dtmf: both"),
		  "h.yaml:3: media.routes[0].dtmf: \"both\" is none; write "
		  "auto or events or audio\n" },
		{ ROUTE("byte_order: network"),
		  "h.yaml:3: media.routes[0].byte_order: \"network\" is none; "
		  "write auto or big or little\n" },
		{ ROUTE("send_format: GSM"),
		  "h.yaml:3: media.routes[0].send_format: \"GSM\" is no "
		  "format; write PCMU, PCMA, L16, G722 or OPUS, and a rate "
		  "behind it such as L16/16000\n" },
		{ ROUTE("send_format: L16/"), NULL },
		{ ROUTE("send_format: L16:16000"), NULL },
		{ ROUTE("send_format: L16/16000x"), NULL },
		{ ROUTE("send_format: L16/96000"),
		  "h.yaml:3: media.routes[0].send_format: \"L16/96000\": a "
		  "rate is from 8000 to 48000\n" },
		{ "media:\n  routes: /a\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *said = complaint_of(rows[i].text);

		if (rows[i].complaint && strcmp(said, rows[i].complaint) != 0)
			fail_msg("row %zu says: %s", i, said);
	}
}

static void a_broken_file_tells_the_line(void **state)
{
	static const struct {
		const char *text, *where;
	} rows[] = {
		{ "log:\n  level: info\n\tformat: text\n", "h.yaml:3: " },
		{ "log:\n\tlevel: info\n", "h.yaml:2: " },
		{ "log:\n  level: \"info\n", "h.yaml:3: " },
		{ "a: 1\nb: \001\n", "h.yaml:2: " },
		{ "a: 1\nb: 2\nc: \xff\xfe\n", "h.yaml:3: " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *said = complaint_of(rows[i].text);

		if (strncmp(said, rows[i].where, strlen(rows[i].where)) != 0)
			fail_msg("row %zu says: %s", i, said);
	}
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
	(void)state;
	assert_null(load("/no/such/file.yaml", NULL));
	assert_string_equal(complaint, "/no/such/file.yaml: cannot be opened: "
				       "No such file or directory\n");
	assert_null(load(directory, NULL));
	assert_non_null(strstr(complaint, "cannot be read"));
}

static void too_many_routes_and_too_deep_a_file_are_refused(void **state)
{
	char text[8192] = "media:\n  routes:\n";
	size_t n = strlen(text);

	(void)state;
	for (int i = 0; i <= ROUTES_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "    - {path: /r%d, provider: twilio}\n",
				      i);
	assert_non_null(strstr(complaint_of(text), "more than 64 routes"));
	assert_non_null(strstr(complaint_of("[[[[[[[[[[[[a]]]]]]]]]]]]\n"),
			       "nested too deeply"));
	memset(text, 'k', 1000);
	memcpy(text + 1000, ": 1\n", 5);
	assert_non_null(strstr(complaint_of(text), "h.yaml:1: "));
}

static void flags_and_variables_are_named_in_complaints(void **state)
{
	const struct {
		const char *const *flags;
		const char *complaint;
	} rows[] = {
		{ FLAGS("--media.threads", "65"),
		  "--media.threads: \"65\" is out of range (0 to 64)\n" },
		{ FLAGS("--media.thread", "1"),
		  "--media.thread: unknown setting; did you mean "
		  "media.threads?\n" },
		{ FLAGS("--media.listen"), "--media.listen: needs a value\n" },
		{ FLAGS("--media.routes", "x"),
		  "--media.routes: can only be set in a file\n" },
		{ FLAGS("serve"), "serve: expected --KEY VALUE; see --help\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_null(load(NULL, rows[i].flags));
		assert_string_equal(complaint, rows[i].complaint);
	}
	assert_int_equal(setenv("HOLDLINE_LOG_LEVEL", "loud", 1), 0);
	assert_null(load(NULL, NULL));
	assert_string_equal(complaint,
			    "HOLDLINE_LOG_LEVEL: \"loud\" is not a level; "
			    "write debug, info, warn or error\n");
	assert_int_equal(unsetenv("HOLDLINE_LOG_LEVEL"), 0);
}

static void a_variable_that_is_no_setting_is_not_refused(void **state)
{
	(void)state;
	assert_int_equal(setenv("HOLDLINE_COLOUR", "blue", 1), 0);
	free(load_good(NULL, NULL));
	assert_int_equal(unsetenv("HOLDLINE_COLOUR"), 0);
}

/* ---- secrets ---------------------------------------------------------------
 */

static void passwords_are_masked(void **state)
{
	static const struct {
		const char *url, *masked;
	} rows[] = {
		{ "postgresql://u:secret@h:5432/d",
		  "postgresql://u:***@h:5432/d" },
		{ "postgresql://u:se:c@ret@h/d", "postgresql://u:***@h/d" },
		{ "postgresql://u@h:5432/d", "postgresql://u@h:5432/d" },
		{ "postgresql://h/d?user=u&password=secret&x=y",
		  "postgresql://h/d?user=u&password=***" },
		{ "postgresql://u:secret@h/d?password=secret",
		  "postgresql://u:***@h/d?password=***" },
		{ "sqlite:/a/b.db", "sqlite:/a/b.db" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char masked[128];

		settings_mask_url(rows[i].url, masked, sizeof(masked));
		assert_string_equal(masked, rows[i].masked);
	}
}

static void no_complaint_and_no_print_shows_a_password(void **state)
{
	struct settings *s;
	char *text;

	(void)state;
	assert_null(load(NULL, FLAGS("--database.url=mysql://u:secret@h/d")));
	assert_null(strstr(complaint, "secret"));
	assert_null(load(NULL, FLAGS("--databse.url=postgresql://u:secret@h")));
	assert_null(strstr(complaint, "secret"));
	s = load_good(NULL, FLAGS("--database.url=postgresql://u:hidden@h/d"));
	assert_non_null(strstr(s->database.url, "hidden"));
	text = printed(s);
	assert_null(strstr(text, "hidden"));
	free(text);
	free(s);
}

static void the_path_of_a_link_is_masked(void **state)
{
	static const struct {
		const char *link, *masked;
	} rows[] = {
		{ "https://h.example.com/T0/B0/hidden",
		  "https://h.example.com/***" },
		{ "http://u:hidden@h:8080/x?key=hidden", "http://h:8080/***" },
		{ "https://h?key=hidden", "https://h/***" },
		{ "https://u:hid@den@h", "https://h" },
		{ "https://[::1]:80/", "https://[::1]:80" },
		{ "http://h", "http://h" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char masked[128];

		settings_mask_link(rows[i].link, masked, sizeof(masked));
		assert_string_equal(masked, rows[i].masked);
	}
}

static void a_link_is_http_with_a_host(void **state)
{
	static const char *const wrong[] = {
		"h.example.com/hidden",	   "ftp://h.example.com/hidden",
		"file:///etc/hidden",	   "https:///hidden",
		"https://h/hidden hidden", "javascript:hidden",
	};

	(void)state;
	free(load_good(NULL, FLAGS("--alerts.webhook", "https://h/a?b#c")));
	free(load_good(NULL, FLAGS("--alerts.webhook", "http://[::1]:80/")));
	free(load_good(NULL, FLAGS("--alerts.webhook", "")));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_null(load(NULL, FLAGS("--alerts.webhook", wrong[i])));
		assert_string_equal(complaint,
				    "--alerts.webhook: this is not a link; "
				    "write it like "
				    "https://example.com/alert\n");
	}
}

static void a_secret_is_never_shown(void **state)
{
	struct settings *s, *again;
	char *text;

	(void)state;
	assert_null(load(NULL, FLAGS("--alerts.secret", "tooshort")));
	assert_string_equal(complaint, "--alerts.secret: this is not a secret; "
				       "write at least 16 characters\n");
	s = load_good(NULL, FLAGS("--alerts.secret", "a hidden word or two",
				  "--alerts.webhook", "https://h/hidden"));
	assert_string_equal(s->alerts.secret, "a hidden word or two");
	text = printed(s);
	assert_null(strstr(text, "hidden"));
	again = load_good(write_file(text), NULL); /* and it can be read */
	free(again);
	free(text);
	free(s);
}

static void types_of_events_are_known_by_name(void **state)
{
	(void)state;
	free(load_good(NULL,
		       FLAGS("--events.types", "call.ended, database.down")));
	assert_null(load(NULL, FLAGS("--events.types", "call.ended,calls")));
	assert_string_equal(complaint,
			    "--events.types: \"call.ended,calls\" is not "
			    "types of events; write them like call.ended, "
			    "database.down\n");
}

/* ---- printing --------------------------------------------------------------
 */

static void what_is_printed_loads_to_the_same(void **state)
{
	struct settings *first = load_good(
		write_file("node: {id: n1}\nmedia:\n  tick: 500us\n"
			   "  public_url: wss://h\n"
			   "  max_message: 3KB\n  routes:\n"
			   "    - {path: '/a\"b\\', provider: twilio, "
			   "handler: echo, record: false, dtmf: audio, "
			   "byte_order: little, send_format: L16/22050, "
			   "sample_rate: 16000}\n"
			   "webhooks:\n  listen: :81\n  answers:\n"
			   "    - {name: one.way, provider: twilio, "
			   "route: '/a\"b\\', mode: start, track: both, "
			   "status_callback: false,\n"
			   "       auth: {telnyx_signature: {public_key: "
			   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=}}}\n"
			   "    - {provider: twilio, route: '/a\"b\\', "
			   "auth: none}\n"
			   "database: {retry: {jitter: 0.25, max: 61s}}\n"
			   "log: {level: error, format: json}\n"
			   "recording: {enabled: false}\n"),
		FLAGS("--data_dir", "/srv/\"odd\" \\ path\x7f"));
	char *text = printed(first);
	struct settings *second = load_good(write_file(text), NULL);

	(void)state;
	assert_memory_equal(first, second, sizeof(*first));
	free(text);
	free(first);
	free(second);
}

/* ---- webhooks --------------------------------------------------------------
 */

#define HOOK_ROUTE                                              \
	"media: {public_url: \"wss://h\", routes: [{path: /a, " \
	"provider: twilio}, {path: /b, provider: plivo}]}\n"
#define HOOK(text) HOOK_ROUTE "webhooks:\n  answers:\n    - {" text "}\n"

static void an_answer_that_cannot_be_given_is_told(void **state)
{
	static const struct {
		const char *text, *complaint;
	} rows[] = {
		{ HOOK("provider: twilio, route: /a, mode: both"),
		  "h.yaml:4: webhooks.answers[0].mode: \"both\" is none; write "
		  "connect or start\n" },
		{ HOOK("provider: twilio, route: /a, track: all"),
		  "h.yaml:4: webhooks.answers[0].track: \"all\" is none; write "
		  "inbound or outbound or both\n" },
		{ HOOK("provider: plivo"),
		  "h.yaml:4: webhooks.answers[0]: an answer needs a provider "
		  "and a route\n" },
		{ HOOK("provider: plain, route: /a"),
		  "h.yaml:4: webhooks.answers[0].provider: \"plain\" has no "
		  "webhooks that this version answers\n" },
		{ HOOK("provider: twilio, route: /c"),
		  "h.yaml:4: webhooks.answers[0].route: no media route has the path "
		  "/c\n" },
		{ HOOK("provider: twilio, route: /b"),
		  "h.yaml:4: webhooks.answers[0].route: /b is a route of plivo, and the "
		  "answer is for twilio\n" },
		{ HOOK("provider: twilio, route: a"),
		  "h.yaml:4: webhooks.answers[0].route: \"a\" is not the path "
		  "of a media route\n" },
		{ HOOK("provider: twilio, route: /a, name: a/b"),
		  "h.yaml:4: webhooks.answers[0].name: may hold letters, "
		  "digits, and ._-\n" },
		{ HOOK("provider: twilio, route: /a, color: red"),
		  "h.yaml:4: webhooks.answers[0].color: unknown; an answer has "
		  "name, provider, route, mode, track, status_callback and "
		  "auth\n" },
		{ HOOK("provider: twilio, route: /a}\n    - {provider: twilio, "
		       "route: /a"),
		  "h.yaml:5: webhooks.answers[1]: another answer has the name "
		  "twilio; give them names of their own\n" },
		{ HOOK("provider: twilio, route: /a, auth: {one_time: }"),
		  "h.yaml:4: webhooks.answers[0]: auth.one_time is not for "
		  "webhooks\n" },
		{ HOOK("provider: twilio, route: /a, auth: {twilio: {}}"),
		  "h.yaml:4: webhooks.answers[0].auth.twilio: unknown; below "
		  "twilio stand secret, secret_file, missing\n" },
		{ HOOK("provider: twilio, route: /a, auth: {}"),
		  "h.yaml:4: webhooks.answers[0].auth: write none, or checks "
		  "below it, indented, such as \"bearer:\"\n" },
		{ HOOK("provider: twilio, route: /a, auth: {telnyx_signature: "
		       "{public_key: short}}"),
		  "h.yaml:4: webhooks.answers[0].auth.telnyx_signature."
		  "public_key: is not an Ed25519 key in base64\n" },
		{ HOOK("provider: meta, route: /a"),
		  "h.yaml:4: webhooks.answers[0]: meta sends messages and no "
		  "calls: leave the route out\n" },
		{ HOOK("provider: meta"),
		  "h.yaml:4: webhooks.answers[0]: meta needs auth.meta, with a "
		  "secret and a verify_token\n" },
		{ HOOK("provider: meta, auth: {meta: {secret: s}}"),
		  "h.yaml:4: webhooks.answers[0]: auth.meta needs a "
		  "verify_token or a verify_token_file\n" },
		{ HOOK("provider: meta, auth: {meta: {verify_token: s}}"),
		  "h.yaml:4: webhooks.answers[0]: auth.meta needs a secret or "
		  "a secret_file\n" },
		{ HOOK("provider: twilio, route: /a, auth: {meta: {secret: s, "
		       "verify_token: t}}"),
		  "h.yaml:4: webhooks.answers[0]: auth.meta is for webhooks of "
		  "meta\n" },
		{ "media: {routes: [{path: /a, provider: twilio}]}\n"
		  "webhooks: {answers: [{provider: twilio, route: /a}]}\n",
		  "h.yaml:2: webhooks.answers[0].route: an answer holds the stream's "
		  "address: set media.public_url\n" },
		{ "webhooks: {answers: yes}\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *said = complaint_of(rows[i].text);

		if (!*said ||
		    (rows[i].complaint && strcmp(said, rows[i].complaint) != 0))
			fail_msg("row %zu says %s", i, said);
	}
}

static void one_value_prints_alone(void **state)
{
	struct settings *s = load_good(NULL, NULL);
	char text[64] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	(void)state;
	assert_int_equal(settings_print_one(s, "media.listen", out), 0);
	assert_int_equal(settings_print_one(s, "media.ears", out), -ENOENT);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, "127.0.0.1:8080\n");
	free(s);
}

static void the_help_names_every_setting_that_is_printed(void **state)
{
	struct settings *s = load_good(NULL, NULL);
	char *help = NULL, *line, *rest, *text = printed(s);
	size_t size;
	FILE *out = open_memstream(&help, &size);
	int rows = 0;

	(void)state;
	settings_print_help(out);
	assert_int_equal(fclose(out), 0);
	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		char name[64];

		/* Lines with a value; routes are not in the help by row. */
		if (sscanf(line, " %63[a-z_]: %*s", name) != 1 ||
		    line[strlen(line) - 1] == ':' || line[4] == ' ')
			continue;
		if (!strstr(help, name))
			fail_msg("the help does not name %s", name);
		rows++;
	}
	assert_in_range(rows, 30, SETTINGS_MAX);
	free(help);
	free(text);
	free(s);
}

/* Each row of the help stands in the man page, with its default. */
static void the_man_page_knows_every_setting(void **state)
{
	static char page[65536], help[32768];
	FILE *man = fopen("../docs/man/holdline.yaml.5", "re");
	FILE *out = fmemopen(help, sizeof(help), "w");
	char *line, *rest;
	int c, rows = 0;

	(void)state;
	if (!man || !out)
		abort();
	for (size_t n = 0; (c = fgetc(man)) != EOF && n < sizeof(page) - 1;)
		if (c != '\\') /* troff writes a dash as \- */
			page[n++] = (char)c;
	(void)fclose(man);
	settings_print_help(out);
	assert_int_equal(fclose(out), 0);
	for (line = strtok_r(help, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		const char *standard = strrchr(line, '(');
		char key[64], heading[80], words[128] = "";
		const char *at;

		if (sscanf(line, " --%63s", key) != 1)
			continue;
		(void)snprintf(heading, sizeof(heading), ".BR %s ", key);
		at = strstr(page, heading);
		if (!at) {
			fail_msg("the man page does not know %s", key);
			abort();
		}
		if (standard && !strchr(standard, ' ')) {
			const char *end = strstr(at, "\n.BR ");

			(void)snprintf(words, sizeof(words), "Default: %.*s.",
				       (int)strcspn(standard + 1, ")"),
				       standard + 1);
			at = strstr(at, words);
			if (!at || (end && at > end))
				fail_msg("%s: no \"%s\"", key, words);
		}
		rows++;
	}
	assert_in_range(rows, 35, SETTINGS_MAX);
}

/* ---- reloading -------------------------------------------------------------
 */

static void the_control_listener_is_not_public_in_the_clear(void **state)
{
	static const char *const private[] = {
		"127.0.0.1:1",
		"127.9.9.9:1",
		"[::1]:1",
		"localhost:1",
	};
	static const char *const public[] = {
		"0.0.0.0:1", "*:1", ":1", "[::]:1", "192.0.2.1:1", "10.0.0.1:1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(private) / sizeof(private[0]); i++)
		free(load_good(NULL, FLAGS("--control.listen", private[i])));
	for (size_t i = 0; i < sizeof(public) / sizeof(public[0]); i++) {
		const char *address = public[i];

		assert_null(load(NULL, FLAGS("--control.listen", address)));
		assert_non_null(
			strstr(complaint,
			       "control.listen: a public address needs TLS"));
		free(load_good(NULL, FLAGS("--control.listen", address,
					   "--control.plain_http_in_public",
					   "true")));
		free(load_good(NULL, FLAGS("--control.listen", address,
					   "--control.tls.cert", "/c",
					   "--control.tls.key", "/k")));
	}
}

static void a_reload_counts_what_it_cannot_change(void **state)
{
	struct settings *a = load_good(NULL, NULL);
	struct settings *b = load_good(
		NULL,
		FLAGS("--media.listen", "127.0.0.1:1", "--data_dir", "/x",
		      "--media.idle_timeout", "1min", "--log.level", "warn"));

	(void)state;
	assert_int_equal(settings_log_unchangeable(a, a), 0);
	/* listen, data_dir, and what follows from it: recording.dir,
	 * control.token_file, control.signing_key_file, events.secret_file
	 * and database.url. */
	assert_int_equal(settings_log_unchangeable(a, b), 7);
	free(a);
	free(b);
}

/* Variables of whoever runs the tests must not meddle. */
static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	return clearenv();
}

static int tear_down(void **state)
{
	(void)state;
	(void)unlink(write_file(""));
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_need_a_unit_that_exists),
		cmocka_unit_test(sizes_need_a_unit_that_exists),
		cmocka_unit_test(addresses_are_numeric),
		cmocka_unit_test(without_anything_the_defaults_hold),
		cmocka_unit_test(paths_follow_the_data_dir_unless_given),
		cmocka_unit_test(the_files_of_tls_are_named_from_where_we_are),
		cmocka_unit_test(settings_that_do_not_go_together_are_told),
		cmocka_unit_test(
			flags_beat_variables_and_variables_beat_the_file),
		cmocka_unit_test(
			a_group_with_all_its_keys_commented_out_is_fine),
		cmocka_unit_test(an_empty_file_changes_nothing),
		cmocka_unit_test(routes_of_a_file_replace_the_defaults),
		cmocka_unit_test(a_route_says_what_is_sent_and_where_keys_are),
		cmocka_unit_test(each_kind_holds_its_bounds),
		cmocka_unit_test(a_text_that_does_not_fit_is_refused),
		cmocka_unit_test(
			settings_that_contradict_each_other_are_refused),
		cmocka_unit_test(
			a_complaint_names_file_line_key_and_what_is_right),
		cmocka_unit_test(a_broken_file_tells_the_line),
		cmocka_unit_test(a_file_that_cannot_be_read_is_named),
		cmocka_unit_test(
			too_many_routes_and_too_deep_a_file_are_refused),
		cmocka_unit_test(flags_and_variables_are_named_in_complaints),
		cmocka_unit_test(a_variable_that_is_no_setting_is_not_refused),
		cmocka_unit_test(passwords_are_masked),
		cmocka_unit_test(no_complaint_and_no_print_shows_a_password),
		cmocka_unit_test(the_path_of_a_link_is_masked),
		cmocka_unit_test(a_link_is_http_with_a_host),
		cmocka_unit_test(a_secret_is_never_shown),
		cmocka_unit_test(types_of_events_are_known_by_name),
		cmocka_unit_test(what_is_printed_loads_to_the_same),
		cmocka_unit_test(an_answer_that_cannot_be_given_is_told),
		cmocka_unit_test(one_value_prints_alone),
		cmocka_unit_test(the_help_names_every_setting_that_is_printed),
		cmocka_unit_test(the_man_page_knows_every_setting),
		cmocka_unit_test(
			the_control_listener_is_not_public_in_the_clear),
		cmocka_unit_test(a_reload_counts_what_it_cannot_change),
	};

	return cmocka_run_group_tests_name("settings", tests, set_up,
					   tear_down);
}
