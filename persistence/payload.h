/*
 * payload.h - may this text stand among others as one row?
 *
 * Payloads go to the database side by side, as the elements of one JSON array.
 * So each has to be one object that ends where it seems to: text that closed
 * the array early, or ran on into its neighbour, would take other records with
 * it, unseen. And it must not hold what PostgreSQL's text cannot, and what no
 * reader of SQLite's could read: NULs, broken UTF-8, half a surrogate pair.
 *
 * Whether it is good JSON in every other way is the database's to say.
 *
 * Thread: any.
 */
#ifndef PERSISTENCE_PAYLOAD_H
#define PERSISTENCE_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>

/* NULL if it may; otherwise what is wrong with it. */
const char *payload_fault(const char *text, size_t length);

/* Could those bytes be a string in it: UTF-8 without a NUL? */
bool payload_takes_text(const char *bytes, size_t length);

#endif
