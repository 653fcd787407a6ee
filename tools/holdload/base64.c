/* base64.c - what stands in a message of audio, as samples (see base64.h) */
#include "tools/holdload/base64.h"

#include <stdbool.h>

#define GOOD 64u /* a bit that all characters of the alphabet have */

static const uint8_t values[256] = {
	['A'] = 64,  ['B'] = 65,  ['C'] = 66,  ['D'] = 67,  ['E'] = 68,
	['F'] = 69,  ['G'] = 70,  ['H'] = 71,  ['I'] = 72,  ['J'] = 73,
	['K'] = 74,  ['L'] = 75,  ['M'] = 76,  ['N'] = 77,  ['O'] = 78,
	['P'] = 79,  ['Q'] = 80,  ['R'] = 81,  ['S'] = 82,  ['T'] = 83,
	['U'] = 84,  ['V'] = 85,  ['W'] = 86,  ['X'] = 87,  ['Y'] = 88,
	['Z'] = 89,  ['a'] = 90,  ['b'] = 91,  ['c'] = 92,  ['d'] = 93,
	['e'] = 94,  ['f'] = 95,  ['g'] = 96,  ['h'] = 97,  ['i'] = 98,
	['j'] = 99,  ['k'] = 100, ['l'] = 101, ['m'] = 102, ['n'] = 103,
	['o'] = 104, ['p'] = 105, ['q'] = 106, ['r'] = 107, ['s'] = 108,
	['t'] = 109, ['u'] = 110, ['v'] = 111, ['w'] = 112, ['x'] = 113,
	['y'] = 114, ['z'] = 115, ['0'] = 116, ['1'] = 117, ['2'] = 118,
	['3'] = 119, ['4'] = 120, ['5'] = 121, ['6'] = 122, ['7'] = 123,
	['8'] = 124, ['9'] = 125, ['+'] = 126, ['/'] = 127,
};

/* Three bytes of four characters. */
static bool take_four(uint8_t *out, const unsigned char *at)
{
	unsigned a = values[at[0]], b = values[at[1]], c = values[at[2]],
		 d = values[at[3]];
	unsigned bits =
		(a & 63) << 18 | (b & 63) << 12 | (c & 63) << 6 | (d & 63);

	out[0] = (uint8_t)(bits >> 16);
	out[1] = (uint8_t)(bits >> 8);
	out[2] = (uint8_t)bits;
	return a & b & c & d & GOOD;
}

ssize_t unbase64(uint8_t *out, const char *text, size_t length)
{
	const unsigned char *at = (const unsigned char *)text;
	unsigned char last[4] = "AAAA";
	uint8_t three[3], *begin = out;
	size_t left;

	if (length % 4 == 0) /* then it may be padded */
		for (int i = 0; i < 2 && length > 0 && at[length - 1] == '=';
		     i++)
			length--;
	for (left = length; left >= 4; left -= 4, at += 4, out += 3)
		if (!take_four(out, at))
			return -1;
	if (left == 1)
		return -1; /* six bits are no byte */
	for (size_t i = 0; i < left; i++)
		last[i] = at[i];
	if (!take_four(three, last))
		return -1;
	for (size_t i = 0; i + 1 < left; i++)
		*out++ = three[i];
	return out - begin;
}
