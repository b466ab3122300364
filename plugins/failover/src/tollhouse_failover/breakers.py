"""The breakers of all targets: who may pass, what an attempt's end changes, and who is told."""

from __future__ import annotations

import hashlib
import logging
import random
from collections.abc import Callable, Mapping
from typing import Any

from tollhouse import Attempt, Exchange, StoreError, TollhouseError
from tollhouse.events import TargetDown, TargetUp
from tollhouse.gateway import Gateway

from .breaker import LEASE
from .news import Item, News
from .settings import BreakerSettings
from .state import State
from .trip import Trip
from .verdict import blame

log = logging.getLogger("tollhouse.failover")

_COUNTED = frozenset({"chat", "embed"})
"""Tasks whose failures say something about a target; what nobody reads may fail for reasons of its caller."""
_SPREAD = 0.1
"""Share by which rests differ by chance, so that workers do not come back all at once."""


class Breakers:
    """Those of one configuration; what they know is in `state`, and outlives it."""

    def __init__(
        self, gateway: Gateway, state: State, rules: BreakerSettings, chance: Callable[[], float] = random.random
    ) -> None:
        self.state, self.rules = state, rules
        self.news = News(gateway, self._heard)
        self._gateway, self._chance = gateway, chance

    def free(self, target: str) -> bool:
        """Whether the target may be asked now."""
        self._look(target)
        breaker = self.state.breakers.get(target)
        return breaker is None or breaker.free(self._now())

    def healthy(self, target: str) -> bool:
        """Whether nothing speaks against the target."""
        breaker = self.state.breakers.get(target)
        return breaker is None or not breaker.opened

    def why(self, target: str) -> str:
        """In words, why the target rests and for how long."""
        breaker = self.state.breaker(target)
        left = breaker.until - self._now()
        return f"it rests for {left:.1f} s more after {breaker.why}" if left > 0 else "one request is trying it already"

    def back_in(self, target: str) -> float:
        """Seconds until the target may be asked; at least 1 while it may not."""
        breaker = self.state.breakers.get(target)
        return max(1.0, breaker.until - self._now()) if breaker and breaker.opened else 0.0

    async def enter(self, attempt: Attempt, trip: Trip) -> bool:
        """Whether the attempt may be made now. When that makes it the probe of a target that is half-open, no other
        worker on the same store has one under way."""
        exchange, target = attempt.exchange, attempt.target.name
        self._look(target)
        breaker = self.state.breakers.get(target)
        if breaker is None or not breaker.opened:
            return True
        if not breaker.enter(self._now(), exchange.id):
            return False
        try:
            mine = await self._gateway.store.put(_probe(target), b"", ttl=LEASE, expect=0)
        except StoreError:
            mine = 1  # without the store every worker has its own probe
        if mine is None:
            breaker.leave(exchange.id)
            return False
        trip.probes.append(target)
        self.state.probes[target] = attempt
        return True

    def leave(self, exchange: Exchange, trip: Trip, target: str) -> None:
        """The exchange is not the target's probe any more, if it was."""
        if target not in trip.probes:
            return
        trip.probes.remove(target)
        if (probe := self.state.probes.get(target)) is not None and probe.exchange is exchange:
            del self.state.probes[target]
        if (breaker := self.state.breakers.get(target)) is not None:
            breaker.leave(exchange.id)
        self._gateway.finishing(self._drop(target))

    def ended(self, attempt: Attempt, trip: Trip) -> None:
        """Learn from an attempt's end. One that was given up says nothing."""
        if attempt.exchange.task in _COUNTED:
            if attempt.state == "won" and trip.broken is not attempt:
                self._succeeded(attempt)
            elif attempt.state == "failed":
                self.failed(attempt, attempt.error)
        self.leave(attempt.exchange, trip, attempt.target.name)

    def failed(self, attempt: Attempt, error: TollhouseError | None) -> None:
        """The attempt failed, for whatever reason."""
        guilt = blame(attempt, error, self.rules)
        if guilt is None:
            return
        name, now = attempt.target.name, self._now()
        rest = guilt.rest * (1 + _SPREAD * self._chance())
        done = self.state.breaker(name).failed(
            now, attempt.started_at, self.rules, rest=rest, why=guilt.why, lasting=guilt.lasting
        )
        if done == "opened":
            until = self._gateway.clock.time() + rest
            log.warning("%s fails (%s) and is left alone for %.1f s", name, guilt.why, rest)
            self._gateway.emit(TargetDown(at=self._gateway.clock.time(), target=name, why=guilt.why, until=until))
        if done:
            self.news.tell(name, rest=rest, why=guilt.why, lasting=guilt.lasting)

    def close(self, target: str) -> bool:
        """An operator says that the target is well; False when nothing is known of it."""
        breaker = self.state.breakers.get(target)
        if breaker is None:
            return False
        was = breaker.opened
        breaker.close()
        if was:
            self._up(target)
        return True

    def waiting(self) -> list[str]:
        """The targets whose rest is over, and which nobody is trying."""
        now = self._now()
        return [name for name, one in self.state.breakers.items() if one.opened and one.free(now)]

    def look_again(self) -> None:
        """A new configuration may have brought what was missing, a key above all: what rests for such a reason may be
        tried at once."""
        for breaker in self.state.breakers.values():
            if breaker.opened and breaker.lasting:
                breaker.until = min(breaker.until, self._now())

    def table(self) -> list[Mapping[str, Any]]:
        """Where every target stands, those that rest first."""
        now, wall = self._now(), self._gateway.clock.time()
        rows = []
        for name, breaker in self.state.breakers.items():
            answered, broken = breaker.counts(now, self.rules)
            rows.append(
                {
                    "target": name,
                    "state": breaker.state(now),
                    "why": breaker.why if breaker.opened else "",
                    "until": wall + breaker.until - now if breaker.opened else None,
                    "streak": breaker.streak,
                    "answered": answered,
                    "failed": broken,
                }
            )
        return sorted(rows, key=lambda row: (row["state"] == "closed", row["target"]))

    def _look(self, target: str) -> None:
        """A probe that has reached content is answered, although its end may be minutes away."""
        probe = self.state.probes.get(target)
        if probe is not None and probe.content_at is not None:
            del self.state.probes[target]
            self._succeeded(probe)

    def _succeeded(self, attempt: Attempt) -> None:
        name = attempt.target.name
        if self.state.breaker(name).succeeded(self._now(), attempt.started_at, self.rules):
            self._up(name)

    def _up(self, target: str) -> None:
        log.warning("%s is back", target)
        self._gateway.emit(TargetUp(at=self._gateway.clock.time(), target=target))
        self.news.tell(target)

    def _heard(self, item: Item) -> None:
        """Another worker's word: followed, and not told again."""
        if not item.rest:
            if (breaker := self.state.breakers.get(item.target)) is not None:
                breaker.close()
            return
        breaker, now = self.state.breaker(item.target), self._now()
        if not breaker.opened or breaker.until < now + item.rest:
            breaker.open(now, item.rest, item.why[:200], lasting=item.lasting)

    def _now(self) -> float:
        return self._gateway.clock.monotonic()

    async def _drop(self, target: str) -> None:
        try:
            await self._gateway.store.drop(_probe(target))
        except StoreError:  # it ends by itself, after its time
            return


def _probe(target: str) -> str:
    """The store's key that stands while somebody probes the target."""
    return f"failover:probe:{hashlib.blake2b(target.encode(), digest_size=16).hexdigest()}"
