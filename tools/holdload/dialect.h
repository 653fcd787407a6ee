/*
 * dialect.h - how one provider speaks, from the provider's end
 *
 * The mirror of the server's media/provider.h, and independent of it. One file
 * a dialect; `dialect_find` is the registry.
 *
 * Thread: any; no state.
 */
#ifndef HOLDLOAD_DIALECT_H
#define HOLDLOAD_DIALECT_H

#include <stddef.h>
#include <stdint.h>

struct dialect_ids {
	char account[35], call[35], stream[35];
};

/* One --custom k=v. */
struct dialect_parameter {
	const char *name, *value;
};

enum heard_kind {
	HEARD_NOTHING,
	HEARD_MEDIA,
	HEARD_MARK,
	HEARD_CLEAR,
	HEARD_GARBAGE
};

struct heard {
	enum heard_kind kind;
	const char *text; /* payload of media, name of a mark */
	size_t length;
};

struct dialect {
	const char *name;
	/* Each writes one message and returns its length, 0: no room. */
	size_t (*connected)(char *out, size_t room);
	size_t (*start)(char *out, size_t room, const struct dialect_ids *ids,
			const struct dialect_parameter *parameters,
			size_t parameter_count, uint64_t seq);
	size_t (*media)(char *out, size_t room, const struct dialect_ids *ids,
			const char *payload, size_t length, uint64_t seq,
			uint64_t chunk, uint64_t timestamp_ms);
	size_t (*dtmf)(char *out, size_t room, const struct dialect_ids *ids,
		       char digit, uint64_t seq);
	size_t (*mark)(char *out, size_t room, const struct dialect_ids *ids,
		       const char *name, size_t length, uint64_t seq);
	size_t (*stop)(char *out, size_t room, const struct dialect_ids *ids,
		       uint64_t seq);
	/* What the server said. */
	struct heard (*hear)(const char *message, size_t length,
			     const struct dialect_ids *ids);
};

extern const struct dialect dialect_twilio;
const struct dialect *dialect_find(const char *name);

#endif
