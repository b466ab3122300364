"""Callers of one dialect at providers of another, through a gateway to an upstream on a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from tollhouse.framing import sse as framing
from tollhouse.gateway import Gateway
from tollhouse.testing import Client, Upstream, gateway, run, sse
from tollhouse_gemini import Gemini
from tollhouse_openai import OpenAI

KEYS = ("AIzaSyUPSTREAM-canary-0123456789abcdef", "sk-upstream-canary-0123456789")
PNG = "iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@asynccontextmanager
async def served(up: Upstream) -> AsyncIterator[Gateway]:
    config = (
        f'[providers.gem]\nkind = "gemini"\nbase_url = "{up.url}"\napi_key = "{KEYS[0]}"\n'
        f'[providers.oai]\nkind = "openai"\nbase_url = "{up.url}/v1"\napi_key = "{KEYS[1]}"\n'
        '[models]\ngemini = ["gem/gemini-2.5-flash"]\ngemini-3 = ["gem/gemini-3-pro"]\ngpt = ["oai/gpt-5"]\n'
        'vectors = ["gem/gemini-embedding-001"]\nvectors-oai = ["oai/embed"]\n'
    )
    async with gateway(config, OpenAI, Gemini) as made:
        yield made


def content(*parts: Any, reason: str | None = "STOP", **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    if reason:
        candidate["finishReason"] = reason
    return {"candidates": [candidate], "modelVersion": "gemini-real", "responseId": "resp-1", **more}


GEMINI_USAGE = {
    "promptTokenCount": 20,
    "cachedContentTokenCount": 8,
    "candidatesTokenCount": 5,
    "thoughtsTokenCount": 7,
    "totalTokenCount": 32,
}
OPENAI_USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 12,
    "total_tokens": 32,
    "prompt_tokens_details": {"cached_tokens": 8},
    "completion_tokens_details": {"reasoning_tokens": 7},
}
ASK = {"messages": [{"role": "user", "content": "hello"}]}
ASK_GEMINI = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}


def completion(message: dict[str, Any], reason: str = "stop") -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 7,
        "model": "gpt-real",
        "choices": [choice],
        "usage": OPENAI_USAGE,
    }


def delta(said: dict[str, Any], reason: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": said, "finish_reason": reason}
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 7,
        "model": "gpt-real",
        "choices": [choice],
        **more,
    }


def data(body: bytes) -> list[Any]:
    """The JSON values of an event stream."""
    found = [framing.data(raw) for raw in framing.Splitter().feed(body)]
    return [msgspec.json.decode(value) for value in found if value != b"[DONE]"]


async def from_openai(made: Gateway, model: str, body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What an OpenAI caller is answered: whole, or streamed and put together again."""
    response = await Client(made).post("/v1/chat/completions", {"model": model, **body})
    assert response.status == 200, response.body
    if not body.get("stream"):
        said = response.json()
        return {**said["choices"][0], "usage": said["usage"]}, response.headers
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    out: dict[str, Any] = {"index": 0, "message": message, "logprobs": None}
    for chunk in data(response.body):
        for choice in chunk["choices"]:
            for call in choice["delta"].pop("tool_calls", []):
                calls = message.setdefault("tool_calls", [])
                if call["index"] == len(calls):
                    calls.append({"id": call["id"], "type": "function", "function": {"arguments": ""}})
                function = calls[call["index"]]["function"]
                function["name"] = call["function"].get("name", function.get("name"))
                function["arguments"] += call["function"]["arguments"]
            choice["delta"].pop("role", None)
            for field, text in choice["delta"].items():
                if text:
                    message[field] = (message.get(field) or "") + text
            out["finish_reason"] = choice["finish_reason"] or out.get("finish_reason")
        out["usage"] = chunk["usage"] or out.get("usage")
    assert response.body.endswith(b"data: [DONE]\n\n")
    return out, response.headers


async def from_gemini(made: Gateway, model: str, body: dict[str, Any], stream: bool) -> tuple[Any, dict[str, str]]:
    """What a Gemini caller is answered: whole, or streamed and its texts joined."""
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    response = await Client(made).post(f"/v1beta/models/{model}:{method}", body)
    assert response.status == 200, response.body
    if not stream:
        return response.json(), response.headers
    out: dict[str, Any] = {}
    parts: list[Any] = []
    for chunk in data(response.body):
        for part in chunk["candidates"][0]["content"]["parts"]:
            if "text" in part and parts and "text" in parts[-1] and part.get("thought") == parts[-1].get("thought"):
                parts[-1]["text"] += part["text"]
            elif part != {"text": ""}:
                parts.append(part)
        out = {**out, **chunk}
    out["candidates"][0]["content"]["parts"] = parts
    return out, response.headers


BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def streamed(*chunks: Any, done: bool = False) -> bytes:
    return sse(*chunks, done=done)


@BOTH
def test_an_openai_caller_talks_to_gemini(stream: bool) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            if stream:
                up.answer(
                    streamed(
                        content({"text": "let me ", "thought": True}, reason=None),
                        content({"text": "think", "thought": True}, reason=None),
                        content({"text": "Hello, "}, reason=None),
                        content({"text": "wörld"}, usageMetadata=GEMINI_USAGE),
                    )
                )
            else:
                up.answer(
                    content(
                        {"text": "let me think", "thought": True},
                        {"text": "Hello, wörld"},
                        usageMetadata=GEMINI_USAGE,
                    )
                )
            options: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
            body = {
                "messages": [
                    {"role": "system", "content": "be brief"},
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "what is this?"},
                            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                        ],
                    },
                ],
                "reasoning_effort": "low",
                "max_completion_tokens": 99,
                "temperature": 0.5,
                "top_p": 0.25,
                "stop": "END",
                "seed": 4,
                **options,
            }
            said, headers = await from_openai(made, "gemini", body)
            assert said == {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Hello, wörld",
                    "refusal": None,
                    "reasoning_content": "let me think",
                },
                "logprobs": None,
                "finish_reason": "stop",
                "usage": OPENAI_USAGE,
            }
            assert headers["x-tollhouse-translation"] == "adapted; approximated=effort"
            method = "streamGenerateContent?alt=sse" if stream else "generateContent"
            assert up.requests[0].path == f"/v1beta/models/gemini-2.5-flash:{method}"
            assert up.requests[0].headers["x-goog-api-key"] == KEYS[0]
            assert up.requests[0].json() == {
                "contents": [
                    {
                        "role": "user",
                        "parts": [
                            {"text": "what is this?"},
                            {"inlineData": {"mimeType": "image/png", "data": PNG}},
                        ],
                    }
                ],
                "systemInstruction": {"parts": [{"text": "be brief"}]},
                "generationConfig": {
                    "maxOutputTokens": 99,
                    "temperature": 0.5,
                    "topP": 0.25,
                    "stopSequences": ["END"],
                    "seed": 4,
                    "thinkingConfig": {"thinkingBudget": 1024, "includeThoughts": True},
                },
            }

    run(scenario())


@BOTH
def test_an_openai_callers_tools_reach_gemini_and_come_back(stream: bool) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            calls = [
                {"functionCall": {"name": "weather", "args": {"city": "Rome", "n": 1}}, "thoughtSignature": "c2ln"},
                {"functionCall": {"name": "time", "args": {}, "id": "given"}},
            ]
            if stream:
                up.answer(streamed(content(*calls, reason=None), content({"text": ""}, usageMetadata=GEMINI_USAGE)))
            else:
                up.answer(content(*calls, usageMetadata=GEMINI_USAGE))
            up.answer(content({"text": "Sunny."}, usageMetadata=GEMINI_USAGE))
            tools = {
                "tools": [
                    {"type": "function", "function": {"name": "weather", "description": "d", "parameters": SCHEMA}},
                    {"type": "function", "function": {"name": "time"}},
                ],
                "tool_choice": "required",
            }
            options: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
            first, headers = await from_openai(made, "gemini", {**ASK, **tools, **options})
            assert headers["x-tollhouse-translation"] == "exact"
            assert up.requests[0].json() == {
                **ASK_GEMINI,
                "tools": [
                    {
                        "functionDeclarations": [
                            {"name": "weather", "description": "d", "parametersJsonSchema": SCHEMA},
                            {"name": "time"},
                        ]
                    }
                ],
                "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
            }
            assert first["finish_reason"] == "tool_calls"
            assert first["message"]["content"] is None
            assert first["message"]["tool_calls"] == [
                {
                    "id": "gemini-resp1-0-weather",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city":"Rome","n":1}'},
                },
                {"id": "given", "type": "function", "function": {"name": "time", "arguments": "{}"}},
            ]
            results = [
                {"role": "tool", "tool_call_id": call["id"], "content": f"result {n}"}
                for n, call in enumerate(first["message"]["tool_calls"])
            ]
            history = {"messages": [*ASK["messages"], first["message"], *results]}
            second, _ = await from_openai(made, "gemini", history)
            assert second["message"]["content"] == "Sunny."
            assert up.requests[1].json()["contents"][1:] == [
                {
                    "role": "model",
                    "parts": [
                        {"functionCall": {"name": "weather", "args": {"city": "Rome", "n": 1}}},
                        {"functionCall": {"name": "time", "args": {}, "id": "given"}},
                    ],
                },
                {
                    "role": "user",
                    "parts": [
                        {"functionResponse": {"name": "weather", "response": {"output": "result 0"}}},
                        {"functionResponse": {"name": "time", "id": "given", "response": {"output": "result 1"}}},
                    ],
                },
            ]

    run(scenario())


