"""Calls spread evenly over the loops of all media processes, and a loop that stands still keeps none waiting."""

import os
import re
import signal
import unittest

from server import Server, report, wait_for


def carried(server):
    """How many calls each loop has, by process and loop."""
    found = re.findall(r'^holdline_loop_calls\{process="(\d+)",loop="(\d+)"\} (\d+)$', server.get("/metrics")[1], re.M)
    return {(int(process), int(loop)): int(calls) for process, loop, calls in found}


class Spread(unittest.TestCase):
    def spread(self, server, calls):
        """How that many are spread, once all of them are counted."""
        load = server.holdload("--calls", calls, "--ramp", f"{max(50, calls)}/s", "--duration", "60s")
        found = wait_for("the calls", lambda: sum((now := carried(server)).values()) == calls and now)
        load.send_signal(signal.SIGINT)
        report(load)
        wait_for("their end", lambda: sum(carried(server).values()) == 0)
        return sorted(found.values())

    def is_even(self, server, calls, loops):
        """A busy machine may keep a loop from its turn once, so that it is passed over; but not each time."""
        for _ in range(3):
            found = self.spread(server, calls)
            self.assertEqual(len(found), loops)
            if found[-1] - found[0] <= 2 + calls / loops / 4:
                return True
            print("uneven:", found)
        return False

    def test_no_loop_has_many_more_calls_than_another(self):
        for processes, threads in ((1, 2), (1, 4), (2, 2)):
            with Server(media__processes=processes, media__threads=threads) as server:
                for calls in (8, 40, 200):
                    with self.subTest(processes=processes, threads=threads, calls=calls):
                        self.assertTrue(self.is_even(server, calls, processes * threads))

    def test_callers_of_a_process_that_stands_still_go_to_another(self):
        with Server(media__processes=2, media__threads=1) as server:
            stopped = server.pids("media")[0]
            os.kill(stopped, signal.SIGSTOP)
            try:
                done = report(server.holdload("--calls", 20, "--duration", "500ms"))
            finally:
                os.kill(stopped, signal.SIGCONT)
            self.assertEqual(done["completed"], 20, done)


if __name__ == "__main__":
    unittest.main()
