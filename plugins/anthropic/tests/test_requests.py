"""Requests in their neutral form: written and read back, and a receipt for what cannot be said."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from tollhouse import Edit, Receipt, Rejected, Request
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
from tollhouse_anthropic import AnthropicDialect
from tollhouse_anthropic.reasoning import BUDGETS, budgeted

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WORD = st.from_regex(r"[a-zA-Z0-9_-]{1,10}", fullmatch=True)
SCHEMA = st.sampled_from([Raw(b'{"type":"object"}'), Raw(b"{}"), Raw(b'{"a": 1.50, "b": [1e3]}')])
EXTRA = st.none() | st.builds(
    lambda value: Extra("anthropic", {"x_unknown": Raw(value)}),
    st.sampled_from([b"1", b'"s"', b'{"a": [1.50]}', b"[]"]),
)
TEXTS = st.builds(Text, text=TEXT, extra=EXTRA)
MEDIA = st.one_of(
    st.builds(Media, kind=st.sampled_from(["image", "document"]), url=WORD.map("https://x/".__add__), extra=EXTRA),
    st.builds(Media, kind=st.just("image"), inline=WORD, media_type=st.just("image/png"), extra=EXTRA),
    st.builds(Media, kind=st.just("document"), inline=WORD, media_type=st.just("application/pdf"), name=WORD),
    st.builds(Media, kind=st.just("document"), inline=st.just("aGk="), media_type=st.just("text/plain"), extra=EXTRA),
    st.builds(Media, kind=st.sampled_from(["image", "document"]), file_id=WORD, extra=EXTRA),
)
OPAQUE = st.builds(
    lambda word: Opaque(kind=word, raw=Raw(msgspec.json.encode({"type": word, "n": 1})), dialect="anthropic"),
    st.sampled_from(["server_tool_use", "web_search_tool_result", "container_upload"]),
)
THOUGHT = st.builds(Thinking, text=TEXT, signature=WORD, extra=EXTRA) | st.builds(Thinking, opaque=WORD)
CALL = st.builds(
    ToolCall, id=WORD, name=WORD, arguments=st.sampled_from(["{}", '{"a": 1.50}', "[1]", '"s"']), extra=EXTRA
)
RESULT = st.builds(
    ToolResult, call_id=WORD, parts=st.lists(TEXTS | MEDIA, max_size=2), error=st.booleans(), extra=EXTRA
)
MESSAGE = st.one_of(
    st.builds(Message, role=st.just("user"), parts=st.lists(TEXTS | MEDIA | RESULT | OPAQUE, max_size=3), extra=EXTRA),
    st.builds(
        Message,
        role=st.just("assistant"),
        parts=st.lists(TEXTS | THOUGHT | CALL | OPAQUE, max_size=3),
        extra=EXTRA,
    ),
    st.builds(
        Message, role=st.just("system"), parts=st.lists(TEXTS, min_size=1, max_size=2), path=st.just(("messages", 0))
    ),
)
SYSTEM = st.builds(
    Message, role=st.just("system"), parts=st.lists(TEXTS, min_size=1, max_size=2), path=st.just(("system",))
)
TOOL = st.builds(Tool, name=WORD, description=TEXT, schema=SCHEMA, strict=st.none() | st.booleans(), extra=EXTRA)
FORMAT = st.builds(Format, kind=st.just("schema"), schema=SCHEMA, strict=st.just(True))
NUMBER = st.none() | st.floats(0, 1)
COUNT = st.none() | st.integers(1, 2**31)
CHOICE = st.sampled_from(
    [(None, None), ("auto", None), ("auto", False), ("none", None), ("required", True), ("tool:f", False)]
)
CHAT = st.builds(
    lambda choice, **fields: Chat(tool_choice=choice[0], parallel_tools=choice[1], **fields),
    CHOICE,
    messages=st.tuples(st.lists(SYSTEM, max_size=1), st.lists(MESSAGE, max_size=4)).map(lambda two: two[0] + two[1]),
    tools=st.lists(TOOL, min_size=1, max_size=2),
    max_output=st.integers(0, 2**31),
    temperature=NUMBER,
    top_p=NUMBER,
    top_k=COUNT,
    stop=st.lists(TEXT, max_size=2),
    format=st.none() | FORMAT,
    effort=st.sampled_from([None, "low", "xhigh"]),
    thinking_budget=st.sampled_from([None, 0, 1024]),
    user=TEXT,
    extra=EXTRA,
)


class Foreign(AnthropicDialect):
    """Stands for any other dialect: what came in it may not simply go back."""

    name = "foreign"


DIALECT = AnthropicDialect()
FOREIGN = Foreign()
CHAT_ROUTE, COUNT_ROUTE = DIALECT.routes[:2]
OLD, NEW = "claude-sonnet-4-5", "claude-opus-5"


def request(body: Body, dialect: AnthropicDialect = DIALECT, stream: bool = False) -> Request:
    return Request(b"", dialect=dialect, route=CHAT_ROUTE, model="m", stream=stream, body=body)


def encoded(body: Body, dialect: AnthropicDialect = FOREIGN, model: str = OLD) -> tuple[Any, Receipt]:
    raw, receipt = DIALECT.encode(request(body, dialect), model)
    return msgspec.json.decode(raw), receipt


def turned(*messages: Message) -> tuple[Any, list[str]]:
    said, receipt = encoded(Chat(messages=list(messages), max_output=9))
    return said, receipt.lines


def read(value: Any) -> Chat:
    body = DIALECT.decode(msgspec.json.encode(value), CHAT_ROUTE)
    assert isinstance(body, Chat)
    return body


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
    assert plain(DIALECT.decode(raw, CHAT_ROUTE)) == plain(chat)


def user(*parts: Part, **more: Any) -> Message:
    return Message(role="user", parts=list(parts), **more)


def assistant(*parts: Part) -> Message:
    return Message(role="assistant", parts=list(parts))


def tool(*parts: Part) -> Message:
    return Message(role="tool", parts=list(parts))


FULL = Chat(
    messages=[
        Message(role="developer", parts=[Text(text="rules")], name="boss"),
        user(
            Text(text="hi", extra=Extra("foreign", {"cache_control": Raw(b'{"type":"ephemeral"}')})),
            Media(kind="image", inline="aaaa", media_type="image/png", detail="low", name="n"),
            Media(kind="document", inline="aaaa", media_type="application/pdf", name="file.pdf"),
            Media(kind="audio", inline="aGk=", media_type="audio/wav"),
            name="ann",
            extra=Extra("foreign", {"f": Raw(b"1")}),
        ),
        assistant(
            Thinking(text="hm", signature="s", origin="foreign/m"),
            Text(text="yes", extra=Extra("foreign", {"x": Raw(b"1")})),
            Refusal(text="no"),
            ToolCall(id="c:1", name="f", arguments='{"a": 1.50}'),
        ),
        tool(ToolResult(call_id="c:1", parts=[Text(text="42")], error=True)),
        Message(role="system", parts=[Text(text="more rules")]),
    ],
    tools=[Tool(name="f", description="d", schema=Raw(b'{"type":"object","a":1}'), strict=True)],
    tool_choice="required",
    parallel_tools=False,
    max_output=50_000,
    temperature=0.5,
    top_p=0.5,
    top_k=5,
    stop=["x", " "],
    seed=1,
    format=Format(kind="schema", name="n", schema=Raw(b'{"type":"object"}'), strict=True),
    effort="low",
    thinking_budget=9000,
    user="u",
    extra=Extra("foreign", {"more": Raw(b"1")}),
)


def without(node: Any, path: tuple[str | int, ...]) -> Any:
    """The same form with the field at `path` as if it had never been said, or the element taken out."""
    key, *rest = path
    if isinstance(node, list):
        assert isinstance(key, int)
        inner = [without(node[key], tuple(rest))] if rest else []
        return [*node[:key], *inner, *node[key + 1 :]]
    assert isinstance(key, str)
    if rest:
        return msgspec.structs.replace(node, **{key: without(getattr(node, key), tuple(rest))})
    field = next(f for f in msgspec.structs.fields(type(node)) if f.name == key)
    empty = [] if field.default_factory is not msgspec.NODEFAULT else field.default
    return msgspec.structs.replace(node, **{key: "" if empty is msgspec.NODEFAULT else empty})


def said(node: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every field of the form that says something, and every element of its lists."""
    found: list[tuple[str | int, ...]] = []
    if isinstance(node, list):
        for n, item in enumerate(node):
            found += [(*at, n), *said(item, (*at, n))]
    elif isinstance(node, msgspec.Struct) and not isinstance(node, Extra):
        for field in msgspec.structs.fields(type(node)):
            value = getattr(node, field.name)
            default = [] if field.default_factory is not msgspec.NODEFAULT else field.default
            if value != default and field.name not in ("path", "role", "kind", "origin"):
                found += [(*at, field.name), *said(value, (*at, field.name))]
    return found


