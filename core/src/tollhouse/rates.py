"""Rates: what a target's tokens cost; money is integer nano-USD, rounded once an attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from .usage import Usage

NANO = 1_000_000_000
"""Nano-USD in one USD."""

_FALLBACK = {
    "cache_read": "input",
    "cache_write": "input",
    "cache_write_1h": "cache_write",
    "input_audio": "input",
    "reasoning": "output",
    "output_audio": "output",
}


@dataclass(frozen=True, slots=True)
class Rates:
    """A rate card: USD per million tokens by usage bucket, and where it comes from.

    A bucket without a rate of its own is priced as its parent (`cache_read` as `input`, `reasoning` as
    `output`); a card needs at least `input` and `output`. `request_usd` is charged once an attempt.
    """

    usd_per_million: Mapping[str, Decimal]
    source: str
    request_usd: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        if missing := {"input", "output"} - set(self.usd_per_million):
            raise ValueError(f"a rate card needs {' and '.join(sorted(missing))}")

    def rate(self, bucket: str) -> Decimal:
        """USD per million tokens of a bucket."""
        while bucket not in self.usd_per_million:
            bucket = _FALLBACK[bucket]
        return self.usd_per_million[bucket]

    def cost(self, usage: Usage) -> int:
        """Nano-USD of one attempt, rounded half to even once, over the exact sum of its buckets."""
        usd = (
            self.request_usd
            + sum((self.rate(bucket) * count for bucket, count in usage.buckets().items()), Decimal(0)) / 1_000_000
        )
        return int((usd * NANO).to_integral_value(ROUND_HALF_EVEN))
