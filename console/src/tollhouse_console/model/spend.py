"""Where the money goes: budgets and when they run out, and costs stacked over the hours."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from ..text import clean

PERIODS = {"hour": 3600, "day": 86_400, "week": 604_800, "month": 30.44 * 86_400, "year": 365.25 * 86_400}
"""Seconds of a budget's period; a month and a year as they are on average, enough for a forecast."""

RECENT, LEAST = 600.0, 30.0
"""Seconds of spending that a forecast looks at: at most, and at least."""
SAMPLES = 400


@dataclass(frozen=True, slots=True)
class Budget:
    """A budget and its forecast; money in nano-USD, times unix seconds."""

    name: str
    whose: str
    period: str
    limit: int
    used: int
    remaining: int
    resets_at: float | None
    shadow: bool
    start: float | None
    """When the period began, as far as that is known."""
    empty_at: float | None
    """When it runs out if the spending of this period goes on as so far; None when it lasts until it starts again."""

    scope: Mapping[str, str]
    spoken: str
    """As the configuration writes it."""

    @property
    def id(self) -> str:
        """What tells it from the others."""
        return f"{self.name}|{self.whose}|{self.period}"

    @property
    def share(self) -> float:
        """Used of the limit; above 1 when it is overdrawn."""
        return self.used / self.limit if self.limit > 0 else 1.0

    @property
    def word(self) -> str:
        """`used up`, `nearly used up` (from 80 %), `runs out` (before its period ends) or `fine`."""
        if self.remaining <= 0:
            return "used up"
        if self.share >= 0.8:
            return "nearly used up"
        return "runs out" if self.empty_at is not None else "fine"


def budget(item: Mapping[str, Any], now: float, recent: float | None = None) -> Budget:
    """A budget of `/admin/v1/budgets`. `recent` is nano-USD a second that its callers spend, when that is known; else
    the average of the period so far tells when it is empty."""
    limit, used = int(item.get("limit") or 0), int(item.get("used") or 0)
    remaining = int(item.get("remaining", limit - used))
    resets, period = item.get("resets_at"), clean(item.get("period") or "")
    start = resets - PERIODS[period] if resets is not None and period in PERIODS else None
    pace = recent
    if pace is None and start is not None and now > start:
        pace = used / (now - start)
    empty = now + remaining / pace if pace and pace > 0 and remaining > 0 else None
    if empty is not None and resets is not None and empty >= resets:
        empty = None
    return Budget(
        clean(item.get("name") or item.get("budget") or "budget"), scope(item.get("scope")), period, limit, used,
        remaining, resets, bool(item.get("shadow")), start, empty, _scope(item.get("scope")),
        clean(item.get("budget") or item.get("period")),
    )  # fmt: skip


def _scope(value: Any) -> dict[str, str]:
    return {clean(kind): clean(name) for kind, name in value.items()} if isinstance(value, dict) else {}


def history(one: Budget) -> str:
    """What to ask for the costs of a budget's period by the hour; empty where one question cannot tell them."""
    if one.start is None or one.period == "year" or len(one.scope) > 1:
        return ""
    where = "".join(f"&where={quote(f'{kind}:{name}', safe=':')}" for kind, name in one.scope.items())
    return f"spend?by=hour&since={int(one.start)}{where}"


def past(one: Budget, items: Iterable[Mapping[str, Any]], now: float) -> list[tuple[float, float]]:
    """What was left of a budget, as (when, share), from its period's start to now. Without costs by the hour it is a
    straight line. What calls under way hold is in the last point only."""
    assert one.start is not None
    points, spent = [(one.start, 1.0)], 0
    hours = sorted((at, int(item.get("cost") or 0)) for item in items if (at := hour_of(item["by"][0])) is not None)
    for at, cost in hours:
        spent += cost
        if one.start <= at and at + 3600 < now:
            points += [(max(at, points[-1][0]), points[-1][1]), (at + 3600, max(0.0, 1 - spent / one.limit))]
    if len(hours) > 0 and points[-1][0] < hours[-1][0]:
        points.append((hours[-1][0], points[-1][1]))
    return [*points, (now, max(0.0, one.remaining / one.limit))]


