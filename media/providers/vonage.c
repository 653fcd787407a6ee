/*
 * vonage.c - Vonage Voice WebSockets
 *
 * developer.vonage.com/en/voice/voice-api/guides/websockets. Audio is binary,
 * 16-bit little-endian, one message every 20 ms, without a count or a stamp;
 * there are no ids. Whatever headers the NCCO gave stand flat in the first
 * message, and become the call's custom values.
 *
 *   in:  websocket:connected, :dtmf, :notify, :cleared, :media:update
 *   out: samples, one frame of 20 ms a message; notify, clear
 *
 * No message says the end: the socket's is the call's. Old media servers write
 * a blank before the JSON, and early ones sent a digit without any event.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "media/providers/json_dialect.h"
#include "media/providers/json_out.h"

/* What is wrong, or NULL. "audio/l16;rate=16000" */
static const char *read_content_type(const struct text *type,
				     struct event *event)
{
	static const char known[] = "audio/l16";
	const char *rate;
	long hz;

	if (!type->at || strncasecmp(type->at, known, strlen(known)) != 0)
		return "content-type is not audio/l16";
	rate = strstr(type->at, "rate=");
	hz = rate ? strtol(rate + strlen("rate="), NULL, 10) : 8000;
	if (hz != 8000 && hz != 16000 && hz != 24000)
		return "content-type has a rate that is not 8000, 16000 or "
		       "24000";
	json_start_l16(event, (unsigned)hz, 1);
	return NULL;
}

static void parse_connected(struct event *event)
{
	struct text type = json_member(event->doc, "content-type");
	const char *wrong = read_content_type(&type, event);

	if (wrong) {
		event_bad(event, CLOSE_PROTOCOL, wrong);
		return;
	}
	/* It says no id of the call, so our answer to its webhook sends it. */
	event->start.call_id = json_member(event->doc, "call_uuid");
	/* All the rest is the caller's own. */
	(void)json_object_del(event->doc, "event");
	(void)json_object_del(event->doc, "content-type");
	if (json_object_size(event->doc) > 0)
		event->start.custom = event->doc;
}

static void parse_dtmf(struct event *event)
{
	event->kind = EVENT_DTMF;
	event->digit = json_member(event->doc, "digit");
	if (!event->digit.at)
		event->digit = json_member(json_object_get(event->doc, "dtmf"),
					   "digit");
	if (!is_digit(&event->digit))
		event_bad(event, CLOSE_PROTOCOL, "digit is no digit");
}

/* It has what we sent: the mark's name as the id. One without is not ours. */
static void parse_notify(struct event *event)
{
	struct text id =
		json_member(json_object_get(event->doc, "payload"), "id");

	if (!id.at)
		return;
	event->kind = EVENT_MARK;
	event->mark = id;
}

static void parse(const char *message, size_t length, struct dialog *dialog,
		  struct event *event)
{
	static const struct {
		const char *name;
		void (*parse)(struct event *event);
	} events[] = {
		{ "websocket:connected", parse_connected },
		{ "websocket:dtmf", parse_dtmf },
		{ "websocket:notify", parse_notify },
		{ "websocket:cleared", NULL },
		{ "websocket:media:update", NULL },
		{ "websocket:disconnected", NULL },
	};
	struct text name;

	(void)dialog;
	if (!json_begin(event, message, length))
		return;
	name = json_member(event->doc, "event");
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (!text_is(&name, events[i].name))
			continue;
		if (events[i].parse)
			events[i].parse(event);
		return;
	}
	if (!name.at && json_object_get(event->doc, "digit"))
		parse_dtmf(event);
	else
		json_unknown(event, &name);
}

/* ---- out -------------------------------------------------------------------
 */

static size_t build_mark(char *at, size_t room, struct dialog *dialog,
			 const char *name)
{
	(void)dialog;
	return json_out_message(at, room,
				"{\"action\":\"notify\","
				"\"payload\":{\"id\":\"$\"}}",
				&name);
}

static size_t build_clear(char *at, size_t room, struct dialog *dialog)
{
	(void)dialog;
	return json_out_message(at, room, "{\"action\":\"clear\"}", NULL);
}

static bool opens(const struct opening *opening)
{
	return json_says(opening->doc, "event", "websocket:connected");
}

const struct provider provider_vonage = {
	.name = "vonage",
	.opens = opens,
	.max_message = JSON_MESSAGE_MAX,
	.binary_in = true,
	.binary_out = true,
	.parse = parse,
	.build_media = build_samples,
	.build_mark = build_mark,
	.build_clear = build_clear,
	.pacing = { .clocked = true, .least_ms = 20, .most_ms = 20 },
};
