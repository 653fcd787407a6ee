/*
 * holdload_serve_fuzz.c - whatever a client says, `holdload serve` answers it
 * or not, and goes on
 *
 * The bytes are a client's: first as the request of a handshake, then frame by
 * frame, and each message is heard by the server's end of every dialect, and
 * answered in it. What was understood lies in the message; the rest is the
 * sanitizers' part.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/holdload/base64.h"
#include "tools/holdload/host.h"
#include "tools/holdload/serve/recognise.h"
#include "tools/holdload/wire.h"
#include "tools/holdload/wire_server.h"

#define MESSAGE_MAX 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_lie_in(struct span inner, struct span outer)
{
	if (inner.length > 0 &&
	    (inner.text < outer.text || inner.length > outer.length ||
	     (size_t)(inner.text - outer.text) > outer.length - inner.length))
		abort();
}

static void answer(const struct dialect *dialect, const struct told *told,
		   struct talk *talk)
{
	static char out[2 * MESSAGE_MAX];
	static uint8_t audio[BASE64_ROOM(MESSAGE_MAX)];
	const char *const forms[] = { told->answer, dialect->host->media,
				      dialect->host->mark,
				      dialect->host->hang_up };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (forms[i] && host_say(out, sizeof(out), forms[i], talk,
					 told->text) > sizeof(out))
			abort();
	if (told->kind == TOLD_MEDIA &&
	    unbase64(audio, told->text.text, told->text.length) >
		    (ssize_t)sizeof(audio))
		abort();
}

static void hear(const uint8_t *payload, size_t size)
{
	const struct dialect *dialect;
	/* Of its own size: who reads on is seen. */
	char *copy = malloc(size ? size : 1);
	struct span message = { copy, size };

	if (!copy)
		return;
	memcpy(copy, payload, size);
	if (!recognise_message(NULL, message))
		abort();
	for (size_t i = 0; (dialect = dialect_at(i)); i++) {
		struct talk talk = { .format = &dialect->formats[0],
				     .channels = 1 };
		/* The first may be a start, the second lies behind it. */
		for (int turn = 0; turn < 2; turn++) {
			struct told told = host_hear(dialect, message, &talk);

			must_lie_in(told.text, message);
			answer(dialect, &told, &talk);
		}
	}
	free(copy);
}

static void take_frames(uint8_t *data, size_t size)
{
	struct wire_frame frame;
	ssize_t n;

	while ((n = wire_take_masked(data, size, MESSAGE_MAX, &frame)) > 0) {
		if ((size_t)n > size || frame.payload < data ||
		    frame.length > (size_t)n)
			abort();
		hear(frame.payload, frame.length);
		data += n;
		size -= (size_t)n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(size ? size : 1);
	char response[WIRE_RESPONSE_MAX];
	struct wire_asked asked;
	size_t n;

	if (!bytes)
		return 0;
	if (size > 0)
		memcpy(bytes, data, size);
	n = wire_take_request((const char *)bytes, size, &asked);
	if (n > size || asked.status < 101 || asked.status >= WIRE_STATUSES)
		abort();
	if (n > 0) {
		(void)recognise_handshake(&asked);
		if (wire_put_response(response, &asked, "media") == 0)
			abort();
	}
	take_frames(bytes + n, size - n);
	hear(bytes + n, size - n); /* as one message, without its frame */
	free(bytes);
	return 0;
}