@pytest.mark.parametrize("model", [OLD, NEW])
@pytest.mark.parametrize("path", [path for path in said(FULL) if path != ("messages",)], ids=str)
def test_whatever_is_left_out_changes_the_bytes_or_the_receipt(path: tuple[str | int, ...], model: str) -> None:
    if path[-3:] in (("parts", 0, "signature"), ("parts", 0, "text")) and path[1] == 2:
        return  # of a thought that is on the receipt as a whole
    if path[:4] == ("messages", 1, "parts", 3) and len(path) > 4:
        return  # of a clip that is on the receipt as a whole
    whole, less = encoded(FULL, model=model), encoded(without(FULL, path), model=model)
    assert (whole[0], whole[1].lines) != (less[0], less[1].lines)


def test_each_lossy_line_is_on_the_receipt_once() -> None:
    lines = [line.partition(":")[0] for line in encoded(FULL)[1].lines]
    assert sorted(set(lines)) == sorted(lines)
    assert lines == [
        "dropped=messages[0].name",
        "dropped=messages[1].name",
        "dropped=messages[1].parts[1].detail",
        "dropped=messages[1].parts[1].name",
        "dropped=messages[1].parts[3]",
        "dropped=messages[1].f",
        "dropped=messages[2].parts[0]",
        "dropped=messages[2].parts[1].x",
        "approximated=messages[2].parts[2]",
        "approximated=messages[4]",
        "dropped=stop[1]",
        "dropped=seed",
        "dropped=format.name",
        "dropped=effort",
        "dropped=temperature",
        "dropped=top_p",
        "dropped=top_k",
        "dropped=more",
    ]


