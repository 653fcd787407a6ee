/* recorder_test.c - what was sent is what the file holds, or it was counted
 *
 * Each sample is a function of its position, so that a file can be checked
 * without keeping what was sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <sndfile.h>

#include "media/codec.h"
#include "media/recorder.h"
#include "media/recording_file.h"
#include "server/board.h"

static const struct codec pcmu = { .name = "PCMU",
				   .sample_bytes = 1,
				   .silence = 0xff,
				   .wav_subtype = SF_FORMAT_ULAW };
static const struct codec l16 = { .name = "L16",
				  .sample_bytes = 2,
				  .silence = 0,
				  .wav_subtype = SF_FORMAT_PCM_16 };

#define FRAME 160UL /* 20 ms */

static char dir[64];

static uint8_t sample_at(unsigned channel, uint64_t position)
{
	return (uint8_t)((position * 7 + (uint64_t)channel * 101) % 251);
}

static int remove_entry(const char *path, const struct stat *status, int type,
			struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static int make_dir(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/recorder_test.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static struct recorder *start(uint64_t buffer, unsigned threads)
{
	struct recorder *recorder = NULL;

	assert_int_equal(recorder_start(&recorder,
					&(struct recorder_options){
						.dir = dir,
						.buffer = buffer,
						.threads = threads }),
			 0);
	return recorder;
}

static struct recording *open_named(struct recorder *recorder, const char *name,
				    const struct codec *codec,
				    unsigned channels, char *path, size_t size)
{
	struct recording *rec;

	(void)snprintf(path, size, "%s/%s.wav", dir, name);
	rec = recording_open(recorder, path, codec, 8000, channels);
	assert_non_null(rec);
	return rec;
}

/* One byte a sample; returns how many were given up. */
static size_t say(struct recording *rec, unsigned channel, uint64_t position,
		  size_t samples)
{
	uint8_t data[4 * FRAME];

	assert_true(samples <= sizeof(data));
	for (size_t i = 0; i < samples; i++)
		data[i] = sample_at(channel, position + i);
	return recording_write(rec, channel, position, data, samples);
}

/* The raw samples of a finished file; free() them. */
static uint8_t *read_wav(const char *path, SF_INFO *info, size_t sample_bytes)
{
	SNDFILE *sound = sf_open(path, SFM_READ, info);
	sf_count_t size;
	uint8_t *bytes;

	if (!sound)
		fail_msg("%s: %s", path, sf_strerror(NULL));
	size = info->frames * info->channels * (sf_count_t)sample_bytes;
	bytes = malloc((size_t)size + 1);
	assert_non_null(bytes);
	assert_int_equal(sf_read_raw(sound, bytes, size), size);
	assert_int_equal(sf_close(sound), 0);
	return bytes;
}

/* What a recording of one-byte samples should hold: up to `until` it is the
 * sound of that channel, unless it lies in the gap. */
struct part {
	unsigned channel;
	uint64_t from, until;
};

static void assert_sounds(const char *path, int channels, uint64_t frames,
			  const struct part *parts, size_t count)
{
	SF_INFO info = { 0 };
	uint8_t *bytes = read_wav(path, &info, 1);

	assert_int_equal(info.channels, channels);
	assert_int_equal(info.samplerate, 8000);
	assert_int_equal(info.frames, frames);
	for (uint64_t at = 0; at < frames; at++) {
		for (unsigned c = 0; c < (unsigned)channels; c++) {
			uint8_t expected = 0xff;

			for (size_t i = 0; i < count; i++)
				if (parts[i].channel == c &&
				    parts[i].from <= at && at < parts[i].until)
					expected = sample_at(c, at);
			if (bytes[at * (uint64_t)channels + c] != expected)
				fail_msg("frame %llu channel %u is %u, not %u",
					 (unsigned long long)at, c,
					 bytes[at * (uint64_t)channels + c],
					 expected);
		}
	}
	free(bytes);
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static int64_t dropped(void)
{
	return board_get(board_series(METRIC_RECORDING_DROPPED_TOTAL, ""));
}

static void what_was_sent_is_what_is_read(void **state)
{
	static const uint64_t lengths[] = { 0, 1, 159, 160, 4096, 4097, 80001 };
	struct recorder *recorder = start(1 << 20, 2);
	char path[8][128];

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char name[16];
		struct recording *rec;

		(void)snprintf(name, sizeof(name), "call-%zu", i);
		rec = open_named(recorder, name, &pcmu, 1, path[i],
				 sizeof(path[i]));
		for (uint64_t at = 0; at < lengths[i]; at += FRAME) {
			uint64_t rest = lengths[i] - at;

			assert_int_equal(
				say(rec, 0, at, rest < FRAME ? rest : FRAME),
				0);
		}
		assert_true(recording_intact(rec));
		recording_close(rec, 0);
	}
	recorder_stop(recorder);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		assert_sounds(path[i], 1, lengths[i],
			      &(struct part){ 0, 0, lengths[i] }, 1);
}

static void sixteen_bits_are_kept_too(void **state)
{
	struct recorder *recorder = start(1 << 20, 1);
	uint8_t sent[2 * 16000], *read;
	SF_INFO info = { 0 };
	char path[128];
	struct recording *rec;

	(void)state;
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 31 >> 3);
	rec = open_named(recorder, "wide", &l16, 1, path, sizeof(path));
	for (size_t at = 0; at < 16000; at += 320)
		assert_int_equal(
			recording_write(rec, 0, at, sent + 2 * at, 320), 0);
	recording_close(rec, 16000);
	recorder_stop(recorder);
	read = read_wav(path, &info, 2);
	assert_int_equal(info.frames, 16000);
	assert_memory_equal(read, sent, sizeof(sent));
	free(read);
}

static void two_tracks_may_lag_behind_each_other(void **state)
{
	/* By how much the second track comes later than the first. */
	static const uint64_t lags[] = { 0, 160, 1920, 3840 };
	struct recorder *recorder = start(4 << 20, 2);
	const uint64_t length = 24000;
	char path[4][128];

	(void)state;
	for (size_t i = 0; i < sizeof(lags) / sizeof(lags[0]); i++) {
		char name[16];
		struct recording *rec;

		(void)snprintf(name, sizeof(name), "lag-%zu", i);
		rec = open_named(recorder, name, &pcmu, 2, path[i],
				 sizeof(path[i]));
		for (uint64_t at = 0; at < length + lags[i]; at += FRAME) {
			if (at < length)
				assert_int_equal(say(rec, 0, at, FRAME), 0);
			if (at >= lags[i])
				assert_int_equal(
					say(rec, 1, at - lags[i], FRAME), 0);
		}
		recording_close(rec, length);
	}
	recorder_stop(recorder);
	for (size_t i = 0; i < sizeof(lags) / sizeof(lags[0]); i++)
		assert_sounds(
			path[i], 2, length,
			(struct part[]){ { 0, 0, length }, { 1, 0, length } },
			2);
}

static void gaps_are_silence_at_the_right_time(void **state)
{
	struct recorder *recorder = start(1 << 20, 1);
	char path[128];
	struct recording *rec =
		open_named(recorder, "gap", &pcmu, 1, path, sizeof(path));

	(void)state;
	assert_int_equal(say(rec, 0, 320, 160), 0);
	assert_int_equal(say(rec, 0, 1000, 160), 0);
	/* Far ahead: many windows, none of them in memory. */
	assert_int_equal(say(rec, 0, 5000000, 160), 0);
	recording_close(rec, 5001000);
	recorder_stop(recorder);
	assert_sounds(path, 1, 5001000,
		      (struct part[]){ { 0, 320, 480 },
				       { 0, 1000, 1160 },
				       { 0, 5000000, 5000160 } },
		      3);
}

static void late_audio_goes_where_it_belongs(void **state)
{
	struct recorder *recorder = start(1 << 20, 1);
	char path[128];
	struct recording *rec =
		open_named(recorder, "late", &pcmu, 1, path, sizeof(path));

	(void)state;
	assert_int_equal(say(rec, 0, 320, 160), 0);
	assert_int_equal(say(rec, 0, 0, 320), 0);
	assert_int_equal(say(rec, 0, 8192, 160), 0);
	assert_int_equal(say(rec, 0, 480, 160), 160); /* long on its way */
	recording_close(rec, 0);
	recorder_stop(recorder);
	assert_sounds(path, 1, 8352,
		      (struct part[]){ { 0, 0, 480 }, { 0, 8192, 8352 } }, 2);
}

static void a_forged_timestamp_makes_no_endless_file(void **state)
{
	static const uint64_t forged[] = { 80001, 1ull << 33, UINT64_MAX - 10,
					   UINT64_MAX };
	struct recorder *recorder = NULL;
	struct recording *rec;
	char path[128];

	(void)state;
	assert_int_equal(recorder_start(&recorder,
					&(struct recorder_options){
						.dir = dir,
						.buffer = 1 << 20,
						.duration_max_ms = 10000 }),
			 0);
	rec = open_named(recorder, "forged", &pcmu, 1, path, sizeof(path));
	for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++)
		assert_int_equal(say(rec, 0, forged[i], FRAME), FRAME);
	assert_int_equal(say(rec, 0, 0, FRAME), 0);
	recording_close(rec, UINT64_MAX);
	recorder_stop(recorder);
	assert_sounds(path, 1, 80000, &(struct part){ 0, 0, FRAME }, 1);
}

