"""The way of calls to Redis: together when busy, whole or not at all when cancelled, by EVAL where need be."""

import asyncio
import socket

import pytest
from tollhouse.errors import StoreError
from tollhouse.store import Grant
from tollhouse.testing import run
from tollhouse.testing.stores.stage import demand, granted, used
from tollhouse_redis import open_redis
from tollhouse_redis.testing import RedisServer

FAR = {"until": 4e9}


def calls(server, command):
    """How often the server was asked this."""
    for line in server.command("INFO", "commandstats").splitlines():
        if line.startswith(f"cmdstat_{command}:"):
            return int(line.partition("calls=")[2].partition(",")[0])
    return 0


def test_what_is_asked_at_once_goes_out_together_and_a_lone_call_at_once(own_server):
    async def story():
        store = open_redis(own_server.url)
        await granted(store, "first", demand("slots", limit=1000))
        own_server.command("CONFIG", "RESETSTAT")
        await asyncio.gather(*(granted(store, f"h{i}", demand("slots", limit=1000)) for i in range(128)))
        assert calls(own_server, "evalsha") == 2
        await granted(store, "alone", demand("slots", limit=1000))
        assert calls(own_server, "evalsha") == 3
        await store.close()

    run(story())


def test_a_cancelled_call_neither_tears_the_connection_nor_mixes_up_answers(server):
    async def story():
        store = open_redis(f"{server.url}?prefix=cancelled")
        await asyncio.gather(*(store.put(f"k{i}", b"%d" % i) for i in range(50)))
        for turn in range(20):
            tasks = [asyncio.ensure_future(store.get(f"k{i}")) for i in range(50)]
            for _ in range(turn % 4):
                await asyncio.sleep(0)
            for task in tasks[turn % 3 :: 3]:
                task.cancel()
            for i, answer in enumerate(await asyncio.gather(*tasks, return_exceptions=True)):
                assert isinstance(answer, asyncio.CancelledError) or answer[0].data == b"%d" % i
        assert (await store.get("k7"))[0].data == b"7"
        await store.close()

    run(story())


def test_a_caller_who_leaves_while_waiting_is_not_sent(own_server):
    async def story():
        store = open_redis(own_server.url)
        await store.levels([])
        own_server.freeze()
        sent = asyncio.ensure_future(store.claim("sent", [demand("slots")], 60))
        await asyncio.sleep(0.01)
        waiting = asyncio.ensure_future(store.claim("waiting", [demand("slots")], 60))
        await asyncio.sleep(0.01)
        for call in (sent, waiting):
            call.cancel()
        own_server.thaw()
        assert await store.renew(["sent", "waiting"], 60) == {"sent"}
        await store.close()

    run(story())


def test_more_calls_than_may_wait_are_refused_at_once(own_server, monkeypatch):
    monkeypatch.setattr("tollhouse_redis.line.BACKLOG", 10)

    async def story():
        store = open_redis(own_server.url)
        await store.get("k")
        own_server.freeze()
        calls = [asyncio.ensure_future(store.get("k")) for _ in range(12)]
        await asyncio.sleep(0)
        assert [call.done() for call in calls] == [False] * 10 + [True] * 2
        own_server.thaw()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert [str(outcome) for outcome in outcomes if isinstance(outcome, StoreError)] == [
            "the store is overloaded: 10 operations are waiting"
        ] * 2
        await store.close()

    run(story())


def test_a_flushed_script_cache_is_nobodys_problem(server):
    async def story():
        store = open_redis(f"{server.url}?prefix=flushed")
        for i in range(10):
            server.command("SCRIPT", "FLUSH")
            calls = [granted(store, f"{i}-{j}", demand("slots", limit=1000)) for j in range(10)]
            await asyncio.gather(*calls, store.put("k", b"v"), store.append("l", [b"i"]))
        assert await used(store, demand("slots")) == [100]
        await store.close()

    run(story())


