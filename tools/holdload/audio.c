/*
 * audio.c - what the callers say (see audio.h)
 */
#include "tools/holdload/audio.h"

#include <math.h>
#include <openssl/evp.h>
#include <sndfile.h>
#include <speex/speex_resampler.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LENGTH_MAX_S  3600
#define TONE_HZ	      8000u
#define TONE_SAMPLES  ((size_t)16000) /* two seconds */
#define QUALITY	      10  /* of the resampler, the best: it runs once */
#define ULAW_BIAS     132 /* G.711: added before the segment is chosen */
#define ULAW_CLIP     32635
#define BASE64(bytes) (((bytes) + 2) / 3 * 4)

/* Debian's asterisk-core-sounds-en-wav. */
#define PROMPT "/usr/share/asterisk/sounds/en_US_f_Allison/vm-intro.wav"

/* ---- formats ---------------------------------------------------------------
 */

static bool is_linear(const struct audio_format *format)
{
	return strcmp(format->codec, "L16") == 0;
}

void audio_format_name(const struct audio_format *format,
		       char out[AUDIO_FORMAT_SIZE])
{
	if (is_linear(format))
		(void)snprintf(out, AUDIO_FORMAT_SIZE, "%s/%u", format->codec,
			       format->rate_hz);
	else
		(void)snprintf(out, AUDIO_FORMAT_SIZE, "%s", format->codec);
}

size_t audio_sample_bytes(const struct audio_format *format)
{
	return is_linear(format) ? 2 : 1;
}

uint8_t audio_silence(const struct audio_format *format)
{
	if (is_linear(format))
		return 0;
	return strcmp(format->codec, "PCMA") == 0 ? 0xd5 : 0xff;
}

size_t audio_frame_bytes(const struct audio_format *format, unsigned ms)
{
	return (size_t)format->rate_hz * ms / 1000 * audio_sample_bytes(format);
}

unsigned char audio_ulaw(int sample)
{
	int sign = sample < 0 ? 0x80 : 0, segment;

	if (sample < 0)
		sample = -sample;
	if (sample > ULAW_CLIP)
		sample = ULAW_CLIP;
	sample += ULAW_BIAS;
	segment = 24 - __builtin_clz((unsigned)sample); /* 0..7 */
	return (unsigned char)~(sign | segment << 4 |
				(sample >> (segment + 3) & 15));
}

/* Thirteen bits; even bits are inverted on the line. */
unsigned char audio_alaw(int sample)
{
	int sign = sample >= 0 ? 0x80 : 0, segment = 0;

	sample >>= 3;
	if (sample < 0)
		sample = ~sample;
	if (sample >= 32)
		segment = 27 - __builtin_clz((unsigned)sample); /* 1..7 */
	return (unsigned char)((sign | segment << 4 |
				(sample >> (segment ? segment : 1) & 15)) ^
			       0x55);
}

/* ---- encoding --------------------------------------------------------------
 */

struct samples {
	short *at; /* owned */
	size_t count;
	unsigned rate_hz;
};

static void encode_sample(const struct audio_plan *plan, short sample,
			  uint8_t *out)
{
	unsigned bits = (unsigned short)sample;

	if (is_linear(&plan->format)) {
		out[plan->big_endian ? 1 : 0] = (uint8_t)bits;
		out[plan->big_endian ? 0 : 1] = (uint8_t)(bits >> 8);
	} else if (strcmp(plan->format.codec, "PCMA") == 0) {
		*out = audio_alaw(sample);
	} else {
		*out = audio_ulaw(sample);
	}
}

static int write_texts(struct audio *audio)
{
	unsigned char *text;

	audio->text_size = BASE64(audio->frame_size);
	audio->texts = malloc((audio->count + 1) * audio->text_size);
	text = malloc(audio->text_size + 1); /* libcrypto adds a NUL */
	for (size_t i = 0; audio->texts && text && i <= audio->count; i++) {
		(void)EVP_EncodeBlock(text,
				      audio->bytes + i * audio->frame_size,
				      (int)audio->frame_size);
		memcpy(audio->texts + i * audio->text_size, text,
		       audio->text_size);
	}
	free(text);
	return audio->texts && text ? 0 : -1;
}

