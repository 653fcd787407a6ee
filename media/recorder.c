/*
 * recorder.c - the recorder threads
 *
 * Each recording belongs to one thread, which handles what comes from the loop
 * in its order: open, chunks, close. To finish a file takes two syncs; that
 * work waits in a list of its own and is done one file at a time, so that many
 * calls that end together do not keep the chunks of the others in memory:
 *
 *   inbox --> open:  make the file    <-- all of these first
 *             chunk: write, give back
 *             close --> finishing --> header, sync, rename   <-- then one
 *
 * Nothing here ends a thread: a disk that refuses costs audio, which is
 * counted, and is asked again with the next chunk.
 */
#include "media/recorder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "media/recorder_disk.h"
#include "media/recorder_inbox.h"
#include "media/recorder_internal.h"
#include "media/recorder_pool.h"
#include "media/recording.h"
#include "media/recording_file.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/thread.h"

#define DURATION_MAX_MS (24ull * 60 * 60 * 1000)
#define THREADS_MAX	16u
#define STUCK_MS	10000u
#define GATHER_NS	20000000L /* chunks that come meanwhile are one wake-up */

struct recorder_worker {
	struct recorder *recorder;
	struct recorder_inbox *inbox;
	struct thread *thread;
	/* The thread's own: closed recordings, oldest first. */
	struct parcel *finishing, **finishing_end;
	char name[16];
};

struct recorder_inbox *recorder_next_inbox(struct recorder *recorder)
{
	unsigned turn = atomic_fetch_add_explicit(&recorder->next_worker, 1,
						  memory_order_relaxed);

	return recorder->workers[turn % recorder->worker_count].inbox;
}

/* The file, made now if it is not there yet: the disk may have come back. */
static struct recording_file *file_of(struct recording *rec)
{
	char call[UUID_TEXT_SIZE];
	int r;

	if (rec->file)
		return rec->file;
	r = recording_file_create(&rec->file, rec->path, rec->codec,
				  rec->rate_hz, rec->channels);
	atomic_store_explicit(&rec->intact, r == 0, memory_order_relaxed);
	if (r < 0 && !rec->refused) {
		rec->refused = true;
		log_error("RECORDING_REFUSED", "call=%s path=%s err=\"%s\"",
			  recording_call(rec->path, call), rec->path,
			  strerror(-r));
	}
	return rec->file;
}

static void open_recording(struct recorder *recorder, struct recording *rec)
{
	if (recorder_disk_has_room(&recorder->disk, 0, clock_mono_ms()))
		(void)file_of(rec);
	else
		atomic_store_explicit(&rec->intact, false,
				      memory_order_relaxed);
}

/* How many bytes it takes to make the file that long. */
static uint64_t bytes_until(const struct recording *rec, uint64_t frames)
{
	uint64_t has = rec->file ? recording_file_frames(rec->file) : 0;
	unsigned frame_bytes = rec->codec->sample_bytes * rec->channels;

	return frames > has ? (frames - has) * frame_bytes : 0;
}

static int write_chunk(struct recorder *recorder, const struct chunk *chunk)
{
	struct recording *rec = chunk->parcel.recording;
	uint64_t wanted = bytes_until(rec, chunk->first + chunk->frames);
	struct recording_file *file;
	int r;

	if (!recorder_disk_has_room(&recorder->disk, wanted, clock_mono_ms()))
		return -ENOSPC;
	file = file_of(rec);
	if (!file)
		return -EIO;
	r = recording_file_write(file, chunk->first, chunk->bytes,
				 chunk->frames);
	recorder_disk_note(&recorder->disk, r);
	if (r == 0)
		board_add(recorder->bytes, (int64_t)wanted);
	return r;
}

void recorder_tell(const struct recording_listener *listener,
		   const struct recording_fate *fate)
{
	if (listener->told)
		listener->told(listener->arg, fate);
}

/* The file has been finished, or that failed. */
static void tell(const struct recorder *recorder, const struct recording *rec,
		 uint64_t frames, int error)
{
	struct stat status = { 0 };
	struct recording_fate fate = {
		.path = rec->path,
		.failure = error < 0 ? "unfinished" : NULL,
		.duration_ms = frames * 1000 / rec->rate_hz,
	};

	if (stat(rec->path, &status) == 0)
		fate.bytes = (uint64_t)status.st_size;
	recorder_tell(&recorder->listener, &fate);
}

