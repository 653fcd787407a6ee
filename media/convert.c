/*
 * convert.c - audio of one format into audio of another (see convert.h)
 *
 * Samples pass through the stack in portions, so that a converter is hardly
 * more than the states of its codecs and its resampler. The portions are small:
 * a message of any size costs no more memory than a frame.
 *
 * How many samples should have left follows from how many came, so that a
 * resampled stream is exactly as long as its original, to the sample.
 */
#include "media/convert.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <speex/speex_resampler.h>
#include <spandsp/telephony.h>
#include <spandsp/bit_operations.h>
#include <spandsp/g711.h>

#include "media/codec.h"
#include "media/g722.h"
#include "media/l16.h"
#include "media/opus_codec.h"

#define RATE_MIN_HZ 8000u
#define RATE_MAX_HZ 48000u
#define PORTION	    480u /* samples that go through the stages at once */
#define RESAMPLED   (PORTION * (RATE_MAX_HZ / RATE_MIN_HZ) + 8)
/* Of speexdsp's 0 to 10, the least that leaves the telephone's whole band
 * alone, up to 3400 of 4000 Hz; 3 takes a tenth of the level there. Its noise
 * lies about where 16 bits end (tests/unit/convert_quality_test.c measures it).
 */
#define RESAMPLER_QUALITY 4
/* ITU-T G.722: both filters together take 22 samples of 16 kHz. */
#define G722_FILTER_US 687u

static_assert(CONVERT_PACKET_MAX == OPUS_FRAME_BYTES_MAX,
	      "both mean a packet that we make");

struct converter {
	struct audio_format from, to; /* with the rates of the samples */
	enum { COPY, TABLE, STAGES } how;
	uint8_t table[256]; /* G.711 to G.711 */

	struct opus_unpacker *opus_in;
	struct opus_packer *opus_out;
	struct g722_decoder *g722_in;
	struct g722_encoder *g722_out;
	SpeexResamplerState *resampler;
	unsigned resampler_ahead; /* samples of input that it holds back */

	uint64_t samples_in, samples_out; /* of the resampler, since it began */
	uint8_t half;			  /* first byte of a sample */
	bool has_half;
	bool flushing;
};

/* Where the encoded bytes go. */
struct sink {
	uint8_t *at;
	size_t bytes;
};

/* ---- making one ------------------------------------------------------------
 */

static void fill_table(struct converter *c)
{
	const bool from_alaw = c->from.codec->id == CODEC_PCMA;

	for (unsigned i = 0; i < sizeof(c->table); i++)
		c->table[i] = from_alaw ? alaw_to_ulaw((uint8_t)i)
					: ulaw_to_alaw((uint8_t)i);
}

static int open_decoder(struct converter *c)
{
	switch (c->from.codec->id) {
	case CODEC_G722:
		c->g722_in = g722_decoder_create();
		return c->g722_in ? 0 : -ENOMEM;
	case CODEC_OPUS:
		return opus_unpacker_create(&c->opus_in, c->from.rate_hz);
	default: return 0;
	}
}

static int open_encoder(struct converter *c)
{
	switch (c->to.codec->id) {
	case CODEC_G722:
		c->g722_out = g722_encoder_create();
		return c->g722_out ? 0 : -ENOMEM;
	case CODEC_OPUS: return opus_packer_create(&c->opus_out, c->to.rate_hz);
	default: return 0;
	}
}

static int open_resampler(struct converter *c)
{
	int error = RESAMPLER_ERR_SUCCESS;

	if (c->from.rate_hz == c->to.rate_hz)
		return 0;
	c->resampler = speex_resampler_init(1, c->from.rate_hz, c->to.rate_hz,
					    RESAMPLER_QUALITY, &error);
	if (!c->resampler)
		return error == RESAMPLER_ERR_ALLOC_FAILED ? -ENOMEM : -EINVAL;
	(void)speex_resampler_skip_zeros(c->resampler);
	c->resampler_ahead =
		(unsigned)speex_resampler_get_input_latency(c->resampler);
	return 0;
}