@pytest.mark.parametrize(
    "options",
    [
        ("rename-command SCRIPT ''", "rename-command EVALSHA ''"),
        ("user default on nopass ~* &* +@all -evalsha -script -info -client",),
    ],
    ids=["renamed", "refused"],
)
def test_a_server_that_refuses_evalsha_is_asked_by_eval(options):
    async def story(url):
        store = open_redis(url)
        for i in range(3):
            await granted(store, f"h{i}", demand("slots"))
        assert await used(store, demand("slots")) == [3]
        await store.close()

    with RedisServer(*options) as server:
        run(story(server.url))


def test_a_server_that_refuses_scripts_altogether_says_so():
    async def story(url):
        store = open_redis(url)
        with pytest.raises(StoreError, match="needs EVALSHA or EVAL"):
            await store.get("k")
        await store.close()

    with RedisServer("user default on nopass ~* &* +@all -@scripting") as server:
        run(story(server.url))


def test_a_full_memory_is_a_store_error_and_changes_nothing(own_server):
    async def story():
        store = open_redis(own_server.url)
        await granted(store, "h", demand("window", amount=4, **FAR))
        own_server.command("CONFIG", "SET", "maxmemory", "1mb")
        for call in (store.claim("i", [demand("window", **FAR)], 60), store.put("k", b"v")):
            with pytest.raises(StoreError, match="maxmemory"):
                await call
        own_server.command("CONFIG", "SET", "maxmemory", "0")
        assert await used(store, demand("window", **FAR)) == [4]
        assert isinstance(await store.claim("i", [demand("window", **FAR)], 60), Grant)
        await store.close()

    run(story())


def test_it_counts_on_uvloop_too(server):
    uvloop = pytest.importorskip("uvloop")

    async def story():
        store = open_redis(f"{server.url}?prefix=uvloop")
        await asyncio.gather(*(granted(store, f"h{i}", demand("slots", limit=100)) for i in range(100)))
        assert await used(store, demand("slots")) == [100]
        assert store._claims._link._transport.get_extra_info("socket").getsockopt(
            socket.SOL_SOCKET, socket.SO_KEEPALIVE
        )
        await store.close()

    uvloop.run(story())


def test_closing_ends_what_was_asked_and_refuses_more(server):
    async def story():
        store = open_redis(f"{server.url}?prefix=closing")
        puts = [asyncio.ensure_future(store.put(f"k{i}", b"v")) for i in range(200)]
        await asyncio.sleep(0)
        await store.close()
        assert all(await asyncio.gather(*puts))
        with pytest.raises(StoreError, match="closed"):
            await store.get("k")

    run(story())


def test_a_leader_that_closes_gives_way_at_once(server):
    async def story():
        one, other = (open_redis(f"{server.url}?prefix=leaders") for _ in range(2))
        assert await one.lead("sweep", 60)
        assert not await other.lead("sweep", 60)
        await one.close()
        assert await other.lead("sweep", 60)
        await other.close()

    run(story())


def test_large_values_come_and_go_in_pieces_that_fit(server):
    async def story():
        store = open_redis(f"{server.url}?prefix=large")
        data = bytes(range(256)) * 4096 * 8
        await asyncio.gather(*(store.put(f"k{i}", data) for i in range(3)))
        found = [(key, value.data == data) async for key, value in store.scan("k")]
        assert found == [("k0", True), ("k1", True), ("k2", True)]
        await store.close()

    run(story())


def test_values_that_are_over_leave_nothing_behind(server):
    async def story():
        clock = lambda: now  # noqa: E731
        now = 1_700_000_000.0
        store = open_redis(f"{server.url}?prefix=over", clock=clock)
        for i in range(20):
            await store.put(f"old{i}", b"v", ttl=5)
        now += 5
        for i in range(6):
            await store.put(f"new{i}", b"v", ttl=5, tags=["t"])
        await store.drop(tag="t")
        assert [key async for key, _ in store.scan("")] == []
        await store.close()
        left = server.command("KEYS", "{over}*").split()
        assert sorted(left) == ["{over}:serial", "{over}:tags"]

    run(story())
