"""What our codecs say and hear is what other programs say and hear: ffmpeg for G.711 and G.722, multimon-ng for keys.

The speech is that of Debian's asterisk-core-sounds-en-wav: some hundred prompts, 8 kHz, 16 bits, one voice."""

import array
import math
import operator
import random
import unittest

from sounds import KEYS, PIPE, ffmpeg, keys_as_sound, ours, run, samples, speech


def heard_by_multimon(pcm):
    sound = ffmpeg(("s16le", 8000), ("s16le", 22050), pcm)
    lines = run("multimon-ng", "-q", "-t", "raw", "-a", "DTMF", "-", data=sound).decode().splitlines()
    return "".join(line.split()[-1] for line in lines if line.startswith("DTMF:"))


def heard_by_us(pcm, codec=("L16", 8000, "le")):
    return run(PIPE, "dtmf", *codec, data=pcm).decode()


class Codecs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.speech = speech()
        cls.wide = ffmpeg(("s16le", 8000), ("s16le", 16000), cls.speech[:16000 * 120])

    def test_every_code_of_g711_means_what_ffmpeg_takes_it_for(self):
        codes = bytes(range(256))
        for codec, name in (("PCMU", "mulaw"), ("PCMA", "alaw")):
            with self.subTest(codec):
                self.assertEqual(ours((codec, 8000, "le"), ("L16", 8000, "le"), codes),
                                 ffmpeg((name, 8000), ("s16le", 8000), codes))
                self.assertEqual(ours((codec, 8000, "le"), ("L16", 8000, "be"), codes),
                                 ffmpeg((name, 8000), ("s16be", 8000), codes))

    def test_g711_is_encoded_as_by_ffmpeg_but_at_the_borders_between_two_steps(self):
        """ffmpeg takes the nearest value. G.711 has borders of its own: on 14 and 13 bits rather than 16, and where
        steps of two sizes meet not half-way. So a sample near a border may come out one step off, never two; and
        the error is never larger than half of the wider step beside it."""
        every = array.array("h", range(-32768, 32768))
        for codec, name in (("PCMU", "mulaw"), ("PCMA", "alaw")):
            with self.subTest(codec):
                encoded = (ours(("L16", 8000, "le"), (codec, 8000, "le"), every.tobytes()),
                           ffmpeg(("s16le", 8000), (name, 8000), every.tobytes()))
                mine, theirs = (samples(ours((codec, 8000, "le"), ("L16", 8000, "le"), codes)) for codes in encoded)
                steps = sorted(set(mine))
                place = {value: at for at, value in enumerate(steps)}
                apart = [abs(place[a] - place[b]) for a, b in zip(mine, theirs)]
                self.assertLessEqual(max(apart), 1)
                self.assertLess(sum(apart), len(every) * 0.015)
                for value, got in zip(every, mine):
                    if steps[0] <= value <= steps[-1]:
                        at = place[got]
                        widest = max(steps[min(at + 1, len(steps) - 1)] - got, got - steps[max(at - 1, 0)])
                        self.assertLessEqual(abs(got - value), widest / 2, value)

    def test_g722_is_encoded_and_decoded_as_by_ffmpeg_bit_for_bit(self):
        noise = random.Random(722).randbytes(400_000)
        for name, sound in (("speech", self.wide), ("noise", noise)):
            with self.subTest(name):
                packed = ffmpeg(("s16le", 16000), ("g722", 16000), sound)
                self.assertEqual(ours(("L16", 16000, "le"), ("G722", 8000, "le"), sound), packed)
                self.assertEqual(ours(("G722", 8000, "le"), ("L16", 16000, "le"), packed, 160),
                                 ffmpeg(("g722", 16000), ("s16le", 16000), packed))
        # Any bytes decode; loud ones must not wrap round.
        self.assertEqual(ours(("G722", 8000, "le"), ("L16", 16000, "le"), noise, 160),
                         ffmpeg(("g722", 16000), ("s16le", 16000), noise))

    def test_speech_goes_through_opus_and_is_the_same_speech(self):
        """Opus keeps what is heard rather than the wave; at 32 kbit/s the wave of one voice is still close."""
        sound = self.wide[16000 * 2 * 5:16000 * 2 * 8]
        for rate in (16000, 48000):
            with self.subTest(rate=rate):
                packets = ours(("L16", 16000, "le"), ("OPUS", rate, "le"), sound)
                self.assertLess(len(packets), 3 * 32000 / 8 * 1.5)
                back = samples(ours(("OPUS", rate, "le"), ("L16", 16000, "le"), packets))
                self.assertAlmostEqual(len(back) / 16000, 3, delta=0.021)
                before = samples(sound)[8000:24000]

                def alike(delay):
                    after = back[8000 + delay:24000 + delay]
                    both = sum(map(operator.mul, before, after))
                    return both / math.sqrt(sum(x * x for x in before) * sum(x * x for x in after))
                best = max(range(0, 200), key=alike)
                self.assertGreater(alike(best), 0.95)
                self.assertLess(best, 16000 * 0.008)

    def test_multimon_and_we_hear_the_same_keys(self):
        for case in ((-10, -10, 100, 100), (-3, -3, 80, 80), (-20, -20, 100, 60), (-10, -8, 100, 100),
                     (-12, -15, 100, 100), (-25, -25, 150, 100)):
            with self.subTest(case):
                pcm = keys_as_sound(*case)
                self.assertEqual(heard_by_us(pcm), KEYS)
                self.assertEqual(heard_by_multimon(pcm), KEYS)

    def test_keys_that_went_through_a_codec_are_heard_by_both(self):
        pcm = keys_as_sound(-10, -10, 100, 100)
        for codec in (("PCMU", 8000, "le"), ("PCMA", 8000, "le"), ("L16", 24000, "be"), ("G722", 8000, "le"),
                      ("OPUS", 48000, "le")):
            with self.subTest(codec):
                coded = ours(("L16", 8000, "le"), codec, pcm)
                self.assertEqual(heard_by_us(coded, codec), KEYS)
                self.assertEqual(heard_by_multimon(ours(codec, ("L16", 8000, "le"), coded)), KEYS)

    def test_eleven_minutes_of_speech_hold_no_key(self):
        self.assertGreaterEqual(len(self.speech) / 16000, 11 * 60)
        self.assertEqual(heard_by_us(self.speech), "")
        mulaw = ours(("L16", 8000, "le"), ("PCMU", 8000, "le"), self.speech)
        self.assertEqual(heard_by_us(mulaw, ("PCMU", 8000, "le")), "")

    def test_keys_are_heard_over_speech(self):
        """A caller presses while a prompt plays on his line, 20 dB below."""
        key = samples(keys_as_sound(-8, -8, 100, 100))
        voice = samples(self.speech[16000 * 60:16000 * 60 + 2 * len(key)])
        mixed = array.array("h", (max(-32768, min(32767, a + b // 10)) for a, b in zip(key, voice)))
        self.assertEqual(heard_by_us(mixed.tobytes()), KEYS)


if __name__ == "__main__":
    unittest.main()
