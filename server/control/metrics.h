/*
 * metrics.h - the board as Prometheus text (exposition format 0.0.4)
 *
 * Every family is one block: HELP, TYPE, then all its series. A family without
 * labels is always there, if only as a zero, so that an alert can tell "nothing
 * happened" from "nobody reports".
 *
 * Thread: any; only atomics are read.
 */
#ifndef SERVER_CONTROL_METRICS_H
#define SERVER_CONTROL_METRICS_H

#include <stddef.h>

#include "server/control/http/http.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* The whole text, malloc'd; NULL when memory ran out. */
char *metrics_render(size_t *length);

http_handler metrics_handle; /* GET /metrics */

#endif
