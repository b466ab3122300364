"""Responses through a gateway: to upstreams that speak them and to others, and who may ask for one again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from tollhouse import Event, Exchange, Principal, hookimpl
from tollhouse.framing import sse
from tollhouse.gateway import Gateway
from tollhouse.neutral import Delta, fold
from tollhouse.testing import Client, Upstream, gateway, run
from tollhouse.testing import sse as events
from tollhouse_openai import OpenAI, ResponsesDialect

RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 7,
    "status": "completed",
    "model": "m-2026",
    "output": [
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "my secret", "annotations": []}],
        }
    ],
    "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
}
CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 7,
    "model": "m-2026",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}
ASK = {"model": "host/m", "input": "hello"}


def typed(*said: dict[str, Any]) -> bytes:
    numbered = ({**one, "sequence_number": n} for n, one in enumerate(said))
    return b"".join(sse.frame(msgspec.json.encode(one), one["type"]) for one in numbered)


def stream() -> bytes:
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    item: Any = RESPONSE["output"][0]  # type: ignore[index]
    begun = {**RESPONSE, "status": "in_progress", "output": [], "usage": None}
    return typed(
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
        {"type": "response.content_part.added", **at, "part": {"type": "output_text", "text": ""}},
        {"type": "response.output_text.delta", **at, "delta": "my "},
        {"type": "response.output_text.delta", **at, "delta": "secret", "logprobs": [{"token": "secret"}]},
        {"type": "response.output_text.done", **at, "text": "my secret"},
        {"type": "response.content_part.done", **at, "part": item["content"][0]},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": RESPONSE},
    )


class Names:
    """Takes the bearer token for a team's name and key."""

    @hookimpl
    async def authenticate(self, exchange: Exchange) -> Principal | None:
        team, _, key = exchange.headers.get("authorization", "").removeprefix("Bearer ").partition(".")
        return Principal(key=key, team=team) if key else None


@asynccontextmanager
async def served(up: Upstream, *plugins: Any, kind: str = "openai", more: str = "") -> AsyncIterator[Gateway]:
    config = (
        f'[providers.host]\nkind = "{kind}"\nbase_url = "{up.url}/v1"\napi_key = "sk-fake"\n{more}\n'
        f'[providers.other]\nkind = "openai"\nbase_url = "{up.url}/other/v1"\napi_key = "sk-fake-other"\n'
    )
    async with gateway(config, OpenAI, *plugins) as made:
        yield made


def as_(made: Gateway, who: str) -> Client:
    return Client(made, {"authorization": f"Bearer {who}"})


def test_a_body_and_a_stream_pass_untouched() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(RESPONSE)
            up.answer(stream())
            asked = {**ASK, "tools": [{"type": "local_shell"}], "x_new": 1.50}
            response = await Client(made).post("/v1/responses", asked)
            assert response.json() == RESPONSE
            assert "x-tollhouse-translation" not in response.headers
            assert up.requests[0].path == "/v1/responses"
            assert up.requests[0].json() == {**asked, "model": "m"}
            response = await Client(made).post("/v1/responses", {**ASK, "stream": True})
            assert response.body == stream()
            assert response.headers["content-type"].startswith("text/event-stream")

    run(scenario())


@pytest.mark.parametrize(
    ("version", "path"),
    [("2025-04-01-preview", "/openai/responses?api-version=2025-04-01-preview"), ("v1", "/openai/v1/responses")],
)
def test_azure_has_its_own_addresses(version: str, path: str) -> None:
    async def scenario() -> None:
        async with Upstream() as up:
            config = (
                f'[providers.host]\nkind = "azure"\nendpoint = "{up.url}"\n'
                f'api_key = "sk-fake"\napi_version = "{version}"\n'
            )
            async with gateway(config, OpenAI) as made:
                up.answer(RESPONSE)
                assert (await Client(made).post("/v1/responses", ASK)).status == 200
                assert up.requests[0].path == path

    run(scenario())


