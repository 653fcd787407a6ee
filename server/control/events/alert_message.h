/*
 * alert_message.h - what alerts.webhook is sent (post.h has how)
 *
 *   {"id":"0199...","event":"db_alert","state":"firing","count":11,
 *    "window_seconds":300,"node_id":"media-1","reason":"ConnectionRefused",
 *    "since":"2026-11-23T06:12:00.123456Z","at":"2026-11-23T06:17:00.123456Z"}
 *
 * Thread: any.
 */
#ifndef SERVER_CONTROL_EVENTS_ALERT_MESSAGE_H
#define SERVER_CONTROL_EVENTS_ALERT_MESSAGE_H

struct alert;

/* The body, which the caller frees; NULL without memory. */
char *alert_message_body(const struct alert *alert, const char *node_id);

#endif
