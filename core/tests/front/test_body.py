"""Bodies: their caps, their codings, their silences."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import Rejected
from tollhouse.config import Server, Size
from tollhouse.front.body import Body
from tollhouse.front.coding import FREE
from tollhouse.testing import run
from tollhouse.transport.decode import encodings

MIB = 1 << 20


class Source:
    """ASGI's receive over these pieces; counts what was taken."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces, self.taken = list(pieces), 0

    async def __call__(self) -> dict[str, Any]:
        if not self.pieces:
            await asyncio.Event().wait()
        self.taken += 1
        return {"type": "http.request", "body": self.pieces.pop(0), "more_body": bool(self.pieces)}


def read(source: Source, headers: Mapping[str, str], cap: int = MIB, **server: Any) -> bytes:
    return run(Body(source, headers, Server(max_body=Size(cap), **server), lambda: None).read())


def refused(source: Source, headers: Mapping[str, str], cap: int = MIB, **server: Any) -> Rejected:
    with pytest.raises(Rejected) as caught:
        read(source, headers, cap, **server)
    return caught.value


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)] or [b""]


def packed(coding: str, data: bytes) -> bytes:
    match coding:
        case "gzip":
            return gzip.compress(data)
        case "deflate":
            return zlib.compress(data)
        case "br":
            return bytes(import_module("brotli").compress(data))
    try:
        zstd = import_module("compression.zstd")
    except ImportError:
        zstd = import_module("backports.zstd")
    return bytes(zstd.compress(data))


def test_a_declared_body_above_the_cap_is_refused_unread() -> None:
    source = Source(b"x")
    assert refused(source, {"content-length": str(MIB + 1)}).status == 413
    assert source.taken == 0


def test_an_undeclared_body_is_refused_at_the_first_byte_above_the_cap() -> None:
    source = Source(*pieces(b"x" * (MIB + 65536), 65536))
    assert refused(source, {"transfer-encoding": "chunked"}).status == 413
    assert source.taken == 17
    assert len(read(Source(*pieces(b"x" * MIB, 65536)), {"transfer-encoding": "chunked"})) == MIB


def test_a_body_that_falls_silent_is_a_408_and_the_connection_is_closed() -> None:
    class Silent(Source):
        async def __call__(self) -> dict[str, Any]:
            return {**await super().__call__(), "more_body": True}

    error = refused(Silent(b"{"), {"content-length": "9"}, body_idle=0.02)
    assert (error.status, error.code, error.headers) == (408, "request_timeout", {"connection": "close"})


@pytest.mark.parametrize("coding", encodings())
@given(st.binary(max_size=4000), st.integers(1, 4000))
def test_a_coded_body_is_read_as_what_it_was(coding: str, data: bytes, size: int) -> None:
    assert read(Source(*pieces(packed(coding, data), size)), {"content-encoding": coding.upper()}) == data


@pytest.mark.parametrize("coding", encodings())
def test_a_bomb_is_refused_before_it_goes_off(coding: str) -> None:
    bomb = packed(coding, bytes(64 * MIB))
    assert refused(Source(bomb), {"content-encoding": coding}, cap=32 * MIB).status == 413
    assert refused(Source(bomb), {"content-encoding": coding}, cap=256 * MIB).status == 413


def test_what_stays_small_may_be_as_dense_as_it_likes() -> None:
    data = bytes(FREE)
    assert read(Source(gzip.compress(data)), {"content-encoding": "gzip"}, cap=FREE) == data
    assert refused(Source(gzip.compress(data)), {"content-encoding": "gzip"}, cap=FREE - 1).status == 413


@pytest.mark.parametrize("coding", encodings())
def test_a_body_that_is_not_of_its_coding_is_a_400(coding: str) -> None:
    whole = packed(coding, b'{"model": "m"}' * 20)
    for broken in (b"{}", whole[:-3]):
        error = refused(Source(broken), {"content-encoding": coding})
        assert (error.status, error.code) == (400, "malformed_request")


@pytest.mark.parametrize("coding", ["lzma", "gzip, gzip", "x", "gzip;q=1"])
def test_an_unknown_coding_is_a_415_that_names_the_known_ones(coding: str) -> None:
    source = Source(b"x")
    error = refused(source, {"content-encoding": coding})
    assert (error.status, error.code, source.taken) == (415, "unsupported_encoding", 0)
    assert {"gzip", "deflate"} <= set(error.headers["accept-encoding"].split(", "))


def test_identity_is_no_coding() -> None:
    assert read(Source(b"{}"), {"content-encoding": "Identity"}) == b"{}"


def test_an_upload_passes_as_it_is_coded() -> None:
    data = gzip.compress(b"hello")

    async def streamed() -> bytes:
        body = Body(Source(data), {"content-encoding": "gzip"}, Server(), lambda: None)
        return b"".join([chunk async for chunk in body.stream()])

    assert run(streamed()) == data