static void the_path_follows_from_the_call(void **state)
{
	struct recorder *recorder = start(1 << 16, 1);
	char path[256], expected[256];

	(void)state;
	recorder_path(recorder, "0190-abc", 1795414620123456, path,
		      sizeof(path));
	(void)snprintf(expected, sizeof(expected), "%s/2026/11/23/0190-abc.wav",
		       dir);
	assert_string_equal(path, expected);
	recording_close(recording_open(recorder, path, &pcmu, 8000, 1), 80);
	recorder_stop(recorder);
	assert_sounds(path, 1, 80, NULL, 0);
}

static void it_is_called_part_until_it_is_whole(void **state)
{
	struct recorder *recorder = start(1 << 20, 1);
	const struct timespec pause = { .tv_nsec = 1000000 };
	char path[128], part[160];
	struct recording *rec =
		open_named(recorder, "whole", &pcmu, 1, path, sizeof(path));

	(void)state;
	(void)snprintf(part, sizeof(part), "%s.part", path);
	assert_int_equal(say(rec, 0, 0, FRAME), 0);
	while (!exists(part))
		(void)nanosleep(&pause, NULL);
	assert_false(exists(path));
	recording_close(rec, 0);
	recorder_stop(recorder);
	assert_true(exists(path));
	assert_false(exists(part));
}

