"""Holdline's own processes are killed, stopped and ended while calls stream."""

import os
import signal
import unittest

from chaos import CALLS, Server, wait_for
from storm import STORM_SECONDS, Storm


class ProcessFaults(Storm):
    def test_P1_storm_on_media_and_control(self):
        self.storm(lambda: self.kill_one(["media", "control"]), STORM_SECONDS)

    def test_P1_storm_while_the_database_comes_and_goes(self):
        up = [True]

        def worst():
            if self.random.random() < 0.2:
                (self.store.stop if up[0] else self.store.start)()
                up[0] = not up[0]
            return self.kill_one(["media", "control"])

        settle = self.settle

        def start_and_settle(*told):
            if not up[0]:
                self.store.start()
            settle(*told)
        self.settle = start_and_settle
        self.storm(worst, STORM_SECONDS)

    def test_P3_end_with_the_database_away_and_begin_with_it_back(self):
        server = self.serve()
        self.store.stop()
        self.nobody_noticed(self.reap(self.stream(2)))
        self.watcher.end()
        self.assertEqual(server.stop(), 0)
        self.store.start()
        data_dir, server.own_dir = server.data_dir, False
        self.serve(**{"data_dir": data_dir})
        self.finish()

    def test_P4_control_stopped_for_a_while(self):
        """Its drainer and its endpoints stand still; calls and records do not."""
        server = self.serve(watchdog_timeout="60s")
        wait_for("the watcher to have asked", lambda: self.watcher.asked)
        self.watcher.end()
        for pid in server.pids("control"):
            os.kill(pid, signal.SIGSTOP)
        result = self.reap(self.stream(3))
        for pid in server.pids("control"):
            os.kill(pid, signal.SIGCONT)
        self.nobody_noticed(result)
        self.finish()

    def test_P6_a_second_server_on_the_same_data_is_refused(self):
        server = self.serve()
        second = Server(data_dir=server.data_dir, drain_timeout="1s")
        second.start(ready=False)
        self.assertNotEqual(second.process.wait(60), 0)
        self.assertIn(str(server.process.pid), second.log())
        os.unlink(second.log_path)
        self.nobody_noticed(self.reap(self.stream(1, CALLS)))
        self.finish()


if __name__ == "__main__":
    unittest.main()
