"""An upstream on a real socket that answers as scripted and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import h11
import msgspec


@dataclass(slots=True)
class Request:
    """What the upstream was asked. Header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the client closed the connection before the answer's end."""

    def json(self) -> Any:
        """The body as JSON."""
        return msgspec.json.decode(self.body)


class Cut(Exception):
    """Raised by a script: break the connection here."""


@dataclass(slots=True)
class Script:
    """An answer. `body` may be bytes, or chunks: bytes to send at once, or a number of seconds to wait."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes | float] | AsyncIterator[bytes] = b""


Answer = Callable[[Request], Script]


def sse(*events: Any, done: bool = True) -> bytes:
    """Server-sent events of JSON values (bytes are sent as they are), with `[DONE]` at the end if asked."""
    lines = [event if isinstance(event, bytes) else msgspec.json.encode(event) for event in events]
    return b"".join(b"data: " + line + b"\n\n" for line in [*lines, *([b"[DONE]"] if done else [])])


class Upstream:
    """`async with Upstream() as up`: then `up.url`, and `up.answer(...)` for each request to come, the last one
    repeated. `up.requests` holds what was asked, `up.open` how many connections are open."""

    def __init__(self, *scripts: Script | Answer) -> None:
        self._scripts: list[Script | Answer] = list(scripts)
        self.requests: list[Request] = []
        self.open = 0
        self.url = ""
        self._tasks: set[asyncio.Task[None]] = set()

    def answer(self, body: Any = b"", status: int = 200, headers: Mapping[str, str] | None = None, **more: str) -> None:
        """Queue an answer: JSON for a dict, an event stream for chunks and for bytes that begin with `data:`."""
        self._scripts.append(scripted(body, status, {**(headers or {}), **more}))

    def then(self, answer: Answer) -> None:
        """Queue an answer that depends on the request."""
        self._scripts.append(answer)

    async def __aenter__(self) -> Upstream:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()

    def _next(self, request: Request) -> Script:
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        return script if isinstance(script, Script) else script(request)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.open += 1
        try:
            with suppress(ConnectionError, Cut, h11.RemoteProtocolError):
                await self._talk(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            self.open -= 1
            self._tasks.discard(task)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        while True:
            request = await _read(connection, reader)
            if request is None:
                return
            self.requests.append(request)
            answering = asyncio.ensure_future(self._answer(connection, writer, request))
            watching = asyncio.ensure_future(reader.read(1))
            try:
                await asyncio.wait([answering, watching], return_when=asyncio.FIRST_COMPLETED)
                if watching.done() and (early := watching.result()):
                    connection.receive_data(early)
                    await asyncio.wait([answering])
                if not answering.done():
                    request.left.set()
                    answering.cancel()
                    await asyncio.wait([answering])
                    return
                answering.result()
            except ConnectionError:
                request.left.set()
                raise
            finally:
                watching.cancel()
                answering.cancel()
                await asyncio.wait([watching, answering])
            if connection.our_state is not h11.DONE:
                return
            connection.start_next_cycle()

    async def _answer(self, connection: h11.Connection, writer: asyncio.StreamWriter, request: Request) -> None:
        script = self._next(request)
        body = script.body
        headers = [(name, value) for name, value in script.headers.items()]
        if isinstance(body, bytes):
            headers.append(("content-length", str(len(body))))
        writer.write(connection.send(h11.Response(status_code=script.status, headers=headers)) or b"")
        async for chunk in _paced(body):
            writer.write(connection.send(h11.Data(data=chunk)) or b"")
            await writer.drain()
        writer.write(connection.send(h11.EndOfMessage()) or b"")
        await writer.drain()


def scripted(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Script:
    """A Script for a JSON object, bytes, or chunks, with the content type that fits."""
    kind = "application/json"
    if isinstance(body, dict):
        body = msgspec.json.encode(body)
    elif not isinstance(body, bytes) or body.startswith((b"data:", b":", b"event:")):
        kind = "text/event-stream"
    return Script(status, {"content-type": kind, **(headers or {})}, body)


async def _read(connection: h11.Connection, reader: asyncio.StreamReader) -> Request | None:
    request: Request | None = None
    parts: list[bytes] = []
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Request):
            headers = {name.decode().lower(): value.decode("latin-1") for name, value in event.headers}
            request = Request(event.method.decode(), event.target.decode(), headers)
        elif isinstance(event, h11.Data):
            parts.append(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage):
            assert request is not None
            request.body = b"".join(parts)
            return request
        else:
            return None


async def _paced(body: Any) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        yield body
        return
    if hasattr(body, "__aiter__"):
        async for chunk in body:
            yield chunk
        return
    for chunk in body:
        if isinstance(chunk, bytes):
            yield chunk
        elif isinstance(chunk, type) and issubclass(chunk, Cut):
            raise Cut
        else:
            await asyncio.sleep(chunk)
