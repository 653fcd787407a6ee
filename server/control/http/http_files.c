/*
 * http_files.c - what the disk must be asked for (see http_files.h)
 *
 * A job is a question, or the opening or reading of a file; the file is counted
 * by whoever holds it: the answer that is being sent, and the job. The last of
 * them closes it, so that a peer may hang up in the middle of a read.
 */
#include "server/control/http/http_files.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/control/http/http_later.h"
#include "server/log.h"
#include "server/path.h"
#include "server/thread.h"

struct job {
	struct job *next;
	struct http_later *later;
	void (*run)(struct job *job, struct http_response *response);
	void (*finish)(struct job *job);
};

struct question {
	struct job job; /* first: a job is its question */
	disk_question *ask;
	void *arg;
};

struct http_file {
	struct job job; /* first: a job is its file */
	struct http_files *files;
	atomic_int holders;
	int fd;		       /* -1: not open yet */
	uint64_t offset, left; /* of what was not asked for */
	size_t piece;	       /* what is being read */
	char range[HTTP_VALUE_SIZE], if_range[HTTP_VALUE_SIZE];
	const char *type;
	char *root; /* it must lie below; the next byte begins its path */
	char *path; /* in the same allocation as root */
};

struct http_files {
	struct thread *thread;
	int fd;		      /* a semaphore: one for each job */
	pthread_mutex_t lock; /* of the queue */
	struct job *first, **end;
};

static void signal_fd(int fd)
{
	uint64_t one = 1;

	(void)!write(fd, &one, sizeof(one));
}

struct http_file *http_file_close(struct http_file *file)
{
	if (!file || atomic_fetch_sub(&file->holders, 1) > 1)
		return NULL;
	if (file->fd >= 0)
		(void)close(file->fd);
	free(file->root);
	free(file);
	return NULL;
}

bool http_file_has_more(const struct http_file *file)
{
	return file->left > 0;
}

/* ---- opening --------------------------------------------------------------
 */

/* A row of the database named it, and others may write there. */
static int open_file(struct http_file *file, struct stat *status)
{
	char real[PATH_MAX];

	if (path_below(file->root, file->path, real) < 0)
		return -ENOENT;
	file->fd = open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file->fd < 0 || fstat(file->fd, status) < 0)
		return -errno;
	return S_ISREG(status->st_mode) ? 0 : -ENOENT;
}

/* A number of the range; -1: none; what is too great stays great. */
static int64_t read_number(const char **text)
{
	int64_t n = -1;

	for (; **text >= '0' && **text <= '9'; (*text)++) {
		n = (n < 0 ? 0 : n) * 10 + (**text - '0');
		if (n > INT64_MAX / 20)
			n = INT64_MAX / 20;
	}
	return n;
}

/* "bytes=0-499", "bytes=500-", "bytes=-500". 206 and what is asked for; 200 for
 * anything that we do not know, such as several ranges at once; 416. */
static int judge_range(const char *range, uint64_t size, uint64_t *offset,
		       uint64_t *length)
{
	int64_t first, last;

	*offset = 0;
	*length = size;
	if (strncmp(range, "bytes=", 6) != 0)
		return 200;
	range += 6;
	first = read_number(&range);
	if (*range++ != '-')
		return 200;
	last = read_number(&range);
	if (*range != '\0' || (first < 0 && last < 0) ||
	    (first >= 0 && last >= 0 && last < first))
		return 200;
	if (first < 0) { /* the last ones */
		first = (uint64_t)last < size ? (int64_t)size - last : 0;
		if (last == 0 || size == 0)
			return 416;
		last = -1;
	}
	if ((uint64_t)first >= size)
		return 416;
	if (last < 0 || (uint64_t)last >= size)
		last = (int64_t)size - 1;
	*offset = (uint64_t)first;
	*length = (uint64_t)(last - first) + 1;
	return 206;
}

static void make_etag(const struct stat *status, char etag[HTTP_VALUE_SIZE])
{
	(void)snprintf(etag, HTTP_VALUE_SIZE, "\"%llx-%llx%08lx\"",
		       (unsigned long long)status->st_size,
		       (unsigned long long)status->st_mtim.tv_sec,
		       (unsigned long)status->st_mtim.tv_nsec);
}

