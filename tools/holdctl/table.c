/* table.c - lays rows out in columns */
#include "tools/holdctl/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "server/human.h"

#define COLUMNS_MAX 16
#define ELASTIC_MIN 8
#define GAP	    2

struct table {
	const struct table_column *columns;
	size_t column_count;
	char **cells; /* row after row */
	size_t row_count, row_capacity;
	bool failed;
};

struct table *table_create(const struct table_column *columns, size_t count)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table || count > COLUMNS_MAX) {
		free(table);
		return NULL;
	}
	table->columns = columns;
	table->column_count = count;
	return table;
}

static bool grow(struct table *table)
{
	size_t capacity = table->row_capacity ? table->row_capacity * 2 : 32;
	char **cells;

	if (table->row_count < table->row_capacity)
		return true;
	cells = reallocarray(table->cells, capacity * table->column_count,
			     sizeof(*cells));
	if (!cells)
		return false;
	table->cells = cells;
	table->row_capacity = capacity;
	return true;
}

void table_add(struct table *table, const char *const *cells)
{
	char **row;

	if (!table || !grow(table)) {
		if (table)
			table->failed = true;
		return;
	}
	row = &table->cells[table->row_count++ * table->column_count];
	for (size_t i = 0; i < table->column_count; i++) {
		row[i] = strdup(cells[i] && cells[i][0] ? cells[i] : "-");
		if (row[i])
			human_defuse(row[i]);
		else
			table->failed = true;
	}
}

/* Characters, counting each code point as one column. */
static size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

/* Bytes of the first `width` characters. */
static size_t text_prefix(const char *text, size_t width)
{
	const char *p = text;

	for (; *p; p++)
		if (((unsigned char)*p & 0xc0) != 0x80 && width-- == 0)
			break;
	return (size_t)(p - text);
}

static size_t measure(const struct table *table, size_t *widths)
{
	size_t total = 0;

	for (size_t i = 0; i < table->column_count; i++) {
		widths[i] = text_width(table->columns[i].title);
		for (size_t row = 0; row < table->row_count; row++) {
			const char *cell =
				table->cells[row * table->column_count + i];
			size_t width = text_width(cell);

			if (width > widths[i])
				widths[i] = width;
		}
		total += widths[i] + (i > 0 ? GAP : 0);
	}
	return total;
}

/* Takes what is too much from the widest elastic column, again and again. */
static void squeeze(const struct table *table, size_t *widths, size_t excess)
{
	while (excess > 0) {
		size_t widest = table->column_count;

		for (size_t i = 0; i < table->column_count; i++) {
			if (!table->columns[i].elastic ||
			    widths[i] <= ELASTIC_MIN)
				continue;
			if (widest == table->column_count ||
			    widths[i] > widths[widest])
				widest = i;
		}
		if (widest == table->column_count)
			return;
		widths[widest]--;
		excess--;
	}
}

static void print_cell(FILE *out, const char *text, size_t width, bool right,
		       bool last)
{
	size_t have = text_width(text);
	int pad = have < width ? (int)(width - have) : 0;

	if (have > width) {
		fprintf(out, "%.*s…", (int)text_prefix(text, width - 1), text);
	} else if (right) {
		fprintf(out, "%*s%s", pad, "", text);
	} else {
		/* No blanks at the end of a line. */
		fprintf(out, "%s%*s", text, last ? 0 : pad, "");
	}
	fputs(last ? "\n" : "  ", out);
}

int table_print(const struct table *table, FILE *out, size_t width)
{
	size_t widths[COLUMNS_MAX];
	size_t total;

	if (!table || table->failed)
		return -ENOMEM;
	total = measure(table, widths);
	if (width > 0 && total > width)
		squeeze(table, widths, total - width);
	for (size_t i = 0; i < table->column_count; i++)
		print_cell(out, table->columns[i].title, widths[i],
			   table->columns[i].right,
			   i + 1 == table->column_count);
	for (size_t n = 0; n < table->row_count * table->column_count; n++) {
		size_t i = n % table->column_count;

		print_cell(out, table->cells[n], widths[i],
			   table->columns[i].right,
			   i + 1 == table->column_count);
	}
	return 0;
}

struct table *table_destroy(struct table *table)
{
	if (!table)
		return NULL;
	for (size_t n = 0; n < table->row_count * table->column_count; n++)
		free(table->cells[n]);
	free(table->cells);
	free(table);
	return NULL;
}

size_t table_width(FILE *out)
{
	struct winsize size = { 0 };

	if (!isatty(fileno(out)) || ioctl(fileno(out), TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col;
}
