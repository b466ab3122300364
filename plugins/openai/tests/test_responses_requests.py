"""Requests for responses in their neutral form: written for every dialect, with a receipt for what cannot be said."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from tollhouse import ProviderError, Receipt, Rejected, Request
from tollhouse.framing import sse
from tollhouse.neutral import (
    Body,
    Chat,
    Extra,
    Format,
    Media,
    Message,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from tollhouse_openai import OpenAIDialect, ResponsesDialect

DIALECT, OTHER = ResponsesDialect(), OpenAIDialect()
ROUTE, OTHERS = DIALECT.routes[0], OTHER.routes[0]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WORD = st.from_regex(r"[a-zA-Z0-9_-]{1,10}", fullmatch=True)
EXTRA = st.none() | st.just(Extra("openai_responses", {"x_unknown": Raw(b'{"a": [1.50]}')}))
SAID = st.builds(Text, text=TEXT, extra=EXTRA)
MEDIA = st.one_of(
    st.builds(Media, kind=st.just("image"), url=WORD.map("https://x/".__add__), detail=st.sampled_from(["", "low"])),
    st.builds(Media, kind=st.just("image"), inline=WORD, media_type=st.just("image/png"), extra=EXTRA),
    st.builds(Media, kind=st.just("document"), inline=WORD, media_type=st.just("application/pdf"), name=WORD),
    st.builds(Media, kind=st.sampled_from(["image", "document"]), file_id=WORD),
    st.builds(Media, kind=st.just("audio"), inline=WORD, media_type=st.sampled_from(["audio/mpeg", "audio/wav"])),
)
CALL = st.builds(ToolCall, id=WORD, name=WORD, arguments=TEXT, extra=EXTRA)
ITEM = st.just(Opaque(kind="web_search_call", raw=Raw(b'{"type":"web_search_call","id":"w"}'), dialect=DIALECT.name))


@st.composite
def assistants(draw: st.DrawFn) -> Message:
    """What a model says in one go, always followed by somebody else's turn."""
    parts: list[Part] = [Thinking(text=draw(TEXT.filter(bool)), opaque=draw(st.just("") | WORD))]
    parts += draw(st.lists(ITEM, max_size=1))
    said = draw(st.lists(SAID | st.builds(Refusal, text=TEXT), min_size=1, max_size=2))
    return Message(role="assistant", parts=[*parts, *said, *draw(st.lists(CALL, max_size=2))], extra=draw(EXTRA))


OURS = st.builds(
    Message,
    role=st.sampled_from(["user", "system", "developer"]),
    parts=st.lists(SAID | MEDIA, min_size=1, max_size=3),
    extra=EXTRA,
) | st.builds(ToolResult, call_id=WORD, parts=st.lists(SAID | MEDIA, min_size=1, max_size=2), extra=EXTRA).map(
    lambda result: Message(role="tool", parts=[result])
)
TURNS = st.lists(st.tuples(OURS, st.none() | assistants()), min_size=1, max_size=3).map(
    lambda pairs: [message for pair in pairs for message in pair if message is not None]
)
CHAT = st.builds(
    Chat,
    messages=TURNS,
    tools=st.lists(
        st.builds(Tool, name=WORD, description=TEXT, strict=st.none() | st.booleans(), extra=EXTRA), max_size=2
    ),
    tool_choice=st.sampled_from([None, "auto", "none", "required", "tool:f"]),
    parallel_tools=st.none() | st.booleans(),
    max_output=st.none() | st.integers(0, 2**31),
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1),
    format=st.none() | st.builds(Format, kind=st.just("json")) | st.builds(Format, kind=st.just("schema"), name=WORD),
    effort=st.sampled_from([None, "low", "high"]),
    user=TEXT,
    extra=EXTRA,
)


class Foreign(OpenAIDialect):
    """Stands for any other dialect: what came in it may not simply go back."""

    name = "foreign"


def encoded(chat: Chat, own: bool = False, foreign: OpenAIDialect | None = None) -> tuple[Any, Receipt]:
    dialect: Any = DIALECT if own else foreign or Foreign()
    raw, receipt = DIALECT.encode(Request(b"", dialect=dialect, route=ROUTE, model="m", body=chat), "m")
    return msgspec.json.decode(raw), receipt


