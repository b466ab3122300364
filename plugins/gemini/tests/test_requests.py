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
from tollhouse.testing.corpus import root
from tollhouse_gemini import GeminiDialect
from tollhouse_gemini.signatures import own_signature, read_signature, write_signature

DIALECT = GeminiDialect()
ROUTES = {r.path.rpartition(":")[2]: r for r in DIALECT.routes if r.path.startswith("/v1beta/models/{model}:")}
CHAT_ROUTE = ROUTES["generateContent"]

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WORD = st.from_regex(r"[a-zA-Z0-9_-]{1,10}", fullmatch=True)
SCHEMA = st.sampled_from([Raw(b'{"type":"object"}'), Raw(b'{"type":["string","null"],"enum":["a",null]}')])
EXTRA = st.none() | st.builds(
    lambda value: Extra("gemini", {"xUnknown": Raw(value)}), st.sampled_from([b"1", b'"s"', b'{"a": [1.50]}', b"[]"])
)
ARGUMENTS = st.dictionaries(WORD, st.integers() | TEXT, max_size=2).map(lambda d: msgspec.json.encode(d).decode())

MEDIA = st.one_of(
    st.builds(Media, kind=st.just("image"), inline=WORD, media_type=st.just("image/png"), extra=EXTRA),
    st.builds(Media, kind=st.just("audio"), inline=WORD, media_type=st.just("audio/wav"), name=WORD),
    st.builds(
        Media, kind=st.just("document"), url=WORD.map("https://x/".__add__), media_type=st.just("application/pdf")
    ),
    st.builds(
        Media,
        kind=st.just("video"),
        file_id=WORD.map("https://generativelanguage.googleapis.com/v1beta/files/".__add__),
        media_type=st.just("video/mp4"),
    ),
)
RESULT_TEXT = TEXT.filter(lambda text: not text.strip().startswith("{")) | ARGUMENTS.filter(
    lambda text: '"output"' not in text and '"error"' not in text
)


@st.composite
def exchanges(draw: st.DrawFn) -> list[Message]:
    """A model's turn, which may call, and the results of its calls."""
    parts: list[Part] = []
    if draw(st.booleans()):
        parts.append(Thinking(text=draw(TEXT), origin="gemini"))
    parts += draw(st.lists(st.builds(Text, text=TEXT, extra=EXTRA), max_size=2))
    names = draw(st.lists(WORD, max_size=2, unique=True))
    calls = [ToolCall(id=f"id-{name}", name=name, arguments=draw(ARGUMENTS), extra=draw(EXTRA)) for name in names]
    turn = Message(role="assistant", parts=[*parts, *calls], extra=draw(EXTRA))
    results: list[Part] = [
        ToolResult(call_id=call.id, parts=[Text(text=draw(RESULT_TEXT))], error=draw(st.booleans())) for call in calls
    ]
    return [turn, Message(role="tool", parts=results)] if results else [turn]


TURNS = st.lists(
    st.builds(
        Message, role=st.just("user"), parts=st.lists(st.builds(Text, text=TEXT) | MEDIA, max_size=3), extra=EXTRA
    ).map(lambda message: [message])
    | exchanges(),
    min_size=1,
    max_size=3,
).map(lambda groups: [message for group in groups for message in group])
TOOL = st.builds(Tool, name=WORD, description=TEXT, schema=SCHEMA, extra=EXTRA)
FORMAT = st.builds(Format, kind=st.just("json")) | st.builds(Format, kind=st.just("schema"), schema=SCHEMA)
NUMBER = st.none() | st.floats(0, 2)
COUNT = st.none() | st.integers(0, 2**31)
CHAT = st.builds(
    lambda system, turns, **more: Chat(messages=[*system, *turns], **more),
    st.lists(
        st.builds(Message, role=st.just("system"), parts=st.lists(st.builds(Text, text=TEXT), max_size=2)), max_size=1
    ),
    TURNS,
    tools=st.lists(TOOL, max_size=2),
    tool_choice=st.sampled_from([None, "auto", "none", "required", "tool:f"]),
    max_output=COUNT,
    temperature=NUMBER,
    top_p=NUMBER,
    top_k=COUNT,
    stop=st.lists(TEXT, max_size=2),
    seed=COUNT,
    n=st.integers(1, 4),
    format=st.none() | FORMAT,
    effort=st.sampled_from([None, "low", "high"]),
    thinking_budget=COUNT,
    extra=EXTRA,
)
EMBED = st.builds(Embed, inputs=st.lists(TEXT, min_size=1, max_size=3), dimensions=COUNT)


