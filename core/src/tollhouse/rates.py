"""Rates: what a target's tokens cost; money is integer nano-USD, rounded once an attempt."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal

from .usage import BUCKETS, Usage

NANO = 1_000_000_000
"""Nano-USD in one USD."""

PARENTS = {
    "cache_read": "input",
    "cache_write": "input",
    "cache_write_1h": "cache_write",
    "input_audio": "input",
    "reasoning": "output",
    "output_audio": "output",
}
"""The bucket whose rate holds for one without a rate of its own."""

_EXACT = Context(prec=100)


@dataclass(frozen=True, slots=True)
class Tier:
    """Rates of attempts with more than `above` input tokens, cached ones included: they hold for every token of
    such an attempt. A bucket that is absent keeps its rate."""

    above: int
    usd_per_million: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Rates:
    """A rate card: USD per million tokens by usage bucket, and where it comes from.

    A bucket without a rate of its own is priced as its parent (`cache_read` as `input`, `reasoning` as
    `output`); a card needs at least `input` and `output`. `request_usd` is charged once an attempt that has
    usage. `tiers` rise; of those an attempt reaches, each overlays those below it. Raises ValueError for a card
    that is incomplete, has an unknown bucket or a rate below 0.
    """

    usd_per_million: Mapping[str, Decimal]
    source: str
    request_usd: Decimal = Decimal(0)
    tiers: Sequence[Tier] = ()
    max_output: int | None = None
    """The most output tokens the model gives in one answer; None when that is not known."""
    until: float = math.inf
    """Unix seconds from which the card holds no more: the core then asks for another."""

    def __post_init__(self) -> None:
        if missing := {"input", "output"} - set(self.usd_per_million):
            raise ValueError(f"a rate card needs {' and '.join(sorted(missing))}")
        every = [self.usd_per_million, *(tier.usd_per_million for tier in self.tiers)]
        if unknown := {bucket for rates in every for bucket in rates} - set(BUCKETS):
            raise ValueError(f"there is no bucket {', '.join(sorted(unknown))}")
        if not all(
            rate.is_finite() and rate >= 0 for rates in (*every, {"": self.request_usd}) for rate in rates.values()
        ):
            raise ValueError("a rate is 0 or more")
        starts = [tier.above for tier in self.tiers]
        if starts != sorted(set(starts)) or any(start < 0 for start in starts):
            raise ValueError("tiers rise, each from another number of tokens")

    def rate(self, bucket: str, total_input: int = 0) -> Decimal:
        """USD per million tokens of a bucket, in an attempt with so many input tokens of all kinds."""
        card = self.card(total_input)
        while bucket not in card:
            bucket = PARENTS[bucket]
        return card[bucket]

    def card(self, total_input: int) -> Mapping[str, Decimal]:
        """The rates of an attempt with so many input tokens of all kinds."""
        if not self.tiers or total_input <= self.tiers[0].above:
            return self.usd_per_million
        card = dict(self.usd_per_million)
        for tier in self.tiers:
            if total_input > tier.above:
                card.update(tier.usd_per_million)
        return card

    def cost(self, usage: Usage) -> int:
        """Nano-USD of one attempt, rounded half to even once, over the exact sum of its buckets."""
        card = self.card(usage.total_input)
        nano = _EXACT.multiply(self.request_usd, NANO)
        for bucket, count in usage.buckets().items():
            while bucket not in card:
                bucket = PARENTS[bucket]
            # USD per million tokens is 1000 nano-USD a token.
            nano = _EXACT.fma(card[bucket], 1000 * count, nano)
        return int(nano.to_integral_value(ROUND_HALF_EVEN))
