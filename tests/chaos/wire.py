"""The way to the database, as a TCP proxy that misbehaves on command.

    wire = Wire(postgres.port)
    wire.refuse()              # nobody listens; who is in is reset
    wire.swallow()             # a black hole: takes bytes, gives none, closes nothing
    wire.delay = 0.15          # seconds, each way
    wire.rate = 8000           # bytes a second, each way
    wire.cut_after(lambda: random.randrange(20000))   # each connection is reset after so many bytes
    wire.lose_answers = True   # what the server says next is thrown away, then the connection
    wire.babble = b"HTTP/1.1 400 Bad Request..."      # answers of something that is no PostgreSQL
    wire.crumble = True        # one byte at a time
    wire.pass_on()             # all is well again
"""

import contextlib
import socket
import struct
import threading
import time

from server import free_port

TURN = 0.02  # seconds in which a changed mind is noticed


def reset(peer):
    """RST, not FIN: what is under way is lost."""
    with contextlib.suppress(OSError):
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end(peer)


def end(peer):
    with contextlib.suppress(OSError):
        peer.shutdown(socket.SHUT_RDWR)
    peer.close()


class Link:
    """One connection, forwarded both ways."""

    def __init__(self, wire, client):
        self.wire, self.client, self.server = wire, client, None
        self.budget = wire.next_budget()
        self.lock, self.dead = threading.Lock(), False

    def run(self):
        if self.wire.babble is not None:
            with contextlib.suppress(OSError):
                self.client.recv(4096)
                self.client.sendall(self.wire.babble)
            self.close(reset_it=False)
            return
        try:
            self.hold()
            self.server = socket.create_connection(self.wire.upstream, timeout=10)
            self.server.settimeout(None)
        except OSError:
            self.close()
            return
        back = threading.Thread(target=self.pump, args=(self.server, self.client), daemon=True)
        back.start()
        self.pump(self.client, self.server)
        back.join()

    def hold(self):
        """In a black hole nothing moves, and nobody is told."""
        while self.wire.silent and not self.dead:
            time.sleep(TURN)

    def pump(self, source, target):
        answers = source is self.server
        try:
            while data := source.recv(65536):
                arrives = time.monotonic() + self.wire.delay
                self.hold()
                time.sleep(max(0.0, arrives - time.monotonic()))
                self.spend(len(data))
                if answers and self.wire.take_answer():
                    break
                self.give(target, data)
        except OSError:
            pass
        self.hold()
        self.close()

    def give(self, target, data):
        step = 1 if self.wire.crumble else len(data)
        for i in range(0, len(data), step):
            target.sendall(data[i : i + step])
        if self.wire.rate:
            time.sleep(len(data) / self.wire.rate)

    def spend(self, count):
        with self.lock:
            if self.budget is None:
                return
            self.budget -= count
            over = self.budget < 0
        if over:
            self.wire.cuts += 1
            raise ConnectionResetError

    def close(self, reset_it=True):
        self.dead = True
        self.wire.links.discard(self)
        for peer in filter(None, (self.client, self.server)):
            (reset if reset_it else end)(peer)


class Wire:
    def __init__(self, upstream):
        self.upstream = ("127.0.0.1", upstream) if isinstance(upstream, int) else upstream
        self.port, self.links, self.listener = free_port(), set(), None
        self.cuts = self.lost_answers = self.connects = 0
        self.pass_on()

    # ---- what it does from now on

    def pass_on(self):
        self.silent, self.delay, self.rate, self.crumble = False, 0.0, 0, False
        self.lose_answers, self.babble, self.budget = False, None, None
        self.listen()

    def refuse(self):
        self.deaf()
        self.cut()

    def swallow(self):
        self.silent = True

    def cut_after(self, budget):
        """Of new connections and those that there are."""
        self.budget = budget
        for link in list(self.links):
            link.budget = budget()

    def cut(self):
        """Everybody out, now, by reset."""
        for link in list(self.links):
            link.close()

    def close(self):
        self.silent = False
        self.refuse()

    # ---- inside

    def next_budget(self):
        return self.budget() if self.budget else None

    def take_answer(self):
        """Once: true for the one whose answer goes nowhere."""
        lost, self.lose_answers = self.lose_answers, False
        self.lost_answers += lost
        return lost

    def listen(self):
        if not self.listener:
            self.listener = socket.create_server(("127.0.0.1", self.port))
            threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def deaf(self):
        listener, self.listener = self.listener, None
        if listener:
            end(listener)

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.connects += 1
            link = Link(self, client)
            self.links.add(link)
            threading.Thread(target=link.run, daemon=True).start()
