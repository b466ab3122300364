"""What every store must do with settlements, and when many claim at once."""

from __future__ import annotations

import asyncio

import pytest

from ...store import Grant, Row, Settled
from .stage import HOUR, START, OnStage, Stage, Two, demand, granted, refused, used


class Settlements(OnStage):
    """Once, exactly, and whole or not at all."""

    def test_settle_replaces_held_by_actual_and_keeps_requests(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            requests = demand("rate", key="test:requests", measure="requests")
            tokens = demand("rate", key="test:tokens", amount=8, measure="tokens")
            output = demand("rate", key="test:output", amount=3, measure="output")
            money, slot = demand("window", amount=7), demand("slots")
            every = (requests, tokens, output, money, slot)
            await granted(store, "h", *every)
            assert await store.settle("h", {"tokens": 9, "nano_usd": 2}) == Settled(first=True)
            assert await used(store, *every) == [1, 9, 0, 2, 0]
            await granted(store, "named", requests)
            await store.settle("named", {"requests": 0})
            assert await used(store, requests) == [1]

        stage.run(story)

    def test_a_rate_may_end_in_debt_and_pays_it_off_in_time(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            ask = demand("rate", measure="tokens")
            await granted(store, "h", ask)
            await store.settle("h", {"tokens": 25})
            assert await used(store, ask) == [25]
            assert (await refused(store, "i", ask)).retry_in == pytest.approx(16, abs=2e-6)
            stage.clock.advance(16.00001)
            await granted(store, "i", ask)

        stage.run(story)

    def test_settling_twice_changes_nothing(self, two: Two, stage: Stage) -> None:
        async def story() -> None:
            one, other = two()
            ask = demand("window", amount=7)
            row = Row(id="h", at=START, outcome="completed", cost=3)
            await granted(one, "h", ask)
            assert (await one.settle("h", {"nano_usd": 3}, row=row, mail=[("q", b"m")])).first
            assert not (await other.settle("h", {"nano_usd": 9}, row=row, mail=[("q", b"m")])).first
            assert await used(other, ask) == [3]
            assert [total.requests for total in await one.sums([], HOUR, HOUR + 3600)] == [1]
            assert len(await one.take("q", 9, 60)) == 1

        stage.run(story)

    def test_an_unknown_hold_settles_its_row_and_mail_once(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            row = Row(id="x", at=START, outcome="failed")
            assert (await store.settle("lost:x", {"nano_usd": 5}, row=row)).first
            assert not (await store.settle("lost:x", {"nano_usd": 5}, row=row)).first
            assert not (await store.settle("x", {}, row=row)).first
            assert [total.requests for total in await store.sums([], 0, HOUR + 3600)] == [1]

        stage.run(story)

    def test_a_window_that_rolled_over_is_not_refunded_into(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            await granted(store, "old", demand("window", amount=9), ttl=1000)
            stage.clock.advance(101)
            fresh = demand("window", amount=4, until=START + 200)
            await granted(store, "new", fresh)
            await store.settle("old", {"nano_usd": 1})
            assert await used(store, fresh) == [4]

        stage.run(story)

    def test_concurrent_claims_of_two_clients_never_pass_the_limit(self, two: Two, stage: Stage) -> None:
        async def story() -> None:
            stores = two()
            ask = [demand("slots", limit=5), demand("rate", limit=9), demand("window", limit=7)]
            calls = (stores[i % 2].claim(f"h{i}", ask, 60) for i in range(40))
            outcomes = await asyncio.gather(*calls)
            assert sum(isinstance(outcome, Grant) for outcome in outcomes) == 5
            assert await used(stores[1], *ask) == [5, 5, 5]

        stage.run(story)

    def test_a_cancelled_caller_leaves_a_claim_whole_or_absent(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            ask = [demand("slots", limit=50), demand("window", limit=500, amount=10)]
            calls = [asyncio.ensure_future(store.claim(f"h{i}", ask, 60)) for i in range(30)]
            await asyncio.sleep(0)
            for call in calls[::2]:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            held = await store.renew([f"h{i}" for i in range(30)], 60)
            assert held.issuperset(f"h{i}" for i in range(1, 30, 2))
            assert await used(store, *ask) == [len(held), 10 * len(held)]

        stage.run(story)
