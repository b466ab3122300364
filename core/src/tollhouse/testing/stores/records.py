"""What every store must do with logs and the ledger."""

from __future__ import annotations

import pytest

from ...store import MAX_AMOUNT, Row, Sum
from .stage import HOUR, START, OnStage, Stage, Two


class Records(OnStage):
    """Order, trimming and sums."""

    def test_a_log_reads_in_the_order_of_appending(self, two: Two, stage: Stage) -> None:
        async def story() -> None:
            one, other = two()
            first = await one.append("l", [b"1", b"2"])
            await one.append("another", [b"x"])
            last = await other.append("l", [b"%d" % i for i in range(3, 20)])
            items = await one.read("l")
            assert [data for _, data in items] == [b"%d" % i for i in range(1, 20)]
            assert [id_ for id_, _ in items] == sorted(id_ for id_, _ in items)
            assert items[1][0] == first
            assert items[-1][0] == last
            assert [data for _, data in await other.read("l", after=first, limit=2)] == [b"3", b"4"]
            assert await other.read("l", after=last) == []

        stage.run(story)

    def test_trim_deletes_what_is_older(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            await store.append("l", [b"1", b"2"])
            stage.clock.advance(10)
            await store.append("l", [b"3"])
            assert await store.trim("l", START + 5) == 2
            assert [data for _, data in await store.read("l")] == [b"3"]
            assert await store.trim("l", START + 50) == 1
            assert await store.trim("none", START) == 0

        stage.run(story)

    def test_rollups_add_up_by_any_column_most_cost_first(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            rows = [
                Row(id="1", at=START, outcome="completed", team="a", user="u", cost=5, tokens={"input": 3}),
                Row(id="2", at=START, outcome="completed", team="b", cost=9, tokens={"cache_read": 2, "output": 4}),
                Row(id="3", at=START, outcome="completed", team="a", cost=None, tokens={"reasoning": 1}),
                Row(id="4", at=START + 3600, outcome="answered", team="a", saved=7, attempts=({"status": 200},)),
                Row(id="5", at=HOUR + 7200, outcome="completed", team="z", cost=1),
            ]
            for row in rows:
                await store.settle(row.id, {}, row=row)
            until = HOUR + 7200
            assert await store.sums(["team"], HOUR, until) == [
                Sum(by=("b",), requests=1, input=2, output=4, cost=9, unpriced=0, saved=0),
                Sum(by=("a",), requests=3, input=3, output=1, cost=5, unpriced=1, saved=7),
            ]
            hours = await store.sums(["hour", "outcome"], HOUR, until, {"team": "a"})
            assert [total.by for total in hours] == [
                (str(int(HOUR)), "completed"),
                (str(int(HOUR) + 3600), "answered"),
            ]
            assert [total.requests for total in await store.sums([], HOUR, until)] == [4]
            assert await store.sums([], HOUR + 1, HOUR + 3600) == []
            assert [total.by for total in await store.sums(["user"], 0, until, {"user": "u"})] == [("u",)]
            with pytest.raises(ValueError, match="no such column"):
                await store.sums(["cost); --"], 0, 1)

        stage.run(story)

    def test_the_largest_amounts_stay_exact(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            for id_, cost in (("1", MAX_AMOUNT - 1), ("2", 1)):
                await store.settle(id_, {}, row=Row(id=id_, at=START, outcome="completed", cost=cost))
            assert [total.cost for total in await store.sums([], HOUR, HOUR + 1)] == [MAX_AMOUNT]

        stage.run(story)
