"""Sound for tests: real speech, keys, and the programs that convert it (ours and ffmpeg)."""

import array
import glob
import math
import os
import struct
import subprocess
import wave

PIPE = os.path.join(os.environ["TEST_BUILD"], "tests", "convert_pipe")
SPEECH = "/usr/share/asterisk/sounds/en*/**/*.wav"
KEYS = "123A456B789C*0#D"
LOW, HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)


def run(*command, data=b""):
    return subprocess.run([str(word) for word in command], input=data, stdout=subprocess.PIPE, check=True,
                          timeout=300).stdout


def ours(source, target, data, frame=320):
    """`source` and `target` are (codec, rate, order)."""
    return run(PIPE, *source, *target, frame, data=data)


def ffmpeg(source, target, data):
    """`source` and `target` are (format, rate)."""
    def said(side):
        name, rate = side
        return ("-f", name, "-ar", rate, "-ac", 1) if name != "g722" else ("-f", name)
    return run("ffmpeg", "-v", "error", "-bitexact", *said(source), "-i", "-", *said(target), "-", data=data)


def speech():
    """Every prompt once, one behind the other."""
    paths = sorted({os.path.realpath(path) for path in glob.glob(SPEECH, recursive=True)})
    parts = []
    for path in paths:
        with wave.open(path) as sound:
            assert (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()) == (8000, 2, 1), path
            parts.append(sound.readframes(sound.getnframes()))
    return b"".join(parts)


def samples(data):
    return array.array("h", data)  # little-endian, as all machines that we build for


def level(dbm0):
    return 32767 * 10 ** ((dbm0 - 3.14) / 20)


def keys_as_sound(low_dbm0, high_dbm0, on_ms, off_ms):
    pcm = array.array("h", bytes(1600))
    for place in range(16):
        low, high = LOW[place // 4] * math.tau / 8000, HIGH[place % 4] * math.tau / 8000
        a, b = level(low_dbm0), level(high_dbm0)
        pcm.extend(max(-32768, min(32767, round(a * math.sin(low * i) + b * math.sin(high * i))))
                   for i in range(8 * on_ms))
        pcm.extend([0] * (8 * off_ms))
    return pcm.tobytes() + bytes(1600)


def wav(path):
    """(encoding, channels, rate, audio) of a WAV file."""
    with open(path, "rb") as file:
        content = file.read()
    at, form = 12, None
    while at < len(content):
        name, size = content[at : at + 4], struct.unpack("<I", content[at + 4 : at + 8])[0]
        if name == b"fmt ":
            form = struct.unpack("<HHI", content[at + 8 : at + 16])
        if name == b"data":
            return (*form, content[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    raise AssertionError("no data chunk")
