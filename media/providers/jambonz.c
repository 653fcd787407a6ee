/*
 * jambonz.c - the `listen` verb of jambonz
 *
 * docs.jambonz.org/verbs/verbs/listen. The first text is the call's data, with
 * the verb's metadata among it; then samples come as binary messages, 16-bit
 * little-endian, the two sides of the call taking turns if mixType is stereo.
 * What we say is heard with bidirectionalAudio.streaming, at the rate that
 * comes in.
 *
 *   in:  the call's data, samples, dtmf (with passDtmf), mark
 *   out: samples, mark, killAudio, disconnect
 *
 * No message says the end: the socket's is the call's.
 */
#include <string.h>

#include "media/providers/json_dialect.h"
#include "media/providers/json_out.h"

/* {"event":"dtmf","dtmf":"1","duration":"1600"} */
static void parse_dtmf(struct event *event)
{
	event->kind = EVENT_DTMF;
	event->digit = json_member(event->doc, "dtmf");
	if (!is_digit(&event->digit))
		event_bad(event, CLOSE_PROTOCOL, "dtmf is no digit");
}

/* {"type":"mark","data":{"name":"greeting","event":"playout"}} */
static void parse_mark(struct event *event)
{
	event->kind = EVENT_MARK;
	event->mark = json_member(json_object_get(event->doc, "data"), "name");
	if (!event->mark.at)
		event_bad(event, CLOSE_PROTOCOL, "mark has no name");
}

static void parse(const char *message, size_t length, struct dialog *dialog,
		  struct event *event)
{
	struct text name, type;

	(void)dialog;
	if (!json_begin(event, message, length))
		return;
	name = json_member(event->doc, "event");
	type = json_member(event->doc, "type");
	if (text_is(&name, "dtmf"))
		parse_dtmf(event);
	else if (text_is(&type, "mark"))
		parse_mark(event);
	else if (json_object_get(event->doc, "callSid"))
		json_start_of_samples(event, "callSid", "accountSid");
	else if (!text_is(&type, "playDone"))
		json_unknown(event, type.at ? &type : &name);
}

static size_t build_mark(char *at, size_t room, struct dialog *dialog,
			 const char *name)
{
	(void)dialog;
	return json_out_message(at, room,
				"{\"type\":\"mark\","
				"\"data\":{\"name\":\"$\"}}",
				&name);
}

static size_t build_clear(char *at, size_t room, struct dialog *dialog)
{
	(void)dialog;
	return json_out_message(at, room, "{\"type\":\"killAudio\"}", NULL);
}

static size_t build_hangup(char *at, size_t room, struct dialog *dialog,
			   bool for_an_error)
{
	(void)dialog, (void)for_an_error;
	return json_out_message(at, room, "{\"type\":\"disconnect\"}", NULL);
}

static bool opens(const struct opening *opening)
{
	return json_object_get(opening->doc, "callSid") &&
	       json_object_get(opening->doc, "sampleRate") &&
	       json_object_get(opening->doc, "mixType") &&
	       !json_object_get(opening->doc, "event");
}

const struct provider provider_jambonz = {
	.name = "jambonz",
	.subprotocol = "audio.jambonz.org",
	.opens = opens,
	.max_message = SAMPLES_MESSAGE_MAX,
	.binary_in = true,
	.binary_out = true,
	.parse = parse,
	.build_media = build_samples,
	.build_mark = build_mark,
	.build_clear = build_clear,
	.build_hangup = build_hangup,
};
