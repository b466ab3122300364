"""Redis frozen, killed, restarted, emptied: nothing hangs, nothing is lost, nothing is stuck, and it comes back."""

import asyncio
import socket
import time
from functools import partial

import pytest
from tollhouse.errors import ConfigError, StoreError
from tollhouse.store import Row
from tollhouse.store.guarded import Guarded
from tollhouse.testing import run
from tollhouse.testing.stores.stage import START, demand, granted, used
from tollhouse_redis import open_redis
from tollhouse_redis.testing import RedisServer

FAR = {"until": 4e9}
RECOVERS_WITHIN = 5.0


async def recovered(store):
    """The seconds until it answers again."""
    since = time.monotonic()
    while True:
        try:
            await store.get("k")
        except StoreError:
            assert time.monotonic() - since < 10 * RECOVERS_WITHIN
            await asyncio.sleep(0.05)
        else:
            return time.monotonic() - since


async def insisted(call):
    """Made again until it is answered, as a spool does."""
    while True:
        try:
            return await call()
        except StoreError:
            await asyncio.sleep(0.02)


def test_a_restart_keeps_what_was_held_and_the_client_finds_back(own_server):
    every = (demand("slots"), demand("window", amount=7, **FAR), demand("rate", amount=3, period=1e6))

    async def story():
        store = open_redis(own_server.url)
        await granted(store, "h", *every, ttl=600)
        await granted(store, "short", demand("slots", key="test:other"), ttl=0.2)
        own_server.kill()
        with pytest.raises(StoreError, match=r"is not there|closed the connection"):
            await store.get("k")
        own_server.start()
        assert await recovered(store) < RECOVERS_WITHIN
        assert await used(store, *every) == [1, 7, 3]
        await asyncio.sleep(0.2)
        assert [lost.hold for lost in await store.expired(9)] == ["short"]
        row = Row(id="h", at=START, outcome="completed", cost=2)
        assert (await store.settle("h", {"nano_usd": 2}, row=row)).first
        assert not (await store.settle("h", {"nano_usd": 2}, row=row)).first
        assert await used(store, *every) == [0, 2, 3]
        await store.close()

    run(story())


@pytest.mark.slow
def test_killed_again_and_again_the_sums_still_agree(own_server):
    async def story():
        store = open_redis(own_server.url)
        money, slot = demand(limit=10**9, amount=5, **FAR), demand("slots", limit=10**6)
        spent = 0

        async def worker(name):
            nonlocal spent
            for i in range(60):
                hold = f"{name}-{i}"
                row = Row(id=hold, at=START, outcome="completed", cost=3)
                await insisted(partial(store.claim, hold, [money, slot], 600))
                await insisted(partial(store.settle, hold, {"nano_usd": 3}, row=row))
                spent += 3

        async def killer():
            for _ in range(3):
                await asyncio.sleep(0.1)
                await asyncio.to_thread(own_server.kill)
                await asyncio.to_thread(own_server.start)

        await asyncio.gather(killer(), *(worker(i) for i in range(8)))
        assert spent == 3 * 8 * 60
        assert await used(store, money, slot) == [spent, 0]
        [total] = await store.sums([], 0, START + 1)
        assert (total.cost, total.requests) == (spent, 8 * 60)
        await store.close()

    run(story(), 60)


@pytest.mark.slow
def test_a_frozen_server_costs_no_more_than_the_bound_and_is_found_back(own_server):
    async def story():
        changes = []
        store = Guarded(open_redis(own_server.url), bound=0.05, on_change=lambda up, why: changes.append(up))
        await store.get("k")
        own_server.freeze()
        waits = []
        for i in range(10):
            since = time.monotonic()
            await store.claim(f"h{i}", [demand("slots", if_lost="share")], 1)
            waits.append(time.monotonic() - since)
        assert max(waits) < 10 * 0.05
        own_server.thaw()
        assert await recovered(store) < RECOVERS_WITHIN
        assert changes == [False, True]
        await asyncio.sleep(1.0)
        await store.expired(99)
        assert await used(store, demand("slots")) == [0]
        await store.close()

    run(story())


