"""A card under construction: prices by bucket and tier, and which layer said each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal

from tollhouse import Rates, Tier

from .settings import Terms

_EXACT = Context(prec=100)
HUNDRED = Decimal(100)


@dataclass(slots=True)
class Card:
    """USD per million tokens by bucket; `tiers` by the input tokens above which they hold."""

    base: dict[str, Decimal] = field(default_factory=dict)
    tiers: dict[int, dict[str, Decimal]] = field(default_factory=dict)
    request: Decimal = Decimal(0)
    max_output: int | None = None
    until: float | None = None
    beside: tuple[str, ...] = ()
    """What a list charges besides and usage does not count."""
    origins: dict[str, str] = field(default_factory=dict)
    """Which layers a bucket's price comes from, in words; `request` among the buckets."""

    def came_from(self, layer: str) -> None:
        """Everything on the card so far was said by one layer."""
        self.origins = dict.fromkeys([*self.base, *(["request"] if self.request else [])], layer)

    def apply(self, terms: Terms, layer: str) -> None:
        """Lay terms over the card: what they say wins, a discount is off all that is there."""
        if terms.free:
            self.base, self.tiers, self.request = dict.fromkeys(("input", "output"), Decimal(0)), {}, Decimal(0)
            self.beside, self.until = (), None
            self.came_from(layer)
        if terms.discount is not None:
            self._reduce(terms.discount, layer)
        said = dict.fromkeys(bucket for one in (terms, *terms.tiers) for bucket in one.said())
        for bucket in said:
            self.origins[bucket] = layer
            for tier in self.tiers.values():
                tier.pop(bucket, None)
        self.base |= {bucket: Decimal(price) for bucket, price in terms.said().items()}
        for entry in terms.tiers:
            self.tiers.setdefault(entry.above, {}).update(
                {bucket: Decimal(price) for bucket, price in entry.said().items()}
            )
        if terms.usd_per_request is not None:
            self.request, self.origins["request"] = Decimal(terms.usd_per_request), layer
        if terms.max_output is not None:
            self.max_output = terms.max_output

    def rates(self, source: str) -> Rates | None:
        """The finished card; None while it lacks a price for input or output."""
        if not {"input", "output"} <= self.base.keys():
            return None
        tiers = [Tier(above, card) for above, card in sorted(self.tiers.items()) if card]
        until = math.inf if self.until is None else self.until
        return Rates(dict(self.base), source, self.request, tuple(tiers), self.max_output, until)

    def _reduce(self, discount: Decimal, layer: str) -> None:
        factor = _EXACT.divide(HUNDRED - discount, HUNDRED)
        self.base = _times(self.base, factor)
        self.tiers = {above: _times(card, factor) for above, card in self.tiers.items()}
        self.request = _EXACT.multiply(self.request, factor)
        self.origins = {bucket: f"{origin}, reduced by {layer}" for bucket, origin in self.origins.items()}


def _times(card: Mapping[str, Decimal], factor: Decimal) -> dict[str, Decimal]:
    return {bucket: _EXACT.multiply(price, factor) for bucket, price in card.items()}
