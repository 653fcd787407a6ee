/* recorder_repair_test.c - a writer is killed, what had reached the file stays
 *
 * The child records as a media process does and is killed at some instant. The
 * parent looks at what is in the .part, repairs, and reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <sndfile.h>

#include "media/codec.h"
#include "media/recorder.h"
#include "server/board.h"

static const struct codec pcmu = { .name = "PCMU",
				   .sample_bytes = 1,
				   .silence = 0xff,
				   .wav_subtype = SF_FORMAT_ULAW };
static const struct codec l16 = { .name = "L16",
				  .sample_bytes = 2,
				  .silence = 0,
				  .wav_subtype = SF_FORMAT_PCM_16 };

#define FRAME	   160UL
#define CALLS	   6u
#define HEADER_MAX 128

static char dir[64];

static uint8_t byte_at(uint64_t offset)
{
	return (uint8_t)(offset * 7 % 251);
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
	(void)snprintf(dir, sizeof(dir), "/tmp/repair_test.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Until it is killed: records several calls, ends some, begins others. */
static void record_for_ever(const struct codec *codec, unsigned channels)
{
	uint8_t data[2 * FRAME];
	struct recorder *recorder = NULL;
	const size_t size = codec->sample_bytes;

	if (recorder_start(&recorder,
			   &(struct recorder_options){ .dir = dir,
						       .buffer = 1 << 22,
						       .threads = 2 }) < 0)
		_exit(1);
	for (unsigned round = 0;; round++) {
		struct recording *recs[CALLS];

		for (unsigned i = 0; i < CALLS; i++) {
			char path[128];

			(void)snprintf(path, sizeof(path), "%s/%u/%u.wav", dir,
				       round, i);
			recs[i] = recording_open(recorder, path, codec, 8000,
						 channels);
		}
		for (uint64_t at = 0; at < 100 * FRAME; at += FRAME) {
			for (size_t i = 0; i < FRAME * size; i++)
				data[i] = byte_at(at * size + i);
			for (unsigned i = 0; i < CALLS; i++)
				for (unsigned c = 0; c < channels; c++)
					(void)recording_write(recs[i], c, at,
							      data, FRAME);
			(void)nanosleep(&(struct timespec){ .tv_nsec = 50000 },
					NULL);
		}
		for (unsigned i = 0; i < CALLS; i++)
			recording_close(recs[i], 0);
	}
}

static void kill_after(const struct codec *codec, unsigned channels,
		       long wait_us)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		record_for_ever(codec, channels);
	(void)nanosleep(
		&(struct timespec){ .tv_sec = wait_us / 1000000,
				    .tv_nsec = wait_us % 1000000 * 1000 },
		NULL);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

/* What the next walk looks for and finds. */
static struct {
	const struct codec *codec;
	int channels;
	unsigned parts, wavs;
	uint64_t bytes;		/* audio and headers, of all .part files */
	uint64_t samples_bytes; /* audio of all .wav files */
} tree;

static bool has_suffix(const char *path, const char *suffix)
{
	size_t a = strlen(path), b = strlen(suffix);

	return a >= b && strcmp(path + a - b, suffix) == 0;
}

static int count_part(const char *path, const struct stat *status, int type,
		      struct FTW *walk)
{
	(void)walk;
	if (type == FTW_F && has_suffix(path, ".part")) {
		tree.parts++;
		tree.bytes += (uint64_t)status->st_size;
	}
	return 0;
}

static void assert_wav_is_prefix(const char *path)
{
	const size_t sample = tree.codec->sample_bytes;
	SF_INFO info = { 0 };
	SNDFILE *sound = sf_open(path, SFM_READ, &info);
	uint8_t frame[4];
	size_t size;

	if (!sound)
		fail_msg("%s: %s", path, sf_strerror(NULL));
	assert_int_equal(info.channels, tree.channels);
	size = sample * (size_t)info.channels;
	for (sf_count_t i = 0; i < info.frames; i++) {
		assert_int_equal(sf_read_raw(sound, frame, (sf_count_t)size),
				 size);
		for (size_t b = 0; b < size; b++)
			assert_int_equal(
				frame[b],
				byte_at((uint64_t)i * sample + b % sample));
	}
	assert_int_equal(sf_read_raw(sound, frame, (sf_count_t)size), 0);
	assert_int_equal(sf_close(sound), 0);
	tree.samples_bytes += (uint64_t)info.frames * size;
}

static int check_wav(const char *path, const struct stat *status, int type,
		     struct FTW *walk)
{
	(void)walk;
	if (type != FTW_F)
		return 0;
	if (!has_suffix(path, ".wav"))
		fail_msg("%s is left", path);
	tree.wavs++;
	assert_wav_is_prefix(path);
	/* The header's lengths are those of the file, not a reader's guess. */
	assert_true(status->st_size < 0xffff);
	return 0;
}

/* Each repaired file is as long as its .part was, less half a frame. */
static void assert_repaired_after(long wait_us)
{
	unsigned parts;
	int repaired;

	kill_after(tree.codec, (unsigned)tree.channels, wait_us);
	tree.parts = tree.wavs = 0;
	tree.bytes = tree.samples_bytes = 0;
	assert_int_equal(nftw(dir, count_part, 8, FTW_PHYS), 0);
	parts = tree.parts;
	repaired = recorder_repair(dir, NULL);
	assert_in_range(repaired, 0, parts);
	assert_int_equal(nftw(dir, check_wav, 8, FTW_PHYS), 0);
	assert_int_equal(recorder_repair(dir, NULL), 0);
	assert_true(tree.samples_bytes + parts * (HEADER_MAX + 4ull) >=
		    tree.bytes);
	(void)remove_dir(NULL);
	assert_int_equal(mkdir(dir, 0700), 0);
}

