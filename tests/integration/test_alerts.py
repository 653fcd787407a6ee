"""An outage is told once, and its end once: in the log, as a metric, and to a webhook that may misbehave."""

import os
import time
import unittest

from database import Postgres
from receiver import Receiver, is_signed
from server import Server, free_port, report, wait_for

SECRET = "not to be seen in any log"


class Alerts(unittest.TestCase):
    def setUp(self):
        self.store = Postgres()
        self.addCleanup(self.store.close)
        self.store.start()

    def receiver(self, *answers, **options):
        receiver = Receiver(*answers, **options)
        self.addCleanup(receiver.close)
        return receiver

    def server(self, webhook, **more):
        settings = {"alerts__db_down_count": 3, "alerts__window": "60s", "database__retry__initial": "100ms",
                    "database__retry__max": "300ms", "alerts__secret": SECRET}
        if webhook:
            settings["alerts__webhook"] = webhook
        settings.update(more)
        return Server(database__url=self.store.url, **settings)

    def healthy(self, server):
        wait_for("the database", lambda: server.get("/health/db")[0] == 200)

    def outage(self, server):
        """Stops the database until the alert fires."""
        before = server.log().count("[DB_ALERT] ")
        self.healthy(server)
        self.store.stop()
        wait_for("the alert", lambda: server.log().count("[DB_ALERT] ") > before)
        self.assertEqual(server.metric("holdline_db_alert"), 1)

    def recovery(self, server):
        before = server.log().count("[DB_ALERT_RESOLVED] ")
        self.store.start()
        wait_for("the end of the alert", lambda: server.log().count("[DB_ALERT_RESOLVED] ") > before)
        self.assertEqual(server.metric("holdline_db_alert"), 0)

    def test_an_outage_is_told_once_and_its_end_once_signed(self):
        receiver = self.receiver()
        with self.server(receiver.url, node__id="media-7") as server:
            for n in (1, 2):
                self.outage(server)
                wait_for("many more failures", lambda: server.log().count("[DB_DOWN]") > 12 * n)
                wait_for("the message", lambda: len(receiver.posts) == 2 * n - 1)
                self.recovery(server)
                wait_for("its end", lambda: len(receiver.posts) == 2 * n)
                self.assertEqual(server.metric("holdline_alerts_total"), n)
            self.assertEqual(server.metric('holdline_alert_posts_total{result="delivered"}'), 4)
            log = server.log()
        self.assertEqual(receiver.states(), ["firing", "resolved"] * 2)
        for headers, body in receiver.posts:
            self.assertTrue(is_signed(headers, body, SECRET))
            self.assertEqual(headers["Content-Type"], "application/json")
        firing, resolved = receiver.bodies()[:2]
        self.assertEqual({key: firing[key] for key in ("event", "count", "window_seconds", "node_id")},
                         {"event": "db_alert", "count": 4, "window_seconds": 60, "node_id": "media-7"})
        self.assertEqual(firing["reason"], "ConnectionRefused")
        self.assertGreater(resolved["count"], 8)
        self.assertEqual(resolved["since"], firing["since"])
        self.assertLess(firing["since"], firing["at"])
        self.assertEqual(len({headers["X-Holdline-Delivery"] for headers, _ in receiver.posts}), 4)
        self.assertIn("[DB_ALERT] count=4 window=1min reason=ConnectionRefused", log)
        self.assertEqual((log.count("[DB_ALERT] "), log.count("[DB_ALERT_RESOLVED] ")), (2, 2))
        for secret in (SECRET, "with-a-token-in-it"):
            self.assertNotIn(secret, log)

    def test_a_receiver_that_refuses_is_tried_again_with_the_same_delivery(self):
        receiver = self.receiver(500, "cut", 307)
        with self.server(receiver.url) as server:
            self.outage(server)
            wait_for("three tries and a good one", lambda: len(receiver.posts) == 4, 60)
            wait_for("the delivery", lambda: "result=delivered" in server.log())
            for trouble in ('err="answered 500"', 'err="answered 307"', "err=\"Server returned nothing"):
                self.assertIn(trouble, server.log())
            self.assertNotIn("with-a-token-in-it", server.log())
        self.assertEqual(receiver.gets, 0)
        self.assertEqual(len({headers["X-Holdline-Delivery"] for headers, _ in receiver.posts}), 1)
        self.assertEqual(len({body for _, body in receiver.posts}), 1)
        self.assertTrue(all(is_signed(*post, SECRET) for post in receiver.posts))

    def test_a_receiver_that_was_away_hears_only_the_newest(self):
        port = free_port()
        with self.server(f"http://127.0.0.1:{port}/") as server:
            self.outage(server)
            wait_for("a try in vain", lambda: "[ALERT_WEBHOOK] state=firing" in server.log())
            self.recovery(server)
            receiver = self.receiver(port=port)
            wait_for("the end", lambda: receiver.posts, 60)
            wait_for("the delivery", lambda: "state=resolved result=delivered" in server.log())
        self.assertEqual(receiver.states(), ["resolved"])

    def test_a_receiver_that_talks_without_an_end_has_heard_it(self):
        receiver = self.receiver("chatter")
        with self.server(receiver.url) as server:
            self.outage(server)
            wait_for("the delivery", lambda: "state=firing result=delivered" in server.log())

    def test_a_silent_receiver_holds_up_nothing_not_even_the_end(self):
        receiver = self.receiver("silence")
        with self.server(receiver.url) as server:
            self.outage(server)
            wait_for("the message", lambda: receiver.posts)
            result = report(server.holdload("--calls", 20, "--duration", "1s"))
            self.assertEqual(result["completed"], 20)
            self.store.start()
            wait_for("the rows", lambda: len(self.store.rows("SELECT 1 FROM calls WHERE state = 'ended'")) == 20)
            wait_for("the end in the log", lambda: "[DB_ALERT_RESOLVED]" in server.log())
            self.assertEqual(receiver.states(), ["firing"])
            begun = time.monotonic()
            server.stop()
            self.assertLess(time.monotonic() - begun, 10)  # the receiver would have had 15 s

    def test_a_name_that_does_not_resolve_holds_up_nothing(self):
        with self.server("https://no-such-host.invalid/hook") as server:
            self.outage(server)
            wait_for("the trouble", lambda: "[ALERT_WEBHOOK] state=firing to=https://no-such-host.invalid/***" in server.log())
            self.recovery(server)

    def test_control_killed_in_the_outage_tells_nothing_twice_and_the_end_once(self):
        receiver = self.receiver()
        with self.server(receiver.url) as server:
            self.outage(server)
            wait_for("the message", lambda: "result=delivered" in server.log())
            for _ in range(3):
                old = server.pids("control")
                server.kill("control")
                wait_for("another control", lambda old=old: (new := server.pids("control")) and new != old)
                failures = server.log().count("[DB_DOWN]")
                wait_for("its failures", lambda failures=failures: server.log().count("[DB_DOWN]") > failures + 5)
            self.recovery(server)
            wait_for("the end", lambda: len(receiver.posts) == 2)
            self.assertEqual(server.log().count("[DB_ALERT] "), 1)
        self.assertEqual(receiver.states(), ["firing", "resolved"])

    def test_few_failures_are_no_alert(self):
        receiver = self.receiver()
        with self.server(receiver.url, alerts__db_down_count=1000) as server:
            self.healthy(server)
            self.store.stop()
            wait_for("failures", lambda: server.log().count("[DB_DOWN]") > 5)
            self.store.start()
            wait_for("the recovery", lambda: "[DB_RECOVERED]" in server.log())
            self.assertEqual(server.metric("holdline_db_alert"), 0)
            self.assertNotIn("[DB_ALERT", server.log())
        self.assertEqual(receiver.posts, [])

    def test_without_a_secret_one_is_made_and_kept(self):
        receiver = self.receiver()
        with self.server(receiver.url, alerts__secret="") as server:
            path = os.path.join(server.data_dir, "alerts.secret")
            self.outage(server)
            wait_for("the message", lambda: receiver.posts)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
            with open(path) as file:
                secret = file.read().strip()
            self.assertTrue(is_signed(*receiver.posts[0], secret))
            self.assertNotIn(secret, server.log())

    def test_without_a_webhook_the_log_and_the_metric_tell(self):
        with self.server("") as server:
            self.outage(server)
            self.recovery(server)


if __name__ == "__main__":
    unittest.main()
