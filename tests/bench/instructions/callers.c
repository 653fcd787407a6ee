/*
 * callers.c - the other ends of calls (see callers.h)
 */
#include "bench/instructions/callers.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/contest.h"
#include "bench/instructions/stage.h"

#define OP_TEXT	  1u
#define OP_BINARY 2u
#define OP_CLOSE  8u
#define WAIT_MS	  60000

static int sockets[CALLERS];

static void send_all(int fd, const void *bytes, size_t length)
{
	if (send(fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length)
		bench_must(-errno, "send");
}

static void receive(int fd, void *bytes, size_t length)
{
	if (recv(fd, bytes, length, MSG_WAITALL) != (ssize_t)length)
		bench_must(errno ? -errno : -EPIPE, "the server's word");
}

/* The server has each one's bytes, or has hung up. */
static void await_arrival(void)
{
	const int *accepted = stage_accepted(CALLERS);

	for (size_t i = 0; i < CALLERS; i++) {
		struct pollfd fd = { .fd = accepted[i], .events = POLLIN };

		if (poll(&fd, 1, WAIT_MS) != 1)
			bench_must(-ETIMEDOUT, "what was sent");
	}
}

/* ---- the handshake ---------------------------------------------------------
 */

static int dial(int listen_fd, const char *path)
{
	struct sockaddr_in to;
	socklen_t size = sizeof(to);
	char request[256];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), length;

	if (fd < 0 || getsockname(listen_fd, (struct sockaddr *)&to, &size) ||
	    connect(fd, (struct sockaddr *)&to, size) < 0)
		bench_must(-errno, "connect");
	length = snprintf(request, sizeof(request),
			  "GET %s HTTP/1.1\r\nHost: localhost\r\n"
			  "Connection: Upgrade\r\nUpgrade: websocket\r\n"
			  "Sec-WebSocket-Version: 13\r\n"
			  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
			  path);
	send_all(fd, request, (size_t)length);
	return fd;
}

/* A listening socket tells how many wait to be accepted. */
static uint32_t waiting(int listen_fd)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	if (getsockopt(listen_fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
		bench_must(-errno, "TCP_INFO");
	return info.tcpi_unacked;
}

void callers_dial(int listen_fd, const char *path)
{
	for (size_t i = 0; i < CALLERS; i++)
		sockets[i] = dial(listen_fd, path);
	while (waiting(listen_fd) < CALLERS)
		(void)usleep(1000);
}

void callers_get_through(void)
{
	for (size_t i = 0; i < CALLERS; i++) {
		char answer[1024] = "";
		size_t n = 0;

		while (!strstr(answer, "\r\n\r\n") && n + 1 < sizeof(answer))
			receive(sockets[i], answer + n++, 1);
		if (!strstr(answer, " 101 "))
			bench_must(-EPROTO, answer);
	}
}

/* ---- frames ----------------------------------------------------------------
 */

static void send_frame(int fd, unsigned opcode, const char *payload,
		       size_t length)
{
	static const uint8_t key[4] = { 0x12, 0x34, 0x56, 0x78 };
	uint8_t frame[MESSAGE_BYTES + 16];
	size_t n = 0;

	frame[n++] = (uint8_t)(0x80 | opcode);
	if (length < 126) {
		frame[n++] = (uint8_t)(0x80 | length);
	} else {
		frame[n++] = 0x80 | 126;
		frame[n++] = (uint8_t)(length >> 8);
		frame[n++] = (uint8_t)length;
	}
	memcpy(frame + n, key, sizeof(key));
	n += sizeof(key);
	for (size_t i = 0; i < length; i++)
		frame[n++] = (uint8_t)payload[i] ^ key[i % 4];
	send_all(fd, frame, n);
}

void callers_say(const struct tongue *tongue, unsigned n)
{
	char message[MESSAGE_BYTES];

	for (size_t i = 0; i < CALLERS; i++) {
		size_t length = tongue->say(message, i, n);

		send_frame(sockets[i],
			   n > 0 && tongue->binary ? OP_BINARY : OP_TEXT,
			   message, length);
	}
	await_arrival();
}

void callers_hear(void)
{
	for (size_t i = 0; i < CALLERS; i++) {
		uint8_t head[4];
		char payload[MESSAGE_BYTES];
		size_t length;

		receive(sockets[i], head, 2);
		length = head[1];
		if (length == 126) {
			receive(sockets[i], head + 2, 2);
			length = (size_t)head[2] << 8 | head[3];
		}
		if (length > sizeof(payload))
			bench_must(-EMSGSIZE, "the server's word");
		receive(sockets[i], payload, length);
	}
}

void callers_stop(const struct tongue *tongue)
{
	if (!tongue->stop)
		return;
	for (size_t i = 0; i < CALLERS; i++)
		send_frame(sockets[i], OP_TEXT, tongue->stop,
			   strlen(tongue->stop));
	await_arrival();
}

void callers_say_goodbye(void)
{
	static const char normal[] = { 0x03, (char)0xe8 }; /* 1000 */

	for (size_t i = 0; i < CALLERS; i++)
		send_frame(sockets[i], OP_CLOSE, normal, sizeof(normal));
	await_arrival();
}

void callers_hang_up(void)
{
	for (size_t i = 0; i < CALLERS; i++)
		(void)close(sockets[i]);
}