class Foreign(GeminiDialect):
    """Stands for any other dialect: what came in it may not simply go back."""

    name = "foreign"


def request(body: Body, dialect: GeminiDialect = DIALECT) -> Request:
    route = ROUTES["batchEmbedContents" if isinstance(body, Embed) else "generateContent"]
    return Request(b"", dialect=dialect, route=route, model="m", body=body)


def encoded(body: Body, dialect: GeminiDialect | None = None, model: str = "gemini-2.5-flash") -> tuple[Any, Receipt]:
    raw, receipt = DIALECT.encode(request(body, dialect or Foreign()), model)
    return msgspec.json.decode(raw), receipt


def read(value: Any, method: str = "generateContent") -> Any:
    return DIALECT.decode(msgspec.json.encode(value), ROUTES[method])


def asked(value: Any, method: str = "generateContent", model: str = "m") -> Request:
    return DIALECT.request(msgspec.json.encode(value), ROUTES[method], model)


def user(*parts: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": list(parts)}]}


def plain(body: Body) -> Any:
    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: bare(inner) for name, inner in value.items() if name != "path"}
        return [bare(inner) for inner in value] if isinstance(value, list) else value

    return bare(msgspec.json.decode(msgspec.json.encode(body)))


@given(CHAT)
def test_a_chat_written_and_read_is_the_same_chat(chat: Chat) -> None:
    raw, receipt = DIALECT.encode(request(chat), "gemini-2.5-flash")
    assert receipt.lines == []
    assert plain(DIALECT.decode(raw, CHAT_ROUTE)) == plain(chat)


@given(EMBED)
def test_an_embedding_written_and_read_is_the_same(embed: Embed) -> None:
    raw, receipt = DIALECT.encode(request(embed), "m")
    assert receipt.lines == []
    assert plain(DIALECT.decode(raw, ROUTES["batchEmbedContents"])) == plain(embed)


