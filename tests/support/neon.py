"""A PostgreSQL proxy that can say no, as Neon's and other poolers' do.

    neon = FakeNeon(port=23400, upstream=postgres.port)   # forwards to a real server
    neon.refuse("NeonEndpointDisabled")                   # every start-up gets this answer
    neon.suspend()                                        # and ends the sessions there are: 57P01
    neon.allow()                                          # forwards again
    neon.lose_commits()                                   # COMMIT arrives, its answer never does
    neon.go_silent()                                      # takes bytes, sends none, closes nothing
    neon.close()

By hand, with commands on standard input (a reason, `CODE TEXT`, allow, suspend,
lose, silent):

    python3 neon.py --port 23400 --upstream 5432 --refuse NeonEndpointDisabled
"""

import argparse
import contextlib
import socket
import struct
import sys
import threading

# What is said, by the reason that Holdline's log gives for it. Neon's proxy puts XX000 on everything.
ANSWERS = {
    "NeonEndpointDisabled": ("XX000", "The endpoint has been disabled. Enable it using Neon API and retry."),
    "NeonEndpointUnavailable": (
        "XX000", "Control plane request failed: endpoint is temporarily unavailable. "
                 "Check your quotas and/or contact our support."),
    "NeonEndpointMissing": ("XX000", "Control plane request failed: endpoint cannot be found"),
    "NeonQuota": (
        "XX000", "Your account or project has exceeded the compute time quota. Upgrade your plan to increase limits."),
    "NeonTooManyEndpoints": (
        "XX000", "You have exceeded the limit of concurrently active endpoints. Please suspend some endpoints."),
    "NeonComputeUnreachable": ("XX000", "Couldn't connect to compute node"),
    "NeonControlPlane": ("XX000", "Control plane request failed"),
    "NeonRateLimited": ("XX000", "Too many connections attempts"),
    "NeonEndpointUnnamed": (
        "XX000", "Endpoint ID is not specified. Either please upgrade the postgres client library (libpq) "
                 "for SNI support or pass the endpoint ID (first part of the domain name) as a parameter."),
    "InvalidPassword": ("XX000", "password authentication failed for user 'holdline'"),
    "UnsupportedStartupParameter": ("08P01", "unsupported startup parameter: options"),
    "PoolerQueueTimeout": ("08P01", "query_wait_timeout"),
    "PoolerFull": ("08P01", "no more connections allowed (max_client_conn)"),
    "PoolerLoginFailing": ("08P01", "server login has been failing, cached error: connect failed (server_login_retry)"),
    "CannotConnectNow": ("57P03", "the database system is starting up"),
    "TooManyConnections": ("53300", "sorry, too many clients already"),
}
SUSPENDED = ("57P01", "terminating connection due to administrator command")

CANCEL, SSL, GSS = 80877102, 80877103, 80877104


def error_response(code, text, severity="FATAL", **more):
    """The message E; `more` are fields by their letter: D (detail), n (constraint) ..."""
    fields = {"S": severity, "V": severity, "C": code, "M": text, **more}
    body = b"".join(key.encode() + value.encode() + b"\0" for key, value in fields.items()) + b"\0"
    return b"E" + struct.pack("!I", len(body) + 4) + body


def read_exactly(peer, count):
    data = b""
    while len(data) < count:
        part = peer.recv(count - len(data))
        if not part:
            raise ConnectionError("the client hung up")
        data += part
    return data


