"""Real disks that fail: small ones, ones that lose writes, ones whose power goes.

    disks.need_root(self)                     # says so and fails where it cannot be
    disk = disks.LoopDisk(self, journal=False, backing="12m")
    disk.path                                 # an ext4 of its own
    disk.grow("128m")                         # the drive takes blocks again
    disk.cut_power(); disk.remount()          # what the drive has is all there is

All mounts are made in a mount namespace of this process and its children, and
loop devices are freed with their mount. So nothing is left behind, however the
process ends, but an empty directory below /tmp.
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
import struct
import subprocess
import tempfile

from server import wait_for

CLONE_NEWNS = 0x00020000
SHUTDOWN = 0x8004587D  # FS_IOC_SHUTDOWN: _IOR('X', 125, __u32)
NO_LOG_FLUSH = 2


def need_root(case):
    """Fails the test where it cannot be run, unless HOLDLINE_TEST_NO_ROOT is set."""
    if os.geteuid() == 0:
        own_namespace()
        return
    message = "NOT TESTED: real disks that fail need root"
    print(f"\n*** {case.id()}: {message} ***")
    if os.environ.get("HOLDLINE_TEST_NO_ROOT"):
        case.skipTest(message)
    case.fail(message)


def own_namespace():
    """From now on our mounts are seen by us and our children alone."""
    if own_namespace.done:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) < 0:
        raise OSError(ctypes.get_errno(), "unshare")
    run("mount", "--make-rprivate", "/")
    own_namespace.done = True


own_namespace.done = False


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def quietly(*command):
    subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)


class Tmpfs:
    """A small disk in memory, mounted at a place of its own or at `path`."""

    def __init__(self, case, size, path=None, **options):
        self.path = path or tempfile.mkdtemp(prefix="holdline-disk-")
        if not path:
            case.addCleanup(shutil.rmtree, self.path, ignore_errors=True)
        flags = ",".join([f"size={size}", *(f"{key}={value}" for key, value in options.items())])
        run("mount", "-t", "tmpfs", "-o", flags, "tmpfs", self.path)
        case.addCleanup(quietly, "umount", "-l", self.path)

    def remount(self, **options):
        run("mount", "-o", "remount," + ",".join(f"{k}={v}" for k, v in options.items()), self.path)


class LoopDisk:
    """ext4 on a loop device over a sparse image, which lies on a tmpfs: the drive
    itself. Where `backing` is smaller than `size`, the drive fails when the
    file system believes that there is room."""

    def __init__(self, case, size="90m", backing="128m", journal=True, path=None, options=()):
        self.drive = Tmpfs(case, backing)
        self.image = os.path.join(self.drive.path, "image")
        self.path = path or os.path.join(self.drive.path, "mnt")
        os.makedirs(self.path, exist_ok=True)
        run("truncate", "-s", size, self.image)
        features = ("-O", "has_journal" if journal else "^has_journal")
        run("mkfs.ext4", "-q", "-F", *features, *options, self.image)
        self.mount()
        case.addCleanup(quietly, "umount", "-l", self.path)

    def mount(self):
        run("mount", "-o", "loop,errors=continue", self.image, self.path)

    def unmount(self):
        """Waits for those who were killed to let go of it."""
        wait_for("the disk to be free", lambda: subprocess.run(["umount", self.path], capture_output=True).returncode == 0)

    def remount(self):
        """What a reader finds now lies on the drive: no page is left of before."""
        self.unmount()
        self.mount()

    def grow(self, size):
        self.drive.remount(size=size)

    def cut_power(self):
        """Nothing more reaches the drive, and what waited in memory is gone."""
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(fd)

    def abort(self):
        """As after an error in its own journal: read-only, until mounted anew."""
        # The kernel does as it is told and then says that it is read-only.
        with contextlib.suppress(AssertionError):
            run("mount", "-o", "remount,abort", self.path)
        try:
            os.mkdir(os.path.join(self.path, "probe"))
        except OSError as error:
            assert error.errno == errno.EROFS, error
        else:
            raise AssertionError("the file system is not read-only")

    def fill(self):
        """To the last block, with somebody else's file."""
        with open(os.path.join(self.path, "filler"), "ab", buffering=0) as filler:
            with contextlib.suppress(OSError):
                while True:
                    filler.write(bytes(4096))

    def make_room(self):
        os.unlink(os.path.join(self.path, "filler"))
