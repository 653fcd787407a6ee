"""Calls while they are live: listed, measured, hung up, whatever the database does."""

import asyncio
import json
import unittest

import websockets

from database import Postgres, Sqlite
from live import Crowd, live_id, tone, tone_db, user
from server import Server, report, wait_for
from test_api_users import AWAY, Peer, admin
from test_dialects import transcript

UNKNOWN = "01980000-0000-7000-8000-000000000000"
ROW = {"call_id", "node_id", "provider", "provider_call_id", "stream_id", "account_id", "direction", "from_number",
       "to_number", "state", "started_at", "ended_at", "duration_ms", "end_reason", "codec", "sample_rate",
       "frames_in", "frames_out", "bytes_in", "bytes_out", "frames_lost", "max_gap_ms", "dtmf", "custom",
       "recording_path", "rev", "frames_late", "frames_dropped", "trace_id", "provider_status", "provider_duration_ms",
       "hangup_cause", "provider_error"}


def page(server, query=""):
    status, body = admin(server).ask("GET", "/api/live-calls" + query)
    assert status == 200, (status, body)
    return body


class Living(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server(**self.settings()))
        self.crowd = self.enterContext(Crowd())

    def settings(self):
        return {}

    def call(self, path="/media/twilio", **more):
        caller = self.crowd.call(self.server.ws(path), **more)
        return caller, live_id(self.server, caller.call)


class Listed(Living):
    def settings(self):
        return {"media__processes": 2}

    def test_each_is_shown_as_it_is(self):
        caller, call_id = self.call(custom={"from": "+15550001", "to": "+15550002", "direction": "inbound"})
        self.crowd.run(caller.dtmf("7"))
        one = wait_for("its numbers", lambda: (found := page(self.server)["calls"][0])["frames_in"] > 20
                       and found["dtmf"] and found)
        expected = {"call_id": call_id, "provider": "twilio", "provider_call_id": caller.call,
                    "stream_id": caller.stream, "account_id": caller.account, "direction": "inbound",
                    "from_number": "+15550001", "to_number": "+15550002", "handler": "record", "codec": "PCMU",
                    "sample_rate": 8000, "frames_lost": 0, "frames_out": 0, "dtmf": "7", "paused": False,
                    "recorded": True}
        self.assertEqual({key: one[key] for key in expected}, expected)
        self.assertEqual(one["bytes_in"], one["frames_in"] * 160)
        status, same = admin(self.server).ask("GET", f"/api/live-calls/{call_id}")
        self.assertEqual((status, set(same)), (200, set(one)))
        self.assertEqual(self.crowd.stop(caller), 1000)
        wait_for("its end", lambda: page(self.server) == {"calls": [], "total": 0, "next_cursor": None})
        self.assertEqual(admin(self.server).ask("GET", f"/api/live-calls/{call_id}")[0], 404)

    def test_all_processes_newest_first_page_by_page_and_filtered(self):
        count = 24
        ids = [self.call(custom={("from", "to")[n % 2]: f"+4{n % 3}"})[1] for n in range(count)]
        seen, query = [], "?limit=7"
        while query:
            found = page(self.server, query)
            self.assertEqual(found["total"], count)
            seen += [one["call_id"] for one in found["calls"]]
            query = found["next_cursor"] and f"?limit=7&cursor={found['next_cursor']}"
        self.assertEqual(seen, sorted(ids, reverse=True))
        found = page(self.server, "?number=%2B41&limit=3")
        self.assertEqual((found["total"], len(found["calls"])), (8, 3))
        self.assertEqual(page(self.server, "?provider=vonage")["total"], 0)
        self.assertEqual(page(self.server, "?provider=twilio")["total"], count)

    def test_what_is_asked_wrongly_is_told_by_name(self):
        for query, word in {"limit=0": "limit:", "provider=": "provider:", "state=live": "no such parameter",
                            "cursor=abc": "cursor: needs a UUID"}.items():
            status, body = admin(self.server).ask("GET", "/api/live-calls?" + query)
            self.assertEqual(status, 400)
            self.assertIn(word, body["detail"])
        self.assertEqual(admin(self.server).ask("GET", "/api/live-calls/abc")[0], 400)

    def test_a_process_that_dies_takes_its_calls_off_the_list(self):
        for _ in range(8):
            self.call()
        victim = self.server.pids("media")[0]
        self.assertEqual(page(self.server)["total"], 8)
        survivors = len(self.server.pids("media"))
        self.server.kill("media")
        wait_for("nobody", lambda: page(self.server)["total"] == 0)
        wait_for("new processes", lambda: len(self.server.pids("media")) == survivors
                 and victim not in self.server.pids("media"))
        self.call()
        self.assertEqual(page(self.server)["total"], 1)

    def test_how_loud_it_is_while_somebody_looks(self):
        caller, call_id = self.call("/media/twilio/echo", sound=tone(8000))
        def levels():
            one = page(self.server)["calls"][0]
            return one["level_in_db"] is not None and one
        one = wait_for("levels", levels)
        wait_for("both", lambda: (one := levels()) and abs(one["level_in_db"] - tone_db(8000)) < 0.5
                 and abs(one["level_out_db"] - tone_db(8000)) < 0.5)
        self.crowd.stop(caller)
        quiet, _ = self.call()
        one = wait_for("levels", levels)
        self.assertEqual((one["level_in_db"], one["level_out_db"]), (-100, -100))