static void kill_at_random(const struct codec *codec, int channels)
{
	static unsigned seed = 20261123;

	tree.codec = codec;
	tree.channels = channels;
	for (int i = 0; i < 15; i++)
		assert_repaired_after(500 + rand_r(&seed) % 60000);
}

static void a_killed_writer_leaves_all_it_wrote(void **state)
{
	(void)state;
	kill_at_random(&pcmu, 1);
}

static void so_it_is_with_two_tracks_of_sixteen_bits(void **state)
{
	(void)state;
	kill_at_random(&l16, 2);
}

/* A .part as a dead writer leaves it: `extra` bytes behind the frames. */
static void leave_part(const char *path, const struct codec *codec,
		       uint64_t frames, unsigned extra)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		SF_INFO info = { .samplerate = 8000,
				 .channels = 2,
				 .format = SF_FORMAT_WAV | codec->wav_subtype };
		int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
		SNDFILE *sound = sf_open_fd(fd, SFM_WRITE, &info, SF_FALSE);
		uint8_t data[8] = { 0 };

		for (uint64_t i = 0; i < frames; i++)
			(void)sf_write_raw(sound, data,
					   2L * codec->sample_bytes);
		for (unsigned i = 0; i < extra; i++)
			(void)!write(fd, data, 1);
		_exit(0); /* without sf_close() */
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static uint32_t le32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

static void the_header_tells_the_lengths(void **state)
{
	static const struct {
		const struct codec *codec;
		uint64_t frames;
		unsigned extra; /* bytes of half a frame */
	} rows[] = { { &pcmu, 0, 0 },	 { &pcmu, 0, 1 },  { &pcmu, 1000, 0 },
		     { &pcmu, 1000, 1 }, { &l16, 777, 0 }, { &l16, 777, 1 },
		     { &l16, 777, 3 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char part[128], path[128];
		uint8_t bytes[8192], *data;
		size_t audio = rows[i].frames * 2 * rows[i].codec->sample_bytes;
		ssize_t size;
		int fd;

		(void)snprintf(path, sizeof(path), "%s/%zu.wav", dir, i);
		(void)snprintf(part, sizeof(part), "%s/%zu.wav.part", dir, i);
		leave_part(part, rows[i].codec, rows[i].frames, rows[i].extra);
		assert_int_equal(recorder_repair(dir, NULL), 1);
		fd = open(path, O_RDONLY);
		assert_true(fd >= 0);
		size = read(fd, bytes, sizeof(bytes));
		(void)close(fd);
		assert_int_equal(le32(bytes + 4) + 8, size);
		data = memmem(bytes, (size_t)size, "data", 4);
		assert_non_null(data);
		assert_int_equal(le32(data + 4), audio);
		assert_int_equal(data + 8 + audio - bytes, size);
	}
}

static void a_living_writer_is_left_alone(void **state)
{
	struct recorder *recorder = NULL;
	struct recording *rec;
	uint8_t data[FRAME] = { 0 };
	char path[128], part[160];

	(void)state;
	assert_int_equal(
		recorder_start(&recorder,
			       &(struct recorder_options){ .dir = dir,
							   .buffer = 1 << 16 }),
		0);
	(void)snprintf(path, sizeof(path), "%s/live.wav", dir);
	(void)snprintf(part, sizeof(part), "%s.part", path);
	rec = recording_open(recorder, path, &pcmu, 8000, 1);
	assert_non_null(rec);
	assert_int_equal(recording_write(rec, 0, 0, data, FRAME), 0);
	/* All the while it comes into being, too. */
	while (access(part, F_OK) < 0)
		assert_int_equal(recorder_repair(dir, NULL), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(recorder_repair(dir, NULL), 0);
	assert_int_equal(access(path, F_OK), -1);
	recording_close(rec, 0);
	recorder_stop(recorder);
	assert_int_equal(access(path, F_OK), 0);
}

static void what_holds_no_audio_does_not_come_back(void **state)
{
	char path[128];
	FILE *file;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/empty.wav.part", dir);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	(void)snprintf(path, sizeof(path), "%s/odd.wav.part", dir);
	file = fopen(path, "w");
	assert_non_null(file);
	(void)fputs("not a header at all, but somebody's bytes", file);
	assert_int_equal(fclose(file), 0);
	(void)snprintf(path, sizeof(path), "%s/sub.part", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(recorder_repair(dir, NULL), 0);
	(void)snprintf(path, sizeof(path), "%s/empty.wav.part", dir);
	assert_int_equal(access(path, F_OK), -1);
	(void)snprintf(path, sizeof(path), "%s/odd.wav.broken", dir);
	assert_int_equal(access(path, F_OK), 0);
}

static void no_directory_is_an_error(void **state)
{
	(void)state;
	assert_true(recorder_repair("/proc/none", NULL) < 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		TEST(a_killed_writer_leaves_all_it_wrote),
		TEST(so_it_is_with_two_tracks_of_sixteen_bits),
		TEST(the_header_tells_the_lengths),
		TEST(a_living_writer_is_left_alone),
		TEST(what_holds_no_audio_does_not_come_back),
		cmocka_unit_test(no_directory_is_an_error),
	};

	return cmocka_run_group_tests_name("recorder repair", tests, NULL,
					   NULL);
}
