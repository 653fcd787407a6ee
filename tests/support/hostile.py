"""A server of the test's own, to see what its clients make of what it does."""

import asyncio
import socket
import threading

import websockets

from server import free_port, wait_for


class Hostile:
    """A WebSocket server on 127.0.0.1 alone, whose behaviour is a coroutine."""

    def __init__(self, behave, **options):
        self.behave, self.options, self.port = behave, options, free_port()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        wait_for("the server", self.is_there)

    def run(self):
        self.loop.run_until_complete(self.serve())

    async def serve(self):
        self.ended = asyncio.Event()
        async with websockets.serve(self.behave, "127.0.0.1", self.port, compression=None, **self.options):
            await self.ended.wait()

    def is_there(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        self.loop.call_soon_threadsafe(self.ended.set)
        self.thread.join()
        self.loop.close()
