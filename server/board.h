/*
 * board.h - the shared page that every process writes its numbers on
 *
 * The supervisor maps the board before it starts the roles; they inherit it.
 * It is how /metrics sees the media process and how the supervisor sees a stuck
 * thread. Everything on it is an atomic or was written before the first role
 * started; there are no locks and no pointers, so a process may die at any
 * instant without leaving it unusable.
 *
 *   series     one number with its labels: counter, gauge, or histogram
 *   heartbeats one per thread: who, which process, when it last moved
 *   journals   how far each live journal is durable (a reader's limit)
 *   flags      what the whole server is doing: draining, refusing, database up
 *
 * A series is looked up once (a linear search) and then kept as a pointer: the
 * hot path adds to it with one relaxed atomic instruction. A full table answers
 * with a spare series that is not exported, never NULL, and counts the miss
 * (METRIC_BOARD_MISSES_TOTAL).
 *
 * Thread: any, any process.
 */
#ifndef SERVER_BOARD_H
#define SERVER_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/auth/live.h"
#include "server/auth/once.h"
#include "server/loads.h"

enum board_metric {
	METRIC_CALLS_ACTIVE,	       /* gauge */
	METRIC_CALLS_TOTAL,	       /* {provider,end_reason} */
	METRIC_CALLS_REFUSED_TOTAL,    /* {reason} */
	METRIC_WEBHOOKS_TOTAL,	       /* {provider,kind,result} */
	METRIC_MESSAGES_TOTAL,	       /* {provider,kind} */
	METRIC_MESSAGES_UNKNOWN_TOTAL, /* {provider}: of a type not known */
	METRIC_WEBHOOK_BODY_BYTES,     /* gauge */
	METRIC_WEBHOOK_BODIES_REFUSED_TOTAL,
	METRIC_CONNECTIONS_UNSTARTED_TOTAL, /* {reason}: never sent a start */
	METRIC_FRAMES_TOTAL,		    /* {direction} */
	METRIC_FRAMES_LOST_TOTAL,
	METRIC_FRAMES_LATE_TOTAL,    /* came or left late; by direction */
	METRIC_FRAMES_DROPPED_TOTAL, /* outgoing, given up: back-pressure */
	METRIC_LOOP_LAG_SECONDS,     /* histogram */
	METRIC_LOOP_CALLS,	     /* gauge {process,loop} */
	METRIC_QUEUE_RECORDS,	     /* gauge: handed over, not yet journaled */
	METRIC_QUEUE_CAPACITY,	     /* gauge */
	METRIC_QUEUE_BYTES,	     /* gauge */
	METRIC_OUTBOX_RECORDS,	     /* gauge */
	METRIC_OUTBOX_BYTES,	     /* gauge */
	METRIC_OUTBOX_OLDEST_SECONDS, /* gauge */
	METRIC_OUTBOX_COMMIT_SECONDS, /* histogram */
	METRIC_OUTBOX_SYNC_ERRORS_TOTAL,
	METRIC_OUTBOX_CORRUPT_RECORDS_TOTAL,
	METRIC_OUTBOX_CORRUPT_BYTES_TOTAL,
	METRIC_OUTBOX_ROOM,	     /* gauge: enum board_room */
	METRIC_OUTBOX_BROKEN,	     /* gauge */
	METRIC_OUTBOX_MAX_BYTES,     /* gauge */
	METRIC_OUTBOX_FREE_BYTES,    /* gauge */
	METRIC_OUTBOX_RESERVE_BYTES, /* gauge */
	METRIC_RECORDS_SHED_TOTAL,   /* {kind,reason} */
	METRIC_RECORDS_LOST_TOTAL,   /* each is a [RECORD_LOST] in the log */
	METRIC_DEAD_LETTERS,	     /* gauge */
	METRIC_OUTBOX_HELD,	     /* gauge */
	METRIC_DB_UP,		     /* gauge */
	METRIC_DB_DOWN_TOTAL,	     /* {op,reason} */
	METRIC_DB_BREAKER_STATE,     /* gauge: 0 closed, 1 open, 2 half-open */
	METRIC_DB_PAUSED,	     /* gauge: the set-up is at fault */
	METRIC_DB_ALERT, /* gauge: more failures than alerts.* allow */
	METRIC_ALERTS_TOTAL,
	METRIC_ALERT_POSTS_TOTAL,    /* {result}: delivered, failed, given_up */
	METRIC_EVENTS_TOTAL,	     /* {type} */
	METRIC_EVENTS_DROPPED_TOTAL, /* {reason} */
	METRIC_EVENT_POSTS_TOTAL,    /* {result}: delivered, failed */
	METRIC_EVENTS_PENDING,	     /* gauge */
	METRIC_EVENTS_OLDEST_SECONDS, /* gauge */
	METRIC_EVENTS_BYTES,	      /* gauge */
	METRIC_DRAINED_TOTAL,
	METRIC_DRAIN_RATE,    /* gauge: records a second */
	METRIC_OUTBOX_PAUSED, /* gauge: by an operator */
	METRIC_ESTATES_SETTLED_TOTAL,
	METRIC_THREAD_CRASHES_TOTAL,	/* {name} */
	METRIC_PROCESS_RESTARTS_TOTAL,	/* {role} */
	METRIC_RECORDING_DROPPED_TOTAL, /* samples: no buffer or no disk */
	METRIC_RECORDING_BYTES_TOTAL,
	METRIC_RECORDINGS_REPAIRED_TOTAL,
	METRIC_RECORDING_BUFFERS_USED,	     /* gauge */
	METRIC_TLS_NOT_AFTER,		     /* gauge {listener} */
	METRIC_TLS_HANDSHAKES_TOTAL,	     /* {listener,version} */
	METRIC_TLS_HANDSHAKE_FAILURES_TOTAL, /* {listener,reason} */
	METRIC_SESSIONS_OPEN,		     /* gauge: messaging */
	METRIC_SESSIONS_CLOSED_TOTAL,	     /* {reason} */
	METRIC_LOST_CALLS_ENDED_TOTAL,	     /* of other nodes */
	METRIC_REMOVED_TOTAL,		     /* {what}: after their time */
	METRIC_API_QUERIES_TOTAL,   /* {result}: answered, failed, ... */
	METRIC_API_QUERIES_WAITING, /* gauge */
	METRIC_SOCKETS,		    /* gauge {kind}: of the control listener */
	METRIC_SOCKET_MESSAGES_LOST_TOTAL, /* {kind} */
	METRIC_LISTEN_DROPPED_TOTAL,	   /* samples that a listener missed */
	METRIC_LOG_DROPPED_TOTAL,
	METRIC_BOARD_MISSES_TOTAL, /* look-ups that a full table refused */
	METRIC_COUNT
};

