/*
 * admission.h - who may call: the verdict over a caller, twice
 *
 * At the handshake: how often this address may try, which route, room for one
 * more, the route's checks. At the start message: the one-time token that may
 * have come in it, and whether the provider's call is live already. Refusals
 * are one line in the log and one in the metrics; neither shows what the caller
 * had sent to be let in.
 *
 *   handshake --> struct admission, kept with the connection --> start --> end
 *
 * Thread: the loop of the connection.
 */
#ifndef MEDIA_ADMISSION_H
#define MEDIA_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "server/auth/limits.h"
#include "server/auth/live.h"
#include "server/auth/network.h"
#include "server/trace.h"

struct call;
struct event;
struct handshake;
struct loop;
struct net_door;
struct provider;
struct route;

/* What the handshake has found out. One for each connection that it passed. */
struct admission {
	struct loop *loop;
	const struct route *route; /* in the loop's settings of then */
	const char *parameter;	   /* that may hold a token, likewise */
	struct address peer;
	char peer_text[ADDRESS_TEXT_SIZE];
	struct trace trace; /* that the handshake belongs to */
	uint64_t call_tag;  /* of the token that it came with; 0: any call */
	/* Counts as refused until its start message brings a token, so that
	 * an address has only so many lines that nobody vouches for. */
	bool on_trust;
	struct live_claim claim;
};

/* Why a handshake was refused. */
struct refusal {
	unsigned status;    /* of HTTP */
	const char *reason; /* in one word */
};

/* For connections that are no calls yet; its argument is the loop. */
extern const struct net_door admission_door;

/* The verdict, logged and counted when it is a refusal. NULL: refused. Else
 * malloc'd, for admission_destroy(). */
struct admission *admission_judge(struct loop *loop,
				  struct handshake *handshake,
				  struct refusal *refusal);
/* Accepts NULL, returns NULL. */
struct admission *admission_destroy(struct admission *admission);

/* The start message has come; `header` is the id of the call in the handshake,
 * for a start that has none, or NULL. False: refused, logged and counted. The
 * token is taken out of the start's custom values in any case. */
bool admission_start(struct admission *admission,
		     const struct provider *provider, const struct event *start,
		     const char *header);
/* The call is over: the provider may open another for the same. */
void admission_end(struct admission *admission);

/* What an address may do at this process. */
struct limit_rates admission_rates(const struct loop *loop);
/* An address has earned one; too many, and it must wait. */
void admission_note_refusal(const struct loop *loop,
			    const struct address *address);

/* One that no verdict was needed for. */
void admission_count_refused(const char *reason);

#endif
