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

#define PARAMETERS_MAX 32
#define CONDITIONS_MAX 16
#define CALLS_MAX      100000u
#define ADDRESSES_MAX  8

struct options {
	char host[256], path[512]; /* of the url */
	/* All that the name stands for, resolved once, in order of preference.
	 */
	struct sockaddr_storage addresses[ADDRESSES_MAX];
	socklen_t address_sizes[ADDRESSES_MAX];
	unsigned address_count;
	const struct dialect *dialect;
	unsigned calls, threads;
	double ramp_per_s;    /* 0: all at once */
	uint64_t duration_ms; /* 0: the file once */
	bool echo;
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
 * after --help was printed. */
int options_parse(struct options *options, int argc, char **argv);

#endif