def test_a_plain_conversation_is_exact() -> None:
    chat = Chat(
        messages=[
            Message(role="system", parts=[Text(text="rules")]),
            user(Text(text="hi")),
            assistant(
                Text(text=""),
                ToolCall(id="call_1", name="f", arguments="{}"),
                ToolCall(id="call_2", name="f", arguments=""),
            ),
            tool(ToolResult(call_id="call_1", parts=[Text(text="1")])),
            tool(ToolResult(call_id="call_2", parts=[Text(text="2")])),
        ],
        tools=[Tool(name="f")],
        tool_choice="auto",
        max_output=9,
    )
    written, receipt = encoded(chat)
    assert receipt.summary() == "exact"
    assert written == {
        "model": OLD,
        "max_tokens": 9,
        "system": "rules",
        "messages": [
            {"role": "user", "content": "hi"},
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "call_1", "name": "f", "input": {}},
                    {"type": "tool_use", "id": "call_2", "name": "f", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "call_1", "content": "1"},
                    {"type": "tool_result", "tool_use_id": "call_2", "content": "2"},
                ],
            },
        ],
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "auto"},
    }


def test_a_caller_who_names_no_maximum_gets_the_default_and_a_line() -> None:
    written, receipt = encoded(Chat(messages=[]))
    assert written["max_tokens"] == 4096
    assert receipt.lines == ["approximated=max_output:Anthropic requires one; the gateway's default is asked for"]
    raw, _ = AnthropicDialect(max_tokens=99).encode(request(Chat(messages=[]), FOREIGN), OLD)
    assert msgspec.json.decode(raw)["max_tokens"] == 99


