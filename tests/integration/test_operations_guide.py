"""docs/operations.md is true: its recipes work on a real log, its tags, reasons, commands and links exist."""

import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
import uuid

from database import BIN, Postgres
from neon import FakeNeon
from server import HOLDCTL, HOLDLINE, Server, free_port, report, wait_for

TREE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
# Lines that only a broken machine writes; each stands in the sources in these words.
RARE = """\
2026-11-23T06:17:00.123Z WARN [OUTBOX_FULL] room=disk before=plenty bytes=1048576 max_bytes=1073741824 free=1 \
min_free_disk=268435456 effect="new calls get 503"
2026-11-23T06:17:00.123Z ERROR [OUTBOX_BROKEN] errno=EIO err="Input/output error" effect="records stay in memory, new calls get 503"
2026-11-23T06:17:00.123Z ERROR [THREAD_CRASH] name=drainer err="Cannot allocate memory" restart_in=0.1s
2026-11-23T06:17:00.123Z ERROR [RECORD_LOST] id=0198c7f2-8f3a-7c51-9b0e-5d1c7a3e9f10 kind=call.ended \
call=0198c7f2-8f3a-7c51-9b0e-5d1c7a3e9f11 rev=3
"""


def read(*path):
    with open(os.path.join(TREE, *path)) as file:
        return file.read()


def sources():
    for room in ("server", "persistence", "media"):
        for path in glob.glob(os.path.join(TREE, room, "**", "*.c"), recursive=True):
            yield path, read(path)


def blocks(guide, kind):
    """(the sentence before it, the command) of each fenced block of that kind."""
    return re.findall(rf"([^\n]*)\n\n```{kind}\n(.*?)```", guide, re.S)