def test_a_host_without_responses_is_asked_for_a_chat_completion() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up, kind="groq") as made:
            up.answer(CHAT)
            asked = {
                "model": "host/m",
                "instructions": "Be brief.",
                "input": [
                    {"role": "user", "content": [{"type": "input_text", "text": "weather?"}]},
                    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
                    {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
                    {"type": "function_call", "call_id": "c2", "name": "f", "arguments": "{}"},
                    {"type": "function_call_output", "call_id": "c1", "output": "sun"},
                    {"type": "function_call_output", "call_id": "c2", "output": "rain"},
                ],
                "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}, {"type": "web_search"}],
                "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}, "verbosity": "low"},
                "reasoning": {"effort": "low", "summary": "auto"},
                "max_output_tokens": 9,
                "metadata": {"a": "b"},
                "store": False,
                "include": ["reasoning.encrypted_content"],
            }
            response = await Client(made).post("/v1/responses", asked)
            said = response.json()
            assert (said["object"], said["status"], said["store"]) == ("response", "completed", False)
            assert said["output"][0]["content"][0]["text"] == "hi"
            assert said["usage"]["input_tokens"] == 3
            sent = up.requests[0].json()
            assert up.requests[0].path == "/v1/chat/completions"
            assert [turn["role"] for turn in sent["messages"]] == ["system", "user", "assistant", "tool", "tool"]
            assert [call["id"] for call in sent["messages"][2]["tool_calls"]] == ["c1", "c2"]
            assert (sent["max_completion_tokens"], sent["reasoning_effort"], sent["verbosity"]) == (9, "low", "low")
            assert sent["metadata"] == {"a": "b"}
            assert len(sent["tools"]) == 1
            lost = response.headers["x-tollhouse-translation"]
            assert lost == "adapted; dropped=messages[2].parts[0],include,tools,reasoning"
            strict = await Client(made, {"x-tollhouse-strict": "true"}).post("/v1/responses", asked)
            assert strict.json()["error"]["code"] == "translation_loss"

    run(scenario())


@pytest.mark.parametrize(
    "bond",
    [
        {"background": True},
        {"prompt": {"id": "pmpt_1"}},
        {"input": [{"type": "item_reference", "id": "msg_1"}]},
        {"input": [{"id": "msg_1"}]},
    ],
)
def test_what_only_a_host_of_responses_understands_is_a_400_elsewhere(bond: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up, kind="groq") as made:
            up.answer(CHAT)
            response = await Client(made).post("/v1/responses", {**ASK, **bond})
            assert response.status == 400
            assert response.json()["error"]["code"] == "unsupported_parameter"
            assert up.requests == []

    run(scenario())


@pytest.mark.parametrize("streamed", [False, True])
def test_a_response_is_its_owners_and_nobody_elses(streamed: bool) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up, Names) as made:
            up.answer(stream() if streamed else RESPONSE)
            up.answer(RESPONSE)
            await as_(made, "red.a").post("/v1/responses", {**ASK, "model": "other/m", "stream": streamed})
            assert (await as_(made, "red.b").get("/v1/responses/resp_1?include=x")).json() == RESPONSE
            assert up.requests[-1].path == "/other/v1/responses/resp_1?include=x"
            assert up.requests[-1].headers["authorization"] == "Bearer sk-fake-other"
            seen = len(up.requests)
            for client in (as_(made, "blue.a"), as_(made, ".c")):
                for method, path in (
                    ("GET", "/v1/responses/resp_1"),
                    ("GET", "/v1/responses/resp_1/input_items"),
                    ("DELETE", "/v1/responses/resp_1"),
                    ("POST", "/v1/responses/resp_1/cancel"),
                    ("GET", "/other/v1/responses/resp_1"),
                    ("GET", "/host/v1/Responses/resp_1"),
                ):
                    refused = await client.request(method, path)
                    assert (refused.status, refused.json()["error"]["code"]) == (404, "not_found")
                refused = await client.post("/v1/responses", {**ASK, "previous_response_id": "resp_1"})
                assert (refused.status, refused.json()["error"]["code"]) == (404, "previous_response_id_not_found")
            assert (await as_(made, "red.a").get("/host/v1/responses/resp_1")).status == 404
            assert (await as_(made, "red.a").get("/v1/responses/resp_2")).status == 404
            assert len(up.requests) == seen
            for method, path in (("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")):
                answered = await as_(made, "red.a").request(method, "/v1/responses/resp_1" + path)
                assert answered.status == 200
                assert (up.requests[-1].method, up.requests[-1].path) == (method, "/other/v1/responses/resp_1" + path)

    run(scenario())


