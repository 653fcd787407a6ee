/*
 * recording.c - the loop's side of a recording
 *
 * Time is cut into windows of one chunk each. Audio goes to its place in its
 * window, whatever order it comes in, as long as the window is kept:
 *
 *             oldest kept         newest
 *   ... ------+---------+---------+---------+
 *    sent off | chunk   | (none)  | chunk   |  beyond: the windows move on
 *   ... ------+---------+---------+---------+
 *
 * A window that nothing was written to has no chunk: a jump ahead costs
 * nothing here, the recorder thread makes the silence from the next position.
 *
 * A window ends where a page of the file does, so the first is shorter by the
 * header: of a page that is written in two halves the kernel would have to zero
 * the second first, which cost as much as all else of writing it.
 */
#include "media/recorder.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "media/recorder_inbox.h"
#include "media/recorder_internal.h"
#include "media/recorder_pool.h"
#include "media/recording.h"
#include "media/recording_file.h"
#include "server/board.h"

#define LAG_MAX_MS 500u /* of one track behind another */
#define FETCHED	   192u /* bytes: 20 ms at 8000 Hz */

/* One track cannot lag behind itself, and its audio should be on disk soon. */
static uint32_t windows_for_lag(unsigned rate_hz, unsigned channels,
				uint32_t window_frames)
{
	uint64_t lag_frames = (uint64_t)rate_hz * LAG_MAX_MS / 1000;
	uint64_t windows = (lag_frames + window_frames - 1) / window_frames + 1;

	if (channels == 1)
		return 1;
	return windows < WINDOWS_MAX ? (uint32_t)windows : WINDOWS_MAX;
}

/* A data chunk's length is 32 bits wide, and the header is counted too. */
static uint64_t frames_limit(const struct recorder *recorder, unsigned rate_hz,
			     unsigned frame_bytes)
{
	uint64_t by_time = recorder->duration_max_ms * rate_hz / 1000;
	uint64_t by_size = (UINT32_MAX - CHUNK_BYTES) / frame_bytes;

	return by_time < by_size ? by_time : by_size;
}

struct recording *recording_open(struct recorder *recorder, const char *path,
				 const struct codec *codec, unsigned rate_hz,
				 unsigned channels)
{
	struct recording *rec = calloc(1, sizeof(*rec) + strlen(path) + 1);
	unsigned frame_bytes = codec->sample_bytes * channels;

	assert(frame_bytes > 0 && frame_bytes <= CHUNK_BYTES);
	if (!rec)
		return NULL;
	rec->codec = codec;
	rec->inbox = recorder_next_inbox(recorder);
	rec->recorder = recorder;
	rec->rate_hz = rate_hz;
	rec->channels = channels;
	rec->frames_max = frames_limit(recorder, rate_hz, frame_bytes);
	rec->window_frames = CHUNK_BYTES / frame_bytes;
	rec->head_frames = recording_file_head(codec) / frame_bytes;
	rec->windows_kept =
		windows_for_lag(rate_hz, channels, rec->window_frames);
	rec->opening = (struct parcel){ .kind = PARCEL_OPEN, .recording = rec };
	rec->closing =
		(struct parcel){ .kind = PARCEL_CLOSE, .recording = rec };
	atomic_init(&rec->intact, true);
	memcpy(rec->path, path, strlen(path) + 1);
	recorder_inbox_push(rec->inbox, &rec->opening);
	return rec;
}

bool recording_intact(const struct recording *recording)
{
	return recording &&
	       atomic_load_explicit(&recording->intact, memory_order_relaxed);
}

static void send_off(struct recording *rec, uint64_t window)
{
	struct chunk **place = &rec->windows[window % rec->windows_kept];

	if (*place)
		recorder_inbox_push(rec->inbox, &(*place)->parcel);
	*place = NULL;
	rec->open = NULL;
}

static uint64_t oldest_window(const struct recording *rec)
{
	return rec->newest < rec->windows_kept
		       ? 0
		       : rec->newest - rec->windows_kept + 1;
}

/* Sends off, in order, what is no longer kept once `newest` is the newest. */
static void move_on(struct recording *rec, uint64_t newest)
{
	for (uint64_t w = oldest_window(rec);
	     w <= rec->newest && w + rec->windows_kept <= newest; w++)
		send_off(rec, w);
	rec->newest = newest;
}

/* Where a window begins. */
static uint64_t first_of(const struct recording *rec, uint64_t window)
{
	return window == 0 ? 0 : window * rec->window_frames - rec->head_frames;
}

