/*
 * call_recording.c - a recorder that keeps nothing, and looks at what it gets
 * (see call_recording.h)
 */
#include "fuzz/call_recording.h"

#include <stdio.h>
#include <stdlib.h>

#include "fuzz/call_claims.h"
#include "media/codec.h"
#include "media/provider.h"
#include "media/recorder.h"

struct recorder {
	unsigned open;
	bool broken;
};

struct recording {
	struct recorder *recorder;
	unsigned sample_bytes, channels;
};

static struct recorder recorder;

struct recorder *call_recorder(bool broken)
{
	recorder.broken = broken;
	return &recorder;
}

unsigned call_recordings_open(void)
{
	return recorder.open;
}

void recorder_path(const struct recorder *of, const char *call_id,
		   int64_t started_us, char *out, size_t size)
{
	CLAIM(of == &recorder && started_us > 0);
	(void)snprintf(out, size, "/%s.wav", call_id);
}

struct recording *recording_open(struct recorder *of, const char *path,
				 const struct codec *codec, unsigned rate_hz,
				 unsigned channels)
{
	struct recording *recording = malloc(sizeof(*recording));

	CLAIM(recording != NULL);
	CLAIM(path[0] == '/');
	CLAIM(codec_is_plain(codec) && rate_hz > 0);
	CLAIM(channels >= 1 && channels <= TRACKS_MAX);
	of->open++;
	*recording = (struct recording){ of, codec->sample_bytes, channels };
	return recording;
}

size_t recording_write(struct recording *recording, unsigned channel,
		       uint64_t position, const uint8_t *data, size_t samples)
{
	(void)position; /* theirs: any */
	CLAIM(channel < recording->channels);
	claim_readable(data, samples * recording->sample_bytes);
	return 0;
}

void recording_fetch(const struct recording *recording)
{
	(void)recording; /* a hint */
}

void recording_fetch_more(const struct recording *recording)
{
	(void)recording; /* a hint */
}

void recording_close(struct recording *recording, uint64_t samples)
{
	(void)samples;
	if (!recording)
		return;
	recording->recorder->open--;
	free(recording);
}

bool recording_intact(const struct recording *recording)
{
	return recording && !recording->recorder->broken;
}
