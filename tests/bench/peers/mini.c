/*
 * mini.c - the limit: the least a server can do with a call's frames
 *
 * One epoll loop that receives, unmasks, finds the payload, decodes it and adds
 * it up; with --echo it encodes it again and sends it back. It keeps no record,
 * writes no file, checks nobody, believes its caller: whoever does more work
 * than this a frame, needs more time than this. What Holdline is compared with
 * in docs/benchmarks.md.
 *
 *   mini PORT [--echo] [--tick MICROSECONDS]
 *
 * With a tick it sleeps to the next deadline after each turn, as Holdline's
 * loops do, so that one wake-up serves many frames.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "media/base64.h"

#define EVENTS	   512
#define RECEIVE	   16384
#define FILES	   65536
#define UNREAD_MAX 1024
#define GUID	   "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455, 1.3 */

struct connection {
	int fd;
	bool upgraded;
	size_t unread;	 /* of a frame whose end has not come */
	uint64_t sum;	 /* of all decoded bytes, so that none is skipped */
	char stream[64]; /* streamSid */
	char kept[UNREAD_MAX];
};

static struct connection *all[FILES]; /* by their descriptors */
static bool echoes;
static uint64_t frames;

/* ---- the handshake ---------------------------------------------------------
 */

static bool accept_key(const char *request, char *accept)
{
	static const char header[] = "Sec-WebSocket-Key: ";
	const char *key = strcasestr(request, header);
	unsigned char digest[SHA_DIGEST_LENGTH];
	char text[24 + sizeof(GUID)];

	if (!key)
		return false;
	memcpy(text, key + sizeof(header) - 1, 24);
	memcpy(text + 24, GUID, sizeof(GUID));
	(void)SHA1((const unsigned char *)text, sizeof(text) - 1, digest);
	accept[base64_encode(digest, sizeof(digest), accept)] = '\0';
	return true;
}

static bool upgrade(struct connection *c, char *request)
{
	char accept[32], answer[256];
	int length;

	if (!strstr(request, "\r\n\r\n") || !accept_key(request, accept))
		return false;
	length = snprintf(answer, sizeof(answer),
			  "HTTP/1.1 101 Switching Protocols\r\n"
			  "Upgrade: websocket\r\nConnection: Upgrade\r\n"
			  "Sec-WebSocket-Accept: %s\r\n\r\n",
			  accept);
	c->upgraded = true;
	return send(c->fd, answer, (size_t)length, MSG_NOSIGNAL) == length;
}

/* ---- frames ----------------------------------------------------------------
 */

/* Eight bytes at a time; the compiler makes vectors of it. */
static void unmask(uint8_t *bytes, size_t length, const uint8_t *key)
{
	uint64_t wide, word;
	size_t i = 0;

	memcpy(&wide, key, 4);
	memcpy((char *)&wide + 4, key, 4);
	for (; i + 8 <= length; i += 8) {
		memcpy(&word, bytes + i, 8);
		word ^= wide;
		memcpy(bytes + i, &word, 8);
	}
	for (; i < length; i++)
		bytes[i] ^= key[i % 4];
}

/* The value of "name":"value". */
static const char *find(const char *text, size_t length, const char *name,
			size_t *value_length)
{
	const char *at = memmem(text, length, name, strlen(name));
	const char *end;

	if (!at)
		return NULL;
	at += strlen(name);
	end = memchr(at, '"', length - (size_t)(at - text));
	if (!end)
		return NULL;
	*value_length = (size_t)(end - at);
	return at;
}

static bool send_back(const struct connection *c, const uint8_t *audio,
		      size_t bytes)
{
	char out[1024];
	int head = snprintf(out + 4, sizeof(out) - 4,
			    "{\"event\":\"media\",\"streamSid\":\"%s\","
			    "\"media\":{\"payload\":\"",
			    c->stream);
	size_t length = (size_t)head;

	length += base64_encode(audio, bytes, out + 4 + length);
	out[4 + length++] = '"';
	out[4 + length++] = '}';
	out[4 + length++] = '}';
	out[0] = (char)0x81;
	out[1] = 126;
	out[2] = (char)(length >> 8);
	out[3] = (char)length;
	return send(c->fd, out, length + 4, MSG_NOSIGNAL) ==
	       (ssize_t)length + 4;
}

static bool on_media(struct connection *c, const char *payload, size_t length)
{
	uint8_t audio[512];
	ssize_t bytes;

	if (length > 640)
		return false;
	bytes = base64_decode(payload, length, audio);
	if (bytes < 0)
		return false;
	for (ssize_t i = 0; i < bytes; i++)
		c->sum += audio[i];
	frames++;
	return !echoes || send_back(c, audio, (size_t)bytes);
}

