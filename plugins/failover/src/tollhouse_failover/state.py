"""What outlives a reload: the breakers, the budgets and the measured latencies of one process."""

from __future__ import annotations

from collections import OrderedDict

from tollhouse import Attempt

from .breaker import Breaker
from .budget import Budget
from .latency import Latency

BREAKERS = 1000
"""Targets whose attempts are counted: callers may name models nobody declared."""
PROVIDERS = 1000


class State:
    """Everything known of targets and providers, by name."""

    def __init__(self) -> None:
        self.breakers: OrderedDict[str, Breaker] = OrderedDict()
        self.probes: dict[str, Attempt] = {}
        """The attempt that is the probe of a target, while it is under way."""
        self.latency = Latency()
        self.hedges = Budget()
        self._retries: OrderedDict[str, Budget] = OrderedDict()

    def breaker(self, target: str) -> Breaker:
        """The breaker of a target; when there are too many, the one that was used least of late is forgotten, an open
        one last."""
        found = self.breakers.get(target)
        if found is None:
            found = self.breakers[target] = Breaker()
            if len(self.breakers) > BREAKERS:
                names = (name for name, one in self.breakers.items() if not one.opened and name != target)
                del self.breakers[next(names, next(iter(self.breakers)))]
        self.breakers.move_to_end(target)
        return found

    def retries(self, provider: str) -> Budget:
        """The budget of retries at a provider."""
        found = self._retries.get(provider)
        if found is None:
            found = self._retries[provider] = Budget()
            if len(self._retries) > PROVIDERS:
                self._retries.popitem(last=False)
        return found
