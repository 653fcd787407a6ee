/*
 * base64.c - the text that audio travels in (see base64.h)
 *
 * Decoding adds up four table entries, one for each character of a group. An
 * entry has its six bits where they belong in the three bytes (the first byte
 * lowest), and a one in bit 24; what is no base64 has an entry of zero. So the
 * sum of four good characters, and no other, has bit 26 set, and one test at
 * the end finds whether every group was good. Some seventy nanoseconds for
 * 20 ms of audio. Encoding takes sixteen letters at a time, without a table.
 * Faster code would not be noticed beside the system calls.
 */
#include "media/base64.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

/* clang-format off */
#define ALPHABET(X)                                                            \
	X('A', 0u)  X('B', 1u)  X('C', 2u)  X('D', 3u)  X('E', 4u)  X('F', 5u)  \
	X('G', 6u)  X('H', 7u)  X('I', 8u)  X('J', 9u)  X('K', 10u) X('L', 11u) \
	X('M', 12u) X('N', 13u) X('O', 14u) X('P', 15u) X('Q', 16u) X('R', 17u) \
	X('S', 18u) X('T', 19u) X('U', 20u) X('V', 21u) X('W', 22u) X('X', 23u) \
	X('Y', 24u) X('Z', 25u) X('a', 26u) X('b', 27u) X('c', 28u) X('d', 29u) \
	X('e', 30u) X('f', 31u) X('g', 32u) X('h', 33u) X('i', 34u) X('j', 35u) \
	X('k', 36u) X('l', 37u) X('m', 38u) X('n', 39u) X('o', 40u) X('p', 41u) \
	X('q', 42u) X('r', 43u) X('s', 44u) X('t', 45u) X('u', 46u) X('v', 47u) \
	X('w', 48u) X('x', 49u) X('y', 50u) X('z', 51u) X('0', 52u) X('1', 53u) \
	X('2', 54u) X('3', 55u) X('4', 56u) X('5', 57u) X('6', 58u) X('7', 59u) \
	X('8', 60u) X('9', 61u) X('+', 62u) X('/', 63u)
/* clang-format on */

#define GOOD	 (1u << 24)
#define ALL_GOOD (1u << 26)

/* Where the bits of the 1st to 4th character of a group go. */
#define FIRST(c, v)  [c] = GOOD | (v) << 2,
#define SECOND(c, v) [c] = GOOD | (v) >> 4 | ((v)&15u) << 12,
#define THIRD(c, v)  [c] = GOOD | (v) >> 2 << 8 | ((v)&3u) << 22,
#define FOURTH(c, v) [c] = GOOD | (v) << 16,

static const uint32_t bits[4][256] = {
	{ ALPHABET(FIRST) },
	{ ALPHABET(SECOND) },
	{ ALPHABET(THIRD) },
	{ ALPHABET(FOURTH) },
};

static inline uint32_t group(const uint8_t *text)
{
	return bits[0][text[0]] + bits[1][text[1]] + bits[2][text[2]] +
	       bits[3][text[3]];
}

/* Writes four bytes of which three count: `out` has that much room. */
static inline void put_group(uint8_t *out, uint32_t sum)
{
	sum = htole32(sum);
	memcpy(out, &sum, sizeof(sum));
}

/* The two or three characters at the end, as if zeros followed; the bits that
 * belong to no byte must be zero. */
static bool decode_rest(const uint8_t *text, size_t length, uint8_t *out)
{
	uint8_t whole[4] = { text[0], text[1], 'A', 'A' };
	uint32_t sum;

	if (length == 3)
		whole[2] = text[2];
	sum = group(whole);
	out[0] = (uint8_t)sum;
	if (length == 3)
		out[1] = (uint8_t)(sum >> 8);
	return (sum & ALL_GOOD) && (sum & 0xffffffu) >> 8 * (length - 1) == 0;
}

ssize_t base64_decode(const char *text, size_t length, uint8_t *out)
{
	const uint8_t *in = (const uint8_t *)text;
	uint8_t *at = out;
	uint32_t good = ALL_GOOD;

	if (length > 0 && length % 4 == 0 && in[length - 1] == '=')
		length -= 1u + (in[length - 2] == '=');
	for (; length >= 16; length -= 16, in += 16, at += 12) {
		uint32_t a = group(in), b = group(in + 4);
		uint32_t c = group(in + 8), d = group(in + 12);

		good &= a & b & c & d;
		put_group(at, a);
		put_group(at + 3, b);
		put_group(at + 6, c);
		put_group(at + 9, d);
	}
	for (; length >= 4; length -= 4, in += 4, at += 3) {
		uint32_t sum = group(in);

		good &= sum;
		put_group(at, sum);
	}
	if (length == 1 || !good)
		return -1;
	if (length > 0 && !decode_rest(in, length, at))
		return -1;
	return at - out + (ssize_t)(length > 0 ? length - 1 : 0);
}

/* The bits of six bytes, halved three times until each letter's six are alone.
 * Eight bytes are read. */
static inline void spread(const uint8_t *bytes, uint8_t *sextets)
{
	uint64_t six;

	memcpy(&six, bytes, sizeof(six));
	six = be64toh(six) >> 16;
	six = (six & 0xffffff000000u) << 8 | (six & 0xffffffu);
	six = (six & 0x00fff00000fff000u) << 4 | (six & 0x00000fff00000fffu);
	six = (six & 0x0fc00fc00fc00fc0u) << 2 | (six & 0x003f003f003f003fu);
	six = htobe64(six);
	memcpy(sextets, &six, sizeof(six));
}

typedef int8_t letters __attribute__((vector_size(16)));

/* The alphabet makes four leaps in ASCII; a comparison is all ones or zero. */
static inline letters letters_of(letters sextets)
{
	return sextets + 'A' + ((sextets > 25) & ('a' - 'Z' - 1)) +
	       ((sextets > 51) & ('0' - 'z' - 1)) +
	       ((sextets > 61) & ('+' - '9' - 1)) +
	       ((sextets > 62) & ('/' - '+' - 1));
}

#define GROUP_BYTES   12u
#define GROUP_LETTERS sizeof(letters)
#define GROUP_READ    14u /* the last two for nothing */

static inline void put_letters(char *out, const uint8_t *bytes)
{
	uint8_t sextets[GROUP_LETTERS];
	letters group;

	spread(bytes, sextets);
	spread(bytes + GROUP_BYTES / 2, sextets + GROUP_LETTERS / 2);
	memcpy(&group, sextets, sizeof(group));
	group = letters_of(group);
	memcpy(out, &group, sizeof(group));
}

/* Less than GROUP_READ bytes, as if zeros followed. */
static size_t encode_rest(const uint8_t *bytes, size_t length, char *out)
{
	uint8_t padded[GROUP_BYTES + GROUP_READ] = { 0 };
	char whole[2 * GROUP_LETTERS];
	size_t count = (length + 2) / 3 * 4, missing = (3 - length % 3) % 3;

	memcpy(padded, bytes, length);
	put_letters(whole, padded);
	put_letters(whole + GROUP_LETTERS, padded + GROUP_BYTES);
	memset(whole + count - missing, '=', missing);
	memcpy(out, whole, count);
	return count;
}

size_t base64_encode(const uint8_t *bytes, size_t length, char *out)
{
	char *at = out;

	for (; length >= GROUP_READ; length -= GROUP_BYTES) {
		put_letters(at, bytes);
		bytes += GROUP_BYTES;
		at += GROUP_LETTERS;
	}
	return (size_t)(at - out) + encode_rest(bytes, length, at);
}
