/*
 * book.h - a row for each call that was served, for --json-calls
 *
 * Thread: belongs to one desk; read when it has ended.
 */
#ifndef HOLDLOAD_SERVE_BOOK_H
#define HOLDLOAD_SERVE_BOOK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct callee;
struct book_entry;

struct book {
	bool wanted;		    /* else nothing is kept */
	bool missing;		    /* a call, for want of memory */
	struct book_entry *entries; /* owned */
	size_t count, room;
};

/* A call that is over. */
void book_add(struct book *book, const struct callee *callee);
/* All rows as objects at the end of the array. */
void book_to_json(const struct book *book, json_t *array);
void book_free(struct book *book);

#endif
