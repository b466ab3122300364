"""Limits as they are counted: compiled from the settings, and made into demands on the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tollhouse import Demand, Exchange, Target
from tollhouse.config import Rate, Scoped

from .scope import UPSTREAM, Values, counter_key, fits
from .settings import FILTERS, RateLimitSettings, Rule, long_form, name_of, patience, texts

IfLost = Literal["refuse", "share", "allow"]
_BY = {"defaults": "caller", "model": "model", "team": "team", "key": "key"}


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit. `name` is where it is said: a level, or the rule's name."""

    name: str
    rate: Rate
    by: tuple[str, ...]
    matches: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    burst: int | None = None
    max_wait: float = 0.0
    """Seconds a request may wait for it; 0 refuses at once."""
    shadow: bool = False
    rule: bool = False

    @property
    def capacity(self) -> int:
        """How much may come in one instant."""
        return self.rate.amount if self.burst is None else self.burst

    @property
    def period(self) -> float:
        """Seconds in which `capacity` comes back, so that `rate` comes back in its own period; 0 for slots."""
        return self.rate.period * self.capacity / self.rate.amount

    @property
    def upstream(self) -> bool:
        """Whether it asks where the request goes."""
        return any(word in UPSTREAM for word in (*self.by, *self.matches))

    def concerns(self, exchange: Exchange, target: Target | None) -> bool:
        """Whether it counts this exchange on its way to this target."""
        return all(fits(word, patterns, exchange, target) for word, patterns in self.matches.items())

    def demand(self, values: Values, if_lost: IfLost) -> Demand:
        """One unit of it, for these values of its dimensions."""
        slots = self.rate.measure == "slot"
        return Demand(
            key=counter_key(f"rules.{self.name}" if self.rule else self.name, self.by, values, self.rate),
            kind="slots" if slots else "rate",
            measure=self.rate.measure,
            amount=1,
            limit=self.capacity,
            period=self.period,
            enforce=not self.shadow,
            if_lost=if_lost,
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """A demand and the limit it is made for."""

    limit: Limit
    values: Values
    demand: Demand

    def of(self, amount: int) -> Asked:
        """The same for another amount."""
        one = self.demand
        demand = Demand(
            key=one.key,
            kind=one.kind,
            measure=one.measure,
            amount=amount,
            limit=one.limit,
            period=one.period,
            enforce=one.enforce,
            if_lost=one.if_lost,
        )
        return Asked(self.limit, self.values, demand)


def of_level(said: Scoped, settings: RateLimitSettings) -> list[Limit]:
    """What one level limits: the defaults each caller, a model, a team or a key all who use it together."""
    form = long_form(said.value)
    return [
        Limit(
            name=said.level,
            rate=rate,
            by=(_BY[said.level],),
            max_wait=patience(form.max_wait, settings.max_wait),
            shadow=settings.shadow if form.shadow is None else form.shadow,
        )
        for rate in form.limits
    ]


def of_rules(settings: RateLimitSettings) -> list[Limit]:
    """What [rate_limit] itself limits."""
    return [_of_rule(rule, name_of(rule, place), settings) for place, rule in enumerate(settings.rules)]


def _of_rule(rule: Rule, name: str, settings: RateLimitSettings) -> Limit:
    return Limit(
        name=name,
        rate=rule.limit,
        by=texts(rule.by),
        matches={word: patterns for word in FILTERS if (patterns := texts(getattr(rule, word)))},
        burst=rule.burst,
        max_wait=patience(rule.max_wait, settings.max_wait),
        shadow=settings.shadow if rule.shadow is None else rule.shadow,
        rule=True,
    )
