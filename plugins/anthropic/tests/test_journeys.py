"""Clients of one dialect at upstreams of the other, both on real sockets: nothing is lost that can be said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from legality import events, message
from replies import ASK, BODY, CHAT, STREAM, block, chunk
from tollhouse.gateway import Gateway
from tollhouse.testing import Client, Upstream, gateway, run, sse

CONFIG = """
plugins = ["anthropic", "openai"]
[providers.claude]
kind = "anthropic"
base_url = "{url}"
api_key = "sk-ant-key"
[providers.gpt]
kind = "openai"
base_url = "{url}/v1"
api_key = "sk-key"
[models]
both = ["gpt/m", "claude/m"]
none = ["gpt/m"]
a = ["claude/claude-sonnet-4-5"]
b = ["gpt/m"]
"""
TOOLS = [{"name": "f", "description": "d", "input_schema": {"type": "object"}}]
FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object"}}
IMAGE = {"type": "base64", "media_type": "image/png", "data": "aGk="}


@asynccontextmanager
async def served(up: Upstream) -> AsyncIterator[Gateway]:
    async with gateway(CONFIG.format(url=up.url)) as made:
        yield made


def chunks(stream: bytes) -> list[Any]:
    lines = [line[6:] for line in stream.splitlines() if line.startswith(b"data: {")]
    return [msgspec.json.decode(line) for line in lines]


def test_a_conversation_of_anthropics_reaches_openai_whole() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(CHAT)
            ask = {
                "model": "b",
                "max_tokens": 50,
                "system": [{"type": "text", "text": "rules"}],
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image", "source": IMAGE}]},
                    {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}]},
                    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "42"}]},
                ],
                "tools": TOOLS,
                "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
                "stop_sequences": ["x"],
                "metadata": {"user_id": "u"},
            }
            response = await Client(made).post("/v1/messages", ask)
            assert response.headers["x-tollhouse-translation"] == "exact"
            sent = up.requests[0].json()
            assert sent == {
                "model": "m",
                "messages": [
                    {"role": "system", "content": "rules"},
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "look"},
                            {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
                        ],
                    },
                    {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [
                            {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
                        ],
                    },
                    {"role": "tool", "tool_call_id": "c", "content": "42"},
                ],
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": "f", "description": "d", "parameters": {"type": "object"}},
                    }
                ],
                "tool_choice": "required",
                "parallel_tool_calls": False,
                "max_completion_tokens": 50,
                "stop": ["x"],
                "user": "u",
            }
            assert response.json() == {
                "id": "chatcmpl-1",
                "type": "message",
                "role": "assistant",
                "model": "gpt-m",
                "content": [
                    {"type": "text", "text": "hi"},
                    {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}},
                ],
                "stop_reason": "tool_use",
                "stop_sequence": None,
                "usage": {"input_tokens": 4, "cache_read_input_tokens": 6, "output_tokens": 4},
            }

    run(scenario())


def test_a_stream_of_openais_is_a_message_to_a_client_of_anthropics() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            calls = [
                {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}},
                {"index": 0, "function": {"arguments": '{"a"'}},
                {"index": 0, "function": {"arguments": ":1}"}},
                {"index": 1, "id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ]
            up.answer(
                sse(
                    chunk({"role": "assistant", "content": ""}),
                    chunk({"reasoning_content": "hm"}),
                    chunk({"content": "he"}),
                    chunk({"content": "llo"}),
                    *(chunk({"tool_calls": [call]}) for call in calls),
                    chunk({}, "tool_calls"),
                    {**chunk({}), "choices": [], "usage": CHAT["usage"]},
                )
            )
            ask = {**ASK, "model": "b", "stream": True}
            response = await Client(made).post("/v1/messages", ask)
            said = message(response.body)
            assert said["content"] == [
                {"type": "thinking", "thinking": "hm", "signature": ""},
                {"type": "text", "text": "hello"},
                {"type": "tool_use", "id": "c1", "name": "f", "input": '{"a":1}'},
                {"type": "tool_use", "id": "c2", "name": "g", "input": "{}"},
            ]
            assert said["stop_reason"] == "tool_use"
            assert said["usage"] == {"input_tokens": 4, "cache_read_input_tokens": 6, "output_tokens": 4}

    run(scenario())


def test_a_conversation_of_openais_reaches_anthropic_whole() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(BODY)
            ask = {
                "model": "a",
                "messages": [
                    {"role": "system", "content": "rules"},
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "look"},
                            {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
                            {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
                        ],
                    },
                    {
                        "role": "assistant",
                        "content": "",
                        "tool_calls": [
                            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1.50}'}},
                            {"id": "c2", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                        ],
                    },
                    {"role": "tool", "tool_call_id": "c1", "content": "1"},
                    {"role": "tool", "tool_call_id": "c2", "content": "2"},
                ],
                "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
                "max_tokens": 50,
            }
            response = await Client(made).post("/v1/chat/completions?x=1", ask)
            assert response.headers["x-tollhouse-translation"] == "exact"
            assert up.requests[0].path == "/v1/messages"
            assert up.requests[0].headers["anthropic-version"] == "2023-06-01"
            assert b'"input":{"a": 1.50}' in up.requests[0].body
            assert up.requests[0].json() == {
                "model": "claude-sonnet-4-5",
                "max_tokens": 50,
                "system": "rules",
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "look"},
                            {"type": "image", "source": IMAGE},
                            {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
                        ],
                    },
                    {
                        "role": "assistant",
                        "content": [
                            {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1.5}},
                            {"type": "tool_use", "id": "c2", "name": "f", "input": {}},
                        ],
                    },
                    {
                        "role": "user",
                        "content": [
                            {"type": "tool_result", "tool_use_id": "c1", "content": "1"},
                            {"type": "tool_result", "tool_use_id": "c2", "content": "2"},
                        ],
                    },
                ],
                "tools": [{"name": "f", "input_schema": {"type": "object"}}],
            }
            said = response.json()
            assert said["choices"][0]["message"]["content"] == "hi"
            assert said["choices"][0]["finish_reason"] == "stop"
            assert said["usage"]["prompt_tokens"] == 5
            assert said["usage"]["prompt_tokens_details"] == {"cached_tokens": 2}

    run(scenario())


def test_a_stream_of_anthropics_is_chunks_to_a_client_of_openais() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(STREAM)
            ask = {
                "model": "a",
                "messages": ASK["messages"],
                "stream": True,
                "stream_options": {"include_usage": True},
            }
            response = await Client(made).post("/v1/chat/completions", ask)
            assert response.headers["x-tollhouse-translation"] == "adapted; approximated=max_output"
            assert up.requests[0].json()["stream"] is True
            *said, last = chunks(response.body)
            deltas = [one["choices"][0]["delta"] for one in said]
            assert "".join(delta.get("content") or "" for delta in deltas) == "hello"
            assert "".join(delta.get("reasoning_content") or "" for delta in deltas) == "hm"
            calls = [delta["tool_calls"][0] for delta in deltas if "tool_calls" in delta]
            assert [(call["id"], call["function"]["name"]) for call in calls if "id" in call] == [
                ("toolu_1", "f"),
                ("toolu_2", "g"),
            ]
            assert ["".join(c["function"]["arguments"] for c in calls if c["index"] == n) for n in (0, 1)] == [
                '{"a": 1}',
                "{}",
            ]
            assert said[-1]["choices"][0]["finish_reason"] == "tool_calls"
            assert (last["usage"]["prompt_tokens"], last["usage"]["completion_tokens"]) == (5, 9)
            assert response.body.endswith(b"data: [DONE]\n\n")

    run(scenario())


def test_what_was_lost_is_said_in_a_header() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(BODY)
            ask = {"model": "a", "messages": ASK["messages"], "max_tokens": 9, "seed": 1, "logit_bias": {"1": 1}}
            response = await Client(made).post("/v1/chat/completions", ask)
            assert response.headers["x-tollhouse-translation"] == "adapted; dropped=seed,logit_bias"
            up.answer(CHAT)
            ask = {**ASK, "model": "b", "top_k": 3, "thinking": {"type": "enabled", "budget_tokens": 1024}}
            response = await Client(made).post("/v1/messages", ask)
            assert response.headers["x-tollhouse-translation"] == "adapted; dropped=thinking_budget,top_k"

    run(scenario())


@pytest.mark.parametrize(
    ("path", "ask", "status", "word"),
    [
        ("/v1/messages", {"model": "b", "messages": []}, 400, "invalid_request_error"),
        ("/v1/messages", {**ASK, "model": "nope"}, 404, "not_found_error"),
        ("/v1/chat/completions", {"model": "a", "messages": [], "n": 2}, 400, "invalid_request_error"),
        ("/v1/embeddings", {"model": "a", "input": "x"}, 400, "invalid_request_error"),
    ],
)
def test_the_gateways_own_errors_have_the_callers_words(path: str, ask: Any, status: int, word: str) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            response = await Client(made).post(path, ask)
            assert response.status == status
            said = response.json()
            assert said["error"]["type"] == word
            assert ("request_id" in said) == path.startswith("/v1/messages")
            assert up.requests == []

    run(scenario())


@pytest.mark.parametrize(("status", "seen", "word"), [(429, 429, "rate_limit_error"), (503, 529, "overloaded_error")])
def test_an_error_of_openais_has_anthropics_words(status: int, seen: int, word: str) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(
                {"error": {"message": "busy", "type": "t", "code": "c", "param": None}}, status, {"retry-after": "3"}
            )
            response = await Client(made).post("/v1/messages", {**ASK, "model": "b"})
            assert response.status == seen
            assert response.headers["retry-after"] == "3"
            assert response.json() == {
                "type": "error",
                "error": {"type": word, "message": "busy", "details": {"error_code": "c"}},
                "request_id": response.headers["request-id"],
            }

    run(scenario())


@pytest.mark.parametrize("word", ["rate_limit_error", "overloaded_error"])
def test_an_error_of_anthropics_has_openais_shape(word: str) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            status = {"rate_limit_error": 429, "overloaded_error": 529}[word]
            up.answer({"type": "error", "error": {"type": word, "message": "busy"}}, status)
            response = await Client(made).post("/v1/chat/completions", {**ASK, "model": "a"})
            assert response.status == status
            assert response.json()["error"] | {"code": None} == {
                "message": "busy",
                "type": word,
                "param": None,
                "code": None,
            }

    run(scenario())


def test_an_error_amid_a_stream_of_openais_ends_the_message_without_a_stop() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(sse(chunk({"content": "hi"}), done=False))
            response = await Client(made).post("/v1/messages", {**ASK, "model": "b", "stream": True})
            *_, (name, last) = events(response.body)
            assert name == "error"
            assert last["error"]["details"] == {"error_code": "upstream_cut"}
            assert b"message_stop" not in response.body

    run(scenario())


def test_tokens_are_counted_by_a_target_that_can_or_by_none() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer({"input_tokens": 19})
            ask = {"model": "both", "messages": ASK["messages"]}
            assert (await Client(made).post("/v1/messages/count_tokens", ask)).json() == {"input_tokens": 19}
            [asked] = up.requests
            assert asked.path == "/v1/messages/count_tokens"
            refused = await Client(made).post("/v1/messages/count_tokens", {**ask, "model": "none"})
            assert refused.status == 400
            assert refused.json()["error"]["details"] == {"error_code": "not_countable"}
            assert len(up.requests) == 1

    run(scenario())


def test_each_client_gets_the_list_of_models_in_its_own_form() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            assert "object" in (await Client(made).get("/v1/models")).json()
            listed = (await Client(made).get("/v1/models", {"anthropic-version": "2023-06-01"})).json()
            assert [model["type"] for model in listed["data"]] == ["model"] * 4

    run(scenario())


def test_a_server_tools_block_reaches_only_who_knows_it() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}}
            up.answer({**BODY, "content": [search, *BODY["content"]]})
            response = await Client(made).post("/v1/chat/completions", {**ASK, "model": "a"})
            assert response.json()["choices"][0]["message"]["content"] == "hi"
            streamed = await Client(made).post("/v1/messages", {**ASK, "model": "a", "stream": True})
            assert message(streamed.body)["content"] == [search, *BODY["content"]]

    run(scenario())


def test_a_refusal_of_openais_is_one_of_anthropics() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(sse(chunk({"refusal": "I cannot"}), chunk({}, "stop")))
            response = await Client(made).post("/v1/messages", {**ASK, "model": "b", "stream": True})
            said = message(response.body)
            assert (said["content"], said["stop_reason"]) == ([{"type": "text", "text": "I cannot"}], "refusal")

    run(scenario())


def test_blocks_of_one_stream_are_made_for_these_tests_as_anthropic_makes_them() -> None:
    assert message(STREAM)["stop_reason"] == "tool_use"
    assert block(0, {"type": "text", "text": ""}).count(b"    }") == 2
