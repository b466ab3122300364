"""The plugin: holds the worst case of every call on each budget that it counts on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

from tollhouse import ConfigError, Demand, Endpoint, Exchange, Refusal, Target, Wait, hookimpl
from tollhouse.config import Budget as Limit
from tollhouse.config import did_you_mean
from tollhouse.store.interface import MAX_AMOUNT

from .alerts import Alerts
from .calendar import Calendar
from .listing import Listing, Register
from .purse import Purse
from .purses import Call, Purses, smallest
from .settings import BudgetSettings
from .words import unpriced, used_up
from .worst import Worst, bills

if TYPE_CHECKING:
    from tollhouse.gateway import Gateway


@dataclass(slots=True)
class Asked:
    """What was last demanded for an exchange."""

    purses: dict[str, Purse]
    target: Target
    amount: int


class Budget:
    """Budgets of callers, teams, models and the whole gateway, in USD per calendar period."""

    Settings = BudgetSettings
    Level = tuple[Limit, ...]

    def __init__(self, settings: BudgetSettings) -> None:
        """Raises ConfigError for an unknown time zone and for two rules that nobody could tell apart."""
        self.settings = settings
        self.calendar = Calendar(_zone(settings.time_zone), settings.week_starts)
        self.purses = Purses(settings, self.calendar)
        self.worst = Worst(settings)
        self.needs_store = settings.if_lost == "refuse"
        _distinct(settings)

    @hookimpl
    async def startup(self, gateway: Gateway) -> None:
        """Begin to listen for marks."""
        _alerts(gateway)

    @hookimpl
    def endpoints(self, gateway: Gateway) -> Sequence[Endpoint]:
        """Where each budget stands, for viewers; a caller's own, for the caller."""
        listing = Listing(self.purses, self.calendar)
        return [
            Endpoint("/admin/v1/budgets", listing.everything(gateway), access="viewer"),
            Endpoint("/admin/v1/budgets/self", listing.own(gateway), access="caller"),
        ]

    @hookimpl
    def demand(self, exchange: Exchange, target: Target | None) -> Sequence[Demand]:
        """What the call may cost at most, on every budget it counts on: what earlier attempts cost, and the worst
        case of those under way and of this one. A cached answer is free."""
        if target is None or not bills(exchange):
            return ()
        purses = self._purses(exchange, target)
        if not purses:
            return ()
        worst = self.worst.of(exchange, target)
        if worst is None:
            self._without_price(exchange, target, purses)
        amount = min(MAX_AMOUNT, self.worst.so_far(exchange) + (worst or 0))
        if not amount and not exchange.held.get("nano_usd"):
            return ()
        exchange.state["budget"] = Asked({purse.key: purse for purse in purses}, target, amount)
        _alerts(exchange.gateway).watch(purses)
        return [purse.demand(amount, if_lost=self.settings.if_lost) for purse in purses]

    @hookimpl
    async def refused(self, exchange: Exchange, refusal: Refusal) -> Wait | None:
        """Say which budget, how much is left, and what would fit."""
        asked: Asked = exchange.state["budget"]
        purse = asked.purses[refusal.key]
        counted = exchange.grant is not None and any(level.key == purse.key for level in exchange.grant.levels)
        others = refusal.level.used - (min(refusal.level.used, exchange.held.get("nano_usd", 0)) if counted else 0)
        fits = self._fits(exchange, asked, purse.limit - others)
        if fits < self.settings.assume_output:
            await _alerts(exchange.gateway).exhausted(purse, refusal.level.used)
        now = exchange.gateway.clock.time()
        raise used_up(purse, others, asked.amount, self.calendar, now, output=fits)

    @hookimpl
    async def settle(self, exchange: Exchange) -> None:
        """Remember which budgets are in use, so that every process can list them."""
        asked: Asked | None = exchange.state.get("budget")
        if asked is not None:
            await exchange.gateway.keep("budget:register", Register).remember(exchange.gateway, asked.purses.values())

    def _purses(self, exchange: Exchange, target: Target) -> list[Purse]:
        """Those of this target, and those of targets whose attempts cost something or still may: their part of the
        hold must not be given back."""
        said, now = exchange.settings("budget"), exchange.gateway.clock.time()
        targets = {target, *(a.target for a in exchange.attempts if a.cost != 0 or a.state == "pending")}
        call = (Call(exchange.principal, exchange.origin, exchange.model, one) for one in targets)
        return smallest(purse for one in call for purse in self.purses.of(one, said, now))

    def _without_price(self, exchange: Exchange, target: Target, purses: Sequence[Purse]) -> None:
        passthrough = exchange.task == "passthrough"
        if self.settings.unpriced == "refuse" and not all(purse.shadow for purse in purses):
            raise unpriced(target, passthrough=passthrough)
        words = f"{'a passthrough' if passthrough else target.name} has no price: nothing is held for it"
        if ("budget", words) not in exchange.notes:
            exchange.note("budget", words)
        exchange.labels["budget"] = "unpriced"

    def _fits(self, exchange: Exchange, asked: Asked, left: int) -> int:
        """How many output tokens a choice would fit into what is left; 0 when none or nothing would."""
        rates = self.worst.rates(exchange, asked.target)
        if rates is None or not (output := self.worst.output(exchange, rates)):
            return 0
        n = max(1, exchange.request.n)
        left -= self.worst.so_far(exchange)
        low, high = 0, output // n
        while low < high:
            middle = (low + high + 1) // 2
            if self.worst.cost(exchange, rates, middle * n) <= left:
                low = middle
            else:
                high = middle - 1
        return low


def _alerts(gateway: Gateway) -> Alerts:
    return gateway.keep("budget:alerts", lambda: Alerts(gateway))


def _zone(name: str) -> ZoneInfo:
    known = available_timezones()
    if name not in known:
        raise ConfigError(
            f'"{name[:40]}" is no time zone.', path="budget.time_zone", hint=did_you_mean(name, sorted(known))
        )
    return ZoneInfo(name)


def _distinct(settings: BudgetSettings) -> None:
    seen: dict[tuple[str, str], int] = {}
    for index, rule in enumerate(settings.rules):
        what = (rule.title, rule.limit.period)
        if what in seen:
            raise ConfigError(
                f'would count on the same counters as rules[{seen[what]}], "{rule.title}".',
                path=f"budget.rules[{index}]",
                hint="Give each a `name` of its own.",
            )
        seen[what] = index
