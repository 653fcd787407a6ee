"""PostgreSQL at the far end of a real cable: packets that vanish, no carrier, narrow and lossy lines, names that
lead nowhere. All of this needs root and nftables, and says so where it cannot be run."""

import os
import socket
import struct
import tempfile
import threading
import time
import unittest

import disks
from cable import FarPostgres
from chaos import Chaos, load_tests, network_tools, slow, wait_for

SHORT = {"database__statement_timeout": "2s", "database__connect_timeout": "1s"}


class CableFaults(Chaos):
    def setUp(self):
        disks.need_root(self)
        self.assertTrue(network_tools(), "nft is missing: apt-get install nftables")
        super().setUp()

    def open_store(self):
        return FarPostgres()

    def prepare_store(self):
        super().prepare_store()
        with open(self.store.dir + "/data/pg_hba.conf", "a") as file:
            file.write("host all all all trust\n")
        self.store.sql("SELECT pg_reload_conf()")
        self.cable = self.store.cable

    def vanishes(self, fault, heal):
        """A peer that is gone without a word is noticed by our own clocks, whatever TCP believes."""
        begun = []

        def noticed():
            begun.append(time.monotonic())
            fault()
            threading.Thread(target=self.note_outage, args=(begun[0],), daemon=True).start()
        self.play(noticed, heal, lasting=8, **SHORT)
        self.assertEqual(self.db_status, 503)
        self.logged(r"\[DB_DOWN\]", self.during)
        # Two seconds for a statement, one for a connect; then it is an outage.
        self.assertLess(self.numbers["noticed_after_s"], 3 * (2 + 1))

    def note_outage(self, begun):
        self.wait_logged(r"\[DB_DOWN\]")
        self.numbers["noticed_after_s"] = round(time.monotonic() - begun, 1)

    def test_as_root_N2_packets_vanish(self):
        self.vanishes(self.cable.drop, self.cable.mend)

    def test_as_root_N18_the_cable_is_pulled(self):
        self.vanishes(self.cable.pull, self.cable.plug)

    @slow
    def test_as_root_N3_every_segment_is_reset(self):
        self.play(self.cable.reset, self.cable.mend, **SHORT)
        self.assertEqual(self.db_status, 503)

    @slow
    def test_as_root_N16_one_packet_in_twenty_is_lost(self):
        self.play(lambda: self.cable.lose(5), self.cable.mend, lasting=8, recovers=False)
        self.not_logged(r"\[DB_PAUSED\]", self.during)

    @slow
    def test_as_root_N16_a_line_of_64_kbit(self):
        self.play(lambda: self.cable.narrow("64kbit"), self.cable.widen, lasting=8, recovers=False)
        self.not_logged(r"\[DB_PAUSED\]", self.during)

    @slow
    def test_as_root_N18_the_cable_is_loose(self):
        def wiggle():
            for _ in range(12):
                self.cable.pull()
                time.sleep(self.random.uniform(0, 0.5))
                self.cable.plug()
                time.sleep(self.random.uniform(0, 0.5))
        self.play(wiggle, self.cable.plug, recovers=False, **SHORT)

    @slow
    def test_as_root_N2_the_host_dies_and_comes_back_without_memory(self):
        """It is gone while its packets vanish; what we believe to be a session is one no more."""
        def die():
            self.cable.drop()
            self.store.stop("immediate")

        def rise():
            self.cable.mend()
            self.store.start()
        self.play(die, rise, lasting=6, **SHORT)


class NameServer(threading.Thread):
    """Answers questions for addresses of any name with the one that it was told, or not at all."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.answer, self.asked = None, 0  # an IPv4 address; None: says nothing; "": there is no such name
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))

    def run(self):
        while True:
            try:
                question, peer = self.socket.recvfrom(2000)
            except OSError:
                return
            self.asked += 1
            if self.answer is not None:
                self.socket.sendto(self.reply(question), peer)

    def reply(self, question):
        end = question.index(b"\0", 12) + 5
        (kind,) = struct.unpack("!H", question[end - 4 : end - 2])
        found = self.answer and kind == 1
        head = question[:2] + struct.pack("!HHHHH", 0x8180 | (0 if self.answer else 3), 1, bool(found), 0, 0)
        record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 0, 4) + socket.inet_aton(self.answer) if found else b""
        return head + question[12:end] + record

    def close(self):
        self.socket.close()


class NameFaults(Chaos):
    """The database's host has a name, and that is the trouble."""

    def setUp(self):
        disks.need_root(self)
        address = f"127.53.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"
        self.names = NameServer(address)
        self.addCleanup(self.names.close)
        self.names.answer = "127.0.0.1"
        self.names.start()
        conf = tempfile.NamedTemporaryFile("w", suffix=".resolv.conf")
        self.addCleanup(conf.close)
        conf.write(f"nameserver {address}\noptions timeout:30 attempts:2\n")
        conf.flush()
        self.conf = conf.name
        super().setUp()

    def database_url(self):
        return self.url_of(self.store.port, "db.example")

    def serve(self, **more):
        server = super().serve(**more)
        self.assertGreater(self.names.asked, 0)
        return server

    @property
    def settings(self):
        return {"wrapper": ["unshare", "--mount", "sh", "-c",
                            f'mount --bind {self.conf} /etc/resolv.conf && exec "$@"', "sh"],
                "database__connect_timeout": "1s"}

    def cannot_find(self, answer, noticed=True):
        def lose():
            self.names.answer = answer
            self.store.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                           "WHERE application_name LIKE 'holdline/%'")

        def find():
            self.names.answer = "127.0.0.1"
        self.play(lose, find, recovers=noticed)
        self.assertEqual(self.db_status, 503 if noticed else 200)
        self.not_logged("DB_PAUSED", self.during)

    def test_as_root_N17_name_servers_hang(self):
        """The address that is known is used on."""
        self.cannot_find(None, noticed=False)

    @slow
    def test_as_root_N17_there_is_no_such_name_for_a_while(self):
        self.cannot_find("")

    @slow
    def test_as_root_N17_the_database_moves_to_another_address(self):
        def move(address):
            self.store.stop("fast")
            self.store.address = self.names.answer = address
            self.store.start()
        self.play(lambda: move("127.0.0.7"), lambda: move("127.0.0.9"))


if __name__ == "__main__":
    unittest.main()
