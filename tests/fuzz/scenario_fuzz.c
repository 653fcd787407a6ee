/*
 * scenario_fuzz.c - whatever a scenario file has, it is options or a complaint
 *
 * Its takers look at every text that they get; none of them opens or resolves
 * what it names.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/holdload/lengths.h"
#include "tools/holdload/misdeed.h"
#include "tools/holdload/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct wanted {
	const char *text;
	unsigned count;
	double per_s;
	uint64_t time_ms;
	bool is_on;
};

static int take_lengths(void *options, const struct option_row *row, char *text)
{
	struct lengths lengths = { 0 };

	(void)options;
	return lengths_parse(&lengths, text) == 0
		       ? 0
		       : options_wrong(row->name, "no lengths");
}

static int take_misdeeds(void *options, const struct option_row *row,
			 char *text)
{
	struct misdeeds misdeeds = { 0 };

	(void)options;
	return misdeeds_parse(&misdeeds, text) == 0
		       ? 0
		       : options_wrong(row->name, "no misdeeds");
}

#define AT(field) OPTION_AT(struct wanted, field)

static const struct option_row rows[] = {
	{ "text", "T", "", .take = option_take_text, AT(text) },
	{ "calls", "N", "", .take = option_take_count, AT(count), .least = 1,
	  .most = 1000 },
	{ "ramp", "R", "", .take = option_take_per_s, AT(per_s) },
	{ "time", "T", "", .take = option_take_time, AT(time_ms) },
	{ "echo", NULL, "", .take = option_take_switch, AT(is_on) },
	{ "duration", "T", "", .take = take_lengths },
	{ "misbehave", "K", "", .take = take_misdeeds },
	{ "fail-if", "E", "", .take = option_take_text, AT(text),
	  .repeats = true },
};
static const struct option_section section = OPTION_SECTION("all", rows);
static const struct option_section *const sections[] = { &section };
static const struct option_table table = OPTION_TABLE(sections);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct wanted wanted = { 0 };
	char path[32];

	if (fd < 0)
		fd = memfd_create("scenario", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) < 0 ||
	    pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (scenario_read(path, &table, &wanted) == 0 && wanted.text &&
	    strlen(wanted.text) > size)
		abort();
	return 0;
}