def test_turns_of_one_role_are_joined() -> None:
    written, lines = turned(
        user(Text(text="a")), user(Text(text="b")), assistant(Text(text="c")), assistant(Text(text="d"))
    )
    assert [(turn["role"], [block["text"] for block in turn["content"]]) for turn in written["messages"]] == [
        ("user", ["a", "b"]),
        ("assistant", ["c", "d"]),
    ]
    assert [line.partition(":")[0] for line in lines] == ["approximated=messages[1]", "approximated=messages[3]"]


def test_tool_results_lead_their_turn() -> None:
    written, lines = turned(user(Text(text="look"), ToolResult(call_id="c", parts=[])))
    assert written["messages"][0]["content"] == [
        {"type": "tool_result", "tool_use_id": "c"},
        {"type": "text", "text": "look"},
    ]
    assert lines == ["approximated=messages[0]:its tool results are moved to its front"]


def test_a_turn_that_says_nothing_is_left_out_with_a_line() -> None:
    written, lines = turned(user(Text(text="a")), assistant(Text(text=" ")), user(Text(text="b")))
    assert len(written["messages"]) == 1
    assert [line.partition(":")[0] for line in lines] == [
        "dropped=messages[1].parts[0]",
        "dropped=messages[1]",
        "approximated=messages[2]",
    ]


@pytest.mark.parametrize("id_", ["call_1", "functions.f:0", "é", ""])
def test_a_call_and_its_result_keep_one_id_that_anthropic_accepts(id_: str) -> None:
    written, lines = turned(assistant(ToolCall(id=id_, name="f", arguments="{}")), tool(ToolResult(call_id=id_)))
    [call], [result] = (turn["content"] for turn in written["messages"])
    assert call["id"] == result["tool_use_id"]
    assert call["id"].replace("_", "").isalnum()
    assert call["id"].isascii()
    assert lines == []
    if call["id"] != id_:
        assert bytes.fromhex(call["id"].removeprefix("tollhouse_")).decode() == id_


@pytest.mark.parametrize("arguments", ["{", "[1]", '"s"', "null"])
def test_arguments_that_are_no_object_become_one(arguments: str) -> None:
    written, lines = turned(assistant(ToolCall(id="c", name="f", arguments=arguments)))
    assert written["messages"][0]["content"][0]["input"] == {"arguments": arguments}
    assert lines == ["approximated=messages[0].parts[0].arguments:they are no JSON object"]


@pytest.mark.parametrize(
    ("media", "source", "lines"),
    [
        (Media(kind="image", url="https://x/y"), {"type": "url", "url": "https://x/y"}, 0),
        (Media(kind="image", inline="/9j/"), {"type": "base64", "media_type": "image/jpeg", "data": "/9j/"}, 0),
        (Media(kind="image", inline="aaaa"), {"type": "base64", "media_type": "image/png", "data": "aaaa"}, 1),
        (Media(kind="document", url="https://x/y"), {"type": "url", "url": "https://x/y"}, 0),
        (
            Media(kind="document", inline="aGk=", media_type="text/csv"),
            {"type": "text", "media_type": "text/plain", "data": "hi"},
            1,
        ),
        (
            Media(kind="document", inline="aGk=", media_type="text/plain"),
            {"type": "text", "media_type": "text/plain", "data": "hi"},
            0,
        ),
        (Media(kind="document", inline="aGk=", media_type="application/zip"), None, 2),
        (Media(kind="document", inline="!!", media_type="text/plain"), None, 2),
        (Media(kind="image", file_id="file-1"), None, 2),
        (Media(kind="image"), None, 2),
        (Media(kind="video", url="https://x/y"), None, 2),
    ],
)
def test_media_have_anthropics_sources(media: Media, source: Any, lines: int) -> None:
    written, receipt = turned(user(media))
    assert len(receipt) == lines
    if source is None:
        assert written["messages"] == []
    else:
        assert written["messages"][0]["content"] == [{"type": media.kind, "source": source}]


