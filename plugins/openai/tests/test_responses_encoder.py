"""Any reply is written as events in a legal order, and the stream says what the body says."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from tollhouse import Rejected, Request, Usage
from tollhouse.framing import sse
from tollhouse.neutral import (
    Delta,
    End,
    Extra,
    Finish,
    Happening,
    Opaque,
    PartEnd,
    PartStart,
    Start,
    Text,
    ToolCall,
    Used,
    fold,
)
from tollhouse_openai import ResponsesDialect

DIALECT = ResponsesDialect(clock=lambda: 7.0)
CHAT = next(route for route in DIALECT.routes if route.task == "chat")
KINDS = ("text", "thinking", "tool_call", "refusal", "opaque")
ITEM = Opaque(kind="web_search_call", raw=Raw(b'{"type":"web_search_call","id":"ws_1"}'), dialect="openai_responses")
FOREIGN = Opaque(kind="server_tool", raw=Raw(b"{}"), dialect="anthropic")


@st.composite
def replies(draw: st.DrawFn) -> list[Happening]:
    """Any events the rules allow: parts may be mixed, and need not say or end anything."""
    parts: list[list[Happening]] = []
    for index in range(draw(st.integers(0, 5))):
        kind: Any = draw(st.sampled_from(KINDS))
        opaque = draw(st.sampled_from([ITEM, FOREIGN])) if kind == "opaque" else None
        own = Extra("openai_responses", {"id": Raw(b'"it_%d"' % (index // 2))}) if draw(st.booleans()) else None
        own = own if kind != "opaque" else None
        part: list[Happening] = [PartStart(index=index, kind=kind, id=f"c{index}", name="f", opaque=opaque, extra=own)]
        if kind != "opaque":
            part += [
                Delta(index=index, text=text) for text in draw(st.lists(st.text("ab\u00e9", max_size=3), max_size=3))
            ]
        if draw(st.booleans()):
            part.append(PartEnd(index=index, extra=own))
        parts.append(part)
    mixed = draw(st.booleans())
    out: list[Happening] = [Start(id="x", model="m")]
    while waiting := [part for part in parts if part]:
        out.append((draw(st.sampled_from(waiting)) if mixed else waiting[0]).pop(0))
    if draw(st.booleans()):
        out.append(Used(usage=Usage(input=1, output=2)))
    if draw(st.booleans()):
        out.append(Finish(reason=draw(st.sampled_from(["stop", "length", "tool_calls", "filter", "other"])), raw="w"))
    return [*out, End()]


def written(happenings: list[Happening], *, stream: bool) -> bytes:
    request = Request(b'{"model":"m"}', dialect=DIALECT, route=CHAT, model="m", stream=stream)
    encoder = DIALECT.encoder(request)
    return b"".join(encoder.feed([h]) for h in happenings) + encoder.finish()


def told(stream: bytes) -> list[dict[str, Any]]:
    splitter = sse.Splitter()
    frames = splitter.feed(stream)
    assert splitter.rest() == b""
    said = [msgspec.json.decode(sse.data(raw)) for raw in frames]
    assert [sse.event(raw) for raw in frames] == [one["type"] for one in said]
    return said


def check(events: list[dict[str, Any]]) -> None:
    """Raises AssertionError unless the events are a legal stream, by the life cycles of OpenAI's reference."""
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    types = [event["type"] for event in events]
    assert types[:2] == ["response.created", "response.in_progress"]
    assert types[-1] in ("response.completed", "response.incomplete", "response.failed")
    assert len([t for t in types if t in ("response.created", "response.completed", "response.incomplete")]) <= 2
    items: dict[int, dict[str, Any]] = {}
    parts: dict[tuple[int, str, int], list[str]] = {}
    for event in events[2:-1]:
        name, _, verb = event["type"].rpartition(".")
        number = event["output_index"]
        if name == "response.output_item":
            if verb == "added":
                assert number == len(items)
                items[number] = event["item"]
            else:
                assert items[number] is not None
                assert event["item"]["type"] == items[number]["type"]
                assert not [key for key in parts if key[0] == number], "an item ends after its parts"
                items[number] = None  # type: ignore[assignment]
            continue
        assert items[number] is not None
        assert event["item_id"] == items[number]["id"]
        place = next((p for p in ("content", "summary") if f"{p}_index" in event), "arguments")
        key = (number, place, event.get(f"{place}_index", 0))
        if name in ("response.content_part", "response.reasoning_summary_part"):
            if verb == "added":
                assert key not in parts
                parts[key] = []
            else:
                assert parts.pop(key) is None, "a part ends after its text was told"
        elif verb == "delta":
            if place == "arguments":
                parts.setdefault(key, [])
            assert event["delta"]
            parts[key].append(event["delta"])
        else:
            whole = event.get("text", event.get("refusal", event.get("arguments")))
            assert whole == "".join(parts.get(key) or ())
            parts[key] = None  # type: ignore[assignment]
            if place == "arguments":
                del parts[key]
    assert not parts
    assert all(item is None for item in items.values())
    assert len(events[-1]["response"]["output"]) == len(items)


@given(replies())
def test_any_reply_is_a_legal_stream(happenings: list[Happening]) -> None:
    check(told(written(happenings, stream=True)))


@given(replies())
def test_the_stream_says_what_the_body_says(happenings: list[Happening]) -> None:
    last = told(written(happenings, stream=True))[-1]["response"]
    body = msgspec.json.decode(written(happenings, stream=False))
    assert last == body


