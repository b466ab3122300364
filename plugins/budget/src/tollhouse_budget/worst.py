"""The most a call may cost: its input at the dearest rate, and all the output it may ask for."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING

from tollhouse import Attempt, Exchange, Rates, Target
from tollhouse.rates import NANO
from tollhouse.store.interface import MAX_AMOUNT

from .settings import BudgetSettings

UNCOUNTED = frozenset({"models", "count"})
"""Tasks that no provider bills."""

READING = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})
"""Methods of a passthrough that ask no model anything."""

REACH = 125
"""Percent of the estimated input that are looked at for a dearer tier."""


class Worst:
    """Estimates of what attempts may cost, in nano-USD."""

    def __init__(self, settings: BudgetSettings) -> None:
        self._settings = settings

    def of(self, exchange: Exchange, target: Target) -> int | None:
        """The most that one attempt at a target may cost; None when it has no price."""
        rates = self.rates(exchange, target)
        if rates is None:
            return None
        return self.cost(exchange, rates, self.output(exchange, rates))

    def rates(self, exchange: Exchange, target: Target) -> Rates | None:
        """The rate card that will price the call; a passthrough is read by nobody and has none."""
        return None if exchange.task == "passthrough" else exchange.edition.rates(target)

    def output(self, exchange: Exchange, rates: Rates) -> int:
        """The most output tokens: what the caller asks for, or the assumed figure, within the model's maximum,
        times the number of choices."""
        if exchange.task != "chat":
            return 0
        request = exchange.request
        most = rates.max_output or self._settings.max_output
        return min(request.max_output or self._settings.assume_output, most) * max(1, request.n)

    def cost(self, exchange: Exchange, rates: Rates, output: int) -> int:
        """What so much output costs together with the input, at their dearest rates: a prompt may be written to a
        cache, and its tokens may be more than estimated, and reach a dearer tier."""
        tokens = exchange.tokens.input
        written = _WRITTEN if b'"1h"' in exchange.request.raw else _WRITTEN[:2]
        return min(MAX_AMOUNT, max(_cost(rates, tokens, output, written, total) for total in _totals(rates, tokens)))

    def so_far(self, exchange: Exchange) -> int:
        """What the attempts made already cost, or may still."""
        return sum(self._made(exchange, attempt) for attempt in exchange.attempts)

    def _made(self, exchange: Exchange, attempt: Attempt) -> int:
        return (attempt.cost if attempt.state != "pending" else self.of(exchange, attempt.target)) or 0


_WRITTEN = ("input", "cache_write", "cache_write_1h")


def _totals(rates: Rates, tokens: int) -> tuple[int, ...]:
    """The input totals that may decide the tier."""
    return (tokens, tokens * REACH // 100) if rates.tiers else (tokens,)


def _cost(rates: Rates, tokens: int, output: int, written: Sequence[str], total: int) -> int:
    """Nano-USD, rounded up."""
    each = max(rates.rate(bucket, total) for bucket in written) * tokens
    each += max(rates.rate("output", total), rates.rate("reasoning", total)) * output
    # USD per million tokens is 1000 nano-USD a token.
    return int((each * 1000 + rates.request_usd * NANO).to_integral_value(ROUND_CEILING))


def bills(exchange: Exchange) -> bool:
    """Whether a provider takes money for this kind of request."""
    if exchange.task == "passthrough":
        return exchange.method not in READING
    return exchange.task not in UNCOUNTED
