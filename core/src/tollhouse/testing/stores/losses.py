"""What every store must do with holds that run out, clocks that go back and wrong arguments."""

from __future__ import annotations

import pytest

from ...store import Demand, Grant
from .stage import OnStage, Stage, demand, granted, refused, used


class Losses(OnStage):
    """Nothing stuck, nothing negative, nothing half done."""

    def test_a_lost_hold_frees_all_but_its_money_and_is_returned_once(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            every = (demand("rate", limit=1), demand("slots", limit=1), demand("window", amount=7))
            await granted(store, "dead", *every, ttl=5)
            await granted(store, "alive", demand("slots", key="test:other"), ttl=5)
            stage.clock.advance(4)
            assert await store.expired(10) == []
            assert await store.renew(["alive", "never"], 5) == {"alive"}
            stage.clock.advance(1)
            assert await used(store, *every) == [0, 0, 7]
            assert await store.renew(["dead", "alive"], 5) == {"alive"}
            lost = await store.expired(10)
            assert [(one.hold, one.demands) for one in lost] == [("dead", every)]
            assert await store.expired(10) == []
            assert await used(store, *every) == [0, 0, 7]
            assert (await store.settle("dead", {"nano_usd": 1})).first
            assert await used(store, *every) == [0, 0, 7]

        stage.run(story)

    def test_a_lost_slot_is_free_for_the_next_claim_at_once(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            await granted(store, "dead", demand("slots", limit=1), ttl=5)
            assert (await refused(store, "next", demand("slots", limit=1))).retry_in == 1.0
            stage.clock.advance(5)
            await granted(store, "next", demand("slots", limit=1))
            assert [one.hold for one in await store.expired(10)] == ["dead"]

        stage.run(story)

    def test_expired_takes_no_more_than_asked(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            for i in range(5):
                await granted(store, f"h{i}", demand("slots"), ttl=1)
            stage.clock.advance(2)
            lost = [len(await store.expired(2)) for _ in range(4)]
            assert lost == [2, 2, 1, 0]

        stage.run(story)

    def test_a_late_settle_of_a_lost_hold_books_its_money(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            every = (demand("slots"), demand("window", amount=7))
            await granted(store, "slow", *every, ttl=1)
            stage.clock.advance(2)
            assert await used(store, *every) == [0, 7]
            assert (await store.settle("slow", {"nano_usd": 2})).first
            assert await used(store, *every) == [0, 2]
            assert await store.expired(10) == []

        stage.run(story)

    def test_a_clock_set_back_neither_refills_nor_sticks(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            await granted(store, "a", demand("rate", amount=10))
            stage.clock.advance(-3600)
            assert await used(store, demand("rate")) == [10]
            await refused(store, "b", demand("rate"))
            stage.clock.advance(1)
            assert isinstance(await store.claim("b", [demand("rate", amount=0)], 60), Grant)
            stage.clock.advance(10)
            await granted(store, "c", demand("rate", amount=9))

        stage.run(story)

    def test_a_full_rate_refills_from_when_the_clock_was_set_back(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            stage.clock.advance(3600)
            await granted(store, "a", demand("rate", amount=10))
            stage.clock.advance(-3600)
            assert (await refused(store, "b", demand("rate"))).retry_in == pytest.approx(1.0)
            stage.clock.advance(1)
            await granted(store, "b", demand("rate"))

        stage.run(story)

    @pytest.mark.parametrize(
        "wrong",
        [
            demand(amount=-1),
            demand(amount=2**53),
            demand(limit=2**53),
            demand(key=""),
            demand(key="k" * 513),
            demand("rate", period=0.0),
            demand("window", until=0.0),
        ],
    )
    def test_a_demand_outside_the_contract_is_a_value_error(self, stage: Stage, wrong: Demand) -> None:
        async def story() -> None:
            store = stage.open()
            with pytest.raises(ValueError, match=r".+"):
                await store.claim("h", [demand("slots"), wrong], 60)
            assert await used(store, demand("slots")) == [0]

        stage.run(story)
