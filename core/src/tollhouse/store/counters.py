"""The arithmetic of counters: what a claim takes, a settle corrects, an expiry frees; no storage, no clock.

Everything is integers. Instants are whole microseconds since the epoch, so that `now + retry_in` survives a
float, and a rate keeps the part of a unit it has refilled: in one instant exactly `limit + burst` passes, and
over any time not one more than the limit allows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from .interface import MAX_AMOUNT, Demand, Grant, Level, Refusal

SLOT_RETRY = 1.0
"""Seconds to wait for a slot: nobody knows when another call ends."""

_WINDOW_GRACE = 3_600_000_000
_NO_REFILL = 86_400_000_000
_NEVER = 2**62


class Spot(NamedTuple):
    """A counter's identity; each window of a key is a counter of its own, others have an `until` of 0."""

    kind: str
    key: str
    until: int


class Counter(NamedTuple):
    """A counter's state.

    A rate has been refilled up to the instant `at`, and is `part` of its period (in microseconds times limit)
    on the way to the next unit. `peak` is the highest `used` whose marks were given: of this window, or for
    rates and slots the present level, so that a mark comes again after falling below it. From the instant
    `idle` on, the state equals a fresh one and may be forgotten.
    """

    used: int = 0
    at: int = 0
    part: int = 0
    peak: int = 0
    idle: int = 0


Read = Callable[[Spot], Counter]
Changes = dict[Spot, Counter]
Crossed = tuple[tuple[str, int], ...]
FRESH = Counter()


def micros(seconds: float) -> int:
    """Whole microseconds."""
    return round(seconds * 1_000_000)


def spot(demand: Demand) -> Spot:
    """Which counter a demand counts on."""
    return Spot(demand.kind, demand.key, micros(demand.until) if demand.kind == "window" else 0)


def capacity(demand: Demand) -> int:
    """What the counter can hold at most."""
    return demand.limit + demand.burst if demand.kind == "rate" else demand.limit


def claim(read: Read, demands: Sequence[Demand], held: Sequence[Demand], now: int) -> tuple[Grant | Refusal, Changes]:
    """Replace what a hold holds by `demands`, or hold nothing.

    Only a demand that is new to the hold or grows can refuse. Of several refusing demands the one that frees
    last is named. A refusal changes nothing but rates that were refilled by a clock that has been set back since:
    they refill from now on.
    """
    earlier: dict[Spot, int] = {}
    for demand in held:
        where = spot(demand)
        earlier[where] = earlier.get(where, 0) + demand.amount
    changes: Changes = {}
    levels: list[Level] = []
    crossed: list[tuple[str, int]] = []
    shadowed: list[str] = []
    worst: tuple[float, Demand, Counter] | None = None
    for demand in demands:
        where = spot(demand)
        counter = changes.get(where) or _refilled(read(where), demand, now)
        before = earlier.pop(where, None)
        more = demand.amount - (before or 0)
        over = counter.used + more - capacity(demand)
        if over > 0 and (before is None or more > 0):
            if demand.enforce:
                wait = wait_of(counter, demand, over, now)
                if worst is None or wait > worst[0]:
                    worst = (wait, demand, counter)
            else:
                shadowed.append(demand.key)
        after = changes[where] = _moved(counter, demand, more, now)
        crossed += _crossed(demand, counter, after)
        levels.append(level_of(after, demand, now))
    if worst is not None:
        wait, demand, counter = worst
        return Refusal(
            key=demand.key,
            level=level_of(counter, demand, now),
            retry_in=None if wait == float("inf") else wait,
            levels=tuple(levels_of(read, demands, now)),
        ), _rebased(read, demands, now)
    dropped = ((demand, 0) for demand in held if spot(demand) in earlier)
    changes |= _replaced(read, dropped, now)[0]
    return Grant(levels=tuple(levels), crossed=tuple(crossed), shadowed=tuple(shadowed)), changes


def settle(read: Read, held: Sequence[Demand], actual: Mapping[str, int], now: int) -> tuple[Changes, Crossed]:
    """Replace held amounts by actual ones: slots are freed, what is not named refunded, requests stay."""
    return _replaced(read, ((demand, _figure(demand, actual)) for demand in held), now)


