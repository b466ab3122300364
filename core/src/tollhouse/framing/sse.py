"""Server-sent events: cut a byte stream into whole raw events, read them, and write them.

Follows https://html.spec.whatwg.org/multipage/server-sent-events.html, but keeps every byte: the events joined
are the stream. Blank lines between events belong to the front of the event that follows them.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from ..errors import ProviderError

LIMIT = 8 * 1024 * 1024
"""Bytes one event may have."""

_BOM = b"\xef\xbb\xbf"
_END = re.compile(rb"\n(?:\n|\r\n?)|\r\r")
_CONTENT = re.compile(rb"[^\r\n]")


class Splitter:
    """Cuts a stream into raw events, each with its terminating blank line.

    The events are the same however the stream is split into chunks. Time is linear in the bytes fed. Where a
    line ends in a lone CR, the next CR ends the event at once; after any other line a CR waits for the byte
    that tells whether it is half of a CRLF.
    """

    __slots__ = ("_buffer", "_limit", "_open", "_scan")

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._scan = 0
        self._open = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The events that this chunk completes. Raises `ProviderError(kind="bad_reply")` past the limit."""
        buffer = self._buffer
        if not buffer:
            size = len(chunk)
            if b"\r" not in chunk and chunk.find(b"\n\n") == size - 2 > 0 and size <= self._limit:
                return [chunk]
            return self._cut(chunk)
        buffer += chunk
        return self._cut(buffer)

    def rest(self) -> bytes:
        """What followed the last whole event: an event without its final blank line, or nothing."""
        rest = bytes(self._buffer) if self._open else b""
        self._keep(b"", 0)
        return rest

    def _cut(self, data: bytes | bytearray) -> list[bytes]:
        events: list[bytes] = []
        start, size, scan, is_open = 0, len(data), self._scan, self._open
        while True:
            if not is_open:
                content = _CONTENT.search(data, scan)
                if content is None:
                    scan = size
                    break
                is_open, scan = True, content.end()
            end = _END.search(data, scan)
            if end is None:
                scan = max(scan, size - 2)
                break
            stop = end.end()
            if stop == size and stop - end.start() == 2 and data[stop - 2] == 10 and data[stop - 1] == 13:
                scan = end.start()
                break
            self._check(stop - start)
            events.append(bytes(data[start:stop]))
            start = scan = stop
            is_open = False
        self._check(size - start)
        self._open = is_open
        self._scan = scan - start
        if data is self._buffer:
            del self._buffer[:start]
        else:
            self._buffer += data[start:]
        return events

    def _check(self, size: int) -> None:
        if size > self._limit:
            self._keep(b"", 0)
            raise ProviderError(f"the upstream sent an event of more than {self._limit} bytes", kind="bad_reply")

    def _keep(self, rest: bytes, scan: int) -> None:
        self._buffer, self._scan, self._open = bytearray(rest), scan, False


async def frames(chunks: AsyncIterator[bytes], limit: int = LIMIT) -> AsyncIterator[bytes]:
    """The raw events of a byte stream; a last one without its blank line counts. Whoever owns `chunks` closes it."""
    splitter = Splitter(limit)
    async for chunk in chunks:
        for raw in splitter.feed(chunk):
            yield raw
    if rest := splitter.rest():
        yield rest


def data(raw: bytes) -> bytes:
    """The data lines of a raw event, joined by line feeds; empty for an event of comments only."""
    if raw.startswith(b"data: ") and raw.find(b"\n") == len(raw) - 2 and b"\r" not in raw:
        return raw[6:-2]
    return b"\n".join(value for name, value in _fields(raw) if name == b"data")


def event(raw: bytes) -> str:
    """The event's name; empty when it has none."""
    names = [value for name, value in _fields(raw) if name == b"event"]
    return names[-1].decode("utf-8", "replace") if names else ""


def frame(data: bytes, event: str | None = None) -> bytes:
    """One raw event: its name if any, then a data line a line of `data`."""
    head = b"event: " + event.encode() + b"\n" if event else b""
    if b"\n" not in data and b"\r" not in data:
        return head + b"data: " + data + b"\n\n"
    return head + b"".join(b"data: " + line + b"\n" for line in _lines(data)) + b"\n"


def with_data(raw: bytes, data: bytes) -> bytes:
    """The event with other data: its first data line is replaced, its further ones go, other lines stay."""
    kept: list[bytes] = []
    written = False
    for line in raw.removeprefix(_BOM).splitlines(keepends=True):
        bare = line.rstrip(b"\r\n")
        if bare.partition(b":")[0] != b"data":
            kept.append(line)
        elif not written:
            written = True
            ending = line[len(bare) :] or b"\n"
            kept.extend(b"data: " + part + ending for part in _lines(data))
    return b"".join(kept)


def _fields(raw: bytes) -> list[tuple[bytes, bytes]]:
    pairs = []
    for line in raw.removeprefix(_BOM).splitlines():
        name, _, value = line.partition(b":")
        pairs.append((name, value[1:] if value.startswith(b" ") else value))
    return pairs


def _lines(data: bytes) -> list[bytes]:
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
