/*
 * options.c - what holdload was asked to do (see options.h)
 */
#include "tools/holdload/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/holdload/help.h"
#include "tools/holdload/options_plan.h"
#include "tools/holdload/report.h"

int options_wrong(const char *option, const char *what)
{
	(void)fprintf(stderr, "holdload: --%s: %s\n", option, what);
	return 2;
}

static int parse_custom(struct options *o, char *text)
{
	char *equals = strchr(text, '=');

	if (!equals || equals == text)
		return options_wrong("custom", "NAME=VALUE is needed");
	if (o->parameter_count == PARAMETERS_MAX)
		return options_wrong("custom", "there are too many");
	*equals = '\0';
	o->parameters[o->parameter_count++] =
		(struct dialect_parameter){ text, equals + 1 };
	return 0;
}

static int parse_header(struct options *o, const char *text)
{
	if (!strchr(text, ':') || text[strcspn(text, "\r\n")])
		return options_wrong("header", "write 'Name: value'");
	if (o->header_count == HEADERS_MAX)
		return options_wrong("header", "there are too many");
	o->headers[o->header_count++] = text;
	return 0;
}

static int parse_dialect(struct options *o, const char *name)
{
	o->dialect = dialect_find(name);
	if (o->dialect)
		return 0;
	return options_wrong("dialect",
			     "there is none of that name; --list-dialects "
			     "shows them");
}

static int parse_fail_if(struct options *o, const char *text)
{
	if (report_check_condition(text) < 0)
		return options_wrong("fail-if",
				     "write NAME OP VALUE without blanks, "
				     "such as echo_p99>40ms or lost>0");
	if (o->fail_if_count == CONDITIONS_MAX)
		return options_wrong("fail-if", "there are too many");
	o->fail_if[o->fail_if_count++] = text;
	return 0;
}

enum {
	URL = 1000,
	DIALECT,
	LIST,
	FORMAT,
	BIND,
	AUDIO,
	ECHO_BACK,
	BARGE_IN,
	DTMF,
	CUSTOM,
	SIGN,
	SIGN_URL,
	BEARER,
	HEADER,
	CACERT,
	INSECURE,
	CERT,
	KEY,
	JSON,
	JSON_CALLS,
	LEDGER,
	FAIL_IF
};