def test_an_openai_callers_schema_is_kept_by_gemini() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(content({"text": '{"city":"Rome"}'}, usageMetadata=GEMINI_USAGE))
            form = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA, "strict": True}}
            said, headers = await from_openai(made, "gemini", {**ASK, "response_format": form})
            assert said["message"]["content"] == '{"city":"Rome"}'
            assert up.requests[0].json()["generationConfig"] == {
                "responseMimeType": "application/json",
                "responseJsonSchema": SCHEMA,
            }
            assert headers["x-tollhouse-translation"] == "adapted; dropped=format.name"

    run(scenario())


def test_what_gemini_does_not_know_is_on_the_receipt() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(content({"text": "x"}, usageMetadata=GEMINI_USAGE))
            asked = {**ASK, "logit_bias": {"1": 2}, "user": "u", "parallel_tool_calls": False}
            _, headers = await from_openai(made, "gemini", asked)
            assert headers["x-tollhouse-translation"] == "adapted; dropped=parallel_tools,user,logit_bias"

    run(scenario())


@BOTH
def test_a_gemini_caller_talks_to_openai(stream: bool) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            if stream:
                up.answer(
                    streamed(
                        delta({"role": "assistant", "reasoning_content": "let me think"}),
                        delta({"content": "Hello, "}),
                        delta({"content": "wörld"}),
                        delta({}, "length"),
                        {**delta({}), "choices": [], "usage": OPENAI_USAGE},
                        done=True,
                    )
                )
            else:
                message = {"content": "Hello, wörld", "reasoning_content": "let me think"}
                up.answer(completion(message, "length"))
            body = {
                "systemInstruction": {"parts": [{"text": "be brief"}]},
                "contents": [
                    {
                        "role": "user",
                        "parts": [
                            {"text": "what is this?"},
                            {"inline_data": {"mime_type": "image/png", "data": PNG}},
                        ],
                    }
                ],
                "generationConfig": {
                    "maxOutputTokens": 99,
                    "temperature": 0.5,
                    "stopSequences": ["END"],
                    "thinkingConfig": {"thinkingLevel": "LOW"},
                },
            }
            said, headers = await from_gemini(made, "gpt", body, stream)
            assert said == {
                "candidates": [
                    {
                        "content": {
                            "parts": [{"text": "let me think", "thought": True}, {"text": "Hello, wörld"}],
                            "role": "model",
                        },
                        "finishReason": "MAX_TOKENS",
                        "index": 0,
                    }
                ],
                "usageMetadata": GEMINI_USAGE,
                "modelVersion": "gpt-real",
                "responseId": "c1",
            }
            assert headers["x-tollhouse-translation"] == "exact"
            assert up.requests[0].path == "/v1/chat/completions"
            usage = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
            assert up.requests[0].json() == {
                "model": "gpt-5",
                "messages": [
                    {"role": "system", "content": "be brief"},
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "what is this?"},
                            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                        ],
                    },
                ],
                "max_completion_tokens": 99,
                "temperature": 0.5,
                "stop": ["END"],
                "reasoning_effort": "low",
                **usage,
            }

    run(scenario())


