"""The guard: what it bounds, what it says, what it does while the store hangs, fails and comes back."""

import asyncio
import logging
import threading
import time

import pytest
from tollhouse.errors import ConfigError, StoreError
from tollhouse.store import Grant, Refusal, Row, Settled
from tollhouse.store.guarded import Guarded
from tollhouse.store.memory import MemoryStore
from tollhouse.store.spool import Entry, Spool
from tollhouse.testing import gateway, run
from tollhouse.testing.stores import FakeClock
from tollhouse.testing.stores.stage import HOUR, START, demand, granted, refused, used

BOUND = 0.02


class Moody(MemoryStore):
    """A store that answers, fails or hangs, as `mood` says."""

    def __init__(self, clock):
        super().__init__(clock)
        self.mood = "good"
        self.asked = 0
        self.hanging = 0
        self.closed = False

    async def feel(self):
        self.asked += 1
        if self.mood == "hang":
            self.hanging += 1
            try:
                await asyncio.Event().wait()
            finally:
                self.hanging -= 1
        if isinstance(self.mood, Exception):
            raise self.mood

    async def claim(self, hold, demands, ttl):
        await self.feel()
        return await super().claim(hold, demands, ttl)

    async def settle(self, hold, actual, *, row=None, mail=()):
        await self.feel()
        return await super().settle(hold, actual, row=row, mail=mail)

    async def get(self, *keys):
        await self.feel()
        return await super().get(*keys)

    async def renew(self, holds, ttl):
        await self.feel()
        return await super().renew(holds, ttl)

    async def scan(self, prefix, after="", limit=100):
        await self.feel()
        async for pair in super().scan(prefix, after, limit):
            yield pair

    async def close(self):
        self.closed = True
        await super().close()


class Scene:
    def __init__(self, **options):
        self.clock = FakeClock()
        self.store = Moody(self.clock)
        self.changes = []
        self.guarded = Guarded(
            self.store,
            bound=BOUND,
            clock=self.clock,
            on_change=lambda up, why: self.changes.append((up, why)),
            **options,
        )

    async def ready(self):
        assert await self.guarded.get("k") == [None]

    async def down(self, mood=None):
        self.store.mood = mood or StoreError("gone")
        for _ in range(3):
            with pytest.raises(StoreError):
                await self.guarded.get("k")
        assert not self.guarded.healthy

    async def up(self):
        self.store.mood = "good"
        self.clock.advance(1)
        await self.guarded.get("k")
        assert self.guarded.healthy


async def until(condition):
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to that")


def play(story, **options):
    async def tell():
        scene = Scene(**options)
        await scene.ready()
        try:
            await asyncio.wait_for(story(scene), 30)
        finally:
            await scene.guarded.close()
            assert scene.store.closed
            assert scene.store.hanging == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(tell())


def test_every_method_reaches_the_store():
    async def story(scene):
        store = scene.guarded
        await granted(store, "h", demand())
        assert await used(store, demand()) == [1]
        assert await store.renew(["h"], 5) == {"h"}
        assert await store.settle("h", {}, mail=[("q", b"m")], row=Row(id="h", at=START, outcome="failed"))
        assert await store.expired(5) == []
        assert await store.put("k", b"v", ttl=5, tags=["t"], expect=0)
        assert [key async for key, _ in store.scan("k")] == ["k"]
        assert await store.drop("k") == 1
        last = await store.append("l", [b"1"])
        assert await store.read("l") == [(last, b"1")]
        assert await store.trim("l", START + 1) == 1
        assert len(await store.sums([], HOUR, HOUR + 1)) == 1
        assert [row.id for row in await store.rows(HOUR, START + 1, {"id": "h"}, after="", limit=1)] == ["h"]
        assert await store.forget(START + 31 * 86400) == 1
        [mail] = await store.take("q", 1, 5)
        await store.done("q", [mail.id])
        assert await store.lead("x", 5)
        heard = store.subscribe("t")
        await store.publish("t", b"m")
        assert await anext(heard) == ("t", b"m")

    play(story)


def test_a_hanging_call_ends_within_its_bound_and_is_cancelled():
    async def story(scene):
        scene.store.mood = "hang"
        with pytest.raises(StoreError, match="did not answer within"):
            await scene.guarded.get("k")
        await asyncio.sleep(0)
        assert scene.store.hanging == 0
        with pytest.raises(StoreError):
            _ = [pair async for pair in scene.guarded.scan("k")]

    play(story)