@pytest.mark.parametrize(
    ("model", "old"),
    [
        ("claude-3-haiku-20240307", True),
        ("claude-3-7-sonnet-latest", True),
        ("claude-2.1", True),
        ("claude-sonnet-4-20250514", True),
        ("claude-opus-4-1-20250805", True),
        ("claude-opus-4-6", True),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", True),
        ("claude-sonnet-4@20250514", True),
        ("deepseek-chat", True),
        ("claude-opus-4-7", False),
        ("claude-opus-4-8", False),
        ("claude-sonnet-5", False),
        ("claude-fable-5", False),
        ("claude-opus-4-10", False),
    ],
)
def test_models_are_known_by_the_way_they_think(model: str, old: bool) -> None:
    assert budgeted(model) == old


@pytest.mark.parametrize("effort", BUDGETS)
def test_effort_is_a_budget_to_earlier_models_and_a_word_to_later_ones(effort: str) -> None:
    chat = Chat(messages=[], effort=effort)
    written, receipt = encoded(chat)
    assert written["thinking"] == {"type": "enabled", "budget_tokens": BUDGETS[effort]}
    assert written["max_tokens"] == BUDGETS[effort] + 4096
    assert len(receipt.lines) == 2
    written, receipt = encoded(chat, model=NEW)
    assert written["thinking"] == {"type": "adaptive"}
    assert written["output_config"] == {"effort": "low" if effort == "minimal" else effort}
    assert len(receipt.lines) == 2


@pytest.mark.parametrize(
    ("fields", "thinking", "lines"),
    [
        ({"effort": "none"}, {"type": "disabled"}, 0),
        ({"thinking_budget": 0}, {"type": "disabled"}, 0),
        ({"thinking_budget": 2000}, {"type": "enabled", "budget_tokens": 2000}, 0),
        ({"thinking_budget": 10}, {"type": "enabled", "budget_tokens": 1024}, 1),
        ({"thinking_budget": -1}, {"type": "enabled", "budget_tokens": 2999}, 1),
        ({"thinking_budget": 9000}, {"type": "enabled", "budget_tokens": 2999}, 1),
        ({"effort": "low", "max_output": 1024}, None, 1),
        ({"effort": "weird"}, None, 1),
    ],
)
def test_a_budget_fits_into_the_output(fields: Any, thinking: Any, lines: int) -> None:
    written, receipt = encoded(Chat(messages=[], **{"max_output": 3000, **fields}))
    assert written.get("thinking") == thinking
    assert len(receipt.lines) == lines


def test_a_later_model_is_asked_for_the_effort_that_a_budget_is() -> None:
    written, _ = encoded(Chat(messages=[], thinking_budget=9000), model=NEW)
    assert written["output_config"] == {"effort": "high"}


@pytest.mark.parametrize(
    ("fields", "model", "kept", "lines"),
    [
        ({"temperature": 0.5}, OLD, {"temperature": 0.5}, 0),
        ({"temperature": 1.7}, OLD, {"temperature": 1.0}, 1),
        ({"temperature": 0.5, "top_p": 0.5}, OLD, {"temperature": 0.5}, 1),
        ({"top_p": 0.5, "top_k": 3}, OLD, {"top_p": 0.5, "top_k": 3}, 0),
        ({"temperature": 0.5, "top_p": 0.5, "top_k": 3}, NEW, {}, 3),
        ({"temperature": 1.0, "top_k": 3, "thinking_budget": 2000}, OLD, {"temperature": 1.0}, 1),
    ],
)
def test_sampling_is_asked_for_as_the_model_takes_it(fields: Any, model: str, kept: Any, lines: int) -> None:
    written, receipt = encoded(Chat(messages=[], max_output=9000, **fields), model=model)
    assert {name: written[name] for name in ("temperature", "top_p", "top_k") if name in written} == kept
    assert len(receipt.lines) == lines


