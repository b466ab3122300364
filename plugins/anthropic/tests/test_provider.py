"""Through a gateway to an upstream on a real socket: what is sent, and what comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from replies import ASK, BODY, STREAM, begun, block, event
from tollhouse import ConfigError
from tollhouse.gateway import Gateway
from tollhouse.testing import Client, Upstream, gateway, run
from tollhouse_anthropic import Anthropic

KEY = "sk-ant-upstream-key"
VERSION = {"anthropic-version": "2023-06-01"}


@asynccontextmanager
async def served(up: Upstream, more: str = "", key: str = f'api_key = "{KEY}"') -> AsyncIterator[Gateway]:
    config = f'[providers.claude]\nkind = "anthropic"\nbase_url = "{up.url}"\n{key}\n{more}\n'
    async with gateway(config, Anthropic) as made:
        yield made


def test_a_body_passes_untouched_and_the_request_names_the_upstreams_model() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(BODY, 200, {"request-id": "req_up", "anthropic-ratelimit-requests-limit": "9"})
            response = await Client(made).post("/v1/messages", ASK)
            assert (response.status, response.json()) == (200, BODY)
            assert response.headers["request-id"].startswith("req_")
            assert response.headers["x-tollhouse-upstream-request-id"] == "req_up"
            assert response.headers["anthropic-ratelimit-requests-limit"] == "9"
            assert "x-tollhouse-translation" not in response.headers
            [asked] = up.requests
            assert asked.path == "/v1/messages"
            assert asked.json() == {**ASK, "model": "m"}
            assert asked.headers["x-api-key"] == KEY
            assert asked.headers["anthropic-version"] == "2023-06-01"
            assert "anthropic-beta" not in asked.headers

    run(scenario())


def test_a_stream_passes_byte_for_byte_with_its_usage_booked() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(STREAM)
            response = await Client(made).post("/v1/messages", {**ASK, "stream": True})
            assert response.headers["content-type"].startswith("text/event-stream")
            assert response.body == STREAM

    run(scenario())


def test_what_the_caller_says_in_headers_and_query_goes_up_but_for_credentials() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up, 'beta = ["b0", "b1"]\nheaders = {"X-More" = "1"}') as made:
            up.answer(BODY)
            mine = {
                "authorization": "Bearer mine",
                "x-api-key": "mine",
                "cookie": "a=b",
                "anthropic-version": "2024-01-01",
                "anthropic-beta": "b1, b2",
            }
            await Client(made, mine).post("/v1/messages?beta=true", ASK)
            sent = up.requests[0]
            assert sent.path == "/v1/messages?beta=true"
            assert sent.headers["x-api-key"] == KEY
            assert sent.headers["anthropic-version"] == "2024-01-01"
            assert sent.headers["anthropic-beta"] == "b0,b1,b2"
            assert sent.headers["x-more"] == "1"
            assert not {"authorization", "cookie"} & set(sent.headers)

    run(scenario())


def test_tokens_are_counted_by_the_upstream() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer({"input_tokens": 19})
            ask = {"model": "claude/m", "messages": ASK["messages"]}
            response = await Client(made).post("/v1/messages/count_tokens?beta=true", ask)
            assert response.json() == {"input_tokens": 19}
            assert up.requests[0].path == "/v1/messages/count_tokens?beta=true"
            assert up.requests[0].json() == {**ask, "model": "m"}

    run(scenario())


def test_models_are_listed_to_clients_of_anthropics() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up, '[models]\nfast = ["claude/m"]\n') as made:
            client = Client(made, VERSION)
            assert [model["id"] for model in (await client.get("/v1/models")).json()["data"]] == ["fast"]
            assert (await client.get("/v1/models/fast")).json()["id"] == "fast"
            missing = await client.get("/v1/models/slow")
            assert (missing.status, missing.json()["error"]["type"]) == (404, "not_found_error")

    run(scenario())


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/v1/messages/batches?limit=2", "/v1/messages/batches?limit=2"),
        ("/v1/files/f_1/content", "/v1/files/f_1/content"),
        ("/claude/v1/skills", "/v1/skills"),
    ],
)
def test_any_other_path_passes_through_with_the_providers_key(path: str, sent: str) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer({"data": []})
            headers = {**VERSION, "x-api-key": "mine", "anthropic-beta": "files-api-2025-04-14"}
            response = await Client(made, headers).get(path)
            assert response.json() == {"data": []}
            assert up.requests[0].path == sent
            assert up.requests[0].headers["x-api-key"] == KEY
            assert up.requests[0].headers["anthropic-beta"] == "files-api-2025-04-14"

    run(scenario())


def test_an_upload_passes_through_and_an_error_about_our_key_does_not() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer({"id": "f_1"})
            up.answer({"type": "error", "error": {"type": "authentication_error", "message": f"invalid {KEY}"}}, 401)
            headers = {**VERSION, "content-type": "multipart/form-data; boundary=x"}
            await Client(made).post("/v1/files", b"--x\r\n\r\nhello\r\n--x--", headers)
            assert up.requests[0].body == b"--x\r\n\r\nhello\r\n--x--"
            refused = await Client(made).get("/v1/files", VERSION)
            assert refused.status == 502
            assert KEY.encode() not in refused.body

    run(scenario())


@pytest.mark.parametrize("path", ["/v1/messages/../admin", "/v1/messages/%2e%2e/%2e%2e/admin"])
def test_a_passthrough_cannot_climb_out_of_the_base(path: str) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer({})
            assert (await Client(made, VERSION).get(path)).status == 404
            assert up.requests == []

    run(scenario())


def test_a_stream_that_is_cut_becomes_an_error_event_and_never_a_stop() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            text = block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "hi"})
            up.answer(begun() + text)
            response = await Client(made).post("/v1/messages", {**ASK, "stream": True})
            assert response.body.startswith(begun() + text)
            assert b"event: error\n" in response.body
            assert b'"error_code":"upstream_cut"' in response.body
            assert b"message_stop" not in response.body

    run(scenario())


def test_an_error_before_any_content_is_a_real_status() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            error = {"type": "overloaded_error", "message": "Overloaded"}
            up.answer(begun() + event("error", error=error))
            response = await Client(made).post("/v1/messages", {**ASK, "stream": True})
            assert response.status == 529
            assert response.json()["error"] == error

    run(scenario())


def test_an_error_after_content_is_an_event_in_the_upstreams_words() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            error = {"type": "overloaded_error", "message": "Overloaded"}
            up.answer(STREAM[: STREAM.index(b"event: message_delta")] + event("error", error=error))
            response = await Client(made).post("/v1/messages", {**ASK, "stream": True})
            assert response.status == 200
            assert b'"message":"Overloaded"' in response.body
            assert b"message_stop" not in response.body

    run(scenario())


def test_a_whole_body_for_a_stream_is_streamed() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(BODY)
            response = await Client(made).post("/v1/messages", {**ASK, "stream": True})
            assert response.headers["content-type"].startswith("text/event-stream")
            assert b'"text_delta","text":"hi"' in response.body
            assert response.body.endswith(b'data: {"type":"message_stop"}\n\n')

    run(scenario())


@pytest.mark.parametrize(
    ("status", "seen"),
    [(400, 400), (404, 404), (413, 413), (429, 429), (500, 500), (529, 529), (401, 502), (402, 502), (403, 502)],
)
def test_an_upstreams_error_passes_in_its_own_words_unless_it_is_about_our_key(status: int, seen: int) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            body: Any = {"type": "error", "error": {"type": "t", "message": f"no: {KEY}"}, "request_id": "req_up"}
            up.answer(body, status, {"retry-after": "7"})
            response = await Client(made).post("/v1/messages", ASK)
            assert response.status == seen
            if seen == status:
                assert response.json() == body
                assert response.headers["retry-after"] == "7"
            else:
                assert KEY.encode() not in response.body
                assert response.json()["error"]["type"] == "api_error"
                assert response.json()["request_id"] == response.headers["request-id"]

    run(scenario())


@pytest.mark.parametrize("body", [b"<html>hello</html>", b'{"content": [', b"[]", b"{}"])
def test_a_reply_that_is_no_message_is_a_bad_gateway(body: bytes) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(body, 200, {"content-type": "text/html" if body.startswith(b"<") else "application/json"})
            response = await Client(made).post("/v1/messages", ASK)
            assert response.status == 502
            assert response.json()["error"]["details"] == {"error_code": "upstream_bad_reply"}

    run(scenario())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_client_that_asks_whether_anybody_is_there_hears_yes(method: str) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            assert (await Client(made).request(method, "/")).status == 200

    run(scenario())


def test_the_default_maximum_is_a_setting_of_the_plugin() -> None:
    async def scenario() -> None:
        async with gateway('[anthropic]\nmax_tokens = 0\n[providers.anthropic]\napi_key = "k"\n', Anthropic):
            pass

    with pytest.raises(ConfigError, match="max_tokens"):
        run(scenario())


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("[providers.anthropic]\n", r"providers\.anthropic\.api_key: .*ANTHROPIC_API_KEY"),
        ('[providers.anthropic]\napi_key = "a"\napi_keys = ["b"]\n', r"providers\.anthropic: both"),
        ('[providers.anthropic]\napi_key = "a"\nbase_url = "x"\n', r"providers\.anthropic\.base_url"),
        ('[providers.anthropic]\napi_key = "a"\nbase_url = ""\n', r"providers\.anthropic\.base_url"),
        ('[providers.anthropic]\napi_key = "a\\nb"\n', r"providers\.anthropic\.api_key"),
        ('[providers.anthropic]\napi_key = "a"\nversion = ""\n', r"providers\.anthropic\.version"),
        ('[providers.anthropic]\napi_key = "a"\nbeta = ["a", "b\\n"]\n', r"providers\.anthropic\.beta\[1\]"),
        ('[providers.anthropic]\napi_key = "a"\nheaders = {"x y" = "z"}\n', r"providers\.anthropic\.headers"),
        ('[providers.anthropic]\napi_key = "a"\nbas_url = "x"\n', r"bas_url"),
    ],
)
def test_a_wrong_setting_is_refused_at_start_up_by_its_path(config: str, words: str) -> None:
    async def scenario() -> None:
        with pytest.raises(ConfigError, match=words):
            async with gateway(config, Anthropic):
                pass

    run(scenario())


def test_several_keys_are_one_account_and_a_version_in_the_address_is_not_said_twice() -> None:
    async def scenario() -> None:
        async with Upstream() as up:
            config = f'[providers.claude]\nkind = "anthropic"\nbase_url = "{up.url}/v1/"\napi_keys = ["one", "two"]\n'
            async with gateway(config, Anthropic) as made:
                up.answer(BODY)
                assert (await Client(made).post("/v1/messages", ASK)).status == 200
                assert up.requests[0].path == "/v1/messages"
                assert up.requests[0].headers["x-api-key"] == "one"

    run(scenario())


def test_a_key_that_is_turned_away_is_replaced_by_the_next() -> None:
    async def scenario() -> None:
        async with Upstream() as up:
            config = f'[providers.claude]\nkind = "anthropic"\nbase_url = "{up.url}"\napi_keys = ["one", "two"]\n'
            async with gateway(config, Anthropic) as made:
                up.answer({"type": "error", "error": {"type": "authentication_error", "message": "no"}}, 401)
                up.answer(BODY)
                for _n in range(2):
                    assert (await Client(made).post("/v1/messages", ASK)).status == 200
                assert [request.headers["x-api-key"] for request in up.requests] == ["one", "two", "two"]

    run(scenario())
