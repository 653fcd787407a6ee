/* host.c - the server's end of all dialects, by their tables (see host.h) */
#include "tools/holdload/host.h"

#include <string.h>

#include "tools/holdload/dialects/words.h"

const struct host_word host_family[] = {
	{ .name = "media", .kind = TOLD_MEDIA },
	{ .name = "connected", .kind = TOLD_NOTHING },
	{ .name = "start", .kind = TOLD_START },
	{ .name = "dtmf", .kind = TOLD_DIGIT },
	{ .name = "mark", .kind = TOLD_MARK },
	{ .name = "error", .kind = TOLD_NOTHING },
	{ .name = "stop", .kind = TOLD_STOP },
	{ 0 },
};

/* ---- formats ---------------------------------------------------------------
 */

static const char *codec_named(struct span name, uint64_t *rate_hz)
{
	static const struct {
		const char *name, *codec;
	} names[] = {
		{ "mulaw", "PCMU" }, { "ulaw", "PCMU" }, { "pcmu", "PCMU" },
		{ "alaw", "PCMA" },  { "pcma", "PCMA" }, { "l16", "L16" },
		{ "raw", "L16" },    { "pcm", "L16" },
	};
	uint64_t khz = 8;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_is_like(name, names[i].name))
			return names[i].codec;
	if (!span_begins_like(name, "slin")) /* slin, slin16, slin48 */
		return NULL;
	name.text += 4;
	name.length -= 4;
	if (name.length > 0 && (!span_number(name, &khz) || khz > 192))
		return NULL;
	*rate_hz = khz * 1000;
	return "L16";
}

/* "audio/x-l16;rate=16000" and whatever of it was said. */
static const char *codec_of(struct span said, uint64_t *rate_hz)
{
	struct span name = span_trim(span_cut(&said, ';'));

	if (span_begins_like(said, "rate=")) {
		(void)span_cut(&said, '=');
		(void)span_number(said, rate_hz);
	}
	if (span_begins_like(name, "audio/"))
		(void)span_cut(&name, '/');
	if (span_begins_like(name, "x-"))
		(void)span_cut(&name, '-');
	return codec_named(name, rate_hz);
}

void host_choose_format(const struct dialect *dialect, struct talk *talk,
			struct span codec, struct span rate)
{
	const char *name = dialect->formats[0].codec;
	uint64_t rate_hz = 0, told_hz;

	if (codec.text)
		name = codec_of(codec, &rate_hz);
	if (span_number(rate, &told_hz))
		rate_hz = told_hz;
	span_copy(span_cut(&codec, ';'), talk->spelt, sizeof(talk->spelt));
	talk->foreign = true;
	for (size_t i = 0; name && i < dialect->format_count; i++) {
		const struct audio_format *format = &dialect->formats[i];

		if (!talk->foreign || strcmp(format->codec, name) != 0 ||
		    (rate_hz > 0 && format->rate_hz != rate_hz))
			continue;
		talk->format = format;
		talk->foreign = false;
	}
}

/* AudioHook: one of what is offered, one channel if there is such a one. */
static struct span choose_offer(const struct dialect *dialect,
				struct talk *talk, struct span offers)
{
	static const struct path paths[] = { { { "format" } },
					     { { "rate" } },
					     { { "channels" } } };
	struct span offer = { 0 }, chosen = { 0 }, values[3];

	while (fields_next(offers, &offer)) {
		struct span channel = { 0 };
		unsigned channels = 0;

		if (!fields_read(offer, paths, 3, values))
			continue;
		while (channels < 3 && fields_next(values[2], &channel))
			channels++;
		if (channels < 1 || channels > 2 ||
		    (chosen.text && channels >= talk->channels))
			continue;
		chosen = offer;
		talk->channels = channels;
		host_choose_format(dialect, talk, values[0], values[1]);
	}
	return chosen;
}

/* ---- hearing ---------------------------------------------------------------
 */

const struct host_word *host_word_named(const struct host_word *words,
					struct span name)
{
	for (; words->name; words++)
		if (span_is(name, words->name))
			return words;
	return NULL;
}

static struct told garbage(void)
{
	return (struct told){ .kind = TOLD_GARBAGE };
}

