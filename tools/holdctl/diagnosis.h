/*
 * diagnosis.h - from the server's numbers to "what is wrong, what to do"
 *
 * Pure: takes the JSON of GET /api/status, knows no clock and no socket.
 */
#ifndef TOOLS_HOLDCTL_DIAGNOSIS_H
#define TOOLS_HOLDCTL_DIAGNOSIS_H

#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

struct problem {
	char what[320];	    /* a sentence */
	const char *remedy; /* what to do about it */
};

#define PROBLEMS_MAX 10

/* How many there are; the worst first. */
size_t diagnose(const json_t *status, int64_t now_wall_us,
		struct problem out[PROBLEMS_MAX]);

#endif
