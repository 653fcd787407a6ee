/* patience.c - how often an address may come (see patience.h) */
#include "server/patience.h"

#include "server/clock.h"
#include "server/log.h"

/* Now and then: `count` is 0 when it is too soon to say it again. */
static void tell(const char *status, const char *reason,
		 const struct address *peer, uint32_t count)
{
	char text[ADDRESS_TEXT_SIZE];

	if (count == 0)
		return;
	address_format(peer, text);
	log_warn("CALLER_LIMITED", "status=%s reason=%s peer=%s handshakes=%u",
		 status, reason, text, count);
}

static bool is_proxy(const struct settings *settings,
		     const struct address *peer)
{
	const struct auth_store *who = &settings->who;

	return network_has(who->networks + who->proxy_first, who->proxy_count,
			   peer);
}

bool patience_welcomes(struct limits *limits, const struct settings *settings,
		       const struct limit_rates *rates,
		       const struct address *peer)
{
	uint32_t count;

	if (!limits || is_proxy(settings, peer) ||
	    limits_connect(limits, peer, rates, clock_mono_ms(), &count))
		return true;
	tell("closed", "connections", peer, count);
	return false;
}

void patience_lets_go(struct limits *limits, const struct settings *settings,
		      const struct limit_rates *rates,
		      const struct address *peer)
{
	if (limits && !is_proxy(settings, peer))
		limits_disconnect(limits, peer, rates, clock_mono_ms());
}

const char *patience_ends(struct limits *limits,
			  const struct limit_rates *rates,
			  const struct address *peer)
{
	static const char *const names[] = {
		[LIMIT_PASSED] = NULL,
		[LIMIT_HANDSHAKES] = "handshake_rate",
		[LIMIT_REFUSALS] = "refusal_rate",
	};
	const char *name;
	uint32_t count;

	if (!limits)
		return NULL;
	name = names[limits_ask(limits, peer, rates, clock_mono_ms(), &count)];
	if (name)
		tell("429", name, peer, count);
	return name;
}
