"""Gateways on one Redis: one limit for both, a bounded wait when it hangs, and no secret in what it keeps."""

import asyncio
import json
import logging
import time

import pytest
from tollhouse import Demand, hookimpl
from tollhouse.testing import Client, gateway, run
from tollhouse_redis.testing import RedisServer

CHAT = "/v1/chat/completions"
CANARIES = ("sk-fake-canary-provider", "sk-fake-canary-redis", "sk-fake-canary-caller")


class Slots:
    """At most so many calls at once, in all gateways together."""

    name = "slots"
    needs_store = True

    def __init__(self, limit=3, if_lost="refuse"):
        self.limit, self.if_lost = limit, if_lost

    @hookimpl
    def demand(self, exchange, target):
        return [Demand(key="slots:all", kind="slots", measure="slot", amount=1, limit=self.limit, if_lost=self.if_lost)]


def config(url, ttft="off"):
    return f"""
        plugins = ["openai", "simulator"]
        [providers.simulator]
        ttft = "{ttft}"
        tokens_per_second = 0
        [providers.upstream]
        kind = "openai"
        base_url = "http://127.0.0.1:9/v1"
        api_key = "{CANARIES[0]}"
        [models]
        echo = ["simulator/echo"]
        [store]
        url = "{url}"
    """


def asks(text="hello"):
    return json.dumps({"model": "echo", "messages": [{"role": "user", "content": text}]}).encode()


def test_two_gateways_share_one_limit(server):
    async def story():
        url = f"{server.url}?prefix=shared"
        async with gateway(config(url, "300ms"), Slots()) as one, gateway(config(url, "300ms"), Slots()) as other:
            calls = [Client(made).post(CHAT, asks()) for made in (one, other) for _ in range(5)]
            statuses = [response.status for response in await asyncio.gather(*calls)]
            assert sorted(statuses) == [200] * 3 + [429] * 7
            assert (await Client(one).post(CHAT, asks())).status == 200
            [total] = await other.store.sums([], 0, 4e9)
            assert total.requests == len(await one.store.rows(0, 4e9))

    run(story())


@pytest.mark.parametrize(("if_lost", "status"), [("refuse", 503), ("allow", 200)])
def test_a_frozen_redis_adds_no_more_than_the_bound_and_readiness_tells(if_lost, status, caplog):
    async def story(server):
        async with gateway(config(server.url), Slots(if_lost=if_lost)) as made:
            client = Client(made)
            assert (await client.post(CHAT, asks())).status == 200
            caplog.clear()
            server.freeze()
            waits = []
            for _ in range(8):
                since = time.monotonic()
                assert (await client.post(CHAT, asks())).status == status
                waits.append(time.monotonic() - since)
            assert max(waits) < 10 * 0.1
            ready = await client.get("/readyz")
            assert ready.status == 503
            assert b"the store is down" in ready.body
            assert (await client.get("/healthz")).status == 200
            server.thaw()
            since = time.monotonic()
            while (await client.get("/readyz")).status != 200:
                assert time.monotonic() - since < 10 * 5.0
                await client.post(CHAT, asks())
                await asyncio.sleep(0.1)
            assert (await client.post(CHAT, asks())).status == 200

    caplog.set_level(logging.INFO, "tollhouse")
    with RedisServer() as server:
        run(story(server))
    told = [record.message for record in caplog.records if record.name == "tollhouse.store"]
    assert len(told) == 2, told
    assert "is down" in told[0]
    assert "answers again" in told[1]


def test_no_secret_is_in_what_redis_keeps():
    async def story(server):
        async with gateway(config(server.url), Slots()) as made:
            headers = {"authorization": f"Bearer {CANARIES[2]}"}
            for _ in range(3):
                await Client(made).post(CHAT, asks(), headers=headers)
            assert (await made.store.rows(0, 4e9))[0].outcome == "completed"
        server.command("BGREWRITEAOF")
        server.wait_until(lambda: "aof_rewrite_in_progress:0" in server.command("INFO", "persistence"))
        kept = b"".join(file.read_bytes() for file in (server.folder / "appendonlydir").iterdir())
        server.command("SAVE")
        kept += (server.folder / "dump.rdb").read_bytes()
        assert b"{tollhouse}:" in kept
        assert [canary for canary in CANARIES if canary.encode() in kept] == []

    with RedisServer("rdbcompression no", password=CANARIES[1]) as server:
        run(story(server))
