"""Replies written: bodies and streams that Anthropic's SDKs read, whatever the events came from."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from legality import events, message
from msgspec import Raw
from tollhouse import Frame, ProviderError, Rejected, Request, Usage
from tollhouse.framing import sse
from tollhouse.neutral import (
    Delta,
    End,
    Extra,
    Failed,
    Finish,
    Happening,
    Listing,
    Opaque,
    PartEnd,
    PartStart,
    Start,
    Used,
    fold,
)
from tollhouse_anthropic import AnthropicDialect
from tollhouse_anthropic.decoder import MessageDecoder
from tollhouse_anthropic.serial import LIMIT

DIALECT = AnthropicDialect(ids=lambda prefix: prefix + "made")
ROUTES = {(route.method, route.path): route for route in DIALECT.routes}
START = Start(id="chatcmpl-1", model="gpt", created=5)
TEXT: list[Happening] = [
    START,
    PartStart(index=0, kind="text"),
    Delta(index=0, text="he"),
    Delta(index=0, text="llo"),
    PartEnd(index=0),
    Used(usage=Usage(input=3, cache_read=2, output=4, reasoning=1)),
    Finish(reason="stop", raw="stop"),
    End(),
]


def asked(*, stream: bool = True, path: str = "/v1/messages", method: str = "POST") -> Request:
    return Request(b"", dialect=DIALECT, route=ROUTES[method, path], model="m", stream=stream)


def written(happenings: list[Happening], *, stream: bool = True) -> bytes:
    encoder = DIALECT.encoder(asked(stream=stream))
    return encoder.feed(happenings) + encoder.finish()


def call(index: int, id_: str = "c", name: str = "f") -> PartStart:
    return PartStart(index=index, kind="tool_call", id=id_, name=name)


def test_a_stream_is_a_message_from_its_start_to_its_stop() -> None:
    stream = written(TEXT)
    assert [name for name, _ in events(stream)] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    said = message(stream)
    assert said["content"] == [{"type": "text", "text": "hello"}]
    assert (said["id"], said["model"], said["stop_reason"], said["stop_sequence"]) == (
        "chatcmpl-1",
        "gpt",
        "end_turn",
        None,
    )
    assert said["usage"] == {
        "input_tokens": 3,
        "cache_read_input_tokens": 2,
        "output_tokens": 5,
        "output_tokens_details": {"thinking_tokens": 1},
    }


def test_a_body_is_one_message() -> None:
    body = msgspec.json.decode(written(TEXT, stream=False))
    assert body == {
        "id": "chatcmpl-1",
        "type": "message",
        "role": "assistant",
        "model": "gpt",
        "content": [{"type": "text", "text": "hello"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 3,
            "cache_read_input_tokens": 2,
            "output_tokens": 5,
            "output_tokens_details": {"thinking_tokens": 1},
        },
    }


def test_a_reply_that_says_nothing_is_a_message_without_content() -> None:
    said = message(written([End()]))
    assert (said["id"], said["model"], said["content"], said["stop_reason"]) == ("msg_made", "m", [], None)
    assert said["usage"] == {"input_tokens": 0, "output_tokens": 0}
    assert msgspec.json.decode(written([End()], stream=False))["stop_reason"] is None


def test_mixed_calls_are_said_one_after_the_other() -> None:
    stream = written(
        [
            START,
            call(0, "a", "f"),
            Delta(index=0, text='{"x"'),
            call(1, "b", "g"),
            Delta(index=1, text='{"y"'),
            Delta(index=0, text=":1}"),
            Delta(index=1, text=":2}"),
            PartEnd(index=1),
            PartEnd(index=0),
            Finish(reason="tool_calls", raw="tool_calls"),
            End(),
        ]
    )
    said = message(stream)
    assert said["content"] == [
        {"type": "tool_use", "id": "a", "name": "f", "input": '{"x":1}'},
        {"type": "tool_use", "id": "b", "name": "g", "input": '{"y":2}'},
    ]
    assert said["stop_reason"] == "tool_use"


def test_what_is_held_back_is_bounded() -> None:
    encoder = DIALECT.encoder(asked())
    encoder.feed([START, call(0), call(1)])
    held: list[Happening] = [Delta(index=1, text="x" * 4096)]
    encoder.feed(held * (LIMIT // 4096 - 16))
    with pytest.raises(ProviderError) as caught:
        encoder.feed(held * 16)
    assert caught.value.kind == "bad_reply"


def test_what_was_held_and_said_is_no_longer_counted() -> None:
    encoder = DIALECT.encoder(asked())
    stream = encoder.feed([START, call(0)])
    for index in range(1, 6):
        stream += encoder.feed([call(index), Delta(index=index, text="x" * (LIMIT // 2)), PartEnd(index=index - 1)])
    assert len(message(stream + encoder.finish())["content"]) == 6


def test_a_part_that_goes_on_after_its_end_breaks_the_reply() -> None:
    encoder = DIALECT.encoder(asked())
    with pytest.raises(ProviderError):
        encoder.feed([START, call(0), PartEnd(index=0), call(1), Delta(index=0, text="{")])


@pytest.mark.parametrize(
    ("finish", "kind", "word"),
    [
        (Finish(reason="stop", raw="stop"), "text", "end_turn"),
        (Finish(reason="stop", raw="stop_sequence"), "text", "stop_sequence"),
        (Finish(reason="stop", raw="stop"), "tool_call", "tool_use"),
        (Finish(reason="stop", raw="stop"), "refusal", "refusal"),
        (Finish(reason="length", raw="length"), "text", "max_tokens"),
        (Finish(reason="length", raw="model_context_window_exceeded"), "text", "model_context_window_exceeded"),
        (Finish(reason="tool_calls", raw="tool_calls"), "tool_call", "tool_use"),
        (Finish(reason="filter", raw="content_filter"), "text", "refusal"),
        (Finish(reason="other", raw="pause_turn"), "text", "pause_turn"),
        (Finish(reason="error", raw="error"), "text", None),
        (Finish(reason="missing"), "text", None),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_every_end_has_its_word(finish: Finish, kind: Any, word: str | None, stream: bool) -> None:
    raw = written([START, PartStart(index=0, kind=kind), Delta(index=0, text="{}"), finish, End()], stream=stream)
    assert (message(raw) if stream else msgspec.json.decode(raw))["stop_reason"] == word


def test_thinking_has_its_signature_and_what_is_encrypted_its_own_block() -> None:
    happenings: list[Happening] = [
        START,
        PartStart(index=0, kind="thinking"),
        Delta(index=0, text="hm"),
        Delta(index=0, text="", signature="sig"),
        PartEnd(index=0),
        PartStart(index=1, kind="thinking"),
        Delta(index=1, text="", opaque="blob"),
        PartEnd(index=1),
        Finish(reason="stop"),
        End(),
    ]
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "blob"},
    ]
    assert message(written(happenings))["content"] == content
    assert msgspec.json.decode(written(happenings, stream=False))["content"] == content


def test_empty_text_begins_no_block() -> None:
    happenings: list[Happening] = [START, PartStart(index=0, kind="text"), PartEnd(index=0), call(1), PartEnd(index=1)]
    assert [block["type"] for block in message(written(happenings))["content"]] == ["tool_use"]
    body = msgspec.json.decode(written(happenings, stream=False))
    assert body["content"] == [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]


@pytest.mark.parametrize("stream", [True, False])
def test_a_call_without_an_id_gets_one(stream: bool) -> None:
    raw = written([START, call(0, ""), Delta(index=0, text="{}"), PartEnd(index=0)], stream=stream)
    [block] = (message(raw) if stream else msgspec.json.decode(raw))["content"]
    assert block["id"] == "toolu_made"


def test_arguments_that_are_no_json_survive() -> None:
    happenings: list[Happening] = [START, call(0), Delta(index=0, text='{"a": '), PartEnd(index=0)]
    assert message(written(happenings))["content"][0]["input"] == '{"a": '
    assert msgspec.json.decode(written(happenings, stream=False))["content"][0]["input"] == '{"a": '


@pytest.mark.parametrize("stream", [True, False])
def test_parts_of_this_dialect_are_written_whole_and_others_are_left_out(stream: bool) -> None:
    known = Opaque(kind="result", raw=Raw(b'{"type":"result","n":1.50}'), dialect="anthropic")
    other = Opaque(kind="item", raw=Raw(b'{"type":"item"}'), dialect="openai")
    citations = Extra("anthropic", {"citations": Raw(b'[{"type":"page_location","n":1}]')})
    raw = written(
        [
            START,
            PartStart(index=0, kind="opaque", opaque=known),
            PartEnd(index=0),
            PartStart(index=1, kind="opaque", opaque=other),
            PartEnd(index=1),
            PartStart(index=2, kind="text"),
            Delta(index=2, text="x"),
            PartEnd(index=2, extra=citations),
        ],
        stream=stream,
    )
    assert b"1.50" in raw
    assert (message(raw) if stream else msgspec.json.decode(raw))["content"] == [
        {"type": "result", "n": 1.5},
        {"type": "text", "text": "x", "citations": [{"type": "page_location", "n": 1}]},
    ]


def test_one_choice_is_all_a_message_has() -> None:
    second: list[Happening] = [PartStart(index=0, kind="text", choice=1), Delta(index=0, text="no", choice=1)]
    for stream in (True, False):
        raw = written([*TEXT[:-1], *second, End()], stream=stream)
        assert (message(raw) if stream else msgspec.json.decode(raw))["content"] == [{"type": "text", "text": "hello"}]


@st.composite
def replies(draw: st.DrawFn) -> list[Happening]:
    """Any events the rules allow: parts may be mixed, and need not end."""
    scripts: list[list[Happening]] = []
    for index in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(["thinking", "text", "refusal", "tool_call", "opaque"]))
        opaque = Opaque(kind="x", raw=Raw(b'{"type":"x"}'), dialect="anthropic") if kind == "opaque" else None
        script: list[Happening] = [PartStart(index=index, kind=kind, id=f"t{index}", name="f", opaque=opaque)]
        if opaque is None:
            texts = draw(st.lists(st.text(max_size=5), max_size=3))
            script += [Delta(index=index, text=text) for text in texts]
            if kind == "thinking" and draw(st.booleans()):
                script.append(Delta(index=index, text="", signature="s"))
        if draw(st.booleans()):
            script.append(PartEnd(index=index))
        scripts.append(script)
    out: list[Happening] = [START] if draw(st.booleans()) else []
    mixed = draw(st.booleans())
    while any(scripts):
        waiting = [script for script in scripts if script]
        out.append((draw(st.sampled_from(waiting)) if mixed else waiting[0]).pop(0))
    if draw(st.booleans()):
        reason = draw(st.sampled_from(["stop", "length", "tool_calls", "filter", "error", "other"]))
        out.append(Finish(reason=reason, raw=draw(st.sampled_from(["", "word"]))))
    if draw(st.booleans()):
        out.insert(draw(st.integers(0, len(out))), Used(usage=Usage(input=1, output=2)))
    return [*out, End()]


def texts(happenings: list[Happening]) -> Any:
    """What each part says, by kind; empty parts say nothing, and a call without arguments has an empty object."""
    said = []
    for choice in fold(happenings).choices[:1]:
        for part in choice.parts:
            kind = {"Refusal": "Text"}.get(type(part).__name__, type(part).__name__)
            text = getattr(part, "text", "") or getattr(part, "arguments", "") or getattr(part, "signature", "")
            if kind == "Opaque" or text:
                said.append((kind, getattr(part, "id", ""), text))
            elif kind == "ToolCall":
                said.append((kind, part.id, "{}"))  # type: ignore[union-attr]
    return sorted(said)


@given(replies(), st.data())
def test_any_reply_streams_legally_and_reads_back(happenings: list[Happening], data: st.DataObject) -> None:
    encoder = DIALECT.encoder(asked())
    at = data.draw(st.integers(0, len(happenings)))
    stream = encoder.feed(happenings[:at])
    stream += encoder.keepalive() + encoder.feed(happenings[at:]) + encoder.finish()
    assert encoder.finish() == b""
    said = message(stream)
    decoder, again = MessageDecoder(), []
    for raw in sse.Splitter().feed(stream):
        assert decoder.sniff(raw).kind != "error"
        again += decoder.feed(raw)
    decoder.finish()
    assert texts(again) == texts(happenings)
    body = msgspec.json.decode(written(happenings, stream=False))
    assert (said["stop_reason"], said["usage"]) == (body["stop_reason"], body["usage"])


@given(replies())
def test_any_reply_as_a_body_reads_back(happenings: list[Happening]) -> None:
    again = MessageDecoder().unfold(written(happenings, stream=False))
    calls = [(kind, id_) for kind, id_, _ in texts(again) if kind == "ToolCall"]
    assert calls == [(kind, id_) for kind, id_, _ in texts(happenings) if kind == "ToolCall"]
    assert [one for one in texts(again) if one[0] != "ToolCall"] == [
        one for one in texts(happenings) if one[0] != "ToolCall"
    ]


@pytest.mark.parametrize("stream", [True, False])
def test_a_failure_among_the_events_is_raised(stream: bool) -> None:
    with pytest.raises(ProviderError):
        written([START, Failed(error=ProviderError("no", kind="server"))], stream=stream)


def test_an_error_ends_the_stream_without_a_stop() -> None:
    encoder = DIALECT.encoder(asked())
    stream = encoder.feed(TEXT[:3])
    error = encoder.error(ProviderError("no", kind="overloaded"), "req_1")
    assert error == (
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"no",'
        b'"details":{"error_code":"upstream_overloaded"}},"request_id":"req_1"}\n\n'
    )
    assert b"message_stop" not in stream + error
    assert encoder.finish() == b""
    assert encoder.error(Rejected("no"), "req_1") == b""


UP = written(
    [
        START,
        PartStart(index=0, kind="text"),
        Delta(index=0, text="one"),
        PartEnd(index=0),
        call(1),
        Delta(index=1, text="{}"),
        PartEnd(index=1),
        Finish(reason="tool_calls"),
        End(),
    ]
)


def frames() -> list[Frame]:
    decoder = MessageDecoder()
    return [decoder.sniff(raw) for raw in sse.Splitter().feed(UP)]


def test_a_forwarded_stream_is_not_ended_twice() -> None:
    encoder = DIALECT.encoder(asked())
    assert b"".join(encoder.passes(frame) for frame in frames()) == UP
    assert encoder.finish() == b""


MADE: list[Happening] = [PartStart(index=70, kind="text"), Delta(index=70, text="made"), PartEnd(index=70)]


@pytest.mark.parametrize("at", range(9))
def test_a_part_made_anywhere_among_forwarded_events_keeps_the_stream_legal(at: int) -> None:
    encoder, out = DIALECT.encoder(asked()), []
    for n, frame in enumerate(frames()):
        if n == at:
            out.append(encoder.feed(MADE))
        out.append(encoder.passes(frame))
    said = message(b"".join(out) + encoder.finish())
    kinds = [block.get("text") or block["type"] for block in said["content"]]
    assert sorted(kinds) == ["made", "one", "tool_use"]
    assert kinds.index("one") < kinds.index("tool_use")


@pytest.mark.parametrize("at", range(2, 9))
def test_a_delta_made_for_a_forwarded_part_joins_it_or_gets_a_block_of_its_own(at: int) -> None:
    encoder, out = DIALECT.encoder(asked()), []
    for n, frame in enumerate(frames()):
        if n == at:
            out.append(encoder.feed([Delta(index=0, text="more")]))
        out.append(encoder.passes(frame))
    said = message(b"".join(out) + encoder.finish())
    assert "".join(block.get("text", "") for block in said["content"]) in ("onemore", "moreone")


def test_held_back_arguments_go_to_their_call_and_never_to_another() -> None:
    encoder = DIALECT.encoder(asked())
    out = [encoder.passes(frame) for frame in frames()[:6]]
    out.append(encoder.feed([Delta(index=1, text=" ")]))
    assert b'"index":1' in out[-1]
    encoder.passes(frames()[6])
    encoder.passes(frames()[7])
    with pytest.raises(ProviderError):
        encoder.feed([Delta(index=1, text="{")])


def test_a_message_whose_stop_was_left_out_is_closed() -> None:
    encoder = DIALECT.encoder(asked())
    passed = b"".join(encoder.passes(frame) for frame in frames()[:-1])
    assert message(passed + encoder.finish())["stop_reason"] == "tool_use"


def test_models_are_a_list_or_one_of_it() -> None:
    encoder = DIALECT.encoder(asked(path="/v1/models", method="GET"))
    encoder.feed([Listing(models=["a", "b"]), End()])
    listed = msgspec.json.decode(encoder.finish())
    assert [model["id"] for model in listed["data"]] == ["a", "b"]
    assert (listed["has_more"], listed["first_id"], listed["last_id"]) == (False, "a", "b")
    encoder = DIALECT.encoder(asked(path="/v1/models/{rest}", method="GET"))
    encoder.feed([Listing(models=["a"]), End()])
    assert msgspec.json.decode(encoder.finish()) == {
        "type": "model",
        "id": "a",
        "display_name": "a",
        "created_at": "1970-01-01T00:00:00Z",
    }


def test_blanks_and_pings_keep_a_connection_alive() -> None:
    body = DIALECT.encoder(asked(stream=False))
    assert body.keepalive() + body.error(Rejected("no"), "r") == (
        b' {"type":"error","error":{"type":"invalid_request_error","message":"no"},"request_id":"r"}'
    )
    assert DIALECT.encoder(asked()).keepalive() == b'event: ping\ndata: {"type":"ping"}\n\n'