FULL = Chat(
    messages=[
        Message(role="user", parts=[Text(text="hi")], name="ann", extra=Extra("foreign", {"f": Raw(b"1")})),
        Message(
            role="assistant",
            parts=[
                Thinking(text="hm", signature="s", origin="foreign/m"),
                Text(text="yes", extra=Extra("foreign", {"cache": Raw(b"1")})),
                Refusal(text="no"),
                ToolCall(id="c", name="f", arguments="{"),
            ],
        ),
        Message(role="tool", parts=[ToolResult(call_id="c", parts=[Text(text="42")], error=True)]),
        Message(role="system", parts=[Text(text="later")]),
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
    format=Format(kind="schema", name="n", schema=Raw(b'{"type":"object"}')),
    effort="low",
    thinking_budget=9,
    user="u",
    extra=Extra("foreign", {"more": Raw(b"1")}),
)


@pytest.mark.parametrize("field", [f.name for f in msgspec.structs.fields(Chat) if f.name not in ("messages", "path")])
def test_every_field_left_out_changes_the_bytes_or_the_receipt(field: str) -> None:
    default = {f.name: f for f in msgspec.structs.fields(Chat)}[field]
    empty = [] if default.default is msgspec.NODEFAULT else default.default
    whole, less = encoded(FULL), encoded(msgspec.structs.replace(FULL, **{field: empty}))
    assert (whole[0], whole[1].lines) != (less[0], less[1].lines)


def test_every_part_left_out_changes_the_bytes_or_the_receipt() -> None:
    whole = encoded(FULL)
    for n, message in enumerate(FULL.messages):
        for k in range(len(message.parts)):
            parts = message.parts[:k] + message.parts[k + 1 :]
            fewer = [*FULL.messages[:n], msgspec.structs.replace(message, parts=parts), *FULL.messages[n + 1 :]]
            less = encoded(msgspec.structs.replace(FULL, messages=fewer))
            assert (whole[0], whole[1].lines) != (less[0], less[1].lines)


def test_what_is_lost_is_on_the_receipt_line_by_line() -> None:
    _, receipt = encoded(FULL)
    assert [line.partition(":")[0] for line in receipt.lines] == [
        "dropped=messages[0].f",
        "dropped=messages[0].name",
        "dropped=messages[1].parts[0]",
        "dropped=messages[1].parts[1].cache",
        "approximated=messages[1].parts[2]",
        "approximated=messages[1].parts[3].arguments",
        "approximated=messages[3]",
        "dropped=tools[0].strict",
        "dropped=format.name",
        "dropped=effort",
        "dropped=parallel_tools",
        "dropped=user",
        "dropped=more",
    ]


def test_a_conversation_of_another_dialect_is_written_as_gemini_wants_it() -> None:
    chat = Chat(
        messages=[
            Message(role="system", parts=[Text(text="be brief")]),
            Message(role="developer", parts=[Text(text="be kind")]),
            Message(role="user", parts=[Text(text="weather?")]),
            Message(
                role="assistant",
                parts=[
                    ToolCall(id="call_1", name="f", arguments='{"city":  "Rome"}'),
                    ToolCall(id="call_2", name="g", arguments=""),
                ],
            ),
            Message(role="tool", parts=[ToolResult(call_id="call_1", parts=[Text(text='{"c": 20}')])]),
            Message(role="tool", parts=[ToolResult(call_id="call_2", parts=[Text(text="none")])]),
            Message(role="user", parts=[Text(text="so?")]),
        ],
        tools=[Tool(name="f", schema=Raw(b'{"$schema":"x","type":"object"}')), Tool(name="g", description="d")],
        tool_choice="tool:f",
    )
    said, receipt = encoded(chat)
    assert receipt.lines == []
    assert said == {
        "contents": [
            {"role": "user", "parts": [{"text": "weather?"}]},
            {
                "role": "model",
                "parts": [
                    {"functionCall": {"name": "f", "args": {"city": "Rome"}, "id": "call_1"}},
                    {"functionCall": {"name": "g", "args": {}, "id": "call_2"}},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"name": "f", "id": "call_1", "response": {"c": 20}}},
                    {"functionResponse": {"name": "g", "id": "call_2", "response": {"output": "none"}}},
                ],
            },
            {"role": "user", "parts": [{"text": "so?"}]},
        ],
        "systemInstruction": {"parts": [{"text": "be brief"}, {"text": "be kind"}]},
        "tools": [
            {
                "functionDeclarations": [
                    {"name": "f", "parametersJsonSchema": {"type": "object"}},
                    {"name": "g", "description": "d"},
                ]
            }
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    }


def test_a_calls_arguments_keep_their_bytes() -> None:
    call = ToolCall(id="", name="f", arguments='{"big": 12345678901234567890, "n": 1.50}')
    raw, _ = DIALECT.encode(request(Chat(messages=[Message(role="assistant", parts=[call])]), Foreign()), "m")
    assert b'"args":{"big": 12345678901234567890, "n": 1.50}' in raw


def test_calls_without_ids_get_ids_that_vanish_again() -> None:
    call = {"functionCall": {"name": "f", "args": {}}}
    result = {"functionResponse": {"name": "f", "response": {"output": "1"}}}
    body = {
        "contents": [
            {"role": "model", "parts": [call, call]},
            {"role": "user", "parts": [result, result]},
            {"role": "model", "parts": [call]},
            {"role": "user", "parts": [result]},
        ]
    }
    chat = read(body)
    parts = [part for message in chat.messages for part in message.parts]
    ids = [part.id if isinstance(part, ToolCall) else part.call_id for part in parts]
    assert ids == [f"gemini--{n}-f" for n in (0, 1, 0, 1, 2, 2)]
    assert encoded(chat, DIALECT)[0] == body


def test_a_result_without_its_call_keeps_its_functions_name() -> None:
    body = user({"functionResponse": {"id": "x", "name": "f", "response": {"a": 1}}})
    assert encoded(read(body), DIALECT)[0] == body


def test_gemini_3_is_told_of_calls_it_did_not_make() -> None:
    calls: list[Part] = [ToolCall(id="a", name="f", arguments="{}"), ToolCall(id="b", name="g", arguments="{}")]
    chat = Chat(messages=[Message(role="assistant", parts=calls)])
    said, receipt = encoded(chat, model="gemini-3-pro-preview")
    [first, second] = said["contents"][0]["parts"]
    assert first["thoughtSignature"] == "skip_thought_signature_validator"
    assert "thoughtSignature" not in second
    assert receipt.lines == ["approximated=messages[0].parts[0]:its thought signature is not known"]
    assert encoded(chat)[1].lines == []


