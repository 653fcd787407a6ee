/*
 * freeswitch.c - FreeSWITCH's mod_audio_fork and mod_audio_stream
 *
 * github.com/drachtio/drachtio-freeswitch-modules, github.com/amigniter/
 * mod_audio_stream. The first text is whatever metadata the operator gave, or
 * there is none; then samples come as binary messages, 16-bit little-endian,
 * one channel. Nothing in them says more: the rate is 8000 and the channel one
 * unless the metadata is a JSON object with a `sampleRate`, or a `mixType` of
 * stereo. After congestion all that
 * was buffered comes as one message.
 *
 *   in:  metadata, samples; later texts mean something to the operator only
 *   out: samples (bidirectional streaming), killAudio
 *
 * An empty binary message says that no more audio comes; then the socket ends.
 */
#include <string.h>

#include "media/providers/json_dialect.h"
#include "media/providers/json_out.h"

static void parse(const char *message, size_t length, struct dialog *dialog,
		  struct event *event)
{
	(void)dialog;
	if (json_begin(event, message, length) && json_is_object(event->doc)) {
		json_start_of_samples(event, "callId", "accountId");
		return;
	}
	event_release(event); /* free text is metadata as well */
	json_start_of_samples(event, NULL, NULL);
}

static void start_without_words(struct event *event)
{
	memset(event, 0, sizeof(*event));
	json_start_of_samples(event, NULL, NULL);
}

static size_t build_clear(char *at, size_t room, struct dialog *dialog)
{
	(void)dialog;
	return json_out_message(at, room, "{\"type\":\"killAudio\"}", NULL);
}

/* Metadata may be anything. */
static bool opens(const struct opening *opening)
{
	(void)opening;
	return true;
}

const struct provider provider_freeswitch = {
	.name = "freeswitch",
	.subprotocol = "audio.drachtio.org",
	.opens = opens,
	.max_message = SAMPLES_MESSAGE_MAX,
	.binary_in = true,
	.binary_out = true,
	.no_digits = true,
	.start_without_words = start_without_words,
	.parse = parse,
	.build_media = build_samples,
	.build_clear = build_clear,
};
