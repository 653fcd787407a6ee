/*
 * uuid.h - ids that sort by time, and ids that can be made twice
 *
 * Calls and records carry UUIDv7 (RFC 9562, section 5.7). Where two processes
 * may write the same record, its id is derived from what it says (UUIDv8 over
 * XXH3-128), so that both write the same one.
 *
 * Thread: any.
 */
#ifndef SERVER_UUID_H
#define SERVER_UUID_H

#include <stdbool.h>
#include <stdint.h>

struct uuid {
	uint8_t bytes[16];
};

#define UUID_TEXT_SIZE 37

/* Those of one thread sort strictly in the order they were made, unless the
 * wall clock is set back by more than a second. */
void uuid_make_v7(struct uuid *out);
/* The same with the clock, and what a thread remembers of its last id (0 at
 * first), as arguments. */
void uuid_make_v7_at(struct uuid *out, uint64_t *last, uint64_t wall_ns);
/* The same (entity, name) gives the same id, on any machine. The name is one of
 * our own words, of at most 64 characters. */
void uuid_derive(struct uuid *out, const struct uuid *entity, const char *name);
void uuid_format(const struct uuid *id, char out[UUID_TEXT_SIZE]);
bool uuid_parse(const char *text, struct uuid *out);
bool uuid_equal(const struct uuid *a, const struct uuid *b);

#endif
