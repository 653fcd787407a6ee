/* words.c - bytes in shared memory that one writes and any reads (see words.h)
 *
 * Each word is released and acquired by itself: whoever read one of the new
 * ones sees the odd version that was written before it. */
#include "server/words.h"

#include <string.h>

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

void words_set(_Atomic uint32_t *version, _Atomic uint64_t *words,
	       const void *bytes, size_t size)
{
	const unsigned char *from = bytes;
	/* Odd from here, also when a writer before us died in the middle. */
	uint32_t writing =
		atomic_load_explicit(version, memory_order_relaxed) | 1;

	atomic_store_explicit(version, writing, memory_order_relaxed);
	for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
		uint64_t word = 0;

		memcpy(&word, from + at, least(size - at, sizeof(word)));
		atomic_store_explicit(&words[at / sizeof(word)], word,
				      memory_order_release);
	}
	atomic_store_explicit(version, writing + 1, memory_order_release);
}

static void copy(const _Atomic uint64_t *words, void *bytes, size_t size)
{
	unsigned char *to = bytes;

	for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
		uint64_t word = atomic_load_explicit(
			&words[at / sizeof(uint64_t)], memory_order_acquire);

		memcpy(to + at, &word, least(size - at, sizeof(word)));
	}
}

bool words_get(const _Atomic uint32_t *version, const _Atomic uint64_t *words,
	       void *bytes, size_t size, unsigned looks)
{
	while (looks-- > 0) {
		uint32_t before =
			atomic_load_explicit(version, memory_order_acquire);

		copy(words, bytes, size);
		if (before % 2 == 0 &&
		    atomic_load_explicit(version, memory_order_relaxed) ==
			    before)
			return true;
	}
	return false;
}
