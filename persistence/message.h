/*
 * message.h - what webhooks tell of messages, as rows
 *
 * Three kinds of record, each a row of its own that is written once. Their ids
 * are derived from what is told, so that a repetition is the same row:
 *
 *   message.received  messages: message_id, provider, channel, account_id,
 *                     provider_message_id, peer, peer_phone, peer_user_id,
 *                     direction, at, kind, body, data, idle_ms
 *   message.status    message_statuses: status_id, provider, channel,
 *                     account_id, provider_message_id, peer, status, rank, at,
 *                     data
 *   message.notice    message_notices: notice_id, provider, account_id, at,
 *                     kind, data; what is neither, kept raw
 *
 * `at` is the message's own time in the form of clock_format_iso(). `peer` is
 * the user's id where there is one, else the number. `idle_ms` is
 * sessions.idle_timeout in force when the message came.
 *
 * The database finds or opens the message's session, and completes the message
 * by the status of the highest rank, of one rank the latest (migration 5).
 */
#ifndef PERSISTENCE_MESSAGE_H
#define PERSISTENCE_MESSAGE_H

/* How far a message has come. In the database: never renumber. */
enum message_rank {
	MESSAGE_RANK_ASIDE = 0, /* a word that says nothing of the way */
	MESSAGE_RANK_QUEUED = 1,
	MESSAGE_RANK_SENT = 2,
	MESSAGE_RANK_FAILED = 3, /* what is delivered after all, is */
	MESSAGE_RANK_DELIVERED = 4,
	MESSAGE_RANK_READ = 5,
	MESSAGE_RANK_PLAYED = 6, /* a voice message, heard */
	MESSAGE_RANK_MAX = 9	 /* that the table takes */
};

#endif