enum board_type { BOARD_COUNTER, BOARD_GAUGE, BOARD_HISTOGRAM };

/* What a metric is called and means: the one table, in board.c. Values are
 * kept as integers; `scale` is what one unit is worth in the exported unit
 * (1e-6 for microseconds shown as seconds). */
struct board_family {
	const char *name, *help;
	enum board_type type;
	double scale;
	bool labelled; /* or its one series is there from the start, as 0 */
};
extern const struct board_family board_families[METRIC_COUNT];

#define BOARD_BUCKETS 20 /* upper bounds: 100us * 2^i, the last is +Inf */

struct board_series {
	_Atomic uint32_t state; /* 0 free, 1 being named, 2 in use, 3 void */
	uint32_t metric;
	char labels[112];	    /* `provider="twilio",end_reason="stop"` */
	_Atomic int64_t value;	    /* counter and gauge; sum of a histogram */
	_Atomic uint32_t histogram; /* 1-based index of its buckets, or 0 */
};

/* NULL-safe for tests: all functions work on the board of this process, which
 * is a private one until board_create() has mapped the shared one. */
int board_create(void); /* 0 or -errno; call before any fork */

/* The series of that metric with those labels ("" for none), made at need. */
struct board_series *board_series(enum board_metric metric, const char *labels);
void board_add(struct board_series *series, int64_t n);
void board_set(struct board_series *series, int64_t value);
int64_t board_get(const struct board_series *series);
/* One observation, in units of the family's scale. */
void board_observe(struct board_series *series, int64_t value);

/* For the exporter: the i-th series in use, or NULL past the last; and the
 * buckets of a histogram (BOARD_BUCKETS counts, not cumulative). */
const struct board_series *board_series_at(size_t i);
const _Atomic uint64_t *board_buckets(const struct board_series *series);
double board_bucket_bound(size_t i); /* seconds; infinity for the last */

/* Heartbeats. */
struct board_thread {
	_Atomic int32_t pid; /* 0 free */
	_Atomic uint32_t watched;
	_Atomic uint64_t beats; /* grows while the thread moves */
	char name[16];
};
#define BOARD_THREADS 256
struct board_thread *board_thread_claim(const char *name, bool watched);
void board_thread_release(struct board_thread *slot);
struct board_thread *board_thread_at(size_t i); /* i < BOARD_THREADS */
/* The supervisor clears what a dead process left. */
void board_forget_process(int32_t pid);

/* A short text on the board: one thread writes, any may read, none waits. What
 * is too long is cut. */
struct board_text {
	_Atomic uint32_t version; /* odd while it is being written */
	_Atomic uint64_t words[8];
};
#define BOARD_TEXT_SIZE 64
void board_text_set(struct board_text *text, const char *value);
void board_text_get(struct board_text *text, char out[BOARD_TEXT_SIZE]);

/* Journals: how far a live journal is durable. Written by its owner after each
 * sync; a reader in another process goes no further, so that nothing reaches
 * the store that a power cut could still take away. */
