"""A journal on a disk that really loses writes, and on one whose power goes: what
counted as durable is there afterwards, whole, and so is nothing else.

`journal_probe` writes with the server's own journal code and says what counts as
durable; afterwards the file system is mounted anew, so that only what lies on
the drive is read. CHAOS_ROUNDS sets how often the power goes,
CHAOS_SEED makes the records and the moments the same again.
"""

import os
import random
import select
import subprocess
import time
import unittest

import disks
from chaos import EVERYTHING

PROBE = os.path.join(os.environ["TEST_BUILD"], "tests", "journal_probe")
ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "300" if EVERYTHING else "20"))
SEED = int(os.environ.get("CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)


class Writer:
    """A journal_probe that writes until it is stopped or has written `count`."""

    def __init__(self, outbox, seed, count, policy="write"):
        self.durable, self.failures, self.rest = 0, 0, b""
        self.process = subprocess.Popen([PROBE, policy, outbox, str(seed), str(count)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def hear(self, seconds=60):
        """Takes in what it has said; False: it has ended."""
        said = self.process.stdout
        if not select.select([said], [], [], seconds)[0]:
            return True
        part = os.read(said.fileno(), 1 << 16)
        *lines, self.rest = (self.rest + part).split(b"\n")
        for line in lines:
            what, value = line.split()
            if what == b"durable":
                self.durable = int(value)
            else:
                self.failures += 1
        return bool(part)

    def follow(self, until=lambda writer: False):
        """Listens until the condition holds or it has ended."""
        while self.hear():
            if until(self):
                return
        status = self.process.wait(60)
        assert status == 0, self.process.stderr.read()

    def end(self):
        """At once, as by a SIGKILL. What it has said until now is all that counts."""
        self.process.kill()
        self.process.wait(60)
        self.process.stdout.close()
        self.process.stderr.close()


class Found:
    """What a reader finds on the disk."""

    def __init__(self, outbox, seed):
        done = subprocess.run([PROBE, "read", outbox, str(seed)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        rows = [line.split() for line in done.stdout.splitlines()]
        self.whole = [int(row[1]) for row in rows if row[0] == "whole"]
        self.changed = [int(row[1]) for row in rows if row[0] == "changed"]

    def lost(self, durable):
        return sorted(set(range(1, durable + 1)) - set(self.whole))


class JournalOnRealDisks(unittest.TestCase):
    def setUp(self):
        disks.need_root(self)
        print(f"CHAOS_SEED={SEED}", flush=True)

    def check(self, disk, writer, seed, offered):
        found = Found(os.path.join(disk.path, "outbox"), seed)
        self.assertEqual(found.changed, [])
        self.assertEqual(found.lost(writer.durable), [], f"seed {seed}, {writer.durable} were durable")
        self.assertEqual(len(found.whole), len(set(found.whole)), "a record came twice")
        self.assertLessEqual(max(found.whole, default=0), offered)
        return found

    # ---- a drive that fails for a while and forgets what it was given --------

    def drive_fails_for_a_while(self, policy, seed, journal):
        """The drive is 12 MB smaller than it says; then it grows, and all goes on."""
        disk = disks.LoopDisk(self, size="90m", backing="12m", journal=journal)
        writer = Writer(os.path.join(disk.path, "outbox"), seed, 12000, policy)
        self.addCleanup(writer.end)
        writer.follow(lambda w: w.failures >= 3)
        self.assertGreater(writer.failures, 0, "the drive did not fail")
        before = writer.durable
        disk.grow("256m")
        return disk, writer, before

    def test_as_root_a_drive_that_lost_writes_has_lost_nothing_that_was_durable(self):
        for i in range(3):
            with self.subTest(round=i):
                disk, writer, before = self.drive_fails_for_a_while("write", SEED + i, journal=False)
                writer.follow()
                self.assertEqual(writer.durable, 12000)
                self.assertGreater(writer.durable, before)
                disk.remount()
                self.check(disk, writer, SEED + i, 12000)

    def test_as_root_to_go_on_in_the_same_file_would_have_lost_records(self):
        """The control: on this very disk the naive way must lose records, or the test
        above proves nothing."""
        lost = 0
        for i in range(3):
            disk, writer, _ = self.drive_fails_for_a_while("naive", SEED + i, journal=False)
            writer.follow()
            self.assertEqual(writer.durable, 12000)
            disk.remount()
            lost += len(Found(os.path.join(disk.path, "outbox"), SEED + i).lost(12000))
        print(f"the naive writer lost {lost} of 36000 records that it had called durable")
        self.assertGreater(lost, 0)

    def test_as_root_a_file_system_that_aborts_withholds_what_it_cannot_keep(self):
        """With a journal of its own ext4 goes read-only: nothing more becomes durable,
        and what was is kept."""
        disk, writer, before = self.drive_fails_for_a_while("write", SEED, journal=True)
        deadline = time.monotonic() + 5
        writer.follow(lambda w: time.monotonic() > deadline or w.failures > before + 50)
        writer.end()
        disk.remount()
        self.check(disk, writer, SEED, 12000)

    # ---- the power goes ------------------------------------------------------

    def cut_while_writing(self, disk, seed, dice):
        outbox = os.path.join(disk.path, "outbox")
        writer = Writer(outbox, seed, 1000000)
        self.addCleanup(writer.end)
        stop = dice.randrange(1, 4000)
        writer.follow(lambda w: w.durable >= stop)
        time.sleep(dice.random() * 0.01)  # anywhere between two commits
        # Whoever has no power says nothing more: an ack that comes after the cut has
        # begun does not count, whatever a sync on a dying file system may answer.
        writer.hear(0)
        disk.cut_power()
        writer.end()
        disk.remount()
        return writer

    def test_as_root_when_the_power_goes_all_that_was_durable_is_there(self):
        disk = disks.LoopDisk(self, size="256m", backing="300m")
        dice = random.Random(SEED)
        durable = beyond = 0
        for i in range(ROUNDS):
            with self.subTest(round=i):
                writer = self.cut_while_writing(disk, SEED + i, dice)
                found = self.check(disk, writer, SEED + i, 1000000)
                durable += writer.durable
                beyond += len(found.whole) - writer.durable
            disks.run("rm", "-r", os.path.join(disk.path, "outbox"))
        print(f"{ROUNDS} cuts: {durable} durable records, all there, and {beyond} more")

    def test_as_root_without_a_file_system_journal_it_is_the_same(self):
        """What stands in files and directories that were synced needs no journal."""
        dice = random.Random(SEED)
        for i in range(max(1, ROUNDS // 4)):
            with self.subTest(round=i):
                disk = disks.LoopDisk(self, size="90m", backing="128m", journal=False)
                writer = self.cut_while_writing(disk, SEED + i, dice)
                self.check(disk, writer, SEED + i, 1000000)


if __name__ == "__main__":
    unittest.main()
