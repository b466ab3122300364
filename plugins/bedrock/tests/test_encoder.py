"""Replies written: bodies and streams that AWS's SDKs read, whatever the events came from."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from said import BODY, ENDED, EVENTS, STREAM, message, parsed
from tollhouse import Frame, ProviderError, Rejected, Request, Usage
from tollhouse.neutral import (
    Delta,
    End,
    Extra,
    Failed,
    Finish,
    Happening,
    Opaque,
    PartEnd,
    PartStart,
    Start,
    Used,
    fold,
)
from tollhouse_bedrock import BedrockDialect
from tollhouse_bedrock.eventstream import Splitter
from tollhouse_bedrock.serial import LIMIT

DIALECT = BedrockDialect(clock=lambda: 0.0, ids=lambda: "tooluse_made")
ROUTES = {route.path.rpartition("/")[2]: route for route in DIALECT.routes}
TEXT: list[Happening] = [
    Start(id="chatcmpl-1", model="gpt", created=5),
    PartStart(index=0, kind="text"),
    Delta(index=0, text="he"),
    Delta(index=0, text="llo"),
    PartEnd(index=0),
    Used(usage=Usage(input=3, cache_read=2, output=4, reasoning=1)),
    Finish(reason="stop", raw="stop"),
    End(),
]


def asked(*, stream: bool = True) -> Request:
    route = ROUTES["converse-stream" if stream else "converse"]
    return Request(b"", dialect=DIALECT, route=route, model="m", stream=stream)


def written(happenings: list[Happening], *, stream: bool = True) -> bytes:
    encoder = DIALECT.encoder(asked(stream=stream))
    return encoder.feed(happenings) + encoder.finish()


def call(index: int, id_: str = "c", name: str = "f") -> PartStart:
    return PartStart(index=index, kind="tool_call", id=id_, name=name)


def frames_of(stream: bytes) -> list[Frame]:
    decoder = DIALECT.decoder("chat")
    return [decoder.sniff(raw) for raw in Splitter().feed(stream)]


def test_text_is_a_stream_and_a_body() -> None:
    usage = {"inputTokens": 3, "cacheReadInputTokens": 2, "outputTokens": 5, "totalTokens": 10}
    assert message(written(TEXT)) == {
        "content": [{"text": "hello"}],
        "stopReason": "end_turn",
        "usage": usage,
        "metrics": {"latencyMs": 0},
    }
    assert json.loads(written(TEXT, stream=False)) == {
        "output": {"message": {"role": "assistant", "content": [{"text": "hello"}]}},
        "stopReason": "end_turn",
        "usage": usage,
        "metrics": {"latencyMs": 0},
    }


def test_latency_is_the_time_since_the_request_was_read() -> None:
    now = [5.0]
    dialect = BedrockDialect(clock=lambda: now[0])
    for method in ("converse", "converse-stream"):
        now[0] = 5.0
        encoder = dialect.encoder(dialect.request(b'{"messages":[]}', ROUTES[method], "m"))
        now[0] = 5.25
        stream = encoder.feed(TEXT) + encoder.finish()
        said = message(stream) if method == "converse-stream" else json.loads(stream)
        assert said["metrics"] == {"latencyMs": 250}


def test_parts_that_mix_become_blocks_one_after_another() -> None:
    mixed: list[Happening] = [
        call(0, "a"),
        Delta(index=0, text='{"x":'),
        call(1, "b"),
        Delta(index=1, text='{"y":'),
        PartStart(index=2, kind="text"),
        Delta(index=2, text="hi"),
        PartEnd(index=2),
        Delta(index=0, text="1}"),
        Delta(index=1, text="2}"),
        PartEnd(index=1),
        PartEnd(index=0),
        Finish(reason="tool_calls", raw="tool_calls"),
        End(),
    ]
    said = message(written(mixed))
    assert [block.get("toolUse", {}).get("input") for block in said["content"]] == ['{"x":1}', '{"y":2}', None]
    assert said["content"][2] == {"text": "hi"}
    assert said["stopReason"] == "tool_use"


def test_too_much_that_would_have_to_wait_is_an_error() -> None:
    encoder = DIALECT.encoder(asked())
    encoder.feed([call(0), call(1)])
    with pytest.raises(ProviderError, match="mixed"):
        encoder.feed([Delta(index=1, text="x" * LIMIT)])


def test_a_call_without_an_id_gets_one() -> None:
    events: list[Happening] = [call(0, ""), Delta(index=0, text="{}"), PartEnd(index=0), End()]
    assert message(written(events))["content"][0]["toolUse"]["toolUseId"] == "tooluse_made"
    body = json.loads(written(events, stream=False))
    assert body["output"]["message"]["content"][0]["toolUse"]["toolUseId"] == "tooluse_made"


def test_a_reply_without_a_reason_says_none() -> None:
    assert "stopReason" not in message(written([Start(), End()]))
    assert "stopReason" not in json.loads(written([Start(), End()], stream=False))


@pytest.mark.parametrize(
    ("reason", "raw", "kind", "word"),
    [
        ("stop", "stop_sequence", "text", "stop_sequence"),
        ("stop", "stop", "tool_call", "tool_use"),
        ("stop", "stop", "refusal", "content_filtered"),
        ("filter", "guardrail_intervened", "text", "guardrail_intervened"),
        ("filter", "content_filter", "text", "content_filtered"),
        ("length", "length", "text", "max_tokens"),
        ("other", "pause_turn", "text", "pause_turn"),
        ("error", "error", "text", "malformed_model_output"),
    ],
)
def test_a_reason_has_converses_word(reason: Any, raw: str, kind: Any, word: str) -> None:
    events: list[Happening] = [
        PartStart(index=0, kind=kind, name="f", id="c"),
        Delta(index=0, text="{}"),
        PartEnd(index=0),
        Finish(reason=reason, raw=raw),
        End(),
    ]
    assert message(written(events))["stopReason"] == word
    assert json.loads(written(events, stream=False))["stopReason"] == word


def test_encrypted_reasoning_and_leftovers_of_the_end_are_written() -> None:
    extra = Extra("bedrock", {"additionalModelResponseFields": Raw(b'{"a":1}'), "serviceTier": Raw(b'{"type":"flex"}')})
    events: list[Happening] = [
        PartStart(index=0, kind="thinking"),
        Delta(index=0, text="", opaque="EuYB"),
        PartEnd(index=0),
        Finish(reason="stop", raw="end_turn", extra=extra),
        End(),
    ]
    said = message(written(events))
    assert said["content"] == [{"reasoningContent": {"redactedContent": b"EuYB"}}]
    assert (said["additionalModelResponseFields"], said["serviceTier"]) == ({"a": 1}, {"type": "flex"})
    body = json.loads(written(events, stream=False))
    assert body["output"]["message"]["content"] == [{"reasoningContent": {"redactedContent": "RXVZQg=="}}]
    assert body["serviceTier"] == {"type": "flex"}


def test_citations_are_told_one_at_a_time_in_a_stream() -> None:
    cited = Extra("bedrock", {"citationsContent": Raw(b'{"citations":[{"title":"a"},{"title":"b"}]}')})
    events: list[Happening] = [
        PartStart(index=0, kind="text"),
        Delta(index=0, text="x"),
        PartEnd(index=0, extra=cited),
        End(),
    ]
    assert message(written(events))["content"] == [{"text": "x", "citations": [{"title": "a"}, {"title": "b"}]}]
    body = json.loads(written(events, stream=False))
    assert body["output"]["message"]["content"] == [
        {"citationsContent": {"content": [{"text": "x"}], "citations": [{"title": "a"}, {"title": "b"}]}}
    ]


def test_what_only_this_dialect_knows_is_written_again_and_another_dialects_is_not() -> None:
    def opaque(raw: bytes, dialect: str) -> list[Happening]:
        part = Opaque(kind="x", raw=Raw(raw), dialect=dialect)
        return [PartStart(index=0, kind="opaque", opaque=part), PartEnd(index=0), End()]

    server = b'{"toolUse":{"toolUseId":"s","name":"nova_grounding","type":"server_tool_use","input":{"q":1}}}'
    call_ = message(written(opaque(server, "bedrock")))["content"][0]["toolUse"]
    assert call_ == {"toolUseId": "s", "name": "nova_grounding", "type": "server_tool_use", "input": '{"q":1}'}
    body = json.loads(written(opaque(server, "bedrock"), stream=False))
    assert body["output"]["message"]["content"] == [json.loads(server)]
    for stream in (True, False):
        assert b"nova_grounding" not in written(opaque(server, "other"), stream=stream)


def test_a_failure_among_the_events_is_raised() -> None:
    error = ProviderError("no", kind="server")
    for stream in (True, False):
        with pytest.raises(ProviderError, match="no"):
            DIALECT.encoder(asked(stream=stream)).feed([Failed(error=error)])


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (ProviderError("x", kind="overloaded"), "serviceUnavailableException"),
        (ProviderError("x", kind="rate_limit"), "throttlingException"),
        (ProviderError("x", kind="cut"), "internalServerException"),
        (Rejected("x", code="blocked"), "validationException"),
        (Rejected("x", status=404), "validationException"),
        (Rejected("x", status=429), "throttlingException"),
    ],
)
def test_an_error_ends_a_stream_as_one_of_its_exceptions(error: Any, name: str) -> None:
    encoder = DIALECT.encoder(asked())
    stream = encoder.feed(TEXT[:3]) + encoder.error(error, "req_1")
    assert parsed(stream)[-1]["error"] == {"Code": name, "Message": "x"}
    assert encoder.finish() == b""
    assert encoder.error(error, "req_1") == b""


def test_a_keepalive_is_nothing_to_a_client() -> None:
    encoder = DIALECT.encoder(asked())
    stream = encoder.keepalive() + encoder.feed(TEXT[:3]) + encoder.keepalive() + encoder.feed(TEXT[3:])
    assert message(stream + encoder.finish())["content"] == [{"text": "hello"}]
    assert json.loads(DIALECT.encoder(asked(stream=False)).keepalive() + b"{}") == {}


def test_a_forwarded_stream_is_the_same_bytes() -> None:
    encoder = DIALECT.encoder(asked())
    assert b"".join(encoder.passes(frame) for frame in frames_of(STREAM)) + encoder.finish() == STREAM
    body = DIALECT.encoder(asked(stream=False))
    raw = json.dumps(BODY).encode()
    assert body.passes(DIALECT.decoder("chat").whole(raw)) + body.finish() == raw


def test_a_stream_without_metadata_is_forwarded_whole() -> None:
    stream = b"".join(EVENTS[:-1])
    encoder = DIALECT.encoder(asked())
    assert b"".join(encoder.passes(frame) for frame in frames_of(stream)) + encoder.finish() == stream


def test_usage_told_before_the_end_is_forwarded_in_its_place() -> None:
    stream = b"".join([*EVENTS[:-2], EVENTS[-1], EVENTS[-2]])
    encoder = DIALECT.encoder(asked())
    assert b"".join(encoder.passes(frame) for frame in frames_of(stream)) + encoder.finish() == stream


@pytest.mark.parametrize("place", range(len(EVENTS) + 1))
def test_a_part_made_anywhere_among_forwarded_messages_is_a_block(place: int) -> None:
    made: list[Happening] = [PartStart(index=90, kind="text"), Delta(index=90, text="made"), PartEnd(index=90)]
    encoder = DIALECT.encoder(asked())
    out = []
    for n, frame in enumerate(frames_of(STREAM)):
        if n == place and n < len(EVENTS) - 1:
            out.append(encoder.feed(made))
        out.append(encoder.passes(frame))
    said = message(b"".join(out) + encoder.finish())
    texts = [block.get("text") for block in said["content"]]
    assert texts.count("made") == (1 if place < len(EVENTS) - 1 else 0)
    assert [text for text in texts if text not in (None, "made")] == ["hello"]
    [call_] = [block["toolUse"] for block in said["content"] if "toolUse" in block]
    assert json.loads(call_["input"]) == {"a": 1}
    assert said["stopReason"] == "tool_use"


@pytest.mark.parametrize("place", range(1, len(EVENTS) - 1))
def test_text_held_back_is_said_in_its_block_or_in_one_of_its_own(place: int) -> None:
    """A relay that holds back the forwarded text, which is the reply's second part, says it at some later point."""
    encoder = DIALECT.encoder(asked())
    out = []
    for n, frame in enumerate(frames_of(STREAM)):
        out.append(encoder.passes(frame))
        if n == max(place, 5):
            out.append(encoder.feed([Delta(index=1, text="late", path=("delta", "text"))]))
    said = message(b"".join(out) + encoder.finish())
    assert "".join(block.get("text", "") for block in said["content"]).replace("late", "") == "hello"
    assert "late" in "".join(block.get("text", "") for block in said["content"])


