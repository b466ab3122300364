"""Carrying a reply to its caller: through the relays, into the caller's dialect, with its commit levels."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..chain import Step
from ..dialect import Encoder
from ..errors import ProviderError, Rejected, TollhouseError
from ..reply import Event, Reply
from ..wire import reply_headers
from .keepalive import Keepalive
from .sink import Sink

if TYPE_CHECKING:
    from ..exchange import Exchange

log = logging.getLogger("tollhouse.plugins")

HELD = 1 << 20
"""Bytes a stream may hold back before its first content."""


class Delivery:
    """One exchange's way to its sink.

    Before content everything is undone by `restart`; a real HTTP status is possible until `exchange.commit`
    leaves `none`, another target until it is `content`.
    """

    __slots__ = (
        "_busy",
        "_early",
        "_early_size",
        "_encoder",
        "_last",
        "_opaque",
        "_parts",
        "_reply",
        "_same",
        "exchange",
        "keepalive",
        "sink",
        "streams",
    )

    def __init__(self, exchange: Exchange, sink: Sink) -> None:
        self.exchange, self.sink = exchange, sink
        self.streams = exchange.request.stream
        self.keepalive: Keepalive | None = None
        self._busy = False  # a write of ours is under way, so that a beat would not be needed, nor in its place
        self._encoder: Encoder | None = None
        self._early: list[Event] = []
        self._early_size = 0
        self._parts: list[bytes] = []
        self._last = b""
        self._reply = _NOTHING
        self._same = self._opaque = False

    @property
    def encoder(self) -> Encoder:
        """The writer of this reply, in the caller's dialect."""
        if self._encoder is None:
            self._encoder = self.exchange.dialect.encoder(self.exchange.request)
        return self._encoder

    def keep_alive(self) -> None:
        """Keep the caller of a stream patient from now on."""
        every = self.exchange.edition.config.server.keepalive
        if every and self.exchange.request.stream:
            self.keepalive = Keepalive(every, self.beat)

    async def close(self) -> None:
        """Nothing more will be said."""
        if self.keepalive is not None:
            keepalive, self.keepalive = self.keepalive, None
            await keepalive.close()

    def restart(self, reply: Reply) -> None:
        """Begin with a reply; what an earlier one left uncommitted is forgotten."""
        self._encoder = None
        self._early, self._early_size, self._parts, self._last = [], 0, [], b""
        self._reply = reply
        form, exchange = reply.form, self.exchange
        stream = exchange.request.stream
        self._opaque = form == "chunks"
        self.streams = stream or self._opaque
        self._same = self._opaque or (reply.dialect == exchange.dialect.name and (form == "body") != stream)

    async def carry(self, layers: Sequence[AsyncIterator[Event]], step: Step) -> None:
        """Pull the outermost of `layers` dry. Whatever goes wrong is raised; every layer is closed, outermost
        first, before this returns. The last bytes stay back until `finish`."""
        exchange = self.exchange
        try:
            if not self.streams:
                async for event in layers[-1]:
                    self._parts.append(self._bytes(event))
            else:
                async for event in layers[-1]:
                    if exchange.commit != "content":
                        if event.kind in ("lifecycle", "usage") and self._early_size < HELD:
                            self._early.append(event)
                            self._early_size += len(event.frame.raw) if event.frame else 0
                            continue
                        await self._open()
                    data = self._bytes(event)
                    if event.kind == "end":
                        self._last += data
                    elif data:
                        await self._write(data)
                if exchange.commit != "content":
                    await self._open()
            if not self._opaque:
                self._last += self.encoder.finish()
        except (TollhouseError, asyncio.CancelledError):
            raise
        except Exception as error:
            if failure := step.blame(error):
                raise failure from error
            raise
        finally:
            for layer in reversed(layers[1:]):
                _close(layer)

    async def finish(self) -> None:
        """Send what was held back and end the response."""
        exchange, last = self.exchange, self._last
        if self.keepalive is not None:
            await _over(self.keepalive.stop())
        if not self.streams:
            if exchange.gates:
                await self.pass_gates()
            last = b"".join([*self._parts, last]) if last or len(self._parts) != 1 else self._parts[0]
            exchange.commit, exchange.status = "content", self._reply.status
            await self.sink.start(self._reply.status, self._headers(len(last)))
        await self.sink.finish(last)

    async def fail(self, status: int, error: Rejected | ProviderError) -> None:
        """Tell the caller: a whole error response while that is possible, else an error inside the stream."""
        exchange = self.exchange
        if self.keepalive is not None:
            await _over(self.keepalive.stop())
        if exchange.commit == "none":
            status, headers, body = exchange.dialect.error(error, status, exchange.request_id)
            exchange.commit = "content"
            await self._start(
                status,
                {**headers, **reply_headers(exchange, None, error), "content-length": str(len(body))},
            )
            await self.sink.finish(body)
        elif not self._opaque:  # bytes that broke off must not look whole: the server closes what is not finished
            await self.sink.finish(self.encoder.error(error, exchange.request_id))

    async def beat(self) -> None:
        """Send a keepalive; commits the status if nothing was sent yet. Whoever sends something else waits for its
        end before; it does nothing while something else is being sent."""
        if self._busy or self.keepalive is None or self.keepalive.stopped:
            return
        if self.exchange.commit == "none":
            self.exchange.commit = "status"
            await self._start(200, self._headers(None))
        await self.sink.write(self.encoder.keepalive())

    def _bytes(self, event: Event) -> bytes:
        if self._same and event.frame is not None:
            return event.frame.raw if self._opaque else self.encoder.passes(event.frame)
        return self.encoder.feed(event.happenings)

    async def _open(self) -> None:
        """Content is about to leave: await the gates, then commit and send what was buffered."""
        await self.pass_gates()
        early, self._early = self._early, []
        if self.keepalive is not None:
            await _over(self.keepalive.touch())
        committed, self.exchange.commit = self.exchange.commit, "content"
        if committed == "none":
            self._busy = True
            try:
                await self._start(self._reply.status, self._headers(None))
            finally:
                self._busy = False
        data = b"".join([self._bytes(event) for event in early])
        if data:
            await self._write(data)

    async def pass_gates(self) -> None:
        """Await what must be known before content leaves; raises what a gate raises."""
        gates, self.exchange.gates = self.exchange.gates, []
        for gate in gates:
            await gate

    async def _start(self, status: int, headers: dict[str, str]) -> None:
        self.exchange.status = status
        await self.sink.start(status, headers)

    def _headers(self, length: int | None) -> dict[str, str]:
        headers = reply_headers(self.exchange, self._reply, None)
        if self._opaque:
            return headers
        headers["content-type"] = self.encoder.content_type
        if length is not None:
            headers["content-length"] = str(length)
        elif self.streams:
            headers["cache-control"] = "no-cache"
            headers["x-accel-buffering"] = "no"
        return headers

    async def _write(self, data: bytes) -> None:
        if self.keepalive is not None and (beat := self.keepalive.touch()) is not None:
            await _over(beat)
        self._busy = True
        try:
            await self.sink.write(data)
        finally:
            self._busy = False


_NOTHING = Reply()
"""Before the first reply, and for errors of which no upstream is to blame."""


async def _over(beat: asyncio.Task[None] | None) -> None:
    """Wait for the end of a keepalive."""
    if beat is not None:
        await asyncio.wait([beat])


def _close(layer: AsyncIterator[Any]) -> None:
    """Close a relay's generator in one step; one that awaits while closing breaks its contract and is logged."""
    aclose: Callable[[], Any] | None = getattr(layer, "aclose", None)
    if aclose is None:
        return
    closing = aclose()
    try:
        closing.send(None)
    except StopIteration:
        return
    except Exception as error:
        log.error("the relay %s failed while it was closed", _name(layer), exc_info=error)
        return
    closing.close()
    log.error("the relay %s awaits while it is closed; clean-up belongs into `settle`", _name(layer))


def _name(layer: object) -> str:
    return str(getattr(layer, "__qualname__", type(layer).__name__))