static void take_start(const struct dialect *dialect, struct talk *talk,
		       const struct span *values, struct told *told)
{
	span_copy(values[ASK_STREAM], talk->ids.stream,
		  sizeof(talk->ids.stream));
	span_copy(values[ASK_CALL], talk->ids.call, sizeof(talk->ids.call));
	if (values[ASK_OFFER].text)
		told->text = choose_offer(dialect, talk, values[ASK_OFFER]);
	else
		host_choose_format(dialect, talk, values[ASK_CODEC],
				   values[ASK_RATE]);
	talk->started = true;
}

/* What the message must have for what it is. */
static bool take_text(const struct span *values, struct told *told)
{
	static const enum asked needed[TOLD_GARBAGE] = {
		[TOLD_MEDIA] = ASK_PAYLOAD,
		[TOLD_DIGIT] = ASK_DIGIT,
		[TOLD_MARK] = ASK_MARK,
	};
	enum asked asked = needed[told->kind];

	if (asked == ASK_NAME)
		return true;
	told->text = values[asked];
	return told->text.text;
}

/* A message that names another stream than its start did. */
static bool is_anothers(const struct talk *talk, struct span id)
{
	return talk->started && talk->ids.stream[0] && id.text &&
	       !span_is(id, talk->ids.stream);
}

struct told host_hear(const struct dialect *dialect, struct span message,
		      struct talk *talk)
{
	const struct host *host = dialect->host;
	struct span values[ASK_COUNT];
	const struct host_word *word;
	struct told told = { .kind = TOLD_UNKNOWN };

	if (host->hear)
		return host->hear(dialect, message, talk);
	if (!fields_read(message, host->paths, ASK_COUNT, values))
		return garbage();
	if (!values[ASK_NAME].text)
		values[ASK_NAME] = values[ASK_KIND];
	word = host_word_named(host->words, values[ASK_NAME]);
	if (word) {
		told.kind = word->kind;
		told.answer = word->answer;
	} else if (host->first_is_start && !talk->started) {
		told.kind = TOLD_START;
	}
	told.numbered = span_number(values[ASK_NUMBER], &told.number);
	told.timed = span_number(values[ASK_TIME], &told.at_ms);
	told.outbound = span_is(values[ASK_TRACK], "outbound");
	if (told.numbered)
		talk->heard_seq = told.number;
	if (told.kind == TOLD_START)
		take_start(dialect, talk, values, &told);
	else if (is_anothers(talk, values[ASK_ID]) || !take_text(values, &told))
		told.kind = TOLD_GARBAGE;
	return told;
}

/* ---- saying ----------------------------------------------------------------
 */

/* What a character of a form stands for. */
static void add(struct words_out *out, char c, struct talk *talk,
		struct span text)
{
	switch (c) {
	case '$': words_add(out, text.text, text.length); break;
	case '@':
		words_add(out, talk->ids.stream, strlen(talk->ids.stream));
		break;
	case '&': words_add(out, talk->spelt, strlen(talk->spelt)); break;
	case '#': words_add_number(out, ++talk->seq); break;
	case '%': words_add_number(out, talk->heard_seq); break;
	case '~': words_add_number(out, talk->format->rate_hz); break;
	default: break;
	}
}

size_t host_say(char *out, size_t room, const char *form, struct talk *talk,
		struct span text)
{
	struct words_out o = { .at = out, .room = room };

	for (;;) {
		size_t plain = strcspn(form, "$@#%&~");

		words_add(&o, form, plain);
		form += plain;
		if (!*form)
			break;
		add(&o, *form++, talk, text);
	}
	return o.full ? 0 : (size_t)(o.at - out);
}

/* ---- whose call is it? -----------------------------------------------------
 */

static bool obeys(const struct host_rule *rule, struct span message)
{
	struct span value;

	if (!fields_read(message, &rule->path, 1, &value) || !value.text)
		return false;
	return !rule->value || span_is(value, rule->value);
}

static bool is_whose(const struct host *host, struct span message)
{
	size_t i = 0;

	if (host->greets)
		return span_begins_like(message, host->greets);
	for (; i < 2 && host->rules[i].path.key[0]; i++)
		if (!obeys(&host->rules[i], message))
			return false;
	return i > 0;
}

const struct dialect *host_of_message(struct span message)
{
	const struct dialect *dialect;

	for (size_t i = 0; (dialect = dialect_at(i)); i++)
		if (is_whose(dialect->host, message))
			return dialect;
	/* Whatever its operator gave it, or nothing at all. */
	return dialect_find("freeswitch");
}
