"""The upstream transport of our own: HTTP/1.1 on asyncio's protocols and llhttp, one write and one wait a call."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable

from ..errors import ProviderError
from .address import Origin, locate
from .connection import PIECE, Connection
from .dial import dial
from .faults import unreachable
from .interface import Call, Response
from .pool import KEPT_FOR, KEPT_IDLE, Pool
from .request import head

GOODBYE = 2.0
"""Seconds a TLS connection has to say goodbye."""


class Http1Transport:
    """Connections are kept and used again, the one that rested last first. Nothing else is shared between calls.

    A call whose body is bytes may meet a kept connection that the upstream is closing just then; it is sent once
    more, over a new connection, since no byte of a reply had come. A body that is an iterator cannot be sent
    twice, and so always has a new connection.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        kept_idle: int = KEPT_IDLE,
        kept_for: float = KEPT_FOR,
        dial: Callable[[str, int], Awaitable[socket.socket]] = dial,
    ) -> None:
        """`tls` checks the upstreams' certificates, by default against the well-known authorities. `kept_idle`
        connections of an origin wait for their next call, for `kept_for` seconds at most. `dial` connects to a host
        and port, and may choose or refuse addresses; certificates are checked for the host all the same."""
        self._tls, self._dial = tls, dial
        self._pool = Pool(kept_idle, kept_for)
        self._buffer = memoryview(bytearray(PIECE))

    @property
    def alive(self) -> int:
        """Open connections."""
        return self._pool.alive

    @property
    def idle(self) -> int:
        """Open connections that wait for a call."""
        return self._pool.idle

    async def open(self, call: Call) -> Response:
        """See Transport.open."""
        address = locate(call.url)
        first, length = head(call, address)
        if isinstance(call.body, bytes) and (kept := self._pool.take(address.origin)) is not None:
            try:
                return await kept.ask(call.method, first, call.body, length)
            except ProviderError:
                if not kept.raced:
                    raise
        fresh = await self._connect(address.origin, call.timeouts.connect)
        return await fresh.ask(call.method, first, call.body, length)

    async def close(self) -> None:
        """See Transport.close."""
        await self._pool.close()

    async def _connect(self, origin: Origin, seconds: float) -> Connection:
        tls = self._context() if origin.scheme == "https" else None
        connection = Connection(origin, self._pool, self._buffer)
        try:
            async with asyncio.timeout(seconds or None):
                await asyncio.get_running_loop().create_connection(
                    lambda: connection,
                    sock=await self._dial(origin.host, origin.port),
                    ssl=tls,
                    server_hostname=origin.host if tls else None,
                    ssl_shutdown_timeout=GOODBYE if tls else None,
                )
        except BaseException as error:
            self._pool.left(connection)  # uvloop never says so for one that was cancelled while it was made
            if isinstance(error, TimeoutError):
                raise unreachable(origin.host, "in time") from error
            if isinstance(error, OSError | ValueError):
                raise unreachable(origin.host, f"({error})") from error
            raise
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            import httpx

            self._tls = httpx.create_ssl_context(trust_env=False)
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls
