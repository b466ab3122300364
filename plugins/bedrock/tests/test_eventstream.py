"""AWS event streams, cut and written: botocore's own parser is the judge."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st
from said import BEGUN, EVENTS, STREAM, parsed
from tollhouse import ProviderError
from tollhouse.testing import run
from tollhouse_bedrock.eventstream import LIMIT, Splitter, event, exception, frames, payload, read, with_payload

NAMES = st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=40)


async def collected(*chunks: bytes) -> list[bytes]:
    async def source() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return [raw async for raw in frames(source())]


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_a_stream_cut_anywhere_is_the_same_messages(cuts: list[int]) -> None:
    places = sorted(cuts)
    chunks = [STREAM[a:b] for a, b in zip([0, *places], [*places, len(STREAM)], strict=True)]
    assert run(collected(*chunks)) == EVENTS


def test_a_stream_cut_at_every_single_byte_is_the_same_messages() -> None:
    for place in range(len(STREAM)):
        splitter = Splitter()
        assert splitter.feed(STREAM[:place]) + splitter.feed(STREAM[place:]) == EVENTS
    assert run(collected(*(STREAM[n : n + 1] for n in range(len(STREAM))))) == EVENTS


@given(NAMES, st.dictionaries(st.text(), st.text() | st.integers(-(2**53), 2**53) | st.booleans(), max_size=5))
def test_botocore_reads_what_is_written(name: str, fields: dict[str, object]) -> None:
    for raw, kind in ((event(name, x=fields), "event"), (exception(name, x=fields), "exception")):
        buffer = EventStreamBuffer()
        buffer.add_data(raw)
        [one] = list(buffer)
        assert one.headers[":message-type"] == kind
        assert one.headers[f":{kind}-type"] == name
        assert one.headers[":content-type"] == "application/json"
        assert one.payload == payload(raw) == read(raw).payload
        assert (read(raw).kind, read(raw).name) == (kind, name)


@given(st.binary(max_size=2000))
def test_another_payload_keeps_the_headers(data: bytes) -> None:
    changed = read(with_payload(BEGUN, data))
    assert (changed.kind, changed.name, changed.payload) == ("event", "messageStart", data)


@given(st.integers(0, len(BEGUN) - 1), st.integers(1, 255))
def test_a_changed_byte_is_never_read(place: int, change: int) -> None:
    broken = bytearray(BEGUN)
    broken[place] ^= change
    with pytest.raises(ProviderError) as caught:
        read(bytes(broken))
    assert caught.value.kind == "bad_reply"


@given(st.binary(max_size=300))
def test_any_bytes_are_messages_or_an_error(data: bytes) -> None:
    kind = "cut"
    try:
        for raw in run(collected(data)):
            read(raw)
    except ProviderError as error:
        kind = error.kind
    assert kind in ("bad_reply", "cut")


def test_messages_before_a_broken_one_are_read() -> None:
    async def scenario() -> None:
        async def source() -> AsyncIterator[bytes]:
            yield BEGUN + b"\xff" * 20

        cut = frames(source())
        assert await anext(cut) == BEGUN
        with pytest.raises(ProviderError, match="no AWS event stream"):
            await anext(cut)

    run(scenario())


def test_a_stream_that_ends_inside_a_message_is_cut() -> None:
    with pytest.raises(ProviderError) as caught:
        run(collected(BEGUN, BEGUN[:-1]))
    assert caught.value.kind == "cut"


def test_a_message_beyond_the_limit_is_refused_by_its_length_alone() -> None:
    with pytest.raises(ProviderError, match="no AWS event stream"):
        run(collected((LIMIT + 1).to_bytes(4, "big")))


def test_an_error_message_has_words_and_no_payload() -> None:
    headers = {":message-type": "error", ":error-code": "InternalFailure", ":error-message": "oh"}
    packed = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + len(value).to_bytes(2, "big") + value.encode()
        for name, value in headers.items()
    )
    from tollhouse_bedrock.eventstream import _framed

    raw = _framed(packed, b"")
    found = read(raw)
    assert (found.kind, found.name, found.words) == ("error", "InternalFailure", "oh")
    assert parsed(raw) == [{"error": {"Code": "InternalFailure", "Message": "oh"}}]
