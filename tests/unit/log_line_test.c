/* log_line_test.c - whatever is logged, it is one line that can be read back */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "server/log_line.h"

#define AT_US 1795414620123456 /* 2026-11-23T06:17:00.123456Z */

#define TEXT  "2026-11-23T06:17:00.123Z WARN [TAG] "
#define JSON                                                         \
	"{\"time\":\"2026-11-23T06:17:00.123Z\",\"level\":\"WARN\"," \
	"\"tag\":\"TAG\""

static void compose(struct log_line *line, enum log_format format,
		    const char *message)
{
	/* What was in the memory before must not matter. */
	memset(line, 'x', sizeof(*line));
	log_line_compose(line, format, AT_US, LOG_LEVEL_WARN, "TAG", message,
			 "");
	assert_in_range(line->length, 1, LOG_LINE_SIZE);
}

struct row {
	const char *message, *text, *json;
};

static const struct row rows[] = {
	{ "call=7 provider=twilio", "call=7 provider=twilio",
	  ",\"call\":\"7\",\"provider\":\"twilio\"" },
	{ "", "", "" },
	{ "a=", "a=", ",\"a\":\"\"" },
	{ "a=\"\" b=2", "a=\"\" b=2", ",\"a\":\"\",\"b\":\"2\"" },
	{ "  a=1   b=2 ", "  a=1   b=2 ", ",\"a\":\"1\",\"b\":\"2\"" },
	{ "url=http://x/?a=b&c=d", "url=http://x/?a=b&c=d",
	  ",\"url\":\"http://x/?a=b&c=d\"" },
	{ "err=\"no such file\" n=2", "err=\"no such file\" n=2",
	  ",\"err\":\"no such file\",\"n\":\"2\"" },
	/* Backslashes within quotes protect the next character. */
	{ "a=\"say \\\"b=c\\\" d=\\\\\" e=1",
	  "a=\"say \\\"b=c\\\" d=\\\\\" e=1",
	  ",\"a\":\"say \\\"b=c\\\" d=\\\\\",\"e\":\"1\"" },
	{ "a=x\\y", "a=x\\y", ",\"a\":\"x\\\\y\"" },
	/* Quotes that nobody protected. */
	{ "err=\"relation \"calls\" is gone\" n=2",
	  "err=\"relation \"calls\" is gone\" n=2",
	  ",\"err\":\"relation \\\"calls\\\" is gone\",\"n\":\"2\"" },
	{ "a=\"never closed b=2", "a=\"never closed b=2",
	  ",\"a\":\"never closed b=2\"" },
	{ "a=\"", "a=\"", ",\"a\":\"\"" },
	{ "a=\"\\", "a=\"\\", ",\"a\":\"\\\\\"" },
	/* Words without a key. */
	{ "it is late", "it is late", ",\"message\":\"it is late\"" },
	{ "n=1 and more", "n=1 and more",
	  ",\"n\":\"1\",\"message\":\"and more\"" },
	/* Forged lines, terminal control, and what is no UTF-8. */
	{ "a=x\n2026-11-23T06:17:00.123Z INFO [FORGED]",
	  "a=x\\x0a2026-11-23T06:17:00.123Z INFO [FORGED]",
	  ",\"a\":\"x\\u000a2026-11-23T06:17:00.123Z\","
	  "\"message\":\"INFO [FORGED]\"" },
	{ "a=\"x\r\n\ty\"", "a=\"x\\x0d\\x0a\\x09y\"",
	  ",\"a\":\"x\\u000d\\u000a\\u0009y\"" },
	{ "a=\x1b[2J\x7f", "a=\\x1b[2J\\x7f", ",\"a\":\"\\u001b[2J\\u007f\"" },
	{ "a=\xc2\x9b"
	  "2J",
	  "a=\\xc2\\x9b2J", ",\"a\":\"\\u00c2\\u009b2J\"" },
	{ "a=\xff\xc3", "a=\\xff\\xc3", ",\"a\":\"\\u00ff\\u00c3\"" },
	{ "a=\xc0\xaf \xe0\x80\xaf=1", "a=\\xc0\\xaf \\xe0\\x80\\xaf=1",
	  ",\"a\":\"\\u00c0\\u00af\",\"\\u00e0\\u0080\\u00af\":\"1\"" },
	{ "a=\xed\xa0\x80", "a=\\xed\\xa0\\x80",
	  ",\"a\":\"\\u00ed\\u00a0\\u0080\"" },
	{ "name=\"J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x93\x9e\"",
	  "name=\"J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x93\x9e\"",
	  ",\"name\":\"J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x93\x9e\"" },
};

static void a_message_becomes_one_line_in_either_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512], json[512];
		struct log_line line;

		(void)snprintf(text, sizeof(text), TEXT "%s\n", rows[i].text);
		compose(&line, LOG_FORMAT_TEXT, rows[i].message);
		if (line.length != strlen(text) ||
		    memcmp(line.bytes, text, line.length) != 0)
			fail_msg("row %zu: %.*s", i, (int)line.length,
				 line.bytes);
		(void)snprintf(json, sizeof(json), JSON "%s}\n", rows[i].json);
		compose(&line, LOG_FORMAT_JSON, rows[i].message);
		if (line.length != strlen(json) ||
		    memcmp(line.bytes, json, line.length) != 0)
			fail_msg("row %zu: %.*s", i, (int)line.length,
				 line.bytes);
	}
}

