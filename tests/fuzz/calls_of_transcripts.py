#!/usr/bin/env python3
"""calls_of_transcripts.py DIRECTORY - the sample calls as inputs of call_fuzz

Each transcript becomes a call that is recorded, one that is said back, and one whose dialect is left open. The corpus in
the repository was made by this, thinned out by call_fuzz -merge=1.
"""

import base64
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
# In the order of server/providers.h.
PROVIDERS = ["twilio", "signalwire", "telnyx", "plivo", "exotel", "vonage", "genesys", "asterisk", "azure", "jambonz",
             "plain", "freeswitch"]
AUDIO_MAX = 6  # messages of a call: the next ones tell nothing new


def is_audio(line):
    return line["type"] == "binary" or len(line["data"]) > 300 and '"media"' in line["data"]


def said(line):
    """What the provider says, or the like of it from us; and the 20 ms that pass."""
    if line["dir"] == "out":
        return b"\5\20\6\0\3\24"
    text = line["type"] == "text"
    data = line["data"].encode() if text else base64.b64decode(line["data"])
    return bytes([0 if text else 2]) + len(data).to_bytes(2, "little") + data + b"\3\24"


def story(path):
    audio = 0
    for text in path.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        audio += is_audio(line)
        if audio <= AUDIO_MAX or not is_audio(line):
            yield said(line)


def main():
    target = pathlib.Path(sys.argv[1])
    for path in sorted((HERE.parent / "transcripts").glob("*.jsonl")):
        name = path.stem.split("-")[0].replace("audiohook", "genesys")
        provider = PROVIDERS.index(name) if name in PROVIDERS else 255
        body = b"".join(story(path))
        for number, (who, kind, send) in enumerate([(provider, 66, b"\0\0"), (provider, 16, b"\4\50"),
                                                    (255, 3, b"\2\120")]):
            (target / f"{path.stem}-{number}").write_bytes(bytes([who, kind]) + send + body)


main()
