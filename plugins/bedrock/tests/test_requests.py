"""Requests of Converse read, and requests of any dialect written as Converse's."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from tollhouse import Edit, Receipt, Rejected, Request
from tollhouse.neutral import (
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
from tollhouse_anthropic import AnthropicDialect
from tollhouse_bedrock import BedrockDialect
from tollhouse_bedrock.families import on_budget
from tollhouse_openai import OpenAIDialect

DIALECT = BedrockDialect(clock=lambda: 0.0)
ROUTES = {route.path.rpartition("/")[2]: route for route in DIALECT.routes}
OPENAI = OpenAIDialect()
CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
MODERN = "us.anthropic.claude-opus-5-v1:0"
NOVA = "us.amazon.nova-2-lite-v1:0"
LLAMA = "meta.llama3-70b-instruct-v1:0"
PNG = "iVBORw0KGgo="
EVERYTHING: dict[str, Any] = {
    "system": [
        {"text": "rules"},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
        {"guardContent": {"text": {"text": "g"}}},
    ],
    "messages": [
        {
            "role": "user",
            "content": [
                {"cachePoint": {"type": "default"}},
                {"text": "look", "type": "text"},
                {"image": {"format": "png", "source": {"bytes": PNG}}},
                {"image": {"format": "webp", "source": {"s3Location": {"uri": "s3://b/k", "bucketOwner": "1"}}}},
                {
                    "document": {
                        "format": "csv",
                        "name": "d",
                        "source": {"bytes": "YSxi"},
                        "context": "c",
                        "citations": {"enabled": True},
                    }
                },
                {"document": {"name": "t", "source": {"text": "plain"}}},
                {"document": {"name": "t", "source": {"content": [{"text": "x"}]}}},
                {"video": {"format": "three_gp", "source": {"bytes": "AAAA"}}},
                {"audio": {"format": "mka", "source": {"bytes": "AAAA"}}},
                {"guardContent": {"text": {"text": "guard", "qualifiers": ["query"]}}},
                {"guardContent": {"image": {"format": "png", "source": {"bytes": PNG}}}},
                {"searchResult": {"source": "s", "title": "t", "content": [{"text": "x"}]}},
                {"cachePoint": {"type": "default", "ttl": "5m"}},
                {"cachePoint": {"type": "default"}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
                {"reasoningContent": {"reasoningText": {"text": "unsigned"}}},
                {"reasoningContent": {"redactedContent": "RXVZQg=="}},
                {"reasoningContent": {"redactedContent": "/////w=="}},
                {"citationsContent": {"content": [{"text": "cited"}], "citations": [{"title": "t"}]}},
                {"citationsContent": {"content": [{"text": "a"}, {"text": "b"}]}},
                {"toolUse": {"toolUseId": "s1", "name": "web", "input": {}, "type": "server_tool_use"}},
                {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1.50}}},
                {"toolUse": {"toolUseId": "t2", "name": "f", "input": {}, "type": "tool_use"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "toolResult": {
                        "toolUseId": "t1",
                        "status": "error",
                        "type": "x",
                        "content": [
                            {"text": "no"},
                            {"json": {"why": 1}},
                            {"image": {"format": "png", "source": {"bytes": PNG}}},
                            {"searchResult": {"source": "s", "title": "t", "content": []}},
                        ],
                    }
                },
                {"toolResult": {"toolUseId": "t2", "status": "success", "content": []}},
                {"novelty": {"a": 1}},
            ],
        },
        {"role": "system", "content": [{"text": "later"}], "novel": 2},
    ],
    "inferenceConfig": {"maxTokens": 99, "temperature": 0.5, "topP": 0.25, "stopSequences": ["x", " "], "novel": 1},
    "toolConfig": {
        "tools": [
            {
                "toolSpec": {
                    "name": "f",
                    "description": "d",
                    "inputSchema": {"json": {"type": "object"}},
                    "strict": True,
                }
            },
            {"cachePoint": {"type": "default"}},
            {"systemTool": {"name": "nova_grounding"}},
        ],
        "toolChoice": {"tool": {"name": "f"}},
    },
    "additionalModelRequestFields": {
        "top_k": 5,
        "thinking": {"type": "enabled", "budget_tokens": 2048},
        "anthropic_beta": ["b"],
        "output_config": {"effort": "low"},
    },
    "additionalModelResponseFieldPaths": ["/stop_sequence"],
    "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"},
    "promptVariables": {"n": {"text": "x"}},
    "requestMetadata": {"team": "a"},
    "performanceConfig": {"latency": "optimized"},
    "serviceTier": {"type": "flex"},
    "outputConfig": {
        "textFormat": {
            "type": "json_schema",
            "structure": {"jsonSchema": {"name": "n", "schema": '{"type":"object"}', "description": "d"}},
        },
        "novel": 1,
    },
}


def asked(body: Any, model: str = "m") -> Request:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return DIALECT.request(raw, ROUTES["converse"], model)


def chat_of(body: Any) -> Chat:
    chat = asked(body).body
    assert isinstance(chat, Chat)
    return chat


def told(chat: Chat, model: str = CLAUDE, dialect: Any = OPENAI, *, stream: bool = False) -> tuple[Any, Receipt]:
    """What Bedrock is sent for a chat of another dialect's caller."""
    route = next(route for route in dialect.routes if route.task == "chat")
    request = Request(b"", dialect=dialect, route=route, model="alias", stream=stream, body=chat)
    raw, receipt = DIALECT.encode(request, model)
    return json.loads(raw), receipt


