"""The guard says what it should of counts that are worse, better, or from elsewhere."""

import copy
import os
import tempfile
import unittest

import baseline
import callgrind

HERE = os.path.dirname(os.path.realpath(__file__))
FRAME = "recorded.frame_loop"


class Comparison(unittest.TestCase):
    def setUp(self):
        self.before = baseline.read(os.path.join(HERE, "baseline.json"))
        self.now = copy.deepcopy(self.before)

    def grow(self, group, percent):
        self.now["parts"][FRAME][group] *= 1 + percent / 100

    def compare(self):
        return baseline.compare(self.before, self.now)

    def test_the_same_counts_pass(self):
        verdict = self.compare()
        self.assertEqual((verdict.failures, verdict.warnings, verdict.gains), ([], [], []))

    def test_three_percent_more_of_ours_fail_and_name_the_function(self):
        function = next(iter(self.now["parts"][FRAME]["functions"]))
        self.now["parts"][FRAME]["functions"][function] += 1000
        self.grow("ours", 3)
        told = "\n".join(self.compare().failures)
        self.assertIn(FRAME, told)
        self.assertIn(function, told)

    def test_one_percent_more_passes(self):
        self.grow("ours", 1)
        self.assertEqual(self.compare().failures, [])

    def test_three_percent_less_is_told_as_a_gain(self):
        self.grow("ours", -3)
        verdict = self.compare()
        self.assertEqual(verdict.failures, [])
        self.assertIn(FRAME, verdict.gains[0])

    def test_a_library_that_is_called_twice_as_often_fails(self):
        self.grow("libc", 100)
        self.assertIn("libc", self.compare().failures[0])

    def test_with_another_version_libraries_only_warn_and_ours_still_fails(self):
        self.now["environment"]["libc"] = "9.99"
        self.grow("libc", 100)
        self.assertEqual(self.compare().failures, [])
        self.assertEqual(len(self.compare().warnings), 2)
        self.grow("ours", 3)
        self.assertIn("ours", self.compare().failures[0])

    def test_another_compiler_has_more_room_but_no_freedom(self):
        self.now["environment"]["compiler"] = "another"
        self.grow("ours", 10)
        self.assertEqual(self.compare().failures, [])
        self.grow("ours", 10)
        self.assertIn("ours", self.compare().failures[0])

    def test_what_was_not_counted_fails_and_so_does_what_is_new(self):
        self.now["parts"]["new"] = self.now["parts"].pop(FRAME)
        self.assertEqual([line.split(":")[0] for line in self.compare().failures], [FRAME, "new"])


DUMP = """desc: Trigger: Client Request: scene.part 10
ob=/build/instructions
fl=/src/media/call.c
fn=call_on_message
0 100
fi=/src/server/words.h
0 50
calls=1 0
0 9999
fn=words_set
0 30
fl=/src/tests/bench/instructions/stage.c
fn=clock_gettime
0 7000
ob=/usr/lib/x86_64-linux-gnu/libc.so.6
fl=???
fn=malloc
0 20
"""


class Dump(unittest.TestCase):
    def read(self, text):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(text)
            file.flush()
            return callgrind.read(file.name, "/build/instructions")

    def test_costs_belong_to_who_ran_and_the_director_is_nobody(self):
        name, part = self.read(DUMP)
        self.assertEqual(name, "scene.part")
        self.assertEqual(dict(part.groups), {"ours": 18, "libc": 2})
        self.assertEqual(dict(part.functions), {"call.c:call_on_message": 15, "words.h:words_set": 3})

    def test_what_ran_between_parts_is_left_out(self):
        self.assertIsNone(self.read(DUMP.replace("scene.part 10", "-")))


if __name__ == "__main__":
    unittest.main()
