/*
 * base64_fuzz.c - what decodes encodes back to the same text
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "media/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(BASE64_DECODED_MAX(size));
	char *again = malloc(BASE64_ENCODED(BASE64_DECODED_MAX(size)));
	ssize_t decoded = base64_decode((const char *)data, size, bytes);

	if (decoded >= 0) {
		size_t length = base64_encode(bytes, (size_t)decoded, again);

		/* Padding may have been missing; the rest is the same. */
		if (length < size || memcmp(again, data, size) != 0)
			abort();
	}
	free(bytes);
	free(again);
	return 0;
}