static int encode(struct audio *audio, const struct samples *samples,
		  const struct audio_plan *plan)
{
	size_t width = audio_sample_bytes(&plan->format), in_frame, total;

	audio->frame_ms = plan->frame_ms;
	audio->frame_size = audio_frame_bytes(&plan->format, plan->frame_ms);
	in_frame = audio->frame_size / width;
	if (in_frame == 0)
		return -1;
	audio->count = (samples->count + in_frame - 1) / in_frame;
	total = (audio->count + 1) * audio->frame_size;
	audio->bytes = malloc(total);
	if (!audio->bytes)
		return -1;
	memset(audio->bytes, audio_silence(&plan->format), total);
	for (size_t i = 0; i < samples->count; i++)
		encode_sample(plan, samples->at[i], audio->bytes + i * width);
	return plan->as_text ? write_texts(audio) : 0;
}

/* ---- what is said ----------------------------------------------------------
 */

static int make_tone(struct samples *samples)
{
	*samples = (struct samples){ .at = calloc(TONE_SAMPLES, sizeof(short)),
				     .count = TONE_SAMPLES,
				     .rate_hz = TONE_HZ };
	for (size_t i = 0; samples->at && i < samples->count; i++)
		samples->at[i] = (short)(8000 * sin(2 * M_PI * 440 * (double)i /
						    TONE_HZ));
	return samples->at ? 0 : -1;
}

static void mix(short *samples, size_t count, int channels)
{
	for (size_t i = 0; i < count; i++) {
		int sum = 0;

		for (int c = 0; c < channels; c++)
			sum += samples[i * (size_t)channels + (size_t)c];
		samples[i] = (short)(sum / channels);
	}
}

static int read_samples(struct samples *samples, SNDFILE *file,
			const SF_INFO *info)
{
	size_t count = (size_t)info->frames;

	samples->at = calloc(count * (size_t)info->channels, sizeof(short));
	samples->count = count;
	samples->rate_hz = (unsigned)info->samplerate;
	if (!samples->at ||
	    sf_readf_short(file, samples->at, info->frames) != info->frames)
		return -1;
	mix(samples->at, count, info->channels);
	return 0;
}

static int read_file(struct samples *samples, const char *path)
{
	SF_INFO info = { 0 };
	SNDFILE *file = sf_open(path, SFM_READ, &info);
	const char *wrong = NULL;

	if (!file)
		wrong = sf_strerror(NULL);
	else if (info.frames <= 0 || info.channels < 1 ||
		 info.samplerate < 1000 || info.samplerate > 384000 ||
		 info.frames > (sf_count_t)LENGTH_MAX_S * info.samplerate)
		wrong = "is empty or longer than an hour";
	else if (read_samples(samples, file, &info) < 0)
		wrong = "cannot be read to its end";
	if (file)
		(void)sf_close(file);
	if (!wrong)
		return 0;
	(void)fprintf(stderr, "holdload: --audio: %s: %s\n", path, wrong);
	return -1;
}

/* Brings them to the rate. */
static int resample(struct samples *samples, unsigned rate_hz)
{
	size_t room =
		(size_t)((double)samples->count * rate_hz / samples->rate_hz) +
		1;
	spx_uint32_t in = (spx_uint32_t)samples->count;
	spx_uint32_t out = (spx_uint32_t)room;
	SpeexResamplerState *resampler;
	short *at;
	int error = 0;

	if (samples->rate_hz == rate_hz)
		return 0;
	resampler = speex_resampler_init(1, samples->rate_hz, rate_hz, QUALITY,
					 &error);
	at = calloc(room, sizeof(*at));
	if (resampler && at) {
		(void)speex_resampler_skip_zeros(resampler);
		error = speex_resampler_process_int(resampler, 0, samples->at,
						    &in, at, &out);
	}
	if (!resampler || !at || error) {
		free(at);
		at = NULL;
	} else {
		free(samples->at);
		*samples = (struct samples){ at, out, rate_hz };
	}
	if (resampler)
		speex_resampler_destroy(resampler);
	return at ? 0 : -1;
}

int audio_load(struct audio *audio, const char *path,
	       const struct audio_plan *plan)
{
	struct samples samples = { 0 };
	int r;

	if (!path && access(PROMPT, R_OK) == 0)
		path = PROMPT;
	r = path ? read_file(&samples, path) : make_tone(&samples);
	if (r == 0 && (resample(&samples, plan->format.rate_hz) < 0 ||
		       encode(audio, &samples, plan) < 0)) {
		(void)fprintf(stderr, "holdload: no memory for the audio\n");
		r = -1;
	}
	free(samples.at);
	return r;
}

void audio_free(struct audio *audio)
{
	free(audio->bytes);
	free(audio->texts);
	*audio = (struct audio){ 0 };
}
