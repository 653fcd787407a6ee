/* webhook_status.c - a status callback as a record (see webhook_status.h) */
#include "server/control/webhooks/webhook_status.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <jansson.h>

#include "persistence/json_text.h"
#include "persistence/record.h"
#include "server/clock.h"
#include "server/control/webhooks/derived_id.h"
#include "server/control/webhooks/webhook_body.h"

#define DURATION_MAX_S 1e8 /* years; beyond it is no duration */
#define SIP_FAILURE    400 /* RFC 3261, section 21.4: from here on an error */

/* ---- what each dialect calls it --------------------------------------------
 */

struct dialect {
	const char *provider;
	const char *id, *status, *seconds, *cause, *error;
	const char *began, *ended; /* where no duration is told, or NULL */
};

/* The names are those of the providers' documents: Twilio "Voice status
 * callbacks" (Duration counts minutes there), SignalWire "cXML status
 * callbacks", Telnyx "TeXML" and, in JSON, "Call Control webhooks", Plivo
 * "Hangup URL", Vonage "Event webhooks", Exotel "StatusCallback", jambonz "call
 * status hook". */
static const struct dialect dialects[] = {
	{ "twilio", "CallSid", "CallStatus", "CallDuration", "SipResponseCode",
	  "ErrorMessage ErrorCode StreamError SipResponseCode", NULL, NULL },
	{ "signalwire", "CallSid", "CallStatus", "CallDuration",
	  "SipResultCode SipResponseCode",
	  "ErrorMessage ErrorCode StreamError SipResultCode", NULL, NULL },
	{ "telnyx", "CallControlId CallSid data.payload.call_control_id",
	  "CallStatus data.event_type", "CallDuration",
	  "HangupCause data.payload.hangup_cause",
	  "StreamError SipHangupCause data.payload.sip_hangup_cause",
	  "data.payload.start_time", "data.payload.end_time" },
	{ "plivo", "CallUUID", "CallStatus", "Duration",
	  "HangupCauseName HangupCause", "Error", NULL, NULL },
	{ "vonage", "uuid", "status", "duration", "detail reason",
	  "error_title sip_code", NULL, NULL },
	{ "exotel", "CallSid", "Status CallStatus",
	  "ConversationDuration Duration DialCallDuration",
	  "Cause DisconnectedBy", "Reason", NULL, NULL },
	{ "jambonz", "call_sid", "call_status", "duration", "sip_reason",
	  "sip_status", NULL, NULL },
};

static const struct dialect *dialect_of(const char *provider)
{
	size_t i = 0;

	while (i + 1 < sizeof(dialects) / sizeof(dialects[0]) &&
	       strcmp(dialects[i].provider, provider) != 0)
		i++;
	return &dialects[i];
}

/* ---- what it says ----------------------------------------------------------
 */

static bool is_among(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcasecmp(*words, word) == 0)
			return true;
	return false;
}

static enum webhook_stage stage_of(const char *status)
{
	static const char *const ended[] = {
		"completed",	"busy",	       "failed",     "no-answer",
		"no_answer",	"canceled",    "cancelled",  "rejected",
		"timeout",	"unanswered",  "hangup",     "machine",
		"disconnected", "call.hangup", "terminated", NULL
	};
	static const char *const answered[] = { "in-progress", "answered",
						"call.answered", "human",
						NULL };

	if (!*status)
		return STAGE_ASIDE;
	if (is_among(status, ended))
		return STAGE_ENDED;
	return is_among(status, answered) ? STAGE_ANSWERED : STAGE_BEFORE;
}

static int64_t read_seconds(const char *text)
{
	double seconds;
	char *end;

	if (!*text)
		return -1;
	seconds = strtod(text, &end);
	if (*end || !(seconds >= 0 && seconds <= DURATION_MAX_S))
		return -1;
	return (int64_t)llround(seconds * 1000);
}

/* From when to when, where both are told. */
static int64_t read_span(const struct dialect *dialect,
			 const struct webhook_body *body)
{
	char began[64], ended[64];
	int64_t from_us, to_us;

	if (!dialect->began ||
	    !webhook_body_get(body, dialect->began, began, sizeof(began)) ||
	    !webhook_body_get(body, dialect->ended, ended, sizeof(ended)) ||
	    clock_parse_iso(began, &from_us) < 0 ||
	    clock_parse_iso(ended, &to_us) < 0 || to_us < from_us)
		return -1;
	return (to_us - from_us) / 1000;
}

/* A SIP status below 400 is none. */
static bool is_no_error(const char *error)
{
	char *end;
	long code = strtol(error, &end, 10);

	return *error && !*end && code >= 0 && code < SIP_FAILURE;
}

void webhook_status_read(const char *provider, const struct webhook_body *body,
			 struct webhook_status *status)
{
	const struct dialect *d = dialect_of(provider);
	char seconds[32];

	webhook_body_get(body, d->id, status->call_id, sizeof(status->call_id));
	webhook_body_get(body, d->status, status->status,
			 sizeof(status->status));
	webhook_body_get(body, d->seconds, seconds, sizeof(seconds));
	webhook_body_get(body, d->cause, status->cause, sizeof(status->cause));
	webhook_body_get(body, d->error, status->error, sizeof(status->error));
	status->stage = stage_of(status->status);
	status->duration_ms = read_seconds(seconds);
	if (status->duration_ms < 0)
		status->duration_ms = read_span(d, body);
	if (is_no_error(status->error))
		status->error[0] = '\0';
	/* Why a call ended may be all that its last status says. */
	if (status->stage == STAGE_ENDED && !*status->cause)
		memcpy(status->cause, status->status, sizeof(status->cause));
}

bool webhook_status_tells(const struct webhook_status *status)
{
	return *status->call_id && (*status->status || *status->cause ||
				    *status->error || status->duration_ms >= 0);
}

/* ---- the record ------------------------------------------------------------
 */

static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

/* As the columns of call_statuses. */
static json_t *row(const char *provider, const struct webhook_status *status,
		   const char *id, int64_t now_us)
{
	char at[CLOCK_ISO_SIZE];

	clock_format_iso(now_us, at);
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:i, s:s?, s:o, s:s?, s:s?}", "status_id",
		id, "provider", provider, "provider_call_id", status->call_id,
		"at", at, "stage", (int)status->stage, "status",
		or_null(status->status), "duration_ms",
		status->duration_ms < 0 ? json_null()
					: json_integer(status->duration_ms),
		"hangup_cause", or_null(status->cause), "error",
		or_null(status->error));
}

struct record *webhook_status_record(const char *provider,
				     const struct webhook_status *status,
				     int64_t now_us)
{
	char duration[24], id_text[UUID_TEXT_SIZE];
	const char *const texts[] = { "call.status",  provider, status->call_id,
				      status->status, duration, status->cause,
				      status->error };
	struct record *record = NULL;
	struct uuid id, entity;
	json_t *payload;
	char *text;

	(void)snprintf(duration, sizeof(duration), "%lld",
		       (long long)status->duration_ms);
	derived_id(&entity, texts, 3);
	derived_id(&id, texts, sizeof(texts) / sizeof(texts[0]));
	uuid_format(&id, id_text);
	payload = row(provider, status, id_text, now_us);
	text = payload ? json_text_print(payload, JSON_COMPACT) : NULL;
	json_decref(payload);
	if (text)
		record = record_create(RECORD_CALL_STATUS, &id, &entity, 0,
				       now_us, text, strlen(text));
	free(text);
	return record;
}
