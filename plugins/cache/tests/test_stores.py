"""Behind memory stands the store: other workers and successors find entries there, and nothing changes without it."""

import asyncio
import time

import pytest
from caching import CONFIG, Clock, House, Oracle, Tariff, Who, soon, tell, verdict, words
from tollhouse.store.opening import open_store
from tollhouse.testing import gateway, run
from tollhouse_cache import Cache
from tollhouse_cache.counts import tell as tell_counts

CALLS = 6


@pytest.fixture(params=["sqlite", "redis"])
def url(request, tmp_path):
    """A store that several processes share."""
    if request.param == "sqlite":
        yield f"sqlite:{tmp_path}/state.db"
        return
    testing = pytest.importorskip("tollhouse_redis.testing")
    if not testing.RedisServer.installed():
        pytest.skip("there is no redis-server on the path")
    with testing.redis_server("appendonly no") as url:
        yield url


def two_workers(url, story, more=""):
    """`story(one, two)` of two gateways on one store."""

    async def whole():
        Oracle.asked, Oracle.gate = [], asyncio.Event()
        text = CONFIG.format(plugins="", more=more + f'\n[store]\nurl = "{url}"')
        clock = Clock(time.time())
        parts = lambda: (Oracle, Who(), Tariff(), Cache)  # noqa: E731
        async with gateway(text, *parts(), clock=clock) as one, gateway(text, *parts(), clock=clock) as two:
            return await story(House(one, clock, None), House(two, clock, None))

    return run(whole())


def shelf(house):
    return house.gateway.keep("cache", dict)


async def stored(house):
    """Until everything is in the store."""
    await soon(lambda: not shelf(house).writing)


def test_another_worker_answers_from_the_store_and_then_from_its_memory(url):
    async def story(one, two):
        await one.chat()
        await stored(one)
        answers = [await two.chat(stream=True), await two.chat()]
        assert [verdict(one) for one in answers] == ["hit", "hit"]
        assert {words(one) for one in answers} == {"the answer to hi"}
        counts = shelf(two).now()
        assert (counts.store_hits, counts.memory_hits, counts.entries) == (1, 1, 1)
        assert len(Oracle.asked) == 1
        assert two.ended[0].saved == 53_000

    two_workers(url, story)


def test_a_hundred_at_once_read_the_store_once(url):
    async def story(one, two):
        await one.chat()
        await stored(one)
        answers = await asyncio.gather(*(two.chat() for _ in range(100)))
        assert {verdict(one) for one in answers} == {"hit"}
        assert shelf(two).now().store_hits == 1
        assert len(Oracle.asked) == 1

    two_workers(url, story)


def test_a_successor_finds_what_its_predecessor_kept(url):
    async def story(one, two):
        await one.chat()
        await stored(one)
        two.clock.now += 700
        return verdict(await two.chat())

    assert two_workers(url, story, "[cache]\nttl = '10m'") == "miss"
    assert two_workers(url.replace("state.db", "next.db"), story, "[cache]\nttl = '1h'") == "hit"


def test_an_entry_of_another_version_is_not_there(url):
    async def story(one, two):
        await one.chat()
        await stored(one)
        [(key, value)] = [pair async for pair in one.gateway.store.scan("cache:entry:")]
        await one.gateway.store.put(key, b"\x63" + value.data[1:])
        assert verdict(await two.chat()) == "miss"
        await stored(two)
        await one.gateway.store.put(key, value.data[:-4])
        return verdict(await one.chat())

    assert two_workers(url, story) == "hit"


def test_nothing_of_who_asked_or_what_stands_in_a_stores_key(url):
    async def story(one, two):
        await one.chat("a question that is a secret", who="key-name/team-name")
        await stored(one)
        return [key async for key, _ in one.gateway.store.scan("cache:entry:")]

    [key] = two_workers(url, story)
    assert len(key) == len("cache:entry:") + 64
    assert "name" not in key


def test_without_the_store_entries_stay_in_one_worker(url):
    async def story(one, two):
        await one.chat()
        return [verdict(await one.chat()), verdict(await two.chat())]

    assert two_workers(url, story, "[cache]\nstore = false") == ["hit", "miss"]


class Frozen:
    """A store that answers until it is frozen, and then never."""

    def __init__(self, inner):
        self._inner, self.frozen, self.calls = inner, False, 0

    def __getattr__(self, name):
        value = getattr(self._inner, name)
        if not asyncio.iscoroutinefunction(value):
            return value

        async def call(*args, **named):
            self.calls += 1
            if self.frozen and name != "close":
                await asyncio.sleep(3600)
            return await value(*args, **named)

        return call


def test_a_store_that_hangs_costs_its_bound_once_and_then_nothing():
    async def story(house):
        await house.chat("before")
        store.frozen = True
        began = time.monotonic()
        answers = [await house.chat(f"{n}") for n in range(CALLS)]
        took = time.monotonic() - began
        assert [verdict(one) for one in answers] == ["miss"] * CALLS
        assert {one.status for one in answers} == {200}
        assert took < 10 * 0.1 * CALLS
        assert verdict(await house.chat("before")) == verdict(await house.chat("3")) == "hit"
        assert len(Oracle.asked) == CALLS + 1
        calls = store.calls
        await house.chat("one more")
        assert store.calls - calls <= 1
        store.frozen = False

    store = Frozen(open_store("memory:"))
    tell(story, store=store, counted=False)


def test_a_redis_that_is_frozen_or_killed_changes_nothing_but_where_answers_come_from():
    testing = pytest.importorskip("tollhouse_redis.testing")
    if not testing.RedisServer.installed():
        pytest.skip("there is no redis-server on the path")

    with testing.RedisServer("appendonly no") as server:

        async def story(one, two):
            await one.chat("before")
            await stored(one)
            server.freeze()
            said = [
                verdict(await one.chat("before")),
                verdict(await two.chat("before")),
                verdict(await two.chat("new")),
            ]
            server.thaw()
            server.kill()
            said += [
                verdict(await two.chat("before")),
                verdict(await two.chat("newer")),
                verdict(await two.chat("newer")),
            ]
            assert said == ["hit", "miss", "miss", "hit", "miss", "hit"]

        two_workers(server.url, story)


@pytest.mark.parametrize("size", [10, 10_000, 200_000])
def test_large_replies_are_kept_compressed(size):
    async def story(house):
        await house.chat("word " * (size // 5))
        counts = shelf(house).now()
        assert counts.stored == 1
        assert counts.plain_bytes >= size
        assert size < 1000 or counts.kept_bytes < counts.plain_bytes / 5
        said = (await house.client("viewer").get("/admin/v1/cache")).json()["total"]
        assert said["compression"] == counts.plain_bytes / counts.kept_bytes
        assert verdict(await house.chat("word " * (size // 5))) == "hit"

    tell(story)


def test_the_counts_of_all_workers_are_told(tmp_path):
    async def story(one, two):
        await one.chat()
        await one.chat()
        await stored(one)
        await two.chat()
        await tell_counts(two.gateway.store, shelf(two).worker, shelf(two).now())
        said = (await one.client("viewer").get("/admin/v1/cache")).json()
        assert len(said["workers"]) == 2
        total = said["total"]
        assert (total["memory_hits"], total["store_hits"], total["misses"], total["stored"]) == (1, 1, 1, 1)
        assert total["hit_ratio"] == 2 / 3

    two_workers(f"sqlite:{tmp_path}/state.db", story)
