/*
 * options.h - what holdload was asked to do
 */
#ifndef HOLDLOAD_OPTIONS_H
#define HOLDLOAD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/holdload/options_table.h"
#include "tools/holdload/audio.h"
#include "tools/holdload/dialect.h"
#include "tools/holdload/lengths.h"
#include "tools/holdload/link.h"
#include "tools/holdload/misdeed.h"
#include "tools/holdload/sign.h"

#define PARAMETERS_MAX 32
#define CONDITIONS_MAX 16
#define CALLS_MAX      100000u
#define ADDRESSES_MAX  8
#define SOURCES_MAX    64
#define HEADERS_MAX    32

struct options {
	const char *url, *scheme;   /* ws or wss */
	char host[256], path[2048]; /* of the url: with port; with query */
	char name[256];		    /* the host without its port */
	/* All that the name stands for, resolved once, in order of preference.
	 */
	struct link_address addresses[ADDRESSES_MAX];
	unsigned address_count;
	/* Ours, which the calls take in turn; none: the system's choice. */
	struct link_address sources[SOURCES_MAX];
	unsigned source_count;
	const struct dialect *dialect;
	struct audio_format format;
	const char *format_text; /* of --format, or NULL */
	unsigned calls;		 /* in all; with a rate: at once */
	unsigned threads;	 /* 0 until all options are known */
	unsigned handshakes;	 /* under way at once */
	double ramp_per_s;	 /* 0: all at once */
	double rate_per_s; /* calls that come for time_ms; 0: `calls`, once */
	uint64_t time_ms;
	bool poisson;	   /* they come at random */
	uint64_t hold_ms;  /* all of them are up for so long; 0: lengths say */
	double stop_per_s; /* ends after that; 0: all at once */
	struct lengths lengths;
	struct misdeeds misdeeds;
	uint64_t seed;
	bool echo;
	uint64_t barge_in_ms; /* of the server's speech; 0: never */
	struct tls_options tls;
	struct link_security security; /* context NULL: in the clear */
	struct credentials credentials, bearer;
	const char *signed_url; /* NULL: the url */
	const char *token;	/* that a dialect repeats in a message */
	const char *headers[HEADERS_MAX];
	size_t header_count;
	const char *audio_path;
	const char *dtmf;	 /* "" for none */
	const char *json_path;	 /* NULL: a table */
	bool json_calls;	 /* a row for each call, too */
	const char *ledger_path; /* NULL: none */
	const char *html_path;	 /* the same */
	bool quiet;
	struct dialect_parameter parameters[PARAMETERS_MAX];
	size_t parameter_count;
	const char *fail_if[CONDITIONS_MAX];
	size_t fail_if_count;
	struct audio audio;
};

/* 0; 2 after a complaint on stderr; 3 when the host cannot be resolved; -1
 * after --help or --list-dialects. */
int options_parse(struct options *options, int argc, char **argv);
/* Also after a failure. */
void options_free(struct options *options);

/* The host of `url`, resolved. As above. */
int options_set_url(struct options *options, const char *url);
/* One more address of ours, as a number. As above. */
int options_add_source(struct options *options, const char *text);

extern const struct option_table options_table;
extern const struct option_section options_calls, options_plan, options_who,
	options_outcome; /* in files of that name */

#endif
