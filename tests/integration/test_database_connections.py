"""Connections that break, hang, are shared or lead nowhere: every row arrives, each once."""

import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

from database import Postgres
from neon import FakeNeon
from pgbouncer import Pgbouncer
from server import Server, report, wait_for

CALLS = 40


class Connections(unittest.TestCase):
    def setUp(self):
        self.store = Postgres().start()
        self.addCleanup(self.store.close)

    def proxy(self):
        neon = FakeNeon(upstream=self.store.port)
        self.addCleanup(neon.close)
        return neon

    def pooler(self, **settings):
        pooler = Pgbouncer(self.store, **settings)
        self.addCleanup(pooler.close)
        return pooler

    def rows(self):
        return self.store.rows("SELECT provider_call_id, frames_in FROM calls WHERE state = 'ended'")

    def check_rows(self, *results):
        said = {call["callSid"]: call["frames_sent"] for result in results for call in result["call_list"]}
        wait_for("all rows", lambda: len(self.rows()) >= len(said), 60)
        self.assertEqual({row["provider_call_id"]: row["frames_in"] for row in self.rows()}, said)
        self.assertEqual(len(self.rows()), len(said))
        self.assertEqual(self.store.rows("SELECT count(*) AS n FROM calls")[0]["n"], len(said))

    def server(self, url, **settings):
        return Server(database__url=url, recording__enabled="false", **settings)


class Broken(Connections):
    def test_a_commit_whose_answer_is_lost_makes_no_second_row(self):
        neon = self.proxy()
        with self.server(neon.url) as server:
            wait_for("the database", lambda: server.get("/health/db")[0] == 200)
            neon.lose_commits(3)
            result = report(server.holdload("--calls", CALLS, "--duration", "500ms"))
            wait_for("three lost answers", lambda: neon.lost_commits == 3)
            self.check_rows(result)
            self.assertIn("[DB_DOWN]", server.log())
            wait_for("the outbox to be empty", lambda: server.metric("holdline_outbox_records") == 0)
            self.assertEqual(server.metric("holdline_dead_letters"), 0)

    def test_a_server_that_acknowledges_and_never_answers_is_given_up(self):
        neon = self.proxy()
        with self.server(neon.url, database__statement_timeout="1s") as server:
            wait_for("the database", lambda: server.get("/health/db")[0] == 200)
            neon.go_silent()
            result = report(server.holdload("--calls", CALLS, "--duration", "200ms"))
            wait_for("the end of our patience", lambda: "reason=Timeout" in server.log())
            self.assertEqual(server.get("/health/live")[0], 200)
            neon.allow()
            self.check_rows(result)

    def test_sessions_cut_at_random_cost_no_row(self):
        neon = self.proxy()
        with self.server(neon.url) as server:
            load = server.holdload("--calls", CALLS, "--duration", "3s")
            while load.poll() is None:
                neon.cut()
                time.sleep(random.uniform(0, 0.1))  # somewhere in a batch, or in a connect
            self.check_rows(report(load))