class Session:
    """One client, and the server behind it unless it was refused."""

    def __init__(self, neon, client):
        self.neon, self.client, self.server = neon, client, None
        self.swallow = False  # what the server answers

    def run(self):
        with contextlib.suppress(OSError):
            startup = self.read_startup()
            if startup:
                self.serve(startup)
        self.end()

    def read_startup(self):
        """The start-up message; encryption is declined. None: it was something else."""
        while True:
            head = read_exactly(self.client, 8)
            length, code = struct.unpack("!II", head)
            if code in (SSL, GSS):
                self.client.sendall(b"N")
            elif code == CANCEL:
                return None
            else:
                return head + read_exactly(self.client, length - 8)

    def serve(self, startup):
        answer = self.neon.started(startup)
        if self.neon.mute:
            self.client.recv(1)  # until it gives up
        elif answer:
            self.client.sendall(error_response(*answer))
            self.client.shutdown(socket.SHUT_WR)
            self.client.recv(4096)  # closing earlier could cut off what we said
        else:
            self.server = socket.create_connection(self.neon.upstream, timeout=10)
            self.server.settimeout(None)
            self.server.sendall(startup)
            answers = threading.Thread(target=self.pump_answers, daemon=True)
            answers.start()
            if self.pump_requests():
                answers.join()
                self.neon.lost_commits += 1

    def pump_requests(self):
        """Client to server, message by message. True: a COMMIT went through whose answer must be lost."""
        while True:
            head = read_exactly(self.client, 5)
            body = read_exactly(self.client, struct.unpack("!I", head[1:])[0] - 4)
            commit = head[:1] in (b"P", b"Q") and b"COMMIT\0" in body
            self.swallow = self.swallow or (commit and self.neon.take_commit())
            self.server.sendall(head + body)
            if self.swallow and head[:1] in (b"S", b"Q"):
                self.server.sendall(b"X\0\0\0\4")  # the server does it all, then hangs up
                return True

    def pump_answers(self):
        with contextlib.suppress(OSError):
            while data := self.server.recv(65536):
                if not self.swallow and not self.neon.mute:
                    self.client.sendall(data)
        if not self.neon.mute:
            with contextlib.suppress(OSError):
                self.client.shutdown(socket.SHUT_RDWR)  # ends pump_requests

    def end(self, last_words=b""):
        self.neon.sessions.discard(self)
        with contextlib.suppress(OSError):
            self.client.sendall(last_words)
        for peer in filter(None, (self.client, self.server)):
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
            peer.close()


class FakeNeon:
    """Listens from the start until close(); forwards until it is told otherwise."""

    def __init__(self, port=0, upstream=None):
        self.upstream = ("127.0.0.1", upstream)
        self.answer = None if upstream else ANSWERS["NeonEndpointDisabled"]
        self.mute = False
        self.commits_to_lose = 0
        self.lost_commits = 0  # done by the server, unknown to the client
        self.startups = []  # when it was asked is not kept, only what
        self.sessions = set()
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.url = f"postgresql://holdline@127.0.0.1:{self.port}/postgres"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            session = Session(self, client)
            self.sessions.add(session)
            threading.Thread(target=session.run, daemon=True).start()

    def started(self, startup):
        with self.lock:
            self.startups.append(startup)
            return self.answer

    def take_commit(self):
        with self.lock:
            lose = self.commits_to_lose > 0
            self.commits_to_lose -= lose
            return lose

    @property
    def connects(self):
        """How many start-ups there were."""
        return len(self.startups)

    def refuse(self, reason):
        """From now on: an answer of ANSWERS, or any (code, text). The sessions there are stay."""
        self.answer = ANSWERS[reason] if isinstance(reason, str) else tuple(reason)

    def allow(self):
        self.answer, self.mute, self.commits_to_lose = None, False, 0

    def suspend(self, code=SUSPENDED[0], text=SUSPENDED[1]):
        """Ends every session with an error, as a compute that goes to sleep does."""
        for session in list(self.sessions):
            session.end(error_response(code, text))

    def cut(self):
        """Ends every session without a word."""
        for session in list(self.sessions):
            session.end()

    def lose_commits(self, count=1):
        """The next `count` COMMITs are done; their clients see a connection that ends."""
        self.commits_to_lose = count

    def go_silent(self):
        """Takes what is sent, and never answers, neither old sessions nor new ones."""
        self.mute = True

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()

    def command(self, line):
        """One line of the standard input."""
        simple = {"allow": self.allow, "suspend": self.suspend, "lose": self.lose_commits,
                  "silent": self.go_silent, "cut": self.cut}
        if line in simple:
            simple[line]()
        elif line in ANSWERS:
            self.refuse(line)
        else:
            self.refuse(line.split(None, 1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--upstream", type=int, help="port of the real server on 127.0.0.1")
    parser.add_argument("--refuse", choices=ANSWERS, help="from the start")
    given = parser.parse_args()
    neon = FakeNeon(given.port, given.upstream)
    if given.refuse:
        neon.refuse(given.refuse)
    print(f"listening on 127.0.0.1:{neon.port}", flush=True)
    for line in sys.stdin:
        neon.command(line.strip())
    neon.close()


if __name__ == "__main__":
    main()
