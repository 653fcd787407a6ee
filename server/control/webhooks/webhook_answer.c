/*
 * webhook_answer.c - the answer of each dialect (see webhook_answer.h)
 *
 * Every answer says where the stream goes (put_url), what it brings along
 * (parameters, the token among them), and how it shows that it may, where the
 * route's checks are ones that this dialect can be told about.
 */
#include "server/control/webhooks/webhook_answer.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "persistence/json_text.h"
#include "server/control/webhooks/xml_text.h"

#define XML_HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define XML	 "text/xml; charset=utf-8"
#define JSON	 "application/json"
#define HOLD_S	 "14400" /* a call lasts as long as its one-way stream may */

/* Where Vonage's start message has the id of the call: see its dialect. */
#define VONAGE_CALL "call_uuid"

/* ---- the stream's address --------------------------------------------------
 */

static void put_encoded(FILE *out, const char *text)
{
	for (; *text; text++)
		if (isalnum((unsigned char)*text) || strchr("-._~", *text))
			(void)fputc(*text, out);
		else
			(void)fprintf(out, "%%%02X", (unsigned char)*text);
}

static bool checks(const struct webhook_order *order, enum auth_kind kind)
{
	return order->route->auth.kinds & 1u << kind;
}

/* The secret that is in force longest: the first. */
static const char *secret(const struct webhook_order *order,
			  enum auth_kind kind)
{
	return order->store->texts + order->route->auth.words[kind].at[0];
}

/* Exotel takes user and password out of the address. */
static void put_user(FILE *out, const struct webhook_order *order)
{
	if (strcmp(order->webhook->door.provider, "exotel") != 0 ||
	    !checks(order, AUTH_BASIC))
		return;
	put_encoded(out, order->store->texts + order->route->auth.user);
	(void)fputc(':', out);
	put_encoded(out, secret(order, AUTH_BASIC));
	(void)fputc('@', out);
}

static void put_path(FILE *out, const struct webhook_order *order)
{
	const struct route *route = order->route;
	size_t length = strlen(route->path);

	if (route->token_in_path)
		length -= strlen(ROUTE_TOKEN) - 1;
	(void)fwrite(route->path, 1, length, out);
	if (!route->token_in_path)
		return;
	if (route->auth.one_time_place == AUTH_IN_PATH)
		(void)fputs(order->token, out);
	else
		put_encoded(out, secret(order, AUTH_TOKEN));
}

/* Exotel passes the query on as its parameters, so that is the place of both.
 */
static bool token_in_query(const struct webhook_order *order)
{
	enum auth_place place = order->route->auth.one_time_place;

	return *order->token &&
	       (place == AUTH_IN_QUERY ||
		(place == AUTH_IN_PARAMETER &&
		 strcmp(order->webhook->door.provider, "exotel") == 0));
}

static void put_query(FILE *out, const struct webhook_order *order)
{
	const struct auth_rules *rules = &order->route->auth;
	char separator = '?';

	if (checks(order, AUTH_TOKEN) && rules->token_place == AUTH_IN_QUERY) {
		(void)fputc(separator, out);
		put_encoded(out, order->store->texts + rules->token_name);
		(void)fputc('=', out);
		put_encoded(out, secret(order, AUTH_TOKEN));
		separator = '&';
	}
	if (token_in_query(order)) {
		(void)fputc(separator, out);
		put_encoded(out, order->store->texts + rules->one_time_name);
		(void)fprintf(out, "=%s", order->token);
	}
}

/* The public URL may be written with https; a stream's is wss. Malloc'd, or
 * NULL. */
static char *write_url(const struct webhook_order *order)
{
	const char *host = strstr(order->media_url, "://") + 3;
	bool tls = strncmp(order->media_url, "wss:", 4) == 0 ||
		   strncmp(order->media_url, "https:", 6) == 0;
	char *url = NULL;
	size_t size;
	FILE *out = open_memstream(&url, &size);

	if (!out)
		return NULL;
	(void)fputs(tls ? "wss://" : "ws://", out);
	put_user(out, order);
	(void)fputs(host, out);
	put_path(out, order);
	put_query(out, order);
	if (fclose(out) == 0)
		return url;
	free(url);
	return NULL;
}

/* ---- what the stream brings along ------------------------------------------
 */

struct parameter {
	const char *name, *value;
};
#define PARAMETERS_MAX 4

/* The row has columns for the first three. */
static size_t list_parameters(const struct webhook_order *order,
			      struct parameter list[PARAMETERS_MAX])
{
	const struct auth_rules *rules = &order->route->auth;
	const struct parameter all[PARAMETERS_MAX] = {
		{ "from", order->call.from },
		{ "to", order->call.to },
		{ "direction", order->call.direction },
		{ order->store->texts + rules->one_time_name,
		  rules->one_time_place == AUTH_IN_PARAMETER ? order->token
							     : "" },
	};
	size_t count = 0;

	for (size_t i = 0; i < PARAMETERS_MAX; i++)
		if (*all[i].value)
			list[count++] = all[i];
	return count;
}

/* ---- TwiML and its kin -----------------------------------------------------
 */