def test_a_signature_of_geminis_goes_back_to_its_call_whoever_brings_it() -> None:
    body = {
        "contents": [
            {
                "role": "model",
                "parts": [
                    {"text": "hm", "thought": True},
                    {"functionCall": {"name": "f", "args": {}, "id": "a"}, "thoughtSignature": "c2ln"},
                    {"functionCall": {"name": "g", "args": {}, "id": "b"}},
                ],
            },
            {"role": "model", "parts": [{"text": "done", "thoughtSignature": "ZW5k"}]},
        ]
    }
    chat = read(body)
    assert [type(part).__name__ for part in chat.messages[0].parts] == ["Thinking", "ToolCall", "ToolCall"]
    assert encoded(chat, DIALECT) == (body, Receipt())
    for message in chat.messages:
        for part in message.parts:
            if isinstance(part, Thinking):
                part.origin = ""
    assert encoded(chat, model="gemini-3-pro") == (body, Receipt())


def test_a_signature_of_another_provider_comes_back_as_it_was() -> None:

    kept = write_signature("EqQBclaude==")
    assert own_signature("EqQBclaude==") == ""
    assert read_signature(kept) == "EqQBclaude=="
    assert own_signature(read_signature("c2ln")) == "c2ln"
    assert write_signature(read_signature("c2ln")) == "c2ln"
    assert read_signature("dG9sbGhvdXNlOg") == ""
    odd = "odd\u07ff\u07ff\u07bf?>"
    as_googles_sdk_returns_it = write_signature(odd).replace("+", "-").replace("/", "_").rstrip("=")
    assert as_googles_sdk_returns_it != write_signature(odd)
    assert read_signature(as_googles_sdk_returns_it) == odd
    assert read_signature("dG9sbGhvdXNlO!") == "gemini:dG9sbGhvdXNlO!"


@given(TEXT)
def test_any_signature_survives_a_gemini_caller(signature: str) -> None:

    assert read_signature(write_signature(signature)) == signature


@pytest.mark.parametrize(
    ("model", "effort", "budget", "config", "lines"),
    [
        ("gemini-3-pro", "low", None, {"thinkingLevel": "low", "includeThoughts": True}, 0),
        ("gemini-3-flash", "none", None, {"thinkingLevel": "minimal"}, 1),
        ("gemini-3.1-pro", "xhigh", None, {"thinkingLevel": "high", "includeThoughts": True}, 1),
        ("gemini-3-pro", None, 500, {"thinkingBudget": 500, "includeThoughts": True}, 0),
        ("gemini-2.5-flash", "medium", None, {"thinkingBudget": 8192, "includeThoughts": True}, 1),
        ("gemini-2.5-flash", "none", None, {"thinkingBudget": 0}, 0),
        ("gemini-2.5-pro", "none", None, {"thinkingBudget": 128}, 1),
        ("gemini-2.5-flash", "odd", None, {"thinkingBudget": 24576, "includeThoughts": True}, 1),
        ("gemini-flash-latest", "high", None, {"thinkingLevel": "high", "includeThoughts": True}, 0),
        ("tunedModels/mine", None, 0, {"thinkingBudget": 0}, 0),
        ("tunedModels/mine", "high", None, {"thinkingBudget": 24576, "includeThoughts": True}, 1),
        ("gemini-2.0-flash", "low", 5, None, 2),
        ("gemini-2.5-flash", "low", 5, {"thinkingBudget": 5, "includeThoughts": True}, 1),
        ("gemini-2.5-flash", None, 50000, {"thinkingBudget": 24576, "includeThoughts": True}, 1),
        ("gemini-2.5-pro", None, 50000, {"thinkingBudget": 32768, "includeThoughts": True}, 1),
        ("gemini-2.5-pro", None, 0, {"thinkingBudget": 128}, 1),
        ("gemini-2.5-pro", None, -1, {"thinkingBudget": -1, "includeThoughts": True}, 0),
    ],
)
def test_effort_becomes_what_the_model_knows(
    model: str, effort: str | None, budget: int | None, config: Any, lines: int
) -> None:
    chat = Chat(messages=[], effort=effort, thinking_budget=budget)
    said, receipt = encoded(chat, model=model)
    assert said.get("generationConfig", {}).get("thinkingConfig") == config
    assert len(receipt.lines) == lines