@BOTH
def test_a_gemini_callers_tools_reach_openai_and_come_back(stream: bool) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            calls = [
                {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}},
                {"id": "call_2", "type": "function", "function": {"name": "time", "arguments": "{}"}},
            ]
            if stream:
                pieces = [
                    {"index": 0, **calls[0], "function": {"name": "weather", "arguments": '{"city":'}},
                    {"index": 0, "function": {"arguments": ' "Rome"}'}},
                    {"index": 1, **calls[1]},
                ]
                up.answer(
                    streamed(*(delta({"tool_calls": [piece]}) for piece in pieces), delta({}, "tool_calls"), done=True)
                )
            else:
                up.answer(completion({"content": None, "tool_calls": calls}, "tool_calls"))
            up.answer(completion({"content": "Sunny."}))
            tools = {
                "tools": [
                    {
                        "functionDeclarations": [
                            {
                                "name": "weather",
                                "parameters": {"type": "OBJECT", "properties": {"c": {"type": "STRING"}}},
                            },
                            {"name": "time", "description": "d"},
                        ]
                    }
                ],
                "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
            }
            said, headers = await from_gemini(made, "gpt", {**ASK_GEMINI, **tools}, stream)
            assert headers["x-tollhouse-translation"] == "exact"
            sent = up.requests[0].json()
            assert sent["tools"][0]["function"]["parameters"] == {
                "type": "object",
                "properties": {"c": {"type": "string"}},
            }
            assert sent["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
            answered = said["candidates"][0]
            assert answered["finishReason"] == "STOP"
            assert answered["content"]["parts"] == [
                {"functionCall": {"name": "weather", "args": {"city": "Rome"}, "id": "call_1"}},
                {"functionCall": {"name": "time", "args": {}, "id": "call_2"}},
            ]
            results = [
                {"functionResponse": {"id": "call_1", "name": "weather", "response": {"output": "20"}}},
                {"functionResponse": {"id": "call_2", "name": "time", "response": {"now": 1.5}}},
            ]
            turns = [*ASK_GEMINI["contents"], answered["content"], {"role": "user", "parts": results}]
            second, _ = await from_gemini(made, "gpt", {"contents": turns}, False)
            assert second["candidates"][0]["content"]["parts"] == [{"text": "Sunny."}]
            assert up.requests[1].json()["messages"][2:] == [
                {"role": "tool", "content": "20", "tool_call_id": "call_1"},
                {"role": "tool", "content": '{"now":1.5}', "tool_call_id": "call_2"},
            ]
            [first_call, _] = up.requests[1].json()["messages"][1]["tool_calls"]
            assert msgspec.json.decode(first_call["function"]["arguments"]) == {"city": "Rome"}

    run(scenario())


def test_a_gemini_callers_schema_reaches_openai() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(completion({"content": '{"city":"Rome"}'}))
            config = {
                "responseMimeType": "application/json",
                "responseJsonSchema": SCHEMA,
                "responseModalities": ["TEXT"],
            }
            said, headers = await from_gemini(made, "gpt", {**ASK_GEMINI, "generationConfig": config}, False)
            assert said["candidates"][0]["content"]["parts"] == [{"text": '{"city":"Rome"}'}]
            form = up.requests[0].json()["response_format"]
            assert (form["type"], form["json_schema"]["schema"]) == ("json_schema", SCHEMA)
            assert headers["x-tollhouse-translation"] == "adapted; dropped=generationConfig.responseModalities"

    run(scenario())


def test_gemini_3_takes_the_calls_of_openais_callers() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(content({"text": "x"}, usageMetadata=GEMINI_USAGE))
            call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            history = [
                *ASK["messages"],
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "call_1", "content": "1"},
            ]
            _, headers = await from_openai(made, "gemini-3", {"messages": history})
            part = up.requests[0].json()["contents"][1]["parts"][0]
            assert part["thoughtSignature"] == "skip_thought_signature_validator"
            assert headers["x-tollhouse-translation"] == "adapted; approximated=messages[1].parts[0]"

    run(scenario())


@pytest.mark.parametrize("reason", ["SAFETY", "PROHIBITED_CONTENT"])
def test_a_filtered_answer_is_a_content_filter(reason: str) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer({"promptFeedback": {"blockReason": reason}, "usageMetadata": {"promptTokenCount": 3}})
            said, _ = await from_openai(made, "gemini", ASK)
            assert (said["finish_reason"], said["message"]["content"]) == ("content_filter", None)

    run(scenario())


