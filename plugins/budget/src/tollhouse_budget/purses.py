"""Which budgets hold for a call: the gateway's, those of its levels and those of the rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from itertools import product

from tollhouse import Principal, Target
from tollhouse.config import Budget as Limit
from tollhouse.config import Scoped, allows

from .calendar import Calendar
from .purse import Purse, counter_key, marks_of
from .settings import BudgetSettings, Rule

CACHED = 4096
"""Purses a process keeps made; when there are more it begins anew."""


@dataclass(frozen=True, slots=True)
class Call:
    """What is known of who asks for what; empty where nothing is. `address` is the caller's, or what submitted it."""

    principal: Principal
    address: str = ""
    model: str = ""
    target: Target | None = None

    def values(self, dimension: str) -> tuple[str, ...]:
        """The values of a rule's dimension; none when this call has none."""
        if dimension == "tag":
            return tuple(dict.fromkeys(self.principal.tags))
        value = {
            "key": self.principal.key,
            "user": self.principal.user,
            "team": self.principal.team,
            "ip": network(self.address),
            "model": self.model,
            "provider": self.target.provider if self.target else "",
            "target": self.target.name if self.target else "",
        }[dimension]
        return (value,) if value else ()

    @property
    def caller(self) -> dict[str, str]:
        """The one the defaults hold for: the key, else the user, else the address."""
        for dimension in ("key", "user", "ip"):
            if values := self.values(dimension):
                return {dimension: values[0]}
        return {}


class Purses:
    """Finds the purses of calls. `calendar` gives their windows."""

    def __init__(self, settings: BudgetSettings, calendar: Calendar) -> None:
        self._settings, self._calendar, self.rules = settings, calendar, settings.rules
        self._made: dict[tuple[object, ...], Purse] = {}

    def of(self, call: Call, said: Iterable[Scoped], now: float) -> list[Purse]:
        """Every purse that must hold what this call may cost. `said` is what the levels say to the plugin."""
        found = list(self.gateway(now))
        for scoped in said:
            found += self.level(scoped, call.caller, now)
        for rule in self.rules:
            found += self.rule(rule, call, now)
        return smallest(found)

    def gateway(self, now: float) -> Iterator[Purse]:
        """Those of the whole gateway."""
        for limit in self._settings.total:
            yield self._purse("total", {}, limit, now, "the gateway")

    def level(self, scoped: Scoped, caller: dict[str, str], now: float) -> Iterator[Purse]:
        """Those that one level says: the defaults hold for each caller, a model's for all who use it, a team's for
        all its keys, a key's for the key."""
        limits: Sequence[Limit] = scoped.value or ()
        scope: dict[str, str] = caller if scoped.level == "defaults" else {scoped.level: scoped.name}
        place = "each" if scoped.level == "defaults" else "own"
        for limit in limits:
            yield self._purse(place, scope, limit, now)

    def rule(self, rule: Rule, call: Call, now: float) -> Iterator[Purse]:
        """Those of a rule: one a combination of what it counts by; none when it does not match, or counts by
        something that the call has not."""
        matches = rule.matches
        for dimension, patterns in matches.items():
            if not any(allows(patterns, value) for value in call.values(dimension)):
                return
        dimensions = rule.dimensions
        fitting = ([v for v in call.values(one) if allows(matches.get(one), v)] for one in dimensions)
        for values in product(*fitting):
            yield self._purse(
                f"rule {rule.title}", dict(zip(dimensions, values, strict=True)), rule.limit, now, rule=rule
            )

    def whole(self, rule: Rule, now: float) -> Iterator[Purse]:
        """That of a rule that counts all it matches together, whoever calls; none of any other rule."""
        if not rule.dimensions:
            yield self._purse(f"rule {rule.title}", {}, rule.limit, now, rule=rule)

    def _purse(
        self, place: str, scope: dict[str, str], limit: Limit, now: float, name: str = "", rule: Rule | None = None
    ) -> Purse:
        known = (place, limit, *scope.items())
        purse = self._made.get(known)
        if purse is not None and purse.start <= now < purse.until:
            return purse
        if len(self._made) >= CACHED:
            self._made.clear()
        window = self._calendar.window(limit.period, now)
        thresholds = self._settings.thresholds if rule is None or rule.alerts is None else rule.alerts
        purse = self._made[known] = Purse(
            key=counter_key(place, scope, limit.period, window.start),
            name=name or _named(scope, rule),
            scope=scope,
            limit=int(limit.amount),
            period=limit.period,
            start=window.start,
            until=window.end,
            shadow=rule is not None and rule.shadow,
            thresholds=thresholds,
            marks=marks_of(int(limit.amount), thresholds),
        )
        return purse


def _named(scope: dict[str, str], rule: Rule | None) -> str:
    words = ", ".join(f"{'address' if name == 'ip' else name} {value}" for name, value in scope.items())
    if rule is None:
        return words or "an unknown caller"
    return f"{rule.name}: {words}" if rule.name and words else words or rule.title


def smallest(purses: Iterable[Purse]) -> list[Purse]:
    """Each counter once: of several limits on one the smallest."""
    found: dict[str, Purse] = {}
    for purse in purses:
        there = found.get(purse.key)
        if there is None or purse.limit < there.limit:
            found[purse.key] = purse
    return list(found.values())


def network(address: str) -> str:
    """Who is meant by an address: an IPv6 address stands for its /64, all of which one caller may have."""
    if ":" not in address:
        return address
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(ip, IPv6Address):
        return address
    return str(ip.ipv4_mapped or ip_network((ip, 64), strict=False))
