"""A server that sends exactly the bytes it is told, and a caller that reads what a transport makes of them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from tollhouse import ProviderError
from tollhouse.config import DurationOrOff, Timeouts
from tollhouse.transport import Call

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
BIG = 1 << 40


@dataclass
class Asked:
    """A request as it came over the wire."""

    line: str
    headers: dict[str, str]
    body: bytes


class Peer:
    """The server's end of one connection; `number` counts from 1."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number, self.reader, self.writer = number, reader, writer

    async def head(self) -> Asked:
        """The next request's head, its body unread."""
        raw = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *fields = raw[:-4].split("\r\n")
        return Asked(line, {k.lower(): v.strip() for k, _, v in (field.partition(":") for field in fields)}, b"")

    async def request(self) -> Asked:
        """The next request, whole."""
        asked = await self.head()
        if asked.headers.get("transfer-encoding") == "chunked":
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                asked.body += (await self.reader.readexactly(size + 2))[:-2]
            assert await self.reader.readexactly(2) == b"\r\n"
        else:
            asked.body = await self.reader.readexactly(int(asked.headers.get("content-length", "0")))
        return asked

    async def send(self, data: bytes, step: int = 0) -> None:
        """Send bytes: all at once, or so many at a time."""
        for start in range(0, len(data), step or len(data)):
            self.writer.write(data[start : start + (step or len(data))])
            await self.writer.drain()
            await asyncio.sleep(0)

    async def gone(self) -> int:
        """Wait until the client hangs up; the bytes it had still sent."""
        size = 0
        with suppress(ConnectionError):
            while data := await self.reader.read(65536):
                size += len(data)
        return size

    def reset(self) -> None:
        """Hang up rudely."""
        self.writer.transport.abort()


Play = Callable[[Peer], Awaitable[Any]]


class Wire:
    """`async with Wire(play)`: every connection is played through, and hung up at the end of its play."""

    def __init__(self, play: Play, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self._play, self._tls, self._host = play, tls, host
        self.connections = self.open = 0
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Wire:
        self._server = await asyncio.start_server(
            self._serve, self._host, 0, ssl=self._tls, limit=1 << 20, backlog=2048
        )
        self.port = self._server.sockets[0].getsockname()[1]
        shown = f"[{self._host}]" if ":" in self._host else self._host
        self.url = f"{'https' if self._tls else 'http'}://{shown}:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()
        await asyncio.sleep(0)

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until connections have come and gone so that this is true."""
        while not true():
            self._changed.clear()
            await self._changed.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.open += 1
        self._changed.set()
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, RuntimeError):  # uvloop's word for a closed one
                await self._play(Peer(self.connections, reader, writer))
        except asyncio.CancelledError:
            pass
        finally:
            self.open -= 1
            self._changed.set()
            self._tasks.discard(task)
            writer.close()


def answers(*raw: bytes, step: int = 0, end: bool = False) -> Play:
    """Answer the requests of a connection with these bytes, the last repeated; hang up after each with `end`."""

    async def play(peer: Peer) -> None:
        scripts = list(raw)
        while True:
            await peer.request()
            await peer.send(scripts.pop(0) if len(scripts) > 1 else scripts[0], step)
            if end:
                return

    return play


@asynccontextmanager
async def met(make: Callable[[], Any], play: Play, **more: Any) -> Any:
    """A transport and a server that plays; at the end every connection is seen to end."""
    async with Wire(play, **more) as server:
        transport = make()
        try:
            yield transport, server
        finally:
            await transport.close()
        await server.until(lambda: server.open == 0)
        assert getattr(transport, "alive", 0) == 0


def call(url: str, body: Any = b"{}", method: str = "POST", headers: Any = (), connect: float = 5.0) -> Call:
    """A call like a provider's."""
    return Call(method, url, list(headers), body, Timeouts(connect=DurationOrOff(connect)))


@dataclass
class Got:
    """A reply, read whole."""

    status: int
    headers: dict[str, str]
    body: bytes


async def fetch(transport: Any, url: str, *, limit: int = BIG, **more: Any) -> Got:
    """Make a call and read the reply whole."""
    response = await transport.open(call(url, **more))
    try:
        return Got(response.status, dict(response.headers), await response.read(limit))
    finally:
        await response.close()


async def failure(work: Awaitable[Any]) -> ProviderError:
    """The ProviderError this ends with."""
    try:
        result = await work
    except ProviderError as error:
        return error
    raise AssertionError(f"it did not fail: {result}")
