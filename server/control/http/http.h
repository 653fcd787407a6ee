/*
 * http.h - what a request asks, what a response says, and who answers it
 *
 * The router knows nothing of sockets: it is handed a request and fills in a
 * response, so a test can call it directly. http_server.h puts it on the wire.
 *
 * Handlers run on the loop and answer from memory, at once, or promise an
 * answer that another thread will give (http_later.h), or name a file
 * (http_files.h), or go on as a WebSocket (http_socket.h). An error has one
 * shape everywhere:
 * {"error":"NOT_FOUND","detail":"...","status":404}.
 *
 * A 200 to a GET carries an ETag; who shows it again gets 304 (RFC 9110, 13).
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_HTTP_HTTP_H
#define SERVER_CONTROL_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

#include "server/auth/network.h"

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_PATCH,
	HTTP_DELETE,
	HTTP_OPTIONS,
	HTTP_METHOD_COUNT
};

/* What who asks may do; each may do what those before it may. */
enum http_role {
	HTTP_ANYBODY, /* has shown nothing */
	HTTP_VIEWER,
	HTTP_OPERATOR,
	HTTP_ADMIN
};

#define HTTP_VALUE_SIZE 80  /* of a header that we look at; and its NUL */
#define HTTP_TOKEN_SIZE 768 /* the longest bearer token, and its NUL */

struct access;
struct bearer;
struct body_mac;
struct handshake;
struct http_body;
struct http_file;
struct http_later;
struct http_mailbox;
struct http_route;
struct http_socket;
struct http_sockets;

struct http_request { /* all of it borrowed for the time of the call */
	enum http_method method;
	const char *path;      /* decoded, without the query */
	const char *parameter; /* what stood for {...} in the route's path */
	const char *query;     /* its pieces, decoded: http_query() */
	const char *authorization; /* the header's value; "" for none */
	const char *cookie, *origin, *host; /* likewise; or NULL */
	/* Other headers' values; "" or NULL for none, or too long for us. */
	const char *if_none_match, *range, *if_range;
	struct address peer; /* who asks, behind trusted proxies */
	enum http_role role; /* of who asks; the router's to fill in */
	const char *who;     /* likewise: an email; "" for nobody */
	const char *body;    /* a NUL follows */
	size_t body_length;
	struct body_mac *body_mac;    /* that a prepare wanted; or NULL */
	struct http_body **owner;     /* of the body: http_take_body() */
	struct http_mailbox *mailbox; /* for answers that come later */
	struct http_sockets *sockets; /* it asks for a WebSocket; or NULL */
	struct handshake *caller;     /* of a webhook; NULL: not read */
	const char *ids; /* for log_for(), as of http_ids.h; NULL: none */
};

struct http_response {
	int status;
	const struct http_route *route; /* that answered; NULL: none fits */
	const char *type;		/* content type; a literal */
	char *body;			/* owned */
	size_t length;			/* bytes of body */
	const char *policy;    /* content-security-policy; a literal; NULL: none
				  may load anything */
	bool may_keep;	       /* by a browser that asks again each time */
	const char *challenge; /* for 401: a literal; NULL: "Bearer" */
	char allow[64];	       /* for 405: the methods of that path; else "" */
	char etag[HTTP_VALUE_SIZE];	     /* with its quotes; "": none */
	char content_range[HTTP_VALUE_SIZE]; /* for 206 and 416; else "" */
	char *cookie;		    /* of Set-Cookie; owned; NULL: none */
	struct http_later *later;   /* the answer comes by this, not now */
	struct http_socket *socket; /* the connection becomes it; owned */
	char *root, *path;	/* the body is that file, below root; owned */
	struct http_file *file; /* the same, open: `length` bytes; owned */
};

typedef void http_handler(const struct http_request *request,
			  struct http_response *response, void *context);

struct http_route {
	enum http_method method; /* a GET answers HEAD as well */
	const char *path;	 /* exact, but for at most one {...} */
	http_handler *handle;
	enum http_role role; /* the least that who asks must have */
};

/* What is done with a body before it comes, from what the head says. */
struct http_intake {
	size_t max_body;      /* as the server has it; longer: 413 */
	struct body_mac *mac; /* counts it; the server's to free; or NULL */
};
typedef void http_prepare(const struct http_route *route,
			  const struct http_request *request,
			  struct http_intake *intake, void *context);

struct http_router {
	const struct http_route *routes; /* borrowed */
	size_t count;
	void *context;		     /* for the handlers */
	http_prepare *prepare;	     /* NULL: all bodies are alike */
	const struct access *access; /* NULL: nobody is admitted */
};

#define HTTP_PARAMETER_SIZE 256 /* and its NUL; a longer one fits no route */

/* Finds the route, asks who asks (access.h), lets the handler answer. Always
 * leaves a complete response or a promise of one in *response, which
 * http_response_finish() releases (the promise is the server's); and in *bearer
 * who asked, where the route wanted to know. Of two routes that fit, the first
 * is meant. */
void http_answer(const struct http_router *router,
		 const struct http_request *request,
		 struct http_response *response, struct bearer *bearer);
/* Before the body of `request` is taken: lets its route say how. */
void http_prepare_body(const struct http_router *router,
		       const struct http_request *request,
		       struct http_intake *intake);
/* A handler may keep the body beyond its call, and frees it: NULL if there is
 * none. The request has it until the handler returns. */
struct http_body *http_take_body(const struct http_request *request);

/* Does a page of our own ask, as its browser says? Other clients say nothing of
 * where they come from. */
bool http_is_same_origin(const struct http_request *request);
/* "GET", ... */
const char *http_method_name(enum http_method method);
void http_response_finish(struct http_response *response);

/* The value of a parameter of the query, the first of that name; NULL: it is
 * not there. "" where nothing follows the name. */
const char *http_query(const struct http_request *request, const char *name);

/* How a handler answers. All take what they are given (the body must come from
 * malloc); one of NULL means that memory ran out and becomes a 503. */
void http_reply(struct http_response *response, int status, const char *type,
		char *body, size_t length);
void http_reply_json(struct http_response *response, int status, json_t *json);
void http_reply_error(struct http_response *response, int status,
		      const char *detail);

/* The body is the file at `path`, if that lies below the directory `root`.
 * Copies both. */
void http_reply_file(struct http_response *response, const char *type,
		     const char *root, const char *path);

/* Gives a 200 its ETag, unless it has one, and makes it a 304 without a body
 * where the peer has it already; for the answers to GET and HEAD. */
void http_revalidate(struct http_response *response, const char *if_none_match);

#endif