static struct chunk *new_chunk(struct recording *rec, uint64_t window)
{
	struct chunk *chunk = recorder_pool_take(rec->recorder->pool);

	if (!chunk)
		return NULL;
	chunk->parcel = (struct parcel){ .kind = PARCEL_CHUNK,
					 .recording = rec,
					 .chunk = chunk };
	chunk->first = first_of(rec, window);
	chunk->room = (uint32_t)(first_of(rec, window + 1) - chunk->first);
	chunk->frames = 0;
	chunk->samples = 0;
	memset(chunk->bytes, rec->codec->silence, CHUNK_BYTES);
	return chunk;
}

/* Every channels-th sample, from `channel` on. */
static void interleave(const struct recording *rec, uint8_t *out,
		       unsigned channel, const uint8_t *data, uint32_t samples)
{
	const unsigned size = rec->codec->sample_bytes;

	if (rec->channels == 1) {
		memcpy(out, data, (size_t)samples * size);
		return;
	}
	out += (size_t)channel * size;
	for (uint32_t i = 0; i < samples; i++) {
		memcpy(out, data, size);
		out += (size_t)rec->channels * size;
		data += size;
	}
}

static void put(struct recording *rec, struct chunk *chunk, uint32_t offset,
		unsigned channel, const uint8_t *data, uint32_t samples)
{
	size_t frame = (size_t)rec->channels * rec->codec->sample_bytes;
	uint8_t *out = chunk->bytes + offset * frame;

	interleave(rec, out, channel, data, samples);
	rec->next = out + samples * frame;
	chunk->samples += samples;
	if (chunk->frames < offset + samples)
		chunk->frames = offset + samples;
}

/* To one window; false when the samples had to be given up. */
static bool place(struct recording *rec, uint64_t window, unsigned channel,
		  uint64_t position, const uint8_t *data, uint32_t samples)
{
	struct chunk **chunk = &rec->windows[window % rec->windows_kept];

	if (position + samples > rec->frames_max)
		return false;
	if (window > rec->newest)
		move_on(rec, window);
	if (window < oldest_window(rec))
		return false;
	if (!*chunk)
		*chunk = new_chunk(rec, window);
	if (!*chunk) {
		board_add(rec->recorder->dropped, samples);
		return false;
	}
	rec->open = *chunk;
	put(rec, *chunk, (uint32_t)(position - (*chunk)->first), channel, data,
	    samples);
	return true;
}

/* As nearly always: into the window that was written to last. */
static bool place_in_open(struct recording *rec, unsigned channel,
			  uint64_t position, const uint8_t *data,
			  size_t samples)
{
	struct chunk *chunk = rec->open;
	uint64_t offset;

	if (!chunk || position < chunk->first ||
	    position + samples > rec->frames_max)
		return false;
	offset = position - chunk->first;
	if (offset + samples > chunk->room)
		return false;
	put(rec, chunk, (uint32_t)offset, channel, data, (uint32_t)samples);
	return true;
}

size_t recording_write(struct recording *rec, unsigned channel,
		       uint64_t position, const uint8_t *data, size_t samples)
{
	size_t lost = 0;

	assert(channel < rec->channels);
	if (place_in_open(rec, channel, position, data, samples))
		return 0;
	while (samples > 0) {
		uint64_t window =
			(position + rec->head_frames) / rec->window_frames;
		uint64_t room = first_of(rec, window + 1) - position;
		uint32_t n = (uint32_t)(samples < room ? samples : room);

		if (position >= rec->frames_max)
			return lost + samples;
		if (!place(rec, window, channel, position, data, n))
			lost += n;
		position += n;
		data += (size_t)n * rec->codec->sample_bytes;
		samples -= n;
	}
	return lost;
}

void recording_fetch(const struct recording *rec)
{
	__builtin_prefetch(rec);
	__builtin_prefetch((const char *)rec + 64);
}

void recording_fetch_more(const struct recording *rec)
{
	__builtin_prefetch(rec->open, 1);
	for (size_t i = 0; i < FETCHED; i += 64)
		__builtin_prefetch(rec->next + i, 1);
}

void recording_close(struct recording *rec, uint64_t samples)
{
	if (!rec)
		return;
	for (uint64_t w = oldest_window(rec); w <= rec->newest; w++)
		send_off(rec, w);
	rec->closing_frames =
		samples < rec->frames_max ? samples : rec->frames_max;
	/* From here on it is the recorder thread's, which frees it. */
	recorder_inbox_push(rec->inbox, &rec->closing);
}
