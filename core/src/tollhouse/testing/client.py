"""An ASGI client that reads as slowly, and leaves as rudely, as a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from ..front import Front
from ..gateway import Gateway


@dataclass(slots=True)
class Response:
    """A whole response. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return msgspec.json.decode(self.body)


class Stream:
    """A response as it comes. `room` bounds how many messages the gateway may send ahead of the reader."""

    def __init__(self, front: Front, scope: MutableMapping[str, Any], body: bytes, room: int) -> None:
        self._incoming: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self._incoming.put_nowait({"type": "http.request", "body": body, "more_body": False})
        self._outgoing: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue(room)
        self.status = 0
        self.headers: dict[str, str] = {}
        self.finished = False
        self.task = asyncio.create_task(front(scope, self._incoming.get, self._outgoing.put))

    async def head(self) -> None:
        """Wait for status and headers."""
        message = await self._next()
        if message is None:
            return
        self.status = message["status"]
        self.headers = {name.decode(): value.decode() for name, value in message["headers"]}

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes, until it ends or the gateway gives up."""
        while (message := await self._next()) is not None:
            if message["body"]:
                yield message["body"]
            if not message.get("more_body", False):
                self.finished = True
                return

    async def leave(self) -> None:
        """Hang up, and wait until the gateway has let go."""
        self._incoming.put_nowait({"type": "http.disconnect"})
        while not self.task.done():
            while not self._outgoing.empty():
                self._outgoing.get_nowait()
            await asyncio.wait([self.task], timeout=0.01)

    async def _next(self) -> MutableMapping[str, Any] | None:
        getting = asyncio.ensure_future(self._outgoing.get())
        try:
            await asyncio.wait([getting, self.task], return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                return getting.result()
        finally:
            getting.cancel()
        if not self._outgoing.empty():
            return self._outgoing.get_nowait()
        self.task.result()
        return None


class Client:
    """Speaks to a gateway's front without a server. Paths may hold a query."""

    def __init__(self, gateway: Gateway, headers: Mapping[str, str] | None = None) -> None:
        self.front = Front(gateway)
        self.headers = dict(headers or {})

    async def post(self, path: str, body: Any = b"", headers: Mapping[str, str] | None = None) -> Response:
        """POST JSON (or bytes) and read the whole answer."""
        return await self.request("POST", path, body, headers)

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Response:
        """GET and read the whole answer."""
        return await self.request("GET", path, headers=headers)

    async def request(
        self, method: str, path: str, body: Any = b"", headers: Mapping[str, str] | None = None
    ) -> Response:
        """Any request, read whole."""
        async with self.stream(path, body, headers, method=method) as stream:
            read = b"".join([chunk async for chunk in stream.chunks()])
            return Response(stream.status, stream.headers, read)

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        body: Any = b"",
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "POST",
        room: int = 0,
    ) -> AsyncIterator[Stream]:
        """A response to be read as it comes, its head already here; leaving the block early hangs up."""
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        stream = Stream(self.front, self._scope(method, path, raw, headers or {}), raw, room)
        try:
            await stream.head()
            yield stream
        finally:
            await stream.leave()

    def _scope(self, method: str, path: str, raw: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        path, _, query = path.partition("?")
        given = {**self.headers, **headers}
        if raw:
            given |= {"content-length": str(len(raw))} | ({} if "content-type" in given else _JSON)
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in given.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }


_JSON = {"content-type": "application/json"}
