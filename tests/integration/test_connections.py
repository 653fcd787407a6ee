"""Who only connects: addresses that are not our own machine's, in a network of the test's own.

Our own machine is never limited, so the tests run once more in a network namespace, where its one interface has
other addresses as well. Where the kernel lets nobody have one they are skipped, and say so."""

import os
import re
import shutil
import socket
import subprocess
import sys
import unittest

from server import Server, free_port, wait_for

INSIDE = "TEST_IN_NAMESPACE"
HERE, THERE = "192.0.2.1", "192.0.2.2"
SET_UP = f"ip link set lo up && ip addr add {HERE}/32 dev lo && ip addr add {THERE}/32 dev lo"


def connect(port, source):
    return socket.create_connection((HERE, port), 10, (source, 0))


def knock(port, source):
    """Who says nothing at all is accepted later, in no order."""
    line = connect(port, source)
    line.sendall(b"G")
    return line


def is_hung_up(line):
    line.settimeout(0.3)
    try:
        return line.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


@unittest.skipUnless(INSIDE in os.environ, "run by OutsideIn")
class Connections(unittest.TestCase):
    def check_share(self, server, port, share):
        lines = [knock(port, HERE) for _ in range(share + 5)]
        self.assertEqual([is_hung_up(line) for line in lines[:5] + lines[-5:]], [False] * 5 + [True] * 5)
        with knock(port, THERE) as other, socket.create_connection(("127.0.0.1", port), 10) as own:
            self.assertFalse(is_hung_up(other))
            self.assertFalse(is_hung_up(own))
        for line in lines:
            line.close()

        def has_room():
            with knock(port, HERE) as line:
                return not is_hung_up(line)

        wait_for("room again", has_room)
        self.assertTrue(re.search(rf"\[CALLER_LIMITED\] status=closed reason=connections peer={HERE} ", server.log()))

    def server(self, **settings):
        hooks = free_port()
        server = Server(config=f"""
media:
  public_url: wss://media.example.com
  routes: [{{path: /media/exotel, provider: exotel, auth: none}}]
webhooks:
  answers: [{{provider: exotel, route: /media/exotel, auth: none}}]
""", webhooks__listen=f"0.0.0.0:{hooks}", media__threads=1, webhooks__max_connections=40, **settings)
        server.settings["media.listen"] = f"0.0.0.0:{server.media}"
        return server, hooks

    def test_an_address_has_a_quarter_of_the_connections(self):
        server, hooks = self.server(media__max_calls=16)
        with server:
            self.check_share(server, server.media, (16 + 1024) // 4)
            self.check_share(server, hooks, 40 // 4)

    def test_a_call_is_no_connection_that_waits(self):
        upgrade = ("GET /media/exotel HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode()
        server, _ = self.server(media__max_calls=400)
        with server:
            calls = []
            for _ in range((400 + 1024) // 4 + 20):
                calls.append(connect(server.media, HERE))
                calls[-1].sendall(upgrade)
                self.assertEqual(calls[-1].recv(4096).split()[1], b"101")
            for call in calls:
                call.close()

    def test_a_proxy_that_is_trusted_is_not_limited(self):
        server, hooks = self.server(media__trusted_proxies=HERE + "/32")
        with server:
            lines = [knock(hooks, HERE) for _ in range(20)]
            self.assertEqual({is_hung_up(line) for line in lines}, {False})
            for line in lines:
                line.close()


@unittest.skipIf(INSIDE in os.environ, "we are inside")
class OutsideIn(unittest.TestCase):
    def test_in_a_network_of_our_own(self):
        own = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c"]
        if not shutil.which("ip") or subprocess.run([*own, SET_UP], capture_output=True).returncode != 0:
            self.skipTest("no network namespaces here, or no ip")
        done = subprocess.run(
            [*own, f'{SET_UP} && exec "$0" -m unittest -v test_connections', sys.executable], capture_output=True,
            text=True, timeout=240, env={**os.environ, INSIDE: "1"}, cwd=os.path.dirname(os.path.abspath(__file__)))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("Ran 4 tests", done.stderr)


if __name__ == "__main__":
    unittest.main()