class Pooled(Connections):
    def test_transactions_on_changing_server_connections_need_no_session(self):
        pooler = self.pooler()
        with self.server(pooler.url) as server:
            load = server.holdload("--calls", CALLS, "--duration", "3s")
            while load.poll() is None:
                pooler.admin("RECONNECT")
            self.check_rows(report(load))
            self.assertNotIn("sqlstate=26000", server.log())
            self.assertNotIn("sqlstate=42P05", server.log())
            settings = self.store.rows(
                "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name LIKE 'holdline%' AND state <> 'idle'")
            self.assertEqual(settings[0]["n"], 0)

    def test_a_paused_pool_is_waited_for(self):
        pooler = self.pooler(query_wait_timeout=1)
        with self.server(pooler.url) as server:
            wait_for("the database", lambda: server.get("/health/db")[0] == 200)
            pooler.admin("PAUSE")
            result = report(server.holdload("--calls", CALLS, "--duration", "200ms"))
            wait_for("the pooler's word", lambda: "reason=PoolerQueueTimeout" in server.log())
            self.assertNotIn("DB_PAUSED", server.log())
            pooler.admin("RESUME")
            self.check_rows(result)
            self.assertEqual(server.metric("holdline_dead_letters"), 0)

    def test_a_full_pooler_is_waited_for(self):
        pooler = self.pooler(max_client_conn=1)
        taken = subprocess.Popen(["psql", pooler.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(taken.stdout.close)
        taken.stdin.write(b"SELECT 'in';\n")
        taken.stdin.flush()
        wait_for("a client to be in", lambda: b"in" in taken.stdout.readline())
        with self.server(pooler.url) as server:
            wait_for("the pooler's word", lambda: "reason=PoolerFull sqlstate=08P01" in server.log())
            result = report(server.holdload("--calls", CALLS, "--duration", "200ms"))
            self.assertNotIn("DB_PAUSED", server.log())
            taken.stdin.close()
            taken.wait()
            self.check_rows(result)

    def test_a_pooler_whose_server_is_away_is_waited_for(self):
        self.store.stop()
        pooler = self.pooler()
        with self.server(pooler.url) as server:
            result = report(server.holdload("--calls", CALLS, "--duration", "200ms"))
            wait_for("the outage", lambda: "[DB_DOWN]" in server.log())
            self.assertNotIn("DB_PAUSED", server.log())
            self.store.start()
            self.check_rows(result)

    def test_a_restarted_pooler_costs_no_row(self):
        pooler = self.pooler()
        with self.server(pooler.url) as server:
            first = report(server.holdload("--calls", CALLS, "--duration", "200ms"))
            pooler.stop()
            second = report(server.holdload("--calls", CALLS, "--duration", "200ms"))
            pooler.serve()
            self.check_rows(first, second)


class Unreachable(Connections):
    def test_a_host_that_takes_us_and_says_nothing_does_not_keep_the_next_from_its_turn(self):
        silent = self.proxy()
        silent.go_silent()
        url = f"postgresql://holdline@127.0.0.1:{silent.port},127.0.0.1:{self.store.port}/postgres"
        with self.server(url, database__connect_timeout="2s") as server:
            wait_for("the second host", lambda: server.get("/health/db")[0] == 200, 20)
            self.assertLessEqual(silent.connects, 2)  # the drainer's and the session loop's
            self.assertNotIn("[DB_DOWN]", server.log())
            self.check_rows(report(server.holdload("--calls", CALLS, "--duration", "200ms")))

    @unittest.skipUnless(os.geteuid() == 0, "NEEDS ROOT: a resolv.conf of its own for one process (run it as root)")
    def test_as_root_name_servers_that_hang_hold_up_neither_calls_nor_the_end(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf, tempfile.NamedTemporaryFile("w") as conf:
            deaf.bind(("127.0.0.53", 53))  # takes questions, answers none
            conf.write("nameserver 127.0.0.53\noptions timeout:60 attempts:9\n")
            conf.flush()
            wrapper = ["unshare", "--mount", "sh", "-c", f'mount --bind {conf.name} /etc/resolv.conf && exec "$@"', "sh"]
            url = f"postgresql://holdline@db.example:{self.store.port}/postgres"
            with self.server(url, wrapper=wrapper, database__connect_timeout="1s") as server:
                wait_for("the outage", lambda: server.log().count("reason=HostLookupFailed") > 2)
                result = report(server.holdload("--calls", CALLS, "--duration", "200ms"))
                self.assertEqual(result["completed"], CALLS)
                self.assertEqual(server.get("/health/live")[0], 200)
                server.own_dir = False
        with self.server(self.store.url, data_dir=server.data_dir) as again:
            self.check_rows(result)
            again.own_dir = True


class Encrypted(Connections):
    """A server with a certificate for `localhost`, signed by an authority of our own."""

    def setUp(self):
        super().setUp()
        self.dir = tempfile.mkdtemp(prefix="holdline-tls-")
        self.addCleanup(shutil.rmtree, self.dir)
        for authority in ("good", "other"):
            self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={authority}", "-days", "2",
                         "-keyout", authority + ".key", "-out", authority + ".crt")
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "server.key",
                     "-out", "server.csr")
        self.openssl("x509", "-req", "-in", "server.csr", "-CA", "good.crt", "-CAkey", "good.key", "-CAcreateserial",
                     "-days", "2", "-out", "server.crt")
        for name in ("server.key", "server.crt"):
            target = f"{self.store.dir}/data/{name}"
            shutil.copy(f"{self.dir}/{name}", target)
            os.chmod(target, 0o600)
            if os.geteuid() == 0:
                shutil.chown(target, "postgres", "postgres")
        self.store.sql("ALTER SYSTEM SET ssl = on")
        self.store.sql("SELECT pg_reload_conf()")
        wait_for("TLS", lambda: self.store.rows("SELECT current_setting('ssl') AS ssl") == [{"ssl": "on"}])

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.dir, check=True, capture_output=True)

    def trust(self, authority):
        shutil.copy(f"{self.dir}/{authority}.crt", self.dir + "/trusted.crt")

    def url(self, host="localhost", mode="verify-full"):
        return (f"postgresql://holdline@{host}:{self.store.port}/postgres?"
                f"sslmode={mode}&sslrootcert={self.dir}/trusted.crt")

    def test_a_certificate_that_holds_is_taken(self):
        self.trust("good")
        with self.server(self.url()) as server:
            self.check_rows(report(server.holdload("--calls", CALLS, "--duration", "200ms")))
            self.assertNotIn("[DB_DOWN]", server.log())

    def test_a_certificate_that_does_not_hold_pauses_until_it_does(self):
        self.trust("other")
        with self.server(self.url()) as server:
            wait_for("the pause", lambda: "[DB_PAUSED] op=outbox_drain reason=CertificateRejected" in server.log())
            result = report(server.holdload("--calls", CALLS, "--duration", "200ms"))
            self.assertEqual(self.rows(), [])
            self.trust("good")
            self.check_rows(result)

    def test_a_certificate_for_another_name_or_none_to_check_it_with_pauses(self):
        self.trust("good")
        with self.server(self.url(host="127.0.0.1")) as server:
            wait_for("the pause", lambda: "[DB_PAUSED] op=outbox_drain reason=CertificateRejected" in server.log())
        os.unlink(self.dir + "/trusted.crt")
        with self.server(self.url()) as server:
            wait_for("the pause", lambda: "[DB_PAUSED] op=outbox_drain reason=CertificateUnusable" in server.log())


if __name__ == "__main__":
    unittest.main()
