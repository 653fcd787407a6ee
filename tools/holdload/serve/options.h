/*
 * options.h - what `holdload serve` was asked to do
 */
#ifndef HOLDLOAD_SERVE_OPTIONS_H
#define HOLDLOAD_SERVE_OPTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/holdload/dialect.h"
#include "tools/holdload/link.h"
#include "tools/holdload/options_table.h"

#define SERVE_CONDITIONS_MAX 16
#define SERVE_TICK_CHOSEN    UINT_MAX /* by how many calls there are */

enum serve_mode { SERVE_SINK, SERVE_ECHO };

struct serve_options {
	const char *listen;
	struct link_address address;
	enum serve_mode mode;
	const struct dialect *dialect; /* NULL: whoever comes */
	unsigned threads;
	unsigned tick_us;   /* 0: none */
	unsigned calls_max; /* at once */
	unsigned calls;	    /* then it is over; 0: never */
	uint64_t time_ms;   /* the same */
	uint64_t idle_ms;   /* without a message: the call is over */
	uint64_t mark_ms;   /* a mark so often; 0: none */
	const char *json_path;
	bool json_calls;
	const char *fail_if[SERVE_CONDITIONS_MAX];
	size_t fail_if_count;
};

extern const struct option_table serve_options_table;

/* 0; 2 after a complaint on stderr; -1 after --help. */
int serve_options_parse(struct serve_options *options, int argc, char **argv);

#endif