static bool on_text(struct connection *c, const char *text, size_t length)
{
	static const uint8_t close_frame[] = { 0x88, 2, 1000 >> 8,
					       1000 & 0xff };
	size_t n;
	const char *value = find(text, length, "\"payload\":\"", &n);

	if (value)
		return on_media(c, value, n);
	value = find(text, length, "\"event\":\"", &n);
	if (value && n == 4 && memcmp(value, "stop", 4) == 0)
		return send(c->fd, close_frame, sizeof(close_frame),
			    MSG_NOSIGNAL) == sizeof(close_frame);
	value = find(text, length, "\"streamSid\":\"", &n);
	if (value && n < sizeof(c->stream))
		memcpy(c->stream, value, n);
	return true;
}

/* What a frame takes of `bytes`; 0: its end has not come; -1: it is the last.
 */
static ssize_t take_frame(struct connection *c, uint8_t *bytes, size_t have)
{
	size_t head = 6, length;

	if (have < head)
		return 0;
	length = bytes[1] & 0x7f;
	if (length == 126) {
		length = (size_t)bytes[2] << 8 | bytes[3];
		head = 8;
	}
	if (have < head + length)
		return 0;
	unmask(bytes + head, length, bytes + head - 4);
	if ((bytes[0] & 0x0f) > 2) /* a close above all */
		return -1;
	if (!on_text(c, (const char *)bytes + head, length))
		return -1;
	return (ssize_t)(head + length);
}

static bool on_readable(struct connection *c)
{
	static uint8_t buffer[UNREAD_MAX + RECEIVE + 1];
	size_t have = c->unread, at = 0;
	ssize_t n;

	memcpy(buffer, c->kept, have);
	n = recv(c->fd, buffer + have, RECEIVE, 0);
	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	have += (size_t)n;
	buffer[have] = '\0';
	if (!c->upgraded)
		return upgrade(c, (char *)buffer);
	while ((n = take_frame(c, buffer + at, have - at)) > 0)
		at += (size_t)n;
	c->unread = have - at;
	if (n < 0 || c->unread > UNREAD_MAX)
		return false;
	memcpy(c->kept, buffer + at, c->unread);
	return true;
}

/* ---- the loop --------------------------------------------------------------
 */

static bool watch(int epoll_fd, int fd)
{
	struct connection *c = calloc(1, sizeof(*c));
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	if (c && fd < FILES &&
	    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0) {
		c->fd = fd;
		all[fd] = c;
		return true;
	}
	free(c);
	return false;
}

static void accept_all(int epoll_fd, int listen_fd)
{
	const int on = 1;
	int fd;

	while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (!watch(epoll_fd, fd))
			(void)close(fd);
	}
}

static void sleep_to_tick(uint64_t *deadline_ns, uint64_t tick_ns)
{
	struct timespec t;
	uint64_t now;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	now = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	if (now >= *deadline_ns)
		*deadline_ns = now + tick_ns - now % tick_ns;
	t.tv_sec = (time_t)(*deadline_ns / 1000000000u);
	t.tv_nsec = (long)(*deadline_ns % 1000000000u);
	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	*deadline_ns += tick_ns;
}

static int listen_on(unsigned port)
{
	const int on = 1;
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)port),
				       .sin_addr.s_addr =
					       htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 4096) < 0) {
		perror("mini");
		exit(1);
	}
	return fd;
}

static void serve(int listen_fd, uint64_t tick_ns)
{
	struct epoll_event events[EVENTS], event = { .events = EPOLLIN };
	int epoll_fd = epoll_create1(0);
	uint64_t deadline_ns = 0;

	(void)epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event);
	for (;;) {
		int n = epoll_wait(epoll_fd, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (!c) {
				accept_all(epoll_fd, listen_fd);
			} else if (!on_readable(c)) {
				(void)close(c->fd);
				free(c);
			}
		}
		if (tick_ns > 0)
			sleep_to_tick(&deadline_ns, tick_ns);
	}
}

int main(int argc, char **argv)
{
	struct rlimit files;
	uint64_t tick_ns = 0;

	if (argc < 2) {
		(void)fprintf(
			stderr,
			"usage: mini PORT [--echo] [--tick MICROSECONDS]\n");
		return 2;
	}
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--echo") == 0)
			echoes = true;
		else if (strcmp(argv[i], "--tick") == 0 && i + 1 < argc)
			tick_ns = strtoull(argv[++i], NULL, 10) * 1000;
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	serve(listen_on((unsigned)atoi(argv[1])), tick_ns);
	return 0;
}
