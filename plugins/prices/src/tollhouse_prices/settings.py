"""What may be said in `[prices]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct
from tollhouse.usage import BUCKETS

from .amounts import Percent, PerMillion, PerRequest

Service = Literal["batch", "default", "fast", "flex", "priority"]


class Buckets(Struct, frozen=True, kw_only=True):
    """USD per million tokens of each kind; a kind that is absent costs what stands below, else as its parent."""

    input: PerMillion | None = None
    """Fresh input tokens."""
    cache_read: PerMillion | None = None
    """Input tokens read from the provider's prompt cache; without any price they cost as `input`."""
    cache_write: PerMillion | None = None
    """Input tokens written to the prompt cache; else as `input`."""
    cache_write_1h: PerMillion | None = None
    """Written to be kept for an hour; else as `cache_write`."""
    input_audio: PerMillion | None = None
    """Audio input tokens; else as `input`."""
    output: PerMillion | None = None
    """Visible output tokens."""
    reasoning: PerMillion | None = None
    """Reasoning tokens; else as `output`."""
    output_audio: PerMillion | None = None
    """Audio output tokens; else as `output`."""

    def said(self) -> dict[str, PerMillion]:
        """The prices that are there, by bucket."""
        return {bucket: price for bucket in BUCKETS if (price := getattr(self, bucket)) is not None}


class TierEntry(Buckets, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Prices of attempts with more input than `above`; they hold for all tokens of such an attempt."""

    above: Annotated[int, Meta(ge=0)]
    """Input tokens, cached ones included."""


class Terms(Buckets, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What holds for the targets of one pattern."""

    free: bool = False
    """Whether these targets cost nothing, as models on your own machines do."""
    discount: Percent | None = None
    """Off every price that stands below this entry."""
    usd_per_request: PerRequest | None = None
    """A fee for every attempt, in USD."""
    tiers: tuple[TierEntry, ...] = ()
    """Other prices above some amount of input: `[{ above = 200_000, input = 6, output = 22.5 }]`."""
    service: Service | None = None
    """The service tier these targets are used with, where the price list tells several apart."""
    max_output: Annotated[int, Meta(ge=1)] | None = None
    """The most output tokens the model gives in one answer, for those that hold money by it."""

    def __post_init__(self) -> None:
        own = self.said() or self.tiers or self.usd_per_request is not None
        if self.free and (own or self.discount is not None):
            raise ValueError("is free and has a price: say one of the two.")
        if self.discount is not None and own:
            raise ValueError("has a discount and prices of its own: write the prices after the discount.")
        starts = [tier.above for tier in self.tiers]
        if len(set(starts)) < len(starts):
            raise ValueError("has two tiers that begin at the same amount.")


class PricesSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Prices of what is not on a public list, and terms other than the list's."""

    targets: dict[str, Terms] = {}
    """Terms by `provider/model`, `*` standing for anything; the provider as [providers] names it."""
    lists: dict[str, str] = {}
    """Whose price list a provider is billed by, where its kind and address do not tell; "none" for nobody's."""
    public: bool = True
    """Whether the public price lists of genai-prices are the lowest layer."""
