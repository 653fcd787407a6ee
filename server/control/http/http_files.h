/*
 * http_files.h - what the disk must be asked for, read off the loop
 *
 * A disk may hang, and the loop may not; so a thread of its own asks it. Either
 * a handler leaves a question for it (http_files_ask), or it answers with a
 * file's name (http_reply_file): then the thread opens it, judges Range and
 * If-Range (RFC 9110, 14.2 and 13.1.5), and reads it piece by piece as the peer
 * takes it. Each of these is one promise (http_later.h), so that a peer holds
 * one piece in memory, however slowly it reads.
 *
 *   loop    http_files_open() --> thread --> promise: a head, and a file
 *   loop    http_files_read() --> thread --> promise: the next piece
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_HTTP_HTTP_FILES_H
#define SERVER_CONTROL_HTTP_HTTP_FILES_H

#include <stdbool.h>

#include "server/control/http/http.h"

#define HTTP_PIECE ((size_t)64 * 1024)

struct http_file;
struct http_files;

/* 0 or -errno. */
int http_files_start(struct http_files **ret);
/* Every promise has been kept when it returns. Accepts NULL, returns NULL. */
struct http_files *http_files_stop(struct http_files *files);

/* In the thread: answers. */
typedef void disk_question(void *arg, struct http_response *response);

/* Always leaves an answer or a promise in *response. Takes `arg`, which came
 * from malloc and is freed after the answer; NULL means that there was no
 * memory for it. */
void http_files_ask(struct http_files *files, disk_question *question,
		    void *arg, const struct http_request *request,
		    struct http_response *response);

/* Promises the answer to `request`, whose answer so far, *response, names a
 * file: 200, 206, 404, 416 or 503. It becomes http_response.file, or an error.
 * NULL: too many promises are open, or no memory. */
struct http_later *http_files_open(struct http_files *files,
				   const struct http_request *request,
				   const struct http_response *response);
/* Promises the next piece of the body for `request`, HTTP_PIECE bytes or what
 * is left; a status other than 200 means that the file cannot be read to its
 * end. One at a time. NULL as above. */
struct http_later *http_files_read(struct http_file *file,
				   const struct http_request *request);
/* Is there anything that was not asked for? */
bool http_file_has_more(const struct http_file *file);
/* Accepts NULL, returns NULL; a piece that is being read goes to nobody. */
struct http_file *http_file_close(struct http_file *file);

#endif
