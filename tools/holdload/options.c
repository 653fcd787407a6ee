/*
 * options.c - what holdload was asked to do (see options.h)
 */
#include "tools/holdload/options.h"

#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/settings.h"
#include "tools/holdload/report.h"

static const char usage[] =
	"usage: holdload --url ws://HOST:PORT/PATH --provider NAME --calls N "
	"[OPTION]...\n"
	"\n"
	"Plays the provider's end of phone calls against a media server.\n"
	"\n"
	"  --url URL          where the calls go, ws://HOST[:PORT]/PATH\n"
	"  --provider NAME    the dialect: twilio\n"
	"  --calls N          how many calls, each placed once (1)\n"
	"  --ramp R/s         calls begun a second (all at once)\n"
	"  --duration T       of each call, such as 30s (the file once)\n"
	"  --audio FILE       WAV, 8000 Hz, one channel (a spoken prompt)\n"
	"  --echo             expect every frame back, check it, time it\n"
	"  --dtmf DIGITS      sent during each call\n"
	"  --custom K=V       a custom parameter of each call; may be repeated\n"
	"  --threads N        (1)\n"
	"  --json FILE        the report as JSON, - for standard output\n"
	"  --json-calls       with a row for each call\n"
	"  --ledger FILE      what became of each call, a line of JSON each\n"
	"  --fail-if EXPR     exit 1 when it holds, such as 'echo_p99>40ms' or\n"
	"                     'lost>0'; the words are those of the JSON report\n"
	"\n"
	"exit status: 0 all calls went as planned, 1 some did not or a --fail-if\n"
	"holds, 2 usage, 3 the server could not be reached\n"
	"\n"
	"examples:\n"
	"  holdload --url ws://127.0.0.1:8080/media/twilio --provider twilio \\\n"
	"           --calls 1 --audio prompt.wav\n"
	"  holdload --url ws://127.0.0.1:8080/media/twilio/echo --provider twilio "
	"\\\n"
	"           --calls 1000 --ramp 100/s --duration 1min --echo \\\n"
	"           --fail-if 'echo_p99>40ms' --fail-if 'lost>0'\n";

static int wrong(const char *option, const char *what)
{
	(void)fprintf(stderr, "holdload: --%s: %s\n", option, what);
	return 2;
}

static int parse_count(const char *option, const char *text, unsigned most,
		       unsigned *count)
{
	char *end, what[64];
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno == 0 && *end == '\0' && n >= 1 && n <= most) {
		*count = (unsigned)n;
		return 0;
	}
	(void)snprintf(what, sizeof(what), "a number from 1 to %u is needed",
		       most);
	return wrong(option, what);
}

static int parse_ramp(const char *text, double *per_s)
{
	char *end;

	*per_s = strtod(text, &end);
	if (end != text && *per_s > 0 &&
	    (strcmp(end, "/s") == 0 || *end == '\0'))
		return 0;
	return wrong("ramp", "calls a second are needed, such as 50/s");
}

static int parse_custom(struct options *o, char *text)
{
	char *equals = strchr(text, '=');

	if (!equals || equals == text)
		return wrong("custom", "NAME=VALUE is needed");
	if (o->parameter_count == PARAMETERS_MAX)
		return wrong("custom", "there are too many");
	*equals = '\0';
	o->parameters[o->parameter_count++] =
		(struct dialect_parameter){ text, equals + 1 };
	return 0;
}

static int resolve(struct options *o, const char *host, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
	int r = getaddrinfo(host, port, &hints, &found);

	if (r != 0) {
		(void)fprintf(stderr, "holdload: --url: %s: %s\n", host,
			      gai_strerror(r));
		return 3;
	}
	o->address_count = 0;
	for (const struct addrinfo *at = found; at; at = at->ai_next) {
		if (o->address_count == ADDRESSES_MAX)
			break;
		memcpy(&o->addresses[o->address_count], at->ai_addr,
		       at->ai_addrlen);
		o->address_sizes[o->address_count++] = at->ai_addrlen;
	}
	freeaddrinfo(found);
	return 0;
}

