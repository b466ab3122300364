"""What Anthropic was recorded to say, read and written without loss."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from legality import message
from tollhouse import Request
from tollhouse.framing import sse
from tollhouse.neutral import Answer, Body, Opaque, ToolCall, fold
from tollhouse.testing.corpus import Recording, recordings
from tollhouse_anthropic import AnthropicDialect
from tollhouse_anthropic.decoder import MessageDecoder

DIALECT = AnthropicDialect(ids=lambda prefix: prefix + "made")
CHAT, COUNT = DIALECT.routes[:2]
ALL = [r for r in recordings("messages", "count_tokens", kinds=("json", "sse", "chunks")) if r.provider == "anthropic"]
MESSAGES = [r for r in ALL if r.endpoint == "messages" and r.status == 200]
STREAMS = [r for r in MESSAGES if r.kind != "json"]
BODIES = [r for r in MESSAGES if r.kind == "json"]
COUNTS = [r for r in ALL if r.endpoint == "count_tokens"]

pytestmark = pytest.mark.skipif(not ALL, reason="no recordings here")


def ids(recording: Recording) -> str:
    return recording.name


def asked(recording: Recording) -> Request:
    raw = recording.request()
    assert raw is not None
    return DIALECT.request(raw, COUNT if recording in COUNTS else CHAT)


def caller(*, stream: bool) -> Request:
    return Request(b"", dialect=DIALECT, route=CHAT, model="m", stream=stream)


def events(stream: bytes, cuts: list[int]) -> list[bytes]:
    splitter, found = sse.Splitter(), []
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += splitter.feed(stream[start:stop])
    return [*found, rest] if (rest := splitter.rest()) else found


def stream_of(recording: Recording) -> bytes:
    """The recorded stream; a few files hold several, one behind the other, of which the first is taken."""
    stream = recording.reply()
    ends = [raw for raw in events(stream, []) if b'"message_stop"' in raw]
    return stream[: stream.index(ends[0]) + len(ends[0])] if len(ends) > 1 else stream


def plain(value: Any) -> Any:
    """Without the paths, which say where and not what, and JSON texts as their value."""

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: bare(inner) for name, inner in value.items() if name != "path"}
        return [bare(inner) for inner in value] if isinstance(value, list) else value

    return bare(msgspec.json.decode(msgspec.json.encode(value)))


def read(stream: bytes) -> Answer:
    reader = MessageDecoder()
    happenings = [happening for raw in events(stream, []) for happening in reader.feed(raw)]
    reader.finish()
    return fold(happenings)


def meaning(answer: Answer) -> Any:
    """Parts, end and tokens of an answer; arguments as the JSON they are."""
    [choice] = answer.choices
    parts = [
        (part.id, part.name, msgspec.json.decode(part.arguments), plain(part.extra))
        if isinstance(part, ToolCall)
        else plain(part)
        for part in choice.parts
        if isinstance(part, ToolCall | Opaque) or part.text or part.signature or part.opaque  # type: ignore[union-attr]
    ]
    usage = answer.usage.buckets() if answer.usage else None
    return answer.id, answer.model, parts, choice.finish, choice.finish_raw, plain(choice.extra), usage


def as_stream(body: dict[str, Any]) -> bytes:
    """What the API would have streamed for a body: an independent writer, with its input cut in two."""
    out = []

    def say(name: str, **fields: Any) -> None:
        out.append(sse.frame(msgspec.json.encode({"type": name, **fields}), name))

    usage = dict(body["usage"])
    head = {**body, "content": [], "stop_reason": None, "stop_sequence": None, "usage": {**usage, "output_tokens": 1}}
    say("message_start", message=head)
    for index, block in enumerate(body["content"]):
        begun, deltas = dict(block), []
        match block["type"]:
            case "text":
                begun["text"] = ""
                deltas = [{"type": "text_delta", "text": text} for text in halves(block["text"])]
                for citation in begun.pop("citations", None) or ():
                    deltas.append({"type": "citations_delta", "citation": citation})
            case "thinking":
                begun |= {"thinking": "", "signature": ""}
                deltas = [{"type": "thinking_delta", "thinking": text} for text in halves(block["thinking"])]
                deltas.append({"type": "signature_delta", "signature": block["signature"]})
            case "tool_use" | "server_tool_use":
                begun["input"] = {}
                written = msgspec.json.encode(block["input"]).decode()
                deltas = [{"type": "input_json_delta", "partial_json": text} for text in halves(written)]
        say("content_block_start", index=index, content_block=begun)
        for delta in deltas:
            say("content_block_delta", index=index, delta=delta)
        say("content_block_stop", index=index)
    known = ("stop_reason", "stop_sequence", "stop_details", "container")
    more = {"context_management": body["context_management"]} if "context_management" in body else {}
    delta = {name: body[name] for name in known if name in body}
    usage.pop("cache_creation", None)
    say("message_delta", delta=delta, usage=usage, **more)
    say("message_stop")
    return b"".join(out)


def halves(text: str) -> list[str]:
    middle = len(text) // 2
    return [text[:middle], text[middle:]]


def test_everything_that_was_recorded_is_here() -> None:
    assert (len(MESSAGES), len(STREAMS), len(COUNTS)) == (211, 50, 5)


@pytest.mark.parametrize("recording", STREAMS, ids=ids)
def test_a_stream_cut_anywhere_is_the_same_stream(recording: Recording) -> None:
    stream = stream_of(recording)
    whole = events(stream, [])
    assert b"".join(whole) == stream
    chance = random.Random(recording.name)
    for _ in range(5):
        cuts = sorted(chance.randrange(len(stream)) for _ in range(chance.randrange(1, 60)))
        assert events(stream, cuts) == whole


@pytest.mark.parametrize("recording", STREAMS, ids=ids)
def test_a_stream_folds_to_a_complete_reply_with_its_usage(recording: Recording) -> None:
    reader = MessageDecoder()
    frames = [reader.sniff(raw) for raw in events(stream_of(recording), [])]
    assert not [frame for frame in frames if frame.kind == "error"]
    complete = b"message_stop" in stream_of(recording)
    if not complete:
        return
    reader.finish()
    answer = read(stream_of(recording))
    assert answer.complete
    assert answer.id.startswith("msg_")
    assert answer.choices
    assert answer.choices[0].finish != "missing"
    sniffed = None
    for usage in (frame.usage for frame in frames if frame.usage):
        sniffed = sniffed.merged(usage) if sniffed else usage
    assert answer.usage == sniffed
    [last] = [
        msgspec.json.decode(sse.data(raw)) for raw in events(stream_of(recording), []) if b'"message_delta"' in raw
    ]
    assert answer.usage is not None
    assert answer.usage.total_output == last["usage"]["output_tokens"]


@pytest.mark.parametrize("recording", STREAMS, ids=ids)
def test_a_stream_passes_byte_for_byte(recording: Recording) -> None:
    encoder, reader = DIALECT.encoder(caller(stream=True)), MessageDecoder()
    passed = b"".join(encoder.passes(reader.sniff(raw)) for raw in events(stream_of(recording), []))
    if b"message_stop" in passed:
        passed += encoder.finish()
    assert passed == stream_of(recording)


@pytest.mark.parametrize("recording", STREAMS, ids=ids)
def test_sniffing_agrees_with_reading_on_what_is_content(recording: Recording) -> None:
    sniffer, reader = MessageDecoder(), MessageDecoder()
    for raw in events(stream_of(recording), []):
        kind = sniffer.sniff(raw).kind
        if any(getattr(happening, "text", "") for happening in reader.feed(raw)) and b"content_block_stop" not in raw:
            assert kind == "content"


@pytest.mark.parametrize("recording", STREAMS, ids=ids)
def test_a_stream_written_anew_is_legal_and_says_the_same(recording: Recording) -> None:
    if b"message_stop" not in stream_of(recording):
        return
    encoder, reader = DIALECT.encoder(caller(stream=True)), MessageDecoder()
    written = b"".join(encoder.feed(reader.feed(raw)) for raw in events(stream_of(recording), [])) + encoder.finish()
    message_said = message(written)
    assert message_said["stop_reason"] is not None
    assert meaning(read(written)) == meaning(read(stream_of(recording)))


@pytest.mark.parametrize("recording", BODIES, ids=ids)
def test_a_body_is_read_and_its_usage_found(recording: Recording) -> None:
    raw = recording.reply()
    said = msgspec.json.decode(raw)
    frame = MessageDecoder().whole(raw)
    answer = fold(MessageDecoder().unfold(raw))
    assert answer.complete
    assert len(answer.choices[0].parts if answer.choices else []) == len(said["content"])
    usage = said["usage"]
    extra = sum(
        one["input_tokens"] + one["output_tokens"]
        for one in usage.get("iterations") or ()
        if one["type"] == "compaction"
    )
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
    assert frame.usage is not None
    assert frame.usage.total == sum(usage.get(name) or 0 for name in names) + extra
    assert min(frame.usage.buckets().values()) >= 0


@pytest.mark.parametrize("recording", BODIES, ids=ids)
def test_a_body_and_the_stream_of_it_are_the_same(recording: Recording) -> None:
    body = msgspec.json.decode(recording.reply())
    assert meaning(read(as_stream(body))) == meaning(fold(MessageDecoder().unfold(recording.reply())))


@pytest.mark.parametrize("recording", BODIES, ids=ids)
@pytest.mark.parametrize("stream", [True, False])
def test_a_body_written_anew_says_the_same(recording: Recording, stream: bool) -> None:
    happenings = MessageDecoder().unfold(recording.reply())
    encoder = DIALECT.encoder(caller(stream=stream))
    written = encoder.feed(happenings) + encoder.finish()
    if stream:
        message(written)
    again = read(written) if stream else fold(MessageDecoder().unfold(written))
    assert meaning(again) == meaning(fold(happenings))


@pytest.mark.parametrize("recording", [r for r in ALL if r.request()], ids=ids)
def test_a_request_written_anew_means_the_same(recording: Recording) -> None:
    request = asked(recording)
    written, receipt = DIALECT.encode(request, request.model)
    assert receipt.lines == []
    again = DIALECT.request(written, request.route)
    assert plain(again.body) == plain(request.body)
    assert (again.model, again.stream, again.max_output) == (request.model, request.stream, request.max_output)


@pytest.mark.parametrize("recording", [r for r in ALL if r.request()], ids=ids)
def test_a_request_is_addressed_by_its_model_alone(recording: Recording) -> None:
    raw = recording.request()
    assert raw is not None
    request = asked(recording)
    assert DIALECT.address(request, request.model) is request.raw
    addressed = DIALECT.address(request, "another")
    assert msgspec.json.decode(addressed) == {**msgspec.json.decode(raw), "model": "another"}


@pytest.mark.parametrize("recording", [r for r in ALL if r.request()], ids=ids)
def test_every_part_of_a_request_stands_where_its_path_says(recording: Recording) -> None:
    raw = recording.request()
    assert raw is not None
    body: Body = asked(recording).body
    whole = msgspec.json.decode(raw)
    for part in (part for turn in body.messages for part in turn.parts):  # type: ignore[union-attr]
        value: Any = whole
        for key in part.path:
            value = value[key]
        if isinstance(part, ToolCall):
            assert value == msgspec.json.decode(part.arguments)
        elif (text := getattr(part, "text", "")) and not isinstance(part, Opaque):
            assert value == text


@pytest.mark.parametrize("recording", COUNTS, ids=ids)
def test_a_count_is_read_and_written(recording: Recording) -> None:
    decoder, encoder = DIALECT.decoder("count"), DIALECT.encoder(asked(recording))
    frame = decoder.whole(recording.reply())
    assert frame.usage is None
    assert encoder.feed(decoder.unfold(recording.reply())) + encoder.finish() == recording.reply()


@pytest.mark.parametrize("recording", [r for r in ALL if r.status >= 400], ids=ids)
def test_an_error_response_tells_its_kind_and_passes_untouched(recording: Recording) -> None:
    error = DIALECT.failure(recording.status, {}, recording.reply())
    assert (error.kind, error.type) == ("invalid", "invalid_request_error")
    assert "effort" in error.message
    status, _, body = DIALECT.error(error, recording.status, "req_1")
    assert (status, body) == (recording.status, recording.reply())