static void put_parameters(FILE *out, const struct webhook_order *order)
{
	struct parameter list[PARAMETERS_MAX];
	size_t count = list_parameters(order, list);

	for (size_t i = 0; i < count; i++) {
		(void)fputs("<Parameter", out);
		xml_put_attribute(out, "name", list[i].name);
		xml_put_attribute(out, "value", list[i].value);
		(void)fputs("/>", out);
	}
}

static const char *twilio_track(const struct webhook_order *order)
{
	static const char *const names[] = {
		[WEBHOOK_INBOUND] = "inbound_track",
		[WEBHOOK_OUTBOUND] = "outbound_track",
		[WEBHOOK_BOTH] = "both_tracks",
	};

	/* Who talks back is sent the caller alone. */
	return order->webhook->mode == WEBHOOK_START
		       ? names[order->webhook->track]
		       : NULL;
}

/* Left to itself Telnyx takes MP3 files from us, and else PCMU. */
static void put_telnyx_format(FILE *out, const struct route *route)
{
	char rate[12];

	(void)snprintf(rate, sizeof(rate), "%u", route->send_rate_hz);
	xml_put_attribute(out, "bidirectionalMode", "rtp");
	xml_put_attribute(out, "bidirectionalCodec",
			  route->send_codec[0] ? route->send_codec : NULL);
	xml_put_attribute(out, "bidirectionalSamplingRate",
			  route->send_codec[0] ? rate : NULL);
}

static void put_twiml(FILE *out, const struct webhook_order *order,
		      const char *url)
{
	bool start = order->webhook->mode == WEBHOOK_START;
	bool telnyx = strcmp(order->webhook->door.provider, "telnyx") == 0;
	bool bearer =
		strcmp(order->webhook->door.provider, "signalwire") == 0 &&
		checks(order, AUTH_BEARER);

	(void)fprintf(out, XML_HEAD "<Response><%s><Stream",
		      start ? "Start" : "Connect");
	xml_put_attribute(out, "url", url);
	xml_put_attribute(out, "track", twilio_track(order));
	if (telnyx && !start)
		put_telnyx_format(out, order->route);
	xml_put_attribute(out, "authBearerToken",
			  bearer ? secret(order, AUTH_BEARER) : NULL);
	xml_put_attribute(out, "statusCallback", order->status_url);
	(void)fputc('>', out);
	put_parameters(out, order);
	(void)fprintf(out, "</Stream></%s>", start ? "Start" : "Connect");
	/* Without another verb the call would end at once. */
	if (start)
		(void)fputs("<Pause length=\"" HOLD_S "\"/>", out);
	(void)fputs("</Response>\n", out);
}

/* ---- Plivo XML -------------------------------------------------------------
 */

/* Plivo takes letters and digits alone. */
static void put_plain(FILE *out, const char *text)
{
	for (; *text; text++)
		if (isalnum((unsigned char)*text))
			(void)fputc(*text, out);
}

static void put_extra_headers(FILE *out, const struct webhook_order *order)
{
	struct parameter list[PARAMETERS_MAX];
	size_t count = list_parameters(order, list);

	if (count == 0)
		return;
	(void)fputs(" extraHeaders=\"", out);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			(void)fputc(',', out);
		put_plain(out, list[i].name);
		(void)fputc('=', out);
		put_plain(out, list[i].value);
	}
	(void)fputc('"', out);
}

static void put_plivo(FILE *out, const struct webhook_order *order,
		      const char *url)
{
	static const char *const tracks[] = { [WEBHOOK_INBOUND] = "inbound",
					      [WEBHOOK_OUTBOUND] = "outbound",
					      [WEBHOOK_BOTH] = "both" };
	bool start = order->webhook->mode == WEBHOOK_START;

	(void)fputs(XML_HEAD "<Response><Stream", out);
	xml_put_attribute(out, "bidirectional", start ? "false" : "true");
	xml_put_attribute(out, "audioTrack",
			  start ? tracks[order->webhook->track] : "inbound");
	xml_put_attribute(out, "keepCallAlive", "true");
	xml_put_attribute(out, "contentType", "audio/x-mulaw;rate=8000");
	put_extra_headers(out, order);
	xml_put_attribute(out, "statusCallbackUrl", order->status_url);
	xml_put_attribute(out, "statusCallbackMethod",
			  order->status_url ? "POST" : NULL);
	(void)fputc('>', out);
	xml_put_text(out, url);
	(void)fputs("</Stream></Response>\n", out);
}

/* ---- JSON ------------------------------------------------------------------
 */

static json_t *parameters_object(const struct webhook_order *order)
{
	struct parameter list[PARAMETERS_MAX];
	size_t count = list_parameters(order, list);
	json_t *object = json_object();

	for (size_t i = 0; object && i < count; i++)
		(void)json_object_set_new(object, list[i].name,
					  json_string(list[i].value));
	return object;
}