@pytest.mark.parametrize(
    ("format_", "config", "lines"),
    [
        (Format(kind="schema", schema=Raw(b'{"a":1}'), strict=True), {"a": 1}, []),
        (Format(kind="schema", schema=Raw(b'{"a":1}')), {"a": 1}, ["approximated=format.strict"]),
        (Format(kind="json"), None, ["dropped=format"]),
    ],
)
def test_structured_output_is_asked_for_by_its_schema(format_: Format, config: Any, lines: list[str]) -> None:
    written, receipt = encoded(Chat(messages=[], max_output=9, format=format_))
    wanted = {"format": {"type": "json_schema", "schema": config}} if config else None
    assert written.get("output_config") == wanted
    assert [line.partition(":")[0] for line in receipt.lines] == lines


@pytest.mark.parametrize(
    ("choice", "parallel", "said_so"),
    [
        ("auto", None, {"type": "auto"}),
        ("required", None, {"type": "any"}),
        ("none", None, {"type": "none"}),
        ("tool:f", False, {"type": "tool", "name": "f", "disable_parallel_tool_use": True}),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (None, True, {"type": "auto", "disable_parallel_tool_use": False}),
    ],
)
def test_tool_choices_have_anthropics_words(choice: Any, parallel: Any, said_so: Any) -> None:
    chat = Chat(messages=[], max_output=9, tools=[Tool(name="f")], tool_choice=choice, parallel_tools=parallel)
    written, receipt = encoded(chat)
    assert written["tool_choice"] == said_so
    assert receipt.lines == []
    written, receipt = encoded(msgspec.structs.replace(chat, tools=[]))
    assert "tool_choice" not in written
    assert receipt.lines


def test_cache_marks_are_carried_from_any_dialect() -> None:
    mark = Extra("foreign", {"cache_control": Raw(b'{"type":"ephemeral"}')})
    written, lines = turned(
        Message(role="system", parts=[Text(text="a", extra=mark)]), user(Text(text="b"), Text(text="c"), extra=mark)
    )
    assert written["system"] == [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]
    assert written["messages"][0]["content"][1]["cache_control"] == {"type": "ephemeral"}
    assert lines == []


def test_more_than_one_choice_is_refused_and_so_is_another_task() -> None:
    with pytest.raises(Rejected) as caught:
        encoded(Chat(messages=[], n=2))
    assert (caught.value.status, caught.value.param) == (400, "n")
    with pytest.raises(Rejected) as caught:
        DIALECT.encode(request(Embed(inputs=["x"]), FOREIGN), "m")
    assert caught.value.status == 400


BODY: dict[str, Any] = {
    "model": "m",
    "max_tokens": 5,
    "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    "messages": [
        {"role": "user", "content": "short"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "b", "citations": None, "x": 1.50},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
                {
                    "type": "image",
                    "source": {"type": "url", "url": "u", "y": 1},
                    "cache_control": {"type": "ephemeral"},
                },
                {"type": "image", "source": {"type": "brand_new"}},
                {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": "d"},
                    "context": "c",
                },
                {"type": "document", "source": {"type": "content", "content": "d"}, "title": "t"},
                {"type": "brand_new", "z": [1.50]},
            ],
            "w": 1,
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "t", "signature": "s"},
                {"type": "redacted_thinking", "data": "r"},
                {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1.50}, "caller": {"type": "direct"}},
                {"type": "server_tool_use", "id": "d", "name": "web_search", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "c",
                    "content": [{"type": "text", "text": "4"}, {"type": "tool_reference", "tool_name": "f"}],
                    "is_error": True,
                    "cache_control": {"type": "ephemeral"},
                },
            ],
        },
        {"role": "system", "content": "from now on"},
    ],
    "tools": [
        {"name": "f", "input_schema": {}, "defer_loading": True, "cache_control": {"type": "ephemeral"}},
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 1},
    ],
    "tool_choice": {"type": "any", "disable_parallel_tool_use": True, "q": 1},
    "thinking": {"type": "enabled", "budget_tokens": 1024, "display": "omitted"},
    "metadata": {"user_id": "u", "session": "s"},
    "output_config": {"effort": "max", "format": {"type": "json_schema", "schema": {}}, "task_budget": {"n": 1}},
    "stop_sequences": ["x"],
    "temperature": 1.0,
    "top_p": 0.5,
    "top_k": 3,
    "service_tier": "auto",
    "container": {"id": "c"},
    "stream": True,
}