def test_an_answer_that_came_while_the_event_loop_was_held_up_counts():
    async def story(scene):
        loop, answered = asyncio.get_running_loop(), threading.Event()

        async def answer_from_a_thread(*_):
            answer = loop.create_future()

            def work():
                loop.call_soon_threadsafe(answer.set_result, ["answer"])
                answered.set()

            threading.Thread(target=work).start()
            return await answer

        scene.store.get = answer_from_a_thread
        call = asyncio.ensure_future(scene.guarded.get("k"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert answered.wait(30)
        time.sleep(5 * BOUND)  # noqa: ASYNC251
        assert await call == ["answer"]

    play(story)


def test_a_cancelled_caller_leaves_nothing_behind():
    async def story(scene):
        scene.store.mood = "hang"
        call = asyncio.ensure_future(scene.guarded.get("k"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert scene.store.hanging == 1
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.sleep(0)
        assert scene.store.hanging == 0

    play(story)


@pytest.mark.parametrize("mood", ["hang", StoreError("gone"), OSError("refused"), RuntimeError("bug")])
def test_three_failures_in_a_row_open_the_breaker_and_one_a_second_may_try(mood, caplog):
    caplog.set_level(logging.INFO, "tollhouse.store")

    async def story(scene):
        await scene.down(mood)
        asked = scene.store.asked
        for _ in range(5):
            with pytest.raises(StoreError, match="is down"):
                await scene.guarded.get("k")
        assert scene.store.asked == asked
        scene.clock.advance(1)
        for _ in range(5):
            with pytest.raises(StoreError):
                await scene.guarded.get("k")
        assert scene.store.asked == asked + 1
        scene.clock.advance(-3600)
        with pytest.raises(StoreError):
            await scene.guarded.get("k")
        assert scene.store.asked == asked + 2
        await scene.up()
        assert [up for up, _ in scene.changes] == [False, True]
        assert len([record for record in caplog.records if record.name == "tollhouse.store"]) == 2

    play(story)


def test_failures_that_are_not_in_a_row_change_nothing():
    async def story(scene):
        for _ in range(5):
            scene.store.mood = StoreError("hiccup")
            for _ in range(2):
                with pytest.raises(StoreError):
                    await scene.guarded.get("k")
            scene.store.mood = "good"
            await scene.guarded.get("k")
        assert scene.guarded.healthy
        assert scene.changes == []

    play(story)


@pytest.mark.parametrize("error", [ValueError("bad key"), ConfigError("newer schema")])
def test_a_mistake_of_the_caller_is_passed_on_and_says_nothing_about_the_store(error):
    async def story(scene):
        scene.store.mood = error
        for _ in range(5):
            with pytest.raises(type(error)):
                await scene.guarded.get("k")
        assert scene.guarded.healthy

    play(story)


def test_a_claim_without_a_store_follows_the_policy_of_each_demand():
    async def story(scene):
        await scene.down()
        allow = demand("slots", limit=0, if_lost="allow")
        share = demand("window", limit=10, if_lost="share")
        refuse = demand("rate")
        outcome = await refused(scene.guarded, "a", allow, share, refuse)
        assert (outcome.key, outcome.lost, outcome.retry_in) == ("test:rate", True, 1.0)
        assert [level.key for level in outcome.levels] == ["test:slots", "test:window", "test:rate"]
        await granted(scene.guarded, "b", allow)
        await granted(scene.guarded, "c", demand("rate", enforce=False))
        for hold in ("d", "e"):
            await granted(scene.guarded, hold, allow, share)
        outcome = await refused(scene.guarded, "f", allow, share)
        assert (outcome.key, outcome.lost) == ("test:window", False)
        assert [level.used for level in outcome.levels] == [0, 2]
        assert (await refused(scene.guarded, "g", demand(amount=9, if_lost="share"))).retry_in == 1.0

    play(story, share=lambda: 5)


def test_a_single_claim_that_overruns_follows_the_policy_too():
    async def story(scene):
        scene.store.mood = "hang"
        outcome = await scene.guarded.claim("a", [demand()], 60)
        assert isinstance(outcome, Refusal)
        assert outcome.lost
        assert isinstance(await scene.guarded.claim("b", [demand(if_lost="allow")], 60), Grant)
        assert scene.guarded.healthy

    play(story)


def test_a_local_share_is_freed_by_settle_and_forgotten_when_the_store_is_back():
    async def story(scene):
        await scene.down()
        share = demand("slots", limit=2, if_lost="share")
        await granted(scene.guarded, "a", share)
        await refused(scene.guarded, "b", share)
        await scene.guarded.settle("a", {})
        await granted(scene.guarded, "b", share)
        await scene.up()
        await granted(scene.guarded, "c", share)
        await scene.down()
        await granted(scene.guarded, "d", share)

    play(story, share=lambda: 2)


def test_settlements_are_spooled_and_made_in_order_when_the_store_is_back():
    async def story(scene):
        await granted(scene.guarded, "h", demand(amount=7))
        await scene.down("hang")
        row = Row(id="h", at=START, outcome="completed", cost=2, attempts=({"status": 200},))
        settled = await scene.guarded.settle("h", {"nano_usd": 2}, row=row, mail=[("q", b"\x00m")])
        assert settled == Settled(first=True)
        for i in range(5):
            await scene.guarded.settle(f"h{i}", {}, mail=[("q", b"%d" % i)])
        assert scene.guarded.spooled == 6
        await scene.up()
        await until(lambda: not scene.guarded.spooled)
        assert await used(scene.store, demand()) == [2]
        assert [total.cost for total in await scene.store.sums([], HOUR, HOUR + 1)] == [2]
        assert [mail.data for mail in await scene.store.take("q", 9, 5)] == [b"\x00m", *(b"%d" % i for i in range(5))]

    play(story)


def test_a_settle_that_was_made_but_seemed_lost_counts_once():
    async def story(scene):
        await granted(scene.guarded, "h", demand(amount=7))
        await scene.store.settle("h", {"nano_usd": 2})
        scene.store.mood = "hang"
        await scene.guarded.settle("h", {"nano_usd": 2})
        scene.store.mood = "good"
        await scene.guarded.get("k")
        await until(lambda: not scene.guarded.spooled)
        assert await used(scene.store, demand()) == [2]

    play(story)


def test_a_settle_whose_caller_is_cancelled_is_made_later():
    async def story(scene):
        await granted(scene.guarded, "h", demand(amount=7))
        scene.store.mood = "hang"
        call = asyncio.ensure_future(scene.guarded.settle("h", {"nano_usd": 2}))
        await until(lambda: scene.store.hanging)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert scene.guarded.spooled == 1

    play(story)


def test_the_spool_survives_a_restart(tmp_path):
    async def crash(scene):
        await scene.down()
        await scene.guarded.settle("h", {}, row=Row(id="h", at=START, outcome="completed", cost=3))

    async def restart(scene):
        assert scene.guarded.spooled in (0, 1)
        await until(lambda: not scene.guarded.spooled)
        assert [total.cost for total in await scene.store.sums([], HOUR, HOUR + 1)] == [3]

    play(crash, spool=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    play(restart, spool=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_idle_gateway_makes_spooled_settlements_without_being_asked_for_anything(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tollhouse.background.ELECTION", 0.03)
    store = Moody(time.time)

    async def story():
        async with gateway("[providers]\nsimulator = {}\n", store=store) as made:
            store.mood = StoreError("gone")
            await made.store.settle("h", {}, row=Row(id="h", at=START, outcome="completed", cost=3))
            assert made.store.spooled == 1
            store.mood = "good"
            while made.store.spooled:
                await asyncio.sleep(0.01)
            assert [row.id for row in await store.rows(0, START + 1)] == ["h"]

    run(story())


def entries(spool):
    found = []
    while (entry := spool.first()) is not None:
        found.append(entry.hold)
        spool.delivered(entry)
    return found


def test_a_full_spool_drops_the_oldest_and_says_so_once(tmp_path, caplog):
    spool = Spool(tmp_path, bound=3)
    for i in range(10):
        spool.add(Entry(f"h{i}", {}))
    assert spool.dropped == 7
    assert len(caplog.records) == 1
    spool.close()
    assert entries(Spool(tmp_path, bound=3)) == ["h7", "h8", "h9"]


def test_the_spool_file_stays_short(tmp_path):
    spool = Spool(tmp_path, bound=3)
    for i in range(1000):
        spool.add(Entry(f"h{i}", {}))
    [file] = tmp_path.iterdir()
    assert len(file.read_bytes().splitlines()) <= 7
    assert entries(spool) == ["h997", "h998", "h999"]
    assert file.read_bytes() == b""


def test_a_spool_leaves_the_file_of_a_living_process_alone(tmp_path):
    living = Spool(tmp_path)
    living.add(Entry("h", {}))
    assert entries(Spool(tmp_path)) == []
    living.close()
    assert entries(Spool(tmp_path)) == ["h"]


def test_a_line_that_a_crash_cut_short_is_skipped(tmp_path):
    (tmp_path / "settle-1-x.jsonl").write_bytes(b'{"hold":"a","actual":{}}\n{"hold":"b","ac')
    assert entries(Spool(tmp_path)) == ["a"]


def test_a_folder_that_cannot_be_written_leaves_the_spool_in_memory(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    spool = Spool(tmp_path / "file" / "spool")
    spool.add(Entry("a", {}))
    spool.add(Entry("b", {}))
    assert entries(spool) == ["a", "b"]
    assert len(caplog.records) == 1
