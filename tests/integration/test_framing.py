"""WebSocket frames cut and glued in every way: at each byte by TCP, at each byte into two frames, all in one piece.

Each message of a call carries other audio, and the recording must have all of it in order. All of it once more behind
a handshake that came in two parts, after which libwebsockets goes on reading, as it does under TLS.
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

    def __init__(self, server, path, cut=False):
        self.socket = socket.create_connection(("127.0.0.1", server.media))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = ((f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                    "Sec-WebSocket-Version: 13\r\n\r\n").encode())
        if cut:
            self.socket.sendall(request[:20])
            time.sleep(0.05)
            request = request[20:]
        self.socket.sendall(request)
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
    cut = False

    def line(self, path="/media/twilio"):
        return Line(self.server, path, self.cut)

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
        line = self.line()
        line.send(frame(TEXT, twilio_start("cut")))
        count = len(frame(TEXT, twilio_media(100)))
        for number in range(count):
            whole = frame(TEXT, twilio_media(number))
            line.send(whole[: number + 1], whole[number + 1 :])
        line.send(frame(TEXT, STOP))
        line.close()
        self.expect("cut", count, b"".join(map(sound, range(count))))

    def test_a_message_in_two_frames_at_each_byte(self):
        line = self.line()
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
        line = self.line()
        start = twilio_start("crumbled")
        line.send(b"".join(frame(CONTINUED if i else TEXT, start[i : i + 1], i == len(start) - 1)
                           for i in range(len(start))))
        line.send(frame(TEXT, twilio_media(0)), frame(TEXT, STOP))
        line.close()
        self.expect("crumbled", 1, sound(0))

    def test_a_whole_call_in_one_piece(self):
        line = self.line()
        line.send(b"".join([frame(TEXT, twilio_start("glued"))]
                           + [frame(TEXT, twilio_media(number)) for number in range(500)] + [frame(TEXT, STOP)]))
        line.close()
        self.expect("glued", 500, b"".join(map(sound, range(500))))

    def test_samples_cut_at_each_byte(self):
        start = {"event": "start", "start": {"stream": "s", "call": "samples", "format": {"encoding": "PCMU"}}}
        line = self.line("/media/plain")
        line.send(frame(TEXT, json.dumps(start).encode()))
        for number in range(160):
            whole = frame(BINARY, sound(number))
            line.send(whole[: number + 1], whole[number + 1 :])
            line.send(frame(BINARY, sound(number)[:number], False) + frame(CONTINUED, sound(number)[number:]))
        line.send(frame(TEXT, b'{"event":"stop"}'))
        line.close()
        self.expect("samples", 320, b"".join(sound(number) * 2 for number in range(160)))

    def test_a_ping_is_answered_with_its_bytes(self):
        line = self.line()
        line.send(frame(9, b"are you there?"))
        self.assertEqual(line.socket.recv(64), bytes([0x8A, 14]) + b"are you there?")
        line.close()


class BehindACutHandshake(Framing):
    cut = True


class Broken(unittest.TestCase):
    """What RFC 6455 forbids ends the call with 1002, and its row says so."""

    def test_each(self):
        start, media = frame(TEXT, twilio_start("broken")), twilio_media(0)
        cases = {
            "a frame without a mask": bytes([0x81, 5]) + b"hello",
            "a frame with reserved bits": bytes([0xC1]) + frame(TEXT, media)[1:],
            "a frame of an unknown kind": frame(3, media),
            "a continuation of nothing": frame(CONTINUED, media),
            "a message within another": frame(TEXT, media[:9], False) + frame(TEXT, media),
            "a control frame in pieces": frame(9, b"a", False),
            "a control frame too long": frame(9, b"a" * 126),
            "a frame of impossible length": bytes([0x82, 0xFF]) + b"\xff" * 8 + b"mask",
            "a close frame with no proper code": frame(8, struct.pack("!H", 1005)),
        }
        with Server() as server:
            store = Sqlite(server.data_dir)
            for count, (why, broken) in enumerate(cases.items(), 1):
                with self.subTest(why):
                    line = Line(server, "/media/twilio")
                    line.send(start, frame(TEXT, media), broken + frame(TEXT, media))
                    line.socket.settimeout(30)
                    heard = b""
                    while piece := line.socket.recv(4096):
                        heard += piece
                    line.socket.close()
                    self.assertEqual(heard[-4:], bytes([0x88, 2]) + struct.pack("!H", 1002))
                    wait_for(why, lambda why=why: f'err="{why}"' in server.log())
                    wait_for("the row", lambda: len(store.rows(
                        "SELECT call_id FROM calls WHERE state = 'ended' AND end_reason = 'protocol_error' "
                        "AND frames_in = 1")) == count)


if __name__ == "__main__":
    unittest.main()