static void tell_unmade(const struct recorder *recorder,
			const struct recording *rec)
{
	const struct recording_fate fate = {
		.path = rec->path,
		.failure = rec->refused ? "refused" : "disk_low",
	};

	recorder_tell(&recorder->listener, &fate);
}

static void finish_recording(struct recorder *recorder, struct recording *rec)
{
	uint64_t wanted = bytes_until(rec, rec->closing_frames), frames;
	char call[UUID_TEXT_SIZE];
	int r;

	if (!rec->file) {
		tell_unmade(recorder, rec);
	} else {
		if (!recorder_disk_has_room(&recorder->disk, wanted,
					    clock_mono_ms()))
			rec->closing_frames = 0; /* it ends where it is */
		frames = recording_file_frames(rec->file);
		if (frames < rec->closing_frames)
			frames = rec->closing_frames;
		r = recording_file_finish(rec->file, rec->closing_frames);
		if (r < 0)
			log_error("RECORDING_UNFINISHED",
				  "call=%s path=%s err=\"%s\"",
				  recording_call(rec->path, call), rec->path,
				  strerror(-r));
		tell(recorder, rec, frames, r);
	}
	free(rec);
}

static void handle_parcel(struct recorder_worker *worker, struct parcel *parcel)
{
	struct recorder *recorder = worker->recorder;

	switch (parcel->kind) {
	case PARCEL_OPEN: open_recording(recorder, parcel->recording); break;
	case PARCEL_CHUNK:
		if (write_chunk(recorder, parcel->chunk) < 0)
			board_add(recorder->dropped, parcel->chunk->samples);
		recorder_pool_give(recorder->pool, parcel->chunk);
		break;
	case PARCEL_CLOSE:
		parcel->next = NULL;
		*worker->finishing_end = parcel;
		worker->finishing_end = &parcel->next;
		break;
	}
	atomic_fetch_add(&recorder->progress, 1);
}

static void finish_one(struct recorder_worker *worker)
{
	struct parcel *parcel = worker->finishing;

	worker->finishing = parcel->next;
	if (!worker->finishing)
		worker->finishing_end = &worker->finishing;
	finish_recording(worker->recorder, parcel->recording);
	atomic_fetch_add(&worker->recorder->progress, 1);
}

/* Sleeps until something comes, and a little longer: with a thousand calls a
 * chunk is full every millisecond, and to be woken for each costs more than to
 * write it. */
static void gather(struct recorder_worker *worker)
{
	static const struct timespec more = { .tv_nsec = GATHER_NS };

	recorder_inbox_wait(worker->inbox);
	(void)nanosleep(&more, NULL);
}

static int run(struct thread *self, void *arg)
{
	struct recorder_worker *worker = arg;

	for (;;) {
		/* Asked before the inbox: what was pushed before the stop is
		 * seen after it. */
		bool stopping = thread_stopping(self);
		struct parcel *parcel = recorder_inbox_take(worker->inbox);

		thread_beat(self);
		if (!parcel && worker->finishing) {
			finish_one(worker);
			continue;
		}
		if (!parcel && stopping)
			break;
		if (!parcel)
			gather(worker);
		while (parcel) {
			struct parcel *next = parcel->next;

			handle_parcel(worker, parcel);
			parcel = next;
		}
	}
	atomic_fetch_sub(&worker->recorder->workers_running, 1);
	return 0;
}

static void wake(void *arg)
{
	struct recorder_worker *worker = arg;

	recorder_inbox_wake(worker->inbox);
}

static int worker_start(struct recorder_worker *worker,
			struct recorder *recorder, unsigned index)
{
	int r;

