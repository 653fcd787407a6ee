/*
 * twilio_host.h - what a server hears and says, as Twilio has it
 *
 * For who speaks Twilio's protocol under another name, too (SignalWire).
 */
#ifndef HOLDLOAD_DIALECTS_TWILIO_HOST_H
#define HOLDLOAD_DIALECTS_TWILIO_HOST_H

#include "tools/holdload/host.h"

#define TWILIO_HEARS                                                          \
	.paths = { [ASK_NAME] = { { "event" } },                              \
		   [ASK_NUMBER] = { { "sequenceNumber" } },                   \
		   [ASK_ID] = { { "streamSid" } },                            \
		   [ASK_STREAM] = { { "start", "streamSid" } },               \
		   [ASK_CALL] = { { "start", "callSid" } },                   \
		   [ASK_CODEC] = { { "start", "mediaFormat", "encoding" } },  \
		   [ASK_RATE] = { { "start", "mediaFormat", "sampleRate" } }, \
		   [ASK_TRACK] = { { "media", "track" } },                    \
		   [ASK_TIME] = { { "media", "timestamp" } },                 \
		   [ASK_PAYLOAD] = { { "media", "payload" } },                \
		   [ASK_DIGIT] = { { "dtmf", "digit" } },                     \
		   [ASK_MARK] = { { "mark", "name" } } },                     \
	.words = host_family

#define TWILIO_SAYS                                                   \
	.media = "{\"event\":\"media\",\"streamSid\":\"@\",\"media\"" \
		 ":{\"payload\":\"$\"}}",                             \
	.mark = "{\"event\":\"mark\",\"streamSid\":\"@\",\"mark\":{"  \
		"\"name\":\"$\"}}"

#endif
