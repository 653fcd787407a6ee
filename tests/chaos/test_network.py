"""The way to PostgreSQL misbehaves: refusals that name a reason, silence, resets, lost answers, long ways."""

import time
import unittest

from chaos import Chaos, free_port, load_tests, slow
from neon import ANSWERS, FakeNeon
from wire import Wire

SHORT = {"database__statement_timeout": "1s", "database__connect_timeout": "1s"}


class NeonFaults(Chaos):
    """What proxies before a PostgreSQL say."""

    def setUp(self):
        super().setUp()
        self.neon = FakeNeon(free_port(), self.store.port)
        self.addCleanup(self.neon.close)

    def database_url(self):
        return self.url_of(self.neon.port)

    def refusing(self, reason, heal=None, **more):
        def refuse():
            self.neon.refuse(reason)
            self.neon.cut()
        self.play(refuse, heal or self.neon.allow, **more)
        self.assertEqual(self.db_status, 503)

    def test_N6_neon_endpoint_disabled(self):
        def disable():
            self.neon.refuse("NeonEndpointDisabled")
            self.neon.suspend()
        self.play(disable, self.neon.allow)
        self.assertEqual(self.db_status, 503)
        self.logged(r"\[DB_DOWN\] op=outbox_drain try=\d+ sleep=\S+ reason=NeonEndpointDisabled", self.during)
        self.logged(r"\[NEON\] op=outbox_drain endpoint disabled or asleep", self.during)

    @slow
    def test_N6_neon_quota_then_cold_start(self):
        def wake():
            self.neon.refuse("NeonComputeUnreachable")
            time.sleep(1)
            self.neon.allow()
        self.refusing("NeonQuota", wake)
        self.logged("reason=NeonQuota", self.during)

    @slow
    def test_N6_every_other_answer_of_neon_and_poolers_in_turn(self):
        """One changes into the next: one outage, told as such."""
        def all_of_them():
            for reason in ANSWERS:
                self.neon.refuse(reason)
                self.neon.cut()
                time.sleep(1.2)
        self.play(all_of_them, self.neon.allow, lasting=3)
        self.assertEqual(self.server.log().count("[DB_RECOVERED] op=outbox_drain"), 1)

    @slow
    def test_N6_suspended_again_and_again(self):
        """A compute that goes to sleep after each idle moment, and wakes for each connect."""
        def doze():
            for _ in range(15):
                self.neon.suspend()
                time.sleep(self.random.uniform(0, 0.3))
        self.play(doze, lambda: None, recovers=False)

    @slow
    def test_N10_too_many_clients(self):
        self.refusing("TooManyConnections")
        self.logged("sqlstate=53300", self.during)

    @slow
    def test_N14_a_pooler_that_has_no_room(self):
        self.refusing("PoolerFull")
        self.not_logged("DB_PAUSED", self.during)

    @slow
    def test_N2_silence(self):
        """Bytes are taken, none come back, nothing is closed."""
        self.play(self.neon.go_silent, self.neon.allow, lasting=9, **SHORT)
        self.logged(r"\[DB_DOWN\]", self.during)

    def test_N4_the_answer_to_commit_is_lost(self):
        self.play(lambda: self.neon.lose_commits(8), self.neon.allow, recovers=False)
        self.assertGreater(self.neon.lost_commits, 0)
        self.numbers["lost_commits"] = self.neon.lost_commits

    @slow
    def test_N4_the_answer_to_every_commit_is_lost_for_a_while(self):
        """All of it arrives, and nothing is known to have arrived."""
        self.play(lambda: self.neon.lose_commits(1 << 30), self.neon.allow, lasting=6, recovers=False)
        self.assertGreater(self.neon.lost_commits, 2)


class WireFaults(Chaos):
    """What can happen to bytes."""

    def setUp(self):
        super().setUp()
        self.wire = Wire(self.store.port)
        self.addCleanup(self.wire.close)

    def database_url(self):
        return self.url_of(self.wire.port)

    def set(self, **how):
        for name, value in how.items():
            setattr(self.wire, name, value)

    def with_wire(self, fault, *, lasting=4.0, recovers=False, **settings):
        self.play(fault, self.wire.pass_on, lasting=lasting, recovers=recovers, **settings)

    def test_N2_black_hole(self):
        """Established and new connections alike; the first answer is an end of our own patience."""
        self.with_wire(self.wire.swallow, lasting=7, recovers=True, **SHORT)
        self.assertEqual(self.db_status, 503)
        self.logged(r"\[DB_DOWN\]", self.during)

    def test_N3_reset_in_the_middle_of_a_batch(self):
        self.with_wire(lambda: self.wire.cut_after(lambda: self.random.randrange(1, 30000)))
        self.assertGreater(self.wire.cuts, 0)
        self.numbers["cuts"] = self.wire.cuts

    @slow
    def test_N3_reset_after_a_few_bytes_anywhere(self):
        """In the handshake, in the first answer, in the first statement."""
        self.with_wire(lambda: (self.wire.cut_after(lambda: self.random.randrange(1, 1500)), self.wire.cut()), lasting=8)
        self.assertGreater(self.wire.cuts, 5)

    @slow
    def test_N3_flaps(self):
        """Down and up again, faster than anybody's backoff."""
        def flap():
            for _ in range(20):
                self.wire.refuse()
                time.sleep(self.random.uniform(0, 0.2))
                self.wire.pass_on()
                time.sleep(self.random.uniform(0, 0.2))
        self.with_wire(flap)

    @slow
    def test_N4_any_answer_is_lost_again_and_again(self):
        def lose():
            for _ in range(20):
                self.wire.lose_answers = True
                time.sleep(0.25)
        self.with_wire(lose)
        self.assertGreater(self.wire.lost_answers, 5)

    def test_N16_a_long_way(self):
        """300 ms there and back: slower, and no outage."""
        self.with_wire(lambda: self.set(delay=0.15))
        self.not_logged(r"\[DB_DOWN\]", self.during)

    @slow
    def test_N16_a_narrow_way(self):
        self.with_wire(lambda: self.set(rate=16000), lasting=8)
        self.not_logged(r"\[DB_DOWN\]", self.during)

    @slow
    def test_N16_byte_by_byte(self):
        self.with_wire(lambda: self.set(crumble=True))
        self.not_logged(r"\[DB_DOWN\]", self.during)

    def babble(self, what):
        """Somebody else answers at this address."""
        self.with_wire(lambda: (self.set(babble=what), self.wire.cut()), recovers=True)
        self.assertEqual(self.db_status, 503)

    @slow
    def test_Nx_a_web_server_answers(self):
        self.babble(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n")

    @slow
    def test_Nx_noise_answers(self):
        self.babble(self.random.randbytes(5000))

    @slow
    def test_Nx_it_hangs_up_without_a_word(self):
        self.babble(b"")

    @slow
    def test_Nx_an_endless_message_is_announced(self):
        """Nobody may make us keep two gigabytes."""
        self.babble(b"R\x7f\xff\xff\xff" + bytes(5000))


if __name__ == "__main__":
    unittest.main()