struct board_journal {
	_Atomic int32_t pid;	      /* owner, 0 free */
	_Atomic uint64_t durable_seq; /* the last sequence that is safe */
	struct board_text name;	      /* the journal's directory name */
};
struct board_journal *board_journal_claim(const char *name);
void board_journal_release(struct board_journal *slot);
struct board_journal *board_journal_find(const char *name); /* or NULL */

/* The server's state, each written by one process. */
enum board_db_state {
	BOARD_DB_UNKNOWN,
	BOARD_DB_UP,
	BOARD_DB_DOWN,
	BOARD_DB_PAUSED, /* it answers, but its set-up is at fault */
};
#define BOARD_MEDIA_MAX	    16
#define BOARD_TLS_LISTENERS 4 /* at least those of tls.h */

/* How much room the outbox has (persistence/room.h), best first. */
enum board_room {
	BOARD_ROOM_PLENTY,
	BOARD_ROOM_LOW,	    /* checkpoints are thinned out */
	BOARD_ROOM_QUOTA,   /* outbox.max_bytes: no new calls */
	BOARD_ROOM_DISK,    /* outbox.min_free_disk: no new calls */
	BOARD_ROOM_RESERVE, /* the disk is full: what was kept is in use */
};

/* Each process that writes an outbox has a place of its own, so that the luck
 * of one does not hide the trouble of another: the media processes by their
 * index, then control. Written by its spooler. */
struct board_spooler {
	_Atomic uint32_t room;		 /* enum board_room */
	_Atomic uint32_t broken;	 /* errno of the disk, or 0 */
	_Atomic uint64_t records, bytes; /* in memory, not yet durable */
	_Atomic uint64_t capacity;	 /* records that fit in memory */
	_Atomic uint64_t reserve;	 /* bytes kept on the disk */
};
#define BOARD_SPOOLER_CONTROL BOARD_MEDIA_MAX
#define BOARD_SPOOLERS	      (BOARD_MEDIA_MAX + 1)

struct board_flags {
	_Atomic uint32_t draining; /* supervisor: how many SIGTERMs came */
	struct board_spooler spoolers[BOARD_SPOOLERS];
	_Atomic uint32_t media_roles_up; /* supervisor: media processes up */
	_Atomic uint32_t db_state;	 /* drainer */
	_Atomic int64_t db_since_us;	 /* drainer: wall time of that state */
	_Atomic int64_t db_next_try_us;	 /* drainer: wall time; 0: no wait */
	struct board_text db_reason;	 /* drainer: why it is not up; or "" */
	_Atomic uint32_t outbox_paused;	 /* drainer: an operator said so */
	_Atomic int32_t calls_active;	 /* sum over all loops, for max_calls */
	/* Of each media process, so that its successor takes back what a dead
	 * one had counted. */
	_Atomic int32_t calls_of[BOARD_MEDIA_MAX];
	/* Of each media process: how many of its loops take calls. */
	_Atomic uint32_t loops_of[BOARD_MEDIA_MAX];
	struct loads loads; /* of all loops, see loads.h */
	/* Supervisor: grows when the files of a listener were read again, and
	 * were good. */
	_Atomic uint32_t tls_serials[BOARD_TLS_LISTENERS];
};
struct board_flags *board_flags(void);

/* The alert about the database, on the board so that the next control process
 * goes on where a dead one stopped: neither a second message about the same
 * outage, nor none about its end. Written by the control process alone. */
struct board_alert {
	_Atomic uint64_t serial;	/* changes; while it is odd, it fires */
	_Atomic uint64_t told;		/* the last of them that was posted */
	_Atomic uint64_t down_since_ms; /* monotonic; 0: it answers */
	_Atomic int64_t since_us, at_us; /* wall: it began; the last change */
	_Atomic uint32_t count;		 /* failures that it told of */
	_Atomic uint32_t failures;	 /* of this outage so far */
	struct board_text id, reason;	 /* of the message; of a failure */
};
struct board_alert *board_alert(void);

/* Some bytes that one process writes, rarely, and any may read. */
struct board_secret {
	_Atomic uint32_t version; /* odd while it is being written */
	_Atomic uint64_t words[17];
};
#define BOARD_SECRET_SIZE (17 * sizeof(uint64_t))
/* At most BOARD_SECRET_SIZE bytes. What was never written reads as zeros, and
 * so does what is still being written after a thousand looks. */
void board_secret_set(struct board_secret *secret, const void *bytes,
		      size_t size);
void board_secret_get(struct board_secret *secret, void *bytes, size_t size);

/* Who may call: the keys of one-time tokens (server/auth/one_time.h), written
 * by the supervisor, what has been used (server/auth/once.h), and which streams
 * are live (server/auth/live.h). */
struct board_auth {
	struct board_secret keys;
	struct once_table used;
	struct live_table live;
};
struct board_auth *board_auth(void);

#endif