static int open_stages(struct converter *c)
{
	int r = open_decoder(c);

	if (r == 0)
		r = open_resampler(c);
	if (r == 0)
		r = open_encoder(c);
	return r;
}

static bool same(const struct audio_format *a, const struct audio_format *b)
{
	if (a->codec->id != b->codec->id)
		return false;
	/* The rate of Opus is the decoder's, and not in the packets. */
	if (a->codec->id == CODEC_OPUS)
		return true;
	return a->rate_hz == b->rate_hz &&
	       (a->codec->id != CODEC_L16 || a->big_endian == b->big_endian);
}

static bool read_format(const struct audio_format *said,
			struct audio_format *out)
{
	if (!said->codec)
		return false;
	*out = *said;
	out->rate_hz = codec_rate_hz(said->codec, said->rate_hz);
	return out->rate_hz >= RATE_MIN_HZ && out->rate_hz <= RATE_MAX_HZ;
}

int converter_create(struct converter **ret, const struct audio_format *from,
		     const struct audio_format *to)
{
	struct converter *c = calloc(1, sizeof(*c));
	int r = -EINVAL;

	if (!c)
		return -ENOMEM;
	if (!read_format(from, &c->from) || !read_format(to, &c->to))
		goto fail;
	if (same(&c->from, &c->to)) {
		c->how = COPY;
	} else if (c->from.codec->sample_bytes == 1 &&
		   c->to.codec->sample_bytes == 1 &&
		   c->from.rate_hz == c->to.rate_hz) {
		c->how = TABLE;
		fill_table(c);
	} else {
		c->how = STAGES;
		r = open_stages(c);
		if (r < 0)
			goto fail;
	}
	*ret = c;
	return 0;
fail:
	converter_destroy(c);
	return r;
}

void converter_destroy(struct converter *c)
{
	if (!c)
		return;
	if (c->resampler)
		speex_resampler_destroy(c->resampler);
	opus_unpacker_destroy(c->opus_in);
	opus_packer_destroy(c->opus_out);
	g722_decoder_destroy(c->g722_in);
	g722_encoder_destroy(c->g722_out);
	free(c);
}

bool converter_is_copy(const struct converter *c)
{
	return c->how == COPY;
}

/* ---- how much --------------------------------------------------------------
 */

/* Samples in the target's rate that so many in the source's are, rounded up. */
static uint64_t at_target_rate(const struct converter *c, uint64_t samples)
{
	return (samples * c->to.rate_hz + c->from.rate_hz - 1) /
	       c->from.rate_hz;
}

/* The most samples that so many bytes can hold. */
static size_t samples_held(const struct converter *c, size_t bytes)
{
	switch (c->from.codec->id) {
	case CODEC_G722: return 2 * bytes;
	case CODEC_OPUS: return c->from.rate_hz * 120 / 1000;
	case CODEC_L16: return (bytes + c->has_half) / 2;
	default: return bytes;
	}
}

ssize_t converter_samples(const struct converter *c, const uint8_t *in,
			  size_t bytes)
{
	return c->opus_in ? opus_unpacker_count(c->opus_in, in, bytes)
			  : (ssize_t)samples_held(c, bytes);
}

static size_t samples_coming(const struct converter *c, size_t bytes)
{
	size_t samples = bytes ? samples_held(c, bytes) : c->resampler_ahead;

	/* One more, as a portion may end between two samples of the target. */
	return (size_t)at_target_rate(c, samples) + (c->resampler ? 1 : 0);
}

size_t converter_room(const struct converter *c, size_t bytes)
{
	if (c->how != STAGES)
		return bytes;
	switch (c->to.codec->id) {
	case CODEC_OPUS: return CONVERT_PACKET_MAX;
	case CODEC_G722: return (samples_coming(c, bytes) + 1 + 1) / 2;
	default: return samples_coming(c, bytes) * c->to.codec->sample_bytes;
	}
}

/* ---- encoding --------------------------------------------------------------
 */

