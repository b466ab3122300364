"""What providers were recorded to say in responses, read and written without loss."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tollhouse import Request
from tollhouse.framing import sse
from tollhouse.neutral import Answer, Body, Happening, fold
from tollhouse.testing.corpus import Recording, recordings
from tollhouse_openai import ResponsesDialect

DIALECT = ResponsesDialect(clock=lambda: 7.0)
CHAT = next(route for route in DIALECT.routes if route.task == "chat")
ALL = list(recordings("responses", kinds=("json", "sse", "chunks")))
REPLIES = [r for r in ALL if r.status == 200]
STREAMS = [r for r in REPLIES if r.kind != "json" and r.reply().count(b'"response.created"') == 1]
"""Without two that hold several replies."""
UNTRUE = {"vercel-ai/openai.responses.3170dab74de8.json"}
"""What its end repeats is not what its deltas said."""
UNORDERED = {"pydantic-ai/openai.responses.aa45affc1086.json"}
"""Its first items end after its last, or not at all."""
BODIES = [r for r in REPLIES if r.kind == "json"]
ASKED = [r for r in ALL if r.request() and b'"model"' in (r.request() or b"")]
pytestmark = pytest.mark.skipif(not ALL, reason="no recordings here")


def ids(recording: Recording) -> str:
    return recording.name


def events(stream: bytes) -> list[bytes]:
    splitter = sse.Splitter()
    found = splitter.feed(stream)
    return [*found, rest] if (rest := splitter.rest()) else found


def request(stream: bool) -> Request:
    return Request(b"{}", dialect=DIALECT, route=CHAT, model="m", stream=stream)


def plain(body: Body) -> Any:
    """A body without the paths, which say where and not what."""

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: bare(inner) for name, inner in value.items() if name != "path"}
        return [bare(inner) for inner in value] if isinstance(value, list) else value

    return bare(msgspec.json.decode(msgspec.json.encode(body)))


def said(answer: Answer) -> Any:
    """What a reply says, without the paths of its parts and the words only its upstream has for its end. What is
    encrypted is encrypted anew each time it is told."""
    [choice] = answer.choices
    parts: Any = plain(choice.parts)  # type: ignore[arg-type]
    for part in parts:
        if part["extra"]:
            part["extra"]["fields"].pop("encrypted_content", None)
    return [part["kind"] if part["type"] == "opaque" else part for part in parts], choice.finish


def happenings(recording: Recording) -> list[Happening] | None:
    """The events of a stream; None for one that tells of an error."""
    reader = DIALECT.decoder("chat")
    found: list[Happening] = []
    for raw in events(recording.reply()):
        if reader.sniff(raw).kind == "error":
            return None
        found += reader.feed(raw)
    reader.finish()
    return found


def terminal(recording: Recording) -> bytes:
    """The whole response that a stream's last event repeats."""
    last = [sse.data(raw) for raw in events(recording.reply()) if b'"response.completed"' in raw][-1]
    return bytes(msgspec.json.decode(last, type=dict[str, msgspec.Raw])["response"])


@pytest.mark.parametrize("recording", STREAMS, ids=ids)
def test_a_stream_folds_to_the_body_that_it_repeats_at_its_end(recording: Recording) -> None:
    found = happenings(recording)
    if found is None:
        return
    answer = fold(found)
    assert answer.complete
    whole = fold(DIALECT.decoder("chat").unfold(terminal(recording)))
    if recording.name in UNORDERED:
        assert sorted(map(str, said(answer)[0])) == sorted(map(str, said(whole)[0]))
    elif recording.name not in UNTRUE:
        assert said(answer) == said(whole)
    assert answer.usage == whole.usage
    assert (answer.id, answer.model) == (whole.id, whole.model)


@pytest.mark.parametrize("recording", STREAMS, ids=ids)
def test_a_stream_passes_byte_for_byte(recording: Recording) -> None:
    encoder, reader = DIALECT.encoder(request(stream=True)), DIALECT.decoder("chat")
    frames = [reader.sniff(raw) for raw in events(recording.reply())]
    passed = b"".join(encoder.passes(frame) for frame in frames if frame.kind != "error")
    if not any(frame.kind == "error" for frame in frames):
        passed += encoder.finish()
        assert (passed == recording.reply()) == (recording.name not in UNTRUE)


@pytest.mark.parametrize("recording", STREAMS, ids=ids)
def test_a_stream_written_anew_says_the_same(recording: Recording) -> None:
    found = happenings(recording)
    if found is None:
        return
    encoder, again = DIALECT.encoder(request(stream=True)), DIALECT.decoder("chat")
    written = encoder.feed(found) + encoder.finish()
    repeated = [h for raw in events(written) for h in again.feed(raw)]
    again.finish()
    assert said(fold(repeated)) == said(fold(found))
    assert (fold(repeated).usage or fold(found).usage) is None or (
        fold(repeated).usage.total == fold(found).usage.total  # type: ignore[union-attr]
    )
    whole = fold(DIALECT.decoder("chat").unfold(last_response(written)))
    assert said(whole) == said(fold(found))


def last_response(written: bytes) -> bytes:
    last = msgspec.json.decode(sse.data(events(written)[-1]), type=dict[str, msgspec.Raw])
    return bytes(last["response"])


@pytest.mark.parametrize("recording", BODIES, ids=ids)
def test_a_body_is_read_and_its_usage_found(recording: Recording) -> None:
    raw = recording.reply()
    body = msgspec.json.decode(raw)
    frame = DIALECT.decoder("chat").whole(raw)
    if "output" not in body:
        assert frame.error is not None
        return
    assert fold(DIALECT.decoder("chat").unfold(raw)).complete
    assert (frame.usage is not None) == bool(body.get("usage"))
    if frame.usage is not None:
        assert frame.usage.total_input == body["usage"]["input_tokens"]
        assert frame.usage.total == body["usage"]["total_tokens"]
        assert min(frame.usage.buckets().values()) >= 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("recording", BODIES, ids=ids)
def test_a_body_written_anew_says_the_same(recording: Recording, stream: bool) -> None:
    raw = recording.reply()
    if DIALECT.decoder("chat").whole(raw).error:
        return
    found = DIALECT.decoder("chat").unfold(raw)
    encoder = DIALECT.encoder(request(stream))
    written = encoder.feed(found) + encoder.finish()
    again = DIALECT.decoder("chat")
    if stream:
        repeated = fold([h for event in events(written) for h in again.feed(event)])
    else:
        repeated = fold(again.unfold(written))
    assert said(repeated) == said(fold(found))
    assert repeated.id == fold(found).id


@pytest.mark.parametrize("recording", ASKED, ids=ids)
def test_a_request_written_anew_means_the_same(recording: Recording) -> None:
    raw = recording.request()
    assert raw is not None
    asked = DIALECT.request(raw, CHAT)
    assert DIALECT.address(asked, asked.model) == raw
    written, receipt = DIALECT.encode(asked, asked.model)
    assert receipt.lines == []
    again = DIALECT.request(written, CHAT)
    assert plain(again.body) == plain(asked.body)
    assert (again.model, again.max_output, again.stream) == (asked.model, asked.max_output, asked.stream)


@pytest.mark.parametrize("recording", [r for r in ALL if r.status >= 400], ids=ids)
def test_an_error_response_tells_its_kind_and_message(recording: Recording) -> None:
    error = DIALECT.failure(recording.status, {}, recording.reply())
    assert error.kind == ("credentials" if recording.status == 401 else "invalid")
    assert not error.message.startswith("the upstream answered")