static void assert_one_line(const struct log_line *line)
{
	const char *newline = memchr(line->bytes, '\n', line->length);

	assert_ptr_equal(newline, line->bytes + line->length - 1);
	for (size_t i = 0; i + 1 < line->length; i++)
		assert_in_range((unsigned char)line->bytes[i], 0x20, 0xff);
}

static json_t *parse(const struct log_line *line, const char *message)
{
	json_error_t error;
	json_t *json = json_loadb(line->bytes, line->length, 0, &error);

	if (!json)
		fail_msg("%s: %.*s of %s", error.text, (int)line->length,
			 line->bytes, message);
	return json;
}

/* Every length around the limit, so that the cut falls everywhere: into a key,
 * a value, an escape, a quote. */
static void a_long_message_is_cut_and_says_so(void **state)
{
	static const char *const repeated[] = {
		"k=v ",
		"key=\"a b\" ",
		"a=\"\\\"",
		"\n",
		"\xc3\xbc",
		"x",
		"longer_key=longer_value ",
	};
	char message[LOG_LINE_SIZE + 100];

	(void)state;
	for (size_t i = 0; i < sizeof(repeated) / sizeof(repeated[0]); i++)
		for (size_t lead = 0; lead < 30; lead++) {
			struct log_line line;
			size_t length = 2 + lead;
			json_t *json;

			memset(message, 'l', sizeof(message));
			message[1] = '=';
			while (length + strlen(repeated[i]) < sizeof(message))
				length += (size_t)snprintf(message + length,
							   sizeof(message) -
								   length,
							   "%s", repeated[i]);
			compose(&line, LOG_FORMAT_TEXT, message);
			assert_one_line(&line);
			assert_memory_equal(line.bytes + line.length - 4,
					    "...\n", 4);
			compose(&line, LOG_FORMAT_JSON, message);
			assert_one_line(&line);
			json = parse(&line, message);
			assert_string_equal(
				json_string_value(json_object_get(json, "cut")),
				"...");
			json_decref(json);
		}
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223; /* Numerical Recipes */
	return *seed >> 8;
}

static void no_bytes_can_break_a_line(void **state)
{
	static const char nasty[] =
		"ab= \"\\\n\x1b\x7f\xc3\xbc\xe2\x82\xac\xff";
	uint32_t seed = 20261123;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char message[LOG_LINE_SIZE + 50];
		size_t length = next_random(&seed) %
				(round % 10 ? 40 : sizeof(message) - 1);
		struct log_line line;
		json_t *json;

		for (size_t i = 0; i < length; i++)
			message[i] =
				nasty[next_random(&seed) % (sizeof(nasty) - 1)];
		message[length] = '\0';
		compose(&line, LOG_FORMAT_JSON, message);
		assert_one_line(&line);
		json = parse(&line, message);
		assert_non_null(json_object_get(json, "time"));
		json_decref(json);
		compose(&line, LOG_FORMAT_TEXT, message);
		assert_one_line(&line);
		json = json_stringn(line.bytes, line.length);
		assert_non_null(json); /* else it were no UTF-8 */
		json_decref(json);
	}
}

/* Whoever looks for a request finds all its lines, also the long ones. */
static void ids_stand_even_where_the_message_is_cut(void **state)
{
	static const char ids[] = "request=r-1 trace=0af7651916cd43dd";
	char message[2 * LOG_LINE_SIZE] = "err=\"";
	struct log_line line;
	json_t *object;

	(void)state;
	log_line_compose(&line, LOG_FORMAT_TEXT, AT_US, LOG_LEVEL_WARN, "TAG",
			 "n=1", ids);
	line.bytes[line.length] = '\0';
	assert_string_equal(line.bytes,
			    TEXT "n=1 request=r-1 trace=0af7651916cd43dd\n");
	memset(message + 5, '"', sizeof(message) - 6);
	message[sizeof(message) - 1] = '\0';
	log_line_compose(&line, LOG_FORMAT_TEXT, AT_US, LOG_LEVEL_WARN, "TAG",
			 message, ids);
	line.bytes[line.length] = '\0';
	assert_non_null(strstr(line.bytes, "... request=r-1 trace=0af765"));
	log_line_compose(&line, LOG_FORMAT_JSON, AT_US, LOG_LEVEL_WARN, "TAG",
			 message, ids);
	assert_in_range(line.length, 1, LOG_LINE_SIZE);
	object = json_loadb(line.bytes, line.length, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(object, "trace")),
			    "0af7651916cd43dd");
	assert_non_null(json_object_get(object, "cut"));
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_becomes_one_line_in_either_form),
		cmocka_unit_test(a_long_message_is_cut_and_says_so),
		cmocka_unit_test(no_bytes_can_break_a_line),
		cmocka_unit_test(ids_stand_even_where_the_message_is_cut),
	};

	return cmocka_run_group_tests_name("log_line", tests, NULL, NULL);
}
