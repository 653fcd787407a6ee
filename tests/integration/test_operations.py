"""What operators do with the outbox: running or not, cut short, repeated; rows are counted at the end."""

import asyncio
import glob
import json
import os
import pwd
import random
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest
import unittest.mock
import uuid

from database import BIN, Postgres, Sqlite
from server import HOLDCTL, Server, report, wait_for
from twilio_caller import Caller, speech

CALLS = 20
MANY = 4200  # records: more than a few requests hold


class Store:
    """A database that goes away and comes back, and that refuses one call when it is told to."""

    def refuse(self, call):
        raise NotImplementedError

    def count(self, where="true"):
        found = self.rows(f"SELECT count(*) AS n FROM calls WHERE {where}")
        return found[0]["n"] if found else 0


class PostgresStore(Postgres, Store):
    settings = {}

    def open(self, _data_dir):
        return self.start()

    def sql(self, statement):
        subprocess.run([os.path.join(BIN, "psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "holdline",
                        "-qc", statement, "postgres"], check=True, capture_output=True)

    def away(self):
        self.stop()

    def back(self):
        self.start()

    def refuse(self, call):
        self.sql(f"ALTER TABLE calls ADD CONSTRAINT no_such CHECK (provider_call_id <> '{call}')")

    def accept(self):
        self.sql("ALTER TABLE calls DROP CONSTRAINT no_such")


class SqliteStore(Sqlite, Store):
    """Away means that somebody else holds the file's lock."""

    settings = {"database__statement_timeout": "1s"}

    def __init__(self):
        super().__init__("")
        self.lock = None

    def open(self, data_dir):
        self.path = os.path.join(data_dir, "holdline.db")
        self.url = f"sqlite:{self.path}"
        return self

    def sql(self, statement):
        database = sqlite3.connect(self.path, timeout=30)
        with database:
            database.execute(statement)
        database.close()

    def away(self):
        self.lock = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        self.lock.execute("BEGIN EXCLUSIVE")

    def back(self):
        self.lock.execute("ROLLBACK")
        self.lock.close()
        self.lock = None

    def refuse(self, call):
        self.sql("CREATE TRIGGER no_such BEFORE INSERT ON calls WHEN NEW.provider_call_id = "
                 f"'{call}' BEGIN SELECT RAISE(ABORT, 'no such call'); END")

    def accept(self):
        self.sql("DROP TRIGGER no_such")

    def close(self):
        if self.lock:
            self.back()


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def record_line(n):
    """A live call that never was, as export writes it."""
    call, at = str(uuid.UUID(int=(0x01980000 << 96) + (7 << 76) + (1 << 63) + n)), "2026-11-23T06:17:00.000000Z"
    return json.dumps({
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, call)), "kind": "call.ended", "entity": call, "rev": 2,
        "created_at": at, "payload": {
            "call_id": call, "node_id": "elsewhere", "provider": "twilio", "provider_call_id": f"CX{n:08}",
            "state": "ended", "started_at": at, "ended_at": at, "end_reason": "stop", "rev": 2}})