static void encode(struct converter *c, const int16_t *pcm, size_t samples,
		   struct sink *sink)
{
	uint8_t *at = sink->at ? sink->at + sink->bytes : NULL;

	switch (c->to.codec->id) {
	case CODEC_PCMU:
		for (size_t i = 0; i < samples; i++)
			at[i] = linear_to_ulaw(pcm[i]);
		sink->bytes += samples;
		break;
	case CODEC_PCMA:
		for (size_t i = 0; i < samples; i++)
			at[i] = linear_to_alaw(pcm[i]);
		sink->bytes += samples;
		break;
	case CODEC_L16:
		l16_store(pcm, samples, c->to.big_endian, at);
		sink->bytes += 2 * samples;
		break;
	case CODEC_G722:
		sink->bytes += g722_encoder_run(c->g722_out, pcm, samples, at);
		break;
	/* There is room: see too_much_for_opus(). */
	case CODEC_OPUS: opus_packer_put(c->opus_out, pcm, samples); break;
	}
}

/* ---- resampling ------------------------------------------------------------
 */

/* At most a portion; what comes out of it beyond `most` is left out. */
static void resample(struct converter *c, const int16_t *pcm, size_t samples,
		     uint64_t most, struct sink *sink)
{
	int16_t out[RESAMPLED];

	while (samples > 0) {
		spx_uint32_t taken = (spx_uint32_t)samples, made = RESAMPLED;

		(void)speex_resampler_process_int(c->resampler, 0, pcm, &taken,
						  out, &made);
		if (made > most - c->samples_out)
			made = (spx_uint32_t)(most - c->samples_out);
		encode(c, out, made, sink);
		c->samples_out += made;
		if (taken == 0 && made == 0)
			break;
		pcm += taken;
		samples -= taken;
	}
}

static void pass_on(struct converter *c, const int16_t *pcm, size_t samples,
		    struct sink *sink)
{
	if (!c->resampler) {
		encode(c, pcm, samples, sink);
		return;
	}
	c->samples_in += samples;
	while (samples > 0) {
		size_t portion = samples < PORTION ? samples : PORTION;

		resample(c, pcm, portion, at_target_rate(c, c->samples_in),
			 sink);
		pcm += portion;
		samples -= portion;
	}
}

/* ---- decoding --------------------------------------------------------------
 */

static void decode_l16(struct converter *c, const uint8_t *in, size_t bytes,
		       struct sink *sink)
{
	int16_t pcm[PORTION];

	if (c->has_half && bytes > 0) {
		uint8_t whole[2] = { c->half, in[0] };

		l16_load(whole, 1, c->from.big_endian, pcm);
		pass_on(c, pcm, 1, sink);
		c->has_half = false;
		in++;
		bytes--;
	}
	while (bytes > 1) {
		size_t samples = bytes / 2 < PORTION ? bytes / 2 : PORTION;

		l16_load(in, samples, c->from.big_endian, pcm);
		pass_on(c, pcm, samples, sink);
		in += 2 * samples;
		bytes -= 2 * samples;
	}
	if (bytes == 1) {
		c->half = in[0];
		c->has_half = true;
	}
}

/* A byte is a sample, or two of them for G.722. */
static void decode_bytes(struct converter *c, const uint8_t *in, size_t bytes,
			 struct sink *sink)
{
	int16_t pcm[PORTION];

	while (bytes > 0) {
		size_t portion = bytes < PORTION / 2 ? bytes : PORTION / 2;
		size_t samples = portion;

		switch (c->from.codec->id) {
		case CODEC_PCMU:
			for (size_t i = 0; i < portion; i++)
				pcm[i] = ulaw_to_linear(in[i]);
			break;
		case CODEC_PCMA:
			for (size_t i = 0; i < portion; i++)
				pcm[i] = alaw_to_linear(in[i]);
			break;
		default:
			g722_decoder_run(c->g722_in, in, portion, pcm);
			samples = 2 * portion;
			break;
		}
		pass_on(c, pcm, samples, sink);
		in += portion;
		bytes -= portion;
	}
}

