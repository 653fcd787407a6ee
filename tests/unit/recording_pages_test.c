/* recording_pages_test.c - a page of a recording is written once, and whole
 *
 * Each pwrite() of this program goes through ours, which looks at where it
 * ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "media/codec.h"
#include "media/recorder.h"

#define PAGE	4096u
#define FRAME	160u
#define SECONDS 3UL

static _Atomic unsigned whole, in_part;

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	bool ends_a_page = ((size_t)at + size) % PAGE == 0;

	if (size >= PAGE / 2) /* no header */
		atomic_fetch_add(ends_a_page ? &whole : &in_part, 1);
	return syscall(SYS_pwrite64, fd, bytes, size, at);
}

static void record(const char *dir, const struct codec *codec,
		   unsigned channels)
{
	struct recorder_options options = { .dir = dir,
					    .buffer = 1 << 20,
					    .threads = 1 };
	uint8_t audio[2 * FRAME] = { 1 };
	struct recording *recording;
	struct recorder *recorder;
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/a.wav", dir);
	assert_int_equal(recorder_start(&recorder, &options), 0);
	recording = recording_open(recorder, path, codec, 8000, channels);
	assert_non_null(recording);
	for (uint64_t at = 0; at < 8000 * SECONDS; at += FRAME)
		for (unsigned c = 0; c < channels; c++)
			assert_int_equal(
				recording_write(recording, c, at, audio, FRAME),
				0);
	recording_close(recording, 8000 * SECONDS);
	recorder_stop(recorder);
	assert_int_equal(unlink(path), 0);
}

static void each_write_but_the_last_ends_with_a_page(void **state)
{
	static const char *const codecs[] = { "PCMU", "PCMA", "L16" };
	char dir[] = "/tmp/holdline-test-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
		const struct codec *codec = codec_find(codecs[i]);

		for (unsigned channels = 1; channels <= 2; channels++) {
			size_t bytes = (size_t)8000 * SECONDS * channels *
				       codec->sample_bytes;

			atomic_store(&whole, 0);
			atomic_store(&in_part, 0);
			record(dir, codec, channels);
			assert_int_equal(atomic_load(&whole), bytes / PAGE);
			assert_true(atomic_load(&in_part) <= 1);
		}
	}
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_write_but_the_last_ends_with_a_page),
	};

	return cmocka_run_group_tests_name("recording pages", tests, NULL,
					   NULL);
}
