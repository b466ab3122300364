"""Addresses: bound once, listened on by every worker, and left in good order."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from ..config import Address
from ..errors import ConfigError

BACKLOG = 1024
"""Connections the system holds until a worker takes them."""

ARRIVING = 0.05
"""Seconds in which a caller who has just connected may still ask, when serving ends."""

FLUSH = 2.0
"""Seconds connections have to take their last bytes when serving ends."""

STALLED = 60.0
"""Seconds after which a caller who takes no byte of what is sent, or is gone without a word, is cut off."""


class Open(Protocol):
    """A connection, as far as the end of serving is concerned."""

    def finish(self) -> None:
        """Close as soon as the response under way has ended; at once when there is none."""
        ...

    def abort(self) -> None:
        """Close now."""
        ...


def bound(address: Address, *, stalled: float = STALLED) -> socket.socket:
    """A socket that listens there. One socket serves all workers: were each to bind its own, the connections that
    wait for one would die with it. Raises ConfigError."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        _prepare(listener, stalled)
        listener.bind((address.host, address.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"cannot listen on {address}: {error.strerror or error}.",
            path="server.listen",
            hint='Choose another, like listen = "127.0.0.1:8081", or stop what listens there.',
        ) from error
    listener.setblocking(False)
    return listener


def _prepare(listener: socket.socket, stalled: float) -> None:
    """Options that accepted connections inherit. The system sees what no timer here can: whether the other side
    takes bytes at all, however slowly."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_USER_TIMEOUT", int(stalled * 1000))):
        if number := getattr(socket, option, None):
            listener.setsockopt(socket.IPPROTO_TCP, number, value)


@asynccontextmanager
async def listening(
    make: Callable[[], asyncio.BaseProtocol],
    listeners: Sequence[socket.socket],
    tls: ssl.SSLContext | None,
    handshake: float,
    connections: Collection[Open],
) -> AsyncIterator[None]:
    """Accept connections while entered; `make` gives each its protocol, `connections` are those that stand."""
    loop = asyncio.get_running_loop()
    timeout = handshake if tls else None
    servers = [
        await loop.create_server(make, sock=sock, ssl=tls, backlog=BACKLOG, ssl_handshake_timeout=timeout)
        for sock in listeners
    ]
    try:
        yield
    finally:
        for server in servers:
            server.close()
        if connections:
            await asyncio.sleep(ARRIVING)
        for connection in tuple(connections):
            connection.finish()
        until = loop.time() + FLUSH
        while connections and loop.time() < until:  # noqa: ASYNC110 - at most for FLUSH, once in a process' life
            await asyncio.sleep(0.01)
        for connection in tuple(connections):
            connection.abort()
