"""What callgrind wrote, as sums by who ran: {part: Part}."""

import collections
import os
import re
import subprocess
import tempfile

OWN = "/tests/bench/instructions/"  # the director and its clock are no work of the server's
GROUPS = ("ours", "libwebsockets", "libc", "others")
TRIGGER = "desc: Trigger: Client Request: "


class Part:
    """What one part costs: instructions a unit, of each group and of each of our functions."""

    def __init__(self, units):
        self.units, self.groups, self.functions = units, collections.Counter(), collections.Counter()

    def add(self, owner, file, function, instructions):
        if OWN in file:
            return
        self.groups[owner] += instructions / self.units
        if owner == "ours":
            self.functions[f"{os.path.basename(file)}:{function}"] += instructions / self.units


def owner_of(path, program):
    name = os.path.basename(path)
    if os.path.realpath(path) == os.path.realpath(program):
        return "ours"
    if name.startswith("libwebsockets"):
        return "libwebsockets"
    return "libc" if re.match(r"(libc|ld-linux.*|libm)\.so", name) else "others"


def read(path, program):
    """(name, Part) of one dump, or None: it belongs to no part."""
    name = part = None
    owner = file = place = function = ""
    inclusive = False  # the line behind "calls=" is what was called, which stands where it ran
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            key, _, value = line.rstrip("\n").partition("=")
            if line.startswith(TRIGGER):
                words = line.removeprefix(TRIGGER).split()
                if len(words) != 2:
                    return None
                name, part = words[0], Part(int(words[1]))
            elif key == "ob":
                owner = owner_of(value, program)
            elif key in ("fl", "fi", "fe"):  # the last two: of what was inlined
                file = value
            elif key == "fn":
                place, function = file, value
            elif key == "calls":
                inclusive = True
            elif line[:1].isdigit() and part:
                cost = line.split()
                if not inclusive and len(cost) > 1:
                    part.add(owner, place, function, int(cost[1]))
                inclusive = False
    return (name, part) if part else None


def count(program):
    """Plays the scenes under callgrind."""
    with tempfile.TemporaryDirectory(prefix="holdline-guard-") as directory:
        data, out = os.path.join(directory, "data"), os.path.join(directory, "out")
        os.mkdir(data)
        os.mkdir(out)
        # libwebsockets looks through a table of that many places whenever a socket goes.
        subprocess.run(["prlimit", "--nofile=1024", "valgrind", "-q", "--tool=callgrind",
                        "--collect-atstart=no", "--compress-strings=no", "--compress-pos=no",
                        f"--callgrind-out-file={out}/part", program, data], check=True, timeout=800)
        dumps = (read(os.path.join(out, name), program) for name in os.listdir(out))
        return dict(sorted(dump for dump in dumps if dump))