class HungUp(Living):
    def settings(self):
        return {"media__processes": 2}

    def row(self, call_id):
        store = Sqlite(self.server.data_dir)
        return wait_for("its last row", lambda: store.rows(
            f"SELECT * FROM calls WHERE call_id = '{call_id}' AND state = 'ended'"))[0]

    def test_one_of_many_and_no_other(self):
        calls = [self.call() for _ in range(8)]
        for caller, call_id in calls[:3]:
            status, body = admin(self.server).ask("DELETE", f"/api/calls/{call_id}")
            self.assertEqual((status, body), (202, {"call_id": call_id, "state": "ending"}))
            self.assertIn(admin(self.server).ask("DELETE", f"/api/calls/{call_id}")[0], (202, 409))
        for caller, call_id in calls[:3]:
            self.assertEqual(caller.ended.result(30), 1000)
            self.assertEqual(self.row(call_id)["end_reason"], "hangup")
            status, body = admin(self.server).ask("DELETE", f"/api/calls/{call_id}")
            self.assertEqual((status, body["error"]), (409, "CONFLICT"))
        self.assertEqual(page(self.server)["total"], 5)
        self.assertFalse([caller for caller, _ in calls[3:] if caller.ended.done()])
        for _, call_id in calls[:3]:
            self.assertRegex(self.server.log(),
                             rf'\[AUDIT\] .*who=admin_token .*action="DELETE /api/calls/{call_id}" .*status=202')

    def test_who_may_not_and_what_is_not_there(self):
        _, call_id = self.call()
        path = f"/api/calls/{call_id}"
        self.assertEqual(Peer(self.server).ask("DELETE", path)[0], 401)
        self.assertEqual(user(self.server, "viewer").ask("DELETE", path)[0], 403)
        self.assertEqual(user(self.server, "viewer").ask("GET", "/api/live-calls")[0], 200)
        self.assertEqual(admin(self.server).ask("DELETE", f"/api/calls/{UNKNOWN}")[0], 404)
        self.assertEqual(admin(self.server).ask("DELETE", "/api/calls/12345")[0], 400)
        self.assertEqual(page(self.server)["total"], 1)
        self.assertEqual(user(self.server, "operator").ask("DELETE", path)[0], 202)

    def hang_up(self, path, messages, wanted, subprotocol=None):
        """What a caller hears who sends these and stays on the line."""
        async def call():
            heard = []
            async with websockets.connect(self.server.ws(path), compression=None, max_size=None,
                                          subprotocols=subprotocol and [subprotocol]) as socket:
                for message in messages:
                    await socket.send(message)
                found = await asyncio.to_thread(wait_for, "the call", lambda: page(self.server)["calls"])
                status, _ = await asyncio.to_thread(admin(self.server).ask, "DELETE",
                                                    f"/api/calls/{found[0]['call_id']}")
                self.assertEqual(status, 202)
                try:
                    while True:
                        heard.append(await asyncio.wait_for(socket.recv(), 30))
                except websockets.ConnectionClosed:
                    return found[0]["call_id"], heard, socket.close_code
        call_id, heard, code = asyncio.run(call())
        texts = [text for text in heard if isinstance(text, str)]
        self.assertEqual(code, 1000)
        self.assertTrue(wanted(texts), texts)
        self.assertEqual(self.row(call_id)["end_reason"], "hangup")
        wait_for("nobody", lambda: page(self.server)["total"] == 0)

    def test_in_each_providers_words(self):
        def begins(name, last):
            messages = transcript(name)
            return messages[: next(i for i, message in enumerate(messages) if last(message))]
        is_stop = lambda message: isinstance(message, str) and '"stop"' in message
        genesys = begins("audiohook-bot", lambda message: isinstance(message, str) and '"type":"close"' in message)
        cases = {
            "/media/signalwire": (begins("signalwire", is_stop), lambda texts: True),
            "/media/telnyx": (begins("telnyx", is_stop), lambda texts: True),
            "/media/exotel": (begins("exotel", is_stop), lambda texts: True),
            "/media/vonage": (transcript("vonage")[:3], lambda texts: True),
            "/media/genesys": (genesys, lambda texts: json.loads(texts[-1])["type"] == "disconnect"
                               and json.loads(texts[-1])["parameters"]["reason"] == "completed"),
            "/media/asterisk": (transcript("asterisk")[:3], lambda texts: "HANGUP" in texts[-1]),
        }
        for path, (messages, wanted) in cases.items():
            with self.subTest(path):
                self.hang_up(path, messages, wanted)
        with self.subTest("jambonz"):
            self.hang_up("/media/jambonz", transcript("jambonz")[:3],
                         lambda texts: json.loads(texts[-1])["type"] == "disconnect", "audio.jambonz.org")


