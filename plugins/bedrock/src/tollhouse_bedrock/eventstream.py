"""AWS event streams: cut a byte stream into whole messages, read them, and write them.

A message is its length, its headers' length and a CRC of both, then headers, a payload, and a CRC of everything.
Source: https://smithy.io/2.0/aws/amazon-eventstream.html. Messages are read by botocore's own parser, which is
imported when the first one comes.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from zlib import crc32

import msgspec
from tollhouse import ProviderError

CONTENT_TYPE = "application/vnd.amazon.eventstream"
LIMIT = 24 * 1024 * 1024 + 128 * 1024
"""Bytes one message may have: what botocore's parser takes."""

_PRELUDE = struct.Struct(">III")
_LENGTH = struct.Struct(">I")
_LEAST = 16
_STRING = 7
_JSON = {":content-type": "application/json"}
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `kind` is `event`, `exception` or `error`; `name` that of the event, of the exception's type, or
    the error's code."""

    kind: str
    name: str
    payload: bytes
    words: str = ""
    """What an `error` says of itself, which has no payload."""


class Splitter:
    """Cuts a stream into whole messages, the same ones however it is split into chunks. Every byte is kept."""

    __slots__ = ("_buffer", "broken")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.broken = False
        """Whether what follows the last whole message has a length that no message has: nothing more will come."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The messages that this chunk completes."""
        buffer = self._buffer
        buffer += chunk
        messages: list[bytes] = []
        start, size = 0, len(buffer)
        while size - start >= 4:
            (length,) = _LENGTH.unpack_from(buffer, start)
            if not _LEAST <= length <= LIMIT:
                self.broken = True
                break
            if size - start < length:
                break
            messages.append(bytes(buffer[start : start + length]))
            start += length
        del buffer[:start]
        return messages

    def rest(self) -> bytes:
        """The beginning of a message whose end did not come."""
        return bytes(self._buffer)


async def frames(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The messages of a byte stream. Raises `ProviderError(kind="cut")` when it ends inside of one, and
    `kind="bad_reply"` for what is none. Whoever owns `chunks` closes it."""
    splitter = Splitter()
    async for chunk in chunks:
        for raw in splitter.feed(chunk):
            yield raw
        if splitter.broken:
            raise unreadable()
    if splitter.rest():
        raise ProviderError("the upstream ended its stream inside a message", kind="cut")


def read(raw: bytes) -> Message:
    """One whole message, its checksums verified. Raises `ProviderError(kind="bad_reply")`."""
    from botocore.eventstream import EventStreamBuffer, ParserError  # type: ignore[import-untyped]

    buffer = EventStreamBuffer()
    buffer.add_data(raw)
    try:
        found = next(buffer)
    except (ParserError, StopIteration, ValueError, KeyError, struct.error):
        raise unreadable() from None
    headers = {name: value for name, value in found.headers.items() if isinstance(value, str)}
    kind = headers.get(":message-type", "event")
    if kind == "error":
        return Message(kind, headers.get(":error-code", ""), found.payload, headers.get(":error-message", ""))
    name = headers.get(":exception-type" if kind == "exception" else ":event-type", "")
    return Message(kind, name, found.payload)


def payload(raw: bytes) -> bytes:
    """The payload of a whole message, unverified."""
    total, headers, _ = _PRELUDE.unpack_from(raw)
    return raw[12 + headers : total - 4]


def with_payload(raw: bytes, data: bytes) -> bytes:
    """The message with the same headers and another payload."""
    _, headers, _ = _PRELUDE.unpack_from(raw)
    return _framed(raw[12 : 12 + headers], data)


def event(name: str, **fields: object) -> bytes:
    """One event with a JSON payload."""
    return _message({":event-type": name, **_JSON, ":message-type": "event"}, _encode(fields))


def exception(name: str, **fields: object) -> bytes:
    """One exception, which ends a stream."""
    return _message({":exception-type": name, **_JSON, ":message-type": "exception"}, _encode(fields))


def unreadable() -> ProviderError:
    """For bytes that are no message of an event stream."""
    return ProviderError("the upstream sent bytes that are no AWS event stream", kind="bad_reply")


def _message(headers: dict[str, str], data: bytes) -> bytes:
    return _framed(b"".join(_header(name.encode(), value.encode()) for name, value in headers.items()), data)


def _header(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + bytes([_STRING]) + len(value).to_bytes(2, "big") + value


def _framed(headers: bytes, data: bytes) -> bytes:
    lengths = struct.pack(">II", _LEAST + len(headers) + len(data), len(headers))
    body = lengths + _LENGTH.pack(crc32(lengths)) + headers + data
    return body + _LENGTH.pack(crc32(body))
