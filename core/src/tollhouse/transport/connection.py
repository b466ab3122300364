"""One connection: a call goes out, its reply comes in, and nothing that is not both whole is ever used again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Protocol, cast

from ..errors import ProviderError
from .address import Origin
from .faults import cut, unsendable
from .parser import Parser
from .response import Http1Response

UNREAD = 128 * 1024
"""Bytes of a reply its reader may be behind before the connection stops reading."""

SLICE = 64 * 1024
"""Bytes of a request written at once."""

PIECE = 64 * 1024
"""Bytes of a reply read at once; event loops left to themselves take up to four times as many."""

RACE = 1.0
"""Seconds after a request within which an idle connection's end can have crossed it on the way."""


class Home(Protocol):
    """Where connections live."""

    def joined(self, connection: Connection) -> None:
        """It stands."""
        ...

    def left(self, connection: Connection) -> None:
        """It is gone, and its socket closed."""
        ...

    def rest(self, connection: Connection, seconds: float) -> None:
        """It is clean and idle, and may be kept for so long."""
        ...

    def unrest(self, connection: Connection) -> None:
        """It was idle and must not be used again."""
        ...


class Connection(asyncio.BufferedProtocol):
    """Link of one response at a time. Once `closed`, it stays so.

    All connections of a loop may read into one buffer: it is filled and emptied in one step.
    """

    def __init__(self, origin: Origin, home: Home, buffer: memoryview) -> None:
        self.origin = origin
        self._buffer = buffer
        self.expires = 0.0
        """The loop's time until which it may be taken from rest."""
        self.closed = False
        self.raced = False
        """Whether it ended, right after a call, before a single byte of a reply."""
        self._home = home
        self.loop = asyncio.get_running_loop()
        self._parser = Parser()
        self._response: Http1Response | None = None
        self._asked_at = 0.0
        self._reading = True
        self._rest: memoryview | None = None
        self._upload: asyncio.Task[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._writing = True

    async def ask(
        self, method: str, head: bytes, body: bytes | AsyncIterator[bytes], length: int | None
    ) -> Http1Response:
        """Send a call and wait for its reply's head. `length` is the body's, None for chunks. Raises ProviderError,
        or whatever the body's iterator raised; the connection is dropped then, as when it is cancelled."""
        if self.closed or self._transport.is_closing():
            self.raced = True
            raise cut("it ended before the request")
        response = self._response = Http1Response(self, self.loop)
        self._parser.expect(response, method)
        self._asked_at = self.loop.time()
        if isinstance(body, bytes):
            self._send(head, body)
        else:
            self._write(head)
            self._upload = self.loop.create_task(self._stream(body, length))
        try:
            while not response.status:
                await response.news()
        except BaseException:
            response.abandon()
            raise
        return response

    def drop(self) -> None:
        """Hang up at once, whatever is on its way; a reply that was not whole is cut."""
        self._finish(cut("it was closed here"))
        self._transport.abort()

    def retire(self) -> None:
        """Hang up in peace: it is idle."""
        self.closed = True
        self._transport.close()

    def resume(self) -> None:
        """See Link."""
        if not self._reading:
            self._reading = True
            if not self._transport.is_closing():
                self._transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: it stands."""
        self._transport = cast(asyncio.Transport, transport)
        self._home.joined(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """asyncio: bytes are about to come."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """asyncio: bytes came."""
        data = bytes(self._buffer[:nbytes])
        response = self._response
        if response is None:
            if not self.closed:
                self._home.unrest(self)
                self.drop()
            return
        parser = self._parser
        try:
            parser.feed(data)
        except ProviderError as error:
            self._finish(error)
            self._transport.abort()
            return
        if parser.complete:
            self._completed(response)
            return
        if response.status and (self._upload is not None or self._rest is not None):
            self._stop_sending()
        response.wake()
        if response.unread > UNREAD and self._reading:
            self._reading = False
            self._transport.pause_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """asyncio: it is gone."""
        response = self._response
        if response is None:
            if not self.closed:
                self._home.unrest(self)
        elif error is not None:
            self.raced = self._crossed(response)
            self._finish(cut(type(error).__name__))
        else:
            self.raced = self._crossed(response)
            self._finish(self._parser.eof())
        self.closed = True
        self._home.left(self)

    def pause_writing(self) -> None:
        """asyncio: enough is waiting to be sent."""
        self._writing = False

    def resume_writing(self) -> None:
        """asyncio: send on."""
        self._writing = True
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._pump()

    def _crossed(self, response: Http1Response) -> bool:
        return not response.status and self._parser.untouched and self.loop.time() - self._asked_at < RACE

    def _completed(self, response: Http1Response) -> None:
        """The reply is whole: rest, if the request went out whole too."""
        kept = self._parser.kept
        if kept <= 0 or self._upload is not None or self._rest is not None or self._transport.get_write_buffer_size():
            self._finish(None)
            self._transport.abort()
            return
        self._response = None
        response.end()
        self.resume()
        self._home.rest(self, kept)

    def _finish(self, failure: Exception | None) -> None:
        """Nothing more goes out or comes in."""
        self.closed = True
        self._stop_sending()
        response, self._response = self._response, None
        if response is not None:
            response.end(failure)

    def _send(self, head: bytes, body: bytes) -> None:
        if len(body) <= SLICE:
            self._transport.write(head + body)
            return
        self._transport.write(head + body[:SLICE])
        self._rest = memoryview(body)[SLICE:]
        self._pump()

    def _write(self, data: bytes | memoryview) -> None:
        """Send, unless the connection has ended and is about to say so; uvloop raises then."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def _pump(self) -> None:
        while self._rest is not None and self._writing:
            piece, rest = self._rest[:SLICE], self._rest[SLICE:]
            self._rest = rest if rest else None
            self._write(piece)

    def _stop_sending(self) -> None:
        """The reply came first, or nothing more will: what was not sent never is, and no other call follows."""
        if self._rest is not None:
            self._rest = None
            self._parser.kept = 0.0
        if self._upload is not None:
            self._upload.cancel()
            self._upload = None
            self._parser.kept = 0.0

    async def _stream(self, body: AsyncIterator[bytes], length: int | None) -> None:
        try:
            try:
                await (self._in_chunks(body) if length is None else self._counted(body, length))
            finally:
                if isinstance(body, AsyncGenerator):
                    await body.aclose()
        except Exception as error:
            if self._upload is not None:  # else the request is over, and the iterator complains of being closed
                self._upload = None
                self._finish(error)
                self._transport.abort()

    async def _in_chunks(self, body: AsyncIterator[bytes]) -> None:
        async for chunk in body:
            if chunk:
                self._write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                await self._room()
        self._write(b"0\r\n\r\n")
        self._upload = None

    async def _counted(self, body: AsyncIterator[bytes], length: int) -> None:
        async for chunk in body:
            length -= len(chunk)
            if length < 0:
                break
            self._write(chunk)
            if length:
                await self._room()
        if length:
            raise unsendable("its body has not the length of its Content-Length")
        self._upload = None

    async def _room(self) -> None:
        """Wait until more may be written."""
        if not self._writing:
            self._drained = self.loop.create_future()
            await self._drained
