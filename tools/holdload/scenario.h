/*
 * scenario.h - options from a file, for --scenario
 *
 * YAML: a key for each option, as the help names it without its dashes. What
 * may be said several times may be a list, a switch is true or false:
 *
 *   url: ws://127.0.0.1:8080/media/twilio/echo
 *   dialect: twilio
 *   calls: 1000
 *   echo: true
 *   fail-if: [echo_p99>40ms, lost>0]
 *
 * Files that it names are found from where holdload runs, as on the command
 * line.
 *
 * Thread: main's, before the run.
 */
#ifndef HOLDLOAD_SCENARIO_H
#define HOLDLOAD_SCENARIO_H

#include "tools/holdload/options_table.h"

/* Every key's row takes its value. 0, or 2 after a complaint that names file,
 * line and key. */
int scenario_read(const char *path, const struct option_table *table,
		  void *options);

#endif