class OperationsGuide(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.guide = read("docs", "operations.md")
        cls.text = "".join(text for _, text in sources())

    def outage(self, server, begin, end, told):
        begin()
        wait_for(told, lambda: told in server.log())
        end()
        wait_for("the recovery", lambda: server.get("/health/db")[0] == 200)

    def eventful_life(self, server, postgres, neon):
        """A log with most of what a year brings."""
        wait_for("the database", lambda: server.get("/health/db")[0] == 200)
        self.outage(server, lambda: (neon.refuse("NeonEndpointDisabled"), neon.suspend()), neon.allow,
                    "[BREAKER] state=open")
        wait_for("the end of the alert", lambda: "[DB_ALERT_RESOLVED]" in server.log())
        self.sql(postgres, "ALTER TABLE calls ADD CHECK (frames_in <> 50)")
        report(server.holdload("--calls", 30, "--duration", "0.5s"))
        self.assertEqual(report(server.holdload("--calls", 1, "--duration", "1s"))["completed"], 1)
        wait_for("a dead letter", lambda: "[DEAD_LETTER]" in server.log())
        self.sql(postgres, "ALTER TABLE calls RENAME TO calls_of_yesterday")
        load = server.holdload("--calls", 20, "--duration", "60s")
        wait_for("the pause", lambda: "[DB_PAUSED]" in server.log())
        self.sql(postgres, "ALTER TABLE calls_of_yesterday RENAME TO calls")
        wait_for("calls", lambda: server.metric("holdline_calls_active") == 20)
        server.holdload("--calls", 3, "--duration", "1s").communicate()  # one too many
        wait_for("a refusal", lambda: "[CALL_REFUSED]" in server.log())
        server.kill("media")
        wait_for("the estate", lambda: "[ESTATE_SETTLED]" in server.log())
        report(load)
        neon.refuse("CannotConnectNow")
        neon.suspend()
        report(server.holdload("--calls", 20, "--duration", "0.2s"))
        self.import_many(server, 2500)
        self.sql(postgres, "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS "
                           "'BEGIN PERFORM pg_sleep(0.002); RETURN NEW; END'; "
                           "CREATE TRIGGER dawdle BEFORE INSERT ON calls FOR EACH ROW EXECUTE FUNCTION dawdle()")
        neon.allow()
        wait_for("the end of the backlog", lambda: "[DRAIN_CAUGHT_UP]" in server.log())

    def import_many(self, server, count):
        """A backlog: one waiting record again and again, each time of another call."""
        wait_for("records", lambda: server.metric("holdline_outbox_records") >= 20)
        record = json.loads(server.holdctl("outbox", "export", "--kind", "call.ended").stdout.splitlines()[0])
        path = os.path.join(server.data_dir, "many.jsonl")
        with open(path, "w") as file:
            for _ in range(count):
                call = str(uuid.uuid4())
                line = json.dumps({**record, "id": str(uuid.uuid4())}).replace(record["entity"], call)
                file.write(line + "\n")
        server.holdctl("outbox", "import", path)
        wait_for("the backlog", lambda: server.metric("holdline_outbox_records") > count)

    def sql(self, postgres, statement):
        subprocess.run([os.path.join(BIN, "psql"), "-h", "127.0.0.1", "-p", str(postgres.port), "-U", "holdline", "-Xq",
                        "-c", statement, "postgres"], check=True, capture_output=True)

    def run_recipes(self, kind, folder, least):
        recipes = blocks(self.guide, kind)
        self.assertGreaterEqual(len(recipes), least)
        for what, command in recipes:
            with self.subTest(what):
                done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=folder, capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""), command)
                self.assertTrue(done.stdout.strip(), f"nothing found by: {command}")

    def test_every_recipe_finds_something_in_a_real_log(self):
        postgres = Postgres()
        self.addCleanup(postgres.close)
        postgres.start()
        neon = FakeNeon(free_port(), postgres.port)
        self.addCleanup(neon.close)
        receiver = free_port()  # nobody is there: the webhook has something to say
        with tempfile.TemporaryDirectory() as folder:
            with Server(database__url=neon.url, alerts__db_down_count=3, alerts__window="10s", media__max_calls=20,
                        alerts__webhook=f"http://127.0.0.1:{receiver}/", database__breaker__open_after="2s",
                        database__breaker__pause="1s", recording__enabled="false") as server:
                self.eventful_life(server, postgres, neon)
                log = server.log()
            for tag in re.findall(r"\[([A-Z_]+)\]", RARE):
                self.assertIn(f'"{tag}"', self.text)
            with open(os.path.join(folder, "holdline.log"), "w") as file:
                file.write(log + RARE)
            self.run_recipes("sh log", folder, 12)

    def test_the_recipes_for_a_json_log_work_too(self):
        if not shutil.which("jq"):
            self.fail("jq is missing: install the package jq (tools/setup/packages.sh)")
        with tempfile.TemporaryDirectory() as folder:
            with Server(database__url=f"postgresql://nobody@127.0.0.1:{free_port()}/x", log__format="json") as server:
                wait_for("failures", lambda: server.log().count("DB_DOWN") > 2)
                lines = [line for line in server.log().splitlines() if json.loads(line)]
            with open(os.path.join(folder, "holdline.log"), "w") as file:
                file.write("\n".join(lines) + "\n")
            self.run_recipes("sh jsonlog", folder, 1)

    def test_the_table_has_every_tag_that_is_logged_and_no_other(self):
        tables = self.guide.split("## What the log says")[1].split("## Recipes")[0]
        told = {tag for line in tables.splitlines() if line.startswith("| `")
                for tag in re.findall(r"`([A-Z][A-Z_]+)`", line.split("|")[1])}
        logged = set(re.findall(r'log_(?:info|warn|error|crash)\(\s*"([A-Z_]+)"', self.text))
        logged |= set(re.findall(r'token_load_as\(\s*"([A-Z_]+)"', self.text))
        logged |= set(re.findall(r'LOG_LEVEL_[A-Z]+,\s*"([A-Z_]+)"', self.text))
        missing = {tag for tag in logged if tag not in told}
        self.assertEqual(missing, set(), "logged, but not in docs/operations.md")
        self.assertEqual({tag for tag in told if f'"{tag}"' not in self.text}, set(), "told, but never logged")

    def test_every_reason_that_it_names_exists(self):
        for reason in set(re.findall(r"`([A-Z][a-z]+[A-Z][A-Za-z]+)`", self.guide)) - {"LimitNOFILE"}:
            self.assertIn(f'"{reason}"', self.text)

    def test_every_setting_metric_and_link_that_it_names_exists(self):
        config = subprocess.run([HOLDLINE, "serve", "--help"], capture_output=True, text=True).stdout
        for setting in set(re.findall(r"`((?:alerts|database|media|outbox|log|control|recording)\.[a-z_.]+)", self.guide)):
            self.assertIn(setting.rstrip("."), config)
        board = read("server", "board.c") + read("server", "control", "metrics.c")
        for metric in set(re.findall(r"holdline_([a-z_]+)", self.guide)):
            self.assertTrue(f'"{metric}"' in board or f'"holdline_{metric}"' in board, metric)
        headings = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
                    for heading in re.findall(r"^#+ (.*)$", self.guide, re.M)}
        for link in set(re.findall(r"\]\(#([^)]*)\)", self.guide)):
            self.assertIn(link, headings)
        for path in set(re.findall(r"\]\((\.\./[^)]*)\)", self.guide)):
            self.assertTrue(os.path.exists(os.path.join(TREE, "docs", path)), path)

    def test_every_holdctl_command_exists_with_its_options(self):
        commands = re.findall(r"holdctl (?:--json )?((?:outbox|dead|call|db) [a-z]+)([^`\n|]*)", self.guide)
        self.assertGreater(len(commands), 15)
        for verb, rest in set(commands):
            done = subprocess.run([HOLDCTL, *verb.split(), "--help"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, verb)
            self.assertIn(f"holdctl {verb}", done.stdout)
            for option in re.findall(r"--[a-z-]+", rest.split("#")[0]):
                self.assertIn(option, done.stdout, f"{verb}{rest}")


if __name__ == "__main__":
    unittest.main()
