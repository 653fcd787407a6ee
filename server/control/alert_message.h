/*
 * alert_message.h - what alerts.webhook is sent: a body and its signature
 *
 *   {"id":"0199...","event":"db_alert","state":"firing","count":11,
 *    "window_seconds":300,"node_id":"media-1","reason":"ConnectionRefused",
 *    "since":"2026-11-23T06:12:00.123456Z","at":"2026-11-23T06:17:00.123456Z"}
 *
 *   X-Holdline-Signature: t=1795414620,v1=6ffbb59b2300aae63f27240606a9788...
 *
 * v1 is the HMAC-SHA256, in hex, of t, a dot and the body, with alerts.secret
 * as the key. A receiver computes it again, and refuses an old t, so that
 * nobody can replay what he overheard.
 *
 * Thread: any.
 */
#ifndef SERVER_CONTROL_ALERT_MESSAGE_H
#define SERVER_CONTROL_ALERT_MESSAGE_H

#include <stdint.h>

struct alert;

/* The body, which the caller frees; NULL without memory. */
char *alert_message_body(const struct alert *alert, const char *node_id);

#define ALERT_SIGNATURE_SIZE 96
/* "t=...,v1=...": 0, or -EIO when OpenSSL does not do it. */
int alert_message_sign(const char *secret, int64_t wall_s, const char *body,
		       char out[ALERT_SIGNATURE_SIZE]);

#endif
