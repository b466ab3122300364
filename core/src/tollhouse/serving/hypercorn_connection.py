"""One connection of a caller, between a socket and hypercorn's protocols."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, cast

from h2.errors import ErrorCodes
from hypercorn.asyncio.task_group import TaskGroup
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.protocol.http_stream import ASGIHTTPState
from hypercorn.typing import ConnectionState
from hypercorn.utils import parse_socket_addr
from priority.priority import TooManyStreamsError

from ..lapse import Lapses
from .engine import Terms
from .strict import StrictConnection

if TYPE_CHECKING:
    from .hypercorn import _LiveConfig, _Wrapped

log = logging.getLogger("tollhouse.hypercorn")

READ = 64 << 10
"""Bytes taken at once."""

HELD = 64 << 10
"""Bytes that wait for the end of the loop's turn at most."""

GIVEN_UP = 100
"""Requests that a caller may give up on one HTTP/2 connection, however few it lets be answered. Each costs far more
here than there, and such callers never reach the limit to streams at once."""

LINGER = 1.0
"""Seconds that what is still sent after the last answer is thrown away, so that the answer can be read."""


class WastefulError(Exception):
    """The caller of an HTTP/2 connection gives up more requests than it lets be answered, and many."""


class Connection:
    """Reads, writes, and holds the timers; the protocol says when it is idle. Ends when either side closes."""

    def __init__(
        self,
        app: _Wrapped,
        config: _LiveConfig,
        context: WorkerContext,
        terms: Terms,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        idle: Lapses,
    ) -> None:
        """`idle` holds the connections between two requests, for as long as they may be silent."""
        self._app, self._config, self._context = app, config, context
        self._reader, self._writer = reader, writer
        self._patience = float(terms.server().header_timeout)
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._between = idle
        self._idle, self._resting, self._closing = True, False, False
        self._requests = 0
        self._held: list[bytes] = []
        self._size = 0
        self._parsing = asyncio.Lock()
        self._group = TaskGroup(self._loop)

    async def run(self) -> None:
        """From the first byte to the last."""
        try:
            async with self._group:
                self._protocol = self._made()
                self._wait(self._patience)
                await self._protocol.initiate()
                await self._read()
        except OSError:
            pass
        except BaseExceptionGroup as group:
            if rest := group.split((OSError, asyncio.CancelledError))[1]:
                log.warning("a connection failed: %s", rest.exceptions[0], exc_info=rest.exceptions[0])
        finally:
            self._stop_timer()
            self._flush()
            self._writer.close()

    def finish(self) -> None:
        """Serving ends: close after the answers under way."""
        if self._idle:
            self._end()

    def abort(self) -> None:
        """Close now."""
        self._writer.transport.abort()

    def _made(self) -> ProtocolWrapper:
        sock, tls = self._writer.get_extra_info("socket"), self._writer.get_extra_info("ssl_object")
        wrapper = ProtocolWrapper(
            cast(Any, self._app),
            self._config,
            self._context,
            self._group,
            ConnectionState({}),
            tls is not None,
            parse_socket_addr(sock.family, sock.getpeername()),
            parse_socket_addr(sock.family, sock.getsockname()),
            self._send,
            tls.selected_alpn_protocol() if tls is not None else "http/1.1",
        )
        if isinstance(wrapper.protocol, H11Protocol):
            wrapper.protocol.connection = StrictConnection(self._config.largest_head)
        return wrapper

    async def _read(self) -> None:
        while data := await self._taken():
            if self._closing:
                continue
            before = self._requests
            await self._parse(data)
            if self._resting and self._requests == before and not self._closing:
                self._wait(self._patience)  # for the rest of a head
        self._closing = True
        await self._protocol.handle(Closed())

    async def _taken(self) -> bytes:
        try:
            return await self._reader.read(READ)
        except OSError:
            return b""

    async def _parse(self, data: bytes) -> None:
        async with self._parsing:
            self._guard()
            try:
                await self._protocol.handle(RawData(data))
            except (WastefulError, TooManyStreamsError):
                connection = cast(H2Protocol, self._protocol.protocol).connection
                connection.close_connection(error_code=ErrorCodes.ENHANCE_YOUR_CALM)
                await self._write(connection.data_to_send())
                self._end()
            self._guard()

    def _guard(self) -> None:
        """HTTP/2 may begin with any piece of data; its preface counts as no request."""
        protocol = self._protocol.protocol
        if isinstance(protocol, H2Protocol) and type(protocol.streams) is dict:
            protocol.streams = _Streams(protocol.streams)
            if protocol.idle:
                self._idle = True
                self._wait(self._patience)

    async def _send(self, event: Event) -> None:
        if isinstance(event, RawData):
            if event.data:
                await self._write(event.data)
        elif isinstance(event, Closed):
            self._end()
        elif isinstance(event, Updated):
            self._idle = event.idle
            if not event.idle:
                self._stop_timer()
                self._resting = False
                self._requests += 1
            elif self._context.terminated.is_set():
                self._end()
            elif not self._closing:
                self._rest()

    async def _write(self, data: bytes) -> None:
        """Write, once the loop's turn is over: a head leaves with its body, an end with what is before it."""
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)  # before any wait: frames must leave in the order they were made in
        self._size += len(data)
        if self._size > HELD:
            self._flush()
        try:
            await self._writer.drain()
        except OSError:
            return  # the caller is gone; reading finds out, and tells the protocol from there

    def _flush(self) -> None:
        held, self._held, self._size = self._held, [], 0
        if held and not self._writer.transport.is_closing():
            self._writer.write(held[0] if len(held) == 1 else b"".join(held))

    def lapse(self) -> None:
        """No further request came."""
        self._end()

    def _rest(self) -> None:
        self._stop_timer()
        self._between.add(self)
        self._resting = True
        connection: Any = getattr(self._protocol.protocol, "connection", None)
        if isinstance(connection, StrictConnection) and connection.ahead:
            connection.ahead = False
            self._wait(self._patience)
            self._group.spawn(self._parse, b"")

    def _wait(self, seconds: float) -> None:
        self._stop_timer()
        self._resting = False
        self._timer = self._loop.call_later(seconds, self._end)

    def _stop_timer(self) -> None:
        self._between.drop(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        """Send what is still to be sent, and close; for a moment take what is still coming."""
        if self._closing:
            return
        self._closing = True
        self._stop_timer()
        self._flush()
        if self._writer.can_write_eof() and not self._writer.transport.is_closing():
            self._writer.write_eof()
            self._timer = self._loop.call_later(LINGER, self._writer.close)
        else:
            self._writer.close()


class _Streams(dict[int, Any]):
    """The streams of an HTTP/2 connection: hypercorn fails, with all other streams, when content comes for one
    that was answered already; and it counts none of those that a caller opens only to give them up."""

    def __init__(self, streams: dict[int, Any]) -> None:
        super().__init__(streams)
        self._answered = self._given_up = 0

    def __setitem__(self, key: int, stream: Any) -> None:
        """A stream begins. Raises WastefulError."""
        if self._given_up > GIVEN_UP and self._given_up > self._answered:
            raise WastefulError
        super().__setitem__(key, stream)

    def pop(self, key: int, *default: Any) -> Any:
        """Its stream ends."""
        stream = super().pop(key, *default)
        if getattr(stream, "state", None) is ASGIHTTPState.CLOSED:
            self._answered += 1
        else:
            self._given_up += 1
        return stream

    def __missing__(self, key: int) -> Any:
        return _GONE


class _Gone:
    async def handle(self, event: object) -> None:
        """Nobody is there."""


_GONE = _Gone()
