"""What providers were recorded to say, read and written without loss."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from tollhouse import Decoder, Request
from tollhouse.framing import sse
from tollhouse.neutral import Answer, Body, fold
from tollhouse.testing.corpus import Recording, recordings
from tollhouse_openai import OpenAIDialect

DIALECT = OpenAIDialect()
CHAT = next(route for route in DIALECT.routes if route.task == "chat")
EMBED = next(route for route in DIALECT.routes if route.task == "embed")
ALL = list(recordings("chat_completions", "embeddings", kinds=("json", "sse", "chunks")))
KNOWN = [r for r in ALL if not (r.provider == "ollama" and r.endpoint == "embeddings")]
"""Without Ollama's own embeddings API, which is another dialect."""
REPLIES = [r for r in KNOWN if r.status == 200]
STREAMS = [r for r in REPLIES if r.kind == "sse"]
BODIES = [r for r in REPLIES if r.kind == "json"]

pytestmark = pytest.mark.skipif(not ALL, reason="no recordings here")


def ids(recording: Recording) -> str:
    return recording.name


def asked(recording: Recording) -> Request:
    raw = recording.request()
    assert raw is not None
    return DIALECT.request(raw, EMBED if recording.endpoint == "embeddings" else CHAT)


def decoder(recording: Recording) -> Decoder:
    return DIALECT.decoder("embed" if recording.endpoint == "embeddings" else "chat")


def events(stream: bytes, cuts: list[int]) -> list[bytes]:
    splitter, found = sse.Splitter(), []
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += splitter.feed(stream[start:stop])
    return [*found, rest] if (rest := splitter.rest()) else found


def plain(body: Body) -> Any:
    """A body without the paths, which say where and not what."""

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: bare(inner) for name, inner in value.items() if name != "path"}
        return [bare(inner) for inner in value] if isinstance(value, list) else value

    return bare(msgspec.json.decode(msgspec.json.encode(body)))


def read(recording: Recording) -> tuple[Answer, bool]:
    """The fold of a stream's events, and whether it told of an error instead."""
    reader, happenings = decoder(recording), []
    for raw in events(recording.reply(), []):
        if reader.sniff(raw).kind == "error":
            return Answer(), True
        happenings += reader.feed(raw)
    reader.finish()
    return fold(happenings), False


@pytest.mark.parametrize("recording", STREAMS, ids=ids)
def test_a_stream_cut_anywhere_is_the_same_stream(recording: Recording) -> None:
    stream = recording.reply()
    whole = events(stream, [])
    assert b"".join(whole) == stream
    chance = random.Random(recording.name)
    for _ in range(5):
        cuts = sorted(chance.randrange(len(stream)) for _ in range(chance.randrange(1, 60)))
        assert events(stream, cuts) == whole


@pytest.mark.parametrize("recording", STREAMS[::20], ids=ids)
def test_a_stream_cut_at_every_byte_is_the_same_stream(recording: Recording) -> None:
    stream = recording.reply()
    assert events(stream, list(range(1, len(stream)))) == events(stream, [])


@pytest.mark.parametrize("recording", [r for r in REPLIES if r.kind == "chunks"] + STREAMS, ids=ids)
def test_a_stream_folds_to_a_complete_reply(recording: Recording) -> None:
    reader = decoder(recording)
    frames = [reader.sniff(raw) for raw in events(recording.reply(), [])]
    if any(frame.kind == "error" for frame in frames):
        error = next(frame.error for frame in frames if frame.error)
        assert error.status >= 400
        assert error.message
        return
    reader.finish()
    answer, _ = read(recording)
    assert answer.complete or recording.kind == "chunks"
    assert answer.choices
    reported = [frame.usage for frame in frames if frame.usage]
    assert bool(reported) == (b'"prompt_tokens"' in recording.reply())
    assert answer.usage == (reported[-1] if reported else None)


@pytest.mark.parametrize("recording", STREAMS, ids=ids)
def test_a_stream_passes_byte_for_byte_to_a_caller_who_asked_for_usage(recording: Recording) -> None:
    request = asked(recording)
    request.wants_usage = True
    encoder, reader = DIALECT.encoder(request), decoder(recording)
    frames = [reader.sniff(raw) for raw in events(recording.reply(), [])]
    passed = b"".join(encoder.passes(frame) for frame in frames)
    if not any(frame.kind == "error" for frame in frames):
        passed += encoder.finish()
    assert passed == recording.reply()


