"""The seam to the servers that speak HTTP: what one must do, and which there are."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from socket import socket
from typing import Any, Protocol

from ..config import Server
from ..errors import ConfigError

Message = MutableMapping[str, Any]
Receive = Callable[[], Coroutine[Any, Any, Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
"""An ASGI application; it is never asked about a lifespan."""

IDLE = 75.0
"""Seconds a connection may be silent between two requests."""

BESIDE_HEADERS = 16 << 10
"""Bytes of a request's head beside `max_header_bytes`: its first line, and what separates the headers."""

BETWEEN_CHUNKS = 16 << 10
"""Bytes of one chunked body that may be neither content nor the size of a chunk: extensions, trailers."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How an engine is to serve."""

    server: Callable[[], Server]
    """The settings that hold now; asked for each connection, so that a reload reaches the next one."""
    tls: ssl.SSLContext | None = None
    """Serve HTTPS with this context."""


class Engine(Protocol):
    """A server. What all promise: a head that does not come within `header_timeout`, is malformed or overlong ends
    the connection, and reaches the app not even in part; so does a body with broken framing, whose request looks
    to the app as if its caller had left. Requests sent ahead wait for the answer before theirs."""

    alpn: Sequence[str]
    """The protocols it offers within TLS, the best first."""

    def serving(self, app: App, listeners: Sequence[socket], terms: Terms) -> AbstractAsyncContextManager[None]:
        """While entered, requests that reach the listeners reach `app`. Leaving closes the listeners, lets
        connections take their last bytes for a moment, and cuts off the rest."""
        ...


def engine(name: str) -> Engine:
    """The engine of that name; raises ConfigError when what it needs is not installed."""
    if name == "hypercorn":
        from .hypercorn import Hypercorn

        return Hypercorn()
    try:
        from .uvicorn import Uvicorn
    except ImportError as error:
        raise ConfigError(
            f'the engine "uvicorn" needs {error.name}, which is not installed.',
            path="server.engine",
            hint="Run: pip install 'tollhouse-core[fast]'.",
        ) from error
    return Uvicorn()
