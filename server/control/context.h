/*
 * context.h - what the handlers of the control process answer from
 */
#ifndef SERVER_CONTROL_CONTEXT_H
#define SERVER_CONTROL_CONTEXT_H

#include "server/control/growth.h"

struct drainer;
struct settings;

struct control_context {
	const struct settings *settings; /* borrowed */
	struct drainer *drainer; /* NULL while the process starts or ends */
	struct growth growth;	 /* of the outbox's bytes */
};

#endif