def test_a_response_that_is_not_kept_belongs_to_nobody() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(RESPONSE)
            await Client(made).post("/v1/responses", {**ASK, "store": False})
            assert (await Client(made).get("/v1/responses/resp_1")).status == 404

    run(scenario())


def test_what_goes_on_with_a_response_goes_to_the_provider_that_keeps_it() -> None:
    async def scenario() -> None:
        async with (
            Upstream() as up,
            served(up, more='[models]\nboth = ["host/m", "other/m"]\none = ["host/m"]') as made,
        ):
            up.answer(RESPONSE)
            first = await Client(made).post("/v1/responses", {**ASK, "model": "both"})
            assert first.headers["x-tollhouse-target"] == "host/m"
            await made.owners.bind("response", "resp_9", Principal(), "other/m")
            asked = {**ASK, "model": "both", "previous_response_id": "resp_9"}
            assert (await Client(made).post("/v1/responses", asked)).headers["x-tollhouse-target"] == "other/m"
            refused = await Client(made).post("/v1/responses", {**asked, "model": "one"})
            assert (refused.status, refused.json()["error"]["code"]) == (400, "response_elsewhere")

    run(scenario())


def test_a_key_limited_to_models_may_ask_for_its_own_response_and_nothing_unread() -> None:
    class Limited:
        @hookimpl
        async def authenticate(self, exchange: Exchange) -> Principal | None:
            return Principal(key="k", models=("host/*",))

    async def scenario() -> None:
        async with Upstream() as up, served(up, Limited) as made:
            up.answer(RESPONSE)
            assert (await Client(made).post("/v1/responses", ASK)).status == 200
            assert (await Client(made).get("/v1/responses/resp_1")).status == 200
            assert (await Client(made).get("/v1/files")).status == 403

    run(scenario())


def test_a_response_cannot_be_asked_for_unread() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(RESPONSE)
            for path in ("/host/v1/responses", "/host/v1/responses/compact", "/host/v1/responses/input_tokens"):
                assert (await Client(made).post(path, ASK)).status == 404
            assert up.requests == []

    run(scenario())


def test_tokens_are_counted_and_conversations_compacted_by_the_host() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer({"object": "response.input_tokens", "input_tokens": 11})
            counted = await Client(made).post("/v1/responses/input_tokens", ASK)
            assert counted.json() == {"object": "response.input_tokens", "input_tokens": 11}
            assert up.requests[-1].path == "/v1/responses/input_tokens"
            up.answer({"id": "cmp_1", "object": "response.compaction", "output": [], "usage": RESPONSE["usage"]})
            compacted = await Client(made).post("/v1/responses/compact", ASK)
            assert compacted.status == 200
        async with Upstream() as up, served(up, kind="groq") as made:
            for path in ("/v1/responses/input_tokens", "/v1/responses/compact"):
                assert (await Client(made).post(path, ASK)).status == 400

    run(scenario())


@pytest.mark.parametrize("kind", ["files", "batches"])
def test_files_and_batches_are_their_owners_once_somebody_authenticates(kind: str) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up, Names) as made:
            up.answer({"id": "obj-1", "object": "x"})
            made_one = await as_(made, "red.a").post(f"/v1/{kind}", b"--x", {"content-type": "multipart/form-data"})
            assert made_one.json() == {"id": "obj-1", "object": "x"}
            assert (await as_(made, "red.b").get(f"/v1/{kind}/obj-1")).status == 200
            assert (await as_(made, "blue.a").get(f"/v1/{kind}/obj-1")).status == 404
            assert (await as_(made, "red.b").get(f"/v1/{kind}/obj-2")).status == 404
        async with Upstream() as up, served(up) as made:
            up.answer({"id": "obj-2"})
            assert (await Client(made).get(f"/v1/{kind}/obj-2")).status == 200

    run(scenario())


