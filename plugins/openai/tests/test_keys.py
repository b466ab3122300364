"""Several keys of one account: used in turn, rested when they are turned away, and never seen by anybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tollhouse import hookimpl
from tollhouse.clock import Clock
from tollhouse.config import parse
from tollhouse.gateway import Gateway
from tollhouse.testing import Client, Upstream, gateway, run
from tollhouse.testing.upstream import Request, Script, scripted
from tollhouse_openai import OpenAI

ASK = {"model": "host/m", "messages": [{"role": "user", "content": "hello"}]}
BODY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 7,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}
KEYS = ("sk-fake-a", "sk-fake-b", "sk-fake-c")


class Watch:
    """Keeps what observers see."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.notes: list[Any] = []

    @hookimpl
    def observe(self, exchange: Any, attempt: Any) -> None:
        self.seen.append((attempt.state, attempt.credential))
        self.notes.append(list(exchange.notes))


class Hands(Clock):
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


def config(up: Upstream) -> str:
    keys = ", ".join(f'"{key}"' for key in KEYS)
    return f'[providers.host]\nkind = "openai"\nbase_url = "{up.url}/v1"\napi_keys = [{keys}]\n'


@asynccontextmanager
async def scene(answers: dict[str, Script]) -> AsyncIterator[tuple[Gateway, Upstream, Watch, Hands]]:
    """A gateway before an upstream that answers by key; other keys are answered well."""

    def answer(request: Request) -> Script:
        return answers.get(request.headers["authorization"].removeprefix("Bearer "), scripted(BODY))

    watch, clock = Watch(), Hands()
    async with Upstream(answer) as up, gateway(config(up), OpenAI, watch, clock=clock) as made:
        yield made, up, watch, clock


def used(up: Upstream) -> list[str]:
    return [request.headers["authorization"].removeprefix("Bearer sk-fake-") for request in up.requests]


def refusal(status: int, **headers: str) -> Script:
    return scripted({"error": {"message": "no: sk-fake-a"}}, status, headers)


def test_the_keys_take_turns() -> None:
    async def scenario() -> None:
        async with scene({}) as (made, up, watch, _):
            for _n in range(4):
                assert (await Client(made).post("/v1/chat/completions", ASK)).status == 200
            assert used(up) == ["a", "b", "c", "a"]
            assert watch.seen == [("won", 0), ("won", 1), ("won", 2), ("won", 0)]

    run(scenario())


@pytest.mark.parametrize("status", [401, 402, 403, 429])
def test_a_key_that_is_turned_away_is_replaced_within_the_attempt_and_rests(status: int) -> None:
    async def scenario() -> None:
        async with scene({"sk-fake-a": refusal(status)}) as (made, up, watch, _):
            for _n in range(3):
                response = await Client(made).post("/v1/chat/completions", ASK)
                assert response.status == 200
                assert "x-tollhouse-attempts" not in response.headers
            assert used(up) == ["a", "b", "c", "b"]
            assert watch.seen[0] == ("won", 1)
            assert "sk-fake" not in str(watch.notes)
            assert "key 0 was turned away" in str(watch.notes[0])

    run(scenario())


def test_a_limited_key_rests_as_long_as_the_upstream_says() -> None:
    async def scenario() -> None:
        answers = {"sk-fake-a": refusal(429, **{"retry-after": "20"})}
        async with scene(answers) as (made, up, _, clock):
            await Client(made).post("/v1/chat/completions", ASK)
            answers.clear()
            clock.now += 19
            for _n in range(2):
                await Client(made).post("/v1/chat/completions", ASK)
            clock.now += 2
            for _n in range(3):
                await Client(made).post("/v1/chat/completions", ASK)
            assert used(up) == ["a", "b", "c", "b", "c", "a", "b"]

    run(scenario())


def test_no_key_left_is_a_bad_gateway_with_a_code_of_its_own() -> None:
    async def scenario() -> None:
        async with scene(dict.fromkeys(KEYS, refusal(401))) as (made, up, watch, _):
            response = await Client(made).post("/v1/chat/completions", ASK)
            assert response.status == 502
            assert response.json()["error"]["code"] == "upstream_credentials_exhausted"
            assert response.headers["x-should-retry"] == "false"
            assert b"sk-fake" not in response.body
            assert used(up) == ["a", "b", "c"]
            assert watch.seen == [("failed", 2)]
            await Client(made).post("/v1/chat/completions", ASK)
            assert used(up)[3:] == ["a"], "one that rests is tried, since none does not"

    run(scenario())


def test_a_limit_that_all_keys_reached_is_told_as_the_upstream_told_it() -> None:
    async def scenario() -> None:
        async with scene(dict.fromkeys(KEYS, refusal(429, **{"retry-after": "7"}))) as (made, up, _, _clock):
            response = await Client(made).post("/v1/chat/completions", ASK)
            assert (response.status, response.headers["retry-after"]) == (429, "7")
            assert used(up) == ["a", "b", "c"]
            assert b"sk-fake" not in response.body

    run(scenario())


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_an_error_that_is_not_about_the_key_tries_no_other(status: int) -> None:
    async def scenario() -> None:
        async with scene(dict.fromkeys(KEYS, refusal(status))) as (made, up, _, _clock):
            assert (await Client(made).post("/v1/chat/completions", ASK)).status == status
            assert used(up) == ["a"]

    run(scenario())


def test_an_upload_is_sent_once_and_the_next_takes_another_key() -> None:
    async def scenario() -> None:
        async with scene({"sk-fake-a": refusal(401)}) as (made, up, _, _clock):
            first = await Client(made).post("/v1/files", b"abc", {"content-type": "text/plain"})
            assert first.status == 502
            second = await Client(made).post("/v1/files", b"abc", {"content-type": "text/plain"})
            assert second.status == 200
            assert used(up) == ["a", "b"]
            assert up.requests[-1].body == b"abc"

    run(scenario())


def test_who_rests_is_known_after_a_reload(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with scene({"sk-fake-a": refusal(401)}) as (made, up, _, _clock):
            await Client(made).post("/v1/chat/completions", ASK)
            text = config(up) + '[store]\nurl = "memory:"\n'
            await made.reload(parse(text, {}, path=tmp_path / "gateway.toml"))
            for _n in range(3):
                await Client(made).post("/v1/chat/completions", ASK)
            assert used(up) == ["a", "b", "c", "b", "c"]

    run(scenario())
