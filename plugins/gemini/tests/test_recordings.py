"""What the Gemini API and Vertex AI were recorded to say, read and written without loss."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from tollhouse import Decoder, Rejected, Request
from tollhouse.framing import sse
from tollhouse.neutral import Answer, Body, Chat, Media, Part, Text, Thinking, ToolCall, fold
from tollhouse.testing.corpus import Recording, recordings
from tollhouse_gemini import GeminiDialect
from tollhouse_gemini.request import Asked
from tollhouse_openai import OpenAIDialect

DIALECT = GeminiDialect()
ROUTES = {r.path.rpartition(":")[2]: r for r in DIALECT.routes if r.path.startswith("/v1beta/models/{model}:")}
OPENAI = OpenAIDialect()
OPENAI_CHAT = next(route for route in OPENAI.routes if route.task == "chat")
ALL = list(
    recordings(
        "generateContent", "streamGenerateContent", "countTokens", "embedContent", kinds=("json", "sse", "chunks")
    )
)
REPLIES = [r for r in ALL if r.status == 200]
ERRORS = [r for r in ALL if r.status >= 400]
STREAMS = [r for r in REPLIES if r.endpoint == "streamGenerateContent"]
EVENTS = [r for r in STREAMS if r.kind == "sse"]
BODIES = [r for r in REPLIES if r.endpoint == "generateContent"]
REQUESTS = [r for r in ALL if r.request()]

pytestmark = pytest.mark.skipif(not ALL, reason="no recordings here")


def ids(recording: Recording) -> str:
    return recording.name


def method(recording: Recording) -> str:
    return recording.path().partition("?")[0].rpartition(":")[2] or recording.endpoint


def asked(recording: Recording) -> Request:
    raw = recording.request()
    assert raw is not None
    return DIALECT.request(raw, ROUTES[method(recording)], "m")


def decoder(recording: Recording) -> Decoder:
    return DIALECT.decoder(ROUTES[method(recording)].task)


def events(stream: bytes, cuts: list[int]) -> list[bytes]:
    splitter, found = sse.Splitter(), []
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += splitter.feed(stream[start:stop])
    return [*found, rest] if (rest := splitter.rest()) else found


def frames(recording: Recording) -> list[bytes]:
    """A stream's events; an array's elements are made into some."""
    raw = recording.reply()
    if recording.kind == "json":
        return [sse.frame(bytes(item)) for item in msgspec.json.decode(raw, type=list[msgspec.Raw])]
    return events(raw, [])


def plain(body: Body) -> Any:
    """A body without the paths, which say where and not what."""

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: bare(inner) for name, inner in value.items() if name != "path"}
        return [bare(inner) for inner in value] if isinstance(value, list) else value

    return bare(msgspec.json.decode(msgspec.json.encode(body)))


def content(answer: Answer) -> Any:
    """What a reply says: parts without their paths, and how it finished."""
    choices = [(choice.parts, choice.finish, choice.finish_raw) for choice in answer.choices]
    return plain(choices)  # type: ignore[arg-type]


def answer_of(recording: Recording) -> Answer:
    reader = decoder(recording)
    if recording in STREAMS:
        return fold([happening for raw in frames(recording) for happening in reader.feed(raw)])
    return fold(reader.unfold(recording.reply()))


def spoken(parts: list[Part]) -> tuple[str, list[tuple[str, Any]]]:
    """The visible text and the calls of a reply: what every dialect can say."""
    text = "".join(part.text for part in parts if isinstance(part, Text))
    calls = [(part.name, msgspec.json.decode(part.arguments)) for part in parts if isinstance(part, ToolCall)]
    return text, calls


@pytest.mark.parametrize("recording", EVENTS, ids=ids)
def test_a_stream_cut_anywhere_is_the_same_stream(recording: Recording) -> None:
    stream = recording.reply()
    whole = events(stream, [])
    assert b"".join(whole) == stream
    chance = random.Random(recording.name)
    for _ in range(5):
        cuts = sorted(chance.randrange(len(stream)) for _ in range(chance.randrange(1, 60)))
        assert events(stream, cuts) == whole


@pytest.mark.parametrize("recording", STREAMS, ids=ids)
def test_a_stream_folds_to_a_complete_reply(recording: Recording) -> None:
    reader = decoder(recording)
    seen = [reader.sniff(raw) for raw in frames(recording)]
    reader.finish()
    assert {frame.kind for frame in seen} <= {"lifecycle", "content", "usage"}
    answer = answer_of(recording)
    assert answer.complete
    assert answer.choices[0].parts
    assert answer.choices[0].finish != "missing"
    merged = None
    for frame in seen:
        if frame.usage is not None:
            merged = merged.merged(frame.usage) if merged else frame.usage
    assert answer.usage == merged
    last = [msgspec.json.decode(sse.data(raw)).get("usageMetadata", {}) for raw in frames(recording)][-1]
    if "totalTokenCount" in last:
        assert answer.usage is not None
        assert answer.usage.total == last["totalTokenCount"]


@pytest.mark.parametrize("recording", EVENTS, ids=ids)
def test_a_stream_passes_byte_for_byte(recording: Recording) -> None:
    encoder, reader = DIALECT.encoder(asked(recording)), decoder(recording)
    passed = b"".join(encoder.passes(reader.sniff(raw)) for raw in frames(recording)) + encoder.finish()
    assert passed == recording.reply()


@pytest.mark.parametrize("recording", STREAMS, ids=ids)
def test_a_stream_passes_as_an_array_of_the_same_chunks(recording: Recording) -> None:
    request = Asked(b"", dialect=DIALECT, route=ROUTES["streamGenerateContent"], model="m", stream=True)
    request.array = True
    encoder, reader = DIALECT.encoder(request), decoder(recording)
    passed = b"".join(encoder.passes(reader.sniff(raw)) for raw in frames(recording)) + encoder.finish()
    assert msgspec.json.decode(passed) == [msgspec.json.decode(sse.data(raw)) for raw in frames(recording)]


@pytest.mark.parametrize("recording", BODIES, ids=ids)
def test_a_body_is_read_and_its_usage_found(recording: Recording) -> None:
    raw = recording.reply()
    frame = decoder(recording).whole(raw)
    answer = answer_of(recording)
    assert answer.complete
    assert answer.choices
    usage = msgspec.json.decode(raw)["usageMetadata"]
    if not any(name.endswith("TokenCount") for name in usage):
        assert frame.usage is None
        return
    assert frame.usage is not None
    assert min(frame.usage.buckets().values()) >= 0
    assert frame.usage.total == usage.get("totalTokenCount", frame.usage.total)
    assert frame.usage.total_input == usage.get("promptTokenCount", 0) + usage.get("toolUsePromptTokenCount", 0)


@pytest.mark.parametrize("recording", [r for r in REPLIES if r.endpoint == "embedContent"], ids=ids)
def test_vectors_are_read(recording: Recording) -> None:
    raw = recording.reply()
    answer = answer_of(recording)
    assert answer.vectors == [item["values"] for item in msgspec.json.decode(raw)["embeddings"]]
    assert (answer.usage is not None) == (b"usageMetadata" in raw)


@pytest.mark.parametrize("recording", [r for r in REPLIES if r.endpoint == "countTokens"], ids=ids)
def test_a_count_passes(recording: Recording) -> None:
    frame = decoder(recording).whole(recording.reply())
    assert DIALECT.encoder(asked(recording)).passes(frame) == recording.reply()


@pytest.mark.parametrize("recording", BODIES + STREAMS, ids=ids)
def test_a_reply_written_anew_says_the_same(recording: Recording) -> None:
    reader = decoder(recording)
    happenings = (
        [happening for raw in frames(recording) for happening in reader.feed(raw)]
        if recording in STREAMS
        else reader.unfold(recording.reply())
    )
    answer = fold(happenings)
    for stream in (True, False):
        route = ROUTES["streamGenerateContent" if stream else "generateContent"]
        encoder = DIALECT.encoder(Request(b"", dialect=DIALECT, route=route, model="m", stream=stream))
        written = encoder.feed(happenings) + encoder.finish()
        again = DIALECT.decoder("chat")
        read = [h for raw in events(written, []) for h in again.feed(raw)] if stream else again.unfold(written)
        assert content(fold(read)) == content(answer)
        again_usage = fold(read).usage
        assert (again_usage and again_usage.total) == (answer.usage and answer.usage.total)


@pytest.mark.parametrize("recording", BODIES + STREAMS, ids=ids)
def test_an_openai_caller_reads_the_same_words_and_calls(recording: Recording) -> None:
    reader = decoder(recording)
    happenings = (
        [happening for raw in frames(recording) for happening in reader.feed(raw)]
        if recording in STREAMS
        else reader.unfold(recording.reply())
    )
    answer = fold(happenings)
    for stream in (True, False):
        request = Request(b"", dialect=OPENAI, route=OPENAI_CHAT, model="m", stream=stream)
        encoder, again = OPENAI.encoder(request), OPENAI.decoder("chat")
        written = encoder.feed(happenings) + encoder.finish()
        read = fold([h for raw in events(written, []) for h in again.feed(raw)] if stream else again.unfold(written))
        assert [spoken(choice.parts) for choice in read.choices] == [spoken(choice.parts) for choice in answer.choices]
        assert [choice.finish for choice in read.choices] == [choice.finish for choice in answer.choices]
        assert (read.usage and read.usage.total) == (answer.usage and answer.usage.total)


@pytest.mark.parametrize("recording", [r for r in REQUESTS if r.endpoint != "countTokens"], ids=ids)
def test_a_request_written_anew_means_the_same(recording: Recording) -> None:
    request = asked(recording)
    if recording.status == 400 and b"invalid_role" in request.raw:
        with pytest.raises(Rejected):
            assert request.body
        return
    written, receipt = DIALECT.encode(request, request.model)
    assert receipt.lines == []
    again = DIALECT.request(written, request.route, request.tail)
    assert plain(again.body) == plain(request.body)
    assert (again.max_output, again.n) == (request.max_output, request.n)


@pytest.mark.parametrize("recording", REQUESTS, ids=ids)
def test_a_request_goes_to_its_own_model_untouched(recording: Recording) -> None:
    request = asked(recording)
    if b'"model"' not in request.raw:
        assert DIALECT.address(request, "other") is request.raw


@pytest.mark.parametrize("recording", [r for r in BODIES + STREAMS if r.request()], ids=ids)
def test_a_request_reaches_openai_with_its_words_tools_and_media(recording: Recording) -> None:
    """What an OpenAI host is sent reads back as the same conversation, but for what the receipt names."""
    request = asked(recording)
    chat = request.body
    assert isinstance(chat, Chat)
    written, receipt = OPENAI.encode(request, "gpt")
    again = OPENAI.decode(written, OPENAI_CHAT)
    assert isinstance(again, Chat)
    assert [tool.name for tool in again.tools] == [tool.name for tool in chat.tools]
    assert [msgspec.json.decode(tool.schema) for tool in again.tools] == [
        msgspec.json.decode(tool.schema) for tool in chat.tools
    ]

    def all_parts(body: Chat) -> list[Part]:
        return [part for message in body.messages for part in message.parts]

    assert [spoken([part]) for part in all_parts(again) if isinstance(part, ToolCall)] == [
        spoken([part]) for part in all_parts(chat) if isinstance(part, ToolCall)
    ]
    # an empty text says nothing, and the thoughts of one provider are no other's
    texts = [part.text for part in all_parts(chat) if isinstance(part, Text) and part.text]
    assert [part.text for part in all_parts(again) if isinstance(part, Text) and part.text] == texts
    if media := [part for part in all_parts(chat) if isinstance(part, Media)]:
        kept = [part for part in all_parts(again) if isinstance(part, Media)]
        assert len(kept) == len(media) or receipt.lines
    if any(isinstance(part, Thinking) for part in all_parts(chat)):
        assert any(line.startswith("dropped=messages") for line in receipt.lines)


@pytest.mark.parametrize("recording", ERRORS, ids=ids)
def test_an_error_response_tells_its_kind_and_message(recording: Recording) -> None:
    raw = recording.reply()
    error = DIALECT.failure(recording.status, {}, raw)
    credentials = b"API_KEY_INVALID" in raw
    assert error.kind == ("credentials" if credentials else "invalid")
    assert error.message == msgspec.json.decode(raw)["error"]["message"]
    status, _, body = DIALECT.error(error, recording.status, "req_1")
    assert status == recording.status
    if not credentials:
        assert body == raw
