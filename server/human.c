/* human.c - sizes, ages and times as people read them */
#include "server/human.h"

#include <stdio.h>
#include <string.h>

const char *human_bytes(uint64_t bytes, char out[HUMAN_SIZE])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes / 1024.0;
	size_t unit = 0;

	if (bytes < 1024) {
		(void)snprintf(out, HUMAN_SIZE, "%u B", (unsigned)bytes);
		return out;
	}
	/* 1023.95 would be shown as 1024.0. */
	while (value >= 1023.95 && unit + 1 < sizeof(units) / sizeof(*units)) {
		value /= 1024.0;
		unit++;
	}
	(void)snprintf(out, HUMAN_SIZE, "%.1f %s", value, units[unit]);
	return out;
}

const char *human_age(int64_t seconds, char out[HUMAN_SIZE])
{
	long long s = seconds > 0 ? seconds : 0;

	if (s < 60)
		(void)snprintf(out, HUMAN_SIZE, "%llds", s);
	else if (s < 3600)
		(void)snprintf(out, HUMAN_SIZE, "%lldm%02llds", s / 60, s % 60);
	else if (s < 86400)
		(void)snprintf(out, HUMAN_SIZE, "%lldh%02lldm", s / 3600,
			       s / 60 % 60);
	else
		(void)snprintf(out, HUMAN_SIZE, "%lldd%02lldh", s / 86400,
			       s / 3600 % 24);
	return out;
}

const char *human_time(const char *iso, char out[HUMAN_SIZE])
{
	if (!iso || strlen(iso) < 19 || iso[10] != 'T') {
		(void)snprintf(out, HUMAN_SIZE, "-");
		return out;
	}
	(void)snprintf(out, HUMAN_SIZE, "%.10s %.8s", iso, iso + 11);
	return out;
}

void human_defuse(char *text)
{
	unsigned char *p = (unsigned char *)text;

	for (; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
		else if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
			p[0] = p[1] = '?'; /* C1 controls in UTF-8 */
	}
}
