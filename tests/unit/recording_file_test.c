/* recording_file_test.c - what cannot be begun takes nothing along
 *
 * Each close() of this program, libsndfile's among them, goes through ours: a
 * descriptor that is closed twice may be somebody else's by then.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "media/codec.h"
#include "media/recorder.h"
#include "media/recording_file.h"

static unsigned closed_in_vain;

int close(int fd)
{
	int r = (int)syscall(SYS_close, fd);

	closed_in_vain += r < 0;
	return r;
}

static int newest_descriptor(void)
{
	int fd = dup(STDERR_FILENO);

	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	return fd;
}

static void limit_files_to(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void one_that_cannot_be_begun_closes_each_descriptor_once(void **state)
{
	char dir[] = "/tmp/holdline-test-XXXXXX", path[64], part[96];
	int before = newest_descriptor(), r;
	struct recording_file *file;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/a.wav", dir);
	(void)snprintf(part, sizeof(part), "%s" RECORDING_PART, path);
	(void)signal(SIGXFSZ, SIG_IGN);
	limit_files_to(0);
	r = recording_file_create(&file, path, codec_find("PCMU"), 8000, 1);
	limit_files_to(RLIM_INFINITY);
	assert_true(r < 0);
	assert_int_equal(closed_in_vain, 0);
	assert_int_equal(newest_descriptor(), before); /* none is left open */
	assert_int_equal(access(part, F_OK), -1);
	assert_int_equal(rmdir(dir), 0);
}

static void
one_that_cannot_be_repaired_closes_each_descriptor_once(void **state)
{
	char dir[] = "/tmp/holdline-test-XXXXXX", part[64], broken[64];
	int before = newest_descriptor();
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(part, sizeof(part), "%s/a.wav" RECORDING_PART, dir);
	(void)snprintf(broken, sizeof(broken), "%s/a.wav.broken", dir);
	file = fopen(part, "we");
	assert_non_null(file);
	assert_true(fputs("this was a recording once", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(recorder_repair(dir, NULL), 0);
	assert_int_equal(closed_in_vain, 0);
	assert_int_equal(newest_descriptor(), before);
	assert_int_equal(unlink(broken), 0);
	assert_int_equal(rmdir(dir), 0);
}

static int forget_closes(void **state)
{
	(void)state;
	closed_in_vain = 0;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			one_that_cannot_be_begun_closes_each_descriptor_once,
			forget_closes),
		cmocka_unit_test_setup(
			one_that_cannot_be_repaired_closes_each_descriptor_once,
			forget_closes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