@pytest.mark.parametrize(
    ("media", "part", "lines"),
    [
        (
            Media(kind="image", inline="aGk=", media_type="image/png", detail="low"),
            {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
            ["dropped=messages[0].parts[0].detail"],
        ),
        (
            Media(kind="image", url="https://x/a.jpg?b=c"),
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://x/a.jpg?b=c"}},
            ["approximated=messages[0].parts[0].media_type"],
        ),
        (
            Media(kind="document", inline="aGk=", name="a.txt"),
            {"inlineData": {"mimeType": "text/plain", "data": "aGk="}},
            ["dropped=messages[0].parts[0].name", "approximated=messages[0].parts[0].media_type"],
        ),
        (Media(kind="document", file_id="file-1"), None, ["dropped=messages[0].parts[0].file_id"]),
        (
            Media(kind="audio", inline="aGk="),
            {"inlineData": {"mimeType": "audio/wav", "data": "aGk="}},
            ["approximated=messages[0].parts[0].media_type"],
        ),
    ],
)
def test_media_of_another_dialect(media: Media, part: Any, lines: list[str]) -> None:
    said, receipt = encoded(Chat(messages=[Message(role="user", parts=[media, Text(text="?")])]))
    assert said["contents"][0]["parts"][:-1] == ([part] if part else [])
    assert [line.partition(":")[0] for line in receipt.lines] == lines


def test_media_of_results_stand_within_them_or_behind_them() -> None:
    image = Media(kind="image", inline="aGk=", media_type="image/png")
    inline = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    call = Message(role="assistant", parts=[ToolCall(id="a", name="f", arguments="{}")])
    result = Message(role="tool", parts=[ToolResult(call_id="a", parts=[image, Text(text="x"), Text(text="y")])])
    said, receipt = encoded(Chat(messages=[call, result]), model="gemini-2.5-pro")
    response = {"name": "f", "id": "a", "response": {"output": "x\ny"}}
    assert said["contents"][1:] == [
        {"role": "user", "parts": [{"functionResponse": response}]},
        {"role": "user", "parts": [inline]},
    ]
    assert len(receipt.lines) == 2
    said, _ = encoded(Chat(messages=[call, result]), model="gemini-3-pro")
    assert said["contents"][1:] == [{"role": "user", "parts": [{"functionResponse": {**response, "parts": [inline]}}]}]


def test_what_only_another_dialect_knows_is_dropped_with_a_line() -> None:
    part = Opaque(kind="server_tool", raw=Raw(b"{}"), dialect="foreign")
    said, receipt = encoded(Chat(messages=[Message(role="assistant", parts=[part])]))
    assert said["contents"] == []
    assert receipt.lines == [
        "dropped=messages[0].parts[0]:contents have no server_tool here",
        "dropped=messages[0]:a content without parts is refused",
    ]


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        ({"const": "a"}, {"enum": ["a"], "type": "string"}),
        ({"const": 1, "type": "integer"}, {"enum": [1], "type": "integer"}),
        ({"type": "object", "$schema": "s", "examples": [1]}, {"type": "object"}),
        (
            {"anyOf": [{"const": True}], "properties": {"$schema": {"const": 1.5}}, "items": True},
            {
                "anyOf": [{"enum": [True], "type": "boolean"}],
                "properties": {"$schema": {"enum": [1.5], "type": "number"}},
                "items": True,
            },
        ),
        (
            {"$ref": "#/$defs/a", "$defs": {"a": {"const": None}}},
            {"$ref": "#/$defs/a", "$defs": {"a": {"enum": [None]}}},
        ),
    ],
)
def test_a_schema_loses_only_what_gemini_refuses(schema: Any, written: Any) -> None:
    tool = Tool(name="f", schema=Raw(msgspec.json.encode(schema)))
    said, _ = encoded(Chat(messages=[], tools=[tool]))
    assert said["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"] == written