def lose(read: Read, held: Sequence[Demand], now: int) -> Changes:
    """Free what a dead process held, all but its money."""
    return _replaced(read, ((d, d.amount if d.measure == "nano_usd" else 0) for d in held), now)[0]


def levels_of(read: Read, demands: Sequence[Demand], now: int) -> list[Level]:
    """Where the counters stand."""
    return [level_of(_refilled(read(spot(demand)), demand, now), demand, now) for demand in demands]


def _figure(demand: Demand, actual: Mapping[str, int]) -> int:
    if demand.kind == "slots":
        return 0
    return actual.get(demand.measure, demand.amount if demand.measure == "requests" else 0)


def _replaced(read: Read, figures: Iterable[tuple[Demand, int]], now: int) -> tuple[Changes, Crossed]:
    changes: Changes = {}
    crossed: list[tuple[str, int]] = []
    for demand, figure in figures:
        where = spot(demand)
        if figure == demand.amount or (demand.kind == "window" and where.until <= now):
            continue
        counter = changes.get(where) or _refilled(read(where), demand, now)
        after = changes[where] = _moved(counter, demand, figure - demand.amount, now)
        crossed += _crossed(demand, counter, after)
    return changes, tuple(crossed)


def _rebased(read: Read, demands: Sequence[Demand], now: int) -> Changes:
    rates = {spot(demand): demand for demand in demands if demand.kind == "rate"}
    ahead = ((where, demand, read(where)) for where, demand in rates.items())
    return {where: _refilled(counter, demand, now) for where, demand, counter in ahead if counter.at > now}


def _refilled(counter: Counter, demand: Demand, now: int) -> Counter:
    if demand.kind == "window":
        return counter
    if demand.kind == "slots":
        return counter._replace(peak=counter.used)
    # A clock that was set back refills nothing for the past, and nothing waits for it to catch up.
    elapsed = max(0, now - counter.at)
    period = micros(demand.period)
    leaked, part = divmod(elapsed * demand.limit + min(counter.part, period - 1), period)
    if leaked >= counter.used:
        return Counter(at=now)
    used = counter.used - leaked
    return Counter(used, now, part, used, counter.idle)


def _moved(counter: Counter, demand: Demand, by: int, now: int) -> Counter:
    used = min(max(0, counter.used + by), MAX_AMOUNT)
    if demand.kind == "window":
        idle = micros(demand.until) + _WINDOW_GRACE
    elif demand.kind == "slots":
        idle = _NEVER if used else now
    elif demand.limit:
        idle = now + _ceil(used * micros(demand.period), demand.limit)
    else:
        idle = now + _NO_REFILL
    return Counter(used, counter.at, counter.part if used else 0, max(counter.peak, used), min(idle, _NEVER))


def _crossed(demand: Demand, before: Counter, after: Counter) -> list[tuple[str, int]]:
    return [(demand.key, mark) for mark in sorted(demand.marks) if before.peak < mark <= after.used]


def level_of(counter: Counter, demand: Demand, now: int) -> Level:
    """Where a counter stands that was refilled up to `now`."""
    if demand.kind == "window":
        resets = max(0, micros(demand.until) - now) / 1_000_000
    elif demand.kind == "rate":
        resets = _refill_time(counter, demand, counter.used)
    else:
        resets = 0.0
    return Level(key=demand.key, used=counter.used, limit=capacity(demand), resets_in=resets)


def wait_of(counter: Counter, demand: Demand, over: int, now: int) -> float:
    """Seconds until `over` is free, infinite when waiting cannot help."""
    if demand.amount > capacity(demand):
        return float("inf")
    if demand.kind == "window":
        return max(0, micros(demand.until) - now) / 1_000_000
    if demand.kind == "slots":
        return SLOT_RETRY
    return _refill_time(counter, demand, over) if demand.limit else float("inf")


def _refill_time(counter: Counter, demand: Demand, amount: int) -> float:
    if not demand.limit or not amount:
        return 0.0
    return _ceil(amount * micros(demand.period) - counter.part, demand.limit) / 1_000_000


def _ceil(amount: int, by: int) -> int:
    return -(-amount // by)
