"""Through a gateway to an upstream on a real socket: what is sent, and what comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tollhouse import ConfigError
from tollhouse.gateway import Gateway
from tollhouse.testing import Client, Upstream, gateway, run, sse
from tollhouse_openai import OpenAI

BODY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 7,
    "model": "m-2026",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}
ASK = {"model": "host/m", "messages": [{"role": "user", "content": "hello"}]}


def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 7,
        "model": "m-2026",
        "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
        **more,
    }


USAGE = {
    "id": "c1",
    "object": "chat.completion.chunk",
    "created": 7,
    "model": "m-2026",
    "choices": [],
    "usage": BODY["usage"],
}


@asynccontextmanager
async def served(
    up: Upstream, more: str = "", kind: str = "openai", key: str = 'api_key = "sk-upstream-key"'
) -> AsyncIterator[Gateway]:
    config = f'[providers.host]\nkind = "{kind}"\nbase_url = "{up.url}/v1"\n{key}\n{more}\n'
    async with gateway(config, OpenAI) as made:
        yield made


def test_a_body_passes_untouched_and_the_request_names_the_upstreams_model() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(BODY)
            response = await Client(made).post("/v1/chat/completions", ASK)
            assert response.status == 200
            assert response.json() == BODY
            [asked] = up.requests
            assert asked.path == "/v1/chat/completions"
            assert asked.json() == {**ASK, "model": "m"}
            assert asked.headers["authorization"] == "Bearer sk-upstream-key"
            assert asked.headers["user-agent"].startswith("tollhouse/")

    run(scenario())


def test_no_credential_or_cookie_of_the_caller_goes_upstream() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(BODY)
            mine = {"authorization": "Bearer mine", "cookie": "a=b", "x-api-key": "mine", "openai-organization": "org"}
            await Client(made, mine).post("/v1/chat/completions", ASK)
            sent = up.requests[0].headers
            assert sent["authorization"] == "Bearer sk-upstream-key"
            assert not {"cookie", "x-api-key", "openai-organization"} & set(sent)

    run(scenario())


@pytest.mark.parametrize("asked", [False, True])
def test_a_stream_is_asked_for_usage_that_only_callers_who_asked_see(asked: bool) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(sse(chunk({"content": "hi"}, usage=None), chunk({}, "stop", usage=None), USAGE))
            options = {"stream_options": {"include_usage": True}} if asked else {}
            response = await Client(made).post("/v1/chat/completions", {**ASK, "stream": True, **options})
            assert up.requests[0].json()["stream_options"] == {"include_usage": True}
            plain = sse(chunk({"content": "hi"}), chunk({}, "stop"))
            full = sse(chunk({"content": "hi"}, usage=None), chunk({}, "stop", usage=None), USAGE)
            assert response.body == (full if asked else plain)

    run(scenario())


def test_a_host_that_refuses_stream_options_is_not_asked() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up, kind="mistral") as made:
            up.answer(sse(chunk({"content": "hi"}), chunk({}, "stop", usage=BODY["usage"])))
            response = await Client(made).post("/v1/chat/completions", {**ASK, "stream": True})
            assert "stream_options" not in up.requests[0].json()
            assert response.body == sse(chunk({"content": "hi"}), chunk({}, "stop", usage=BODY["usage"]))

    run(scenario())


def test_a_stream_that_is_cut_becomes_an_error_event_and_never_a_stop() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(sse(chunk({"content": "hi"}), done=False))
            response = await Client(made).post("/v1/chat/completions", {**ASK, "stream": True})
            assert b'"code":"upstream_cut"' in response.body
            assert b"[DONE]" not in response.body
            assert b'"finish_reason":"stop"' not in response.body

    run(scenario())


def test_an_error_in_the_first_event_is_a_real_status() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(sse({"error": {"message": "busy", "type": "overloaded_error", "code": None, "param": None}}))
            response = await Client(made).post("/v1/chat/completions", {**ASK, "stream": True})
            assert response.status in (503, 529)
            assert response.json()["error"]["type"] == "overloaded_error"

    run(scenario())


def test_a_whole_body_for_a_stream_is_streamed() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(BODY)
            response = await Client(made).post("/v1/chat/completions", {**ASK, "stream": True})
            assert response.headers["content-type"].startswith("text/event-stream")
            assert b'"content":"hi"' in response.body
            assert response.body.endswith(b"data: [DONE]\n\n")

    run(scenario())


@pytest.mark.parametrize(
    ("status", "seen"), [(400, 400), (404, 404), (413, 413), (422, 422), (429, 429), (401, 502), (403, 502)]
)
def test_an_upstreams_error_passes_in_its_own_words_unless_it_is_about_our_key(status: int, seen: int) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            body = {"error": {"message": "no: sk-upstream-key", "type": "t", "param": "p", "code": "c", "more": 1}}
            up.answer(body, status)
            response = await Client(made).post("/v1/chat/completions", ASK)
            assert response.status == seen
            assert b"sk-upstream-key" not in response.body
            if seen == status:
                assert response.json() == {"error": {**body["error"], "message": "no: ***"}}
            else:
                assert set(response.json()["error"]) == {"message", "type", "param", "code"}

    run(scenario())


def test_the_retry_advice_of_an_upstream_is_kept() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer({"error": {"message": "slow down"}}, 429, {"retry-after": "7", "x-should-retry": "false"})
            response = await Client(made).post("/v1/chat/completions", ASK)
            assert response.headers["retry-after"] == "7"
            assert response.headers["x-should-retry"] == "false"

    run(scenario())


@pytest.mark.parametrize("body", [b"<html>hello</html>", b'{"choices": [', b"[]", b"{}"])
def test_a_reply_that_is_no_completion_is_a_bad_gateway(body: bytes) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(body, 200, {"content-type": "text/html" if body.startswith(b"<") else "application/json"})
            response = await Client(made).post("/v1/chat/completions", ASK)
            assert response.status == 502
            assert response.json()["error"]["code"] == "upstream_bad_reply"

    run(scenario())


def test_embeddings_pass_untouched() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            body = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "model": "m"}
            up.answer(body)
            response = await Client(made).post("/v1/embeddings", {"model": "host/m", "input": "x"})
            assert response.json() == body
            assert up.requests[0].json() == {"model": "m", "input": "x"}

    run(scenario())


def test_any_other_path_passes_through_with_the_providers_key() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer({"object": "list"}, 200)
            response = await Client(made, {"authorization": "Bearer mine"}).get("/v1/files?limit=2&after=a%20b")
            assert response.json() == {"object": "list"}
            assert up.requests[0].path == "/v1/files?limit=2&after=a%20b"
            assert up.requests[0].headers["authorization"] == "Bearer sk-upstream-key"

    run(scenario())


def test_an_error_of_another_path_passes_but_for_one_about_our_key() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer({"error": {"message": "gone"}}, 404)
            up.answer({"error": {"message": "sk-upstream-key"}}, 401)
            assert (await Client(made).get("/v1/files/x")).json() == {"error": {"message": "gone"}}
            refused = await Client(made).get("/v1/files/x")
            assert refused.status == 502
            assert b"sk-upstream-key" not in refused.body

    run(scenario())


def test_an_upload_passes_through_with_its_type_and_bytes() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer({"id": "file-1"})
            headers = {"content-type": "multipart/form-data; boundary=x"}
            await Client(made).post("/v1/files", b"--x\r\n\r\nhello\r\n--x--", headers)
            assert up.requests[0].body == b"--x\r\n\r\nhello\r\n--x--"
            assert up.requests[0].headers["content-type"] == "multipart/form-data; boundary=x"

    run(scenario())


@pytest.mark.parametrize("path", ["/v1/../admin", "/v1/files/%2e%2e/%2e%2e/admin", "/v1/files/..%2fadmin"])
def test_a_passthrough_cannot_climb_out_of_the_base(path: str) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer({})
            assert (await Client(made).get(path)).status == 404
            assert up.requests == []

    run(scenario())


@pytest.mark.parametrize(
    ("version", "path"),
    [
        ("2024-10-21", "/openai/deployments/m/chat/completions?api-version=2024-10-21"),
        ("v1", "/openai/v1/chat/completions"),
    ],
)
def test_azure_has_its_own_addresses_and_header(version: str, path: str) -> None:
    async def scenario() -> None:
        async with Upstream() as up:
            config = (
                f'[providers.host]\nkind = "azure"\nendpoint = "{up.url}"\n'
                f'api_key = "azure-key"\napi_version = "{version}"\n'
            )
            async with gateway(config, OpenAI) as made:
                up.answer(BODY)
                assert (await Client(made).post("/v1/chat/completions", ASK)).status == 200
                assert up.requests[0].path == path
                assert up.requests[0].headers["api-key"] == "azure-key"
                assert "authorization" not in up.requests[0].headers

    run(scenario())


def test_a_local_host_needs_no_key() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up, kind="ollama", key="") as made:
            up.answer(BODY)
            assert (await Client(made).post("/v1/chat/completions", ASK)).status == 200
            assert "authorization" not in up.requests[0].headers

    run(scenario())


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("[providers.groq]\n", r"providers\.groq\.api_key: .*GROQ_API_KEY"),
        ('[providers.openai]\napi_key = "a"\napi_keys = ["b"]\n', r"providers\.openai: both"),
        ('[providers.openai]\napi_key = "a"\nbase_url = "api.openai.com"\n', r"providers\.openai\.base_url"),
        ('[providers.openai]\napi_key = "a\\nb"\n', r"providers\.openai\.api_key"),
        ('[providers.openai]\napi_key = "a"\nheaders = {"x y" = "z"}\n', r"providers\.openai\.headers"),
        ('[providers.openai]\napi_key = "a"\nbas_url = "x"\n', r"bas_url"),
        ('[providers.azure]\napi_key = "a"\n', r"endpoint"),
    ],
)
def test_a_wrong_setting_is_refused_at_start_up_by_its_path(config: str, words: str) -> None:
    async def scenario() -> None:
        with pytest.raises(ConfigError, match=words):
            async with gateway(config, OpenAI):
                pass

    run(scenario())
