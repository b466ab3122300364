"""What Bedrock was recorded to say, read and written without loss."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from botocore.eventstream import EventStreamBuffer
from tollhouse import Request
from tollhouse.framing import sse
from tollhouse.neutral import Answer, Body, Chat, Happening, Media, Part, Text, Thinking, ToolCall, fold
from tollhouse.testing.corpus import Recording, recordings
from tollhouse_bedrock import BedrockDialect
from tollhouse_bedrock.eventstream import Splitter, event, payload
from tollhouse_openai import OpenAIDialect

DIALECT = BedrockDialect(clock=lambda: 0.0)
ROUTES = {route.path.rpartition("/")[2]: route for route in DIALECT.routes if route.task in ("chat", "count")}
OPENAI = OpenAIDialect()
OPENAI_CHAT = next(route for route in OPENAI.routes if route.task == "chat")
ALL = [
    r
    for r in recordings("converse", "converse-stream", kinds=("json", "aws-eventstream", "binary", "chunks"))
    if r.provider == "bedrock"
]
REPLIES = [r for r in ALL if r.status == 200]
ERRORS = [r for r in ALL if r.status >= 400]
STREAMS = [r for r in REPLIES if r.endpoint == "converse-stream"]
EXACT = [r for r in STREAMS if r.kind != "chunks"]
BODIES = [r for r in REPLIES if r.endpoint == "converse"]
REQUESTS = [r for r in ALL if r.request()]

pytestmark = pytest.mark.skipif(not ALL, reason="no recordings here")


def ids(recording: Recording) -> str:
    return recording.name


def asked(recording: Recording) -> Request:
    raw = recording.request()
    assert raw is not None
    return DIALECT.request(raw, ROUTES[recording.endpoint], "m")


def split(stream: bytes, cuts: list[int]) -> list[bytes]:
    splitter, found = Splitter(), []
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += splitter.feed(stream[start:stop])
    assert splitter.rest() == b""
    return found


def messages(recording: Recording) -> list[bytes]:
    """A stream's messages; where only their payloads were kept they are framed anew."""
    if recording.kind != "chunks":
        return split(recording.reply(), [])
    said = [msgspec.json.decode(sse.data(raw)) for raw in sse.Splitter().feed(recording.reply())]
    return [event(name, **fields) for one in said for name, fields in one.items()]


def happenings_of(recording: Recording) -> list[Happening]:
    reader = DIALECT.decoder("chat")
    if recording in STREAMS:
        return [happening for raw in messages(recording) for happening in reader.feed(raw)]
    return reader.unfold(recording.reply())


def plain(body: Body | list[Part]) -> Any:
    """A body without the paths, which say where and not what."""

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: bare(inner) for name, inner in value.items() if name != "path"}
        return [bare(inner) for inner in value] if isinstance(value, list) else value

    return bare(msgspec.json.decode(msgspec.json.encode(body)))


def content(answer: Answer) -> Any:
    """What a reply says: parts without their paths, and how it finished."""
    return [(plain(choice.parts), choice.finish, choice.finish_raw) for choice in answer.choices]


def spoken(parts: list[Part]) -> tuple[str, list[tuple[str, Any]]]:
    """The visible text and the calls of a reply: what every dialect can say."""
    text = "".join(part.text for part in parts if isinstance(part, Text))
    return text, [(part.name, msgspec.json.decode(part.arguments)) for part in parts if isinstance(part, ToolCall)]


@pytest.mark.parametrize("recording", EXACT, ids=ids)
def test_a_stream_cut_anywhere_is_the_same_stream(recording: Recording) -> None:
    stream = recording.reply()
    whole = split(stream, [])
    assert b"".join(whole) == stream
    chance = random.Random(recording.name)
    for _ in range(5):
        cuts = sorted(chance.randrange(len(stream)) for _ in range(chance.randrange(1, 60)))
        assert split(stream, cuts) == whole


@pytest.mark.parametrize("recording", EXACT, ids=ids)
def test_botocore_sees_the_same_messages(recording: Recording) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(recording.reply())
    assert [one.payload for one in buffer] == [payload(raw) for raw in messages(recording)]


@pytest.mark.parametrize("recording", STREAMS, ids=ids)
def test_a_stream_folds_to_a_complete_reply(recording: Recording) -> None:
    reader, other = DIALECT.decoder("chat"), DIALECT.decoder("chat")
    seen = [reader.sniff(raw) for raw in messages(recording)]
    reader.finish()
    assert {frame.kind for frame in seen} <= {"lifecycle", "content", "usage", "end"}
    answer = fold([happening for raw in messages(recording) for happening in other.feed(raw)])
    assert answer.choices[0].parts
    assert answer.choices[0].finish not in ("missing", "other")
    assert answer.usage == next((frame.usage for frame in seen if frame.usage), None)
    if recording.kind != "chunks":
        assert answer.complete
        assert seen[-1].kind == "end"
        said = msgspec.json.decode(payload(messages(recording)[-1]))["usage"]
        assert answer.usage is not None
        assert answer.usage.total == said["totalTokens"]


