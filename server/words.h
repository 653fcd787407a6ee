/*
 * words.h - some bytes in shared memory that one writes and any may read
 *
 * The writer makes the version odd, writes, and makes it even; a reader who saw
 * another version, or an odd one, looks again. Nobody waits for anybody. A
 * writer that died in the middle leaves it odd until the next one comes: so a
 * reader gives up after some looks.
 *
 * Thread: any, any process; one writer at a time.
 */
#ifndef SERVER_WORDS_H
#define SERVER_WORDS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORDS_OF(size) (((size) + 7) / 8)

/* `words` has room for WORDS_OF(size). */
void words_set(_Atomic uint32_t *version, _Atomic uint64_t *words,
	       const void *bytes, size_t size);
/* False: after so many looks it was still being written; what is there may be
 * half old, half new. */
bool words_get(const _Atomic uint32_t *version, const _Atomic uint64_t *words,
	       void *bytes, size_t size, unsigned looks);

#endif