/* How the stream is to show that it may; NULL: it need not. */
static json_t *vonage_authorization(const struct webhook_order *order)
{
	if (checks(order, AUTH_VONAGE))
		return order->route->auth.authorization_as_is
			       ? json_pack("{s:s, s:s}", "type", "custom",
					   "value", secret(order, AUTH_VONAGE))
			       : json_pack("{s:s}", "type", "vonage");
	if (checks(order, AUTH_BEARER))
		return json_pack("{s:s, s:s+}", "type", "custom", "value",
				 "Bearer ", secret(order, AUTH_BEARER));
	return NULL;
}

static json_t *vonage_ncco(const struct webhook_order *order, const char *url)
{
	json_t *headers = parameters_object(order);
	json_t *action;

	if (headers && *order->call.id)
		(void)json_object_set_new(headers, VONAGE_CALL,
					  json_string(order->call.id));
	action = json_pack("{s:s, s:[{s:s, s:s, s:s, s:o, s:o*}]}", "action",
			   "connect", "endpoint", "type", "websocket", "uri",
			   url, "content-type", "audio/l16;rate=16000",
			   "headers", headers, "authorization",
			   vonage_authorization(order));
	if (action && order->status_url)
		(void)json_object_set_new(action, "eventUrl",
					  json_pack("[s]", order->status_url));
	return json_pack("[o]", action);
}

static json_t *jambonz_verbs(const struct webhook_order *order, const char *url)
{
	bool both = order->webhook->mode == WEBHOOK_START &&
		    order->webhook->track != WEBHOOK_INBOUND;
	bool talks = order->webhook->mode == WEBHOOK_CONNECT;
	const struct auth_rules *rules = &order->route->auth;
	json_t *audio = talks ? json_pack("{s:b, s:b, s:i}", "enabled", 1,
					  "streaming", 1, "sampleRate", 8000)
			      : json_pack("{s:b}", "enabled", 0);
	json_t *listen = json_pack("{s:s, s:s, s:s, s:i, s:b, s:o, s:o}",
				   "verb", "listen", "url", url, "mixType",
				   both ? "stereo" : "mono", "sampleRate", 8000,
				   "passDtmf", 1, "bidirectionalAudio", audio,
				   "metadata", parameters_object(order));

	if (listen && checks(order, AUTH_BASIC))
		(void)json_object_set_new(
			listen, "wsAuth",
			json_pack("{s:s, s:s}", "username",
				  order->store->texts + rules->user, "password",
				  secret(order, AUTH_BASIC)));
	return json_pack("[o]", listen);
}

/* ---- the dialects ----------------------------------------------------------
 */

static json_t *exotel_url(const struct webhook_order *order, const char *url)
{
	(void)order;
	return json_pack("{s:s}", "url", url);
}

#define REJECT XML_HEAD "<Response><Reject reason=\"busy\"/></Response>\n"
#define HANGUP XML_HEAD "<Response><Hangup reason=\"busy\"/></Response>\n"
#define DECLINE                                      \
	"[{\"verb\":\"sip:decline\",\"status\":486," \
	"\"reason\":\"Busy Here\"}]"

static const struct dialect {
	const char *provider;
	void (*put)(FILE *out, const struct webhook_order *order,
		    const char *url);
	json_t *(*make)(const struct webhook_order *order, const char *url);
	const char *busy; /* NULL: a 503 */
} dialects[] = {
	{ "twilio", put_twiml, NULL, REJECT },
	{ "signalwire", put_twiml, NULL, REJECT },
	{ "telnyx", put_twiml, NULL, REJECT },
	{ "plivo", put_plivo, NULL, HANGUP },
	{ "vonage", NULL, vonage_ncco, NULL },
	{ "exotel", NULL, exotel_url, NULL },
	{ "jambonz", NULL, jambonz_verbs, DECLINE },
};

/* The settings name none but these. */
static const struct dialect *dialect_of(const char *provider)
{
	size_t i = 0;

	while (i + 1 < sizeof(dialects) / sizeof(dialects[0]) &&
	       strcmp(dialects[i].provider, provider) != 0)
		i++;
	return &dialects[i];
}

static char *write_xml(const struct dialect *dialect,
		       const struct webhook_order *order, const char *url)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	dialect->put(out, order, url);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

static char *write_json(const struct dialect *dialect,
			const struct webhook_order *order, const char *url)
{
	json_t *json = dialect->make(order, url);
	char *text = json ? json_text_print(json, JSON_COMPACT) : NULL;

	json_decref(json);
	return text;
}

void webhook_answer_stream(const struct webhook_order *order,
			   struct webhook_document *document)
{
	const struct dialect *dialect =
		dialect_of(order->webhook->door.provider);
	char *url = write_url(order);

	*document =
		(struct webhook_document){ .status = 200,
					   .type = dialect->put ? XML : JSON };
	if (url)
		document->text = dialect->put ? write_xml(dialect, order, url)
					      : write_json(dialect, order, url);
	free(url);
}

void webhook_answer_busy(const char *provider,
			 struct webhook_document *document)
{
	const struct dialect *dialect = dialect_of(provider);

	*document = (struct webhook_document){
		.status = dialect->busy ? 200 : 503,
		.type = dialect->put ? XML : JSON,
		.text = strdup(dialect->busy ? dialect->busy
					     : "{\"error\":"
					       "\"SERVICE_UNAVAILABLE\"}"),
	};
}