class Masks:
    """Hides the word `secret`."""

    @hookimpl
    async def relay(self, exchange: Exchange, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
        async for event in events:
            yield event.edited(lambda delta: delta.text.replace("secret", "***"))


class Holds:
    """Keeps the text of a stream until its part ends."""

    @hookimpl
    async def relay(self, exchange: Exchange, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
        held: list[Delta] = []
        async for event in events:
            if event.deltas:
                held += event.deltas
                continue
            if held and event.happenings:
                text = "".join(delta.text for delta in held).replace("secret", "***")
                yield Event(happenings=[Delta(index=held[0].index, text=text)])
                held = []
            yield event


@pytest.mark.parametrize("relay", [Masks, Holds])
def test_what_a_relay_hides_is_hidden_wherever_it_is_repeated(relay: type) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up, relay) as made:
            up.answer(stream())
            response = await Client(made).post("/v1/responses", {**ASK, "stream": True})
            assert b"secret" not in response.body
            splitter, reader = sse.Splitter(), ResponsesDialect().decoder("chat")
            frames = splitter.feed(response.body)
            [choice] = fold([h for raw in frames for h in reader.feed(raw)]).choices
            assert choice.parts[0].text == "my ***"  # type: ignore[union-attr]
            assert response.body.count(b"my ***") >= 4
            numbers = [msgspec.json.decode(sse.data(raw))["sequence_number"] for raw in frames]
            assert numbers == sorted(set(numbers))

    run(scenario())


def test_a_stream_that_is_cut_ends_as_a_failed_response() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(stream().rpartition(b"event: response.completed")[0])
            response = await Client(made).post("/v1/responses", {**ASK, "stream": True})
            assert b"response.completed" not in response.body
            last = msgspec.json.decode(sse.data(sse.Splitter().feed(response.body)[-1]))
            assert last["type"] == "response.failed"
            assert last["response"]["error"]["code"] == "upstream_cut"
            assert last["response"]["id"] == "resp_1"

    run(scenario())


def test_an_error_in_the_first_event_is_a_real_status() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            error = {"type": "insufficient_quota", "code": "insufficient_quota", "message": "no", "param": None}
            up.answer(typed({"type": "error", "error": error}))
            response = await Client(made).post("/v1/responses", {**ASK, "stream": True})
            assert (response.status, response.json()["error"]["code"]) == (429, "insufficient_quota")

    run(scenario())


def test_callers_of_other_dialects_are_served_by_responses_where_these_come_first() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up, more='responses = "first"\n[models]\nm = ["host/m"]') as made:
            up.answer({"id": "c", "object": "text_completion", "choices": [{"index": 0, "text": "hi"}]})
            up.answer(RESPONSE)
            assert (await Client(made).post("/v1/completions", {"model": "m", "prompt": "x"})).status == 200
            assert up.requests[-1].path == "/v1/completions"

    run(scenario())


def test_a_stream_of_a_chat_host_is_told_as_a_response() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up, kind="groq") as made:
            call = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{}"}}
            head = {"id": "x", "created": 7, "model": "m"}
            up.answer(
                events(
                    {**head, "choices": [{"index": 0, "delta": {"content": "so"}, "finish_reason": None}]},
                    {**head, "choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]},
                )
            )
            response = await Client(made).post("/v1/responses", {**ASK, "stream": True})
            types = [msgspec.json.decode(sse.data(raw))["type"] for raw in sse.Splitter().feed(response.body)]
            assert types == [
                "response.created",
                "response.in_progress",
                "response.output_item.added",
                "response.content_part.added",
                "response.output_text.delta",
                "response.output_text.done",
                "response.content_part.done",
                "response.output_item.done",
                "response.output_item.added",
                "response.function_call_arguments.delta",
                "response.function_call_arguments.done",
                "response.output_item.done",
                "response.completed",
            ]

    run(scenario())
