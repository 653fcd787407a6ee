"""What happens is told to events.webhook: at least once, under one id, whatever dies or is away meanwhile."""

import collections
import json
import os
import random
import re
import shutil
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import jsonschema

from certificates import Authority
from database import Postgres, Sqlite
from receiver import Receiver, is_signed
from server import Server, report, wait_for
from twilio_caller import wav_audio

SECRET = "not to be seen in any log"
DOCS = os.path.join(os.path.dirname(__file__), "..", "..", "docs")

with open(os.path.join(DOCS, "event.schema.json"), encoding="utf-8") as schema:
    FORM = jsonschema.Draft202012Validator(json.load(schema))


def documented(language):
    """The receiver's code as docs/events.md has it."""
    with open(os.path.join(DOCS, "events.md"), encoding="utf-8") as page:
        return re.search(rf"```{language}\n(.*?)```", page.read(), re.DOTALL).group(1)


class Events(unittest.TestCase):
    def receiver(self, *answers, **options):
        receiver = Receiver(*answers, **{"keep_alive": True, **options})
        self.addCleanup(self.check, receiver)
        self.addCleanup(receiver.close)
        return receiver

    def check(self, receiver):
        """Everything that was ever posted has the documented form, and one id has one content."""
        contents = collections.defaultdict(set)
        for headers, body in receiver.posts:
            event = json.loads(body)
            FORM.validate(event)
            self.assertEqual(headers["X-Holdline-Delivery"], event["id"])
            trace = event["data"].get("trace_id") or "[0-9a-f]{32}"
            self.assertRegex(headers["traceparent"], f"^00-{trace}-[0-9a-f]{{16}}-0[01]$")
            contents[event["id"]].add(body)
        self.assertTrue(all(len(bodies) == 1 for bodies in contents.values()))

    def server(self, receiver, **more):
        settings = {"events__webhook": receiver.url, "events__secret": SECRET, "events__retry_max": "500ms"}
        settings.update(more)
        return Server(**settings)

    def told(self, receiver, kind):
        """Of the events taken of that type: one by id, in the order they came."""
        found = {}
        for _, body in list(receiver.taken):
            event = json.loads(body)
            if event["type"] == kind:
                found.setdefault(event["id"], event)
        return list(found.values())

    def calls(self, receiver, kind):
        return {event["data"]["provider_call_id"] for event in self.told(receiver, kind)}

    def all_told(self, receiver, result, seconds=60):
        """Both ends of each call that the provider's side knows of."""
        said = {call["callSid"] for call in result["call_list"]}
        for kind in ("call.started", "call.ended"):
            wait_for(f"each {kind}", lambda kind=kind: self.calls(receiver, kind) >= said, seconds)
        return said

    def test_a_call_is_told_signed_in_order_and_true(self):
        receiver = self.receiver()
        with self.server(receiver, node__id="gw-7") as server:
            result = report(server.holdload("--calls", 5, "--duration", "1s"))
            said = self.all_told(receiver, result)
            self.assertEqual(len(said), 5)
        for headers, body in receiver.taken:
            self.assertTrue(is_signed(headers, body, SECRET))
            event = json.loads(body)
            self.assertEqual((event["version"], event["node_id"]), (1, "gw-7"))
        ended = self.told(receiver, "call.ended")
        self.assertEqual({event["data"]["end_reason"] for event in ended}, {"stop"})
        self.assertEqual({event["data"]["state"] for event in self.told(receiver, "call.started")}, {"live"})
        kinds = collections.defaultdict(list)
        for _, body in receiver.taken:
            event = json.loads(body)
            kinds[event["data"]["call_id"]].append(event["type"])
        for order in kinds.values():
            self.assertLess(order.index("call.started"), order.index("call.ended"))

    def test_the_database_is_away_and_events_come_all_the_same(self):
        store = Postgres()
        self.addCleanup(store.close)
        store.start()
        receiver = self.receiver()
        with self.server(receiver, database__url=store.url) as server:
            wait_for("the database", lambda: server.get("/health/db")[0] == 200)
            store.stop()
            wait_for("the outage to be told", lambda: self.told(receiver, "database.down"))
            failures = server.log().count("[DB_DOWN]")
            result = report(server.holdload("--calls", 20, "--duration", "1s"))
            self.all_told(receiver, result)
            wait_for("the backlog", lambda: server.metric("holdline_outbox_records") > 39)
            wait_for("many more failures", lambda: server.log().count("[DB_DOWN]") > failures + 5)
            old = server.pids("control")
            server.kill("control")
            wait_for("another control", lambda: (new := server.pids("control")) and new != old)
            wait_for("its failures", lambda: server.log().count("[DB_DOWN]") > failures + 9)
            store.start()
            recovered = wait_for("the recovery to be told", lambda: self.told(receiver, "database.recovered"))
            wait_for("the rows", lambda: len(store.rows("SELECT 1 FROM calls WHERE state = 'ended'")) == 20)
        down = self.told(receiver, "database.down")
        self.assertEqual((len(down), len(recovered)), (1, 1))
        self.assertEqual(down[0]["data"]["outage"], recovered[0]["data"]["outage"])
        self.assertEqual(recovered[0]["data"]["since"], down[0]["at"])
        self.assertGreater(recovered[0]["data"]["down_for_ms"], 1000)

    def test_control_killed_again_and_again_in_a_flood_of_calls_misses_none(self):
        dice = random.Random(7)
        receiver = self.receiver(rule=lambda *_: 204 if dice.random() < 0.9 else 500)
        with self.server(receiver) as server:
            load = server.holdload("--calls", 400, "--ramp", "40/s", "--duration", "300ms")
            for _ in range(12):
                old = wait_for("a control", lambda: server.pids("control"))
                wait_for("it to serve", lambda: server.get("/health/live")[0] == 200)
                time.sleep(dice.random() * 0.4)  # at any moment of its work
                server.kill("control")
                wait_for("another one", lambda old=old: (new := server.pids("control")) and new != old)
            result = report(load)
            said = self.all_told(receiver, result)
            self.assertEqual(len(said), 400)
            self.assertEqual(result["completed"], 400)
            wait_for("nothing to be left", lambda: server.metric("holdline_events_pending") == 0)
        for kind in ("call.started", "call.ended"):
            self.assertEqual(len(self.told(receiver, kind)), 400)  # repeated at most under one id

    def test_media_killed_its_calls_are_told_as_interrupted_also_without_a_database(self):
        store = Postgres()  # never started
        self.addCleanup(store.close)
        receiver = self.receiver()
        with self.server(receiver, database__url=store.url) as server:
            load = server.holdload("--calls", 30, "--duration", "60s")
            wait_for("the calls", lambda: server.metric("holdline_calls_active") == 30)
            server.kill("media")
            self.all_told(receiver, report(load))
        ended = self.told(receiver, "call.ended")
        self.assertEqual({event["data"]["end_reason"] for event in ended}, {"interrupted"})
        self.assertEqual(len(ended), 30)

    def test_a_receiver_that_was_away_over_a_restart_gets_all(self):
        receiver = self.receiver()
        receiver.close()
        server = self.server(receiver)
        server.start()
        first = report(server.holdload("--calls", 20, "--duration", "200ms"))
        wait_for("a try in vain", lambda: "[EVENT_WEBHOOK]" in server.log())
        self.assertEqual(server.stop(), 0)
        again = self.server(receiver, data_dir=server.data_dir)
        again.own_dir = True
        with again:
            second = report(again.holdload("--calls", 20, "--duration", "200ms"))
            wait_for("a backlog", lambda: again.metric("holdline_events_pending") == 120)
            back = self.receiver(port=receiver.port)
            for result in (first, second):
                self.all_told(back, result)
            wait_for("nothing to be left", lambda: again.metric("holdline_events_pending") == 0)
        os.unlink(server.log_path)
        self.assertEqual(len(back.taken), 120)  # both ends and a recording, each once

    def test_everything_killed_and_started_again_tells_the_end_of_each_call(self):
        receiver = self.receiver()
        server = self.server(receiver)
        server.start()
        load = server.holdload("--calls", 20, "--duration", "60s")
        wait_for("their starts", lambda: len(self.told(receiver, "call.started")) == 20)
        server.kill_everything()
        result = report(load)
        os.unlink(server.log_path)
        again = self.server(receiver, data_dir=server.data_dir)
        again.own_dir = True
        with again:
            self.all_told(receiver, result)
        self.assertEqual({event["data"]["end_reason"] for event in self.told(receiver, "call.ended")}, {"interrupted"})

    def test_a_recording_is_told_when_it_is_stored_with_its_size_and_length(self):
        receiver = self.receiver()
        with self.server(receiver) as server:
            self.all_told(receiver, report(server.holdload("--calls", 3, "--duration", "1s")))
            stored = wait_for("the recordings", lambda: len(found := self.told(receiver, "recording.stored")) == 3 and found)
            for event in stored:
                self.assertEqual(event["data"]["bytes"], os.path.getsize(event["data"]["path"]))
                self.assertFalse(event["data"]["repaired"])
                channels, audio = wav_audio(event["data"]["path"])
                self.assertEqual(event["data"]["duration_ms"], len(audio) // channels // 8)  # samples, 8 a millisecond
            ended = {event["data"]["call_id"]: event["data"] for event in self.told(receiver, "call.ended")}
            for event in stored:
                self.assertEqual(event["data"]["path"], ended[event["data"]["call_id"]]["recording_path"])
            rows = wait_for("their rows", lambda: len(found := Sqlite(server.data_dir).rows(
                "SELECT * FROM call_events WHERE kind = 'recording.stored'")) == 3 and found)
            self.assertEqual({row["call_id"] for row in rows}, set(ended))

    def test_a_recording_that_was_repaired_is_told_as_stored(self):
        receiver = self.receiver()
        with self.server(receiver) as server:
            load = server.holdload("--calls", 10, "--duration", "60s")
            wait_for("the calls", lambda: server.metric("holdline_calls_active") == 10)
            wait_for("sound", lambda: (server.metric('holdline_recording_bytes_total') or 0) > 10 * 4000)
            server.kill("media")
            self.all_told(receiver, report(load))
            stored = wait_for("the recordings", lambda: len(found := self.told(receiver, "recording.stored")) == 10 and found)
            for event in stored:
                self.assertEqual(event["data"]["bytes"], os.path.getsize(event["data"]["path"]))
                self.assertTrue(event["data"]["repaired"])

    def test_a_recording_that_cannot_be_made_is_told_as_failed(self):
        receiver = self.receiver()
        with self.server(receiver) as server:
            directory = os.path.join(server.data_dir, "recordings")
            shutil.rmtree(directory)
            with open(directory, "w", encoding="ascii"):  # where the directory was
                self.all_told(receiver, report(server.holdload("--calls", 2, "--duration", "300ms")))
            failed = wait_for("the failures", lambda: len(found := self.told(receiver, "recording.failed")) == 2 and found)
        self.assertEqual({event["data"]["reason"] for event in failed}, {"refused"})
        self.assertEqual({event["data"]["recording_path"] for event in self.told(receiver, "call.ended")}, {None})

    def post(self, server, path, body):
        with open(os.path.join(server.data_dir, "admin.token"), encoding="ascii") as file:
            headers = {"Authorization": "Bearer " + file.read().strip(), "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{server.control}{path}", json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def test_events_are_listed_page_by_page_whatever_the_database_does(self):
        store = Postgres()  # never started
        self.addCleanup(store.close)
        receiver = self.receiver()
        with self.server(receiver, database__url=store.url) as server:
            self.all_told(receiver, report(server.holdload("--calls", 10, "--duration", "100ms")))
            wait_for("nothing to be left", lambda: server.metric("holdline_events_pending") == 0)
            told = {json.loads(body)["id"]: json.loads(body) for _, body in receiver.taken}
            seen, path = [], "/api/events?limit=6"
            while path:
                status, page = server.api(path)
                self.assertEqual(status, 200, page)
                seen += page["events"]
                path = page["next_cursor"] and "/api/events?limit=6&cursor=" + page["next_cursor"]
            self.assertTrue(page["enabled"])
            self.assertFalse(any(event.pop("pending") for event in seen))
            self.assertEqual({event["id"]: event for event in seen}, told)
            self.assertEqual(len(seen), len(told))
            self.assertEqual([event["at"] for event in seen], sorted((event["at"] for event in seen), reverse=True))
            _, page = server.api("/api/events?type=database.down")
            self.assertEqual([event["type"] for event in page["events"]], ["database.down"])
            self.assertEqual(server.api("/api/events?type=nonsense")[0], 400)
            self.assertEqual(server.api("/api/events?cursor=nonsense")[0], 400)
            self.assertEqual(server.get("/api/events")[0], 401)
            status, schema = server.get("/api/events/schema.json")
            self.assertEqual((status, json.loads(schema)), (200, FORM.schema))

    def test_a_replay_sends_the_same_once_more(self):
        receiver = self.receiver()
        with self.server(receiver, events__types="call.started,call.ended") as server:
            self.all_told(receiver, report(server.holdload("--calls", 10, "--duration", "100ms")))
            wait_for("nothing to be left", lambda: server.metric("holdline_events_pending") == 0)
            first = sorted(body for _, body in receiver.taken)
            self.assertEqual(len(first), 20)
            status, answer = self.post(server, "/api/events/replay", {"since": "2020-01-01", "type": "call.ended"})
            self.assertEqual((status, answer), (200, {"replayed": 10, "more": False}))
            wait_for("them once more", lambda: len(receiver.taken) == 30)
            self.assertEqual(sorted(body for _, body in receiver.taken[20:]),
                             [body for body in first if b"call.ended" in body])
            done = server.holdctl("events", "replay", json.loads(first[0])["id"])
            self.assertIn("1 event", done.stdout)
            wait_for("that one", lambda: len(receiver.taken) == 31)
            self.assertEqual(receiver.taken[30][1], first[0])
            wait_for("nothing to be left", lambda: server.metric("holdline_events_pending") == 0)
            done = server.holdctl("events", "replay", "--all", "--kind", "call.started")
            self.assertIn("10 events", done.stdout)
            wait_for("those", lambda: len(receiver.taken) == 41)
            self.assertEqual(self.post(server, "/api/events/replay", {})[0], 400)
            self.assertEqual(self.post(server, "/api/events/replay", {"ids": ["x"]})[0], 400)
            self.assertIn('action="POST /api/events/replay"', server.log())
            rows = server.holdctl("--json", "events", "list", "--kind", "call.ended").stdout.splitlines()
            self.assertEqual({json.loads(row)["id"] for row in rows},
                             {json.loads(body)["id"] for body in first if b"call.ended" in body})
            self.assertIn("call.started", server.holdctl("events", "list").stdout)
            self.assertIn("0 events wait", server.holdctl("events", "status").stdout)

    def test_without_a_webhook_there_are_none(self):
        with Server() as server:
            self.assertEqual(server.api("/api/events")[1], {
                "enabled": False, "pending": 0, "oldest_seconds": 0, "events": [], "next_cursor": None})
            self.assertEqual(self.post(server, "/api/events/replay", {"since": "2020-01-01"})[0], 409)
            self.assertFalse(os.path.exists(os.path.join(server.data_dir, "events")))

    def test_a_slow_receiver_is_sent_many_at_once(self):
        receiver = self.receiver(delay=0.2)
        with self.server(receiver) as server:
            result = report(server.holdload("--calls", 100, "--duration", "200ms"))
            self.all_told(receiver, result)
        self.assertGreater(receiver.most_at_once, 8)
        self.assertLessEqual(receiver.most_at_once, 32)

    def test_one_event_that_is_refused_does_not_keep_the_others(self):
        poison = []  # the call whose start came first

        def rule(_, body):
            event = json.loads(body)
            if event["type"] != "call.started":
                return 204
            poison[:] = poison or [event["data"]["call_id"]]
            return 422 if event["data"]["call_id"] == poison[0] else 204

        receiver = self.receiver(rule=rule)
        with self.server(receiver) as server:
            report(server.holdload("--calls", 200, "--ramp", "20/s", "--duration", "100ms"))
            wait_for("it to be given up", lambda: "[EVENTS_DROPPED] events=1 reason=refused" in server.log(), 60)
            self.assertEqual(server.metric('holdline_events_dropped_total{reason="refused"}'), 1)
            wait_for("the end of that call", lambda: poison[0] in {
                event["data"]["call_id"] for event in self.told(receiver, "call.ended")})
        self.assertEqual(len(self.told(receiver, "call.started")), 199)

    def test_a_directory_that_is_taken_away_is_made_anew(self):
        receiver = self.receiver()
        with self.server(receiver) as server:
            for _ in range(3):
                self.all_told(receiver, report(server.holdload("--calls", 5, "--duration", "100ms")))
                wait_for("nothing to be left", lambda: server.metric("holdline_events_pending") == 0)
                shutil.rmtree(os.path.join(server.data_dir, "events"))

    def test_what_nobody_takes_is_bounded(self):
        receiver = self.receiver(rule=lambda *_: 500)
        with self.server(receiver, events__max_age="1s") as server:
            report(server.holdload("--calls", 20, "--duration", "100ms"))
            wait_for("them to be given up", lambda: server.metric('holdline_events_dropped_total{reason="age"}') == 60)
            wait_for("nothing to be left", lambda: server.metric("holdline_events_pending") == 0)
            self.assertIn("[EVENTS_DROPPED]", server.log())
        self.assertEqual(receiver.taken, [])

    def test_only_the_types_that_are_wanted(self):
        receiver = self.receiver()
        with self.server(receiver, events__types="call.ended,database.down") as server:
            report(server.holdload("--calls", 5, "--duration", "100ms"))
            wait_for("their ends", lambda: len(self.told(receiver, "call.ended")) == 5)
            wait_for("nothing to be left", lambda: server.metric("holdline_events_pending") == 0)
        self.assertEqual(self.told(receiver, "call.started"), [])

    def test_a_receiver_that_asks_for_time_gets_it(self):
        times = []
        receiver = self.receiver(rule=lambda *_: times.append(time.monotonic()) or (429 if len(times) == 1 else 204))
        with self.server(receiver) as server:
            report(server.holdload("--calls", 1, "--duration", "100ms"))
            wait_for("the next try", lambda: receiver.taken)
        self.assertGreater(times[1] - times[0], 1.9)  # it had asked for two seconds

    def test_a_receiver_that_redirects_hangs_cuts_or_chatters_gets_all_in_the_end(self):
        receiver = self.receiver(307, "cut", 500, 410, "chatter")
        with self.server(receiver) as server:
            result = report(server.holdload("--calls", 5, "--duration", "100ms"))
            self.all_told(receiver, result)
        self.assertEqual(receiver.gets, 0)

    def test_a_certificate_that_nobody_vouches_for_gets_nothing(self):
        directory = tempfile.mkdtemp(prefix="holdline-test-")
        self.addCleanup(shutil.rmtree, directory)
        receiver = self.receiver(tls=Authority(directory).issue("receiver"))
        with self.server(receiver) as server:
            report(server.holdload("--calls", 1, "--duration", "100ms"))
            wait_for("the trouble", lambda: "[EVENT_WEBHOOK]" in server.log())
            self.assertIn("certificate", server.log().split("[EVENT_WEBHOOK]")[1].split("\n")[0])
        self.assertEqual(receiver.posts, [])

    def test_a_silent_receiver_holds_up_neither_calls_nor_rows_nor_the_end(self):
        receiver = self.receiver(rule=lambda *_: "silence")
        with self.server(receiver) as server:
            result = report(server.holdload("--calls", 40, "--duration", "500ms"))
            self.assertEqual(result["completed"], 40)
            store = Sqlite(server.data_dir)
            wait_for("the rows", lambda: len(store.rows("SELECT 1 FROM calls WHERE state = 'ended'")) == 40)
            begun = time.monotonic()
            self.assertEqual(server.stop(), 0)
            self.assertLess(time.monotonic() - begun, 12)  # each post would have had 15 s
        self.assertEqual(receiver.taken, [])

    def test_the_examples_of_the_document_verify_what_is_sent(self):
        receiver = self.receiver()
        with self.server(receiver) as server:
            report(server.holdload("--calls", 1, "--duration", "100ms"))
            wait_for("an event", lambda: receiver.taken)
        headers, body = receiver.taken[0]
        names = {}
        exec(documented("python"), names)
        headers_in_js = json.dumps({name.lower(): value for name, value in headers.items()})
        script = documented("js") + f"""
            const body = require("node:fs").readFileSync(0);
            process.exit(isOurs({headers_in_js}, body, process.argv[1]) ? 0 : 7);"""
        for secret, content, good in ((SECRET, body, True), ("another secret of ours", body, False),
                                      (SECRET, body + b" ", False)):
            self.assertEqual(names["is_ours"](headers, content, secret), good)
            done = subprocess.run(["node", "-e", script, secret], input=content, check=False)
            self.assertEqual(done.returncode, 0 if good else 7)

    def test_without_a_secret_one_is_made_and_kept(self):
        receiver = self.receiver()
        with self.server(receiver, events__secret="") as server:
            report(server.holdload("--calls", 1, "--duration", "100ms"))
            wait_for("an event", lambda: receiver.taken)
            path = os.path.join(server.data_dir, "events.secret")
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
            with open(path, encoding="ascii") as file:
                self.assertTrue(is_signed(*receiver.taken[0], file.read().strip()))


if __name__ == "__main__":
    unittest.main()
