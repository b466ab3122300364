"""Server-sent events survive every way a network may cut them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import ProviderError
from tollhouse.framing import sse

STREAMS = st.lists(
    st.sampled_from(
        [b"\r", b"\n", b"\r\n", b"\n\n", b"\r\n\r\n", b"\r\r", b"data: x", b"data", b":", b" ", "é".encode()]
    ),
    max_size=24,
).map(b"".join)


def split(stream: bytes, cuts: list[int] | None = None) -> tuple[list[bytes], bytes]:
    splitter, events = sse.Splitter(), []
    edges = [0, *sorted(cuts or []), len(stream)]
    for start, stop in itertools.pairwise(edges):
        events += splitter.feed(stream[start:stop])
    return events, splitter.rest()


@given(STREAMS)
def test_every_single_split_point_gives_the_same_events(stream: bytes) -> None:
    whole = split(stream)
    for cut in range(len(stream) + 1):
        assert split(stream, [cut]) == whole


@given(STREAMS, st.data())
def test_random_splits_give_the_same_events(stream: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=12))
    assert split(stream, cuts) == split(stream)
    assert split(stream, list(range(len(stream)))) == split(stream)


@given(STREAMS)
def test_no_byte_is_lost_but_blank_lines_at_the_end(stream: bytes) -> None:
    events, rest = split(stream)
    joined = b"".join(events) + rest
    assert stream.startswith(joined)
    assert not stream[len(joined) :].strip(b"\r\n")


@given(st.lists(st.text(alphabet='abé{}:" ', min_size=1), min_size=1), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_every_line_ending_carries_the_same_data(texts: list[str], ending: bytes) -> None:
    stream = b"".join(b"data: " + text.encode() + ending * 2 for text in texts)
    for cuts in (None, list(range(len(stream)))):
        events, rest = split(stream, cuts)
        read = [sse.data(raw) for raw in ([*events, rest] if rest else events)]
        assert read == [text.encode() for text in texts]


def test_a_stream_of_lone_carriage_returns_is_not_held_back() -> None:
    splitter = sse.Splitter()
    assert splitter.feed(b"data: a\r\r") == [b"data: a\r\r"]
    assert splitter.feed(b"data: b\r") == []
    assert splitter.feed(b"\r") == [b"data: b\r\r"]


def test_a_crlf_cut_in_half_ends_one_event_once() -> None:
    splitter = sse.Splitter()
    assert splitter.feed(b"data: a\r\n\r") == []
    assert splitter.feed(b"\ndata: b\r\n\r\n") == [b"data: a\r\n\r\n", b"data: b\r\n\r\n"]


def test_the_last_event_may_lack_its_blank_line() -> None:
    assert split(b"data: a\n\ndata: b") == ([b"data: a\n\n"], b"data: b")
    assert split(b"data: a\n\n\n\n") == ([b"data: a\n\n"], b"")


def test_a_line_of_a_megabyte_in_small_chunks_is_one_event() -> None:
    raw = b"data: " + b"x" * 1_000_000 + b"\n\n"
    splitter, events = sse.Splitter(), []
    for start in range(0, len(raw), 7):
        events += splitter.feed(raw[start : start + 7])
    assert events == [raw]


@pytest.mark.parametrize("chunk", [b"data: " + b"x" * 100, b"data: " + b"x" * 100 + b"\n\n", b"\n" * 100])
def test_an_event_past_the_limit_is_refused(chunk: bytes) -> None:
    with pytest.raises(ProviderError, match="more than 64 bytes") as caught:
        sse.Splitter(limit=64).feed(chunk)
    assert caught.value.kind == "bad_reply"


def test_an_event_that_grows_past_the_limit_is_refused() -> None:
    splitter = sse.Splitter(limit=64)
    assert splitter.feed(b"data: a\n\ndata: " + b"x" * 40) == [b"data: a\n\n"]
    with pytest.raises(ProviderError):
        splitter.feed(b"x" * 40)


@pytest.mark.parametrize(
    ("raw", "data", "event"),
    [
        (b"data: a\n\n", b"a", ""),
        (b"data:a\n\n", b"a", ""),
        (b"data:  a\n\n", b" a", ""),
        (b"data\n\n", b"", ""),
        (b"data: a\ndata: b\n\n", b"a\nb", ""),
        (b"data: a\r\ndata: b\r\n\r\n", b"a\nb", ""),
        (b"event: error\ndata: {}\nid: 1\n\n", b"{}", "error"),
        (b"\xef\xbb\xbfdata: a\n\n", b"a", ""),
        (b": comment\n\n", b"", ""),
        (b": data: no\ndata: yes\n\n", b"yes", ""),
        (b"\n\ndata: a\n\n", b"a", ""),
        (b"data: a", b"a", ""),
        (b"data: a\r\r", b"a", ""),
        (b" data: a\n\n", b"", ""),
    ],
)
def test_the_fields_of_an_event(raw: bytes, data: bytes, event: str) -> None:
    assert sse.data(raw) == data
    assert sse.event(raw) == event


@given(st.lists(st.binary().filter(lambda b: not {10, 13} & set(b)), min_size=1).map(b"\n".join))
def test_a_frame_reads_back(data: bytes) -> None:
    raw = sse.frame(data, "named")
    assert sse.data(raw) == data
    assert sse.event(raw) == "named"
    if data:
        assert sse.Splitter().feed(raw) == [raw]


def test_other_data_keeps_the_other_lines() -> None:
    assert sse.with_data(b": note\r\nevent: e\r\ndata: a\r\ndata: b\r\n\r\n", b"c") == (
        b": note\r\nevent: e\r\ndata: c\r\n\r\n"
    )
    assert sse.with_data(b"data: a", b"c") == b"data: c\n"


def test_frames_wraps_any_byte_iterator() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for chunk in (b"data: a\n", b"\ndata: b\n\nda", b"ta: c"):
            yield chunk

    async def collect() -> list[bytes]:
        return [raw async for raw in sse.frames(chunks())]

    assert asyncio.run(collect()) == [b"data: a\n\n", b"data: b\n\n", b"data: c"]