@pytest.mark.parametrize("recording", EXACT, ids=ids)
def test_a_stream_passes_byte_for_byte(recording: Recording) -> None:
    encoder, reader = DIALECT.encoder(asked(recording)), DIALECT.decoder("chat")
    passed = b"".join(encoder.passes(reader.sniff(raw)) for raw in messages(recording)) + encoder.finish()
    assert passed == recording.reply()


@pytest.mark.parametrize("recording", BODIES, ids=ids)
def test_a_body_is_read_and_its_usage_found(recording: Recording) -> None:
    raw = recording.reply()
    frame = DIALECT.decoder("chat").whole(raw)
    answer = fold(happenings_of(recording))
    assert answer.complete
    said = msgspec.json.decode(raw)
    assert len(answer.choices[0].parts) == len(said["output"]["message"]["content"])
    assert answer.choices[0].finish not in ("missing", "other")
    assert answer.usage == frame.usage
    assert frame.usage is not None
    assert frame.usage.total == said["usage"]["totalTokens"]
    assert frame.usage.input == said["usage"]["inputTokens"]
    assert DIALECT.encoder(Request(b"", dialect=DIALECT, route=ROUTES["converse"])).passes(frame) == raw


@pytest.mark.parametrize("recording", BODIES + STREAMS, ids=ids)
def test_a_reply_written_anew_says_the_same(recording: Recording) -> None:
    answer = fold(happenings_of(recording))
    for stream in (True, False):
        route = ROUTES["converse-stream" if stream else "converse"]
        encoder = DIALECT.encoder(Request(b"", dialect=DIALECT, route=route, model="m", stream=stream))
        written = encoder.feed(happenings_of(recording)) + encoder.finish()
        again = DIALECT.decoder("chat")
        read = [h for raw in split(written, []) for h in again.feed(raw)] if stream else again.unfold(written)
        answered = fold(read)
        assert answered.complete
        assert _said(content(answered)) == _said(content(answer))
        assert (answered.usage and answered.usage.total) or ((answer.usage and answer.usage.total) or 0) == 0


def _said(choices: Any) -> Any:
    """Without empty texts and reasoning, which begin nothing when written, and leftovers no stream has."""
    return [
        (
            [
                {name: value for name, value in part.items() if name != "extra"}
                for part in parts
                if part.get("text") or part["type"] not in ("text", "thinking") or part.get("opaque")
            ],
            *finish,
        )
        for parts, *finish in choices
    ]


@pytest.mark.parametrize("recording", BODIES + STREAMS, ids=ids)
def test_an_openai_caller_reads_the_same_words_and_calls(recording: Recording) -> None:
    answer = fold(happenings_of(recording))
    for stream in (True, False):
        request = Request(b"", dialect=OPENAI, route=OPENAI_CHAT, model="m", stream=stream)
        encoder, again = OPENAI.encoder(request), OPENAI.decoder("chat")
        written = encoder.feed(happenings_of(recording)) + encoder.finish()
        frames = sse.Splitter().feed(written) if stream else []
        read = fold([h for raw in frames for h in again.feed(raw)] if stream else again.unfold(written))
        assert [spoken(choice.parts) for choice in read.choices] == [spoken(choice.parts) for choice in answer.choices]
        assert [choice.finish for choice in read.choices] == [choice.finish for choice in answer.choices]
        assert (read.usage and read.usage.total) == (answer.usage and answer.usage.total)


@pytest.mark.parametrize("recording", REQUESTS, ids=ids)
def test_a_request_written_anew_means_the_same(recording: Recording) -> None:
    request = asked(recording)
    written, receipt = DIALECT.encode(request, "m")
    assert receipt.lines == []
    again = DIALECT.request(written, request.route, request.tail)
    assert plain(again.body) == plain(request.body)
    assert again.max_output == request.max_output


@pytest.mark.parametrize("recording", REQUESTS, ids=ids)
def test_a_request_goes_to_its_own_model_untouched(recording: Recording) -> None:
    request = asked(recording)
    assert DIALECT.address(request, "other") is request.raw


@pytest.mark.parametrize("recording", REQUESTS, ids=ids)
def test_a_request_reaches_openai_with_its_words_tools_and_media(recording: Recording) -> None:
    """What an OpenAI host is sent reads back as the same conversation, but for what the receipt names."""
    request = asked(recording)
    chat = request.body
    assert isinstance(chat, Chat)
    written, receipt = OPENAI.encode(request, "gpt")
    again = OPENAI.decode(written, OPENAI_CHAT)
    assert isinstance(again, Chat)
    assert [tool.name for tool in again.tools] == [tool.name for tool in chat.tools]

    def all_parts(body: Chat) -> list[Part]:
        return [part for message in body.messages for part in message.parts]

    assert [spoken([part]) for part in all_parts(again) if isinstance(part, ToolCall)] == [
        spoken([part]) for part in all_parts(chat) if isinstance(part, ToolCall)
    ]
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
    error = DIALECT.failure(recording.status, recording.load()["response"]["headers"], raw)
    assert error.kind == ("credentials" if recording.status == 403 else "invalid")
    assert error.message == msgspec.json.decode(raw)["message"]
    status, headers, body = DIALECT.error(error, recording.status, "req_1")
    assert status == recording.status
    assert headers["x-amzn-errortype"]
    assert (body == raw) == (error.kind != "credentials")
