/*
 * holdload_fuzz.c - whatever a server says, the load tool makes something of it
 *
 * The bytes are a server's: first as the answer to a handshake, then frame by
 * frame, and each message is heard in every dialect. What it understood lies in
 * the message; the rest is the sanitizers' part.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/holdload/dialect.h"
#include "tools/holdload/wire.h"

#define MESSAGE_MAX 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hear(const struct dialect *dialect, const uint8_t *payload,
		 size_t size)
{
	struct talk talk = { .ids = { .stream = "MZ1" },
			     .format = &dialect->formats[0],
			     .channels = 1 };
	/* Of its own size: who reads on is seen. */
	char *message = malloc(size ? size : 1);
	struct heard heard;

	if (!message)
		return;
	memcpy(message, payload, size);
	heard = dialect->hear(message, size, &talk);
	if (heard.length > 0 &&
	    (heard.text < message || heard.length > size ||
	     (size_t)(heard.text - message) > size - heard.length))
		abort();
	free(message);
}

static void take_frames(const uint8_t *data, size_t size)
{
	const struct dialect *dialect;
	struct wire_frame frame;
	ssize_t n;

	while ((n = wire_take(data, size, MESSAGE_MAX, &frame)) > 0) {
		if ((size_t)n > size || frame.payload < data ||
		    frame.length > (size_t)n)
			abort();
		for (size_t i = 0; (dialect = dialect_at(i)); i++)
			hear(dialect, frame.payload, frame.length);
		data += n;
		size -= (size_t)n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(size ? size : 1);
	int status = 0;
	ssize_t n;

	if (!bytes)
		return 0;
	if (size > 0)
		memcpy(bytes, data, size);
	n = wire_response((const char *)bytes, size,
			  "dGhlIHNhbXBsZSBub25jZQ==", "media", &status);
	if (n > (ssize_t)size || status < 0 || status >= WIRE_STATUSES)
		abort();
	n = n > 0 ? n : 0;
	take_frames(bytes + n, size - (size_t)n);
	free(bytes);
	return 0;
}