/* Sixteen calls that have not filled their windows hold the whole pool. */
static void an_empty_pool_drops_counts_and_recovers(void **state)
{
	struct recorder *recorder = start(0, 1); /* the least: 16 chunks */
	struct recording *many[16], *one;
	int64_t before = dropped();
	char path[17][128], name[32];

	(void)state;
	for (int i = 0; i < 16; i++) {
		(void)snprintf(name, sizeof(name), "many-%d", i);
		many[i] = open_named(recorder, name, &pcmu, 1, path[i],
				     sizeof(path[i]));
		assert_int_equal(say(many[i], 0, 0, FRAME), 0);
	}
	one = open_named(recorder, "one", &pcmu, 1, path[16], sizeof(path[16]));
	assert_int_equal(say(one, 0, 0, FRAME), FRAME);
	assert_int_equal(dropped() - before, FRAME);
	for (int i = 0; i < 16; i++)
		recording_close(many[i], 0);
	/* Chunks come back when they are written: try until one does. */
	while (say(one, 0, 320, FRAME) > 0)
		;
	recording_close(one, 480);
	recorder_stop(recorder);
	assert_sounds(path[16], 1, 480, &(struct part){ 0, 320, 480 }, 1);
	for (int i = 0; i < 16; i++)
		assert_sounds(path[i], 1, FRAME, &(struct part){ 0, 0, FRAME },
			      1);
}

