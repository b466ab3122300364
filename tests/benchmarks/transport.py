"""How much the transports upstream cost: `python tests/benchmarks/transport.py`, about half a minute, prints a table.

Calls are POSTs of 1 KB answered with 640 B, and streams of 64 events, by an upstream in a process of its own. `bare`
is a client of the same design without anything a client must do (no TLS, deadlines, back pressure, cancellation,
checks or headers): the ceiling. CPU is this process's own, which other work on the machine disturbs least; the
ratios are within one run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httptools
from tollhouse.transport import Call, Transport, open_transport

BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x" * 960}]}).encode()
ANSWER = json.dumps({"id": "a", "choices": [{"message": {"content": "y" * 590}}]}).encode()
EVENT = b"data: " + json.dumps({"choices": [{"delta": {"content": "z" * 150}}]}).encode() + b"\n\n"
EVENTS = 64
HEADERS = [
    ("user-agent", "tollhouse"),
    ("content-type", "application/json"),
    ("accept", "application/json"),
    ("authorization", "Bearer " + "k" * 40),
]


class Upstream(asyncio.Protocol):
    """Answers every request at once; /stream in chunks, each event in a write of its own."""

    WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: r\r\ncontent-length: %d\r\n\r\n%b" % (
        len(ANSWER),
        ANSWER,
    )
    HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    CHUNK = b"%x\r\n%b\r\n" % (len(EVENT), EVENT)

    def connection_made(self, transport: Any) -> None:
        self.transport, self.parser = transport, httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_message_complete(self) -> None:
        if self.url == b"/stream":
            self.transport.write(self.HEAD)
            self._event(EVENTS)
        else:
            self.transport.write(self.WHOLE)

    def _event(self, left: int) -> None:
        self.transport.write(self.CHUNK if left else b"0\r\n\r\n")
        if left:
            asyncio.get_running_loop().call_soon(self._event, left - 1)


class Bare(asyncio.Protocol):
    """The ceiling: one connection of a client that trusts everybody."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.parts: list[bytes] = []
        self.waiter: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        self.parts.append(data)

    def on_message_complete(self) -> None:
        body, self.parts = b"".join(self.parts), []
        assert self.waiter is not None
        self.waiter.set_result(body)


class BareTransport:
    """The ceiling's free list."""

    def __init__(self, host: str, port: int) -> None:
        self._where, self._free = (host, port), list[Bare]()
        fields = "".join(f"{name}: {value}\r\n" for name, value in HEADERS)
        self._head = f" HTTP/1.1\r\nHost: {host}:{port}\r\n{fields}Content-Length: {len(BODY)}\r\n\r\n".encode()

    async def call(self, path: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        if self._free:
            connection = self._free.pop()
        else:
            _, connection = await loop.create_connection(Bare, *self._where)
        connection.waiter = loop.create_future()
        connection.transport.write(b"POST " + path + self._head + BODY)
        body = await connection.waiter
        self._free.append(connection)
        return body

    async def close(self) -> None:
        for connection in self._free:
            connection.transport.abort()
        await asyncio.sleep(0)


def through(transport: Transport, url: str) -> Callable[[str], Awaitable[int]]:
    """A call over a transport, its answer read as a gateway reads it."""

    async def call(path: str) -> int:
        response = await transport.open(Call("POST", url + path, HEADERS, BODY))
        try:
            if path == "/stream":
                size = 0
                async for chunk in response.chunks():
                    size += len(chunk)
                return size
            return len(await response.read(1 << 20))
        finally:
            await response.close()

    return call


async def measure(
    call: Callable[[str], Awaitable[int]], path: str, workers: int, seconds: float
) -> tuple[float, float]:
    """CPU microseconds a call, and calls a second."""
    done = 0
    until = time.perf_counter() + seconds

    async def work() -> None:
        nonlocal done
        while time.perf_counter() < until:
            size = await call(path)
            assert size == (EVENTS * len(EVENT) if path == "/stream" else len(ANSWER)), size
            done += 1

    await asyncio.gather(*(call(path) for _ in range(workers)))
    begun, busy = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(workers)))
    return (time.process_time() - busy) / done * 1e6, done / (time.perf_counter() - begun)


async def compare(host: str, port: int, seconds: float) -> None:
    url = f"http://{host}:{port}"
    print("| calls | at once | bare us | http1 us | httpx us | httpx / http1 | http1 / bare | http1 calls/s | httpx |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for path, levels in (("/whole", (1, 16, 64)), ("/stream", (16, 64))):
        for workers in levels:
            bare = BareTransport(host, port)

            async def ceiling(path: str, bare: BareTransport = bare) -> int:
                return len(await bare.call(path.encode()))

            least, _ = await measure(ceiling, path, workers, seconds)
            await bare.close()
            costs = {}
            for name in ("http1", "httpx"):
                transport = open_transport(name)
                costs[name] = await measure(through(transport, url), path, workers, seconds)
                await transport.close()
            (ours, rate), (theirs, slow) = costs["http1"], costs["httpx"]
            print(
                f"| {path[1:]} | {workers} | {least:.0f} | {ours:.0f} | {theirs:.0f} | {theirs / ours:.1f}"
                f" | {ours / least:.2f} | {rate:,.0f} | {slow:,.0f} |",
                flush=True,
            )


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def upstream() -> Iterator[int]:
    """The port of an upstream in a process of its own."""
    process = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


def run(work: Any, loop: str) -> None:
    """Run on asyncio's own loop, or on uvloop where it is installed."""
    if loop == "uvloop":
        import uvloop

        uvloop.run(work)
    else:
        asyncio.run(work)


def fastest() -> str:
    try:
        import uvloop  # noqa: F401
    except ImportError:
        return "asyncio"
    return "uvloop"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=1.0, help="a measurement's length")
    arguments.add_argument("--loop", choices=["asyncio", "uvloop"], default=fastest())
    arguments.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.serve:
        with contextlib.suppress(KeyboardInterrupt):
            run(serve(), fastest())
        return
    print(f"Python {sys.version.split()[0]}, {given.loop}, {given.seconds:g} s each; CPU microseconds a call")
    with upstream() as port:
        run(compare("127.0.0.1", port, given.seconds), given.loop)


if __name__ == "__main__":
    main()