def test_geminis_own_schemas_become_json_schema() -> None:
    own = {
        "type": "OBJECT",
        "properties": {
            "a": {"type": "STRING", "nullable": True, "enum": ["x"]},
            "type": {"type": "ARRAY", "items": {"type": "INTEGER"}, "minItems": "2"},
            "c": {"any_of": [{"type": "NUMBER"}], "nullable": True},
            "d": {"type": "TYPE_UNSPECIFIED"},
        },
        "required": ["a"],
    }
    plain_schema = {
        "type": "object",
        "properties": {
            "a": {"type": ["string", "null"], "enum": ["x", None]},
            "type": {"type": "array", "items": {"type": "integer"}, "minItems": 2},
            "c": {"anyOf": [{"type": "number"}, {"type": "null"}]},
            "d": {},
        },
        "required": ["a"],
    }
    body = user() | {
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": own}]}],
        "generationConfig": {"responseMimeType": "application/json", "responseSchema": own},
    }
    chat = read(body)
    assert msgspec.json.decode(chat.tools[0].schema) == plain_schema
    assert msgspec.json.decode(chat.format.schema) == plain_schema


def test_both_spellings_of_protobuf_are_read() -> None:
    snake = {
        "contents": [
            {"role": "user", "parts": [{"inline_data": {"mime_type": "image/png", "data": "aGk="}}]},
            {"role": "model", "parts": [{"function_call": {"name": "f", "args": {}}, "thought_signature": "c2ln"}]},
            {"role": "user", "parts": {"function_response": {"name": "f", "response": {"error": "no"}}}},
        ],
        "system_instruction": {"parts": {"text": "s"}},
        "tools": {"function_declarations": {"name": "f", "parameters_json_schema": {"type": "object"}}},
        "tool_config": {"function_calling_config": {"mode": "any", "allowed_function_names": ["f"]}},
        "generation_config": {
            "max_output_tokens": "5",
            "candidate_count": 2,
            "stop_sequences": ["x"],
            "response_mime_type": "application/json",
            "response_json_schema": {"type": "object"},
            "thinking_config": {"thinking_level": "HIGH", "include_thoughts": True},
            "top_k": 5.0,
        },
    }
    request = asked(snake)
    assert (request.max_output, request.n) == (5, 2)
    chat = request.body
    assert isinstance(chat, Chat)
    assert (chat.max_output, chat.n, chat.stop, chat.effort, chat.top_k) == (5, 2, ["x"], "high", 5)
    assert chat.tool_choice == "tool:f"
    assert [message.role for message in chat.messages] == ["system", "user", "assistant", "tool"]
    assert chat.messages[0].parts[0].path == ("system_instruction", "parts", "text")
    assert chat.messages[3].parts[0].parts[0].path[-3:] == ("function_response", "response", "error")  # type: ignore[union-attr]
    assert chat.messages[3].parts[0].error  # type: ignore[union-attr]
    assert chat.extra == Extra("gemini", {"generationConfig.thinkingConfig.includeThoughts": Raw(b"true")})


def test_what_is_unknown_is_kept_at_every_level() -> None:
    body = {
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"text": "b", "partMetadata": {"k": 1.5}},
                    {"inlineData": {"mimeType": "video/mp4", "data": "aGk="}, "videoMetadata": {"fps": 1}},
                    {"brandNew": {"y": [1]}, "thoughtSignature": "c2ln"},
                    {"functionResponse": {"name": "f", "id": "z", "response": {}, "scheduling": "SILENT"}},
                ],
                "x": 1,
            },
            {"role": "model", "parts": [{"executableCode": {"language": "PYTHON", "code": "1"}}]},
        ],
        "systemInstruction": {"parts": [{"text": "s"}], "y": 1},
        "tools": [
            {"functionDeclarations": [{"name": "f", "behavior": "BLOCKING"}]},
            {"googleSearch": {}},
        ],
        "toolConfig": {
            "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f", "g"]},
            "includeServerSideToolInvocations": True,
        },
        "generationConfig": {
            "responseMimeType": "text/x.enum",
            "responseSchema": {"type": "STRING", "enum": ["a"]},
            "thinkingConfig": {"thinkingBudget": -1},
            "responseModalities": ["IMAGE"],
        },
        "safetySettings": [{"category": "C", "threshold": "T"}],
        "cachedContent": "cachedContents/1",
    }
    assert encoded(read(body), DIALECT) == (body, Receipt())