static int decode_packet(struct converter *c, const uint8_t *in, size_t bytes,
			 struct sink *sink)
{
	int16_t pcm[OPUS_PACKET_SAMPLES_MAX];
	ssize_t samples = opus_unpacker_run(c->opus_in, in, bytes, pcm);

	if (samples < 0)
		return (int)samples;
	pass_on(c, pcm, (size_t)samples, sink);
	return 0;
}

/* ---- one call --------------------------------------------------------------
 */

static bool too_much_for_opus(const struct converter *c, size_t bytes)
{
	return c->opus_out &&
	       samples_coming(c, bytes) > opus_packer_space(c->opus_out);
}

ssize_t converter_run(struct converter *c, const uint8_t *in, size_t bytes,
		      uint8_t *out, size_t room)
{
	struct sink sink = { .at = out };
	int r = 0;

	if (bytes > CONVERT_BYTES_MAX)
		return -EMSGSIZE;
	if (bytes == 0 && !c->opus_out)
		return 0;
	if (room < converter_room(c, bytes))
		return -ENOBUFS;
	if (c->how == COPY) {
		memcpy(out, in, bytes);
		return (ssize_t)bytes;
	}
	if (c->how == TABLE) {
		for (size_t i = 0; i < bytes; i++)
			out[i] = c->table[in[i]];
		return (ssize_t)bytes;
	}
	if (bytes > 0 && too_much_for_opus(c, bytes))
		return -EAGAIN;
	if (bytes > 0 && c->opus_in)
		r = decode_packet(c, in, bytes, &sink);
	else if (c->from.codec->id == CODEC_L16)
		decode_l16(c, in, bytes, &sink);
	else
		decode_bytes(c, in, bytes, &sink);
	if (r < 0)
		return r;
	if (c->opus_out)
		return (ssize_t)opus_packer_take(c->opus_out, false, out);
	return (ssize_t)sink.bytes;
}

/* Silence, as much as the resampler needs to give up what it holds. */
static void drain_resampler(struct converter *c, struct sink *sink)
{
	static const int16_t silence[PORTION];
	const uint64_t most = at_target_rate(c, c->samples_in);
	unsigned rest = c->resampler_ahead + 1;

	while (rest > 0 && c->samples_out < most) {
		unsigned portion = rest < PORTION ? rest : PORTION;

		resample(c, silence, portion, most, sink);
		rest -= portion;
	}
}

static void begin_anew(struct converter *c)
{
	if (c->resampler) {
		(void)speex_resampler_reset_mem(c->resampler);
		(void)speex_resampler_skip_zeros(c->resampler);
	}
	c->samples_in = c->samples_out = 0;
	c->has_half = c->flushing = false;
}

ssize_t converter_flush(struct converter *c, uint8_t *out, size_t room)
{
	static const int16_t silence = 0;
	struct sink sink = { .at = out };

	if (c->how != STAGES)
		return 0;
	if (room < converter_room(c, 0))
		return -ENOBUFS;
	if (!c->flushing) {
		if (too_much_for_opus(c, 0))
			return -EAGAIN;
		if (c->resampler)
			drain_resampler(c, &sink);
		if (c->g722_out && g722_encoder_waits(c->g722_out))
			encode(c, &silence, 1, &sink);
		c->flushing = true;
	}
	if (c->opus_out)
		sink.bytes = opus_packer_take(c->opus_out, true, out);
	if (sink.bytes == 0 || !c->opus_out)
		begin_anew(c);
	return (ssize_t)sink.bytes;
}

unsigned converter_delay_us(const struct converter *c)
{
	uint64_t us = (uint64_t)c->resampler_ahead * 1000000 / c->from.rate_hz;

	if (c->g722_in)
		us += G722_FILTER_US;
	if (c->g722_out)
		us += G722_FILTER_US;
	if (c->opus_out)
		us += opus_packer_delay_us(c->opus_out);
	return (unsigned)us;
}