static int parse_url(struct options *o, const char *url)
{
	char host[256], port[8] = "80";
	const char *at, *end;
	size_t length;

	if (strncmp(url, "wss://", 6) == 0)
		return wrong("url", "wss is not in this version; use ws://");
	if (strncmp(url, "ws://", 5) != 0)
		return wrong("url", "write ws://HOST:PORT/PATH");
	at = url + 5;
	length = strcspn(at, "/");
	if (length == 0 || length >= sizeof(o->host))
		return wrong("url", "it has no host");
	memcpy(o->host, at, length);
	o->host[length] = '\0';
	(void)snprintf(o->path, sizeof(o->path), "%s",
		       at[length] ? at + length : "/");
	(void)snprintf(host, sizeof(host), "%s", o->host);
	end = strrchr(host, ':');
	if (end && !strchr(end, ']')) {
		(void)snprintf(port, sizeof(port), "%s", end + 1);
		host[end - host] = '\0';
	}
	if (host[0] == '[') {
		memmove(host, host + 1, strlen(host));
		host[strcspn(host, "]")] = '\0';
	}
	return resolve(o, host, port);
}

static int parse_fail_if(struct options *o, const char *text)
{
	if (report_check_condition(text) < 0)
		return wrong("fail-if", "write NAME OP VALUE without blanks, "
					"such as echo_p99>40ms or lost>0");
	if (o->fail_if_count == CONDITIONS_MAX)
		return wrong("fail-if", "there are too many");
	o->fail_if[o->fail_if_count++] = text;
	return 0;
}

enum {
	URL = 1000,
	PROVIDER,
	CALLS,
	RAMP,
	DURATION,
	AUDIO,
	ECHO_BACK,
	DTMF,
	CUSTOM,
	THREADS,
	JSON,
	JSON_CALLS,
	LEDGER,
	FAIL_IF
};

static const struct option longs[] = {
	{ "url", required_argument, NULL, URL },
	{ "provider", required_argument, NULL, PROVIDER },
	{ "calls", required_argument, NULL, CALLS },
	{ "ramp", required_argument, NULL, RAMP },
	{ "duration", required_argument, NULL, DURATION },
	{ "audio", required_argument, NULL, AUDIO },
	{ "echo", no_argument, NULL, ECHO_BACK },
	{ "dtmf", required_argument, NULL, DTMF },
	{ "custom", required_argument, NULL, CUSTOM },
	{ "threads", required_argument, NULL, THREADS },
	{ "json", required_argument, NULL, JSON },
	{ "json-calls", no_argument, NULL, JSON_CALLS },
	{ "ledger", required_argument, NULL, LEDGER },
	{ "fail-if", required_argument, NULL, FAIL_IF },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int take(struct options *o, int option, char *text)
{
	switch (option) {
	case URL: return parse_url(o, text);
	case PROVIDER:
		o->dialect = dialect_find(text);
		return o->dialect ? 0 : wrong("provider", "write twilio");
	case CALLS: return parse_count("calls", text, CALLS_MAX, &o->calls);
	case RAMP: return parse_ramp(text, &o->ramp_per_s);
	case DURATION:
		if (settings_parse_duration_ms(text, &o->duration_ms) == 0 &&
		    o->duration_ms > 0)
			return 0;
		return wrong("duration", "write it like 30s or 5min");
	case AUDIO: o->audio_path = text; return 0;
	case ECHO_BACK: o->echo = true; return 0;
	case DTMF:
		o->dtmf = text;
		return strspn(text, "0123456789*#ABCD") == strlen(text)
			       ? 0
			       : wrong("dtmf", "digits are 0-9, *, # and A-D");
	case CUSTOM: return parse_custom(o, text);
	case THREADS: return parse_count("threads", text, 64, &o->threads);
	case JSON: o->json_path = text; return 0;
	case JSON_CALLS: o->json_calls = true; return 0;
	case LEDGER: o->ledger_path = text; return 0;
	case FAIL_IF: return parse_fail_if(o, text);
	case 'h': (void)fputs(usage, stdout); return -1;
	default: return 2; /* getopt has complained */
	}
}

int options_parse(struct options *o, int argc, char **argv)
{
	int option, r;

	*o = (struct options){ .calls = 1, .threads = 1, .dtmf = "" };
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
	if (o->address_count == 0)
		return wrong("url", "is needed; see --help");
	if (!o->dialect)
		return wrong("provider", "is needed; see --help");
	if (o->threads > o->calls)
		o->threads = o->calls;
	return audio_load(&o->audio, o->audio_path) < 0 ? 2 : 0;
}
