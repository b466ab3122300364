"""What every store must do with claims."""

from __future__ import annotations

import pytest

from ...store import Grant
from .stage import START, OnStage, Stage, demand, granted, refused, used


class Claims(OnStage):
    """Rates, windows, slots; raises, shadows and marks."""

    def test_a_rate_grants_exactly_its_limit_and_burst_in_an_instant(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            asked = demand("rate", limit=7, burst=3)
            outcomes = [await store.claim(f"h{i}", [asked], 60) for i in range(30)]
            assert sum(isinstance(outcome, Grant) for outcome in outcomes) == 10
            assert await used(store, asked) == [10]

        stage.run(story)

    @pytest.mark.parametrize("limit", [3, 7, 10, 60])
    def test_a_refused_rate_says_to_the_microsecond_when_it_frees(self, stage: Stage, limit: int) -> None:
        async def story() -> None:
            store = stage.open()
            await granted(store, "all", demand("rate", amount=limit, limit=limit))
            refusal = await refused(store, "more", demand("rate", amount=2, limit=limit))
            assert refusal.key == "test:rate"
            assert refusal.retry_in == pytest.approx(20 / limit, abs=2e-6)
            stage.clock.advance((refusal.retry_in or 0) - 3e-6)
            await refused(store, "more", demand("rate", amount=2, limit=limit))
            stage.clock.advance(3e-6)
            await granted(store, "more", demand("rate", amount=2, limit=limit))

        stage.run(story)

    def test_a_rate_gives_its_limit_every_period_and_no_double_burst_at_an_edge(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            passed = 0
            for step in range(300):
                outcome = await store.claim(f"h{step}", [demand("rate", limit=7)], 60)
                passed += isinstance(outcome, Grant)
                stage.clock.advance(0.1)
            assert passed == 7 + 20  # a full bucket, and 7 in each of 3 periods less the one not yet due

        stage.run(story)

    def test_what_can_never_fit_says_that_waiting_is_useless(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            for kind in ("rate", "window", "slots"):
                refusal = await refused(store, "h", demand(kind, amount=11))
                assert refusal.retry_in is None
            await granted(store, "h", demand("rate", amount=11, burst=1))

        stage.run(story)

    def test_a_window_fills_up_and_starts_again_at_its_end(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            await granted(store, "a", demand("window", amount=8))
            refusal = await refused(store, "b", demand("window", amount=3))
            assert refusal.retry_in == pytest.approx(100, abs=0.01)
            assert refusal.level.used == 8
            assert refusal.level.remaining == 2
            await granted(store, "b", demand("window", amount=2))
            stage.clock.advance(101)
            await granted(store, "c", demand("window", amount=10, until=START + 200))

        stage.run(story)

    def test_a_claim_is_all_or_nothing_and_names_what_frees_last(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            ask = [demand("rate"), demand("slots", limit=1), demand("window", limit=1)]
            grant = await granted(store, "a", *ask)
            assert [level.key for level in grant.levels] == [one.key for one in ask]
            refusal = await refused(store, "b", *ask)
            assert refusal.key == "test:window"
            assert [level.used for level in refusal.levels] == [1, 1, 1]
            assert await used(store, *ask) == [1, 1, 1]

        stage.run(story)

    def test_a_hold_is_raised_and_lowered_as_a_whole(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            small, large = demand("window", amount=4), demand("window", amount=9)
            other = demand("slots", limit=1)
            await granted(store, "h", small, other)
            await granted(store, "h", large, other)
            assert await used(store, large, other) == [9, 1]
            await refused(store, "h", demand("window", amount=11), other)
            assert await used(store, large, other) == [9, 1]
            await granted(store, "h", small)
            assert await used(store, small, other) == [4, 0]
            await store.settle("h", {"nano_usd": 5})
            assert await used(store, small) == [5]

        stage.run(story)

    def test_holding_on_is_never_refused_even_above_the_limit(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            await granted(store, "debtor", demand("window", amount=1))
            await granted(store, "h", demand("window", amount=5))
            await store.settle("debtor", {"nano_usd": 50})
            await granted(store, "h", demand("window", amount=5))
            await granted(store, "h", demand("window", amount=4))
            await refused(store, "h", demand("window", amount=5))
            await refused(store, "new", demand("window", amount=0))

        stage.run(story)

    def test_a_shadow_demand_counts_and_reports_but_never_refuses(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            shadow = demand("window", amount=6, enforce=False)
            assert (await granted(store, "a", shadow)).shadowed == ()
            assert (await granted(store, "b", shadow)).shadowed == ("test:window",)
            assert await used(store, shadow) == [12]

        stage.run(story)

    def test_each_mark_is_given_once_a_window(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            ask = demand("window", amount=6, marks=(5, 8))
            assert (await granted(store, "a", ask)).crossed == (("test:window", 5),)
            assert (await store.settle("a", {"nano_usd": 1})).crossed == ()
            assert (await granted(store, "b", ask)).crossed == ()
            assert (await store.settle("b", {"nano_usd": 9})).crossed == (("test:window", 8),)
            stage.clock.advance(101)
            later = demand("window", amount=9, marks=(5, 8), until=START + 200)
            assert (await granted(store, "c", later)).crossed == (("test:window", 5), ("test:window", 8))

        stage.run(story)

    def test_a_mark_of_slots_comes_again_after_falling_below(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            ask = demand("slots", marks=(2,))
            for _ in range(2):
                assert (await granted(store, "a", ask)).crossed == ()
                assert (await granted(store, "b", ask)).crossed == (("test:slots", 2),)
                await store.settle("a", {})
                await store.settle("b", {})

        stage.run(story)