	worker->recorder = recorder;
	worker->finishing_end = &worker->finishing;
	(void)snprintf(worker->name, sizeof(worker->name), "recorder-%u",
		       index % THREADS_MAX);
	r = recorder_inbox_create(&worker->inbox);
	if (r < 0)
		return r;
	atomic_fetch_add(&recorder->workers_running, 1);
	r = thread_start(&worker->thread,
			 &(struct thread_options){ .name = worker->name,
						   .body = run,
						   .arg = worker,
						   .wake = wake });
	if (r < 0)
		atomic_fetch_sub(&recorder->workers_running, 1);
	return r;
}

static int workers_start(struct recorder *recorder, unsigned count)
{
	if (count == 0)
		count = 1;
	if (count > THREADS_MAX)
		count = THREADS_MAX;
	recorder->workers = calloc(count, sizeof(*recorder->workers));
	if (!recorder->workers)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++) {
		int r;

		recorder->worker_count++;
		r = worker_start(&recorder->workers[i], recorder, i);
		if (r < 0)
			return r;
	}
	return 0;
}

static int prepare_directory(struct recorder *recorder, const char *dir)
{
	recorder->dir = strdup(dir);
	if (!recorder->dir)
		return -ENOMEM;
	if (mkdir(dir, 0750) < 0 && errno != EEXIST)
		return -errno;
	return access(dir, W_OK | X_OK) < 0 ? -errno : 0;
}

int recorder_start(struct recorder **ret, const struct recorder_options *o)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));
	int r;

	if (!recorder)
		return -ENOMEM;
	recorder->duration_max_ms =
		o->duration_max_ms ? o->duration_max_ms : DURATION_MAX_MS;
	recorder->listener = o->listener;
	recorder->dropped = board_series(METRIC_RECORDING_DROPPED_TOTAL, "");
	recorder->bytes = board_series(METRIC_RECORDING_BYTES_TOTAL, "");
	r = prepare_directory(recorder, o->dir);
	if (r < 0)
		goto fail;
	recorder_disk_init(&recorder->disk, recorder->dir, o->min_free_disk,
			   clock_mono_ms());
	r = recorder_pool_create(&recorder->pool, o->buffer,
				 o->labels ? o->labels : "");
	if (r < 0)
		goto fail;
	r = workers_start(recorder, o->threads);
	if (r < 0)
		goto fail;
	*ret = recorder;
	return 0;
fail:
	recorder_stop(recorder);
	return r;
}

/* False when the disk has not moved for long. */
static bool await_workers(struct recorder *recorder)
{
	static const struct timespec pause = { .tv_nsec = 2000000 };
	uint64_t seen = atomic_load(&recorder->progress);
	uint64_t since_ms = clock_mono_ms();

	while (atomic_load(&recorder->workers_running) > 0) {
		uint64_t now_ms = clock_mono_ms();

		if (atomic_load(&recorder->progress) != seen) {
			seen = atomic_load(&recorder->progress);
			since_ms = now_ms;
		}
		if (now_ms - since_ms > STUCK_MS)
			return false;
		(void)nanosleep(&pause, NULL);
	}
	return true;
}

void recorder_stop(struct recorder *recorder)
{
	if (!recorder)
		return;
	for (unsigned i = 0; i < recorder->worker_count; i++)
		if (recorder->workers[i].thread)
			thread_stop(recorder->workers[i].thread);
	if (!await_workers(recorder)) {
		log_error("RECORDER_STUCK", "dir=%s waited=%us", recorder->dir,
			  STUCK_MS / 1000);
		return; /* the threads still use it */
	}
	for (unsigned i = 0; i < recorder->worker_count; i++) {
		(void)thread_join(recorder->workers[i].thread);
		(void)recorder_inbox_destroy(recorder->workers[i].inbox);
	}
	free(recorder->workers);
	(void)recorder_pool_destroy(recorder->pool);
	free(recorder->dir);
	free(recorder);
}

void recorder_path(const struct recorder *recorder, const char *call_id,
		   int64_t started_us, char *out, size_t size)
{
	time_t seconds = (time_t)(started_us / 1000000);
	struct tm day = { 0 };

	(void)gmtime_r(&seconds, &day);
	(void)snprintf(out, size, "%s/%04d/%02d/%02d/%s.wav", recorder->dir,
		       day.tm_year + 1900, day.tm_mon + 1, day.tm_mday,
		       call_id);
}