def test_parts_know_where_they_stand() -> None:
    body = {
        "systemInstruction": {"parts": [{"text": "a"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "b"}]},
            {"role": "model", "parts": [{"text": "t", "thought": True}, {"functionCall": {"name": "f", "args": {}}}]},
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"name": "f", "response": {"output": "d"}}},
                    {"functionResponse": {"name": "f", "response": {"other": "d"}}},
                ],
            },
        ],
    }
    raw = msgspec.json.encode(body)
    for message in read(body).messages:
        for part in message.parts:
            part = part.parts[0] if isinstance(part, ToolResult) else part
            changed = DIALECT.patch(raw, [Edit(part.path, "EDITED")])
            again = [
                inner.parts[0] if isinstance(inner, ToolResult) else inner
                for one in DIALECT.decode(changed, CHAT_ROUTE).messages  # type: ignore[union-attr]
                for inner in one.parts
                if (inner.parts[0] if isinstance(inner, ToolResult) else inner).path[:5] == part.path[:5]
            ]
            assert "EDITED" in str(again[0])
            assert changed.count(b"EDITED") == 1


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "contents"),
        ({"contents": "hi"}, "contents"),
        ({"contents": None}, "contents"),
        ({"contents": [], "generationConfig": []}, "generationConfig"),
        ({"contents": [], "generationConfig": {"maxOutputTokens": 10**30}}, "generationConfig.maxOutputTokens"),
        ({"contents": [], "generationConfig": {"maxOutputTokens": 1.5}}, "generationConfig.maxOutputTokens"),
        ({"contents": [], "generationConfig": {"candidateCount": 10**9}}, "generationConfig.candidateCount"),
        ({"contents": [], "generation_config": {"candidate_count": []}}, "generation_config.candidate_count"),
        ([], None),
        ("x", None),
    ],
)
def test_a_request_that_routing_cannot_read_is_refused_by_the_fields_name(body: Any, param: str | None) -> None:
    with pytest.raises(Rejected) as caught:
        asked(body)
    assert (caught.value.status, caught.value.param) == (400, param)
    assert param is None or f"`{param}`" in str(caught.value)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"contents": ["hi"]}, "contents[0]"),
        ({"contents": [{"role": "robot", "parts": []}]}, "contents[0].role"),
        (user({"text": 1}), "contents[0].parts[0].text"),
        (user({"text": "x", "thoughtSignature": 1}), "contents[0].parts[0].thoughtSignature"),
        (user({"functionCall": {"args": {}}}), "contents[0].parts[0].functionCall.name"),
        (user({"functionResponse": {"name": "f", "response": "x"}}), "contents[0].parts[0].functionResponse.response"),
        (user({"fileData": {}}), "contents[0].parts[0].fileData.fileUri"),
        (user() | {"tools": [{"functionDeclarations": [{"parameters": {}}]}]}, "tools[0].functionDeclarations[0].name"),
        (user() | {"generationConfig": {"temperature": "hot"}}, "generationConfig.temperature"),
        (user() | {"toolConfig": 3}, "toolConfig"),
        (user({"inlineData": {}, "inline_data": {}}), "contents[0].parts[0]"),
        (user() | {"tools": {"functionDeclarations": {"parameters": {}, "parametersJsonSchema": {}}}}, "tools"),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_read_is_refused_by_its_path(body: Any, param: str) -> None:
    with pytest.raises(Rejected) as caught:
        read(body)
    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"contents":[],"x":NaN}',
        b'{"contents":[],"x":"\xff\xfe"}',
        b'{"contents":[],"x":"\\ud800"}',
        b'{"contents":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"contents":[]} {}',
        b'{"contents":[],"contents":[]}',
    ],
    ids=str,
)
def test_what_is_not_json_is_refused_in_words(raw: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        DIALECT.request(raw, CHAT_ROUTE, "m")
    assert caught.value.status == 400
    assert caught.value.code == "invalid_json"


FOLDER = root()
SUITE = sorted((FOLDER.parent / "data" / "JSONTestSuite").glob("n_*.json")) if FOLDER else []


@pytest.mark.skipif(not SUITE, reason="no test suite here")
@pytest.mark.parametrize("file", SUITE, ids=lambda file: file.name)
def test_json_that_must_be_refused_is_refused_anywhere_in_the_body(file: Path) -> None:
    text = file.read_bytes()
    for raw in (b'{"contents":[],"x":' + text + b"}", b'{"contents":' + text + b"}", text):
        with pytest.raises(Rejected) as caught:
            DIALECT.request(raw, CHAT_ROUTE, "m")
        assert caught.value.status == 400


NAMES = [
    "contents", "parts", "text", "role", "functionCall", "function_response", "response", "args", "name", "tools",
    "functionDeclarations", "parameters", "type", "properties", "generationConfig", "responseSchema", "inlineData",
    "content", "requests", "toolConfig", "functionCallingConfig", "mode", "thinkingConfig", "thoughtSignature",
]  # fmt: skip


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | TEXT,
        lambda s: st.lists(s, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | TEXT, s, max_size=4),
        max_leaves=25,
    )
)
def test_any_json_is_read_or_refused(value: Any) -> None:
    body = {"contents": value, "tools": value, "generationConfig": value, "content": value, "requests": value}
    for method in ("generateContent", "embedContent", "batchEmbedContents"):
        for said in (value, body, user(value), user() | {"generationConfig": value}):
            with suppress(Rejected):
                chat = read(said, method)
                DIALECT.encode(request(chat), "m")
            with suppress(Rejected):
                DIALECT.address(asked(said, method), "m")