class InAnOutage(unittest.TestCase):
    def setUp(self):
        self.store = Postgres().start()
        self.addCleanup(self.store.close)
        self.server = self.enterContext(Server(database__url=self.store.url, database__retry__max="1s",
                                               media__processes=2))
        self.crowd = self.enterContext(Crowd())

    def test_live_calls_keep_answering_and_can_be_hung_up(self):
        ask = admin(self.server).ask
        wait_for("the API", lambda: ask("GET", "/api/calls")[0] == 200)
        callers = [self.crowd.call(self.server.ws(), custom={"to": f"+49{n}"}) for n in range(4)]
        ids = [live_id(self.server, caller.call) for caller in callers]
        wait_for("their rows", lambda: len(ask("GET", "/api/calls?state=live")[1]["calls"]) == 4)
        known = ask("GET", f"/api/calls/{ids[0]}")[1]
        self.store.stop()
        wait_for("the outage", lambda: ask("GET", "/api/calls") == (503, AWAY))
        late = self.crowd.call(self.server.ws())
        ids.append(live_id(self.server, late.call))

        status, body = ask("GET", "/api/calls?state=live")
        self.assertEqual((status, {one["call_id"] for one in body["calls"]}), (200, set(ids)))
        self.assertEqual({frozenset(one) for one in body["calls"]}, {frozenset(ROW)})
        status, first = ask("GET", "/api/calls?state=live&limit=2")
        status, rest = ask("GET", f"/api/calls?state=live&limit=500&cursor={first['next_cursor']}")
        self.assertEqual([one["call_id"] for one in first["calls"] + rest["calls"]], sorted(ids, reverse=True))
        self.assertEqual(len(ask("GET", "/api/calls?state=live&number=%2B491")[1]["calls"]), 1)
        self.assertEqual(len(ask("GET", f"/api/calls?state=live&since={known['started_at']}")[1]["calls"]), 5)
        self.assertEqual(ask("GET", f"/api/calls?state=live&before={known['started_at']}")[1]["calls"], [])
        status, one = ask("GET", f"/api/calls/{ids[0]}")
        self.assertEqual((status, set(one)), (200, set(known)))
        self.assertEqual({key: one[key] for key in ("call_id", "state", "stream_id", "started_at", "to_number", "rev")},
                         {key: known[key] for key in ("call_id", "state", "stream_id", "started_at", "to_number", "rev")})
        for path in ("/api/calls", "/api/calls?state=ended", f"/api/calls/{UNKNOWN}", f"/api/calls/{ids[0]}/recording"):
            self.assertEqual(ask("GET", path), (503, AWAY))
        self.assertEqual(page(self.server)["total"], 5)

        listed = self.server.holdctl("call", "list", "--state", "live", "--json").stdout
        self.assertEqual({json.loads(line)["call_id"] for line in listed.splitlines()}, set(ids))
        self.assertIn("memory", self.server.holdctl("call", "list", "--state", "live").stderr)
        self.assertEqual(json.loads(self.server.holdctl("--json", "call", "show", ids[0]).stdout)["call_id"], ids[0])
        self.assertEqual(self.server.holdctl("call", "list", check=False).returncode, 3)
        self.server.holdctl("call", "hangup", ids[0])
        self.assertEqual(callers[0].ended.result(30), 1000)
        self.assertEqual(self.server.holdctl("call", "hangup", ids[0], check=False).returncode, 1)
        self.assertEqual(ask("DELETE", f"/api/calls/{ids[1]}")[0], 202)
        self.assertEqual(callers[1].ended.result(30), 1000)
        self.assertEqual(ask("GET", f"/api/calls/{ids[1]}")[1]["end_reason"], "hangup")
        wait_for("three of them", lambda: page(self.server)["total"] == 3)

        self.store.start()
        wait_for("the rows", lambda: self.store.rows(
            f"SELECT 1 FROM calls WHERE call_id = '{ids[1]}' AND end_reason = 'hangup'"))


class ALot(unittest.TestCase):
    def test_the_list_is_cheap(self):
        with Server(media__processes=2) as server:
            load = server.holdload("--calls", 400, "--ramp", 400, "--duration", "6s")
            wait_for("all of them", lambda: page(server, "?limit=1")["total"] == 400)
            found = page(server, "?limit=500")
            self.assertEqual((len(found["calls"]), found["next_cursor"]), (400, None))
            ids = [one["call_id"] for one in found["calls"]]  # they begin with the time
            self.assertEqual(ids, sorted(ids, reverse=True))
            done = report(load)
            self.assertEqual(done["completed"], 400)
            wait_for("nobody", lambda: page(server)["total"] == 0)


if __name__ == "__main__":
    unittest.main()
