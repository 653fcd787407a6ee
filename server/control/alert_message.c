/* alert_message.c - the body of an alert, and its signature (alert_message.h)
 */
#include "server/control/alert_message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "persistence/alerts.h"
#include "server/clock.h"

/* A whole number where it is one. */
static json_t *window_seconds(uint64_t ms)
{
	if (ms % 1000 == 0)
		return json_integer((json_int_t)(ms / 1000));
	return json_real((double)ms / 1000);
}

char *alert_message_body(const struct alert *alert, const char *node_id)
{
	char since[CLOCK_ISO_SIZE], at[CLOCK_ISO_SIZE];
	json_t *body;
	char *text;

	clock_format_iso(alert->since_us, since);
	clock_format_iso(alert->at_us, at);
	body = json_pack("{ss ss ss sI so ss ss ss ss}", "id", alert->id,
			 "event", "db_alert", "state",
			 alert->firing ? "firing" : "resolved", "count",
			 (json_int_t)alert->count, "window_seconds",
			 window_seconds(alert->window_ms), "node_id", node_id,
			 "reason", alert->reason, "since", since, "at", at);
	text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	return text;
}

int alert_message_sign(const char *secret, int64_t wall_s, const char *body,
		       char out[ALERT_SIGNATURE_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	size_t size = strlen(body) + 24;
	char *signed_text = malloc(size);
	unsigned length = 0;
	int n;

	if (!signed_text)
		return -ENOMEM;
	(void)snprintf(signed_text, size, "%lld.%s", (long long)wall_s, body);
	if (!HMAC(EVP_sha256(), secret, (int)strlen(secret),
		  (const unsigned char *)signed_text, strlen(signed_text),
		  digest, &length)) {
		free(signed_text);
		return -EIO;
	}
	free(signed_text);
	n = snprintf(out, ALERT_SIGNATURE_SIZE,
		     "t=%lld,v1=", (long long)wall_s);
	for (unsigned i = 0; i < length; i++)
		n += snprintf(out + n, ALERT_SIGNATURE_SIZE - (size_t)n, "%02x",
			      digest[i]);
	return 0;
}
