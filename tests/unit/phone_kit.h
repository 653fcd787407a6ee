/*
 * phone_kit.h - a call of the load tool's, and the server that it calls: the
 * test itself, one listening socket on the loopback, its end written byte by
 * byte. Time is an argument.
 */
#ifndef TESTS_UNIT_PHONE_KIT_H
#define TESTS_UNIT_PHONE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/holdload/caller.h"
#include "tools/holdload/options.h"

#define SECOND 1000000000ull
#define FRAME  (20 * SECOND / 1000)

/* RFC 6455, section 1.3 */
#define KEY	    "dGhlIHNhbXBsZSBub25jZQ=="
#define HEAD	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
#define ACCEPT	    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

#define FRAME_BYTES 160
#define FRAME_TEXT  216

extern const struct dialect dialect_twilio;

static uint8_t sound[FRAME_BYTES];
static char sound_text[FRAME_TEXT];

struct phone {
	int listener, server; /* the server's sockets */
	struct options options;
	struct crew *crew;
	struct measured *measured; /* its good calls */
	struct caller caller;
	uint64_t now;
};

static inline void listen_here(struct phone *p, unsigned at)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(p->listener >= 0);
	assert_int_equal(bind(p->listener, (void *)&address, size), 0);
	assert_int_equal(listen(p->listener, 1), 0);
	assert_int_equal(getsockname(p->listener, (void *)&address, &size), 0);
	memcpy(&p->options.addresses[at].name, &address, size);
	p->options.addresses[at].size = size;
	p->options.address_count = at + 1;
}

static inline void plan(struct phone *p, const struct call_plan *call)
{
	caller_init(&p->caller, p->crew, call, p->now);
	memcpy(p->caller.key, KEY, sizeof(KEY));
}

static inline int make_phone(void **state)
{
	struct phone *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	memset(sound_text, 'A', sizeof(sound_text)); /* base64 of zeros */
	p->server = -1;
	p->now = SECOND;
	p->options.dialect = &dialect_twilio;
	p->options.echo = true;
	p->options.dtmf = "";
	p->options.format = dialect_twilio.formats[0];
	p->options.audio = (struct audio){ .bytes = sound,
					   .texts = sound_text,
					   .frame_size = FRAME_BYTES,
					   .text_size = FRAME_TEXT,
					   .frame_ms = 20,
					   .count = 1 };
	p->crew = calloc(1, sizeof(*p->crew));
	assert_non_null(p->crew);
	p->crew->options = &p->options;
	p->measured = &p->crew->good;
	listen_here(p, 0);
	plan(p, &(struct call_plan){ .length_ns = SECOND });
	*state = p;
	return 0;
}

static inline int free_phone(void **state)
{
	struct phone *p = *state;

	caller_finish(&p->caller);
	if (p->server >= 0)
		(void)close(p->server);
	(void)close(p->listener);
	free(p->crew);
	free(p);
	return 0;
}

/* Waits until the caller's socket has something, and lets it see that. */
static inline void let_caller(struct phone *p, short events)
{
	struct pollfd ready = { .fd = p->caller.link.fd, .events = events };

	assert_int_equal(poll(&ready, 1, 5000), 1);
	caller_on_ready(&p->caller, ready.revents & POLLIN,
			ready.revents & (POLLOUT | POLLERR), p->now);
}

static inline void say(struct phone *p, const void *bytes, size_t length)
{
	assert_int_equal(write(p->server, bytes, length), length);
	let_caller(p, POLLIN);
}

/* A frame as a server sends it: its first byte, then the payload. */
static inline void say_frame(struct phone *p, unsigned first, const char *text)
{
	uint8_t frame[4096];
	size_t length = strlen(text), at = 2;

	frame[0] = (uint8_t)first;
	frame[1] = (uint8_t)length;
	if (length > 125) {
		frame[1] = 126;
		frame[2] = (uint8_t)(length >> 8);
		frame[3] = (uint8_t)length;
		at = 4;
	}
	for (size_t i = 0; i < length; i++)
		frame[at + i] = (uint8_t)text[i];
	say(p, frame, at + length);
}

static inline void say_mark(struct phone *p, const char *name)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
		       "{\"event\":\"mark\",\"streamSid\":\"%s\","
		       "\"mark\":{\"name\":\"%s\"}}",
		       p->caller.talk.ids.stream, name);
	say_frame(p, 0x81, text);
}

static inline void answer(struct phone *p, const char *response)
{
	caller_connect(&p->caller, p->now);
	let_caller(p, POLLOUT);
	p->server = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(p->server >= 0);
	say(p, response, strlen(response));
}

static inline void begin(struct phone *p)
{
	answer(p, HEAD ACCEPT);
	assert_int_equal(p->caller.state, CALLER_TALKING);
}

static inline void speak(struct phone *p, unsigned frames)
{
	for (unsigned i = 0; i < frames; i++) {
		caller_on_time(&p->caller, p->now);
		p->now += FRAME;
	}
}

/* The connection breaks without a word: the next send fails. */
static inline void reset(struct phone *p)
{
	const struct linger now = { .l_onoff = 1 };
	struct pollfd gone = { .fd = p->caller.link.fd, .events = POLLIN };

	assert_int_equal(
		setsockopt(p->server, SOL_SOCKET, SO_LINGER, &now, sizeof(now)),
		0);
	(void)close(p->server);
	p->server = -1;
	assert_int_equal(poll(&gone, 1, 5000), 1);
}

static inline uint64_t outcomes(const struct phone *p)
{
	uint64_t sum = 0;

	for (int i = 0; i < OUTCOME_COUNT; i++)
		sum += p->measured->outcomes[i];
	return sum;
}

static inline void assert_ended_once(const struct phone *p,
				     enum outcome outcome)
{
	assert_int_equal(p->caller.state, CALLER_DONE);
	assert_string_equal(outcome_name(p->caller.outcome),
			    outcome_name(outcome));
	assert_int_equal(p->measured->outcomes[outcome], 1);
	assert_int_equal(outcomes(p), 1);
}

#define PHONE(name) \
	cmocka_unit_test_setup_teardown(name, make_phone, free_phone)

#endif
