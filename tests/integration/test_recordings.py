"""What the disk does to recordings, and what a recording never does to its call."""

import asyncio
import glob
import os
import signal
import subprocess
import tempfile
import unittest

from database import Sqlite
from server import Server, wait_for
from twilio_caller import FRAME, Caller, speech, wav_audio

SAMPLES_DROPPED = "holdline_recording_dropped_total"


def ended_row(server, caller):
    query = f"SELECT * FROM calls WHERE provider_call_id = '{caller.call}' AND state = 'ended'"
    return wait_for("the final row", lambda: Sqlite(server.data_dir).rows(query))[0]


def recorded(row):
    wait_for("the recording", lambda: os.path.exists(row["recording_path"]))
    return wav_audio(row["recording_path"])[1]


def small_disk(test, size):
    """A file system of its own, or no test: only root may mount one."""
    path = tempfile.mkdtemp(prefix="holdline-disk-")
    test.addCleanup(os.rmdir, path)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], capture_output=True)
    if mounted.returncode != 0:
        test.skipTest("cannot mount a small disk here")
    test.addCleanup(subprocess.run, ["umount", path], check=True)
    return path


class Recordings(unittest.TestCase):
    def test_a_full_disk_costs_audio_and_neither_call_nor_row(self):
        disk = small_disk(self, "4m")
        ballast = os.path.join(disk, "ballast")
        with open(ballast, "wb") as file:
            file.write(bytes(3 * 2**20 - 2**18))
        sound = speech(seconds=30)
        with Server(recording__dir=disk, recording__min_free_disk="1MiB") as server:
            async def too_much():
                caller = await Caller(server.ws()).connect()
                await caller.start()
                while not server.metric(SAMPLES_DROPPED):
                    await caller.frames(sound)
                os.unlink(ballast)
                wait_for("room to be noticed", lambda: os.statvfs(disk).f_bavail * 4096 > 2 * 2**20)
                # Until one window of it was written again.
                while "[RECORDING_RESUMED]" not in server.log():
                    await caller.frames(sound[: 4096 * 4])
                    await asyncio.sleep(0.1)
                await caller.frames(sound)
                await caller.stop()
                self.assertEqual(await caller.close_code(), 1000)
                return caller

            caller = asyncio.run(too_much())
            row = ended_row(server, caller)
            self.assertEqual((row["end_reason"], row["frames_lost"]), ("stop", 0))
            self.assertEqual(row["frames_in"], caller.chunks["inbound"])
            self.assertEqual(server.log().count("[RECORDING_DROPPED]"), 1)
            # Time is true again: the end stands where it was said.
            audio = recorded(row)
            self.assertEqual(len(audio), row["bytes_in"])
            self.assertTrue(audio.startswith(sound[: 8000 * 10]), "the beginning is not what was said")
            self.assertTrue(audio.endswith(sound), "the end is not what was said")

    def test_every_sample_that_was_in_the_file_survives_a_kill(self):
        sound = speech(seconds=20)
        with Server() as server:
            for moment in (3, 11, 17):  # seconds of sound
                caller = Caller(server.ws())
                parts = os.path.join(server.data_dir, "recordings", "**", "*.part")

                async def until_killed():
                    await caller.connect()
                    await caller.start()
                    await caller.frames(sound[: moment * 8000])
                    wait_for("sound on the disk", lambda: any(
                        os.path.getsize(part) > 8000 for part in glob.glob(parts, recursive=True)))
                    # Stopped, it writes no more while we look at its file.
                    server.kill("media", signal.SIGSTOP)
                    size = os.path.getsize(glob.glob(parts, recursive=True)[0])
                    server.kill("media")
                    return size, await caller.close_code()

                size, code = asyncio.run(until_killed())
                self.assertEqual(code, 1006)
                row = ended_row(server, caller)
                self.assertEqual(row["end_reason"], "interrupted")
                audio = recorded(row)
                self.assertEqual(audio, sound[: len(audio)])
                self.assertGreaterEqual(len(audio) + 64, size)  # 64: more than the header
                wait_for("media to be back", server.ready)
            self.assertEqual(server.log().count("[RECORDING_REPAIRED]"), 3)
            self.assertEqual(glob.glob(parts, recursive=True), [])

    def test_a_route_or_a_setting_may_say_no(self):
        with Server(recording__enabled="false") as server:
            caller = Caller(server.ws())
            asyncio.run(caller.talk(speech(seconds=0.5)))
            self.assertIsNone(ended_row(server, caller)["recording_path"])

    def test_where_nothing_can_be_recorded_calls_are_still_taken(self):
        with tempfile.NamedTemporaryFile() as file, Server(recording__dir=file.name + "/below") as server:
            caller = Caller(server.ws())
            self.assertEqual(asyncio.run(caller.talk(speech(seconds=0.5))), 1000)
            row = ended_row(server, caller)
            self.assertEqual((row["recording_path"], row["end_reason"]), (None, "stop"))

    def test_a_jump_in_time_is_silence_and_a_forged_one_is_bounded(self):
        frame = speech(seconds=1)[-FRAME:]
        with Server(media__max_call_duration="60s") as server:
            async def jump():
                caller = await Caller(server.ws()).connect()
                await caller.start()
                await caller.media(frame)
                await caller.media(frame, chunk=501)
                await caller.media(frame, chunk=2**40)
                await caller.stop()
                await caller.close_code()
                return caller

            caller = asyncio.run(jump())
            row = ended_row(server, caller)
            self.assertEqual((row["end_reason"], row["frames_in"]), ("stop", 3))
            audio = recorded(row)
            self.assertEqual(audio[: 501 * FRAME], frame + b"\xff" * (499 * FRAME) + frame)
            self.assertLessEqual(len(audio), 60 * 8000)

    def test_a_call_that_lasts_too_long_is_ended(self):
        with Server(media__max_call_duration="1s") as server:
            async def endless():
                caller = await Caller(server.ws()).connect()
                await caller.start()
                said = asyncio.create_task(caller.frames(speech(seconds=60), paced=True))
                code = await caller.close_code()
                said.cancel()
                return caller, code

            caller, code = asyncio.run(endless())
            self.assertEqual((code, ended_row(server, caller)["end_reason"]), (1000, "max_duration"))


if __name__ == "__main__":
    unittest.main()
