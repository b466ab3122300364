"""Requests in their neutral form: written and read back, and a receipt for what cannot be said."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from tollhouse import Edit, Receipt, Rejected, Request, Route
from tollhouse.neutral import (
    Body,
    Chat,
    Embed,
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
from tollhouse.testing.corpus import root
from tollhouse_openai import OpenAIDialect
from tollhouse_openai.request import REFUSED

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WORD = st.from_regex(r"[a-zA-Z0-9_-]{1,10}", fullmatch=True)
SCHEMA = st.sampled_from([Raw(b'{"type":"object"}'), Raw(b"{}"), Raw(b'{"a": 1.50, "b": [1e3]}')])
EXTRA = st.none() | st.builds(
    lambda value: Extra("openai", {"x_unknown": Raw(value)}), st.sampled_from([b"1", b'"s"', b'{"a": [1.50]}', b"[]"])
)


def texts(extra: Any = EXTRA) -> st.SearchStrategy[Text]:
    return st.builds(Text, text=TEXT, extra=extra)


MEDIA = st.one_of(
    st.builds(Media, kind=st.sampled_from(["image", "video"]), url=WORD.map("https://x/".__add__), extra=EXTRA),
    st.builds(
        Media,
        kind=st.sampled_from(["image", "video"]),
        inline=WORD,
        media_type=st.just("image/png"),
        detail=st.sampled_from(["", "low"]),
        extra=EXTRA,
    ),
    st.builds(Media, kind=st.just("audio"), inline=WORD, media_type=st.sampled_from(["audio/mpeg", "audio/wav"])),
    st.builds(Media, kind=st.just("document"), inline=WORD, media_type=st.just("application/pdf"), name=WORD),
    st.builds(Media, kind=st.just("document"), file_id=WORD, extra=EXTRA),
)
CALL = st.builds(ToolCall, id=WORD, name=WORD, arguments=TEXT, extra=EXTRA)


@st.composite
def assistants(draw: st.DrawFn) -> Message:
    parts: list[Part] = []
    if draw(st.booleans()):
        parts.append(Thinking(text=draw(TEXT.filter(bool))))
    parts += draw(st.lists(texts(), max_size=2))
    if draw(st.booleans()):
        parts.append(Refusal(text=draw(TEXT.filter(bool))))
    parts += draw(st.lists(CALL, max_size=2))
    return Message(role="assistant", parts=parts, name=draw(st.just("") | WORD), extra=draw(EXTRA))


MESSAGE = st.one_of(
    st.builds(Message, role=st.sampled_from(["system", "developer"]), parts=st.lists(texts(), min_size=1, max_size=2)),
    st.builds(
        Message,
        role=st.just("user"),
        parts=st.lists(texts() | MEDIA, min_size=1, max_size=3),
        name=st.just("") | WORD,
        extra=EXTRA,
    ),
    assistants(),
    st.builds(
        Message,
        role=st.just("tool"),
        parts=st.builds(ToolResult, call_id=WORD, parts=st.lists(texts(), min_size=1, max_size=2)).map(
            lambda result: [result]
        ),
        extra=EXTRA,
    ),
)
TOOL = st.builds(Tool, name=WORD, description=TEXT, schema=SCHEMA, strict=st.none() | st.booleans(), extra=EXTRA)
FORMAT = st.builds(Format, kind=st.just("json")) | st.builds(
    Format, kind=st.just("schema"), name=WORD, schema=SCHEMA, strict=st.none() | st.booleans()
)
NUMBER = st.none() | st.floats(0, 2)
COUNT = st.none() | st.integers(0, 2**31)
CHAT = st.builds(
    Chat,
    messages=st.lists(MESSAGE, min_size=1, max_size=4),
    tools=st.lists(TOOL, max_size=2),
    tool_choice=st.sampled_from([None, "auto", "none", "required", "tool:f"]),
    parallel_tools=st.none() | st.booleans(),
    max_output=COUNT,
    temperature=NUMBER,
    top_p=NUMBER,
    top_k=COUNT,
    stop=st.lists(TEXT, max_size=2),
    seed=COUNT,
    n=st.integers(1, 4),
    format=st.none() | FORMAT,
    effort=st.sampled_from([None, "low", "high"]),
    user=TEXT,
    extra=EXTRA,
)
EMBED = st.builds(
    Embed,
    inputs=st.lists(TEXT, min_size=1, max_size=3)
    | st.lists(st.lists(st.integers(0, 99), min_size=1), min_size=1, max_size=2),
    dimensions=COUNT,
    encoding=st.sampled_from(["float", "base64"]),
    user=TEXT,
    extra=EXTRA,
)


DIALECT = OpenAIDialect()
ROUTES = {route.task: route for route in reversed(DIALECT.routes)}


class Foreign(OpenAIDialect):
    """Stands for any other dialect: what came in it may not simply go back."""

    name = "foreign"


def request(body: Body, dialect: OpenAIDialect = DIALECT, stream: bool = False) -> Request:
    route = ROUTES["embed" if isinstance(body, Embed) else "chat"]
    return Request(b"", dialect=dialect, route=route, model="m", stream=stream, body=body)


def encoded(body: Body, dialect: OpenAIDialect = DIALECT) -> tuple[Any, Receipt]:
    raw, receipt = DIALECT.encode(request(body, dialect), "m")
    return msgspec.json.decode(raw), receipt


def read(value: Any, task: str = "chat") -> Any:
    return DIALECT.decode(msgspec.json.encode(value), ROUTES[task])


def plain(body: Body) -> Any:
    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: bare(inner) for name, inner in value.items() if name != "path"}
        return [bare(inner) for inner in value] if isinstance(value, list) else value

    return bare(msgspec.json.decode(msgspec.json.encode(body)))


@given(CHAT)
def test_a_chat_written_and_read_is_the_same_chat(chat: Chat) -> None:
    raw, receipt = DIALECT.encode(request(chat), "m")
    assert receipt.lines == []
    assert plain(DIALECT.decode(raw, ROUTES["chat"])) == plain(chat)


@given(EMBED)
def test_an_embedding_written_and_read_is_the_same(embed: Embed) -> None:
    raw, receipt = DIALECT.encode(request(embed), "m")
    assert receipt.lines == []
    assert plain(DIALECT.decode(raw, ROUTES["embed"])) == plain(embed)


FULL = Chat(
    messages=[
        Message(role="user", parts=[Text(text="hi")], name="ann", extra=Extra("foreign", {"f": Raw(b"1")})),
        Message(
            role="assistant",
            parts=[
                Thinking(text="hm", signature="s", origin="foreign/m"),
                Text(text="yes", extra=Extra("foreign", {"cache": Raw(b"1")})),
                ToolCall(id="c", name="f", arguments="{"),
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
    n=2,
    format=Format(kind="schema", name="n"),
    effort="low",
    thinking_budget=9,
    user="u",
    extra=Extra("foreign", {"more": Raw(b"1")}),
)


@pytest.mark.parametrize("field", [f.name for f in msgspec.structs.fields(Chat) if f.name not in ("messages", "path")])
def test_every_field_left_out_changes_the_bytes_or_the_receipt(field: str) -> None:
    default = {f.name: f for f in msgspec.structs.fields(Chat)}[field]
    empty = [] if default.default is msgspec.NODEFAULT else default.default
    whole, less = encoded(FULL, Foreign()), encoded(msgspec.structs.replace(FULL, **{field: empty}), Foreign())
    assert (whole[0], whole[1].lines) != (less[0], less[1].lines)


def test_each_lossy_line_is_on_the_receipt_once() -> None:
    _, receipt = encoded(FULL, Foreign())
    assert [line.partition(":")[0] for line in receipt.lines] == [
        "dropped=messages[0].f",
        "dropped=messages[1].parts[0]",
        "dropped=messages[1].parts[1].cache",
        "dropped=messages[2].parts[0].error",
        "dropped=thinking_budget",
        "dropped=top_k",
        "dropped=more",
    ]


def test_a_turn_with_tool_results_and_text_becomes_tool_messages_and_a_user_message() -> None:
    image = Media(kind="image", inline="aGk=", media_type="image/png")
    turn = Message(role="user", parts=[Text(text="look"), ToolResult(call_id="c", parts=[Text(text="42"), image])])
    said, receipt = encoded(Chat(messages=[turn]), Foreign())
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    assert said["messages"] == [
        {"role": "tool", "content": "42", "tool_call_id": "c"},
        {"role": "user", "content": [picture, {"type": "text", "text": "look"}]},
    ]
    assert receipt.lines == ["approximated=messages[0].parts[1].parts[1]:moved behind its tool message"]


def test_what_only_another_dialect_knows_is_dropped_with_a_line() -> None:
    part = Opaque(kind="server_tool", raw=Raw(b"{}"), dialect="foreign")
    document = Media(kind="document", url="https://x/y.pdf")
    said, receipt = encoded(Chat(messages=[Message(role="user", parts=[part, document])]), Foreign())
    assert said["messages"] == [{"role": "user", "content": ""}]
    assert len(receipt.lines) == 2


def test_a_stream_asks_for_its_usage() -> None:
    raw, _ = DIALECT.encode(request(Chat(messages=[]), stream=True), "m")
    assert msgspec.json.decode(raw) == {
        "model": "m",
        "messages": [],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_parts_know_where_they_stand() -> None:
    body = {
        "model": "m",
        "messages": [
            {"role": "system", "content": "a"},
            {
                "role": "user",
                "content": [{"type": "text", "text": "b"}, {"type": "image_url", "image_url": {"url": "u"}}],
            },
            {
                "role": "assistant",
                "reasoning_content": "t",
                "content": None,
                "refusal": "r",
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "c", "content": "d"},
        ],
    }
    raw = msgspec.json.encode(body)
    for message in read(body).messages:
        for part in message.parts:
            part = part.parts[0] if isinstance(part, ToolResult) else part
            if isinstance(part, Media):
                continue
            value: Any = msgspec.json.decode(DIALECT.patch(raw, [Edit(part.path, "EDITED")]))
            for key in part.path:
                value = value[key]
            assert value == "EDITED"


def test_what_is_unknown_is_kept_at_every_level() -> None:
    body = {
        "model": "m",
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}],
                "x": 1,
            },
            {"role": "user", "content": [{"type": "brand_new", "y": [1.50]}]},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u", "format": "f"}}]},
            {
                "role": "assistant",
                "content": None,
                "audio": {"id": "a"},
                "tool_calls": [
                    {"id": "c", "type": "function", "index": 0, "function": {"name": "f", "arguments": "{", "z": 1}},
                    {"id": "d", "type": "custom", "custom": {"name": "g", "input": "raw"}},
                ],
            },
            {"role": "function", "name": "old", "content": "x"},
        ],
        "tools": [{"type": "web_search"}, {"type": "function", "function": {"name": "f", "parameters": {}, "k": 1}}],
        "tool_choice": {"type": "allowed_tools"},
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "description": "d"}},
        "stream": True,
        "stream_options": {"include_obfuscation": False},
        "logit_bias": {"1": 2},
    }
    raw, _ = DIALECT.encode(DIALECT.request(msgspec.json.encode(body), ROUTES["chat"]), "m")
    again = msgspec.json.decode(raw)
    body["stream_options"] = {"include_usage": True, "include_obfuscation": False}
    body["tools"] = body["tools"][::-1]  # type: ignore[index]
    assert again == body


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "model"),
        ({"model": 3, "messages": []}, "model"),
        ({"model": "", "messages": []}, "model"),
        ({"model": "m"}, "messages"),
        ({"model": "m", "messages": "hi"}, "messages"),
        ({"model": "m", "messages": None}, "messages"),
        ({"model": "m", "messages": [], "stream": "yes"}, "stream"),
        ({"model": "m", "messages": [], "n": 0}, "n"),
        ({"model": "m", "messages": [], "n": 10**9}, "n"),
        ({"model": "m", "messages": [], "max_tokens": 10**30}, "max_tokens"),
        ({"model": "m", "messages": [], "max_tokens": 1.5}, "max_tokens"),
        ({"model": "m", "messages": [], "stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ([], None),
        ("x", None),
    ],
)
def test_a_request_that_routing_cannot_read_is_refused_by_the_fields_name(body: Any, param: str | None) -> None:
    with pytest.raises(Rejected) as caught:
        DIALECT.request(msgspec.json.encode(body), ROUTES["chat"])
    assert (caught.value.status, caught.value.param) == (400, param)
    assert param is None or f"`{param}`" in str(caught.value)


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        (["hi"], "messages[0]"),
        ([{"content": "x"}], "messages[0].role"),
        ([{"role": "robot", "content": "x"}], "messages[0].role"),
        ([{"role": "user", "content": 3}], "messages[0].content"),
        ([{"role": "user", "content": [{"text": "x"}]}], "messages[0].content[0].type"),
        ([{"role": "user", "content": [{"type": "text", "text": 1}]}], "messages[0].content[0].text"),
        ([{"role": "assistant", "tool_calls": [{"function": {"name": 1}}]}], "messages[0].tool_calls[0].function.name"),
    ],
)
def test_a_message_that_cannot_be_read_is_refused_by_its_path(messages: Any, param: str) -> None:
    with pytest.raises(Rejected) as caught:
        read({"model": "m", "messages": messages})
    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"model":"m","messages":[],"x":NaN}',
        b'{"model":"m","messages":[],"x":Infinity}',
        b'{"model":"m","messages":[],"x":"\xff\xfe"}',
        b'{"model":"m","messages":[],"x":"\\ud800"}',
        b'{"model":"m","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"model":"m","messages":[]} {}',
        b'{"model":"m\x00","messages":[]}',
    ],
    ids=str,
)
def test_what_is_not_json_is_refused_in_words(raw: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        DIALECT.request(raw, ROUTES["chat"])
    assert caught.value.status == 400
    assert caught.value.code == "invalid_json"


FOLDER = root()
SUITE = sorted((FOLDER.parent / "data" / "JSONTestSuite").glob("n_*.json")) if FOLDER else []


@pytest.mark.skipif(not SUITE, reason="no test suite here")
@pytest.mark.parametrize("file", SUITE, ids=lambda file: file.name)
def test_json_that_must_be_refused_is_refused_anywhere_in_the_body(file: Path) -> None:
    text = file.read_bytes()
    for raw in (b'{"model":"m","messages":[],"x":' + text + b"}", b'{"model":"m","messages":' + text + b"}", text):
        with pytest.raises(Rejected) as caught:
            DIALECT.request(raw, ROUTES["chat"])
        assert caught.value.status == 400


@given(st.recursive(st.none() | st.booleans() | st.integers() | TEXT, lambda s: st.lists(s) | st.dictionaries(TEXT, s)))
def test_any_json_is_read_or_refused(value: Any) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": value}], "tools": value, "stop": value}
    for task in ("chat", "embed"):
        for said in (value, body, {**body, "input": value}):
            with suppress(Rejected):
                read(said, task)


def test_routing_reads_what_it_needs() -> None:
    body = {"model": "m", "messages": [], "stream": True, "max_tokens": 5, "max_completion_tokens": 7, "n": 3}
    asked = DIALECT.request(msgspec.json.encode(body), ROUTES["chat"])
    assert (asked.model, asked.stream, asked.wants_usage, asked.max_output, asked.n) == ("m", True, False, 7, 3)
    body = {"model": "m", "messages": [], "max_tokens": -1}
    asked = DIALECT.request(msgspec.json.encode(body), ROUTES["chat"])
    assert (asked.stream, asked.wants_usage, asked.max_output, asked.n) == (False, True, None, 1)


def test_an_unchanged_request_is_addressed_by_its_own_bytes() -> None:
    raw = b'{ "messages" : [] , "model" : "m", "temperature": 1.50 }'
    asked = DIALECT.request(raw, ROUTES["chat"])
    assert DIALECT.address(asked, "m") is raw
    assert DIALECT.address(asked, "other") == b'{"messages":[],"model":"other","temperature":1.50}'


def test_a_stream_is_asked_for_usage_and_keeps_its_other_options() -> None:
    raw = b'{"model":"m","messages":[],"stream":true,"stream_options":{"x":1.50},"z":1e3}'
    assert DIALECT.address(DIALECT.request(raw, ROUTES["chat"]), "m") == (
        b'{"model":"m","messages":[],"stream":true,"stream_options":{"x":1.50,"include_usage":true},"z":1e3}'
    )
    raw = b'{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}'
    assert DIALECT.address(DIALECT.request(raw, ROUTES["chat"]), "m") is raw


@pytest.mark.parametrize(
    "raw",
    [
        b'{"model":"dear","messages":[],"model":"cheap"}',
        b'{"model":"dear","messages":[],"mod\\u0065l":"cheap"}',
        b'{ "model": "m", "messages": [], "x": 1, "x": 1 }',
        b'{"model":"m","messages":[],"x":"' + b"y" * 70_000 + b'","x":1}',
    ],
    ids=["compact", "escaped", "spaced", "large"],
)
def test_a_field_given_twice_is_refused(raw: bytes) -> None:
    with pytest.raises(Rejected, match="is given twice") as caught:
        DIALECT.request(raw, ROUTES["chat"])
    assert (caught.value.status, caught.value.code) == (400, "invalid_json")


def test_a_field_of_a_message_given_twice_is_refused_by_whoever_reads_messages() -> None:
    raw = b'{"model":"m","messages":[{"role":"user","content":"bad","content":"good"}]}'
    with pytest.raises(Rejected, match="`content` is given twice"):
        DIALECT.decode(raw, ROUTES["chat"])


@pytest.mark.parametrize("name", [*sorted(REFUSED), "API_Base", "api_\u212aey"])
def test_a_field_that_would_redirect_the_request_is_refused(name: str) -> None:
    for task in ("chat", "embed"):
        body = {"model": "m", "messages": [], "input": "hi", name: "http://127.0.0.1:1"}
        with pytest.raises(Rejected, match="the gateway's configuration decides") as caught:
            DIALECT.request(msgspec.json.encode(body), ROUTES[task])
        assert (caught.value.status, caught.value.param) == (400, name)


@pytest.mark.parametrize("name", ["Model", "MAX_TOKENS", "me\u017f\u017fages", "\u017ftream"])
def test_a_field_that_only_some_upstreams_would_take_for_one_we_read_is_refused(name: str) -> None:
    with pytest.raises(Rejected, match="must be spelled"):
        DIALECT.request(msgspec.json.encode({"model": "m", "messages": [], name: 1}), ROUTES["chat"])


def test_unknown_fields_pass_whatever_they_are_called() -> None:
    raw = b'{"model":"m","messages":[],"top_k":3,"Temperature":1,"provider":{},"\\u00e4":1,"metadata":{"api_base":"x"}}'
    asked = DIALECT.request(raw, ROUTES["chat"])
    assert DIALECT.address(asked, "m") is raw


def test_tasks_without_a_body_are_no_json() -> None:
    for task in ("models", "passthrough"):
        assert DIALECT.request(b"", ROUTES[task]).task == task
    assert isinstance(ROUTES["models"], Route)


@pytest.mark.parametrize("body", [{"messages": []}, {"model": "other", "messages": []}])
def test_in_azures_form_of_the_path_the_deployment_is_the_model(body: Any) -> None:
    route = next(one for one in DIALECT.routes if "{model}" in one.path and one.task == "chat")
    asked = DIALECT.request(msgspec.json.encode(body), route, "my-deployment")
    assert asked.model == "my-deployment"
    assert msgspec.json.decode(DIALECT.address(asked, "gpt-4.1"))["model"] == "gpt-4.1"
    asked.edit(Edit(("temperature",), 0.5))
    assert asked.model == "my-deployment"