static const struct option longs[] = {
	{ "url", required_argument, NULL, URL },
	{ "dialect", required_argument, NULL, DIALECT },
	{ "provider", required_argument, NULL, DIALECT },
	{ "list-dialects", no_argument, NULL, LIST },
	{ "format", required_argument, NULL, FORMAT },
	{ "sign", required_argument, NULL, SIGN },
	{ "sign-url", required_argument, NULL, SIGN_URL },
	{ "bearer", required_argument, NULL, BEARER },
	{ "header", required_argument, NULL, HEADER },
	{ "cacert", required_argument, NULL, CACERT },
	{ "insecure", no_argument, NULL, INSECURE },
	{ "cert", required_argument, NULL, CERT },
	{ "key", required_argument, NULL, KEY },
	{ "calls", required_argument, NULL, PLAN_CALLS },
	{ "ramp", required_argument, NULL, PLAN_RAMP },
	{ "duration", required_argument, NULL, PLAN_DURATION },
	{ "hold", required_argument, NULL, PLAN_HOLD },
	{ "stop", required_argument, NULL, PLAN_STOP },
	{ "rate", required_argument, NULL, PLAN_RATE },
	{ "time", required_argument, NULL, PLAN_TIME },
	{ "arrivals", required_argument, NULL, PLAN_ARRIVALS },
	{ "seed", required_argument, NULL, PLAN_SEED },
	{ "misbehave", required_argument, NULL, PLAN_MISBEHAVE },
	{ "threads", required_argument, NULL, PLAN_THREADS },
	{ "handshakes", required_argument, NULL, PLAN_HANDSHAKES },
	{ "bind", required_argument, NULL, BIND },
	{ "audio", required_argument, NULL, AUDIO },
	{ "echo", no_argument, NULL, ECHO_BACK },
	{ "barge-in", required_argument, NULL, BARGE_IN },
	{ "dtmf", required_argument, NULL, DTMF },
	{ "custom", required_argument, NULL, CUSTOM },
	{ "json", required_argument, NULL, JSON },
	{ "json-calls", no_argument, NULL, JSON_CALLS },
	{ "ledger", required_argument, NULL, LEDGER },
	{ "fail-if", required_argument, NULL, FAIL_IF },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int read_secret(struct credentials *credentials, const char *option,
		       const char *path)
{
	return credentials_read(credentials, option, path) < 0 ? 2 : 0;
}

/* What the handshake shows, and to whom. */
static int take_handshake(struct options *o, int option, const char *text)
{
	switch (option) {
	case SIGN: return read_secret(&o->credentials, "sign", text);
	case SIGN_URL:
		o->signed_url = text;
		return strstr(text, "://")
			       ? 0
			       : options_wrong("sign-url",
					       "write the whole URL, such "
					       "as wss://HOST/PATH");
	case BEARER: return read_secret(&o->bearer, "bearer", text);
	case HEADER: return parse_header(o, text);
	case CACERT: o->tls.cacert = text; return 0;
	case INSECURE: o->tls.insecure = true; return 0;
	case CERT: o->tls.cert = text; return 0;
	case KEY: o->tls.key = text; return 0;
	default: return 2; /* getopt has complained */
	}
}

static int take(struct options *o, int option, char *text)
{
	if (option >= PLAN_OPTION_FIRST)
		return options_take_plan(o, option, text);
	switch (option) {
	case URL: return options_set_url(o, text);
	case DIALECT: return parse_dialect(o, text);
	case LIST: help_list_dialects(stdout); return -1;
	case FORMAT: o->format_text = text; return 0;
	case BIND: return options_add_source(o, text);
	case AUDIO: o->audio_path = text; return 0;
	case ECHO_BACK: o->echo = true; return 0;
	case BARGE_IN:
		return options_parse_time("barge-in", text, &o->barge_in_ms);
	case DTMF:
		o->dtmf = text;
		return strspn(text, "0123456789*#ABCD") == strlen(text)
			       ? 0
			       : options_wrong("dtmf",
					       "digits are 0-9, *, # and A-D");
	case CUSTOM: return parse_custom(o, text);
	case JSON: o->json_path = text; return 0;
	case JSON_CALLS: o->json_calls = true; return 0;
	case LEDGER: o->ledger_path = text; return 0;
	case FAIL_IF: return parse_fail_if(o, text);
	case 'h': help_print(stdout); return -1;
	default: return take_handshake(o, option, text);
	}
}

/* ---- what follows from all of them -----------------------------------------
 */

static int choose_format(struct options *o)
{
	const struct audio_format *format =
		o->format_text ? dialect_format(o->dialect, o->format_text)
			       : &o->dialect->formats[0];
	char name[AUDIO_FORMAT_SIZE];

	if (format) {
		o->format = *format;
		return 0;
	}
	(void)fprintf(stderr, "holdload: --format: %s has no %s; it has",
		      o->dialect->name, o->format_text);
	for (size_t i = 0; i < o->dialect->format_count; i++) {
		audio_format_name(&o->dialect->formats[i], name);
		(void)fprintf(stderr, " %s", name);
	}
	(void)fputc('\n', stderr);
	return 2;
}

/* Whether the calls can begin at all, found out before any does. */
static int try_start(const struct options *o)
{
	struct talk talk = { .format = &o->format,
			     .parameters = o->parameters,
			     .parameter_count = o->parameter_count };
	char *text = malloc(DIALECT_START_MAX);
	size_t length = 0;

	if (text)
		length = o->dialect->start(text, DIALECT_START_MAX, &talk);
	free(text);
	if (length > 0)
		return 0;
	return options_wrong("custom",
			     "this dialect's start message cannot carry "
			     "these values: they are too long, or have "
			     "characters that it has no way to write");
}

static int finish_security(struct options *o)
{
	bool tls = strcmp(o->scheme, "wss") == 0;

	if (!tls && (o->tls.cacert || o->tls.insecure || o->tls.cert))
		return options_wrong(
			"url", "certificates mean nothing to ws://; write "
			       "wss://");
	if (o->tls.key && !o->tls.cert)
		return options_wrong("key", "is of no use without --cert");
	if (!tls)
		return 0;
	o->security.host = o->name;
	o->security.context = tls_context(&o->tls);
	return o->security.context ? 0 : 2;
}

static int check(struct options *o)
{
	if (o->address_count == 0)
		return options_wrong("url", "is needed; see --help");
	if (!o->dialect)
		return options_wrong("dialect",
				     "is needed; --list-dialects shows "
				     "which there are");
	if (o->dtmf[0] && !o->dialect->dtmf)
		return options_wrong("dtmf", "this dialect has no digits");
	if (o->barge_in_ms > 0 && o->echo)
		return options_wrong("barge-in", "an echo is nobody who could "
						 "be interrupted");
	if (o->parameter_count > 0 && o->dialect->no_custom)
		return options_wrong("custom",
				     "this dialect carries no values of "
				     "yours");
	if (o->credentials.secret[0] && o->bearer.secret[0] &&
	    o->dialect->sign != SIGN_TWILIO && o->dialect->sign != SIGN_PLIVO &&
	    o->dialect->sign != SIGN_TELNYX && o->dialect->sign != SIGN_GENESYS)
		return options_wrong("bearer",
				     "--sign writes the same header for this "
				     "dialect; use one of the two");
	if (o->credentials.secret[0] && o->dialect->sign == SIGN_TELNYX)
		o->token = o->credentials.secret;
	return choose_format(o);
}

static int prepare(struct options *o)
{
	const struct dialect *dialect = o->dialect;
	const struct audio_plan plan = {
		.format = o->format,
		.frame_ms =
			dialect->frame_ms ? dialect->frame_ms : AUDIO_FRAME_MS,
		.big_endian = dialect->big_endian,
		.as_text = !dialect->binary,
	};
	int r = try_start(o);

	if (r == 0)
		r = finish_security(o);
	if (r == 0 && audio_load(&o->audio, o->audio_path, &plan) < 0)
		r = 2;
	return r;
}

int options_parse(struct options *o, int argc, char **argv)
{
	int option, r;

	*o = (struct options){ .dtmf = "" };
	while ((option = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		r = take(o, option, optarg);
		if (r != 0)
			return r;
	}
	if (optind < argc) {
		(void)fprintf(stderr, "holdload: %s: unexpected; see --help\n",
			      argv[optind]);
		return 2;
	}
	r = check(o);
	if (r == 0)
		r = options_finish_plan(o);
	return r ? r : prepare(o);
}

void options_free(struct options *o)
{
	audio_free(&o->audio);
	SSL_CTX_free(o->security.context);
	o->security.context = NULL;
}