static void no_directory_costs_the_recording_alone(void **state)
{
	struct recorder *recorder = start(1 << 16, 1);
	const struct timespec pause = { .tv_nsec = 1000000 };
	int64_t before = dropped();
	char file[128], path[160], good[128];
	struct recording *rec;
	int fd;

	(void)state;
	(void)snprintf(file, sizeof(file), "%s/2026", dir);
	fd = open(file, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	(void)snprintf(path, sizeof(path), "%s/11/bad.wav", file);
	rec = recording_open(recorder, path, &pcmu, 8000, 1);
	assert_non_null(rec);
	assert_int_equal(say(rec, 0, 0, FRAME), 0);
	while (recording_intact(rec))
		(void)nanosleep(&pause, NULL);
	recording_close(rec, 0);
	rec = open_named(recorder, "good", &pcmu, 1, good, sizeof(good));
	assert_int_equal(say(rec, 0, 0, FRAME), 0);
	recording_close(rec, 0);
	recorder_stop(recorder);
	assert_int_equal(dropped() - before, FRAME);
	assert_sounds(good, 1, FRAME, &(struct part){ 0, 0, FRAME }, 1);
}

#define SMALL_DISK (4L * 1024 * 1024)
#define LEFT	   (512L * 1024) /* before it is full, or all that may be used */

/* More than the disk holds is sent, then the disk is given room again: the end
 * is in the file, at its right time. */
static void record_beyond(uint64_t min_free)
{
	struct recorder *recorder = NULL;
	char ballast[128], path[128];
	struct recording *rec;
	uint64_t at = 0;
	int64_t before = dropped();
	int fd;

	(void)snprintf(ballast, sizeof(ballast), "%s/ballast", dir);
	fd = open(ballast, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(posix_fallocate(fd, 0, SMALL_DISK - LEFT), 0);
	assert_int_equal(recorder_start(&recorder,
					&(struct recorder_options){
						.dir = dir,
						.min_free_disk = min_free,
						.buffer = 1 << 20,
						.threads = 1 }),
			 0);
	rec = open_named(recorder, "full", &pcmu, 1, path, sizeof(path));
	while (dropped() == before) {
		(void)say(rec, 0, at, FRAME);
		at += FRAME;
		(void)nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL);
	}
	(void)close(fd);
	assert_int_equal(unlink(ballast), 0);
	at += 8192;
	for (int tries = 0; tries < 20; tries++) {
		int64_t lost = dropped();

		for (uint64_t end = at + 4096; at < end; at += FRAME)
			(void)say(rec, 0, at, FRAME);
		(void)nanosleep(&(struct timespec){ .tv_nsec = 100000000 },
				NULL);
		if (dropped() == lost)
			break;
	}
	recording_close(rec, at);
	recorder_stop(recorder);

	SF_INFO info = { 0 };
	uint8_t *bytes = read_wav(path, &info, 1);

	assert_int_equal(info.frames, at);
	for (uint64_t i = 0; i < at; i++)
		if (bytes[i] != sample_at(0, i) && bytes[i] != 0xff)
			fail_msg("frame %llu is neither sound nor silence",
				 (unsigned long long)i);
	for (uint64_t i = at - FRAME; i < at; i++)
		assert_int_equal(bytes[i], sample_at(0, i));
	assert_int_equal(bytes[0], sample_at(0, 0));
	free(bytes);
}

static void on_small_disk(uint64_t bytes, uint64_t min_free)
{
	char size[32];

	(void)snprintf(size, sizeof(size), "size=%llu",
		       (unsigned long long)bytes);
	if (mount("tmpfs", dir, "tmpfs", 0, size) < 0)
		skip(); /* needs root */
	record_beyond(min_free);
	assert_int_equal(umount(dir), 0);
}

static void a_full_disk_costs_audio_and_time_stays_true(void **state)
{
	(void)state;
	on_small_disk(SMALL_DISK, 0);
}

static void the_last_of_the_disk_is_left_to_the_records(void **state)
{
	(void)state;
	on_small_disk(3 * SMALL_DISK, 2 * SMALL_DISK);
}

/* Two channels of sixteen bits: a disk page ends in the middle of a frame. */
static void a_refused_write_tears_no_frame(void **state)
{
	struct recording_file *file = NULL;
	SF_INFO info = { 0 };
	uint8_t data[4096], *read;
	char ballast[128], path[128];
	uint64_t cut;
	int fd;

	(void)state;
	if (mount("tmpfs", dir, "tmpfs", 0, "size=256k") < 0)
		skip(); /* needs root */
	(void)snprintf(path, sizeof(path), "%s/torn.wav", dir);
	(void)snprintf(ballast, sizeof(ballast), "%s/ballast", dir);
	fd = open(ballast, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(posix_fallocate(fd, 0, 131072), 0);
	(void)close(fd);
	memset(data, 'a', sizeof(data));
	assert_int_equal(recording_file_create(&file, path, &l16, 8000, 2), 0);
	while (recording_file_write(file, recording_file_frames(file), data,
				    1000) == 0)
		;
	cut = recording_file_frames(file);
	assert_true(cut > 0 && cut % 1000 != 0);
	assert_int_equal(recording_file_write(file, cut + 10, data, 1000),
			 -ENOSPC);
	assert_int_equal(recording_file_frames(file), cut);
	assert_int_equal(unlink(ballast), 0);
	assert_int_equal(recording_file_write(file, cut + 10, data, 1000), 0);
	assert_int_equal(recording_file_finish(file, 0), 0);
	read = read_wav(path, &info, 2);
	assert_int_equal(info.frames, cut + 1010);
	for (uint64_t i = 0; i < 4 * (cut + 1010); i++)
		assert_int_equal(read[i],
				 i / 4 >= cut && i / 4 < cut + 10 ? 0 : 'a');
	free(read);
	assert_int_equal(umount(dir), 0);
}

#define LOOPS 3
#define CALLS 40

struct loop {
	struct recorder *recorder;
	unsigned index;
	char paths[CALLS][128];
};

static void *run_loop(void *arg)
{
	struct loop *loop = arg;
	struct recording *recs[CALLS];

	for (unsigned i = 0; i < CALLS; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "d%u/loop-%u-%u", i % 3,
			       loop->index, i);
		recs[i] = open_named(loop->recorder, name, &pcmu, 1,
				     loop->paths[i], sizeof(loop->paths[i]));
	}
	for (uint64_t at = 0; at < 12000; at += FRAME)
		for (unsigned i = 0; i < CALLS; i++)
			assert_int_equal(say(recs[i], 0, at, FRAME), 0);
	for (unsigned i = 0; i < CALLS; i++)
		recording_close(recs[i], 12000);
	return NULL;
}

static void many_loops_record_at_once(void **state)
{
	struct recorder *recorder = start(16 << 20, 2);
	static struct loop loops[LOOPS];
	pthread_t threads[LOOPS];

	(void)state;
	for (unsigned i = 0; i < LOOPS; i++) {
		loops[i] = (struct loop){ .recorder = recorder, .index = i };
		assert_int_equal(
			pthread_create(&threads[i], NULL, run_loop, &loops[i]),
			0);
	}
	for (unsigned i = 0; i < LOOPS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	recorder_stop(recorder);
	for (unsigned i = 0; i < LOOPS; i++)
		for (unsigned c = 0; c < CALLS; c++)
			assert_sounds(loops[i].paths[c], 1, 12000,
				      &(struct part){ 0, 0, 12000 }, 1);
	assert_int_equal(
		board_get(board_series(METRIC_RECORDING_BUFFERS_USED, "")), 0);
}

static void a_directory_that_cannot_be_is_an_error(void **state)
{
	struct recorder *recorder = NULL;

	(void)state;
	assert_int_equal(recorder_start(&recorder,
					&(struct recorder_options){
						.dir = "/proc/none" }),
			 -ENOENT);
	assert_null(recorder);
	recording_close(NULL, 0);
	recorder_stop(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		TEST(what_was_sent_is_what_is_read),
		TEST(sixteen_bits_are_kept_too),
		TEST(two_tracks_may_lag_behind_each_other),
		TEST(gaps_are_silence_at_the_right_time),
		TEST(late_audio_goes_where_it_belongs),
		TEST(a_forged_timestamp_makes_no_endless_file),
		TEST(the_path_follows_from_the_call),
		TEST(it_is_called_part_until_it_is_whole),
		TEST(an_empty_pool_drops_counts_and_recovers),
		TEST(no_directory_costs_the_recording_alone),
		TEST(a_full_disk_costs_audio_and_time_stays_true),
		TEST(the_last_of_the_disk_is_left_to_the_records),
		TEST(a_refused_write_tears_no_frame),
		TEST(many_loops_record_at_once),
		TEST(a_directory_that_cannot_be_is_an_error),
	};

	return cmocka_run_group_tests_name("recorder", tests, NULL, NULL);
}
