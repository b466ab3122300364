"""Which limits concern an exchange, looked up by who asks for what, and how much of each it would use."""

from __future__ import annotations

from typing import Any

from tollhouse import Exchange, Target
from tollhouse.config import Scoped

from .limits import Asked, Limit, of_level, of_rules
from .scope import PLUGIN, scopes
from .settings import RateLimitSettings

KEPT = 4096
"""Combinations of levels, caller, model and target whose limits are kept made; when there are more it begins anew."""

_OUTPUT = frozenset({"tokens", "output"})


class Book:
    """The limits of one configuration."""

    def __init__(self, settings: RateLimitSettings) -> None:
        self._settings = settings
        self._rules = of_rules(settings)
        self._limits: dict[tuple[Scoped, ...], list[Limit]] = {}
        self._pages: dict[Any, tuple[Asked, ...]] = {}

    def ask(self, exchange: Exchange, target: Target | None) -> dict[str, Asked]:
        """The demands of an exchange on its way to a target, by key. A cached answer (no target) counts as a request
        and nothing else; a count of tokens uses none. Requests already made of other targets stay held."""
        asked: dict[str, Asked] = {}
        tokens: list[Asked] = []
        for one in self._page(exchange, target):
            measure = one.demand.measure
            if measure == "requests":
                asked[one.demand.key] = one
            elif target is None:
                continue
            elif measure == "slot":
                asked[one.demand.key] = one
            else:
                tokens.append(one)
        if tokens and exchange.task != "count":
            amounts = _amounts(tokens, exchange)
            for one in tokens:
                if amount := amounts[one.demand.measure]:
                    asked[one.demand.key] = one.of(amount)
        for attempt in exchange.attempts:
            for one in self._page(exchange, attempt.target):
                if one.limit.upstream and one.demand.measure == "requests":
                    asked.setdefault(one.demand.key, one)
        return asked

    def _page(self, exchange: Exchange, target: Target | None) -> tuple[Asked, ...]:
        """One unit of every limit that concerns the exchange."""
        said, who = exchange.settings(PLUGIN), exchange.principal
        where = (target.provider, target.model) if target is not None else None
        known = (said, who.key, who.user, who.team, who.tags, exchange.origin, exchange.model, where)
        page = self._pages.get(known)
        if page is None:
            if len(self._pages) >= KEPT:
                self._pages.clear()
            page = self._pages[known] = tuple(
                Asked(limit, values, limit.demand(values, self._settings.if_lost))
                for limit in self._of(said)
                if limit.concerns(exchange, target)
                for values in scopes(limit.by, limit.matches, exchange, target)
            )
        return page

    def _of(self, said: tuple[Scoped, ...]) -> list[Limit]:
        limits = self._limits.get(said)
        if limits is None:
            if len(self._limits) >= KEPT:
                self._limits.clear()
            limits = [limit for scoped in said for limit in of_level(scoped, self._settings)] + self._rules
            self._limits[said] = limits
        return limits


def _amounts(asked: list[Asked], exchange: Exchange) -> dict[str, int]:
    """Tokens by measure, as estimated. Without a maximum of the caller's, output is at most a quarter of the smallest
    limit."""
    output = exchange.tokens.output
    if output and exchange.request.max_output is None:
        smallest = min((one.demand.limit for one in asked if one.demand.measure in _OUTPUT), default=output * 4)
        output = min(output, max(1, smallest // 4))
    return {"input": exchange.tokens.input, "output": output, "tokens": exchange.tokens.input + output}