class Case(unittest.TestCase):
    store_class = PostgresStore

    def setUp(self):
        self.data_dir = tempfile.mkdtemp(prefix="holdline-test-")
        self.addCleanup(shutil.rmtree, self.data_dir, ignore_errors=True)
        self.store = self.store_class()
        self.addCleanup(self.store.close)
        self.store.open(self.data_dir)

    def server(self, data_dir=None, **settings):
        return Server(data_dir=data_dir or self.data_dir, database__url=self.store.url, recording__enabled="false",
                      **{**self.store.settings, **settings})

    def ctl(self, server, *arguments, status=0, stdin=None):
        done = subprocess.run([HOLDCTL, *arguments, *server.flags()], capture_output=True, text=True, input=stdin,
                              timeout=120)
        self.assertEqual(done.returncode, status, f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def listed(self, server, *arguments):
        return lines(self.ctl(server, "--json", "outbox", "list", *arguments))

    def outbox(self, server):
        return json.loads(self.ctl(server, "--json", "outbox", "status"))

    def play(self, server, calls=CALLS):
        """So many short calls; what each of them is to the provider."""
        result = report(server.holdload("--calls", calls, "--duration", "500ms"))
        self.assertEqual(result["completed"], calls)
        return {call["callSid"] for call in result["call_list"]}

    def pending_calls(self, server, calls=CALLS):
        """Call ids, once the final records of all are in the outbox."""
        def final():
            rows = self.listed(server, "--kind", "call.ended")
            return len(rows) >= calls and [row["call"] for row in rows]
        return wait_for("the final records", final)

    def assert_rows(self, ended, seconds=60):
        wait_for(f"{ended} rows", lambda: self.store.count("state = 'ended'") >= ended, seconds)
        self.assertEqual((self.store.count("state = 'ended'"), self.store.count()), (ended, ended))

    def assert_empty(self, server):
        wait_for("the outbox to be empty", lambda: self.outbox(server)["pending"] == 0, 60)

    def with_tables(self):
        """A server whose database has been reached once."""
        server = self.enterContext(self.server())
        wait_for("the tables", lambda: server.get("/health/db")[0] == 200)
        return server


class EitherStore:
    """What holds with PostgreSQL and with SQLite."""

    def change_while_away(self, server):
        """Holds one call's records, drops another's; leaves the database away."""
        calls = self.pending_calls(server)
        whole = len(self.listed(server))
        held = json.loads(self.ctl(server, "--json", "outbox", "hold", "--call", calls[0]))
        self.assertEqual((held["done"], held["missing"]), (held["selected"], 0))
        again = [row["id"] for row in self.listed(server, "--state", "held")]
        self.assertEqual(len(again), held["done"])
        self.assertIn("were before", self.ctl(server, "outbox", "hold", *again))
        self.assertIn("would be dropped", self.ctl(server, "outbox", "drop", "--call", calls[1], "--dry-run"))
        self.assertEqual(self.listed(server, "--state", "dropped"), [])
        dropped = json.loads(self.ctl(server, "--json", "outbox", "drop", "--call", calls[1]))
        self.assertEqual(len(self.listed(server)), whole - held["done"] - dropped["done"])
        self.assertIn("which ones?", subprocess.run([HOLDCTL, "outbox", "drop", *server.flags()], text=True,
                                                    capture_output=True).stderr)
        self.ctl(server, "outbox", "drop", status=2)
        self.ctl(server, "outbox", "hold", "-", stdin="")  # nothing, and not all
        self.ctl(server, "outbox", "hold", "-", stdin="nonsense\n", status=2)
        self.ctl(server, "outbox", "hold", str(uuid.uuid4()), status=1)
        return calls

    def test_held_records_wait_and_dropped_ones_are_gone(self):
        server = self.with_tables()
        self.store.away()
        self.play(server)
        calls = self.change_while_away(server)
        shown = self.ctl(server, "outbox", "show", self.listed(server, "--state", "held")[0]["id"][:30])
        self.assertIn("state:    held", shown)
        self.store.back()
        self.assert_rows(CALLS - 2)
        self.assert_empty(server)
        for call in calls[:2]:
            self.assertEqual(self.store.count(f"call_id = '{call}'"), 0)
        self.assertIn("holds", self.ctl(server, "status", status=1))
        self.ctl(server, "outbox", "release", "--all")
        self.assert_rows(CALLS - 1)
        self.assertEqual(self.store.count(f"call_id = '{calls[1]}'"), 0)
        self.assertEqual(self.listed(server, "--state", "held"), [])

    def test_the_same_on_the_files_of_a_stopped_server(self):
        server = self.with_tables()
        self.store.away()
        self.play(server)
        self.pending_calls(server)
        self.assertEqual(server.stop(), 0)
        calls = self.change_while_away(server)
        self.assertIn("paused", self.ctl(server, "outbox", "pause"))
        self.ctl(server, "outbox", "kick", status=3)
        self.assertTrue(self.outbox(server)["paused"])
        self.ctl(server, "outbox", "resume")
        with open(os.path.join(self.data_dir, "outbox", "operations.log")) as file:
            log = lines(file.read())
        self.assertEqual([line["verb"] for line in log[-2:]], ["pause", "resume"])
        self.assertIn("@", log[0]["who"])
        self.store.back()
        with self.server() as server:
            self.assert_rows(CALLS - 2)
            self.assert_empty(server)
            self.assertEqual(server.stop(), 0)
            self.ctl(server, "outbox", "release", "--all")
        with self.server() as server:
            self.assert_rows(CALLS - 1)
            self.assertEqual(self.store.count(f"call_id = '{calls[1]}'"), 0)

    def test_a_pause_outlives_a_restart_and_loses_nothing(self):
        server = self.with_tables()
        self.ctl(server, "outbox", "pause")
        self.play(server)
        self.pending_calls(server)
        self.assertIn("paused the drain", self.ctl(server, "status", status=1))
        self.assertEqual(server.stop(), 0)
        self.assertEqual(self.store.count(), 0)
        with self.server() as server:
            self.pending_calls(server)
            self.assertEqual(self.store.count(), 0)
            self.ctl(server, "outbox", "resume")
            self.assert_rows(CALLS)

    def dead_call(self, server):
        """A call that the database refuses, among others that it takes."""
        caller = Caller(server.ws())
        self.store.refuse(caller.call)
        asyncio.run(caller.talk(speech(seconds=0.2)))
        self.play(server)
        self.assert_rows(CALLS)
        wait_for("the dead letters", lambda: len(self.dead(server)) >= 2)
        self.assert_empty(server)
        return caller.call

    def dead(self, server):
        return lines(self.ctl(server, "--json", "dead", "list"))

    def test_dead_letters_tell_why_and_are_delivered_once_it_is_mended(self):
        server = self.with_tables()
        call = self.dead_call(server)
        letters = self.dead(server)
        self.assertEqual({letter["kind"] for letter in letters}, {"call.started", "call.ended"})
        reason = "CheckViolation" if self.store_class is PostgresStore else "RaiseException"
        self.assertEqual({letter["reason"] for letter in letters}, {reason})
        self.assertIn(reason, self.ctl(server, "dead", "list"))
        shown = self.ctl(server, "dead", "show", letters[0]["id"])
        for text in (reason, call, "error:"):
            self.assertIn(text, shown)
        self.assertIn("dead list", self.ctl(server, "status", status=1))
        exported = lines(self.ctl(server, "outbox", "export", "--state", "dead"))
        self.assertEqual({line["payload"]["provider_call_id"] for line in exported}, {call})
        # Retried too early they come back, and none is lost.
        self.ctl(server, "dead", "retry", letters[0]["id"])
        wait_for("the letter to come back", lambda: len(self.dead(server)) == 2)
        self.store.accept()
        picked = "\n".join(json.dumps(letter) for letter in self.dead(server))
        self.ctl(server, "dead", "retry", "-", stdin=picked)
        self.assert_rows(CALLS + 1)
        self.assertEqual(self.dead(server), [])

    def test_dead_letters_are_shown_over_http_whatever_the_database_does(self):
        server = self.with_tables()
        call = self.dead_call(server)
        letters = sorted(self.dead(server), key=lambda letter: letter["id"], reverse=True)
        status, page = server.api("/api/dead-letters")
        self.assertEqual((status, page["next_cursor"]), (200, None))
        self.assertEqual([letter["id"] for letter in page["dead_letters"]], [letter["id"] for letter in letters])
        self.assertTrue(all(letter["reason"] for letter in page["dead_letters"]))
        self.assertNotIn("no_such", json.dumps(page))  # the database's own words
        status, first = server.api("/api/dead-letters?limit=1")
        self.assertEqual(first["dead_letters"], page["dead_letters"][:1])
        status, rest = server.api(f"/api/dead-letters?cursor={first['next_cursor']}")
        self.assertEqual(rest["dead_letters"], page["dead_letters"][1:])
        self.store.away()
        status, one = server.api(f"/api/dead-letters/{letters[0]['id']}")
        self.assertEqual((status, one["record"]["payload"]["provider_call_id"]), (200, call))
        self.assertEqual(server.api("/api/dead-letters"), (200, page))
        self.assertEqual(server.api(f"/api/dead-letters/{uuid.UUID(int=7)}")[0], 404)
        self.assertEqual(server.api("/api/dead-letters/7")[0], 400)
        self.assertEqual(server.api("/api/dead-letters?limit=0")[0], 400)
        self.assertEqual(server.get("/api/dead-letters")[0], 401)
        self.store.back()
        self.store.accept()
        self.ctl(server, "dead", "drop", letters[0]["id"])
        self.assertEqual(server.api("/api/dead-letters")[1]["dead_letters"], page["dead_letters"][1:])
        self.assertEqual(server.api(f"/api/dead-letters/{letters[0]['id']}")[0], 404)

    def test_a_dropped_dead_letter_does_not_come_back(self):
        server = self.with_tables()
        self.dead_call(server)
        self.ctl(server, "dead", "drop", "--all")
        self.store.accept()
        self.ctl(server, "dead", "retry", "--all")
        self.assertEqual(self.dead(server), [])
        self.assert_rows(CALLS)

    def test_retried_with_the_database_away_they_wait_like_all_others(self):
        server = self.with_tables()
        self.dead_call(server)
        self.store.accept()
        self.store.away()
        self.ctl(server, "dead", "retry", "--all")
        self.assertEqual(self.dead(server), [])
        self.assertGreaterEqual(self.outbox(server)["pending"], 2)
        server.kill("control")
        wait_for("another control", lambda: server.get("/health/live")[0] == 200)
        self.assertGreaterEqual(self.outbox(server)["pending"], 2)
        self.store.back()
        self.assert_rows(CALLS + 1)
        self.assert_empty(server)

    def test_what_the_database_lost_is_replayed(self):
        server = self.with_tables()
        self.play(server)
        self.assert_rows(CALLS)
        self.assert_empty(server)
        self.store.sql("DELETE FROM calls")
        for _ in range(2):
            self.ctl(server, "outbox", "replay", "--younger-than", "1h")
        self.assert_rows(CALLS)
        self.ctl(server, "outbox", "replay", "--all")
        self.assert_empty(server)
        self.assert_rows(CALLS)


class WithPostgres(EitherStore, Case):
    """PostgreSQL."""


class WithSqlite(EitherStore, Case):
    """The embedded store."""

    store_class = SqliteStore


class CutShort(Case):
    """A command that is killed, stopped or repeated."""

    def import_many(self, server):
        done = json.loads(self.ctl(server, "--json", "outbox", "import", "-",
                                   stdin="\n".join(record_line(n) for n in range(MANY)) + "\n"))
        self.assertEqual(done["records"], MANY)

    def kill_at_random(self, server, *arguments):
        """As often as it takes to be killed in the middle a few times."""
        for _ in range(8):
            command = subprocess.Popen([HOLDCTL, *arguments, *server.flags()], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            time.sleep(random.uniform(0.01, 0.8))  # a random instant, not a wait for anything
            command.kill()
            command.wait()

    def test_killed_and_repeated_each_record_is_moved_once(self):
        server = self.with_tables()
        self.ctl(server, "outbox", "pause")
        self.import_many(server)
        for verb, state in (("hold", "held"), ("release", "pending")):
            self.kill_at_random(server, "outbox", verb, "--all")
            self.ctl(server, "outbox", verb, "--all")
            ids = [row["id"] for row in self.listed(server, "--state", state)]
            self.assertEqual(len(set(ids)), MANY)
        self.assertEqual(self.listed(server, "--state", "held"), [])
        self.ctl(server, "outbox", "resume")
        self.assert_rows(MANY, 120)
        self.assert_empty(server)

    def test_killed_without_a_server_likewise(self):
        server = self.with_tables()
        self.ctl(server, "outbox", "pause")
        self.import_many(server)
        self.assertEqual(server.stop(), 0)
        for verb, state in (("hold", "held"), ("release", "pending")):
            self.kill_at_random(server, "outbox", verb, "--all")
            self.ctl(server, "outbox", verb, "--all")
            self.assertEqual(len({row["id"] for row in self.listed(server, "--state", state)}), MANY)
        self.ctl(server, "outbox", "resume")
        with self.server():
            self.assert_rows(MANY, 120)

    def test_a_server_that_ends_in_the_middle_leaves_the_rest_to_the_next_try(self):
        server = self.with_tables()
        self.ctl(server, "outbox", "pause")
        self.import_many(server)
        for verb, state in (("hold", "held"), ("release", "pending")):
            command = subprocess.Popen([HOLDCTL, "outbox", verb, "--all", *server.flags()], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE, text=True)
            time.sleep(random.uniform(0.05, 0.5))  # a random instant
            self.assertEqual(server.stop(), 0)
            self.assertIn(command.wait(60), (0, 3), command.stderr.read())
            command.stderr.close()
            self.ctl(server, "outbox", verb, "--all")
            self.assertEqual(len({row["id"] for row in self.listed(server, "--state", state)}), MANY)
            server.start()
        self.ctl(server, "outbox", "resume")
        self.assert_rows(MANY, 120)

    def test_an_import_that_was_killed_is_done_by_the_next(self):
        server = self.with_tables()
        self.ctl(server, "outbox", "pause")
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            file.write("".join(record_line(n) + "\n" for n in range(MANY)))
            file.flush()
            self.kill_at_random(server, "outbox", "import", file.name)
            self.ctl(server, "outbox", "import", file.name)
            self.assertIn("imported before", self.ctl(server, "outbox", "import", file.name))
        left = [name for name in os.listdir(os.path.join(self.data_dir, "outbox")) if name.startswith(".import")]
        self.assertEqual(left, [])
        self.assertEqual(len(self.listed(server)), MANY)
        self.ctl(server, "outbox", "resume")
        self.assert_rows(MANY, 120)

    def test_as_root_what_it_writes_belongs_to_the_servers_user(self):
        if os.geteuid() != 0:
            print("NOT RUN: only root can act for another user")
            return
        server = self.with_tables()
        self.ctl(server, "outbox", "pause")
        self.import_many(server)
        self.assertEqual(server.stop(), 0)
        owner = pwd.getpwnam("nobody")
        subprocess.run(["chown", "-R", f"{owner.pw_uid}:{owner.pw_gid}", self.data_dir], check=True)
        # Whoever has changed users cannot be searched for leaks.
        with unittest.mock.patch.dict(os.environ, {"ASAN_OPTIONS": "detect_leaks=0"}):
            self.ctl(server, "outbox", "import", "-", stdin=record_line(MANY))
            self.ctl(server, "outbox", "hold", "--all")
            self.ctl(server, "outbox", "release", "--all")
            self.ctl(server, "outbox", "resume")
        for path, _, names in os.walk(self.data_dir):
            for name in names + ["."]:
                self.assertEqual(os.stat(os.path.join(path, name)).st_uid, owner.pw_uid, os.path.join(path, name))

    def test_a_stopped_command_holds_up_nobody(self):
        server = self.with_tables()
        self.ctl(server, "outbox", "pause")
        self.import_many(server)
        commands = [subprocess.Popen([HOLDCTL, *arguments, *server.flags()], stdout=subprocess.PIPE,
                                     stderr=subprocess.DEVNULL)
                    for arguments in (("outbox", "tail"), ("outbox", "export"), ("outbox", "hold", "--all"),
                                      ("outbox", "verify"), ("--json", "status"))]
        for command in commands:
            time.sleep(random.uniform(0.0, 0.2))  # wherever that is
            command.send_signal(signal.SIGSTOP)
        try:
            self.ctl(server, "outbox", "resume")
            self.ctl(server, "outbox", "release", "--all")
            self.play(server)
            wait_for("the calls", lambda: self.store.count("node_id <> 'elsewhere'") == CALLS, 60)
            self.assertTrue(server.ready())
        finally:
            for command in commands:
                command.send_signal(signal.SIGCONT)
                command.kill()
                command.communicate()
        self.ctl(server, "outbox", "release", "--all")
        self.assert_rows(MANY + CALLS, 120)


class Elsewhere(Case):
    """What one node could not deliver, another does."""

    def node(self):
        """A second data directory."""
        data_dir = tempfile.mkdtemp(prefix="holdline-test-")
        self.addCleanup(shutil.rmtree, data_dir, ignore_errors=True)
        return data_dir

    def test_an_export_is_imported_twice_on_two_nodes_and_counts_once(self):
        server = self.with_tables()
        self.ctl(server, "outbox", "pause")
        self.play(server)
        self.pending_calls(server)
        export = self.ctl(server, "outbox", "export")
        self.assertEqual(server.stop(), 0)
        with self.server(self.node()) as other:
            self.ctl(other, "outbox", "import", "-", stdin=export)
            self.assert_rows(CALLS)
            self.ctl(other, "outbox", "import", "-", stdin=export)
            self.assert_empty(other)
            before = self.store.rows("SELECT * FROM calls ORDER BY call_id")
        with self.server() as server:
            self.ctl(server, "outbox", "import", "-", stdin=export)
            self.ctl(server, "outbox", "resume")
            self.assert_empty(server)
        self.assert_rows(CALLS)
        self.assertEqual(self.store.rows("SELECT * FROM calls ORDER BY call_id"), before)

    def test_one_bad_line_and_nothing_is_imported(self):
        server = self.with_tables()
        good = record_line(1)
        bad = [good, "{\"id\":", good.replace("call.ended", "call.sneezed"), good]
        done = subprocess.run([HOLDCTL, "outbox", "import", "-", *server.flags()], input="\n".join(bad), text=True,
                              capture_output=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("line 2: not a JSON object", done.stderr)
        self.assertIn("line 3: kind is not one we know", done.stderr)
        self.assertEqual(self.listed(server), [])
        self.assertIn("1 record in 1 journal would be imported",
                      self.ctl(server, "outbox", "import", "--dry-run", "-", stdin=good))
        self.ctl(server, "outbox", "import", "-", stdin=good)
        self.assert_rows(1)

    def test_the_outbox_of_a_dead_node_ends_its_calls(self):
        dead_dir = self.node()
        dead = self.server(dead_dir).start()
        try:
            wait_for("the tables", lambda: dead.get("/health/db")[0] == 200)
            self.ctl(dead, "outbox", "pause")
            self.play(dead)
            load = dead.holdload("--calls", 5, "--duration", "60s")
            wait_for("the calls", lambda: len(self.listed(dead, "--kind", "call.started")) == CALLS + 5)
            with self.server() as server:
                refused = subprocess.run([HOLDCTL, "outbox", "import", dead_dir + "/outbox", *server.flags()],
                                         text=True, capture_output=True)
                self.assertEqual(refused.returncode, 1)
                self.assertIn("is running and writes to it", refused.stderr)
                dead.kill_everything()
                load.kill()
                load.communicate()
                for _ in range(2):
                    self.ctl(server, "outbox", "import", dead_dir + "/outbox")
                self.assert_rows(CALLS + 5)
                self.assertEqual(self.store.count("end_reason = 'interrupted'"), 5)
                journal = glob.glob(dead_dir + "/outbox/2*")[0]
                self.ctl(server, "outbox", "import", journal)
                self.ctl(server, "outbox", "import", self.data_dir + "/outbox", status=1)
                self.assert_empty(server)
                self.assert_rows(CALLS + 5)
        finally:
            if dead.process.poll() is None:
                dead.kill_everything()


class Damage(Case):
    """A bit flips; the rest is found, delivered and counted."""

    def test_verify_finds_it_and_repair_saves_the_rest(self):
        server = self.with_tables()
        self.ctl(server, "outbox", "pause")
        self.play(server)
        calls = self.pending_calls(server)
        self.assertEqual(server.stop(), 0)
        self.assertIn("all of them sound", self.ctl(server, "outbox", "verify"))
        segment = glob.glob(self.data_dir + "/outbox/*-media-*/pend/00000001.seg")[0]
        victim = self.listed(server, "--kind", "call.ended", "--call", calls[3])[0]
        with open(segment, "r+b") as file:
            at = file.read().index(uuid.UUID(victim["id"]).bytes)
            file.seek(at)
            file.write(b"\xff")
        name = segment.split("/")[-3]
        self.assertIn(name, self.ctl(server, "outbox", "verify", status=1))
        verdict = lines(self.ctl(server, "--json", "outbox", "verify", status=1))
        self.assertEqual((verdict[-1]["lost"], verdict[0]["journal"], verdict[0]["segment"]), (1, name, 1))
        self.ctl(server, "outbox", "repair", "--dry-run")
        self.ctl(server, "outbox", "verify", status=1)
        self.assertIn("are saved", self.ctl(server, "outbox", "repair"))
        self.assertTrue(os.path.isdir(f"{self.data_dir}/outbox/quarantine/{name}"))
        self.assertIn("all of them sound", self.ctl(server, "outbox", "verify"))
        self.assertIn("Nothing is damaged", self.ctl(server, "outbox", "repair"))
        self.ctl(server, "outbox", "resume")
        with self.server() as server:
            self.assert_rows(CALLS)
            # The call whose end was lost has one all the same.
            self.assertEqual(self.store.rows("SELECT call_id FROM calls WHERE end_reason = 'interrupted'"),
                             [{"call_id": calls[3]}])
            self.ctl(server, "outbox", "repair", status=1)


class Looking(Case):
    """Reading, and the server's door."""

    def test_tail_shows_each_record_as_it_comes_and_ends_when_told(self):
        server = self.with_tables()
        self.play(server, 2)
        tail = subprocess.Popen([HOLDCTL, "--json", "outbox", "tail", "--kind", "call.ended", "--limit", "1",
                                 *server.flags()], stdout=subprocess.PIPE, text=True)
        first = json.loads(tail.stdout.readline())
        self.assertEqual(first["kind"], "call.ended")
        self.play(server, 3)
        seen = {json.loads(tail.stdout.readline())["call"] for _ in range(3)}
        self.assertEqual(len(seen), 3)
        tail.send_signal(signal.SIGINT)
        self.assertEqual(tail.wait(10), 0)
        tail.stdout.close()

    def test_ages_choose(self):
        server = self.with_tables()
        self.ctl(server, "outbox", "pause")
        self.ctl(server, "outbox", "import", "-", stdin=record_line(1).replace("2026-11-23", "2020-11-23"))
        self.play(server, 1)
        self.pending_calls(server, 2)
        self.assertEqual(len(self.listed(server, "--older-than", "24h")), 1)
        self.assertGreaterEqual(len(self.listed(server, "--younger-than", "24h")), 2)
        self.ctl(server, "outbox", "list", "--older-than", "soon", status=2)
        self.ctl(server, "outbox", "drop", "--older-than", "24h")
        self.assertEqual(self.listed(server, "--older-than", "24h"), [])

    def test_without_the_token_nobody_changes_anything(self):
        server = self.with_tables()
        self.assertEqual(server.get("/api/outbox")[0], 401)
        token = os.path.join(self.data_dir, "admin.token")
        with open(token) as file:
            headers = {"Authorization": "Bearer " + file.read().strip()}
        answer = server.get("/api/outbox", headers)
        self.assertEqual(answer[0], 200)
        self.assertEqual(json.loads(answer[1])["held"], 0)
        os.rename(token, token + ".away")
        self.ctl(server, "outbox", "pause", status=1)
        os.rename(token + ".away", token)
        self.assertFalse(self.outbox(server)["paused"])

    def test_every_verb_has_help_with_examples(self):
        text = subprocess.run([HOLDCTL, "--help"], capture_output=True, text=True, check=True).stdout
        verbs = text.split("Verbs:\n")[1].split("\n\n")[0].splitlines()
        self.assertGreaterEqual(len(verbs), 25)
        for line in verbs:
            words = [word for word in line[2:40].split("  ")[0].split() if word.islower()]
            done = subprocess.run([HOLDCTL, *words, "--help"], capture_output=True, text=True, check=True)
            self.assertIn("Usage: holdctl " + " ".join(words), done.stdout)
            self.assertIn("\nExamples:\n  holdctl ", done.stdout)


del Case


if __name__ == "__main__":
    unittest.main()
