/*
 * diagnosis.h - from the server's numbers to "what is wrong, what to do"
 *
 * The words that GET /api/status says, and with it holdctl and the dashboard.
 * Pure: takes the numbers as that JSON, knows no clock and no socket.
 */
#ifndef SERVER_CONTROL_DIAGNOSIS_H
#define SERVER_CONTROL_DIAGNOSIS_H

#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

struct problem {
	char what[400];	    /* a sentence or two */
	const char *remedy; /* what to do about it */
};

#define PROBLEMS_MAX 10

/* How many there are; the worst first. */
size_t diagnose(const json_t *status, int64_t now_wall_us,
		struct problem out[PROBLEMS_MAX]);

#endif