def test_a_server_that_lost_everything_starts_again_from_nothing(own_server):
    async def story():
        store = open_redis(own_server.url)
        heard = store.subscribe("t")
        first = await store.put("k", b"1")
        await granted(store, "h", demand("slots", limit=1))
        own_server.command("FLUSHALL")
        assert (await store.settle("h", {}, row=Row(id="h", at=START, outcome="completed"))).first
        await granted(store, "i", demand("slots", limit=1))
        assert await store.put("k", b"2", expect=first) is None
        assert await store.put("k", b"2", expect=0) > first
        await store.publish("t", b"after")
        assert await anext(heard) == ("t", b"after")
        await store.close()

    run(story())


def test_messages_published_while_a_listener_was_cut_off_still_reach_it(own_server):
    async def story():
        one, other = open_redis(own_server.url), open_redis(own_server.url)
        heard = other.subscribe("t")
        await one.publish("t", b"1")
        assert await anext(heard) == ("t", b"1")
        own_server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert await recovered(one) < RECOVERS_WITHIN
        for data in (b"2", b"3"):
            await one.publish("t", data)
        assert [await anext(heard), await anext(heard)] == [("t", b"2"), ("t", b"3")]
        await one.close()
        await other.close()

    run(story())


def test_nobody_at_the_address_is_a_store_error_at_once():
    async def story():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        for url in (f"redis://:hunter2@127.0.0.1:{port}/0", "unix:///nowhere/redis.sock", "redis://a..b"):
            store = open_redis(url)
            for _ in range(3):
                with pytest.raises(StoreError) as caught:
                    await store.get("k")
                assert "hunter2" not in str(caught.value)
            await store.close()

    run(story())


def test_a_wrong_or_missing_password_is_a_store_error_that_keeps_it():
    async def story(server):
        for login, words in (("", "wants a password"), (":hunter2@", "WRONGPASS"), ("ann:hunter2@", "WRONGPASS")):
            store = open_redis(f"redis://{login}127.0.0.1:{server.port}/0")
            with pytest.raises(StoreError, match=words) as caught:
                await store.get("k")
            assert "hunter2" not in str(caught.value)
            await store.close()
        store = open_redis(server.url)
        assert await store.get("k") == [None]
        await store.close()

    with RedisServer(password="sk-fake-redis") as server:
        run(story(server))


def test_a_replica_is_refused_with_a_reason(own_server):
    async def story(url):
        store = open_redis(url)
        with pytest.raises(StoreError, match="replica"):
            await store.get("k")
        await store.close()

    with RedisServer(f"replicaof 127.0.0.1 {own_server.port}") as replica:
        run(story(replica.url))


@pytest.mark.parametrize(
    ("greeting", "error", "words"),
    [
        (b"$20\r\nredis_version:5.0.14\r\n", ConfigError, "too old: 5.0.14"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", StoreError, "does not speak as Redis"),
        (b"", StoreError, "did not answer within"),
    ],
    ids=["old", "no redis", "silent"],
)
def test_what_is_no_redis_of_our_time_is_told_apart(greeting, error, words, monkeypatch):
    monkeypatch.setattr("tollhouse_redis.dialer.DIALS_WITHIN", 0.3)

    async def story():
        async def answer(reader, writer):
            await reader.readuntil(b"INFO\r\n")
            writer.write(b"+OK\r\n" + greeting if greeting.startswith(b"$") else greeting)
            await reader.read()
            writer.close()

        listening = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        store = open_redis(f"redis://127.0.0.1:{port}/0")
        with pytest.raises(error, match=words):
            await store.get("k")
        await store.close()
        listening.close()
        await listening.wait_closed()

    run(story())


def test_a_connection_that_stays_silent_is_given_up(own_server, monkeypatch):
    monkeypatch.setattr("tollhouse_redis.line.ANSWERS_WITHIN", 0.3)
    monkeypatch.setattr("tollhouse_redis.dialer.DIALS_WITHIN", 0.3)

    async def story():
        store = open_redis(own_server.url)
        await store.get("k")
        own_server.freeze()
        with pytest.raises(StoreError, match="did not answer within"):
            await store.get("k")
        own_server.thaw()
        assert await recovered(store) < RECOVERS_WITHIN
        await store.close()

    run(story())


def test_a_policy_that_throws_keys_away_is_warned_of_once(caplog):
    async def story(url):
        store = open_redis(url)
        await store.get("k")
        await store.append("l", [b"1"])
        await store.close()

    with RedisServer("maxmemory 64mb", "maxmemory-policy allkeys-lru") as server:
        run(story(server.url))
    assert [record.message.count("noeviction") for record in caplog.records] == [1]