/* Takes a share in the file for the response. */
static void answer_with(struct http_file *file, const struct stat *status,
			struct http_response *response)
{
	uint64_t size = (uint64_t)status->st_size, length;
	const char *range = file->range;

	make_etag(status, response->etag);
	if (*file->if_range && strcmp(file->if_range, response->etag) != 0)
		range = ""; /* it has changed: all of it */
	response->status = judge_range(range, size, &file->offset, &length);
	if (response->status == 416) {
		response->etag[0] = '\0';
		http_reply_error(response, 416, "the file is not that long");
		(void)snprintf(response->content_range,
			       sizeof(response->content_range), "bytes */%llu",
			       (unsigned long long)size);
		return;
	}
	if (response->status == 206)
		(void)snprintf(response->content_range,
			       sizeof(response->content_range),
			       "bytes %llu-%llu/%llu",
			       (unsigned long long)file->offset,
			       (unsigned long long)(file->offset + length - 1),
			       (unsigned long long)size);
	file->left = length;
	response->type = file->type;
	response->length = length;
	response->file = file;
	atomic_fetch_add(&file->holders, 1);
}

static void do_open(struct http_file *file, struct http_response *response)
{
	struct stat status = { 0 };
	int r = open_file(file, &status);

	if (r == 0) {
		answer_with(file, &status, response);
	} else if (r == -ENOENT || r == -ENOTDIR) {
		http_reply_error(response, 404, "the file is not here");
	} else {
		log_error("HTTP_FILE", "file=\"%s\" err=\"%s\"", file->path,
			  strerror(-r));
		http_reply_error(response, 503, "the file cannot be opened");
	}
}

/* ---- reading --------------------------------------------------------------
 */

static void do_read(struct http_file *file, struct http_response *response)
{
	char *piece = malloc(file->piece);
	size_t got = 0;
	ssize_t n = 1;

	while (piece && got < file->piece && n > 0) {
		n = pread(file->fd, piece + got, file->piece - got,
			  (off_t)(file->offset + got));
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			got += (size_t)n;
	}
	file->offset += got;
	if (piece && got == file->piece) {
		http_reply(response, 200, NULL, piece, got);
		return;
	}
	log_error("HTTP_FILE", "file=\"%s\" err=\"%s\"", file->path,
		  !piece   ? "out of memory"
		  : n == 0 ? "became shorter"
			   : strerror(errno));
	free(piece);
	http_reply_error(response, 503, "the file cannot be read");
}

/* ---- jobs -----------------------------------------------------------------
 */

static struct job *dequeue(struct http_files *files)
{
	struct job *job;

	pthread_mutex_lock(&files->lock);
	job = files->first;
	if (job) {
		files->first = job->next;
		if (!files->first)
			files->end = &files->first;
	}
	pthread_mutex_unlock(&files->lock);
	return job;
}

static void enqueue(struct http_files *files, struct job *job)
{
	job->next = NULL;
	pthread_mutex_lock(&files->lock);
	*files->end = job;
	files->end = &job->next;
	pthread_mutex_unlock(&files->lock);
	signal_fd(files->fd);
}

static void do_job(struct job *job)
{
	struct http_response response = { 0 };
	void (*finish)(struct job *) = job->finish;

	http_later_work(job->later);
	job->run(job, &response);
	/* From here on the loop may make another job of the same file. */
	http_later_keep(job->later, &response);
	finish(job);
}

static int body(struct thread *self, void *arg)
{
	struct http_files *files = arg;
	struct pollfd asked = { .fd = files->fd, .events = POLLIN };
	struct job *job;
	uint64_t count;

	while (!thread_stopping(self)) {
		(void)poll(&asked, 1, -1);
		(void)!read(files->fd, &count, sizeof(count));
		job = dequeue(files);
		if (job)
			do_job(job);
	}
	while ((job = dequeue(files)))
		do_job(job);
	return 0;
}

/* ---- questions ------------------------------------------------------------
 */

static void run_question(struct job *job, struct http_response *response)
{
	const struct question *question = (const struct question *)job;

	question->ask(question->arg, response);
}

