/*
 * clock.c - the two clocks, and how a time is written down (see clock.h)
 *
 * A time is formatted without the C library: gmtime_r() takes the lock of the
 * time zone, which every log line of every loop would meet at, and on which a
 * crash that stamps its last line could hang.
 */
#include "server/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define DAY_S 86400
/* The four-digit years, in seconds since 1970. */
#define YEAR_0_S    (-62167219200)
#define YEAR_9999_S 253402300799

static uint64_t read_us(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now); /* cannot fail for these clocks */
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

uint64_t clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

int64_t clock_wall_us(void)
{
	return (int64_t)read_us(CLOCK_REALTIME);
}

struct date {
	unsigned year, month, day;
};

/* The Gregorian calendar repeats every 400 years (146097 days). We count from
 * the 1st of March of the year -400: so the leap day is the last of its year,
 * and m months have (153 * m + 2) / 5 days. `days` is since 0000-01-01. */
static struct date date_of(unsigned days)
{
	unsigned from_march = days + 146097 - 60;
	unsigned era = from_march / 146097, day = from_march % 146097;
	unsigned year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	unsigned month;

	day -= 365 * year + year / 4 - year / 100;
	month = (5 * day + 2) / 153; /* 0 is March */
	day -= (153 * month + 2) / 5;
	year += 400 * era - 400 + (month >= 10);
	return (struct date){
		.year = year,
		.month = month < 10 ? month + 3 : month - 9,
		.day = day + 1,
	};
}

static void put_digits(char *end, unsigned value, size_t width)
{
	while (width-- > 0) {
		*--end = (char)('0' + value % 10);
		value /= 10;
	}
}

void clock_format_iso(int64_t wall_us, char out[CLOCK_ISO_SIZE])
{
	int64_t rest = wall_us % 1000000;
	int64_t seconds = wall_us / 1000000;
	unsigned of_day;
	struct date date;

	if (rest < 0) {
		rest += 1000000;
		seconds--;
	}
	/* A four-digit year is all that the form can hold. */
	if (seconds < YEAR_0_S)
		seconds = YEAR_0_S;
	if (seconds > YEAR_9999_S)
		seconds = YEAR_9999_S;
	seconds -= YEAR_0_S;
	date = date_of((unsigned)(seconds / DAY_S));
	of_day = (unsigned)(seconds % DAY_S);

	memcpy(out, "0000-00-00T00:00:00.000000Z", CLOCK_ISO_SIZE);
	put_digits(out + 4, date.year, 4);
	put_digits(out + 7, date.month, 2);
	put_digits(out + 10, date.day, 2);
	put_digits(out + 13, of_day / 3600, 2);
	put_digits(out + 16, of_day / 60 % 60, 2);
	put_digits(out + 19, of_day % 60, 2);
	put_digits(out + 26, (unsigned)rest, 6);
}

/* `width` digits at text[at], as a number. */
static int number(const char *text, size_t at, size_t width)
{
	int value = 0;

	for (size_t i = at; i < at + width; i++)
		value = value * 10 + (text[i] - '0');
	return value;
}

static bool has_form(const char *text)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.ddddddZ";

	if (strlen(text) != sizeof(form) - 1)
		return false;
	for (size_t i = 0; form[i]; i++)
		if (form[i] == 'd' ? text[i] < '0' || text[i] > '9'
				   : text[i] != form[i])
			return false;
	return true;
}

int clock_parse_iso(const char *text, int64_t *wall_us)
{
	char again[CLOCK_ISO_SIZE];
	struct tm tm = { 0 };
	int64_t us;

	if (!has_form(text))
		return -EINVAL;
	tm.tm_year = number(text, 0, 4) - 1900;
	tm.tm_mon = number(text, 5, 2) - 1;
	tm.tm_mday = number(text, 8, 2);
	tm.tm_hour = number(text, 11, 2);
	tm.tm_min = number(text, 14, 2);
	tm.tm_sec = number(text, 17, 2);
	us = (int64_t)timegm(&tm) * 1000000 + number(text, 20, 6);
	/* timegm() mends a 31st of February; we refuse it. */
	clock_format_iso(us, again);
	if (strcmp(text, again) != 0)
		return -EINVAL;
	*wall_us = us;
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ".5" into the form's six digits; what is finer than they can tell is cut.
 * Returns what follows. */
static const char *read_fraction(const char *text, char *digits)
{
	if (*text != '.' || !is_digit(text[1]))
		return text;
	text++;
	for (size_t i = 0; is_digit(*text); i++, text++)
		if (i < 6)
			digits[i] = *text;
	return text;
}

/* "Z", "+01:00": 0 or -EINVAL. */
static int read_offset(const char *text, int64_t *offset_us)
{
	int hours, minutes;

	*offset_us = 0;
	if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
		return 0;
	if (strlen(text) != 6 || !strchr("+- ", text[0]) || text[3] != ':' ||
	    !is_digit(text[1]) || !is_digit(text[2]) || !is_digit(text[4]) ||
	    !is_digit(text[5]))
		return -EINVAL;
	hours = number(text, 1, 2);
	minutes = number(text, 4, 2);
	if (hours > 23 || minutes > 59)
		return -EINVAL;
	*offset_us = (int64_t)(hours * 60 + minutes) * 60 * 1000000;
	if (text[0] == '-')
		*offset_us = -*offset_us;
	return 0;
}

int clock_parse_rfc3339(const char *text, int64_t *wall_us)
{
	char form[CLOCK_ISO_SIZE] = "dddd-dd-ddT00:00:00.000000Z";
	int64_t offset_us = 0, us;

	if (strnlen(text, 10) < 10)
		return -EINVAL;
	memcpy(form, text, 10);
	text += 10;
	if (*text) {
		if (!strchr("Tt ", *text) || strnlen(text, 9) < 9)
			return -EINVAL;
		memcpy(form + 11, text + 1, 8);
		text = read_fraction(text + 9, form + 20);
		if (read_offset(text, &offset_us) < 0)
			return -EINVAL;
	}
	if (clock_parse_iso(form, &us) < 0)
		return -EINVAL;
	*wall_us = us - offset_us;
	return 0;
}
