"""What every shared store must do when real processes meet on it, one of them dying."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import signal
from collections.abc import Callable, Coroutine
from functools import partial
from multiprocessing.synchronize import Barrier
from typing import Any

import pytest

from ...store import Demand, Grant, Row, Store
from .stage import HOUR, START, OnStage, demand, granted, used

PROCESSES = 4
CEILING = 60.0
"""Seconds after which a process counts as hung."""

Work = Callable[[Store, int, Any], Coroutine[Any, Any, Any]]
FAR = 4_000_000_000.0
"""The end of a window that no test outlives."""

_context = multiprocessing.get_context("spawn")


@pytest.mark.slow
class SharedStoreConformance(OnStage):
    """Exactness over process boundaries."""

    def test_four_processes_are_granted_exactly_the_limit(self, urls: Callable[[], str]) -> None:
        url, limit = urls(), 30
        every = [
            demand("window", limit=limit, until=FAR),
            demand("rate", limit=limit, period=1_000_000.0),
            demand("slots", limit=limit),
        ]
        work = partial(claim_many, demands=every, times=limit * 10 // PROCESSES)
        assert [sum(counts) for counts in zip(*self.together(url, work), strict=True)] == [limit] * 3
        assert self.look(url, lambda store: used(store, *every)) == [limit] * 3

    def test_budgets_are_the_sum_of_what_was_spent(self, urls: Callable[[], str]) -> None:
        url = urls()
        spent = sum(self.together(url, partial(spend, money=demand(limit=10**12, amount=500, until=FAR))))

        async def look(store: Store) -> None:
            assert await used(store, demand(limit=10**12, until=FAR)) == [spent]
            [total] = await store.sums([], HOUR, HOUR + 3600)
            assert (total.cost, total.requests) == (spent, 60 * PROCESSES)

        self.look(url, look)

    def test_slots_never_exceed_their_limit_at_any_moment(self, urls: Callable[[], str]) -> None:
        url = urls()
        inside, most = _context.Value("i", 0), _context.Value("i", 0)
        grants = sum(self.together(url, pass_through, (inside, most)))
        assert grants > 0
        assert 0 < most.value <= 3
        assert self.look(url, lambda store: used(store, demand("slots"))) == [0]

    def test_compare_and_set_loses_no_increment(self, urls: Callable[[], str]) -> None:
        url = urls()
        self.together(url, increment)

        async def look(store: Store) -> bytes | None:
            [value] = await store.get("counter")
            return value.data if value else None

        assert self.look(url, look) == b"%d" % (25 * PROCESSES)

    def test_what_a_killed_process_held_comes_free(self, urls: Callable[[], str]) -> None:
        url = urls()
        mine, theirs = _context.Pipe()
        victim = _context.Process(target=_die_holding, args=(type(self).opener, url, theirs))
        victim.start()
        assert mine.poll(CEILING)
        assert mine.recv() == "held"
        os.kill(victim.pid or 0, signal.SIGKILL)
        victim.join(CEILING)

        async def look(store: Store) -> None:
            async with asyncio.timeout(CEILING):
                while True:
                    lost = await store.expired(10)
                    if lost:
                        break
                    await asyncio.sleep(0.05)
            assert [one.hold for one in lost] == ["victim"]
            assert await store.expired(10) == []
            assert await used(store, *_belongings()) == [0, 0, 5]
            await granted(store, "next", *_belongings()[:2])

        self.look(url, look)

    def together(self, url: str, work: Work, shared: Any = None) -> list[Any]:
        """What the work returned in each of some processes that began at the same time."""
        barrier = _context.Barrier(PROCESSES)
        pipes = [_context.Pipe() for _ in range(PROCESSES)]
        children = [
            _context.Process(target=_child, args=(type(self).opener, url, work, i, barrier, theirs, shared))
            for i, (_, theirs) in enumerate(pipes)
        ]
        for child in children:
            child.start()
        results = []
        try:
            for (mine, theirs), child in zip(pipes, children, strict=True):
                theirs.close()
                assert mine.poll(CEILING), "a process hangs"
                results.append(mine.recv())
                child.join(CEILING)
        finally:
            for child in children:
                child.kill()
        return results

    def look(self, url: str, story: Callable[[Store], Coroutine[Any, Any, Any]]) -> Any:
        """What a story with a client of this process returns."""
        return asyncio.run(_with_store(type(self).opener, url, story))


async def claim_many(store: Store, number: int, _: Any, *, demands: list[Demand], times: int) -> list[int]:
    """How many claims of each demand were granted."""

    async def claim(one: Demand) -> int:
        claims = (store.claim(f"{one.key}-{number}-{i}", [one], 3600) for i in range(times))
        return sum(isinstance(outcome, Grant) for outcome in await asyncio.gather(*claims))

    return [await claim(one) for one in demands]


async def spend(store: Store, number: int, _: Any, *, money: Demand) -> int:
    """How much was spent on claims that are settled with something else, each twice."""
    chance = random.Random(number)

    async def once(i: int) -> int:
        hold, actual = f"{number}-{i}", chance.randrange(1000)
        await granted(store, hold, money)
        row = Row(id=hold, at=START, outcome="completed", cost=actual)
        settled = [await store.settle(hold, {"nano_usd": actual}, row=row) for _ in range(2)]
        assert [one.first for one in settled] == [True, False]
        return actual

    return sum(await asyncio.gather(*(once(i) for i in range(60))))


async def pass_through(store: Store, number: int, shared: Any) -> int:
    """How often a slot was got, noting in shared memory how many are inside at once."""
    inside, most = shared

    async def once(i: int) -> bool:
        hold = f"{number}-{i}"
        if not isinstance(await store.claim(hold, [demand("slots", limit=3)], 60), Grant):
            return False
        with inside.get_lock():
            inside.value += 1
            most.value = max(most.value, inside.value)
        await asyncio.sleep(0.001)
        with inside.get_lock():
            inside.value -= 1
        await store.settle(hold, {})
        return True

    return sum([sum(await asyncio.gather(*(once(8 * turn + i) for i in range(8)))) for turn in range(15)])


async def increment(store: Store, number: int, _: Any) -> None:
    """Count up by compare-and-set."""
    for _ in range(25):
        while True:
            [value] = await store.get("counter")
            count = int(value.data) if value else 0
            if await store.put("counter", b"%d" % (count + 1), expect=value.version if value else 0):
                break


def _belongings() -> list[Demand]:
    return [
        demand("rate", limit=1, period=1_000_000.0),
        demand("slots", limit=1),
        demand("window", amount=5, until=FAR),
    ]


async def _with_store(
    opener: Callable[[str], Store], url: str, story: Callable[[Store], Coroutine[Any, Any, Any]]
) -> Any:
    store = opener(url)
    try:
        return await story(store)
    finally:
        await store.close()


def _child(
    opener: Callable[[str], Store],
    url: str,
    work: Work,
    number: int,
    barrier: Barrier,
    results: Any,
    shared: Any,
) -> None:
    async def story(store: Store) -> Any:
        barrier.wait(CEILING)
        return await work(store, number, shared)

    results.send(asyncio.run(_with_store(opener, url, story)))


def _die_holding(opener: Callable[[str], Store], url: str, results: Any) -> None:
    async def story(store: Store) -> None:
        await granted(store, "victim", *_belongings(), ttl=1)
        results.send("held")
        await asyncio.sleep(CEILING)

    asyncio.run(_with_store(opener, url, story))
