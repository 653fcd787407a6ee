"""The way to PostgreSQL misbehaves: refusals that name a reason, silence, resets, lost answers, long ways."""

import os
import select
import socket
import struct
import threading
import time
import unittest

from chaos import PASSWORD, Chaos, free_port
from neon import FakeNeon


class Wire:
    """Forwards bytes between a port and PostgreSQL; may delay them, and may break them off."""

    def __init__(self, upstream):
        self.upstream, self.delay, self.reset_after = upstream, 0.0, None
        self.resets = 0
        self.listener = socket.create_server(("127.0.0.1", free_port()))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.forward, args=(client,), daemon=True).start()

    def forward(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.upstream))
            passed = 0
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    data = ready.recv(65536)
                    if not data:
                        raise ConnectionError
                    if self.delay:
                        time.sleep(self.delay)
                    (server if ready is client else client).sendall(data)
                    passed += len(data) if ready is client else 0
                    if self.reset_after and passed > self.reset_after:
                        self.resets += 1
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        raise ConnectionError
        except OSError:
            client.close()

    def close(self):
        self.listener.close()


class NetworkFaults(Chaos):
    port = None

    def database_url(self):
        return f"postgresql://holdline:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def neon(self):
        neon = FakeNeon(free_port(), self.store.port)
        self.addCleanup(neon.close)
        self.port = neon.port
        return neon

    def test_N6_neon_endpoint_disabled(self):
        neon = self.neon()

        def disable():
            neon.refuse("NeonEndpointDisabled")
            neon.suspend()
        self.play(disable, neon.allow)
        self.assertEqual(self.db_status, 503)
        self.logged(r"\[DB_DOWN\] op=outbox_drain try=\d+ sleep=\S+ reason=NeonEndpointDisabled", self.during)
        self.logged(r"\[NEON\] op=outbox_drain endpoint disabled or asleep", self.during)

    def test_N6_neon_quota_then_cold_start(self):
        neon = self.neon()

        def quota():
            neon.refuse("NeonQuota")
            neon.suspend()

        def wake():
            neon.refuse("NeonComputeUnreachable")
            time.sleep(1)
            neon.allow()
        self.play(quota, wake)
        self.logged("reason=NeonQuota", self.during)

    def test_N10_too_many_clients(self):
        neon = self.neon()

        def fill():
            neon.refuse("TooManyConnections")
            neon.cut()
        self.play(fill, neon.allow)
        self.logged("sqlstate=53300", self.during)

    def test_N14_a_pooler_that_has_no_room(self):
        neon = self.neon()

        def fill():
            neon.refuse("PoolerFull")
            neon.cut()
        self.play(fill, neon.allow)
        self.not_logged("DB_PAUSED", self.during)

    def test_N2_silence(self):
        """Bytes are taken, none come back, nothing is closed."""
        neon = self.neon()
        self.play(neon.go_silent, neon.allow, lasting=9, database__statement_timeout="1s",
                  database__connect_timeout="1s")
        self.logged(r"\[DB_DOWN\]", self.during)

    def test_N4_the_answer_to_commit_is_lost(self):
        neon = self.neon()
        self.play(lambda: neon.lose_commits(5),
                  neon.allow, recovers=False)
        self.assertGreater(neon.lost_commits, 0)

    def test_N3_reset_in_the_middle_of_a_batch(self):
        wire = Wire(self.store.port)
        self.addCleanup(wire.close)
        self.port = wire.port

        def break_off():
            wire.reset_after = 20000

        def mend():
            wire.reset_after = None
        self.play(break_off, mend, recovers=False)
        self.assertGreater(wire.resets, 0)

    def test_N16_a_long_way(self):
        wire = Wire(self.store.port)
        self.addCleanup(wire.close)
        self.port = wire.port

        def slow():
            wire.delay = 0.15

        def fast():
            wire.delay = 0
        self.play(slow, fast, recovers=False)
        self.not_logged(r"\[DB_DOWN\]", self.during)


if __name__ == "__main__":
    unittest.main()