def test_arguments_held_back_beyond_their_call_are_an_error() -> None:
    encoder = DIALECT.encoder(asked())
    for frame in frames_of(b"".join(EVENTS[:-2])):
        encoder.passes(frame)
    with pytest.raises(ProviderError, match="beyond the end"):
        encoder.feed([Delta(index=2, text="x")])


def test_a_start_made_here_goes_before_a_forwarded_one() -> None:
    encoder = DIALECT.encoder(asked())
    out = encoder.feed(TEXT[1:5])
    out += b"".join(encoder.passes(frame) for frame in frames_of(EVENTS[0] + b"".join(EVENTS[5:8]) + ENDED))
    assert [block["text"] for block in message(out)["content"]] == ["hello", "hello"]


KINDS = st.sampled_from(["text", "thinking", "tool_call", "refusal"])


@given(st.data())
def test_any_order_of_parts_is_a_legal_stream_that_says_the_same_as_the_body(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(KINDS, max_size=5))
    parts: list[list[Happening]] = []
    for n, kind in enumerate(kinds):
        texts = data.draw(st.lists(st.text(max_size=5), max_size=3))
        if kind == "tool_call":
            texts = ['{"a":', "1}"]
        deltas: list[Happening] = [Delta(index=n, text=text) for text in texts]
        begun = PartStart(index=n, kind=kind, id=f"c{n}", name="f")  # type: ignore[arg-type]  # one of KINDS
        parts.append([begun, *deltas, PartEnd(index=n)])
    events: list[Happening] = [Start()]
    waiting = [list(part) for part in parts]
    while any(waiting):
        chosen = data.draw(st.sampled_from([part for part in waiting if part]))
        events.append(chosen.pop(0))
    events += [Used(usage=Usage(input=1, output=2)), Finish(reason="stop", raw="stop"), End()]
    stream = written(events)
    assert message(stream)["usage"]["totalTokens"] == 3
    decoder = DIALECT.decoder("chat")
    streamed = fold([h for raw in Splitter().feed(stream) for h in decoder.feed(raw)])
    whole = fold(DIALECT.decoder("chat").unfold(written(events, stream=False)))

    def said(answer: Any) -> list[str]:
        return sorted(
            getattr(part, "text", "") + getattr(part, "arguments", "")
            for choice in answer.choices
            for part in choice.parts
        )

    assert said(streamed) == said(whole)
    assert streamed.usage is not None
    assert whole.usage is not None
    assert streamed.usage.buckets() == whole.usage.buckets()
    assert streamed.choices[0].finish == whole.choices[0].finish