def test_routing_reads_what_it_needs() -> None:
    body = {"contents": [], "generationConfig": {"maxOutputTokens": 7, "candidateCount": 3}}
    one = asked(body, "streamGenerateContent", "models/a/b")
    assert (one.model, one.stream, one.wants_usage, one.max_output, one.n) == ("a/b", True, True, 7, 3)
    one = asked({"contents": {}, "generationConfig": None})
    assert (one.model, one.stream, one.max_output, one.n) == ("m", False, None, 1)
    assert asked({"generateContentRequest": {}}, "countTokens").task == "count"
    with pytest.raises(Rejected, match="no model"):
        asked({"contents": []}, model="models/")


def test_a_request_is_addressed_by_its_own_bytes() -> None:
    raw = b'{ "contents" : [{"parts":[{"text":"the \\"model\\""}]}] , "generationConfig": {"temperature": 1.50} }'
    one = DIALECT.request(raw, CHAT_ROUTE, "m")
    assert DIALECT.address(one, "other") is raw


@pytest.mark.parametrize(
    ("method", "body", "sent"),
    [
        ("generateContent", {"model": "models/m", "contents": []}, {"model": "models/up", "contents": []}),
        (
            "countTokens",
            {"generateContentRequest": {"model": "models/m", "contents": []}},
            {"generateContentRequest": {"model": "models/up", "contents": []}},
        ),
        (
            "batchEmbedContents",
            {"requests": [{"model": "models/dear", "content": {}}, {"content": {}}]},
            {"requests": [{"model": "models/up", "content": {}}, {"content": {}}]},
        ),
    ],
)
def test_a_model_that_the_body_repeats_becomes_the_upstreams(method: str, body: Any, sent: Any) -> None:
    assert msgspec.json.decode(DIALECT.address(asked(body, method), "up")) == sent


def test_embeddings_keep_what_their_inputs_say_else() -> None:
    single = {"content": {"parts": [{"text": "a"}, {"text": "b"}]}, "taskType": "T", "outputDimensionality": 3}
    embed = read(single, "embedContent")
    assert (embed.inputs, embed.dimensions, embed.extra) == (["a\nb"], 3, Extra("gemini", {"taskType": Raw(b'"T"')}))
    batch = {
        "requests": [
            {"model": "models/m", "content": {"parts": [{"text": "a"}]}, "outputDimensionality": 3, "title": "t"},
            {"model": "models/m", "content": {"parts": [{"text": "b"}]}, "outputDimensionality": 3},
        ]
    }
    raw, receipt = DIALECT.encode(request(read(batch, "batchEmbedContents")), "m")
    assert msgspec.json.decode(raw) == batch
    assert receipt.lines == []


def test_what_cannot_be_embedded_is_refused() -> None:
    with pytest.raises(Rejected, match="no lists of tokens"):
        encoded(Embed(inputs=[[1, 2]]))
    with pytest.raises(Rejected, match="is no text"):
        read({"content": {"parts": [{"inlineData": {}}]}}, "embedContent")
    with pytest.raises(Rejected, match="equal"):
        read({"requests": [{"outputDimensionality": 1}, {"outputDimensionality": 2}]}, "batchEmbedContents")
    assert encoded(Embed(inputs=["x"], user="u"))[1].lines == ["dropped=user:embedContent knows no end users"]


def test_a_count_has_no_neutral_form() -> None:
    with pytest.raises(Rejected) as caught:
        read({"contents": []}, "countTokens")
    assert caught.value.code == "not_countable"