@given(replies())
def test_what_was_written_reads_as_what_was_said(happenings: list[Happening]) -> None:
    whole = fold(happenings)
    again = fold(DIALECT.decoder("chat").unfold(written(happenings, stream=False)))
    parts = whole.choices[0].parts if whole.choices else []
    texts = ["".join(p.text for p in some if isinstance(p, Text)) for some in (parts, again.choices[0].parts)]
    if not any(isinstance(h, PartStart) for h in happenings[2:]) or len(parts) < 2:
        assert texts[0] == texts[1]
    assert len(texts[0]) == len(texts[1])
    calls = [
        sorted((p.id, p.name, p.arguments) for p in some if isinstance(p, ToolCall))
        for some in (parts, again.choices[0].parts)
    ]
    assert calls[0] == calls[1]
    assert again.id.endswith("x")


def test_a_reply_without_a_reason_is_not_completed() -> None:
    said = [Start(id="x"), PartStart(index=0, kind="text"), Delta(index=0, text="a"), PartEnd(index=0), End()]
    last = told(written(said, stream=True))[-1]
    assert (last["type"], last["response"]["status"]) == ("response.incomplete", "incomplete")
    assert last["response"]["incomplete_details"] is None


@pytest.mark.parametrize(("reason", "detail"), [("length", "max_output_tokens"), ("filter", "content_filter")])
def test_a_reply_that_was_cut_short_says_why(reason: Any, detail: str) -> None:
    said = [Start(id="x"), Finish(reason=reason, raw="w"), End()]
    body = msgspec.json.decode(written(said, stream=False))
    assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": detail})


def test_an_error_ends_the_stream_with_an_event_that_sdks_raise_and_one_that_agents_wait_for() -> None:
    encoder = DIALECT.encoder(Request(b"{}", dialect=DIALECT, route=CHAT, model="m", stream=True))
    begun = encoder.feed([Start(id="x"), PartStart(index=0, kind="text"), Delta(index=0, text="a")])
    rest = encoder.error(Rejected("no", code="refused"), "req_1")
    events = told(begun + rest)
    assert [event["type"] for event in events[-2:]] == ["error", "response.failed"]
    assert events[-2]["error"] == {"message": "no", "type": "invalid_request_error", "param": None, "code": "refused"}
    assert events[-1]["response"]["error"] == {"code": "refused", "message": "no"}
    assert encoder.finish() == b""


def test_what_makes_another_dialects_thought_valid_is_sealed_and_comes_back_as_it_was() -> None:
    said = [
        Start(id="x", extra=Extra("anthropic", {})),
        PartStart(index=0, kind="thinking"),
        Delta(index=0, text="Hmm."),
        Delta(index=0, text="", signature="BBBB"),
        PartEnd(index=0),
        PartStart(index=1, kind="thinking"),
        Delta(index=1, text="", opaque="AAAA"),
        PartEnd(index=1, extra=Extra("anthropic", {"id": Raw(b'"CCCC"')})),
        PartStart(index=2, kind="text"),
        Delta(index=2, text="Hello"),
        PartEnd(index=2),
        End(),
    ]
    streamed = told(written(said, stream=True))[-1]["response"]["output"]
    whole = msgspec.json.decode(written(said, stream=False))["output"]
    for output in (streamed, whole):
        assert "CCCC" not in str(output)
        body = {"model": "m", "input": [*output, {"role": "user", "content": "Go on."}]}
        raw = msgspec.json.encode(body)
        first, second, text = DIALECT.decode(raw, CHAT).messages[0].parts
        assert (first.text, first.signature, first.opaque, first.origin) == ("Hmm.", "BBBB", "", "anthropic")
        assert (second.text, second.signature, second.opaque, second.origin) == ("", "", "AAAA", "anthropic")
        assert text.text == "Hello"
        sent = msgspec.json.decode(DIALECT.address(DIALECT.request(raw, CHAT), "m"))
        assert [item.get("type") for item in sent["input"]] == ["message", None], (
            "an OpenAI could not read the thoughts"
        )
        bytes_, receipt = DIALECT.encode(DIALECT.request(raw, CHAT), "m")
        assert b"tollhouse" not in bytes_
        assert [line for line in receipt.lines if "anthropic only" in line]


@pytest.mark.parametrize("text", ["tollhouse:", "tollhouse:!!", "tollhouse:e30=", "tollhouse:W10="])
def test_what_only_looks_like_a_sealed_thought_goes_nowhere(text: str) -> None:
    item = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "a"}], "encrypted_content": text}
    raw = msgspec.json.encode({"model": "m", "input": [item, {"role": "user", "content": "Go on."}]})
    [thought] = DIALECT.decode(raw, CHAT).messages[0].parts
    assert (thought.signature, thought.opaque, thought.origin) == ("", "", "somebody else")


def test_a_request_is_repeated_in_its_response() -> None:
    raw = b'{"model":"m","instructions":"Be.","temperature":0.5,"metadata":{"a":"b"},"tools":[{"type":"web_search"}]}'
    encoder = DIALECT.encoder(DIALECT.request(raw, CHAT))
    encoder.feed([Start(id="x"), End()])
    body = msgspec.json.decode(encoder.finish())
    assert (body["instructions"], body["temperature"], body["metadata"]) == ("Be.", 0.5, {"a": "b"})
    assert body["tools"] == [{"type": "web_search"}]
    assert (body["tool_choice"], body["store"], body["previous_response_id"]) == ("auto", False, None)
