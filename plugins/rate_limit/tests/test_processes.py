"""Limits over real processes and stores: exact, freed when a process is killed, shared out when the store freezes."""

import asyncio
import contextlib
import importlib.util
import json
import shutil
import signal
import sqlite3
import time
from functools import partial

import anthropic
import httpx
import openai
import pytest
from tollhouse import Demand
from tollhouse.store.opening import open_store
from tollhouse.testing import Client, Served, Upstream, gateway, run
from tollhouse.testing.upstream import Script

pytestmark = pytest.mark.slow

REDIS = importlib.util.find_spec("tollhouse_redis") is not None and shutil.which("redis-server") is not None
STORES = [
    "sqlite",
    pytest.param(
        "redis", marks=pytest.mark.skipif(not REDIS, reason="needs the plugin redis and the program redis-server")
    ),
]
SAID = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
BODY = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "x",
    "choices": [SAID],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}

CONFIG = """
plugins = ["openai", "anthropic", "rate_limit"{plugins}]

[server]
engine = "uvicorn"
workers = {workers}

[store]
url = "{store}"
bound = "2s"

[providers.up]
kind = "openai"
base_url = "{up}/v1"
api_key = "sk-fake"

[models.paced]
targets = ["up/x"]
rate_limit = "30 requests/day"
[models.slots]
targets = ["up/x"]
rate_limit = "10 concurrent"
[models.tokens]
targets = ["up/x"]
rate_limit = "30k tokens/day"
"""


@contextlib.contextmanager
def shared(kind, folder):
    """The URL of a store that processes share, and how to freeze it and thaw it again."""
    if kind == "sqlite":
        path = folder / "state.db"
        yield f"sqlite:{path}", partial(locked, path)
        return
    from tollhouse_redis.testing import RedisServer

    with RedisServer() as server:
        yield server.url, partial(stopped, server)


@contextlib.contextmanager
def locked(path):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@contextlib.contextmanager
def stopped(server):
    server.process.send_signal(signal.SIGSTOP)
    yield
    server.process.send_signal(signal.SIGCONT)


class Gated(Upstream):
    """An upstream that answers nobody before it is opened, and knows how many it holds."""

    def __init__(self):
        super().__init__()
        self.opened = asyncio.Event()
        self.inside = self.most = 0
        self.then(self._hold)

    def _hold(self, request):
        async def body():
            self.inside += 1
            self.most = max(self.most, self.inside)
            try:
                await self.opened.wait()
            finally:
                self.inside -= 1
            yield json.dumps(BODY).encode()

        return Script(200, {"content-type": "application/json"}, body())


def asks(model):
    return {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1000}


async def chat(client, url, model):
    return (await client.post(f"{url}/v1/chat/completions", json=asks(model))).status_code


async def level(url, key, **more):
    store = open_store(url)
    try:
        [found] = await store.levels([Demand(key=f"rate_limit:{key}", amount=0, **more)])
        return found.used
    finally:
        await store.close()


