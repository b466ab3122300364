"""Through a gateway to an upstream on a real socket: what is sent, and what comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from tollhouse import ConfigError
from tollhouse.gateway import Gateway
from tollhouse.testing import Client, Upstream, gateway, run, sse
from tollhouse_gemini import Gemini
from tollhouse_openai import OpenAI
from tollhouse_simulator import Simulator

KEY = "AIzaSyUPSTREAM-canary-0123456789abcdef"
USAGE = {"promptTokenCount": 3, "candidatesTokenCount": 1, "totalTokenCount": 4}
BODY = {
    "candidates": [
        {"content": {"parts": [{"text": "hi"}], "role": "model"}, "finishReason": "STOP", "avgLogprobs": -0.5}
    ],
    "usageMetadata": USAGE,
    "modelVersion": "m-2026",
    "responseId": "r1",
}
ASK = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
PATH = "/v1beta/models/host/m:"


def chunk(text: str, reason: str | None = None, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    if reason:
        candidate["finishReason"] = reason
    return {"candidates": [candidate], "modelVersion": "m-2026", "responseId": "r1", **more}


STREAM = sse(chunk("h"), chunk("i"), chunk("", "STOP", usageMetadata=USAGE), done=False)


@asynccontextmanager
async def served(up: Upstream, more: str = "") -> AsyncIterator[Gateway]:
    config = f'[providers.host]\nkind = "gemini"\nbase_url = "{up.url}"\napi_key = "{KEY}"\n{more}\n'
    async with gateway(config, OpenAI, Gemini) as made:
        yield made


def test_a_body_passes_byte_for_byte_both_ways() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            raw = b'{ "candidates": [ {"finishReason":"STOP", "avgLogprobs": -1.50} ], "new": 1e3 }'
            up.answer(raw)
            asked = b'{ "contents" : [{"parts":[{"text":"x"}]}], "generationConfig": {"temperature": 1.50} }'
            response = await Client(made).post(PATH + "generateContent", asked)
            assert (response.status, response.body) == (200, raw)
            assert response.headers["content-type"] == "application/json; charset=UTF-8"
            assert response.headers["x-tollhouse-target"] == "host/m"
            assert "x-tollhouse-translation" not in response.headers
            [sent] = up.requests
            assert (sent.path, sent.body) == ("/v1beta/models/m:generateContent", asked)
            assert sent.headers["x-goog-api-key"] == KEY
            assert sent.headers["user-agent"].startswith("tollhouse/")

    run(scenario())


def test_a_stream_passes_byte_for_byte() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(STREAM)
            response = await Client(made).post(PATH + "streamGenerateContent?alt=sse", ASK)
            assert response.body == STREAM
            assert response.headers["content-type"].startswith("text/event-stream")
            assert up.requests[0].path == "/v1beta/models/m:streamGenerateContent?alt=sse"

    run(scenario())


@pytest.mark.parametrize("query", ["", "?alt=json", "?%24alt=json%3Benum-encoding%3Dint"])
def test_a_stream_without_alt_sse_is_an_array_of_the_same_chunks(query: str) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(STREAM)
            response = await Client(made).post(PATH + "streamGenerateContent" + query, ASK)
            assert response.headers["content-type"] == "application/json; charset=UTF-8"
            assert response.json() == [chunk("h"), chunk("i"), chunk("", "STOP", usageMetadata=USAGE)]
            assert up.requests[0].path.endswith("?alt=sse")

    run(scenario())


def test_no_credential_or_cookie_of_the_caller_goes_upstream() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(BODY)
            mine = {"authorization": "Bearer mine", "cookie": "a=b", "x-goog-api-key": "mine", "x-api-key": "mine"}
            await Client(made, mine).post(PATH + "generateContent?key=mine", ASK)
            sent = up.requests[0]
            assert sent.headers["x-goog-api-key"] == KEY
            assert not {"cookie", "authorization", "x-api-key"} & set(sent.headers)
            assert "mine" not in sent.path

    run(scenario())


def test_the_other_methods_reach_their_own_addresses() -> None:
    replies: dict[str, Any] = {
        "countTokens": {"totalTokens": 31},
        "embedContent": {"embedding": {"values": [0.5]}},
        "batchEmbedContents": {"embeddings": [{"values": [0.5]}]},
    }
    bodies: dict[str, Any] = {
        "countTokens": {"generateContentRequest": {"model": "models/host/m", **ASK}},
        "embedContent": {"model": "models/host/m", "content": {"parts": [{"text": "x"}]}},
        "batchEmbedContents": {"requests": [{"model": "models/host/m", "content": {"parts": [{"text": "x"}]}}]},
    }

    async def scenario() -> None:
        for method, reply in replies.items():
            async with Upstream() as up, served(up, 'api_version = "v1"') as made:
                up.answer(reply)
                response = await Client(made).post(PATH + method, bodies[method])
                assert (response.status, response.json()) == (200, reply)
                assert up.requests[0].path == f"/v1/models/m:{method}"
                assert b'"models/m"' in up.requests[0].body
                assert b"host/m" not in up.requests[0].body

    run(scenario())


def test_a_tuned_model_keeps_its_kind() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up, '[models]\nmine = ["host/tunedModels/a b"]') as made:
            up.answer(BODY)
            await Client(made).post("/v1/models/mine:generateContent", ASK)
            assert up.requests[0].path == "/v1beta/tunedModels/a%20b:generateContent"

    run(scenario())


def test_tokens_are_counted_only_where_gemini_is_spoken() -> None:
    async def scenario() -> None:
        config = '[providers.simulator]\n[models]\nm = ["simulator/echo"]\n'
        async with gateway(config, Gemini, Simulator) as made:
            response = await Client(made).post("/v1beta/models/m:countTokens", ASK)
            assert response.status == 400
            assert response.json()["error"]["details"][0]["reason"] == "NOT_COUNTABLE"
        async with (
            Upstream() as up,
            served(up, '[providers.simulator]\n[models]\nm = ["simulator/echo", "host/m"]') as made,
        ):
            up.answer({"totalTokens": 31})
            response = await Client(made).post("/v1beta/models/m:countTokens", ASK)
            assert response.json() == {"totalTokens": 31}

    run(scenario())


def test_models_are_listed_and_found() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up, '[models]\nfast = ["host/m"]') as made:
            client = Client(made)
            listed = (await client.get("/v1beta/models?pageSize=5")).json()
            assert [model["name"] for model in listed["models"]] == ["models/fast"]
            assert (await client.get("/v1beta/models/fast")).json() == listed["models"][0]
            unknown = await client.get("/v1beta/models/slow")
            assert (unknown.status, unknown.json()["error"]["status"]) == (404, "NOT_FOUND")
            shared = await client.get("/v1/models", {"x-goog-api-key": "mine"})
            assert shared.json() == listed
            assert "data" in (await client.get("/v1/models")).json()

    run(scenario())


def test_a_stream_that_is_cut_becomes_an_error_chunk_and_never_a_stop() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(sse(chunk("hi"), done=False))
            response = await Client(made).post(PATH + "streamGenerateContent?alt=sse", ASK)
            last = response.body.rstrip().rpartition(b"data: ")[2]
            said = msgspec.json.decode(last)["error"]
            assert said["status"] == "UNAVAILABLE"
            assert said["details"][0]["reason"] == "UPSTREAM_CUT"
            assert b"finishReason" not in response.body
            response = await Client(made).post(PATH + "streamGenerateContent", ASK)
            assert "error" in response.json()[-1]

    run(scenario())


def test_an_error_in_the_first_event_is_a_real_status() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            said = {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}
            up.answer(sse(said, done=False))
            response = await Client(made).post(PATH + "streamGenerateContent?alt=sse", ASK)
            assert (response.status, response.json()) == (503, said)

    run(scenario())


def test_a_whole_body_for_a_stream_is_streamed() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(BODY)
            response = await Client(made).post(PATH + "streamGenerateContent?alt=sse", ASK)
            assert response.headers["content-type"].startswith("text/event-stream")
            assert b'"text":"hi"' in response.body
            assert b'"finishReason":"STOP"' in response.body

    run(scenario())


@pytest.mark.parametrize(
    ("status", "reason", "seen"),
    [
        (400, "", 400),
        (404, "", 404),
        (413, "", 413),
        (429, "", 429),
        (500, "", 500),
        (503, "", 503),
        (400, "API_KEY_INVALID", 502),
        (401, "", 502),
        (403, "", 502),
    ],
)
def test_an_upstreams_error_passes_in_its_own_words_unless_it_is_about_our_key(
    status: int, reason: str, seen: int
) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            about = f"no: {KEY}" if seen != status else "no"
            body = {"error": {"code": status, "message": about, "status": "X", "details": [{"reason": reason}]}}
            up.answer(body, status)
            for method in ("generateContent", "streamGenerateContent?alt=sse"):
                response = await Client(made).post(PATH + method, ASK)
                assert response.status == seen
                assert KEY.encode() not in response.body
                if seen == status:
                    assert response.json() == body
                else:
                    assert response.json()["error"]["status"] == "UNAVAILABLE"

    run(scenario())


def test_the_retry_advice_of_an_upstream_becomes_headers() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "6.5s"}]
            up.answer({"error": {"code": 429, "message": "m", "details": details}}, 429)
            response = await Client(made).post(PATH + "generateContent", ASK)
            assert (response.headers["retry-after"], response.headers["retry-after-ms"]) == ("7", "6500")

    run(scenario())


@pytest.mark.parametrize("body", [b"<html>hello</html>", b'{"candidates": [', b"[]", b"{}"])
def test_a_reply_that_is_no_content_is_a_bad_gateway(body: bytes) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(body, 200, {"content-type": "text/html" if body.startswith(b"<") else "application/json"})
            response = await Client(made).post(PATH + "generateContent", ASK)
            assert response.status == 502
            assert response.json()["error"]["details"][0]["reason"] == "UPSTREAM_BAD_REPLY"

    run(scenario())


@pytest.mark.parametrize(
    ("path", "body", "status", "word"),
    [
        (PATH + "generateContent", b"{", 400, "INVALID_ARGUMENT"),
        (PATH + "generateContent", {}, 400, "INVALID_ARGUMENT"),
        ("/v1beta/models/nobody:generateContent", ASK, 404, "NOT_FOUND"),
        ("/v1beta/models/nobody:streamGenerateContent?alt=sse", ASK, 404, "NOT_FOUND"),
    ],
)
def test_a_callers_own_mistake_is_told_in_googles_shape(path: str, body: Any, status: int, word: str) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            response = await Client(made).post(path, body)
            assert response.status == status
            assert (response.json()["error"]["code"], response.json()["error"]["status"]) == (status, word)
            assert up.requests == []

    run(scenario())


def test_any_other_path_passes_through_with_the_providers_key_and_without_the_callers() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer({"files": []})
            client = Client(made, {"x-goog-api-key": "mine"})
            assert (await client.get("/v1beta/files?pageSize=2&key=mine&filter=a%20b")).json() == {"files": []}
            assert up.requests[0].path == "/v1beta/files?pageSize=2&filter=a+b"
            assert up.requests[0].headers["x-goog-api-key"] == KEY
            assert (await client.post("/host/v1beta/cachedContents", {"model": "m"})).json() == {"files": []}
            assert up.requests[1].path == "/v1beta/cachedContents"
            assert up.requests[1].json() == {"model": "m"}

    run(scenario())


def test_an_error_of_another_path_passes_but_for_one_about_our_key() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            gone = {"error": {"code": 404, "message": "gone", "status": "NOT_FOUND"}}
            up.answer(gone, 404)
            up.answer({"error": {"code": 400, "message": KEY, "details": [{"reason": "API_KEY_INVALID"}]}}, 400)
            response = await Client(made).get("/v1beta/files/x")
            assert (response.status, response.json()) == (404, gone)
            refused = await Client(made).get("/v1beta/files/x")
            assert refused.status == 502
            assert KEY.encode() not in refused.body

    run(scenario())


@pytest.mark.parametrize("path", ["/v1beta/../admin", "/v1beta/files/%2e%2e/%2e%2e/admin", "/v1beta/files/..%2fadmin"])
def test_a_passthrough_cannot_climb_out_of_the_base(path: str) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer({})
            assert (await Client(made).get(path)).status == 404
            assert up.requests == []

    run(scenario())


def test_a_host_of_ones_own_needs_no_key() -> None:
    async def scenario() -> None:
        async with Upstream() as up:
            config = f'[providers.host]\nkind = "gemini"\nbase_url = "{up.url}/g/"\nheaders = {{ "X-Team" = "a" }}\n'
            async with gateway(config, Gemini) as made:
                up.answer(BODY)
                assert (await Client(made).post(PATH + "generateContent", ASK)).status == 200
                assert up.requests[0].path == "/g/v1beta/models/m:generateContent"
                assert "x-goog-api-key" not in up.requests[0].headers
                assert up.requests[0].headers["x-team"] == "a"

    run(scenario())


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("[providers.gemini]\n", r"providers\.gemini\.api_key: .*GEMINI_API_KEY"),
        ('[providers.gemini]\napi_key = "a"\napi_keys = ["b"]\n', r"providers\.gemini: both"),
        ('[providers.gemini]\napi_key = "a"\nbase_url = "example.com"\n', r"providers\.gemini\.base_url"),
        ('[providers.gemini]\napi_key = "a"\napi_version = "v1/x"\n', r"providers\.gemini\.api_version"),
        ('[providers.gemini]\napi_keys = ["a\\nb"]\n', r"providers\.gemini\.api_key"),
        ('[providers.gemini]\napi_key = "a"\nheaders = {"x y" = "z"}\n', r"providers\.gemini\.headers"),
        ('[providers.gemini]\napi_key = "a"\nbas_url = "x"\n', r"bas_url"),
    ],
)
def test_a_wrong_setting_is_refused_at_start_up_by_its_path(config: str, words: str) -> None:
    async def scenario() -> None:
        with pytest.raises(ConfigError, match=words):
            async with gateway(config, Gemini):
                pass

    run(scenario())


def test_a_key_that_is_turned_away_is_replaced_by_the_next() -> None:
    async def scenario() -> None:
        async with Upstream() as up:
            config = f'[providers.host]\nkind = "gemini"\nbase_url = "{up.url}"\napi_keys = ["one", "two"]\n'
            async with gateway(config, OpenAI, Gemini) as made:
                up.answer({"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}, 429)
                up.answer(b'{"candidates": [{"finishReason": "STOP"}]}')
                for _n in range(2):
                    response = await Client(made).post(PATH + "generateContent", {"contents": [{"parts": []}]})
                    assert response.status == 200
                assert [request.headers["x-goog-api-key"] for request in up.requests] == ["one", "two", "two"]

    run(scenario())
