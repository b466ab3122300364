"""The parts of the engine tests: an app that notes what reaches it, an engine on a thread, a raw caller."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

from tollhouse.config import Address, Server
from tollhouse.serving.engine import Terms, engine
from tollhouse.serving.listening import bound
from tollhouse.serving.loop import run

HEAD = b"POST /echo HTTP/1.1\r\nHost: gate\r\n"


class App:
    """`/echo` answers with the body, `/slow` after 0.3 s, `/early` before it was read, `/endless` never ends.
    `seen` are the paths asked for, `left` those whose caller left before the answer ended."""

    def __init__(self):
        self.seen, self.bodies, self.left, self.headers = [], [], [], []

    async def __call__(self, scope, receive, send):
        path = scope["path"]
        self.seen.append(path)
        self.headers.append(scope["headers"])
        if path == "/early":
            await send({"type": "http.response.start", "status": 413, "headers": []})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.left.append(path)
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.bodies.append(body)
        leaving = asyncio.create_task(self._leaves(receive, path))
        try:
            await self._answer(path, body, send, leaving)
        finally:
            leaving.cancel()

    async def _leaves(self, receive, path):
        while (await receive())["type"] != "http.disconnect":
            pass
        self.left.append(path)

    async def _answer(self, path, body, send, leaving):
        headers = [(b"connection", b"close")] if path == "/last" else []
        if path == "/slow":
            await asyncio.wait([leaving], timeout=0.3)
        if path != "/endless":
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while path == "/endless" and not leaving.done():
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": body, "more_body": False})


class Around:
    """An engine around an App, serving on a thread. `settings` are those of `[server]`."""

    def __init__(self, name, *, stalled=60.0, tls=None, **settings):
        self.app, self.tls = App(), tls
        self.server = Server(engine=name, **settings)
        self.listener = bound(Address("127.0.0.1:0"), stalled=stalled)
        self.port = self.listener.getsockname()[1]
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: run(self._serve()), daemon=True)

    def start(self):
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self):
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(10)
            assert not self._thread.is_alive()

    async def _serve(self):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with engine(self.server.engine).serving(
            self._asked, [self.listener], Terms(lambda: self.server, self.tls)
        ):
            self._ready.set()
            await self._stop.wait()

    async def _asked(self, scope, receive, send):
        await self.app(scope, receive, send)

    def caller(self, timeout=10.0):
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def says(self, *pieces, pause=0.02, timeout=10.0):
        """Send the pieces, and read until the connection ends: all that was answered."""
        with self.caller(timeout) as caller:
            for number, piece in enumerate(pieces):
                if number:
                    time.sleep(pause)
                caller.sendall(piece)
            return drained(caller)


def drained(caller):
    """What a caller can read until the end."""
    parts = []
    while data := received(caller):
        parts.append(data)
    return b"".join(parts)


def received(caller):
    try:
        return caller.recv(65536)
    except ConnectionError:
        return b""


def response(caller):
    """One response with a content-length: head and body."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = received(caller)
        assert piece, f"the connection ended after {data!r}"
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    while len(body) < length:
        body += received(caller)
    return head, body[:length]


def wait_until(true, seconds=10.0):
    """Wait until `true()` is."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.005)
