"""Content codings: undone however they are split, and given up when they are broken or a bomb."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import random
import zlib
from importlib import import_module

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import answers, failure, fetch, met
from tollhouse import ProviderError
from tollhouse.testing import run
from tollhouse.transport import decode

TEXT = b'{"text": "' + random.Random(1).randbytes(2000).hex().encode() + b'"}'


def bare(data: bytes) -> bytes:
    made = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return made.compress(data) + made.flush()


def brotli(data: bytes) -> bytes:
    return pytest.importorskip("brotli").compress(data)


def zstd(data: bytes) -> bytes:
    try:
        return import_module("compression.zstd").compress(data)
    except ImportError:
        return pytest.importorskip("backports.zstd").compress(data)


CODINGS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZip": lambda data: gzip.compress(data[:7]) + gzip.compress(data[7:]),
    "deflate": zlib.compress,
    "Deflate": bare,
    "br": brotli,
    "zstd": zstd,
    "ZSTD": lambda data: zstd(data[:7]) + zstd(data[7:]),
    "utf-8": bytes,
    "identity": bytes,
    "gzip, identity": gzip.compress,
}
coded = pytest.mark.parametrize("coding", CODINGS)
compressed = pytest.mark.parametrize("coding", ["gzip", "deflate", "Deflate", "br", "zstd"])


def undone(coding: str, data: bytes, cuts: list[int] | None = None) -> bytes:
    made = decode.decoder(coding)
    if made is None:
        return data
    edges = [0, *sorted(cuts or []), len(data)]
    read = [piece for start, stop in itertools.pairwise(edges) for piece in made.feed(data[start:stop])]
    assert all(0 < len(piece) <= 2 * decode.PIECE for piece in read)
    made.finish()
    return b"".join(read)


@coded
@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_split_decodes_to_the_same(coding, data):
    raw = CODINGS[coding](TEXT)
    assert undone(coding, raw) == TEXT
    assert undone(coding, raw, data.draw(st.lists(st.integers(0, len(raw)), max_size=9))) == TEXT
    assert undone(coding, raw, list(range(len(raw)))) == TEXT


@compressed
def test_megabytes_come_in_small_pieces(coding):
    text = random.Random(2).randbytes(1_000_000).hex().encode()
    assert undone(coding, CODINGS[coding](text)) == text


@compressed
def test_a_bomb_is_given_up_early(coding):
    made = decode.decoder(coding)
    assert made is not None
    read, raw = [], CODINGS[coding](bytes(100_000_000))
    with pytest.raises(ProviderError, match="grows") as failed:
        read.extend(map(len, made.feed(raw)))
    assert failed.value.kind == "bad_reply"
    assert sum(read) <= max(decode.FREE, decode.RATIO * len(raw))


@compressed
def test_a_little_that_grows_a_lot_is_no_bomb(coding):
    text = bytes(4_000_000)
    assert undone(coding, CODINGS[coding](text)) == text


@compressed
def test_half_of_it_is_an_error(coding):
    raw = CODINGS[coding](TEXT)
    for cut in (1, 2, len(raw) // 2, len(raw) - 1):
        with pytest.raises(ProviderError) as failed:
            undone(coding, raw[:cut])
        assert failed.value.kind == "bad_reply"


@pytest.mark.parametrize("coding", CODINGS)
@given(st.binary(max_size=200))
@settings(deadline=None)
def test_garbage_is_an_error_and_no_other(coding, data):
    with contextlib.suppress(ProviderError):
        undone(coding, data)


@compressed
def test_no_body_is_no_error(coding):
    assert undone(coding, b"") == b""


def test_two_codings_are_refused():
    with pytest.raises(ProviderError) as failed:
        decode.decoder("gzip, deflate")
    assert failed.value.kind == "bad_reply"


def test_a_coding_whose_package_is_missing_is_a_bad_reply(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(decode, "import_module", missing)
    for coding in ("br", "zstd"):
        with pytest.raises(ProviderError, match="not installed") as failed:
            decode.decoder(coding)
        assert failed.value.kind == "bad_reply"
    assert decode.encodings() == ["gzip", "deflate"]


def reply(coding: str, body: bytes, *, chunked: bool = False) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\n" % coding.encode()
    if chunked:
        return head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    return head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


@coded
@pytest.mark.parametrize("step", [0, 1])
def test_a_reply_is_decoded_as_it_comes(make, coding, step):
    raw = reply(coding, CODINGS[coding](b"hello" * 9), chunked=bool(step))

    async def journey():
        async with met(make, answers(raw, step=step)) as (transport, server):
            for _ in range(2):
                assert (await fetch(transport, server.url)).body == b"hello" * 9
            assert server.connections == 1

    run(journey())


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", b"hello"),
        ("gzip", gzip.compress(b"hello")[:-3]),
        ("gzip", gzip.compress(b"hello") + b"junk"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"hello"))),
        ("gzip", gzip.compress(bytes(50_000_000))),
    ],
)
def test_a_reply_that_cannot_be_decoded_is_a_bad_reply(make, coding, body):
    async def journey():
        async with met(make, answers(reply(coding, body))) as (transport, server):
            error = await failure(fetch(transport, server.url))
            assert (error.kind, error.code) == ("bad_reply", "upstream_bad_reply")

    run(journey())


def test_what_a_bomb_becomes_counts_against_the_readers_limit(make):
    async def journey():
        async with met(make, answers(reply("gzip", gzip.compress(bytes(5_000_000))))) as (transport, server):
            error = await failure(fetch(transport, server.url, limit=1_000_000))
            assert error.code == "upstream_too_large"
            assert len((await fetch(transport, server.url)).body) == 5_000_000

    run(journey())


def test_an_empty_reply_may_claim_any_coding(make):
    async def journey():
        async with met(make, answers(reply("gzip", b""))) as (transport, server):
            assert (await fetch(transport, server.url)).body == b""
            assert (await fetch(transport, server.url, method="HEAD", body=b"")).body == b""

    run(journey())
