"""The engine `hypercorn`: its protocols for HTTP/1.1 and HTTP/2 on connections of ours.

Its own connection has no time limit for heads, starts a task for every idle second half of a request, waits for ever
for callers who stopped reading, and its shutdown waits for connections without end.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from email.utils import formatdate
from socket import socket
from typing import Any

from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config

from ..lapse import Lapses
from .engine import BESIDE_HEADERS, IDLE, App, Message, Terms
from .hypercorn_connection import Connection
from .listening import listening

NOT_IN_HTTP2 = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))
"""Headers of a connection, which HTTP/2 has not: h2 refuses a response with one, and hypercorn then sends none."""

READ_AHEAD = 64 << 10
"""Bytes read at once; twice as much may wait."""


class Hypercorn:
    """HTTP/1.1 and HTTP/2, the latter also without TLS. See Engine."""

    alpn: Sequence[str] = ("h2", "http/1.1")

    @asynccontextmanager
    async def serving(self, app: App, listeners: Sequence[socket], terms: Terms) -> AsyncIterator[None]:
        """See Engine.serving."""
        loop = asyncio.get_running_loop()
        config, context, wrapped = _LiveConfig(terms), WorkerContext(None), _Wrapped(app)
        idle = Lapses(IDLE)
        connections: set[Connection] = set()
        tasks: set[asyncio.Task[None]] = set()

        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = Connection(wrapped, config, context, terms, reader, writer, idle)
            task = asyncio.current_task()
            assert task is not None
            connections.add(connection)
            tasks.add(task)
            try:
                await connection.run()
            finally:
                connections.discard(connection)
                tasks.discard(task)

        def protocol() -> asyncio.StreamReaderProtocol:
            return asyncio.StreamReaderProtocol(asyncio.StreamReader(READ_AHEAD, loop), accepted, loop)

        try:
            patience = float(terms.server().header_timeout)
            async with listening(protocol, listeners, terms.tls, patience, connections):
                try:
                    yield
                finally:
                    await context.terminated.set()
        finally:
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tuple(tasks), timeout=1.0)


class _LiveConfig(Config):
    """hypercorn's settings; those that a reload may change are looked up."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self.accesslog = None
        self.errorlog = logging.getLogger("tollhouse.hypercorn")
        self.errorlog.setLevel(logging.WARNING)
        self.include_server_header = False
        self.keep_alive_max_requests = 1 << 60
        self._date: list[tuple[bytes, bytes]] = []
        self._second = 0

    def response_headers(self, protocol: str) -> list[tuple[bytes, bytes]]:
        """What every response bears: the date, written once a second."""
        second = int(time.time())
        if second != self._second:
            self._date, self._second = [(b"date", formatdate(second, usegmt=True).encode("ascii"))], second
        return self._date

    @property
    def largest_head(self) -> int:
        """Bytes of a head."""
        return self._terms.server().max_header_bytes + BESIDE_HEADERS

    @property
    def h2_max_header_list_size(self) -> int:  # type: ignore[override]
        """Bytes of a head's headers once unpacked, as HTTP/2 counts them."""
        return self.largest_head


class _Wrapped:
    """The app as hypercorn calls it."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any, *_: object) -> None:
        if scope.get("http_version") != "2":
            await self._app(scope, receive, send)
            return

        async def sends(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [one for one in message["headers"] if one[0] not in NOT_IN_HTTP2]
                message = {**message, "headers": kept}
            await send(message)

        await self._app(scope, receive, sends)
