"""An independent model of counters: sums over what holds hold, and rates as exact fractions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from ...store import Demand


@dataclass
class Bucket:
    """A leaking bucket: `level` units at the instant `at`."""

    level: Fraction = Fraction(0)
    at: Fraction = Fraction(0)

    def leak(self, demand: Demand, now: Fraction) -> None:
        """Let it leak until now."""
        leaked = (now - self.at) * demand.limit / Fraction(demand.period)
        self.level, self.at = max(Fraction(0), self.level - leaked), now

    def add(self, amount: int) -> None:
        """Fill in, or take out; never below empty."""
        # What is left of a unit goes with the last whole one: a store counts whole units.
        units = -(-self.level // 1) + amount
        self.level = self.level + amount if units > 0 else Fraction(0)


@dataclass
class Held:
    """A hold that may still be settled; a lost one keeps only its money."""

    deadline: Fraction
    demands: tuple[Demand, ...]
    lost: bool = False


@dataclass
class Model:
    """What a store should answer, told the present with every call. Windows that are over are not modelled."""

    holds: dict[str, Held] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    spent: dict[tuple[str, float], int] = field(default_factory=dict)
    buckets: dict[str, Bucket] = field(default_factory=dict)
    peaks: dict[tuple[str, float], int] = field(default_factory=dict)

    def used(self, demand: Demand, now: Fraction) -> int:
        """How much of a counter is used."""
        if demand.kind == "rate":
            bucket = self.buckets.setdefault(demand.key, Bucket(at=now))
            bucket.leak(demand, now)
            return int(-(-bucket.level // 1))
        held = sum(
            other.amount
            for hold in self.holds.values()
            for other in self.holding(hold)
            if (other.key, other.until) == (demand.key, demand.until)
        )
        return held + self.spent.get((demand.key, demand.until), 0)

    def holding(self, hold: Held) -> list[Demand]:
        """What a hold has on the counters."""
        return [demand for demand in hold.demands if not hold.lost or demand.measure == "nano_usd"]

    def expire(self, now: Fraction) -> list[str]:
        """Lose the holds whose time ran out."""
        out = [name for name, hold in self.holds.items() if not hold.lost and hold.deadline <= now]
        for name in out:
            hold = self.holds[name]
            for demand in hold.demands:
                if demand.kind == "rate":
                    self.used(demand, now)
                    self.buckets[demand.key].add(-demand.amount)
            hold.lost = True
        return out

    def claim(
        self, name: str, demands: Sequence[Demand], ttl: Fraction, now: Fraction
    ) -> tuple[set[str], set[tuple[str, int]]]:
        """The keys of which one must be named in the refusal (none: granted), and the marks crossed."""
        old = self.holds.get(name)
        had = {(demand.key, demand.until): demand.amount for demand in (self.holding(old) if old else ())}
        refusing = set()
        for demand in demands:
            before = had.get((demand.key, demand.until))
            total = self.used(demand, now) + demand.amount - (before or 0)
            grows = before is None or demand.amount > before
            if demand.enforce and grows and total > demand.limit + demand.burst:
                refusing.add(demand.key)
        if refusing:
            return refusing, set()
        for demand in self.holding(old) if old else ():
            if demand.kind == "rate":
                self.used(demand, now)
                kept = next((new.amount for new in demands if new.key == demand.key), 0)
                self.buckets[demand.key].add(kept - demand.amount)
        for demand in demands:
            if demand.kind == "rate" and (demand.key, demand.until) not in had:
                self.used(demand, now)
                self.buckets[demand.key].add(demand.amount)
        self.holds[name] = Held(now + ttl, tuple(demands))
        self.settled.discard(name)
        return set(), self._crossed(demands, now)

    def settle(self, name: str, actual: Mapping[str, int], now: Fraction) -> tuple[bool, set[tuple[str, int]]]:
        """Whether it is the first settlement, and the marks crossed."""
        if name in self.settled:
            return False, set()
        self.settled.add(name)
        hold = self.holds.pop(name, None)
        demands = self.holding(hold) if hold else []
        for demand in demands:
            figure = actual.get(demand.measure, demand.amount if demand.measure == "requests" else 0)
            if demand.kind == "rate":
                self.used(demand, now)
                self.buckets[demand.key].add(figure - demand.amount)
            elif demand.kind == "window":
                self._spend(demand, figure)
        return True, self._crossed([demand for demand in demands if demand.until > now], now)

    def take_lost(self) -> set[str]:
        """The lost holds, whose money is spent for good."""
        lost = {name: hold for name, hold in self.holds.items() if hold.lost}
        for name, hold in lost.items():
            for demand in self.holding(hold):
                self._spend(demand, demand.amount)
            del self.holds[name]
        return set(lost)

    def _spend(self, demand: Demand, amount: int) -> None:
        where = (demand.key, demand.until)
        self.spent[where] = self.spent.get(where, 0) + amount

    def _crossed(self, demands: Sequence[Demand], now: Fraction) -> set[tuple[str, int]]:
        crossed = set()
        for demand in demands:
            if demand.kind == "window":
                where = (demand.key, demand.until)
                peak, level = self.peaks.get(where, 0), self.used(demand, now)
                crossed |= {(demand.key, mark) for mark in demand.marks if peak < mark <= level}
                self.peaks[where] = max(peak, level)
        return crossed