def read(value: Any) -> Any:
    return DIALECT.decode(msgspec.json.encode(value), ROUTE)


def plain(body: Body) -> Any:
    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: bare(inner) for name, inner in value.items() if name != "path"}
        return [bare(inner) for inner in value] if isinstance(value, list) else value

    return bare(msgspec.json.decode(msgspec.json.encode(body)))


@given(CHAT)
def test_a_request_written_and_read_is_the_same(chat: Chat) -> None:
    said, receipt = encoded(chat, own=True)
    assert receipt.lines == []
    assert plain(read(said)) == plain(chat)


FULL = Chat(
    messages=[
        Message(role="user", parts=[Text(text="hi")], name="ann", extra=Extra("foreign", {"f": Raw(b"1")})),
        Message(
            role="assistant",
            parts=[
                Thinking(text="hm", signature="s", origin="foreign/m"),
                Text(text="yes", extra=Extra("foreign", {"cache": Raw(b"1")})),
                ToolCall(id="c", name="f", arguments="{"),
                Opaque(kind="server_tool", raw=Raw(b"{}"), dialect="foreign"),
            ],
        ),
        Message(role="tool", parts=[ToolResult(call_id="c", parts=[Text(text="42")], error=True)]),
    ],
    tools=[Tool(name="f", description="d", schema=Raw(b'{"a":1}'), strict=True)],
    tool_choice="required",
    parallel_tools=False,
    max_output=5,
    temperature=0.5,
    top_p=0.5,
    top_k=5,
    stop=["x"],
    seed=1,
    format=Format(kind="schema", name="n"),
    effort="low",
    thinking_budget=9,
    user="u",
    extra=Extra("foreign", {"more": Raw(b"1")}),
)
FIELDS = [f.name for f in msgspec.structs.fields(Chat) if f.name not in ("messages", "path", "n")]


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_left_out_changes_the_bytes_or_the_receipt(field: str) -> None:
    default = {f.name: f for f in msgspec.structs.fields(Chat)}[field]
    empty = [] if default.default is msgspec.NODEFAULT else default.default
    whole, less = encoded(FULL), encoded(msgspec.structs.replace(FULL, **{field: empty}))
    assert (whole[0], whole[1].lines) != (less[0], less[1].lines)


def test_each_lossy_line_is_on_the_receipt_once() -> None:
    said, receipt = encoded(FULL)
    assert [line.partition(":")[0] for line in receipt.lines] == [
        "dropped=messages[0].f",
        "dropped=messages[0].name",
        "dropped=messages[1].parts[0]",
        "dropped=messages[1].parts[1].cache",
        "dropped=messages[1].parts[3]",
        "dropped=messages[2].parts[0].error",
        "dropped=thinking_budget",
        "dropped=top_k",
        "dropped=stop",
        "dropped=seed",
        "dropped=more",
    ]
    assert said["store"] is False, "nobody asked for it to be kept"
    kinds = [item.get("type", item.get("role")) for item in said["input"]]
    assert kinds == ["user", "assistant", "function_call", "function_call_output"]


def test_more_than_one_answer_is_refused() -> None:
    with pytest.raises(Rejected) as raised:
        encoded(msgspec.structs.replace(FULL, n=2))
    assert (raised.value.code, raised.value.param) == ("unsupported_parameter", "n")


def test_what_cousins_call_the_same_is_carried_and_the_rest_is_on_the_receipt() -> None:
    asked = {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "metadata": {"a": "b"},
        "service_tier": "flex",
        "verbosity": "low",
        "store": False,
        "presence_penalty": 0.5,
        "frequency_penalty": 0.5,
        "logprobs": True,
        "top_logprobs": 2,
    }
    chat: Any = OTHER.decode(msgspec.json.encode(asked), OTHERS)
    said, receipt = encoded(chat, foreign=OTHER)
    assert (said["metadata"], said["service_tier"], said["text"]) == ({"a": "b"}, "flex", {"verbosity": "low"})
    lost = {line.partition("=")[2].partition(":")[0] for line in receipt.lines}
    assert lost == {"presence_penalty", "frequency_penalty", "logprobs", "top_logprobs"}


