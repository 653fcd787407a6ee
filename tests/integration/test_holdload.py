"""holdload says of each call what came of it, whatever the server does to it."""

import json
import os
import subprocess
import tempfile
import unittest

from database import Sqlite
from hostile import Hostile
from server import HOLDLOAD, Server, report, wait_for


async def stream_of(socket):
    await socket.recv()
    return json.loads(await socket.recv())["streamSid"]


async def echo_with_blanks_in_fragments(socket):
    stream = await stream_of(socket)
    async for message in socket:
        said = json.loads(message)
        if said["event"] == "stop":
            return
        text = json.dumps({"event": "media", "streamSid": stream,
                           "media": {"payload": said["media"]["payload"]}}, indent=1)
        await socket.send([text[:7], text[7:100], "", text[100:]])


async def mark_and_vanish(socket):
    stream = await stream_of(socket)
    for i in range(40):
        await socket.send(json.dumps({"event": "mark", "streamSid": stream, "mark": {"name": f"m{i}"}}))
    await socket.send(json.dumps({"event": "clear", "streamSid": stream}))
    socket.transport.abort()


class Holdload(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="holdline-test-")
        self.addCleanup(self.dir.cleanup)
        self.path = os.path.join(self.dir.name, "ledger")

    def ledger(self):
        with open(self.path) as file:
            return [json.loads(line) for line in file]

    def against(self, behave, *arguments, host="127.0.0.1"):
        server = Hostile(behave)
        self.addCleanup(server.close)
        load = subprocess.run(
            [HOLDLOAD, "--url", f"ws://{host}:{server.port}/", "--provider", "twilio", "--json", "-", "--ledger",
             self.path, *arguments], capture_output=True, text=True, timeout=60)
        self.assertEqual(load.stderr, "")
        return load.returncode, json.loads(load.stdout)

    def test_messages_in_fragments_and_with_blanks_are_understood(self):
        status, result = self.against(echo_with_blanks_in_fragments, "--calls", "20", "--duration", "1s", "--echo",
                                      host="localhost")
        self.assertEqual((status, result["completed"], result["lost"], result["garbage"]), (0, 20, 0, 0), result)
        self.assertEqual([call["frames_echoed"] for call in self.ledger()], [50] * 20)

    def test_a_server_that_vanishes_ends_each_call_once(self):
        status, result = self.against(mark_and_vanish, "--calls", "200", "--duration", "2s")
        self.assertEqual((status, result["dropped"], result["failed"], result["completed"]), (1, 200, 200, 0), result)
        self.assertEqual([call["outcome"] for call in self.ledger()], ["dropped"] * 200)

    def test_the_ledger_says_what_the_rows_say(self):
        with Server() as server:
            load = server.holdload("--calls", 20, "--duration", "1s", "--echo", "--dtmf", "12#", "--ledger", self.path,
                                   path="/media/twilio/echo")
            self.assertEqual(report(load)["completed"], 20)
            store = Sqlite(server.data_dir)
            query = "SELECT provider_call_id, frames_in, frames_out, bytes_in FROM calls WHERE state = 'ended'"
            wait_for("the rows", lambda: len(store.rows(query)) == 20)
            rows = {tuple(row.values()) for row in store.rows(query)}
        ledger = self.ledger()
        self.assertEqual(rows, {(call["callSid"], call["frames_sent"], call["frames_echoed"], call["bytes_sent"])
                                for call in ledger})
        self.assertEqual({call["dtmf"] for call in ledger}, {"12#"})
        self.assertTrue(all(call["started"] < call["ended"] for call in ledger))

    def test_a_call_that_was_refused_was_never_started(self):
        with Server() as server:
            report(server.holdload("--calls", 3, "--ledger", self.path, path="/nothing"))
        self.assertEqual([(call["outcome"], call["status"], call["started"]) for call in self.ledger()],
                         [("refused", 404, None)] * 3)


if __name__ == "__main__":
    unittest.main()
