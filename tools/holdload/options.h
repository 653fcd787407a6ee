/*
 * options.h - what holdload was asked to do
 */
#ifndef HOLDLOAD_OPTIONS_H
#define HOLDLOAD_OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "tools/holdload/audio.h"
#include "tools/holdload/dialect.h"
#include "tools/holdload/link.h"
#include "tools/holdload/sign.h"

#define PARAMETERS_MAX 32
#define CONDITIONS_MAX 16
#define CALLS_MAX      100000u
#define ADDRESSES_MAX  8
#define HEADERS_MAX    32

struct options {
	const char *url, *scheme;   /* ws or wss */
	char host[256], path[2048]; /* of the url: with port; with query */
	char name[256];		    /* the host without its port */
	/* All that the name stands for, resolved once, in order of preference.
	 */
	struct sockaddr_storage addresses[ADDRESSES_MAX];
	socklen_t address_sizes[ADDRESSES_MAX];
	unsigned address_count;
	const struct dialect *dialect;
	struct audio_format format;
	const char *format_text; /* of --format, or NULL */
	unsigned calls, threads;
	double ramp_per_s;    /* 0: all at once */
	uint64_t duration_ms; /* 0: the file once */
	bool echo;
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

#endif
