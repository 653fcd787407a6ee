"""The disk of the outbox fails in every way that one machine can bring about, under
live calls: none of them notices, and every row arrives and says what its caller knows.

Full disks are in tests/integration/test_disk_bounds.py, journals without a server in
test_disk_journal.py. These need root, and say so where they cannot be run.
"""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest

import disks
from chaos import CALLS, EVERYTHING, Chaos, wait_for
from injection import Injection

PADDING = ("--custom", "pad=" + "x" * 5000)  # makes the row of each call that much larger
SYNCS = "fdatasync,fsync"


class DiskFaults(Chaos):
    settings = {"media__checkpoint_interval": "1s", "recording__enabled": "false", "outbox__min_free_disk": "0",
                "outbox__reserve": "256KiB"}

    def setUp(self):
        disks.need_root(self)
        super().setUp()
        self.data_dir = tempfile.mkdtemp(prefix="holdline-test-")
        self.addCleanup(shutil.rmtree, self.data_dir, ignore_errors=True)
        self.outbox = os.path.join(self.data_dir, "outbox")
        os.mkdir(self.outbox)

    # ---- the stage

    def serve(self, **more):
        return super().serve(data_dir=self.data_dir, **more)

    def stream(self, seconds, calls=CALLS, *more):
        load = self.server.holdload("--calls", calls, "--echo", "--duration", f"{seconds * 1000:.0f}ms", *more,
                                    path="/media/twilio/echo")
        self.addCleanup(self.let_go, load)
        return load

    @staticmethod
    def let_go(load):
        if load.poll() is None:
            load.kill()
            load.communicate()

    def stream_live(self, seconds, *more):
        """All of them talk when this returns."""
        load = self.stream(seconds, CALLS, *more)
        wait_for("the calls", lambda: self.server.metric("holdline_calls_active") == CALLS)
        return load

    def reap(self, load, seconds=180):
        result = super().reap(load, seconds)
        # Of a call that was refused the server knows nothing.
        self.calls = [call for call in self.calls if call["started"]]
        return result

    def all_well(self, load):
        self.nobody_noticed(self.reap(load))

    def all_refused(self, calls=5):
        result = self.reap(self.stream(1, calls))
        self.assertEqual((result["refused"], {call["status"] for call in result["call_list"]}), (calls, {503}))

    def why_not_ready(self):
        status, body = self.server.get("/health/ready")
        return json.loads(body)["reason"] if status == 503 else None

    def becomes_broken(self):
        wait_for("the trouble to be told", lambda: self.why_not_ready() == "outbox_broken")
        self.assertIn("[OUTBOX_BROKEN]", self.server.log())

    def heals(self):
        wait_for("it to heal", self.server.ready, 60)
        self.assertIn("[OUTBOX_HEALED]", self.server.log())

    def inject(self, *faults, role="media", thread="spooler"):
        fault = Injection(self.server, role, thread, *faults)
        self.addCleanup(fault.end)
        return fault

    def all_end(self):
        """After a restart nothing waits yet, because nobody has looked."""
        query = "SELECT count(*) AS n FROM calls WHERE state = 'ended'"
        wait_for("all rows to end", lambda: self.store.rows(query) == [{"n": len(self.calls)}], 60)

    def same_processes(self):
        self.assertEqual({role: self.server.pids(role) for role in self.pids}, self.pids)

    # ---- syncs and writes that fail

    def disturbed_but_well(self, *faults, at_least=1):
        """Calls go on and new ones are taken while these faults come."""
        self.serve()
        self.all_well(self.stream(1))
        live = self.stream_live(5)
        fault = self.inject(*faults)
        new = self.stream(2)
        wait_for("the fault", lambda: fault.count() >= at_least)
        self.all_well(new)
        self.all_well(live)
        fault.end()
        self.numbers["faults"] = fault.count()
        self.finish()
        self.same_processes()
        self.assertNotIn("[OUTBOX_BROKEN]", self.server.log())

    def test_as_root_D2_one_sync_fails_and_the_journal_goes_on_in_a_new_file(self):
        self.disturbed_but_well("fdatasync:error=EIO:when=1")
        self.assertEqual(self.server.metric("holdline_outbox_sync_errors_total"), 1)

    def test_as_root_D2_each_tenth_sync_fails(self):
        self.disturbed_but_well("fdatasync:error=EIO:when=10+10", at_least=3)

    def test_as_root_D2_one_write_fails(self):
        self.disturbed_but_well("pwrite64:error=EIO:when=1")

    def test_as_root_D10_writes_are_interrupted(self):
        self.disturbed_but_well("pwrite64:error=EINTR:when=1+2", at_least=10)

    def test_as_root_D12_each_sync_takes_five_seconds(self):
        self.disturbed_but_well(f"{SYNCS}:delay_enter=5s")

    def broken_until_healed(self, *faults, lasting=3):
        self.serve()
        self.all_well(self.stream(1))
        live = self.stream_live(lasting + 4)
        fault = self.inject(*faults)
        self.becomes_broken()
        self.all_refused()
        time.sleep(lasting)
        fault.end()
        self.heals()
        self.all_well(self.stream(1))
        self.all_well(live)
        self.numbers["faults"] = fault.count()
        self.finish()
        self.same_processes()

    def test_as_root_D3_every_sync_fails_for_a_while(self):
        self.broken_until_healed(f"{SYNCS}:error=EIO")

    def test_as_root_D3_every_write_fails_for_a_while(self):
        self.broken_until_healed("pwrite64:error=EIO")

    def test_as_root_D13_no_file_can_be_made_and_no_sync_succeeds(self):
        self.broken_until_healed(f"{SYNCS}:error=EIO", "openat:error=EROFS", "mkdirat:error=EROFS")

    def test_as_root_D3_calls_that_begin_and_end_while_nothing_can_be_kept(self):
        """All that is known of them waits in memory."""
        self.serve()
        live = self.stream_live(3)
        fault = self.inject(f"{SYNCS}:error=EIO")
        self.becomes_broken()
        self.all_well(live)
        self.assertGreaterEqual(self.server.metric("holdline_queue_records"), CALLS)
        fault.end()
        self.heals()
        self.finish()

    def test_as_root_D3_progress_cannot_be_written_down_for_a_while(self):
        """At worst what was delivered is delivered again, which changes nothing."""
        self.serve()
        live = self.stream_live(6)
        fault = self.inject(f"{SYNCS}:error=EIO", "pwrite64:error=EIO", role="control", thread="drainer")
        self.all_well(self.stream(2))
        wait_for("the fault", lambda: fault.count() > 2)
        fault.end()
        self.all_well(live)
        self.finish()
        self.same_processes()

    def test_as_root_D3_the_disk_of_the_recordings_fails(self):
        """Sound is lost and counted; no call and no row is."""
        self.serve(recording__enabled="true")
        live = self.stream_live(6)
        fault = self.inject("pwrite64,pwritev,write,writev:error=EIO", thread="recorder-0")
        self.all_well(self.stream(2))
        wait_for("the fault", lambda: fault.count() > 2)
        fault.end()
        self.all_well(live)
        self.all_well(self.stream(1))
        self.finish()
        self.same_processes()

    # ---- every system call in turn

    FILE_CALLS = ("openat", "mkdirat", "mkdir", "renameat", "renameat2", "rename", "unlinkat", "unlink", "ftruncate",
                  "fallocate", "fsync", "fdatasync", "pread64", "pwrite64", "write", "lseek", "fstat",
                  "newfstatat", "getdents64", "flock", "statfs", "fstatfs", "fcntl", "fadvise64")

    def each_call_fails(self, role, thread, *more, without=(), **settings):
        """One after the other, each for a moment, while calls stream and some begin and end."""
        self.serve(outbox__segment="2MiB", **settings)
        calls = sorted(set(self.FILE_CALLS) - set(without))
        if not EVERYTHING:
            calls = self.random.sample(calls, 8)
        live = self.stream_live(2.5 * len(calls) + 5, *PADDING)
        failed = {}
        for call in calls:
            error = self.random.choice(("EIO", "ENOMEM", "EMFILE", "ENOSPC", "EACCES", "EROFS"))
            with self.inject(f"{call}:error={error}", *[fault for fault in more if fault.split(":")[0] != call],
                             role=role, thread=thread) as fault:
                brief = self.stream(0.5, 3)  # may be refused: the disk fails
                self.reap(brief)
            failed[f"{call} {error}"] = fault.count()
            wait_for("it to heal", self.server.ready, 60)
        self.numbers["failed"] = {name: count for name, count in failed.items() if count}
        self.assertGreater(len(self.numbers["failed"]), 0)
        self.all_well(live)
        self.all_well(self.stream(1))
        self.finish()
        self.same_processes()

    def test_as_root_D3_each_call_of_the_spooler_fails_in_turn(self):
        self.each_call_fails("media", "spooler", "fdatasync:error=EIO:when=1")

    def test_as_root_D3_each_call_of_the_drainer_fails_in_turn(self):
        # One who cannot see the outbox any more takes it for gone, ends, and begins again.
        self.each_call_fails("control", "drainer", without=("newfstatat", "fstat"))

    def test_as_root_D3_each_call_of_the_recorder_fails_in_turn(self):
        self.each_call_fails("media", "recorder-0", recording__enabled="true")

    # ---- disks that fail

    def test_as_root_D1_disk_full_database_away_control_killed_and_then_everything(self):
        """The rows come from a disk that is still full, once the database is back."""
        disk = disks.LoopDisk(self, size="90m", path=self.outbox)
        self.serve(outbox__reserve="16MiB", outbox__segment="2MiB")
        self.store.stop()
        live = self.stream_live(10, *PADDING)
        disk.fill()
        wait_for("the refusal", lambda: self.why_not_ready() == "outbox_full")
        self.watcher.end()
        self.server.kill("control")
        wait_for("control to be back", lambda: self.why_not_ready() == "outbox_full")
        self.all_refused()
        self.all_well(live)
        wait_for("all to be durable", lambda: self.server.metric("holdline_queue_records") == 0)
        self.server.kill_everything()
        disk.remount()
        self.store.start()
        self.server.start(ready=False)
        self.all_end()
        self.finish()
        disk.make_room()
        wait_for("room", self.server.ready)
        self.all_well(self.stream(1))

    def test_as_root_D4_a_drive_that_lost_writes_under_live_calls(self):
        """The database is away, so every row has only the disk to come from."""
        disk = disks.LoopDisk(self, size="90m", backing="6m", journal=False, path=self.outbox)
        self.serve(outbox__segment="2MiB")
        self.store.stop()
        live = self.stream_live(25, *PADDING)
        wait_for("the drive to fail", lambda: self.server.metric("holdline_outbox_sync_errors_total") > 0, 120)
        disk.grow("200m")
        wait_for("it to heal", self.server.ready, 60)
        self.all_well(live)
        wait_for("all to be durable", lambda: self.server.metric("holdline_queue_records") == 0)
        self.watcher.end()
        self.server.kill_everything()
        disk.remount()  # from here on it is known what the drive really has
        self.store.start()
        self.server.start()
        self.all_end()
        self.finish()

    def test_as_root_D5_the_power_goes_under_live_calls(self):
        disk = disks.LoopDisk(self, size="200m", backing="220m", path=self.outbox)
        self.serve()
        self.store.stop()
        self.all_well(self.stream(1))
        live = self.stream_live(60)
        wait_for("all to be durable", lambda: self.server.metric("holdline_queue_records") == 0)
        time.sleep(1 + self.random.random())
        self.watcher.end()
        disk.cut_power()
        self.server.kill_everything()
        whole = {call["callSid"] for call in self.calls}
        self.reap(live)
        disk.remount()
        self.store.start()
        self.server.start()
        self.ended_well_or_interrupted(whole)

    def ended_well_or_interrupted(self, whole):
        wait_for("all rows", lambda: len(self.rows()) == len(self.calls) and self.drained(), 60)
        rows = self.rows()
        self.assertEqual({row["provider_call_id"] for row in rows}, {call["callSid"] for call in self.calls})
        for row in rows:
            reason = "stop" if row["provider_call_id"] in whole else "interrupted"
            self.assertEqual((row["state"], row["end_reason"], row["timed"]), ("ended", reason, True))

    def test_as_root_D13_the_file_system_goes_read_only_and_another_is_mounted(self):
        disk = disks.LoopDisk(self, size="90m", path=self.outbox)
        self.serve()
        self.all_well(self.stream(1))
        live = self.stream_live(8)
        disk.abort()
        self.becomes_broken()
        self.assertIn("errno=EROFS", self.server.log())
        self.all_refused()
        disks.Tmpfs(self, "64m", path=self.outbox)
        self.heals()
        self.all_well(self.stream(1))
        self.all_well(live)
        self.finish()
        self.same_processes()

    def test_as_root_D13_no_inode_is_left(self):
        disks.Tmpfs(self, "64m", path=self.outbox, nr_inodes=64)
        self.serve(outbox__segment="2MiB")
        self.all_well(self.stream(1))
        live = self.stream_live(8, *PADDING)
        self.take_inodes()
        wait_for("the refusal", lambda: self.why_not_ready() == "outbox_full")
        self.all_refused()
        self.all_well(live)
        self.give_inodes()
        wait_for("room", self.server.ready)
        self.all_well(self.stream(1))
        self.finish()
        self.same_processes()

    def take_inodes(self):
        with contextlib.suppress(OSError):
            for i in range(1000):
                with open(os.path.join(self.outbox, f"filler{i}"), "xb"):
                    pass

    def give_inodes(self):
        for name in os.listdir(self.outbox):
            if name.startswith("filler"):
                os.unlink(os.path.join(self.outbox, name))

    def limit_files(self, role, limit):
        (pid,) = self.server.pids(role)
        subprocess.run(["prlimit", "--pid", str(pid), f"--nofile={limit}"], check=True)

    def open_files(self, role):
        (pid,) = self.server.pids(role)
        return max(int(fd) for fd in os.listdir(f"/proc/{pid}/fd")) + 1

    def test_as_root_D13_no_descriptor_is_left(self):
        """For files and sockets alike: in the media process, then in control."""
        self.serve(outbox__segment="2MiB")
        for role in ("media", "control"):
            with self.subTest(role=role):
                live = self.stream_live(8, *PADDING)
                before = self.open_files(role)
                self.limit_files(role, f"{before}:")
                time.sleep(4)
                self.limit_files(role, "4096:")
                self.all_well(live)
                self.all_well(self.stream(1))
        self.finish()
        self.same_processes()

    # ---- reading

    def test_as_root_D11_the_journal_cannot_be_read_for_a_while(self):
        self.serve()
        live = self.stream_live(8)
        with self.inject("pread64:error=EIO", role="control", thread="drainer") as fault:
            wait_for("the fault", lambda: fault.count() > 20)
            self.all_well(self.stream(1))
        self.all_well(live)
        self.finish()
        self.same_processes()

    def test_as_root_D11_a_backlog_that_cannot_be_read_arrives_when_it_can_be_again(self):
        """All of it lies in sealed segments and in a journal whose owner is gone."""
        self.serve(outbox__segment="2MiB")
        self.store.stop()
        self.all_well(self.stream(6, CALLS, *PADDING))
        self.server.kill("media")
        wait_for("a new media process", lambda: self.server.log().count("[MEDIA_READY]") == 2)
        self.all_well(self.stream(6, CALLS, *PADDING))
        with self.inject("pread64:error=EIO", role="control", thread="drainer") as fault:
            self.store.start()
            wait_for("the fault", lambda: fault.count() > 40)
            time.sleep(2)
            self.assertIn("[OUTBOX_UNREADABLE]", self.server.log())
        self.finish()

    # ---- what others do to the directory

    ALIENS = {"notes.txt": "hello", "1.seg": "", "20261123T000000-media-00000000": "a file, not a directory",
              ".new-20261123T000000-media-00000001": "half of one", "RESERVE.media-9": "x" * 100,
              "dead": None, "lost+found": None, "20261123T000000-media-00000002": None, "\xff\n": "a name"}
    ALIEN_SEGMENTS = {"99999999.seg": b"\0" * 5000, "00000001.seg.bak": b"x", "junk": b"x" * 100,
                      "00000777.seg": b"HLDSEGMT" + b"\xff" * 8000, "00000778.seg": b""}

    def test_as_root_D14_alien_files_in_the_outbox_of_a_running_server(self):
        self.serve(outbox__segment="2MiB")
        live = self.stream_live(8, *PADDING)
        for name, content in self.ALIENS.items():
            path = os.path.join(self.outbox, name)
            if os.path.exists(path):
                continue
            if content is None:
                os.mkdir(path)
            else:
                with open(path, "w") as file:
                    file.write(content)
        for journal in self.journals():
            for name, content in self.ALIEN_SEGMENTS.items():
                with open(os.path.join(self.outbox, journal, "pend", name), "wb") as file:
                    file.write(content)
        self.all_well(self.stream(2, CALLS, *PADDING))
        self.all_well(live)
        self.finish()
        self.same_processes()
        with open(os.path.join(self.outbox, "notes.txt")) as file:
            self.assertEqual(file.read(), "hello")

    def test_as_root_D14_segments_of_another_journal_in_a_running_one(self):
        """Copies of what was there before: nothing of it comes twice or under another name."""
        self.serve(outbox__segment="2MiB")
        self.all_well(self.stream(1, CALLS, *PADDING))
        (journal,) = self.journals()
        copy = os.path.join(self.data_dir, "copy")
        shutil.copytree(os.path.join(self.outbox, journal), copy)
        self.watcher.end()
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        live = self.stream_live(8, *PADDING)
        shutil.copytree(copy, os.path.join(self.outbox, "20200101T000000-media-00000042"))
        for other in self.journals():
            pend = os.path.join(self.outbox, other, "pend")
            for at, name in enumerate(sorted(os.listdir(os.path.join(copy, "pend")))):
                shutil.copy(os.path.join(copy, "pend", name), os.path.join(pend, f"{900 + at:08}.seg"))
        self.all_well(self.stream(1))
        self.all_well(live)
        self.finish()

    def journals(self):
        return [name for name in os.listdir(self.outbox)
                if name[0].isdigit() and os.path.isdir(os.path.join(self.outbox, name, "pend"))]


if __name__ == "__main__":
    unittest.main()