class Paces:
    """How fast budgets are spent, from what was seen of them in the last ten minutes."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[float, int]]] = {}

    def see(self, items: Iterable[Mapping[str, Any]], now: float) -> None:
        """Take note of where budgets stand. Those that are not told of any more are forgotten."""
        kept: dict[str, deque[tuple[float, int]]] = {}
        for item in items:
            one = budget(item, now)
            seen = self._seen.get(one.id) or deque(maxlen=SAMPLES)
            if seen and one.used < seen[-1][1]:
                seen.clear()
            while seen and now - seen[0][0] > RECENT:
                seen.popleft()
            seen.append((now, one.used))
            kept[one.id] = seen
        self._seen = kept

    def of(self, id: str) -> float | None:
        """Nano-USD a second; None until half a minute was seen."""
        seen = self._seen.get(id)
        if not seen or seen[-1][0] - seen[0][0] < LEAST:
            return None
        return (seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0])


def scope(value: Any) -> str:
    """Whose budget it is: `team search`, `key ci, model smart`, `everyone`."""
    if isinstance(value, dict):
        return ", ".join(f"{clean(kind)} {clean(name)}" for kind, name in value.items()) or "everyone"
    return clean(value) if value else "everyone"


def budgets(items: Sequence[Mapping[str, Any]], now: float, paces: Paces | None = None) -> list[Budget]:
    """All budgets, the one that needs a person first."""
    found = [budget(item, now) for item in items]
    if paces is not None:
        known = [paces.of(one.id) for one in found]
        found = [budget(item, now, pace) for item, pace in zip(items, known, strict=True)]
    return sorted(found, key=lambda one: (-one.share, one.name, one.whose))


def tightest(found: Sequence[Budget]) -> Budget | None:
    """The budget a header shows: of everyone if there is one, else that with the largest share used."""
    real = [one for one in found if not one.shadow]
    whole = [one for one in real if one.whose == "everyone"]
    return next(iter(whole or real), None)


@dataclass(frozen=True, slots=True)
class Stack:
    """Cost by name over slots of time, oldest first; the largest name first, small ones together as `others`."""

    names: tuple[str, ...]
    slots: tuple[float, ...]
    """When each slot begins."""
    costs: tuple[tuple[int, ...], ...]
    """By name, then by slot."""

    @property
    def most(self) -> int:
        """The highest slot."""
        return max((sum(one) for one in zip(*self.costs, strict=True)), default=0)

    def total(self, number: int) -> int:
        """All of one name."""
        return sum(self.costs[number])


def stack(items: Iterable[Mapping[str, Any]], until: float, hours: int, most: int = 5) -> Stack:
    """Rows of `/admin/v1/spend?by=hour,NAME` as a stack of the last `hours`."""
    last = int(until // 3600) * 3600
    slots = tuple(float(last - 3600 * back) for back in range(hours - 1, -1, -1))
    by: dict[str, dict[float, int]] = defaultdict(lambda: defaultdict(int))
    for item in items:
        hour, name = (*item.get("by", ()), "", "")[:2]
        at = hour_of(hour)
        if at is not None and slots[0] <= at <= slots[-1]:
            by[clean(name) or "(none)"][at] += int(item.get("cost") or 0)
    order = sorted(by, key=lambda name: (-sum(by[name].values()), name))
    names, rest = order[:most], order[most:]
    if len(rest) == 1:
        names, rest = order, []
    costs = [tuple(by[name][slot] for slot in slots) for name in names]
    if rest:
        names = [*names, "others"]
        costs.append(tuple(sum(by[name][slot] for name in rest) for slot in slots))
    return Stack(tuple(names), slots, tuple(costs))


def hour_of(said: Any) -> float | None:
    """When an hour of the spend table begins: unix seconds, or text such as `2026-10-31T16`."""
    if isinstance(said, int | float):
        return float(said)
    try:
        return float(said)
    except (TypeError, ValueError):
        pass
    try:
        text = str(said).strip().replace(" ", "T").removesuffix("Z")
        found = datetime.fromisoformat(text if "T" in text and len(text) > 13 else f"{text}:00")
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
