"""What outlives a reload: how targets stand, and what callers have left of their budgets, as this process knows it."""

from __future__ import annotations

from collections import OrderedDict

from tollhouse import Exchange, Grant

from .standing import Standing

TARGETS = 4096
"""Targets that are remembered: callers may name models nobody declared."""
CALLERS = 10_000
"""Callers whose budgets are remembered; the one seen longest ago is forgotten first."""

Caller = tuple[str, str, str]


class State:
    """Everything the router remembers."""

    def __init__(self) -> None:
        self.targets: dict[str, Standing] = {}
        self.turns = 0
        """Attempts that were made since the process started."""
        self._budgets: OrderedDict[Caller, tuple[tuple[float, float], ...]] = OrderedDict()

    def standing(self, target: str) -> Standing:
        """How a target stands, to be changed; when there are too many, an idle one is forgotten."""
        found = self.targets.get(target)
        if found is None:
            if len(self.targets) >= TARGETS:
                idle = (name for name, one in self.targets.items() if not one.in_flight)
                del self.targets[next(idle, next(iter(self.targets)))]
            found = self.targets[target] = Standing()
        return found

    def granted(self, exchange: Exchange, grant: Grant) -> None:
        """Remember what the caller had left of its budgets when a claim was granted, that claim not counted: it is held
        at its worst case, and mostly given back."""
        now, own = exchange.now(), exchange.held.get("nano_usd", 0)
        shares = tuple(
            (min(1.0, (level.remaining + own) / level.limit) if level.limit else 0.0, now + level.resets_in)
            for level in grant.levels
            if level.key.startswith("budget:")
        )
        if shares:
            caller = _caller(exchange)
            self._budgets[caller] = shares
            self._budgets.move_to_end(caller)
            if len(self._budgets) > CALLERS:
                self._budgets.popitem(last=False)

    def budget_left(self, exchange: Exchange) -> float | None:
        """The share that is left of the caller's tightest budget; None when it is not known, or its window is over."""
        now = exchange.now()
        return min((share for share, until in self._budgets.get(_caller(exchange), ()) if until > now), default=None)


def _caller(exchange: Exchange) -> Caller:
    principal = exchange.principal
    return principal.key, principal.user, principal.team