@pytest.mark.parametrize("recording", STREAMS, ids=ids)
def test_a_caller_who_did_not_ask_loses_nothing_but_usage(recording: Recording) -> None:
    request = asked(recording)
    request.wants_usage = False
    encoder, reader = DIALECT.encoder(request), decoder(recording)
    for raw in events(recording.reply(), []):
        frame = reader.sniff(raw)
        passed = encoder.passes(frame)
        if passed == raw:
            data = sse.data(raw)
            if data.startswith(b"{"):
                assert msgspec.json.decode(data).get("usage", {}) is not None
            continue
        before = msgspec.json.decode(sse.data(raw))
        usage = before.pop("usage")
        if passed:
            assert usage is None
            assert msgspec.json.decode(sse.data(passed)) == before
        else:
            assert before["choices"] == []


@pytest.mark.parametrize("recording", STREAMS, ids=ids)
def test_a_stream_written_anew_says_the_same(recording: Recording) -> None:
    answer, failed = read(recording)
    if failed:
        return
    request = asked(recording)
    request.wants_usage = True
    encoder, reader, rewriter = DIALECT.encoder(request), decoder(recording), decoder(recording)
    written = b"".join(encoder.feed(reader.feed(raw)) for raw in events(recording.reply(), []))
    written += encoder.finish()
    again = fold([h for raw in events(written, []) for h in rewriter.feed(raw)])
    assert [choice.parts for choice in again.choices if choice.parts] == [
        choice.parts for choice in answer.choices if choice.parts
    ]
    assert [choice.finish for choice in again.choices if choice.parts] == [
        choice.finish for choice in answer.choices if choice.parts
    ]
    assert (again.usage and again.usage.total) == (answer.usage and answer.usage.total)


@pytest.mark.parametrize("recording", BODIES, ids=ids)
def test_a_body_is_read_and_its_usage_found(recording: Recording) -> None:
    raw = recording.reply()
    said = msgspec.json.decode(raw)
    reader = decoder(recording)
    frame = reader.whole(raw)
    if said.get("error"):
        assert frame.error is not None
        return
    answer = fold(reader.unfold(raw))
    assert answer.complete
    assert answer.choices or answer.vectors
    assert (frame.usage is not None) == bool(said.get("usage"))
    if frame.usage is not None:
        usage = said["usage"]
        assert frame.usage.total_input == usage.get("prompt_tokens", usage["total_tokens"])
        assert frame.usage.total == usage["total_tokens"]
        assert min(frame.usage.buckets().values()) >= 0


@pytest.mark.parametrize("recording", [r for r in BODIES if r.endpoint == "chat_completions"], ids=ids)
def test_a_body_streamed_and_folded_is_the_body(recording: Recording) -> None:
    raw = recording.reply()
    reader = decoder(recording)
    if reader.whole(raw).error:
        return
    happenings = reader.unfold(raw)
    answer = fold(happenings)
    request = Request(b"", dialect=DIALECT, route=CHAT, model="m", stream=True, wants_usage=True)
    encoder, rewriter = DIALECT.encoder(request), decoder(recording)
    written = encoder.feed(happenings) + encoder.finish()
    again = fold([h for event in events(written, []) for h in rewriter.feed(event)])
    assert [(c.parts, c.finish) for c in again.choices] == [(c.parts, c.finish) for c in answer.choices]


@pytest.mark.parametrize("recording", [r for r in KNOWN if r.request()], ids=ids)
def test_a_request_written_anew_means_the_same(recording: Recording) -> None:
    request = asked(recording)
    written, receipt = DIALECT.encode(request, request.model)
    assert receipt.lines == []
    again = DIALECT.request(written, request.route)
    assert plain(again.body) == plain(request.body)
    assert (again.model, again.max_output, again.n) == (request.model, request.max_output, request.n)


@pytest.mark.parametrize("recording", [r for r in KNOWN if r.status >= 400], ids=ids)
def test_an_error_response_tells_its_kind_and_message(recording: Recording) -> None:
    error = DIALECT.failure(recording.status, {}, recording.reply())
    assert error.kind == ("credentials" if recording.status == 401 else "invalid")
    assert not error.message.startswith("the upstream answered")
    status, _, body = DIALECT.error(error, recording.status, "req_1")
    assert status == recording.status
    if recording.status != 401:
        assert body == recording.reply()