def test_penalties_and_log_probabilities_are_kept_within_the_dialect() -> None:
    asked = {"model": "m", "messages": [], "presence_penalty": 0.5, "frequency_penalty": 1, "logprobs": True}
    request = OTHER.request(msgspec.json.encode({**asked, "top_logprobs": 2}), OTHERS)
    assert msgspec.json.decode(OTHER.address(request, "up")) == {**asked, "top_logprobs": 2, "model": "up"}
    written, receipt = OTHER.encode(request, "up")
    assert msgspec.json.decode(written) == {**asked, "top_logprobs": 2, "model": "up"}
    assert receipt.lines == []


def test_what_a_model_says_in_one_go_is_one_message() -> None:
    chat = read(
        {
            "model": "m",
            "input": [
                {"role": "user", "content": "a"},
                {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "s"}]},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "b"}]},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {"type": "message", "role": "assistant", "content": "again"},
                {"type": "custom_tool_call_output", "call_id": "d", "output": "x"},
            ],
        }
    )
    assert [(m.role, [type(p).__name__ for p in m.parts]) for m in chat.messages] == [
        ("user", ["Text"]),
        ("assistant", ["Thinking", "Text", "ToolCall"]),
        ("assistant", ["Text"]),
        ("tool", ["Opaque"]),
    ]
    assert [m.path for m in chat.messages] == [("input", 0), ("input", 1), ("input", 4), ("input", 5)]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": "x"}, "model"),
        ({"model": "m", "stream": "yes"}, "stream"),
        ({"model": "m", "Input": "x"}, "Input"),
        ({"model": "m", "input": "x", "api_base": "http://x"}, "api_base"),
        ({"model": "m", "previous_response_id": 7}, "previous_response_id"),
        ({"model": "m", "conversation": 7}, "conversation"),
    ],
)
def test_a_request_that_routing_cannot_read_is_a_400_that_names_the_field(body: Any, param: str) -> None:
    with pytest.raises(Rejected) as raised:
        DIALECT.request(msgspec.json.encode(body), ROUTE)
    assert (raised.value.status, raised.value.param) == (400, param)


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"role": "robot", "content": "x"}, "input[0].role"),
        ({"role": "user", "content": 7}, "input[0].content"),
        ({"role": "user", "content": [{"type": "input_text"}]}, "input[0].content[0].text"),
        ({"type": "function_call", "call_id": "c"}, "input[0].name"),
    ],
)
def test_an_item_that_is_none_is_a_400_that_names_the_field(item: Any, param: str) -> None:
    with pytest.raises(Rejected) as raised:
        read({"model": "m", "input": [item]})
    assert (raised.value.status, raised.value.param) == (400, param)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | TEXT, lambda s: st.lists(s) | st.dictionaries(TEXT, s))


@given(JSON)
def test_any_json_is_read_or_refused(value: Any) -> None:
    for said in (
        value,
        {"model": "m", "input": value, "tools": value, "text": value, "reasoning": value},
        {"model": "m", "input": [{"type": "message", "role": "user", "content": value}]},
        {"model": "m", "input": [{"type": "reasoning", "summary": value, "content": value}]},
    ):
        with suppress(Rejected):
            DIALECT.request(msgspec.json.encode(said), ROUTE)
        with suppress(Rejected):
            read(said)


NAMES = st.sampled_from(
    ["created", "completed", "output_item.added", "output_item.done", "content_part.added", "output_text.delta"]
)


@given(NAMES, JSON, JSON)
def test_any_event_is_read_or_told_as_a_bad_reply(name: str, value: Any, other: Any) -> None:
    for said in (
        {"type": f"response.{name}", "response": value, "item": value, "part": value, "delta": value},
        {
            "type": f"response.{name}",
            "response": {"id": "r", "output": [value]},
            "item": {"type": "message", "content": value},
        },
        {"type": f"response.{name}", "output_index": other, "item": {"type": "reasoning", "summary": [value]}},
    ):
        raw = sse.frame(msgspec.json.encode(said))
        reader = DIALECT.decoder("chat")
        frame = reader.sniff(raw)
        if frame.kind == "error":
            continue
        encoder = DIALECT.encoder(Request(b"{}", dialect=DIALECT, route=ROUTE, model="m", stream=True))
        with suppress(ProviderError):
            reader.feed(raw)
        with suppress(ProviderError):
            encoder.passes(frame)
