"""Any ledger, added up row by row, against the store's own sums."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ...store import Row, Store, Sum
from ...usage import BUCKETS
from .stage import HOUR, FakeClock

SPAN = 3 * 3600
NAMES = st.sampled_from(["", "a", "b", "é"])
TOKENS = st.dictionaries(st.sampled_from(BUCKETS), st.integers(0, 2**40), max_size=3)
ROWS = st.builds(
    Row,
    id=st.integers(0, 30).map(str),
    at=st.floats(HOUR, HOUR + SPAN, exclude_max=True),
    outcome=st.sampled_from(["completed", "answered"]),
    key=NAMES,
    team=NAMES,
    model=NAMES,
    tokens=TOKENS,
    cost=st.none() | st.integers(0, 2**45),
    saved=st.integers(0, 2**45),
)
BY = st.lists(st.sampled_from(["key", "team", "model", "outcome", "hour"]), unique=True, max_size=3)


def added_up(rows: list[Row], by: list[str]) -> dict[tuple[str, ...], Sum]:
    """What the rows sum to."""
    totals: dict[tuple[str, ...], Sum] = {}
    for row in rows:
        group = tuple(str(int(row.at // 3600) * 3600) if name == "hour" else getattr(row, name) for name in by)
        before = totals.get(group, Sum(by=group, requests=0, input=0, output=0, cost=0, unpriced=0))
        inward = [bucket for bucket in BUCKETS if "input" in bucket or "cache" in bucket]
        totals[group] = Sum(
            by=group,
            requests=before.requests + 1,
            input=before.input + sum(count for bucket, count in row.tokens.items() if bucket in inward),
            output=before.output + sum(count for bucket, count in row.tokens.items() if bucket not in inward),
            cost=before.cost + (row.cost or 0),
            unpriced=before.unpriced + (row.cost is None),
            saved=before.saved + row.saved,
        )
    return totals


def check_books(opener: Callable[..., Store], urls: Callable[[], str]) -> None:
    """Book rows, some twice, and compare. Raises AssertionError with the smallest ledger that differs."""

    async def story(rows: list[Row], by: list[str], hours: int) -> None:
        store = opener(urls(), clock=FakeClock())
        try:
            for row in rows:
                await store.settle(f"hold-{row.id}", {}, row=row)
            kept, after = [], ""
            while page := await store.rows(HOUR, HOUR + hours * 3600, after=after, limit=3):
                kept += page
                after = page[-1].id
            assert len({row.id for row in kept}) == len(kept)
            sums = await store.sums(by, HOUR, HOUR + hours * 3600)
            assert {total.by: total for total in sums} == added_up(kept, by)
        finally:
            await store.close()

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(rows=st.lists(ROWS, max_size=20), by=BY, hours=st.integers(1, 3))
    def check(rows: list[Row], by: list[str], hours: int) -> None:
        asyncio.run(story(rows, by, hours))

    check()
