"""Where to go after a failed attempt, and after which pause."""

from __future__ import annotations

import random
from collections.abc import Callable

from tollhouse import Exchange, Next, ProviderError, Target

from .breakers import Breakers
from .settings import PLUGIN, FailoverSettings
from .state import State
from .targets import done_with, failures, reachable, strained, tried
from .trip import Trip
from .verdict import verdict


class Recovery:
    """First a target that was not asked yet and does not rest, then one that was, after a pause; when all others rest,
    one of those, if the rules let it."""

    def __init__(
        self,
        settings: FailoverSettings,
        state: State,
        breakers: Breakers | None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.settings, self.state = settings, state
        self._breakers, self._chance = breakers, chance

    def after(self, exchange: Exchange, trip: Trip, error: ProviderError) -> Next | None:
        """The next step; None ends the exchange with this error."""
        if verdict(error) == "final":
            return None
        candidates = [one for one in reachable(exchange, trip.policy) if not done_with(exchange, one)]
        fresh = [one for one in candidates if not tried(exchange, one) and one.name not in trip.avoid]
        steps = [(one, 0.0) for one in fresh if self._free(one)]
        steps += self._again(exchange, trip, candidates)
        for target, wait in steps:
            if (step := self._step(exchange, target, wait)) is not None:
                return step
        if steps or self._breakers is None or self._breakers.rules.when_all_open == "refuse":
            return None
        for target in fresh:
            if (step := self._step(exchange, target)) is not None:
                trip.forced = target.name
                return step
        return None

    def _free(self, target: Target) -> bool:
        return self._breakers is None or self._breakers.free(target.name)

    def _again(self, exchange: Exchange, trip: Trip, candidates: list[Target]) -> list[tuple[Target, float]]:
        """Targets that may be asked again, with the seconds their upstream wants left alone; soonest first."""
        waits = []
        for target in candidates:
            asked = tried(exchange, target)
            if not asked or asked > trip.policy.retries or not self._free(target):
                continue
            wait = max((error.retry_after or 0.0 for error, _ in failures(exchange, target)), default=0.0)
            if wait <= float(self.settings.longest_wait):
                waits.append((target, wait))
        return sorted(waits, key=lambda pair: pair[1])

    def _step(self, exchange: Exchange, target: Target, wait: float = 0.0) -> Next | None:
        """There, unless the deadline is nearer than the pause or the budget is spent. A provider that has not failed
        yet is asked at once and costs no budget: it gets what another one could not serve."""
        times = strained(exchange, target.provider)
        if not times and not tried(exchange, target):
            return Next(target)
        pause = max(wait, self._pause(max(1, times)))
        if exchange.now() + pause >= exchange.deadline:
            exchange.note(PLUGIN, f"{target.name} could be asked in {pause:.1f} s, but the deadline is nearer")
            return None
        budget = self.state.retries(target.provider)
        if not budget.take(exchange.now(), self.settings.retry_budget, self.settings.retry_reserve):
            exchange.note(PLUGIN, f"the retry budget of {target.provider} is spent")
            return None
        return Next(target, pause)

    def _pause(self, times: int) -> float:
        most = min(float(self.settings.longest_backoff), float(self.settings.backoff) * 2.0 ** (times - 1))
        return most * (1 - 0.5 * self._chance())
