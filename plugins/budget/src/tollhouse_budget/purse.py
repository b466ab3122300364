"""A purse: one budget of one scope in one calendar window, which is one counter in the store."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from urllib.parse import quote

from msgspec import Struct
from tollhouse import Demand
from tollhouse.config import Budget as Limit
from tollhouse.config import Money

LONGEST_PLACE = 300
"""Bytes of a scope in a counter's key; a longer one is hashed, so that keys stay below the store's 512."""


class Purse(Struct, frozen=True, kw_only=True):
    """Where money is counted, and how much of it there is."""

    key: str
    """The counter's: it holds the period's start, so that windows never mix, but not the limit, so that a changed
    limit goes on with what was spent."""
    name: str
    """The budget's, in words: `team search`."""
    scope: dict[str, str]
    """Whom it is for, by dimension; empty for the whole gateway."""
    limit: int
    """Nano-USD."""
    period: str
    """One of `tollhouse.config.limits.CALENDAR`."""
    start: int
    until: int
    """The window, unix seconds."""
    shadow: bool = False
    thresholds: tuple[int, ...] = ()
    marks: dict[int, int] = {}
    """The thresholds by the amount that reaches them."""

    @property
    def spoken(self) -> str:
        """The limit as the configuration writes it: `20 USD/day`."""
        return spoken(self.limit, self.period)

    def demand(self, amount: int, *, if_lost: str) -> Demand:
        """The demand for so many nano-USD of it."""
        return Demand(
            key=self.key,
            kind="window",
            measure="nano_usd",
            amount=amount,
            limit=self.limit,
            until=self.until,
            enforce=not self.shadow,
            if_lost="allow" if if_lost == "allow" else "refuse",
            marks=tuple(self.marks),
        )


def marks_of(limit: int, thresholds: Iterable[int]) -> dict[int, int]:
    """Percentages of a limit by the nano-USD that reach them, rounded up; a limit of 0 has none."""
    return {-(-limit * percent // 100): percent for percent in sorted(thresholds) if limit}


def counter_key(place: str, scope: dict[str, str], period: str, start: int) -> str:
    """The key of a counter: different places, scopes and periods never share one."""
    names = "/".join([quote(place, safe=""), *(f"{name}={quote(value, safe='')}" for name, value in scope.items())])
    if len(names) > LONGEST_PLACE:
        names = "hash=" + sha256(names.encode()).hexdigest()
    return f"budget:{names}:{period}:{start}"


def spoken(amount: int, period: str) -> str:
    """An amount of nano-USD a period, as the configuration writes it."""
    return str(Limit.of(Money(amount), period))
