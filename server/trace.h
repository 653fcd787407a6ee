/*
 * trace.h - which trace a call or a request belongs to (W3C Trace Context)
 *
 *   traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
 *                version  trace id              parent's span id    flags
 *
 * Whoever asks us may say it; a value that is not exactly of that form is none
 * (section 3.2.2), and a trace of our own begins. What we ask of others in turn
 * carries the same trace id, and a span id of our own.
 *
 * Thread: any.
 */
#ifndef SERVER_TRACE_H
#define SERVER_TRACE_H

#include <stdbool.h>

#define TRACE_ID_SIZE	 33 /* 32 hexadecimal digits and a NUL */
#define TRACE_IDS_SIZE	 (sizeof("trace=") + 32)
#define TRACEPARENT_SIZE 56 /* of what we say, and a NUL */
/* Versions to come may say more; what is longer than this is no value. */
#define TRACEPARENT_READ 128

struct trace {
	char id[TRACE_ID_SIZE]; /* "": of none */
	bool sampled;		/* whoever asks us keeps it */
};

/* False, and *trace is left alone, when `header` is no traceparent. */
bool trace_parse(const char *header, struct trace *trace);
/* The one that `header` names (NULL: there was none), or a new one. */
void trace_take(const char *header, struct trace *trace);
/* The one of that id, as a record has it; NULL, or no id: a new one. */
void trace_follow(const char *id, struct trace *trace);
/* "trace=...", for log_for(); "" of none. */
void trace_ids(const struct trace *trace, char out[TRACE_IDS_SIZE]);
/* What we send along with a request of ours. */
void trace_parent(const struct trace *trace, char out[TRACEPARENT_SIZE]);

#endif
