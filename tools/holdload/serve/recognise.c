/* recognise.c - whose call is it? (see recognise.h) */
#include "tools/holdload/serve/recognise.h"

#include <string.h>

#include "tools/holdload/host.h"
#include "tools/holdload/wire.h"

/* A part of the path that is a name; those after it are the route's own. */
static const struct dialect *by_path(struct span path)
{
	const struct dialect *dialect;
	struct span part, name;

	name = path = span_cut(&path, '?');
	(void)span_cut(&name, '/');
	part = span_cut(&name, '/');
	if (span_is(part, "media"))
		part = span_cut(&name, '/');
	for (size_t i = 0; (dialect = dialect_at(i)); i++)
		if (span_is(part, dialect->name))
			return dialect;
	return NULL;
}

static const struct dialect *by_subprotocol(struct span offered)
{
	const struct dialect *dialect;

	for (size_t i = 0; (dialect = dialect_at(i)); i++)
		if (dialect->subprotocol &&
		    wire_offers(offered, dialect->subprotocol))
			return dialect;
	return NULL;
}

static const struct dialect *by_header(struct span head)
{
	const struct dialect *dialect;

	for (size_t i = 0; (dialect = dialect_at(i)); i++)
		if (dialect->host->header &&
		    wire_header(head, dialect->host->header).text)
			return dialect;
	return NULL;
}

const struct dialect *recognise_handshake(const struct wire_asked *asked)
{
	const struct dialect *dialect = by_path(asked->path);

	if (!dialect)
		dialect = by_subprotocol(asked->subprotocols);
	return dialect ? dialect : by_header(asked->head);
}

/* Asterisk has one name and speaks in JSON or in words. */
static bool are_one(const struct dialect *a, const struct dialect *b)
{
	return a->subprotocol && b->subprotocol &&
	       strcmp(a->subprotocol, b->subprotocol) == 0;
}

const struct dialect *recognise_message(const struct dialect *known,
					struct span message)
{
	const struct dialect *dialect = host_of_message(message);

	return known && !are_one(known, dialect) ? known : dialect;
}
