/*
 * derived_id.h - an id that the same texts always give
 *
 * What a provider repeats becomes the same record: its id is made of what was
 * said. UUIDv8 (RFC 9562, section 5.8) over BLAKE2b, as that comes from
 * outside.
 *
 * Thread: any.
 */
#ifndef SERVER_CONTROL_WEBHOOKS_DERIVED_ID_H
#define SERVER_CONTROL_WEBHOOKS_DERIVED_ID_H

#include <stddef.h>

#include "server/uuid.h"

void derived_id(struct uuid *out, const char *const *texts, size_t count);

#endif
