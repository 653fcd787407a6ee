/*
 * table.h - rows of cells, aligned
 *
 * Columns are as wide as their widest cell. Where a line would not fit on the
 * terminal, elastic columns are cut (with a mark) so that no line wraps; into a
 * pipe nothing is ever cut. Cells are defused (human.h).
 */
#ifndef TOOLS_HOLDCTL_TABLE_H
#define TOOLS_HOLDCTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table;

struct table_column {
	const char *title;
	bool right;   /* numbers */
	bool elastic; /* may be cut, to 8 characters at least */
};

/* The columns are borrowed. NULL when memory ran out, which the functions
 * below accept: the failure shows at the end, in table_print(). */
struct table *table_create(const struct table_column *columns, size_t count);
/* One cell a column, copied; NULL is shown as "-". */
void table_add(struct table *table, const char *const *cells);
/* `width` 0: not bounded. 0, or -ENOMEM if a row could not be kept. */
int table_print(const struct table *table, FILE *out, size_t width);
struct table *table_destroy(struct table *table);

/* The width to print for: the terminal's, or 0 when `out` is none. */
size_t table_width(FILE *out);

#endif
