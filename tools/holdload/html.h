/*
 * html.h - a report as one page, for --html
 *
 * All of it is in the file: no script, no style and no picture from elsewhere.
 */
#ifndef HOLDLOAD_HTML_H
#define HOLDLOAD_HTML_H

#include <jansson.h>

/* Of a report's document (report.h). The file has its name when it is whole.
 * 0, or -1 after a complaint. */
int html_write(const char *path, json_t *report);

#endif
