/* wire_server.c - the handshake, as a server takes it (see wire_server.h) */
#include "tools/holdload/wire_server.h"

#include <stdio.h>
#include <string.h>

#include "tools/holdload/wire.h"

/* Is it one of the words of a list with commas? */
static bool lists(struct span list, const char *word, bool any_case)
{
	while (list.text) {
		struct span item = span_trim(span_cut(&list, ','));

		if (any_case ? span_is_like(item, word) : span_is(item, word))
			return true;
	}
	return false;
}

bool wire_offers(struct span subprotocols, const char *name)
{
	return lists(subprotocols, name, false);
}

static int judge(struct wire_asked *asked, struct span method,
		 struct span version)
{
	struct span head = asked->head;

	asked->key = wire_header(head, "Sec-WebSocket-Key");
	asked->subprotocols = wire_header(head, "Sec-WebSocket-Protocol");
	if (!span_is(version, "HTTP/1.1") || asked->path.length == 0 ||
	    !wire_header(head, "Host").text)
		return 400;
	if (!span_is(method, "GET"))
		return 405;
	if (!lists(wire_header(head, "Upgrade"), "websocket", true) ||
	    !lists(wire_header(head, "Connection"), "upgrade", true) ||
	    !span_is(wire_header(head, "Sec-WebSocket-Version"), "13"))
		return 426;
	return asked->key.length == WIRE_KEY_SIZE - 1 ? 101 : 400;
}

size_t wire_take_request(const char *bytes, size_t length,
			 struct wire_asked *asked)
{
	const char *end = memmem(bytes, length, "\r\n\r\n", 4);
	struct span rest, line, method;

	*asked = (struct wire_asked){ .status = 431 };
	if (!end)
		return length > WIRE_REQUEST_MAX ? length : 0;
	if ((size_t)(end - bytes) > WIRE_REQUEST_MAX)
		return length;
	asked->head = (struct span){ bytes, (size_t)(end - bytes) + 2 };
	rest = asked->head;
	line = span_cut(&rest, '\r');
	method = span_cut(&line, ' ');
	asked->path = span_cut(&line, ' ');
	asked->status = judge(asked, method, line);
	return (size_t)(end - bytes) + 4;
}

static const char *reason(int status)
{
	switch (status) {
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 426: return "Upgrade Required";
	case 429: return "Too Many Requests";
	case 431: return "Request Header Fields Too Large";
	case 503: return "Service Unavailable";
	default: return "Refused";
	}
}

size_t wire_put_response(char *out, const struct wire_asked *asked,
			 const char *subprotocol)
{
	char accept[WIRE_ACCEPT_SIZE];
	int n;

	if (asked->status == 101) {
		wire_accept(asked->key, accept);
		n = snprintf(out, WIRE_RESPONSE_MAX,
			     "HTTP/1.1 101 Switching Protocols\r\n"
			     "Upgrade: websocket\r\nConnection: Upgrade\r\n"
			     "Sec-WebSocket-Accept: %s\r\n%s%s%s\r\n",
			     accept,
			     subprotocol ? "Sec-WebSocket-Protocol: " : "",
			     subprotocol ? subprotocol : "",
			     subprotocol ? "\r\n" : "");
	} else {
		n = snprintf(out, WIRE_RESPONSE_MAX,
			     "HTTP/1.1 %d %s\r\n%sConnection: close\r\n"
			     "Content-Length: 0\r\n\r\n",
			     asked->status, reason(asked->status),
			     asked->status == 426
				     ? "Sec-WebSocket-Version: 13\r\n"
				     : "");
	}
	return n > 0 && (size_t)n < WIRE_RESPONSE_MAX ? (size_t)n : 0;
}