def test_what_is_unknown_is_kept_at_every_level() -> None:
    raw, receipt = DIALECT.encode(DIALECT.request(msgspec.json.encode(BODY), CHAT_ROUTE), "m")
    assert receipt.lines == []
    assert msgspec.json.decode(raw) == BODY


def test_what_is_read_has_its_neutral_name() -> None:
    chat = read(BODY)
    assert chat.messages[0].role == "system"
    assert (chat.tool_choice, chat.parallel_tools, chat.user) == ("required", False, "u")
    assert (chat.effort, chat.thinking_budget, chat.stop, chat.top_k) == ("max", 1024, ["x"], 3)
    assert chat.format == Format(kind="schema", schema=Raw(b"{}"), strict=True)
    assert [type(part).__name__ for part in chat.messages[2].parts] == [
        "Text",
        "Media",
        "Media",
        "Opaque",
        "Media",
        "Opaque",
        "Opaque",
    ]
    assert [type(part).__name__ for part in chat.messages[3].parts] == ["Thinking", "Thinking", "ToolCall", "Opaque"]


def test_other_ways_to_think_and_the_betas_place_of_a_format() -> None:
    body = {"model": "m", "max_tokens": 5, "messages": []}
    assert read({**body, "thinking": {"type": "disabled"}}).thinking_budget == 0
    adaptive = read({**body, "thinking": {"type": "adaptive"}})
    assert adaptive.thinking_budget is None
    assert adaptive.extra == Extra("anthropic", {"thinking": Raw(b'{"type":"adaptive"}')})
    schema = {"type": "json_schema", "schema": {"a": 1}}
    assert read({**body, "output_format": schema}).format == Format(kind="schema", schema=Raw(b'{"a":1}'), strict=True)


def test_parts_know_where_they_stand() -> None:
    raw = msgspec.json.encode(BODY)
    for turn in read(BODY).messages:
        for part in turn.parts:
            part = part.parts[0] if isinstance(part, ToolResult) else part
            if isinstance(part, Media | Opaque):
                continue
            value: Any = msgspec.json.decode(DIALECT.patch(raw, [Edit(part.path, "EDITED")]))
            for key in part.path:
                value = value[key]
            assert value == "EDITED"


