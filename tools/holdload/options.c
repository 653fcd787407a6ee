/*
 * options.c - what holdload was asked to do (see options.h)
 */
#include "tools/holdload/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/holdload/options_plan.h"
#include "tools/holdload/options_table.h"

static const struct option_section *const sections[] = {
	&options_calls, &options_plan, &options_who, &options_outcome
};
const struct option_table options_table = OPTION_TABLE(sections);

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
	int r;

	*o = (struct options){ .dtmf = "" };
	r = options_take_all(&options_table, o, argc, argv);
	if (r == 0)
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
