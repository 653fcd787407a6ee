"""Calls that come and go leave neither memory nor descriptors behind. tests/bench/soak does it for as long as one likes."""

import os
import unittest

from soaking import Soak


class Soaked(unittest.TestCase):
    def test_no_role_grows_while_calls_come_and_go(self):
        # So short a time says little of memory: a wide bound, and a sanitizer must not keep what was freed.
        os.environ["ASAN_OPTIONS"] = "quarantine_size_mb=1:thread_local_quarantine_size_kb=64"
        verdict = Soak(rate=20, length=2).run(seconds=25, every=1, growth_kib=64 * 1024)
        self.assertTrue(verdict["flat"], verdict)


if __name__ == "__main__":
    unittest.main()