def test_edited_arguments_stay_json() -> None:
    asked = DIALECT.request(msgspec.json.encode(BODY), CHAT_ROUTE)
    asked.edit(Edit(("messages", 2, "content", 2, "input"), '{"a":"***"}'))
    assert msgspec.json.decode(asked.raw)["messages"][2]["content"][2]["input"] == {"a": "***"}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "model"),
        ({"model": "m", "messages": []}, "max_tokens"),
        ({"model": "m", "max_tokens": None, "messages": []}, "max_tokens"),
        ({"model": "m", "max_tokens": "5", "messages": []}, "max_tokens"),
        ({"model": "m", "max_tokens": -1, "messages": []}, "max_tokens"),
        ({"model": "m", "max_tokens": 10**30, "messages": []}, "max_tokens"),
        ({"model": 3, "max_tokens": 5, "messages": []}, "model"),
        ({"model": "", "max_tokens": 5, "messages": []}, "model"),
        ({"model": "m", "max_tokens": 5}, "messages"),
        ({"model": "m", "max_tokens": 5, "messages": "hi"}, "messages"),
        ({"model": "m", "max_tokens": 5, "messages": [], "stream": "yes"}, "stream"),
        ({"model": "m", "max_tokens": 5, "messages": [], "api_key": "k"}, "api_key"),
        ({"model": "m", "max_tokens": 5, "messages": [], "Model": "k"}, "Model"),
        ([], None),
    ],
)
def test_a_request_that_routing_cannot_read_is_refused_by_the_fields_name(body: Any, param: str | None) -> None:
    with pytest.raises(Rejected) as caught:
        DIALECT.request(msgspec.json.encode(body), CHAT_ROUTE)
    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        (["hi"], "messages[0]"),
        ([{"content": "x"}], "messages[0].role"),
        ([{"role": "tool", "content": "x"}], "messages[0].role"),
        ([{"role": "user"}], "messages[0].content"),
        ([{"role": "user", "content": 3}], "messages[0].content"),
        ([{"role": "user", "content": [{"text": "x"}]}], "messages[0].content[0].type"),
        ([{"role": "user", "content": [{"type": "text"}]}], "messages[0].content[0].text"),
        ([{"role": "user", "content": [{"type": "tool_result"}]}], "messages[0].content[0].tool_use_id"),
        ([{"role": "assistant", "content": [{"type": "tool_use", "id": "c"}]}], "messages[0].content[0].name"),
        (
            [{"role": "user", "content": [{"type": "image", "source": {"type": "base64"}}]}],
            "messages[0].content[0].source.data",
        ),
    ],
)
def test_a_message_that_cannot_be_read_is_refused_by_its_path(messages: Any, param: str) -> None:
    with pytest.raises(Rejected) as caught:
        read({"model": "m", "max_tokens": 5, "messages": messages})
    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"model":"m","max_tokens":5,"messages":[],"x":NaN}',
        b'{"model":"m","max_tokens":5,"messages":[],"x":"\xff\xfe"}',
        b'{"model":"m","max_tokens":5,"messages":[],"x":"\\ud800"}',
        b'{"model":"m","max_tokens":5,"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"model":"m","max_tokens":5,"messages":[]} {}',
        b'{"model":"dear","max_tokens":5,"messages":[],"model":"cheap"}',
    ],
    ids=str,
)
def test_what_is_not_json_or_ambiguous_is_refused_in_words(raw: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        DIALECT.request(raw, CHAT_ROUTE)
    assert (caught.value.status, caught.value.code) == (400, "invalid_json")


@given(st.recursive(st.none() | st.booleans() | st.integers() | TEXT, lambda s: st.lists(s) | st.dictionaries(TEXT, s)))
def test_any_json_is_read_or_refused(value: Any) -> None:
    body = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": value}], "tools": value}
    for one in (
        value,
        body,
        {**body, "system": value, "thinking": value, "tool_choice": value, "output_config": value},
    ):
        with suppress(Rejected):
            read(one)


def test_a_question_for_tokens_needs_no_maximum() -> None:
    asked = DIALECT.request(b'{"model":"m","messages":[]}', COUNT_ROUTE)
    assert (asked.task, asked.model, asked.stream, asked.max_output) == ("count", "m", False, None)
    assert DIALECT.address(asked, "other") == b'{"model":"other","messages":[]}'
    raw, receipt = DIALECT.encode(asked, "other")
    assert (msgspec.json.decode(raw), receipt.lines) == ({"model": "other", "messages": []}, [])


def test_an_unchanged_request_is_addressed_by_its_own_bytes() -> None:
    raw = b'{ "messages" : [] , "max_tokens":5, "model" : "m", "temperature": 1.50 }'
    asked = DIALECT.request(raw, CHAT_ROUTE)
    assert DIALECT.address(asked, "m") is raw
    assert DIALECT.address(asked, "other") == b'{"messages":[],"max_tokens":5,"model":"other","temperature":1.50}'


def test_tasks_without_a_body_are_no_json() -> None:
    for route in DIALECT.routes[2:]:
        assert DIALECT.request(b"", route).task == route.task
