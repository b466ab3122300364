"""Workers on one store tell one another which targets are down, and probe one at a time."""

import asyncio
import contextlib
import importlib.util
import shutil
import time
from contextlib import AsyncExitStack

import pytest
from outage import CHAT, Who, World, config, fails, slow, well
from tollhouse.events import TargetDown, TargetUp
from tollhouse.testing import Client, gateway, run

pytestmark = pytest.mark.slow

REDIS = importlib.util.find_spec("tollhouse_redis") is not None and shutil.which("redis-server") is not None
STORES = [
    "sqlite",
    pytest.param(
        "redis", marks=pytest.mark.skipif(not REDIS, reason="needs the plugin redis and the program redis-server")
    ),
]


@contextlib.contextmanager
def shared(kind, folder):
    if kind == "sqlite":
        yield f"sqlite:{folder / 'state.db'}"
        return
    from tollhouse_redis.testing import RedisServer

    with RedisServer() as server:
        yield server.url


async def until(true, seconds=20.0):
    end = time.monotonic() + seconds
    while not await true():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


async def chat(made, model="two"):
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    return (await Client(made).post(CHAT, body)).status


async def state(made):
    """Where a/x stands, as this worker sees it."""
    rows = (await Client(made, {"x-who": "viewer"}).get("/admin/v1/breakers")).json()["breakers"]
    return next((row["state"] for row in rows if row["target"] == "a/x"), "unknown")


def told(made):
    return [type(event) for _, event in made.feed.recent() if isinstance(event, TargetDown | TargetUp)]


@pytest.mark.parametrize("kind", STORES)
def test_an_open_breaker_is_shared_and_so_is_its_one_probe(tmp_path, kind):
    with shared(kind, tmp_path) as url:
        text = config(f'[store]\nurl = "{url}"\nbound = "2s"\n[failover.breaker]\ncooldown = "2s"')

        async def story():
            world = World()
            async with AsyncExitStack() as stack:
                first, second = [
                    await stack.enter_async_context(gateway(text, world.plugin, Who(), folder=tmp_path))
                    for _ in range(2)
                ]
                await asyncio.sleep(0.5)
                world.does["a"] = fails(503)
                for _ in range(5):
                    await chat(first)
                at = world.count("a/x")

                async def is_open():
                    return await state(second) == "open"

                await until(is_open)
                statuses = await asyncio.gather(*(chat(second) for _ in range(20)))
                shunned = world.count("a/x") - at

                async def may_be_tried():
                    return {await state(first), await state(second)} == {"half-open"}

                await until(may_be_tried)
                world.asked.clear()
                world.does["a"] = slow(1.0)
                statuses += await asyncio.gather(*(chat(one) for _ in range(20) for one in (first, second)))
                probes = world.count("a/x")

                async def is_closed():
                    return {await state(first), await state(second)} == {"closed"}

                await until(is_closed)
                world.does["a"] = well
                world.asked.clear()
                await chat(first)
                await chat(second)
                return at, shunned, probes, set(statuses), world.order, sorted(map(str, told(first) + told(second)))

        at, shunned, probes, statuses, order, events = run(story(), 60)
        assert (at, shunned, probes) == (5, 0, 1)
        assert statuses == {200}
        assert order == ["a/x", "a/x"]
        assert events == [str(TargetDown), str(TargetUp)], "each change is told once, by the worker that found it"


@pytest.mark.skipif(not REDIS, reason="needs the plugin redis and the program redis-server")
def test_a_store_that_goes_away_leaves_every_worker_its_own_breakers(tmp_path):
    from tollhouse_redis.testing import RedisServer

    async def story(server):
        text = config(f'[store]\nurl = "{server.url}"\n[failover.breaker]\ncooldown = "1s"')
        world = World()
        async with gateway(text, world.plugin, Who(), folder=tmp_path) as made:
            world.does["a"] = fails(503)
            await chat(made)
            server.kill()
            statuses = [await chat(made) for _ in range(10)]
            opened = await state(made)
            world.does["a"] = well

            async def is_closed():
                statuses.append(await chat(made))
                return await state(made) == "closed"

            await until(is_closed)
            return set(statuses), opened

    with RedisServer() as server:
        assert run(story(server), 60) == ({200}, "open")