async def until(true, seconds=60.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


def many():
    return httpx.AsyncClient(timeout=120, limits=httpx.Limits(max_connections=None, max_keepalive_connections=0))


async def storm(urls, up, model, count):
    """The statuses of calls made at once of several gateways, of which none is answered before the last was let in or
    refused."""
    up.opened.clear()
    async with many() as client:
        asked = [asyncio.create_task(chat(client, urls[n % len(urls)], model)) for n in range(count)]
        await until(lambda: sum(task.done() for task in asked) + up.inside == count)
        inside = up.inside
        up.opened.set()
        statuses = [await task for task in asked]
    assert statuses.count(200) == inside
    assert set(statuses) <= {200, 429}
    return inside


@pytest.mark.parametrize("kind", STORES)
def test_four_processes_accept_exactly_the_limit(kind, tmp_path):
    async def story(store):
        async with Gated() as up:
            with Served(tmp_path, CONFIG.format(plugins="", workers=4, store=store, up=up.url)) as gate:
                calls = {"slots": 100, "tokens": 290, "paced": 300}
                accepted = {model: await storm([gate.url], up, model, count) for model, count in calls.items()}
                again = await storm([gate.url], up, "slots", 30)
        used = [
            await level(store, "model:model=slots:10 concurrent", kind="slots", measure="slot", limit=10),
            await level(
                store, "model:model=tokens:30k tokens/day", kind="rate", measure="tokens", limit=30000, period=86400.0
            ),
        ]
        return accepted, again, used

    async def whole():
        with shared(kind, tmp_path) as (store, _):
            return await story(store)

    accepted, again, (slots, tokens) = run(whole(), 120)
    size = len(httpx.Request("POST", "http://x", json=asks("tokens")).content)
    held = size // 4 + 1000
    assert accepted == {"slots": 10, "tokens": 30000 // held, "paced": 30}
    assert again == 10
    assert slots == 0
    assert 5 * accepted["tokens"] - 30 <= tokens <= 5 * accepted["tokens"]


WAITING = """
[rate_limit]
max_wait = "60s"
"""


def test_lines_of_several_processes_pass_everybody_and_never_too_many_at_once(tmp_path):
    async def whole():
        async with Gated() as up, many() as client:
            text = CONFIG.format(plugins="", workers=4, store=f"sqlite:{tmp_path}/state.db", up=up.url) + WAITING
            with Served(tmp_path, text) as gate:
                asked = [asyncio.create_task(chat(client, gate.url, "slots")) for _ in range(60)]
                await until(lambda: up.inside == 10)
                await asyncio.sleep(0.5)
                up.opened.set()
                return [await task for task in asked], up.most

    assert run(whole(), 90) == ([200] * 60, 10)


@pytest.mark.parametrize("kind", STORES)
def test_two_gateways_on_one_store_share_the_limit(kind, tmp_path):
    async def story(store):
        async with Gated() as up:
            text = CONFIG.format(plugins="", workers=1, store=store, up=up.url)
            first, second = tmp_path / "first", tmp_path / "second"
            first.mkdir()
            second.mkdir()
            with Served(first, text) as one, Served(second, text) as other:
                return [await storm([one.url, other.url], up, model, 120) for model in ("paced", "slots")]

    async def whole():
        with shared(kind, tmp_path) as (store, _):
            return await story(store)

    assert run(whole(), 90) == [30, 10]


HASTY = '''
"""Holds of a dead process are lost after three seconds."""

import tollhouse.holds
import tollhouse.journey.holding
from tollhouse import hookimpl

tollhouse.holds.HOLD_TTL = tollhouse.journey.holding.HOLD_TTL = 3.0


class Hasty:
    """Does nothing else."""

    @hookimpl
    async def startup(self):
        pass
'''


async def filled(client, url, count):
    """So many calls under way, tried until they are let in."""
    end, kept = time.monotonic() + 60, []
    while len(kept) < count:
        assert time.monotonic() < end
        kept += [asyncio.create_task(chat(client, url, "slots")) for _ in range(count - len(kept))]
        await asyncio.sleep(0.5)
        kept = [task for task in kept if not task.done()]
    return kept


@pytest.mark.parametrize("kind", STORES)
def test_the_slots_of_a_killed_process_come_free(kind, tmp_path):
    async def story(store):
        async with Gated() as up, many() as client:
            text = CONFIG.format(plugins=', "./hasty.py"', workers=1, store=store, up=up.url)
            folders = [tmp_path / "doomed", tmp_path / "survivor"]
            for folder in folders:
                folder.mkdir()
                (folder / "hasty.py").write_text(HASTY)
            with Served(folders[0], text) as doomed, Served(folders[1], text) as survivor:
                lost = [asyncio.create_task(chat(client, doomed.url, "slots")) for _ in range(10)]
                await until(lambda: up.inside == 10)
                doomed.process.kill()
                await asyncio.wait(lost)
                assert all(isinstance(task.exception(), httpx.HTTPError) for task in lost)
                first = await chat(client, survivor.url, "slots")
                kept = await filled(client, survivor.url, 10)
                over = await chat(client, survivor.url, "slots")
                up.opened.set()
                return first, over, {await task for task in kept}, up.most

    async def whole():
        with shared(kind, tmp_path) as (store, _):
            return await story(store)

    first, over, kept, most = run(whole(), 120)
    assert (first, over, kept) == (429, 429, {200})
    assert most == 10


FROZEN = """
plugins = ["openai", "rate_limit"]
providers.simulator = {{ ttft = "off", tokens_per_second = 0 }}
[defaults]
rate_limit = "6 requests/day"
[rate_limit]
if_lost = "{policy}"
[store]
url = "{url}"
bound = "400ms"
ledger = false
"""


@pytest.mark.parametrize(
    ("policy", "expected"), [("share", [200] * 6 + [429] * 2), ("refuse", [503] * 8), ("allow", [200] * 8)]
)
@pytest.mark.parametrize("kind", STORES)
def test_while_the_store_is_frozen_the_policy_holds_and_the_count_goes_on_after_it(kind, policy, expected, tmp_path):
    body = {"model": "simulator/echo", "messages": [{"role": "user", "content": "hi"}]}

    async def whole():
        with shared(kind, tmp_path) as (url, frozen):
            async with gateway(FROZEN.format(url=url, policy=policy), folder=tmp_path) as made:
                client = Client(made)

                async def status():
                    return (await client.post("/v1/chat/completions", body)).status

                before = [await status() for _ in range(2)]
                with frozen():
                    while_frozen = [await status() for _ in range(8)]
                end = time.monotonic() + 50
                while (back := await status()) != 429:
                    assert time.monotonic() < end
                    await asyncio.sleep(0.05)
                return before, while_frozen, back

    before, while_frozen, back = run(whole(), 60)
    assert (before, while_frozen, back) == ([200, 200], expected, 429)


RETRIED = """
plugins = ["openai", "anthropic", "rate_limit"]
providers.simulator = { ttft = "off", tokens_per_second = 0 }
[rate_limit]
rules = [
  { limit = "30 requests/minute", burst = 1, by = "model" },
  { limit = "9k input tokens/hour", by = "model" },
  { limit = "9k tokens/hour", by = "model" },
]
[models]
gpt = ["simulator/echo"]
claude = ["simulator/echo"]
[store]
url = "memory:"
"""


def test_the_official_sdks_read_the_headers_and_try_again_when_told(tmp_path):
    hi = [{"role": "user", "content": "hi"}]
    with Served(tmp_path, RETRIED) as gate:
        with openai.OpenAI(base_url=f"{gate.url}/v1", api_key="sk-fake", max_retries=2) as one:
            ask = partial(one.chat.completions.with_raw_response.create, model="gpt", messages=hi, max_tokens=5)
            first, second = ask(), ask()
            assert (first.retries_taken, second.retries_taken) == (0, 1)
            assert first.headers["x-ratelimit-limit-requests"] == "1"
            assert second.headers["x-ratelimit-remaining-requests"] == "0"
            assert second.headers["x-ratelimit-reset-requests"] == "2s"
            assert second.parse().choices[0].message.content == "hi"
            with pytest.raises(openai.RateLimitError) as raised:
                one.with_options(max_retries=0).chat.completions.create(model="gpt", messages=hi)
            assert raised.value.code == "rate_limit_exceeded"
            assert 0 < int(raised.value.response.headers["retry-after-ms"]) <= 2000
            with pytest.raises(openai.RateLimitError, match="ever allows at once") as raised:
                one.chat.completions.create(model="gpt", messages=hi, max_tokens=100_000)
            assert raised.value.response.headers["x-should-retry"] == "false"
        with anthropic.Anthropic(base_url=gate.url, api_key="sk-fake", max_retries=2) as other:
            ask = partial(other.messages.with_raw_response.create, model="claude", messages=hi, max_tokens=5)
            first, second = ask(), ask()
            assert (first.retries_taken, second.retries_taken) == (0, 1)
            assert first.headers["anthropic-ratelimit-requests-remaining"] == "0"
            assert first.headers["anthropic-ratelimit-input-tokens-limit"] == "9000"
            assert first.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
            with pytest.raises(anthropic.RateLimitError) as failed:
                other.with_options(max_retries=0).messages.create(model="claude", messages=hi, max_tokens=5)
            assert failed.value.response.json()["error"]["type"] == "rate_limit_error"