static void finish_question(struct job *job)
{
	struct question *question = (struct question *)job;

	free(question->arg);
	free(question);
}

void http_files_ask(struct http_files *files, disk_question *ask, void *arg,
		    const struct http_request *request,
		    struct http_response *response)
{
	struct question *question = arg ? calloc(1, sizeof(*question)) : NULL;
	struct http_later *later =
		files && question ? http_later_promise(request) : NULL;

	if (!later) {
		http_reply_error(response, 503,
				 "too many requests wait; repeat it later");
		free(arg);
		free(question);
		return;
	}
	*question = (struct question){
		.job = { .later = later,
			 .run = run_question,
			 .finish = finish_question },
		.ask = ask,
		.arg = arg,
	};
	response->later = later;
	enqueue(files, &question->job);
}

/* ---- files ----------------------------------------------------------------
 */

static void run_file(struct job *job, struct http_response *response)
{
	struct http_file *file = (struct http_file *)job;

	if (file->fd < 0)
		do_open(file, response);
	else
		do_read(file, response);
}

static void finish_file(struct job *job)
{
	http_file_close((struct http_file *)job);
}

/* With a share in the file, which the job gives back. */
static void enqueue_file(struct http_file *file, struct http_later *later)
{
	file->job = (struct job){ .later = later,
				  .run = run_file,
				  .finish = finish_file };
	atomic_fetch_add(&file->holders, 1);
	enqueue(file->files, &file->job);
}

static struct http_file *file_create(struct http_files *files,
				     const struct http_request *request,
				     const struct http_response *response)
{
	struct http_file *file = calloc(1, sizeof(*file));
	size_t root = strlen(response->root) + 1;
	size_t path = strlen(response->path) + 1;

	if (!file)
		return NULL;
	file->files = files;
	file->fd = -1;
	file->type = response->type;
	file->root = malloc(root + path);
	if (!file->root) {
		free(file);
		return NULL;
	}
	memcpy(file->root, response->root, root);
	file->path = memcpy(file->root + root, response->path, path);
	(void)snprintf(file->range, sizeof(file->range), "%s",
		       request->range ? request->range : "");
	(void)snprintf(file->if_range, sizeof(file->if_range), "%s",
		       request->if_range ? request->if_range : "");
	return file;
}

struct http_later *http_files_open(struct http_files *files,
				   const struct http_request *request,
				   const struct http_response *response)
{
	struct http_later *later = files ? http_later_promise(request) : NULL;
	struct http_file *file;

	if (!later)
		return NULL;
	file = file_create(files, request, response);
	if (!file) {
		http_later_withdraw(later);
		return NULL;
	}
	enqueue_file(file, later);
	return later;
}

struct http_later *http_files_read(struct http_file *file,
				   const struct http_request *request)
{
	struct http_later *later = http_later_promise(request);

	assert(file->left > 0);
	if (!later)
		return NULL;
	file->piece = file->left < HTTP_PIECE ? (size_t)file->left : HTTP_PIECE;
	file->left -= file->piece;
	enqueue_file(file, later);
	return later;
}

/* ---- beginning and end -----------------------------------------------------
 */

static void wake(void *arg)
{
	const struct http_files *files = arg;

	signal_fd(files->fd);
}

int http_files_start(struct http_files **ret)
{
	struct http_files *files = calloc(1, sizeof(*files));
	const struct thread_options thread = {
		.name = "http_files",
		.body = body,
		.arg = files,
		.wake = wake,
	};
	int r = 0;

	*ret = NULL;
	if (!files)
		return -ENOMEM;
	files->end = &files->first;
	pthread_mutex_init(&files->lock, NULL);
	files->fd = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
	if (files->fd < 0)
		r = -errno;
	if (r == 0)
		r = thread_start(&files->thread, &thread);
	if (r < 0)
		http_files_stop(files);
	else
		*ret = files;
	return r;
}

struct http_files *http_files_stop(struct http_files *files)
{
	if (!files)
		return NULL;
	thread_stop(files->thread);
	thread_join(files->thread);
	if (files->fd >= 0)
		(void)close(files->fd);
	pthread_mutex_destroy(&files->lock);
	free(files);
	return NULL;
}
