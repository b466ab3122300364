"""The plugin: the points of the journey where routing is decided, and where it learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from tollhouse import Attempt, Endpoint, Exchange, Plan, hookimpl
from tollhouse.edition import Edition
from tollhouse.gateway import Gateway
from tollhouse.wire import ascii_only

from . import settings as shapes
from .endpoints import Send, routes
from .names import arranged, check, known
from .rules import fitting
from .settings import PLUGIN, Policy, RouterSettings, policy
from .state import State
from .strategies import STRATEGIES, Asking

HEADER = "x-tollhouse-route"
"""The response header that says why."""

POLICIES = 1000
"""Words of levels whose meaning is remembered: keys made at run time bring their own."""


class Router:
    """Which target first, and why."""

    Settings: ClassVar[type[RouterSettings]] = RouterSettings
    Level: ClassVar[Any] = shapes.Level

    def __init__(self, settings: RouterSettings) -> None:
        self.settings = settings
        self._decay = float(settings.decay)
        self._state = State()
        self._policies: dict[int, tuple[Any, Policy]] = {}

    @hookimpl
    async def startup(self, gateway: Gateway, edition: Edition) -> None:
        """Check the names that were given, and take over what is known of the targets."""
        check(edition, self.settings)
        self._state = gateway.keep(PLUGIN, State)

    @hookimpl
    def endpoints(self, gateway: Gateway, edition: Edition) -> Sequence[Endpoint]:
        """Where the routes can be read."""

        async def table(scope: Any, receive: Any, send: Send) -> None:
            await routes(send, edition, self._state, self._policy, self._decay)

        return [Endpoint("/admin/v1/routes", table, access="viewer")]

    @hookimpl
    async def route(self, exchange: Exchange) -> Plan | None:
        """The targets in the order of the rule that fits, or of the model's strategy."""
        if exchange.task == "passthrough" or exchange.plan is None:
            return None
        says = self._policy(exchange.setting(PLUGIN))
        found = fitting(says.rules, exchange, self._state) if says.rules else None
        mine = exchange.state.setdefault(PLUGIN, _Open())
        if found is None and says.strategy == "ordered":
            mine.why = ""  # a rule may have fitted before a wait
            exchange.labels.pop(PLUGIN, None)
            return None
        targets, strategy, reasons = exchange.plan.targets, says.strategy, []
        if found is not None:
            name, rule = found
            reasons.append(f"rule: {name}")
            if rule.then.targets:
                # A key made at run time may name what this configuration does not have.
                targets = known(exchange.edition, rule.then.targets) or targets
                strategy = "ordered" if strategy == "canary" else strategy
            strategy = rule.then.strategy or strategy
        asking = Asking(exchange, says, self._state, self._decay)
        order, why = STRATEGIES[strategy](asking, targets)
        reasons.append(why)
        if found is not None and (found[1].then.prefer or found[1].then.avoid):
            order, why = arranged(order, found[1].then)
            reasons.append(why)
        exchange.labels[PLUGIN] = strategy if found is None else found[0]
        mine.why = "; ".join(reasons)
        return Plan(order, reasons)

    @hookimpl
    async def dispatch(self, exchange: Exchange, attempt: Attempt) -> None:
        """Count the attempt as its target's, and as its turn."""
        state, mine = self._state, exchange.state.setdefault(PLUGIN, _Open())
        self._let_go(mine, [one for one in mine.attempts if one not in exchange.attempts])
        standing = state.standing(attempt.target.name)
        state.turns += 1
        standing.turn = state.turns
        standing.in_flight += 1
        mine.attempts.append(attempt)
        if exchange.grant is not None:
            state.granted(exchange, exchange.grant)
        if self.settings.header and mine.why:
            exchange.response_headers[HEADER] = ascii_only(mine.why)

    @hookimpl
    def observe(self, exchange: Exchange, attempt: Attempt) -> None:
        """Learn how fast the target was, and what it has left."""
        standing = self._state.standing(attempt.target.name)
        mine = exchange.state.get(PLUGIN)
        if mine is not None and attempt in mine.attempts:
            self._let_go(mine, [attempt])
        now = exchange.now()
        if exchange.task == "chat":
            standing.learn(attempt, now, self._decay)
        standing.hear(attempt, now, exchange.gateway.clock.time())

    @hookimpl
    async def settle(self, exchange: Exchange) -> None:
        """Let go of attempts that were skipped before they left: nobody observes those."""
        mine = exchange.state.get(PLUGIN)
        if mine is not None:
            self._let_go(mine, list(mine.attempts))

    def _let_go(self, mine: _Open, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            mine.attempts.remove(attempt)
            standing = self._state.standing(attempt.target.name)
            standing.in_flight = max(0, standing.in_flight - 1)

    def _policy(self, level: Any) -> Policy:
        """What a level's word means; remembered by the object it is, which is kept so that no other takes its place."""
        held = self._policies.get(id(level))
        if held is None:
            if len(self._policies) >= POLICIES:
                self._policies.clear()
            held = self._policies[id(level)] = level, policy(self.settings, level)
        return held[1]


class _Open:
    """What one exchange has under way."""

    __slots__ = ("attempts", "why")

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.why = ""
