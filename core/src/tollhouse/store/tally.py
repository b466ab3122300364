"""How a ledger row counts: the hour and the columns it is rolled up under, and the figures it adds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from ..usage import BUCKETS
from .interface import Row

_FIRST_OUTPUT = BUCKETS.index("output")


class Figures(NamedTuple):
    """What one row, or many, add up to; in the order of `Sum`'s fields."""

    requests: int
    input: int
    output: int
    cost: int
    unpriced: int
    saved: int


def hour_of(at: float) -> int:
    """The unix second at which the hour of `at` starts."""
    return int(at // 3600) * 3600


def month_of(at: float) -> int:
    """The unix second at which the UTC month of `at` starts. Raises ValueError for what is no time."""
    try:
        day = datetime.fromtimestamp(at, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(f"{at} is not a unix time in seconds") from error
    return int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp())


def group_of(row: Row) -> tuple[str, str, str, str, str, str, str]:
    """The columns a row is rolled up under, in the order of `DIMENSIONS` without the hour."""
    return (row.key, row.user, row.team, row.model, row.target, row.provider, row.outcome)


def figures_of(row: Row) -> Figures:
    """One row's figures; a row without a cost is counted as unpriced, never as free."""
    return Figures(
        requests=1,
        input=sum(row.tokens.get(bucket, 0) for bucket in BUCKETS[:_FIRST_OUTPUT]),
        output=sum(row.tokens.get(bucket, 0) for bucket in BUCKETS[_FIRST_OUTPUT:]),
        cost=row.cost or 0,
        unpriced=int(row.cost is None),
        saved=row.saved,
    )
