"""GET /api/calls/{id}/recording: the file, its parts, and nothing that is no recording."""

import http.client
import os
import random
import socket
import sqlite3
import unittest

from database import Sqlite
from server import Server, report, wait_for
from twilio_caller import wav_audio

BIG = 40 << 20


class Recordings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server())
        cls.store = Sqlite(cls.server.data_dir)
        done = report(cls.server.holdload("--calls", 1, "--duration", "1s"))
        assert done["completed"] == 1
        row = wait_for("its final row", lambda: cls.store.rows("SELECT * FROM calls WHERE state = 'ended'"))[0]
        cls.call, cls.file = row["call_id"], row["recording_path"]
        wait_for("its recording", lambda: os.path.exists(cls.file))
        with open(cls.file, "rb") as file:
            cls.sound = file.read()
        with open(os.path.join(cls.server.data_dir, "admin.token"), encoding="ascii") as file:
            cls.token = file.read().strip()
        wait_for("the API", lambda: cls.server.api("/api/calls")[0] == 200)

    def setUp(self):
        self.peer = http.client.HTTPConnection("127.0.0.1", self.server.control, timeout=30)
        self.addCleanup(self.peer.close)

    def ask(self, call=None, method="GET", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.peer.request(method, f"/api/calls/{call or self.call}/recording",
                          headers={"Authorization": "Bearer " + self.token, **headers})
        answer = self.peer.getresponse()
        return answer, answer.read()

    def call_with(self, path, node=None):
        """Another call, whose row says that its recording is there."""
        call = f"01980000-0000-7000-8000-{random.getrandbits(48):012x}"
        with sqlite3.connect(self.store.path, timeout=30) as database:
            database.execute(
                "INSERT INTO calls (call_id, node_id, provider, state, started_at, recording_path, rev) "
                "SELECT ?, coalesce(?, node_id), provider, 'ended', started_at, ?, 1 FROM calls WHERE call_id = ?",
                (call, node, path, self.call))
        return call

    def file_below(self, content):
        path = os.path.join(os.path.dirname(self.file), f"{random.getrandbits(64):x}.wav")
        with open(path, "wb") as file:
            file.write(content)
        return path

    def test_all_of_it_as_it_lies_on_the_disk_and_the_connection_goes_on(self):
        for _ in range(3):
            answer, sound = self.ask()
            self.assertEqual((answer.status, sound), (200, self.sound))
            self.assertEqual(answer.headers["content-type"], "audio/wav")
            self.assertEqual(answer.headers["accept-ranges"], "bytes")
        self.assertGreater(len(wav_audio(self.file)[1]), 4000)
        answer, sound = self.ask(method="HEAD")
        self.assertEqual((answer.status, sound), (200, b""))
        self.assertEqual(int(answer.headers["content-length"]), len(self.sound))

    def test_a_part_of_it(self):
        size = len(self.sound)
        parts = {"bytes=0-0": (0, 1), "bytes=10-19": (10, 20), f"bytes={size - 1}-": (size - 1, size),
                 "bytes=-7": (size - 7, size), f"bytes=5-{size * 9}": (5, size), f"bytes=-{size * 9}": (0, size),
                 "bytes=0-": (0, size)}
        for text, (first, end) in parts.items():
            with self.subTest(text):
                answer, sound = self.ask(Range=text)
                self.assertEqual((answer.status, sound), (206, self.sound[first:end]))
                self.assertEqual(answer.headers["content-range"], f"bytes {first}-{end - 1}/{size}")

    def test_a_part_that_it_has_not(self):
        for text in (f"bytes={len(self.sound)}-", "bytes=99999999999999999999999-", "bytes=-0"):
            with self.subTest(text):
                answer, body = self.ask(Range=text)
                self.assertEqual((answer.status, answer.headers["content-range"]), (416, f"bytes */{len(self.sound)}"))
                self.assertIn(b"RANGE_NOT_SATISFIABLE", body)

    def test_a_range_that_is_none_of_ours_means_all_of_it(self):
        for text in ("bytes=", "bytes=-", "bytes=2-1", "bytes=a-b", "bytes=0-1,3-4", "lines=0-1", "bytes=1", "x" * 500):
            with self.subTest(text):
                answer, sound = self.ask(Range=text)
                self.assertEqual((answer.status, sound), (200, self.sound))

    def test_who_has_it_is_not_sent_it_again(self):
        etag = self.ask()[0].headers["etag"]
        for text in (etag, "W/" + etag, f'"other", {etag}', "*"):
            answer, sound = self.ask(If_None_Match=text)
            self.assertEqual((answer.status, sound, answer.headers["etag"]), (304, b"", etag), text)
        self.assertEqual(self.ask(If_None_Match='"other"')[0].status, 200)
        self.assertEqual(self.ask(Range="bytes=0-1", If_Range=etag)[0].status, 206)
        answer, sound = self.ask(Range="bytes=0-1", If_Range='"other"')
        self.assertEqual((answer.status, sound), (200, self.sound))

    def test_what_is_no_recording_of_ours_is_not_there(self):
        below = os.path.dirname(self.file)
        link = os.path.join(below, "link.wav")
        os.symlink("/etc/passwd", link)
        self.addCleanup(os.unlink, link)
        for path in ("/etc/passwd", link, below, below + "/../../admin.token", below + "/nothing.wav",
                     os.path.join(self.server.data_dir, "admin.token"), "", None):
            with self.subTest(path):
                answer, body = self.ask(self.call_with(path))
                self.assertEqual(answer.status, 404, body)
        answer, body = self.ask(self.call_with(self.file, node="elsewhere"))
        self.assertEqual(answer.status, 404)
        self.assertIn(b"the recording is on the node elsewhere", body)
        self.assertEqual(self.ask("01980000-0000-7000-8000-000000000000")[0].status, 404)
        self.assertEqual(self.ask("12345")[0].status, 400)

    def test_an_empty_file(self):
        call = self.call_with(self.file_below(b""))
        self.assertEqual(self.ask(call)[1], b"")
        self.assertEqual(self.ask(call, Range="bytes=0-")[0].status, 416)
        self.assertEqual(self.ask()[1], self.sound)

    def test_many_pieces_are_one_whole(self):
        content = random.randbytes(BIG)
        call = self.call_with(self.file_below(content))
        self.assertEqual(self.ask(call)[1], content)
        self.assertEqual(self.ask(call, Range="bytes=70000-9999999")[1], content[70000:10000000])

    def test_peers_that_do_not_read_hold_a_piece_each_and_nobody_up(self):
        call = self.call_with(self.file_below(bytes(BIG)))
        request = (f"GET /api/calls/{call}/recording HTTP/1.1\r\nHost: x\r\n"
                   f"Authorization: Bearer {self.token}\r\n\r\n").encode()

        def memory():
            with open(f"/proc/{self.server.pids('control')[0]}/statm", encoding="ascii") as file:
                return int(file.read().split()[1]) * 4096

        self.ask(call)
        before, idle = memory(), []
        for _ in range(24):  # fewer than control.query_queue
            peer = socket.create_connection(("127.0.0.1", self.server.control))
            self.addCleanup(peer.close)
            peer.sendall(request)
            idle.append(peer)
        for peer in idle:
            self.assertTrue(peer.recv(100).startswith(b"HTTP/1.1 200"))
        self.assertEqual(self.ask()[1], self.sound)
        # The sanitizers' own keeping is in this as well.
        self.assertLess(memory() - before, len(idle) * BIG / 2)
        for peer in idle[::2]:
            peer.close()
        self.assertEqual(self.ask()[1], self.sound)

    def test_a_file_that_becomes_shorter_is_cut_and_the_server_goes_on(self):
        path = self.file_below(bytes(BIG))
        call = self.call_with(path)
        self.peer.request("GET", f"/api/calls/{call}/recording", headers={"Authorization": "Bearer " + self.token})
        answer = self.peer.getresponse()
        answer.read(1000)
        os.truncate(path, 100000)
        with self.assertRaises((http.client.IncompleteRead, ConnectionError)):
            answer.read()
        self.peer.close()
        self.assertEqual(self.ask()[1], self.sound)
        self.assertIn("[HTTP_FILE]", self.server.log())

    def test_rows_have_an_etag_too(self):
        self.peer.request("GET", f"/api/calls/{self.call}", headers={"Authorization": "Bearer " + self.token})
        answer = self.peer.getresponse()
        etag, body = answer.headers["etag"], answer.read()
        self.assertIn(self.call.encode(), body)
        self.peer.request("GET", f"/api/calls/{self.call}",
                          headers={"Authorization": "Bearer " + self.token, "If-None-Match": etag})
        answer = self.peer.getresponse()
        self.assertEqual((answer.status, answer.read()), (304, b""))


if __name__ == "__main__":
    unittest.main()
