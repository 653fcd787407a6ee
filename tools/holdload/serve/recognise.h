/*
 * recognise.h - whose call is it?
 *
 * In this order: what we were told (--dialect), the path (/media/NAME or /NAME,
 * and what may follow), the subprotocol, a header that one provider alone has;
 * and then the first message.
 *
 * Thread: any; no state.
 */
#ifndef HOLDLOAD_SERVE_RECOGNISE_H
#define HOLDLOAD_SERVE_RECOGNISE_H

#include "tools/holdload/dialect.h"
#include "tools/holdload/span.h"
#include "tools/holdload/wire_server.h"

/* NULL: the handshake does not say. */
const struct dialect *recognise_handshake(const struct wire_asked *asked);
/* The first text, or binary audio (no text), of a call that the handshake took
 * for `known` (NULL: for nobody's). Never NULL. */
const struct dialect *recognise_message(const struct dialect *known,
					struct span message);

#endif