def test_embeddings_go_both_ways() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer({"embeddings": [{"values": [0.5]}, {"values": [0.25]}], "usageMetadata": {"promptTokenCount": 3}})
            asked = {"model": "vectors", "input": ["a", "b"], "dimensions": 1, "encoding_format": "base64"}
            response = await Client(made).post("/v1/embeddings", asked)
            assert [item["embedding"] for item in response.json()["data"]] == ["AAAAPw==", "AACAPg=="]
            assert response.json()["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
            assert up.requests[0].path == "/v1beta/models/gemini-embedding-001:batchEmbedContents"
            assert up.requests[0].json()["requests"][1] == {
                "model": "models/gemini-embedding-001",
                "content": {"parts": [{"text": "b"}]},
                "outputDimensionality": 1,
            }
        async with Upstream() as up, served(up) as made:
            up.answer({"object": "list", "data": [{"index": 0, "embedding": [0.5]}], "usage": {"prompt_tokens": 3}})
            single = {"content": {"parts": [{"text": "a"}]}, "taskType": "SEMANTIC_SIMILARITY"}
            response = await Client(made).post("/v1beta/models/vectors-oai:embedContent", single)
            assert response.json()["embedding"] == {"values": [0.5]}
            assert up.requests[0].json() == {"model": "embed", "input": ["a"]}
            assert response.headers["x-tollhouse-translation"] == "adapted; dropped=taskType"

    run(scenario())


ERRORS = [
    ("INVALID_ARGUMENT", 400, 400, "invalid_request_error"),
    ("NOT_FOUND", 404, 404, "invalid_request_error"),
    ("RESOURCE_EXHAUSTED", 429, 429, "rate_limit_error"),
    ("INTERNAL", 500, 500, "server_error"),
    ("UNAVAILABLE", 503, 503, "overloaded_error"),
    ("PERMISSION_DENIED", 403, 502, "server_error"),
]


@BOTH
@pytest.mark.parametrize(("word", "status", "seen", "type_"), ERRORS)
def test_geminis_errors_reach_an_openai_caller_in_their_shape(
    word: str, status: int, seen: int, type_: str, stream: bool
) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3s"}]
            message = f"no ({KEYS[0]})" if seen != status else "no"
            up.answer({"error": {"code": status, "message": message, "status": word, "details": details}}, status)
            response = await Client(made).post("/v1/chat/completions", {"model": "gemini", "stream": stream, **ASK})
            assert response.status == seen
            said = response.json()["error"]
            assert set(said) == {"message", "type", "param", "code"}
            assert (said["type"], said["code"]) == (type_, word)
            assert response.headers["retry-after"] == "3"
            assert said["message"] == ("no" if seen == status else "no (***)")

    run(scenario())


@BOTH
@pytest.mark.parametrize(
    ("status", "seen", "word"),
    [
        (400, 400, "INVALID_ARGUMENT"),
        (404, 404, "NOT_FOUND"),
        (429, 429, "RESOURCE_EXHAUSTED"),
        (500, 500, "INTERNAL"),
        (503, 503, "UNAVAILABLE"),
        (529, 503, "UNAVAILABLE"),
        (401, 502, "UNAVAILABLE"),
    ],
)
def test_openais_errors_reach_a_gemini_caller_in_googles_shape(status: int, seen: int, word: str, stream: bool) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            error = {
                "message": f"no {KEYS[1]}" if status == 401 else "no",
                "type": "t",
                "param": None,
                "code": "some_code",
            }
            up.answer({"error": error}, status, {"retry-after": "3"})
            method = "streamGenerateContent?alt=sse" if stream else "generateContent"
            response = await Client(made).post(f"/v1beta/models/gpt:{method}", ASK_GEMINI)
            assert response.status == seen
            said = response.json()["error"]
            assert (said["code"], said["status"]) == (seen, word)
            assert said["details"][0]["reason"] == "SOME_CODE"
            assert said["details"][1]["retryDelay"] == "3s"
            assert response.headers["retry-after"] == "3"
            assert KEYS[1].encode() not in response.body

    run(scenario())


def test_a_stream_that_fails_late_is_an_error_in_the_callers_dialect() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            said = {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}
            up.answer(streamed(content({"text": "a"}, reason=None), said))
            response = await Client(made).post("/v1/chat/completions", {"model": "gemini", "stream": True, **ASK})
            assert data(response.body)[-1]["error"]["code"] == "UNAVAILABLE"
            assert b"[DONE]" not in response.body
        async with Upstream() as up, served(up) as made:
            up.answer(streamed(delta({"content": "a"}), {"error": {"message": "busy", "type": "overloaded_error"}}))
            path = "/v1beta/models/gpt:streamGenerateContent?alt=sse"
            response = await Client(made).post(path, ASK_GEMINI)
            last = data(response.body)[-1]["error"]
            assert (last["message"], last["status"]) == ("busy", "UNAVAILABLE")
            assert b"finishReason" not in response.body

    run(scenario())
