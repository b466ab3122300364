"""What every store must do with the ledger: keep rows whole and in order, add them up, forget old months."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ...store import MAX_AMOUNT, Row, Store, Sum
from .stage import HOUR, START, OnStage, Stage, Two

MARCH, APRIL, MAY = 1_709_251_200, 1_711_929_600, 1_714_521_600
"""Unix seconds at which months of 2024 start in UTC."""

WHOLE = Row(
    id="whole",
    at=START + 0.25,
    outcome="completed",
    key="ci",
    user="ann",
    team="search",
    model="fast",
    target="acme/large",
    provider="acme",
    tags=("a", "b"),
    tokens={"input": 3, "cache_read": 2**40},
    cost=MAX_AMOUNT,
    saved=7,
    attempts=({"target": "acme/large", "status": 200, "cost": None, "tokens": {"input": 3}},),
    usage_source="upstream",
    request_id="theirs",
)


async def book(store: Store, *rows: Row) -> None:
    """Settle rows nobody held anything for."""
    for row in rows:
        await store.settle(row.id, {}, row=row)


async def forget(store: Store, before: float) -> int:
    """Forget to the end, however many portions that takes."""
    total = 0
    while forgotten := await store.forget(before):
        total += forgotten
    return total


class Ledger(OnStage):
    """Rows, sums, and neither of them for ever."""

    def test_rollups_add_up_by_any_column_most_cost_first(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            await book(
                store,
                Row(id="1", at=START, outcome="completed", team="a", user="u", cost=5, tokens={"input": 3}),
                Row(id="2", at=START, outcome="completed", team="b", cost=9, tokens={"cache_read": 2, "output": 4}),
                Row(id="3", at=START, outcome="completed", team="a", cost=None, tokens={"reasoning": 1}),
                Row(id="4", at=START + 3600, outcome="answered", team="a", saved=7, attempts=({"status": 200},)),
                Row(id="5", at=HOUR + 7200, outcome="completed", team="z", cost=1),
            )
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

    def test_a_row_comes_back_whole(self, two: Two, stage: Stage) -> None:
        async def story() -> None:
            one, other = two()
            bare = Row(id="bare", at=START, outcome="failed", cost=None)
            await book(one, WHOLE, bare)
            assert await other.rows(0, START + 1) == [WHOLE, bare]

        stage.run(story)

    def test_rows_are_read_newest_first_page_by_page(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            times = {"e": 4, "a": 0, "d": 2, "b": 2, "c": 2, "f": 9}
            await book(store, *(Row(id=id_, at=START + at, outcome="completed") for id_, at in times.items()))
            pages, after = [], ""
            while page := await store.rows(START, START + 9, after=after, limit=2):
                pages.append([row.id for row in page])
                after = page[-1].id
            assert pages == [["e", "d"], ["c", "b"], ["a"]]
            assert [row.id for row in await store.rows(START + 2, START + 4)] == ["d", "c", "b"]
            assert [row.id for row in await store.rows(START, START + 9, after="f", limit=1)] == ["e"]
            assert await store.rows(START, START + 9, after="nobody") == []

        stage.run(story)

    def test_rows_are_found_by_what_they_say(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            own = Row(id="own", at=START, outcome="failed", request_id="own")
            await book(store, WHOLE, own, Row(id="theirs", at=START, outcome="failed", request_id="another"))
            for column in ("key", "user", "team", "model", "target", "provider", "outcome", "id", "request_id"):
                where = {column: str(getattr(WHOLE, column))}
                assert await store.rows(0, START + 1, where) == [WHOLE], column
            assert await store.rows(0, START + 1, {"request_id": "own"}) == [own]
            assert await store.rows(0, START + 1, {"team": "search", "key": "another"}) == []
            for column in ("hour", "cost", "1=1; --"):
                with pytest.raises(ValueError, match="no such column"):
                    await store.rows(0, 1, {column: ""})

        stage.run(story)

    def test_only_whole_months_that_are_over_are_forgotten(self, two: Two, stage: Stage) -> None:
        async def story() -> None:
            one, other = two()
            times = {"march": MARCH, "late": APRIL - 0.001, "april": APRIL, "may": MAY}
            await book(one, *(Row(id=id_, at=at, outcome="completed", cost=1) for id_, at in times.items()))
            assert await forget(other, MARCH) == 0
            assert await forget(other, APRIL - 1) == 0
            assert await forget(other, APRIL) == 2
            assert await forget(other, MAY - 1) == 0
            assert [row.id for row in await one.rows(0, MAY + 1)] == ["may", "april"]
            assert [total.requests for total in await one.sums([], 0, MAY + 1)] == [2]
            assert await one.rows(0, MAY + 1, after="late") == []
            assert await forget(other, MAY + 40 * 86400) == 2
            assert await one.rows(0, MAY + 1) == []
            assert await one.sums([], 0, MAY + 1) == []
            with pytest.raises(ValueError, match="unix time"):
                await one.forget(float("inf"))

        stage.run(story)

    def test_whatever_is_booked_the_sums_are_those_of_the_rows(self, urls: Callable[[], str]) -> None:
        from .books import check_books  # hypothesis, which the processes of other tests do without

        check_books(type(self).opener, urls)
