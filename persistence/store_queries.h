/*
 * store_queries.h - what is asked of the tables, beside the records' own way
 *
 * Every question stands once, for both databases, in a notation of ours:
 *
 *   ?1        a parameter, text or NULL
 *   ?1:uuid   the same where PostgreSQL cannot know its type
 *   {row}     a row of its table as one JSON object
 *
 * and what the databases call by different names:
 *
 *   {now}            their clock
 *   {ago ?1}         ?1 milliseconds before that
 *   {ms COLUMN}      a time as milliseconds since 1970
 *   {uuids ?1}       the ids in a JSON array
 *   {object K, V}    one JSON object
 *   {number ?1}      the spellings of a number that is given as its digits
 *   {skip_locked T}  the rows of T are ours until the end, but for those that
 *                    are somebody else's now
 *
 * Each answers with rows of one column, which is JSON; a change answers with
 * the rows that it changed.
 *
 * Thread: any.
 */
#ifndef PERSISTENCE_STORE_QUERIES_H
#define PERSISTENCE_STORE_QUERIES_H

#include "persistence/store_tables.h"

enum store_query {
	QUERY_CALLS,
	QUERY_CALL,
	QUERY_CALL_EVENTS,
	QUERY_OLD_CALLS,
	QUERY_OLD_RECORDINGS,
	QUERY_OLD_EVENTS,
	QUERY_OLD_STATUSES,
	QUERY_OLD_MESSAGES,
	QUERY_OLD_MESSAGE_STATUSES,
	QUERY_OLD_NOTICES,
	QUERY_OLD_SUMMARIES,
	QUERY_OLD_SESSIONS,
	QUERY_FORGET_RECORDING,
	QUERY_FORGET_EVENTS,
	QUERY_FORGET_STATUSES,
	QUERY_FORGET_CALL,
	QUERY_USERS,
	QUERY_USER,
	QUERY_USER_ADD,
	QUERY_USER_CHANGE,
	QUERY_USER_REMOVE,
	QUERY_SESSIONS,
	QUERY_SESSION,
	QUERY_SESSION_SUMMARY,
	QUERY_SESSION_MESSAGES,
	QUERY_SESSION_STATUSES,
	QUERY_CLOSE_SESSIONS,
	QUERY_CLAIM_SUMMARIES,
	QUERY_SUMMARIES_TOLD,
	QUERY_OPEN_SESSIONS,
	QUERY_LIVE_CALLS,
	QUERY_NODE_SEEN,
	QUERY_END_LOST_CALLS,
	QUERY_ERASURES,
	QUERY_ERASURE,
	QUERY_ERASURES_OPEN,
	QUERY_ERASURE_ADD,
	QUERY_ERASURE_COUNT,
	QUERY_ERASURE_STATE,
	QUERY_ERASE_KEY,
	QUERY_ERASE_CALLS,
	QUERY_ERASE_MESSAGES,
	QUERY_ERASE_SESSION_MESSAGES,
	QUERY_ERASE_SESSIONS,
	QUERY_ERASE_PEER_STATUSES,
	QUERY_ERASE_NOTICES,
	QUERY_FORGET_MESSAGE,
	QUERY_FORGET_MESSAGE_STATUSES,
	QUERY_FORGET_SUMMARY,
	QUERY_FORGET_PREVIOUS,
	QUERY_FORGET_SESSION,
	QUERY_ERASED_FILE_ADD,
	QUERY_ERASED_FILES,
	QUERY_ERASED_FILES_OF,
	QUERY_ERASED_FILE_GONE,
	QUERY_COUNT
};

#define QUERY_PARAMETERS_MAX 8

/* How many parameters it has. */
unsigned store_query_parameters(enum store_query query);
/* Malloc'd SQL; NULL when there is no memory. */
char *store_query_sql(enum store_query query, enum store_dialect dialect);

#endif
