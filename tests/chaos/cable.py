"""A PostgreSQL at the far end of a cable of its own, which can be pulled, cut, filled and lost. Needs root.

    store = FarPostgres()      # in a network name space; the calls come another way
    store.cable.drop()         # what arrives there is thrown away: a peer that vanished without a word
    store.cable.lose(5)        # percent of the packets, at random
    store.cable.reset()        # every segment is answered by RST
    store.cable.pull()         # no carrier; plug() puts it back
    store.cable.narrow("64kbit")
    store.cable.mend()

The name space has no name and dies with the process that holds it, and its cable with it."""

import os
import subprocess

from database import Postgres
from disks import run
from server import wait_for


def name_space(pid):
    return os.readlink(f"/proc/{pid}/ns/net")


class Cable:
    def __init__(self):
        self.holder = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sleep", "infinity"],
                                       stdin=subprocess.DEVNULL)
        pid = self.holder.pid
        wait_for("a name space", lambda: name_space(pid) != name_space("self"))
        self.near, self.far = f"hl{pid}a", f"hl{pid}b"
        # A net of two of its own for each cable; that others of us have one as well is no harm.
        net = f"10.{200 + pid // 65536 % 50}.{pid // 256 % 256}.{pid % 64 * 4}"
        base, last = net.rsplit(".", 1)
        self.here, self.address = f"{base}.{int(last) + 1}", f"{base}.{int(last) + 2}"
        run("ip", "link", "add", self.near, "type", "veth", "peer", "name", self.far, "netns", str(pid))
        run("ip", "addr", "add", f"{self.here}/30", "dev", self.near)
        run("ip", "link", "set", self.near, "up")
        self.there("ip", "addr", "add", f"{self.address}/30", "dev", self.far)
        self.plug()
        self.there("ip", "link", "set", "lo", "up")

    @property
    def inside(self):
        """What to put before a command so that it runs at the far end."""
        return ["nsenter", "-t", str(self.holder.pid), "--net"]

    def there(self, *command):
        run(*self.inside, *command)

    def rule(self, text):
        self.there("nft", "add table inet fault; add chain inet fault in "
                          "{ type filter hook input priority 0; policy accept; }; add rule inet fault in " + text)

    def drop(self):
        self.rule(f"iifname {self.far} drop")

    def lose(self, percent):
        self.rule(f"iifname {self.far} numgen random mod 100 < {percent} drop")

    def reset(self):
        self.rule(f"iifname {self.far} meta l4proto tcp reject with tcp reset")

    def mend(self):
        self.there("nft", "flush", "ruleset")

    def pull(self):
        self.there("ip", "link", "set", self.far, "down")

    def plug(self):
        self.there("ip", "link", "set", self.far, "up")

    def narrow(self, rate):
        run("tc", "qdisc", "replace", "dev", self.near, "root", "tbf", "rate", rate, "burst", "2kb", "latency", "500ms")

    def widen(self):
        run("tc", "qdisc", "del", "dev", self.near, "root")

    def close(self):
        self.holder.kill()
        self.holder.wait()


class FarPostgres(Postgres):
    def __init__(self, **options):
        self.cable = Cable()
        super().__init__(wrapper=self.cable.inside, address=self.cable.address, **options)

    def close(self):
        super().close()
        self.cable.close()
