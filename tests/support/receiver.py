"""Somebody else's webhook: takes our POSTs, and may misbehave."""

import collections
import contextlib
import hashlib
import hmac
import http.server
import json
import socket
import ssl
import threading
import time

from server import free_port


class Listener(http.server.ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, *_):
        """A caller that died in the middle is what many tests are about."""


class Receiver:
    """Takes POSTs, and answers each as the list says: a status, "cut", or "silence"; then 204."""

    def __init__(self, *answers, port=None, rule=None, delay=0, tls=None, keep_alive=False):
        """rule(headers, body), if there is one, answers what the list does not. tls: (certificate, key)."""
        self.answers = collections.deque(answers)
        self.rule, self.delay = rule or (lambda headers, body: 204), delay
        self.posts, self.taken, self.gets = [], [], 0
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1" if keep_alive else "HTTP/1.0"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                post = (dict(self.headers), body)
                with receiver.busy():
                    with receiver.lock:
                        receiver.posts.append(post)
                        answer = receiver.answers.popleft() if receiver.answers else receiver.rule(*post)
                    receiver.closing.wait(receiver.delay)
                    self.answer(answer, post)

            def answer(self, answer, post):
                if answer == "cut":
                    self.connection.shutdown(socket.SHUT_RDWR)
                elif answer == "silence":
                    receiver.closing.wait()
                elif answer == "chatter":
                    receiver.taken.append(post)
                    self.chatter()
                else:
                    if answer // 100 == 2:
                        receiver.taken.append(post)
                    self.send_response(answer)
                    self.send_header("Location", f"http://127.0.0.1:{receiver.port}/elsewhere")
                    self.send_header("Content-Length", "0")
                    if answer == 429:
                        self.send_header("Retry-After", "2")
                    self.end_headers()

            def chatter(self):
                """An answer without an end."""
                self.send_response(200)
                self.send_header("Connection", "close")
                self.end_headers()
                with contextlib.suppress(OSError):
                    while not receiver.closing.is_set():
                        self.wfile.write(b"thank you, " * 1000)

            def do_GET(self):
                receiver.gets += 1
                self.send_error(404)

            def log_message(self, *_):
                pass

        self.closing = threading.Event()
        self.server = Listener(("127.0.0.1", port or free_port()), Handler)
        self.server.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/hook/with-a-token-in-it"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @contextlib.contextmanager
    def busy(self):
        with self.lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            yield
        finally:
            with self.lock:
                self.at_once -= 1

    def bodies(self):
        return [json.loads(body) for _, body in self.posts]

    def states(self):
        return [body["state"] for body in self.bodies()]

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()


def is_signed(headers, body, secret):
    fields = dict(part.split("=", 1) for part in headers["X-Holdline-Signature"].split(","))
    expected = hmac.new(secret.encode(), fields["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(fields["v1"], expected) and abs(time.time() - int(fields["t"])) < 300
