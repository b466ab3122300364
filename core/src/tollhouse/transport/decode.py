"""Content codings of a reply, undone as it streams: in small pieces, and never a bomb."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Protocol

from .faults import undecodable

PIECE = 64 * 1024
"""Most bytes decoded at once."""

FREE = 8 * 1024 * 1024
"""Decoded bytes below which no ratio is a bomb."""

RATIO = 200
"""Decoded bytes a byte on the wire may become, past FREE."""

WINDOW = 23
"""Largest zstd window, as a power of two (RFC 9659)."""


class _Engine(Protocol):
    errors: tuple[type[Exception], ...]

    def pieces(self, data: bytes) -> Iterator[bytes]: ...

    def whole(self) -> bool: ...


class Decoder:
    """One reply's content coding."""

    __slots__ = ("_engine", "_read", "_written")

    def __init__(self, engine: _Engine) -> None:
        self._engine = engine
        self._read = self._written = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What these bytes decode to, piece by piece. Raises `ProviderError(kind="bad_reply")`."""
        self._read += len(data)
        try:
            for piece in self._engine.pieces(data):
                self._written += len(piece)
                if self._written > FREE and self._written > RATIO * self._read:
                    raise undecodable(f"it grows more than {RATIO}-fold")
                yield piece
        except self._engine.errors as error:
            raise undecodable(type(error).__name__) from error

    def finish(self) -> None:
        """Say that the reply is over. Raises `ProviderError(kind="bad_reply")` when the coding is not."""
        if self._read and not self._engine.whole():
            raise undecodable("it ends too early")


def decoder(encoding: str) -> Decoder | None:
    """The decoder for a Content-Encoding, None when there is nothing to undo or nothing we know.

    Raises `ProviderError(kind="bad_reply")` for more than one coding, and for one whose package is missing.
    """
    known = [word for part in encoding.split(",") if (word := part.strip().lower()) in _ENGINES]
    if not known:
        return None
    if len(known) > 1:
        raise undecodable("it is encoded more than once")
    try:
        return Decoder(_ENGINES[known[0]]())
    except ImportError as error:
        raise undecodable(f"{known[0]} needs a package that is not installed") from error


def encodings() -> list[str]:
    """The content codings that can be undone here, for an Accept-Encoding header."""
    return [word for word in ("gzip", "deflate", "br", "zstd") if _available(word)]


def _available(word: str) -> bool:
    try:
        _ENGINES[word]()
    except ImportError:
        return False
    return True


class _Gzip:
    """One or more gzip members, or one deflate stream."""

    errors: tuple[type[Exception], ...] = (zlib.error,)

    def __init__(self, bits: int = 16 + zlib.MAX_WBITS) -> None:
        self._bits = bits
        self._stream = zlib.decompressobj(bits)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while True:
            out = self._stream.decompress(data, PIECE)
            if out:
                yield out
            if self._stream.eof:
                data = self._stream.unused_data
                if not data:
                    return
                self._stream = zlib.decompressobj(self._bits)
            else:
                data = self._stream.unconsumed_tail
                if not data and len(out) < PIECE:
                    return

    def whole(self) -> bool:
        return self._stream.eof


class _Deflate:
    """zlib's format as the RFC says, or bare deflate as some send it: the first two bytes tell."""

    errors: tuple[type[Exception], ...] = (zlib.error,)

    def __init__(self) -> None:
        self._first = b""
        self._engine: _Gzip | None = None

    def pieces(self, data: bytes) -> Iterator[bytes]:
        if self._engine is None:
            data = self._first = self._first + data
            if len(data) < 2:
                return
            wrapped = data[0] & 15 == 8 and int.from_bytes(data[:2]) % 31 == 0
            self._engine = _Gzip(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        yield from self._engine.pieces(data)

    def whole(self) -> bool:
        return self._engine is not None and self._engine.whole()


class _Brotli:
    def __init__(self) -> None:
        brotli = import_module("brotli")
        self.errors: tuple[type[Exception], ...] = (brotli.error,)
        self._stream: Any = brotli.Decompressor()
        if not hasattr(self._stream, "can_accept_more_data"):
            raise ImportError("brotli is older than 1.2 and cannot bound what it decodes")

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while True:
            out = self._stream.process(data, output_buffer_limit=PIECE)
            if out:
                yield out
            if self._stream.is_finished() or (len(out) < PIECE and self._stream.can_accept_more_data()):
                return
            data = b""

    def whole(self) -> bool:
        return bool(self._stream.is_finished())


class _Zstd:
    def __init__(self) -> None:
        try:
            zstd = import_module("compression.zstd")
        except ImportError:
            zstd = import_module("backports.zstd")
        self.errors: tuple[type[Exception], ...] = (zstd.ZstdError,)
        options = {zstd.DecompressionParameter.window_log_max: WINDOW}
        self._fresh: Callable[[], Any] = lambda: zstd.ZstdDecompressor(options=options)
        self._stream = self._fresh()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while True:
            if self._stream.eof:
                data = self._stream.unused_data + data
                if not data:
                    return
                self._stream = self._fresh()
            if out := self._stream.decompress(data, PIECE):
                yield out
            data = b""
            if self._stream.needs_input and not self._stream.eof:
                return

    def whole(self) -> bool:
        return bool(self._stream.eof)


_ENGINES: dict[str, Callable[[], _Engine]] = {
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstd,
}
