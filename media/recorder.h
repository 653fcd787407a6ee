/*
 * recorder.h - audio to disk, never on a loop thread
 *
 *   loop: recording_write() --> chunk (memory) --full--> inbox --> [recorder
 *   thread] --> <dir>/2026/11/23/<call_id>.wav.part --close--> .wav
 *
 * A recording is a WAV file in the call's own codec, one channel a track, made
 * with libsndfile. Frames are written at their position in time; what was
 * never written is silence, so that time stays true. While it is written the
 * file is called .part and its writer holds a lock on it; a .part without a
 * lock was left by a dead process and is repaired by the next one
 * (recorder_repair). The path of a recording follows from its call alone, so
 * the row that names it needs no second look.
 *
 * Chunks come from a pool of fixed size (recording.buffer). When the pool is
 * empty, or the disk is slow, full or gone, audio is dropped and counted (in
 * samples), and the call goes on. What comes later is at its right time again.
 *
 * Thread: recorder_* on the media process's main thread; a recording belongs
 *         to the loop thread that opened it.
 */
#ifndef MEDIA_RECORDER_H
#define MEDIA_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/codec.h"

struct recorder;
struct recording;

/* What became of a recording. */
struct recording_fate {
	const char *path;    /* its final name, where it has one */
	const char *failure; /* NULL: it is stored. "refused": the file could
				not be made; "disk_low": there was no room for
				one; "unfinished": left for repair; "broken",
				"empty": beyond repair */
	bool repaired;	     /* by another process than that of its call */
	uint64_t bytes, duration_ms;
};

/* Is told of each, once its file has its name: on a recorder's thread, or the
 * repair's, and must not wait. `told` may be NULL. */
struct recording_listener {
	void (*told)(void *arg, const struct recording_fate *fate);
	void *arg;
};

struct recorder_options {
	const char *dir;		/* copied */
	uint64_t min_free_disk, buffer; /* bytes */
	unsigned threads;		/* 0: one */
	/* The longest recording; what lies beyond is given up, so that a
	 * forged timestamp does not fill the disk with silence. 0: 24 hours. */
	uint64_t duration_max_ms;
	/* Of this process's gauges (board.h): `process="0"`. NULL: none. */
	const char *labels;
	struct recording_listener listener;
};

/* 0 or -errno (the directory cannot be made or written). */
int recorder_start(struct recorder **ret, const struct recorder_options *o);
/* Finishes all files that were closed, then ends the threads. Every recording
 * must have been closed. Waits as long as the disk moves; after 10 s without
 * any progress it says so in the log and leaves the rest for repair, and the
 * recorder's memory with it: the process is about to end. Accepts NULL. */
void recorder_stop(struct recorder *recorder);

/* The final path of a call's recording: <dir>/YYYY/MM/DD/<call_id>.wav, by the
 * UTC day of `started_us`. */
void recorder_path(const struct recorder *recorder, const char *call_id,
		   int64_t started_us, char *out, size_t size);

/* Never waits. NULL when there is no memory; the call goes on without a
 * recording. */
struct recording *recording_open(struct recorder *recorder, const char *path,
				 const struct codec *codec, unsigned rate_hz,
				 unsigned channels);

/* `samples` samples of one channel that begin `position` samples after the
 * start of the stream. Late audio is placed where it belongs while that part
 * is still in memory: with several channels the last half second at least, so
 * that one track may lag behind another. No allocation, no syscall but a
 * wake-up. Returns how many samples were given up (0 is usual). */
size_t recording_write(struct recording *recording, unsigned channel,
		       uint64_t position, const uint8_t *data, size_t samples);

/* It will be written to very soon: its memory may come, and then what that
 * points to. */
void recording_fetch(const struct recording *recording);
void recording_fetch_more(const struct recording *recording);

/* Makes the file at least `samples` long (silence), ends it, and frees. The
 * file is finished behind our back. Accepts NULL. */
void recording_close(struct recording *recording, uint64_t samples);

/* Is there a file? False while it cannot be made. */
bool recording_intact(const struct recording *recording);

/* Finishes every .part under `dir` whose writer is gone: header and length are
 * put right, the file gets its final name. One without any header is removed;
 * one with a header that cannot be read is kept as .broken. Runs in a thread
 * of its own at start; returns how many were repaired, or -errno. `listener`
 * may be NULL. */
int recorder_repair(const char *dir, const struct recording_listener *listener);

#endif
