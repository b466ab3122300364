"""Where a submitted stream goes: its events, read again, for somebody who waits for them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

import msgspec
from tollhouse import Decoder, ProviderError
from tollhouse.dialect import Headers
from tollhouse.framing.sse import Splitter
from tollhouse.neutral import Happening

ROOM = 64
"""Batches of events the writer may be ahead of the reader."""


class Pipe:
    """A sink of one stream of server-sent events. `next` gives what came, in order; it raises ProviderError for an
    answer that is none and for an error inside the stream. The writer waits while the reader is far behind."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder, self._splitter = decoder, Splitter()
        self._batches: deque[Sequence[Happening]] = deque()
        self._wake, self._room = asyncio.Event(), asyncio.Event()
        self._error: ProviderError | None = None
        self._said = b""
        self._streams = False
        self.ended = False
        """Whether nothing more comes."""
        self.target = ""
        """Who answered, `provider/model`."""

    async def start(self, status: int, headers: Headers) -> None:
        """The head: anything but a stream is a failure."""
        self.target = headers.get("x-tollhouse-target", "")
        self._streams = status < 400 and headers.get("content-type", "").startswith("text/event-stream")
        if not self._streams:
            self._error = ProviderError(f"the continuation was answered with {status}", kind="server", status=status)

    async def write(self, data: bytes) -> None:
        """More of the stream."""
        self._read(data)
        while len(self._batches) > ROOM and not self.ended:
            self._room.clear()
            await self._room.wait()

    async def finish(self, last: bytes = b"") -> None:
        """The last of the stream."""
        self._read(last)
        self.end()

    def end(self) -> None:
        """Nothing more comes, and nothing more is wanted."""
        self.ended = True
        self._wake.set()
        self._room.set()

    async def next(self) -> Sequence[Happening] | None:
        """The next events; None after the last. Raises ProviderError."""
        while not self._batches:
            if self._error is not None and (self.ended or self._streams):
                raise self._error
            if self.ended:
                return None
            self._wake.clear()
            await self._wake.wait()
        self._room.set()
        return self._batches.popleft()

    def _read(self, data: bytes) -> None:
        if not self._streams or self._error is not None:
            return
        try:
            for raw in self._splitter.feed(data):
                frame = self._decoder.sniff(raw)
                if frame.error is not None:
                    raise frame.error
                if happenings := self._decoder.feed(raw):
                    self._batches.append(happenings)
        except ProviderError as error:
            self._error = error
        except (ValueError, msgspec.MsgspecError) as error:
            self._error = ProviderError(f"the continuation cannot be read: {error}", kind="bad_reply")
        self._wake.set()