def said(*parts: Part, role: Any = "user") -> Chat:
    return Chat(messages=[Message(role=role, parts=list(parts))])


def bare(value: Any) -> Any:
    """Without paths, which say where and not what."""
    if isinstance(value, dict):
        return {name: bare(inner) for name, inner in value.items() if name != "path"}
    return [bare(inner) for inner in value] if isinstance(value, list) else value


def plain(chat: Chat) -> Any:
    return bare(msgspec.json.decode(msgspec.json.encode(chat)))


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything in a JSON value."""
    found: list[tuple[Any, ...]] = []
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += [(*at, key), *places(inner, (*at, key))]
    return found


def test_everything_that_can_be_said_is_written_again() -> None:
    request = asked(EVERYTHING)
    raw, receipt = DIALECT.encode(request, "m")
    assert receipt.lines == []
    again = DIALECT.request(raw, ROUTES["converse"], "m")
    assert plain(again.body) == plain(request.body)  # type: ignore[arg-type]  # chats
    written = json.loads(raw)
    for name in EVERYTHING.keys() - {"messages", "toolConfig"}:
        assert written[name] == EVERYTHING[name], name
    assert [list(tool) for tool in written["toolConfig"]["tools"]] == [["toolSpec"], ["cachePoint"], ["systemTool"]]
    assert [turn["role"] for turn in written["messages"]] == ["user", "assistant", "user", "system"]
    assert written["messages"][1] == EVERYTHING["messages"][1]
    first, original = written["messages"][0]["content"], EVERYTHING["messages"][0]["content"]
    assert [first[n] for n in (0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13)] == [
        original[n] for n in (0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13)
    ]


@pytest.mark.parametrize("place", places(EVERYTHING), ids=str)
def test_no_field_is_ignored(place: tuple[Any, ...]) -> None:
    """Without it the request means something else, or is none."""
    body = json.loads(json.dumps(EVERYTHING))
    inner = body
    for key in place[:-1]:
        inner = inner[key]
    gone = inner.pop(place[-1])
    try:
        changed = plain(chat_of(body))
    except Rejected:
        return
    says_nothing = gone in ({}, []) or (place[-1] == "status" and gone == "success")
    assert (changed != plain(chat_of(EVERYTHING))) or says_nothing


_FIRST, _SECOND, _THIRD = (("messages", n, "content") for n in range(3))
DROPPED: list[tuple[Any, ...]] = [
    ("system", 1),
    *((*_FIRST, n) for n in (0, 3, 6, 10, 11, 12, 13)),
    *((*_FIRST, 4, "document", name) for name in ("context", "citations")),
    (*_FIRST, 9, "guardContent", "text", "qualifiers"),
    (*_SECOND, 0, "reasoningContent", "reasoningText", "signature"),
    (*_SECOND, 4, "citationsContent", "citations"),
    *((*_SECOND, n) for n in (5, 6)),
    (*_THIRD, 0, "toolResult", "type"),
    (*_THIRD, 0, "toolResult", "content", 3),
    (*_THIRD, 2),
    ("toolConfig", "tools", 2),
    ("additionalModelRequestFields", "anthropic_beta"),
    *((name,) for name in ("additionalModelResponseFieldPaths", "guardrailConfig", "promptVariables")),
    *((name,) for name in ("requestMetadata", "performanceConfig", "serviceTier")),
    ("outputConfig", "textFormat", "structure", "jsonSchema", "description"),
    ("outputConfig", "novel"),
]
"""What the receipt names as a whole: nothing tells that a piece of it is gone."""


@pytest.mark.parametrize("place", places(EVERYTHING), ids=str)
def test_no_field_goes_to_openai_unseen(place: tuple[Any, ...]) -> None:
    """Without it OpenAI is sent something else, or the receipt has other lines."""
    body = json.loads(json.dumps(EVERYTHING))
    inner = body
    for key in place[:-1]:
        inner = inner[key]
    gone = inner.pop(place[-1])

    def sent(one: Any) -> Any:
        raw, receipt = OPENAI.encode(asked(one), "gpt")
        return raw, receipt.lines

    try:
        changed = sent(body)
    except Rejected:
        return
    says_nothing = gone in ({}, []) or (place[-1] == "status" and gone == "success")
    assert changed != sent(EVERYTHING) or says_nothing or any(place[: len(whole)] == whole for whole in DROPPED)


NEUTRAL = Chat(
    messages=[
        Message(role="system", parts=[Text(text="rules")]),
        Message(
            role="user",
            parts=[
                Text(text="hi"),
                Media(kind="image", media_type="image/png", inline=PNG, detail="low", name="n.png"),
            ],
            name="ann",
        ),
        Message(role="assistant", parts=[Refusal(text="no"), ToolCall(id="c", name="f", arguments='{"a":1}')]),
        Message(role="tool", parts=[ToolResult(call_id="c", parts=[Text(text="42")], error=True)]),
    ],
    tools=[Tool(name="f", description="d", schema=Raw(b'{"type":"object","x":1}'), strict=True)],
    tool_choice="required",
    parallel_tools=False,
    max_output=500,
    temperature=0.5,
    top_p=0.5,
    top_k=5,
    stop=["x"],
    seed=1,
    format=Format(kind="schema", name="n", schema=Raw(b'{"type":"object"}'), strict=True),
    effort="low",
    thinking_budget=2048,
    user="u",
    extra=Extra("openai", {"logit_bias": Raw(b"{}")}),
)


@pytest.mark.parametrize("model", [CLAUDE, MODERN, NOVA, LLAMA])
@pytest.mark.parametrize("field", [name for name in Chat.__struct_fields__ if name not in ("messages", "path", "n")])
def test_a_neutral_field_is_sent_or_on_the_receipt(field: str, model: str) -> None:
    default = {"tools": [], "stop": [], "user": ""}.get(field)
    without = msgspec.structs.replace(NEUTRAL, **{field: default})
    whole, less = told(NEUTRAL, model), told(without, model)
    assert (whole[0], whole[1].lines) != (less[0], less[1].lines)


@pytest.mark.parametrize(
    ("message", "part", "field", "default"),
    [
        (1, None, "name", ""),
        (0, 0, "text", "?"),
        (1, 0, "text", "?"),
        (1, 1, "media_type", "image/gif"),
        (1, 1, "inline", "AAAA"),
        (1, 1, "detail", ""),
        (1, 1, "name", ""),
        (2, 0, "text", "?"),
        (2, 1, "id", "?"),
        (2, 1, "name", "?"),
        (2, 1, "arguments", "{}"),
        (3, 0, "call_id", "?"),
        (3, 0, "error", False),
        (3, 0, "parts", []),
    ],
)
def test_a_field_of_a_message_is_sent_or_on_the_receipt(
    message: int, part: int | None, field: str, default: Any
) -> None:
    changed = msgspec.structs.replace(NEUTRAL, messages=[msgspec.structs.replace(m) for m in NEUTRAL.messages])
    one: Any = changed.messages[message]
    if part is None:
        changed.messages[message] = msgspec.structs.replace(one, **{field: default})
    else:
        parts = list(one.parts)
        parts[part] = msgspec.structs.replace(parts[part], **{field: default})
        one.parts = parts
    whole, less = told(NEUTRAL), told(changed)
    assert (whole[0], whole[1].lines) != (less[0], less[1].lines)


def test_a_chat_of_another_dialect_is_a_converse_request() -> None:
    body, receipt = told(NEUTRAL)
    assert body == {
        "system": [{"text": "rules"}],
        "messages": [
            {"role": "user", "content": [{"text": "hi"}, {"image": {"format": "png", "source": {"bytes": PNG}}}]},
            {
                "role": "assistant",
                "content": [{"text": "no"}, {"toolUse": {"toolUseId": "c", "name": "f", "input": {"a": 1}}}],
            },
            {
                "role": "user",
                "content": [{"toolResult": {"toolUseId": "c", "content": [{"text": "42"}], "status": "error"}}],
            },
        ],
        "inferenceConfig": {"maxTokens": 500, "temperature": 0.5, "stopSequences": ["x"]},
        "toolConfig": {
            "tools": [
                {
                    "toolSpec": {
                        "name": "f",
                        "description": "d",
                        "inputSchema": {"json": {"type": "object", "x": 1}},
                        "strict": True,
                    }
                }
            ],
            "toolChoice": {"any": {}},
        },
        "additionalModelRequestFields": {"top_k": 5},
        "outputConfig": {
            "textFormat": {
                "type": "json_schema",
                "structure": {"jsonSchema": {"schema": '{"type":"object"}', "name": "n"}},
            }
        },
    }
    assert [line.partition(":")[0] for line in receipt.lines] == [
        "dropped=messages[1].name",
        "dropped=messages[1].parts[1].detail",
        "dropped=messages[1].parts[1].name",
        "approximated=messages[2].parts[0]",
        "dropped=effort",
        "dropped=thinking_budget",
        "dropped=top_p",
        "dropped=parallel_tools",
        "dropped=seed",
        "dropped=user",
        "dropped=logit_bias",
    ]


@pytest.mark.parametrize(
    ("model", "effort", "budget", "sent"),
    [
        (CLAUDE, "low", None, {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
        (CLAUDE, None, 3000, {"thinking": {"type": "enabled", "budget_tokens": 3000}}),
        (CLAUDE, None, 3, {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        (CLAUDE, None, -1, {"thinking": {"type": "enabled", "budget_tokens": 16384}}),
        (CLAUDE, "none", None, {"thinking": {"type": "disabled"}}),
        (MODERN, "minimal", None, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
        (MODERN, None, 9000, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}),
        (NOVA, "medium", None, {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}}),
        (NOVA, "none", None, {"reasoningConfig": {"type": "disabled"}}),
        ("openai.gpt-oss-120b-1:0", "xhigh", None, {"reasoning_effort": "high"}),
        ("qwen.qwen3-32b-v1:0", "low", None, {"reasoning_config": "low"}),
        ("qwen.qwen3-32b-v1:0", "none", None, None),
        (LLAMA, "low", None, None),
        (CLAUDE, "weird", None, None),
    ],
)
def test_thinking_is_asked_in_the_models_own_words(model: str, effort: Any, budget: Any, sent: Any) -> None:
    chat = said(Text(text="x"))
    chat.effort, chat.thinking_budget = effort, budget
    body, receipt = told(chat, model)
    assert body.get("additionalModelRequestFields") == sent
    exact = sent and (budget == 3000 or effort == "none" or (model == NOVA) or model.startswith("qwen"))
    assert bool(receipt.lines) == (not exact)


def test_a_budget_is_cut_to_what_is_left_of_the_output() -> None:
    chat = said(Text(text="x"))
    chat.thinking_budget, chat.max_output = 5000, 3000
    body, _ = told(chat)
    assert body["additionalModelRequestFields"]["thinking"]["budget_tokens"] == 2999
    chat.max_output = 1024
    body, receipt = told(chat)
    assert "additionalModelRequestFields" not in body
    assert receipt.lines


@pytest.mark.parametrize(
    ("model", "thinks", "config", "more"),
    [
        (CLAUDE, False, {"temperature": 1.0}, {"top_k": 4}),
        (CLAUDE, True, {"maxTokens": 9000}, {"thinking": {"type": "enabled", "budget_tokens": 2000}}),
        (MODERN, False, None, None),
        (NOVA, False, {"temperature": 1.0, "topP": 0.5}, {"inferenceConfig": {"topK": 4}}),
        (LLAMA, False, {"temperature": 1.0, "topP": 0.5}, None),
    ],
)
def test_sampling_is_asked_as_far_as_the_model_takes_it(model: str, thinks: bool, config: Any, more: Any) -> None:
    chat = said(Text(text="x"))
    chat.temperature, chat.top_p, chat.top_k = 1.5, 0.5, 4
    if thinks:
        chat.thinking_budget, chat.max_output = 2000, 9000
    body, receipt = told(chat, model)
    assert body.get("inferenceConfig") == config
    assert body.get("additionalModelRequestFields") == more
    assert receipt.lines


@pytest.mark.parametrize(
    ("model", "budgeted"),
    [
        ("anthropic.claude-v2:1", True),
        ("anthropic.claude-instant-v1", True),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", True),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", True),
        ("us.anthropic.claude-opus-4-1-20250805-v1:0", True),
        ("eu.anthropic.claude-sonnet-4-6", True),
        ("eu.anthropic.claude-opus-4-6-v1", True),
        ("eu.anthropic.claude-opus-4-7", False),
        ("eu.anthropic.claude-sonnet-5-v1:0", False),
        ("eu.anthropic.claude-opus-4-10-v1:0", False),
    ],
)
def test_claudes_are_told_apart(model: str, budgeted: bool) -> None:
    assert on_budget(model) == budgeted


def test_turns_alternate_and_results_come_first() -> None:
    chat = Chat(
        messages=[
            Message(role="assistant", parts=[ToolCall(id="a b", name="f", arguments="")]),
            Message(role="user", parts=[Text(text="by the way")]),
            Message(role="tool", parts=[ToolResult(call_id="a b", parts=[])]),
            Message(role="developer", parts=[Text(text="be brief")]),
            Message(role="user", parts=[Text(text="  "), Text(text="")]),
        ]
    )
    body, receipt = told(chat)
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    result, text = body["messages"][2]["content"]
    assert result["toolResult"]["toolUseId"] == body["messages"][1]["content"][0]["toolUse"]["toolUseId"]
    assert len(result["toolResult"]["toolUseId"]) <= 64
    assert (result["toolResult"]["content"], text) == ([{"text": "(no content)"}], {"text": "by the way"})
    assert body["system"] == [{"text": "be brief"}]
    assert body["toolConfig"] == {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}]}
    assert {line.partition(":")[0] for line in receipt.lines} == {
        "approximated=messages[2].parts[0]",
        "approximated=messages[2]",
        "approximated=messages[3]",
        "dropped=messages[4].parts[0]",
        "dropped=messages[4]",
        "approximated=messages",
        "approximated=tools",
    }


@pytest.mark.parametrize(("arguments", "sent"), [("", {}), ('{"a":1}', {"a": 1}), ("[1]", None), ("{", None)])
def test_arguments_are_an_object(arguments: str, sent: Any) -> None:
    body, receipt = told(said(ToolCall(id="c", name="f", arguments=arguments), role="assistant"))
    input_ = body["messages"][-1]["content"][0]["toolUse"]["input"]
    assert input_ == (sent if sent is not None else {"arguments": arguments})
    assert any("arguments" in line for line in receipt.lines) == (sent is None)


def test_a_tool_choice_of_none_is_said_by_leaving_the_tools_out() -> None:
    chat = said(Text(text="x"))
    chat.tools, chat.tool_choice = [Tool(name="f")], "none"
    body, receipt = told(chat)
    assert "toolConfig" not in body
    assert receipt.lines[0].startswith("approximated=tool_choice")
    chat.messages.append(Message(role="assistant", parts=[ToolCall(id="c", name="f", arguments="{}")]))
    body, receipt = told(chat)
    assert len(body["toolConfig"]["tools"]) == 1
    assert receipt.lines[0].startswith("dropped=tool_choice")


@pytest.mark.parametrize(
    ("media", "sent"),
    [
        (Media(kind="image", inline=PNG), {"image": {"format": "png", "source": {"bytes": PNG}}}),
        (
            Media(kind="image", inline="/9j/", media_type="image/jpg"),
            {"image": {"format": "jpeg", "source": {"bytes": "/9j/"}}},
        ),
        (Media(kind="image", url="https://x/y.png"), None),
        (Media(kind="image", url="s3://b/k.png"), None),
        (Media(kind="image", file_id="file-1"), None),
        (Media(kind="image", inline="AAAA", media_type="image/tiff"), None),
        (
            Media(kind="document", inline="JVBERi", name="Q3: final_report.pdf"),
            {"document": {"format": "pdf", "name": "Q3 final report pdf", "source": {"bytes": "JVBERi"}}},
        ),
        (
            Media(kind="document", inline="e30=", media_type="application/json"),
            {"document": {"format": "txt", "name": "document", "source": {"bytes": "e30="}}},
        ),
        (
            Media(kind="audio", inline="AAAA", media_type="audio/wav"),
            {"audio": {"format": "wav", "source": {"bytes": "AAAA"}}},
        ),
        (
            Media(kind="video", inline="AAAA", media_type="video/mp4"),
            {"video": {"format": "mp4", "source": {"bytes": "AAAA"}}},
        ),
    ],
)
def test_media_of_other_dialects_are_sent_by_their_bytes(media: Media, sent: Any) -> None:
    body, receipt = told(said(Text(text="see"), media))
    assert body["messages"][0]["content"][1:] == ([sent] if sent else [])
    assert sent or receipt.lines


def test_documents_of_one_name_get_two() -> None:
    media = [Media(kind="document", inline="JVBERi", media_type="application/pdf", name="a") for _ in range(3)]
    body, _ = told(said(*media))
    assert [block["document"]["name"] for block in body["messages"][0]["content"]] == ["a", "a 2", "a 3"]


def test_cache_marks_of_other_dialects_are_cache_points_where_the_model_takes_them() -> None:
    mark = Extra("anthropic", {"cache_control": Raw(b'{"type":"ephemeral","ttl":"1h"}')})
    point = {"cachePoint": {"type": "default", "ttl": "1h"}}
    chat = Chat(
        messages=[
            Message(role="system", parts=[Text(text="s", extra=mark)]),
            Message(role="user", parts=[Text(text="x")], extra=mark),
        ],
        tools=[Tool(name="f", extra=mark)],
    )
    body, receipt = told(chat, dialect=AnthropicDialect())
    assert body["system"][1:] == body["messages"][0]["content"][1:] == body["toolConfig"]["tools"][1:] == [point]
    assert receipt.lines == []
    body, receipt = told(chat, LLAMA, AnthropicDialect())
    assert "cachePoint" not in str(body)
    assert len(receipt.lines) == 3


def test_cache_points_reach_anthropic_as_marks() -> None:
    anthropic = AnthropicDialect()
    content = [{"text": "x"}, {"cachePoint": {"type": "default", "ttl": "1h"}}]
    raw, receipt = anthropic.encode(asked({"messages": [{"role": "user", "content": content}]}), "claude")
    assert json.loads(raw)["messages"][0]["content"] == [
        {"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    ]
    assert all("max_output" in line for line in receipt.lines)


def test_signed_thoughts_go_back_to_claude_alone() -> None:
    thoughts = (Thinking(text="hm", signature="sig"), Thinking(opaque="EuYB"), Thinking(text="unsigned"))
    chat = said(*thoughts, Text(text="x"), role="assistant")
    signed = [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
        {"reasoningContent": {"redactedContent": base64.b64encode(b"EuYB").decode()}},
    ]
    body, receipt = told(chat, CLAUDE, AnthropicDialect())
    assert body["messages"][1]["content"] == [*signed, {"text": "x"}]
    assert [line for line in receipt.lines if "thoughts" in line] == [
        "dropped=messages[0].parts[2]:thoughts go back to their origin only"
    ]
    for model, dialect in ((NOVA, AnthropicDialect()), (CLAUDE, OPENAI)):
        body, _ = told(chat, model, dialect)
        assert body["messages"][1]["content"] == [{"text": "x"}]


def test_what_another_dialect_alone_knows_is_on_the_receipt() -> None:
    opaque = Opaque(kind="web_search", raw=Raw(b"{}"), dialect="anthropic")
    extra = Extra("anthropic", {"citations": Raw(b"[]")})
    _, receipt = told(said(Text(text="x", extra=extra), opaque, role="assistant"))
    assert "dropped=messages[0].parts[0].citations:known to anthropic only" in receipt.lines
    assert "dropped=messages[0].parts[1]:assistant turns have no web_search here" in receipt.lines


def test_json_without_a_schema_cannot_be_asked_for() -> None:
    chat = said(Text(text="x"))
    chat.format = Format(kind="json")
    body, receipt = told(chat)
    assert "outputConfig" not in body
    assert receipt.lines == ["dropped=format:JSON can be asked for by a schema only"]


def test_more_than_one_choice_and_another_task_are_refused() -> None:
    chat = said(Text(text="x"))
    chat.n = 2
    with pytest.raises(Rejected, match="one answer") as caught:
        told(chat)
    assert caught.value.code == "unsupported_parameter"
    route = next(route for route in OPENAI.routes if route.task == "embed")
    request = OPENAI.request(b'{"model":"m","input":"x"}', route)
    with pytest.raises(Rejected) as caught:
        DIALECT.encode(request, CLAUDE)
    assert caught.value.code == "unsupported_task"


def test_a_request_says_what_routing_needs() -> None:
    body = {"messages": [], "inferenceConfig": {"maxTokens": 7}}
    for method, stream in (("converse", False), ("converse-stream", True)):
        request = DIALECT.request(json.dumps(body).encode(), ROUTES[method], "a/b:0")
        assert (request.model, request.stream, request.max_output) == ("a/b:0", stream, 7)
        request.edit(Edit(("inferenceConfig", "maxTokens"), 3))
        assert (request.model, request.stream, request.max_output, request.tail) == ("a/b:0", stream, 3, "a/b:0")
    prompt = "arn:aws:bedrock:eu-west-1:1:prompt/ABCDEFGHIJ"
    assert DIALECT.request(b"{}", ROUTES["converse"], prompt).model == prompt


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not valid JSON"),
        (b"[]", "object"),
        (b"{}", "messages"),
        (b'{"messages":null}', "messages"),
        (b'{"messages":{}}', "array"),
        (b'{"messages":[],"messages":[]}', "twice"),
        (b'{"messages":[],"inferenceConfig":{"maxTokens":-1}}', "maxTokens"),
        (b'{"messages":[],"inferenceConfig":[]}', "object"),
    ],
)
def test_bytes_that_are_no_request_are_refused_by_field(body: bytes, words: str) -> None:
    with pytest.raises(Rejected, match=words) as caught:
        asked(body)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": [{"role": "tool", "content": []}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"text": 1}]}]}, "messages[0].content[0].text"),
        (
            {"messages": [{"role": "user", "content": [{"toolUse": {"name": "f"}}]}]},
            "messages[0].content[0].toolUse.toolUseId",
        ),
        ({"messages": [], "toolConfig": {"tools": [{"toolSpec": {}}]}}, "toolConfig.tools[0].toolSpec.name"),
        ({"messages": [], "inferenceConfig": {"temperature": "x"}}, "inferenceConfig.temperature"),
    ],
)
def test_a_wrong_field_is_named(body: Any, param: str) -> None:
    request = asked(body)
    with pytest.raises(Rejected) as caught:
        assert request.body
    assert caught.value.param == param


def test_texts_are_edited_where_they_stand() -> None:
    request = asked(EVERYTHING)
    chat = request.body
    assert isinstance(chat, Chat)
    edits = []
    for message in chat.messages:
        for part in message.parts:
            inner = part.parts if isinstance(part, ToolResult) else [part]
            edits += [Edit(one.path, '{"n":1}') for one in inner if isinstance(one, Text | ToolCall)]
    request.edit(*edits)
    changed = request.body
    assert isinstance(changed, Chat)
    texts = [
        one.text if isinstance(one, Text) else one.arguments
        for message in changed.messages
        for part in message.parts
        for one in (part.parts if isinstance(part, ToolResult) else [part])
        if isinstance(one, Text | ToolCall)
    ]
    assert len(texts) == len(edits)
    assert set(texts) == {'{"n":1}'}
    raw = json.loads(request.raw)
    assert raw["messages"][1]["content"][7]["toolUse"]["input"] == {"n": 1}
    assert raw["messages"][2]["content"][0]["toolResult"]["content"][1]["json"] == {"n": 1}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["text", "toolUse", "toolResult", "content", "source", "bytes", "name", "image", "json"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)


@given(VALUES)
def test_any_block_is_read_and_written_again_or_refused(block: Any) -> None:
    body = {"messages": [{"role": "user", "content": [block, {"text": "x"}]}]}
    try:
        request = asked(body)
        chat = request.body
    except Rejected as error:
        request, status = None, error.status
    if request is None:
        assert status == 400
        return
    raw, receipt = DIALECT.encode(request, "m")
    again = asked(raw).body
    if not receipt.lines:
        assert plain(again) == plain(chat)  # type: ignore[arg-type]  # chats
