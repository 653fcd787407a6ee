"""WebSocket frames cut and glued in every way: at each byte by TCP, at each byte into two frames, all in one piece.

Each message of a call carries other audio, and the recording must have all of it in order.
"""

import base64
import json
import os
import socket
import struct
import time
import unittest

from database import Sqlite
from server import Server, wait_for

TEXT, BINARY, CONTINUED = 1, 2, 0


def frame(opcode, payload, final=True):
    """As RFC 6455, section 5.2, has it, with a mask."""
    mask = os.urandom(4)
    head = bytes([opcode | 0x80 * final])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    else:
        head += bytes([0x80 | 126]) + struct.pack("!H", len(payload))
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


class Line:
    """A socket whose WebSocket handshake is done."""

    def __init__(self, server, path):
        self.socket = socket.create_connection(("127.0.0.1", server.media))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall((f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                             "Sec-WebSocket-Version: 13\r\n\r\n").encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.socket.recv(1)
        assert answer.startswith(b"HTTP/1.1 101"), answer

    def send(self, *pieces):
        """One TCP segment a piece, as near as one can get."""
        for i, piece in enumerate(pieces):
            if i:
                time.sleep(0.001)
            self.socket.sendall(piece)

    def close(self):
        self.socket.sendall(frame(8, struct.pack("!H", 1000)))
        self.socket.settimeout(30)
        while self.socket.recv(65536):
            pass
        self.socket.close()


def sound(number):
    return bytes((number * 7 + i) % 256 for i in range(160))


def twilio_start(call):
    return json.dumps({"event": "start", "start": {"streamSid": "MZ1", "accountSid": "AC1", "callSid": call,
                                                   "mediaFormat": {"encoding": "audio/x-mulaw"}}}).encode()


def twilio_media(number):
    return json.dumps({"event": "media", "streamSid": "MZ1", "media": {
        "track": "inbound", "chunk": str(number + 1), "timestamp": str(number * 20),
        "payload": base64.b64encode(sound(number)).decode()}}).encode()


STOP = b'{"event":"stop","streamSid":"MZ1"}'


class Framing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.store = Sqlite(cls.server.data_dir)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None)

    def expect(self, call, frames, expected, end="stop"):
        row = wait_for("the row", lambda: self.store.rows(
            f"SELECT * FROM calls WHERE provider_call_id = '{call}' AND state = 'ended'"))[0]
        self.assertEqual((row["frames_in"], row["frames_lost"], row["end_reason"]), (frames, 0, end))
        wait_for("the recording", lambda: os.path.exists(row["recording_path"]))
        with open(row["recording_path"], "rb") as file:
            recorded = file.read()
        at = recorded.index(b"data") + 8
        self.assertEqual(recorded[at:].rstrip(b"\0"), expected.rstrip(b"\0"))

    def test_a_frame_cut_by_tcp_at_each_byte(self):
        line = Line(self.server, "/media/twilio")
        line.send(frame(TEXT, twilio_start("cut")))
        count = len(frame(TEXT, twilio_media(100)))
        for number in range(count):
            whole = frame(TEXT, twilio_media(number))
            line.send(whole[: number + 1], whole[number + 1 :])
        line.send(frame(TEXT, STOP))
        line.close()
        self.expect("cut", count, b"".join(map(sound, range(count))))

    def test_a_message_in_two_frames_at_each_byte(self):
        line = Line(self.server, "/media/twilio")
        line.send(frame(TEXT, twilio_start("halved")))
        count = len(twilio_media(100)) + 1
        for number in range(count):
            message = twilio_media(number)
            # A ping may come in between (RFC 6455, section 5.4).
            line.send(frame(TEXT, message[:number], False) + frame(9, b"hello")
                      + frame(CONTINUED, message[number:]))
        line.send(frame(TEXT, STOP))
        line.close()
        self.expect("halved", count, b"".join(map(sound, range(count))))

    def test_a_message_in_as_many_frames_as_it_has_bytes(self):
        line = Line(self.server, "/media/twilio")
        start = twilio_start("crumbled")
        line.send(b"".join(frame(CONTINUED if i else TEXT, start[i : i + 1], i == len(start) - 1)
                           for i in range(len(start))))
        line.send(frame(TEXT, twilio_media(0)), frame(TEXT, STOP))
        line.close()
        self.expect("crumbled", 1, sound(0))

    def test_a_whole_call_in_one_piece(self):
        line = Line(self.server, "/media/twilio")
        line.send(b"".join([frame(TEXT, twilio_start("glued"))]
                           + [frame(TEXT, twilio_media(number)) for number in range(500)] + [frame(TEXT, STOP)]))
        line.close()
        self.expect("glued", 500, b"".join(map(sound, range(500))))

    def test_samples_cut_at_each_byte(self):
        start = {"event": "start", "start": {"stream": "s", "call": "samples", "format": {"encoding": "PCMU"}}}
        line = Line(self.server, "/media/plain")
        line.send(frame(TEXT, json.dumps(start).encode()))
        for number in range(160):
            whole = frame(BINARY, sound(number))
            line.send(whole[: number + 1], whole[number + 1 :])
            line.send(frame(BINARY, sound(number)[:number], False) + frame(CONTINUED, sound(number)[number:]))
        line.send(frame(TEXT, b'{"event":"stop"}'))
        line.close()
        self.expect("samples", 320, b"".join(sound(number) * 2 for number in range(160)))


if __name__ == "__main__":
    unittest.main()
