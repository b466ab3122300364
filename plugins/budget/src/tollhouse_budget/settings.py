"""What an operator may say about budgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct
from tollhouse.config import Budget as Limit

Dimension = Literal["key", "user", "team", "model", "provider", "target", "tag", "ip"]
Percent = Annotated[int, Meta(ge=1, le=100)]
Patterns = tuple[str, ...] | str
MATCHED = ("key", "user", "team", "model", "provider", "target", "tag")
"""What a rule may be narrowed by."""


class Rule(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A further budget: for what it matches, one for each value of `by`."""

    limit: Limit
    """Money per calendar period."""
    by: tuple[Dimension, ...] | Dimension = ()
    """One budget for each combination of these; none is one for all together."""
    name: str = ""
    """What messages, alerts and `tollhouse budgets` call it; default what it says."""
    shadow: bool = False
    """Whether it only counts and alerts, and never refuses."""
    alerts: tuple[Percent, ...] | None = None
    """Percentages to tell about, in place of `thresholds`."""
    key: Patterns = ()
    """Only keys of these names; `*` stands for anything, here and below."""
    user: Patterns = ()
    """Only these users."""
    team: Patterns = ()
    """Only these teams."""
    model: Patterns = ()
    """Only these models, as callers ask for them."""
    provider: Patterns = ()
    """Only these providers."""
    target: Patterns = ()
    """Only these targets, `provider/model`."""
    tag: Patterns = ()
    """Only callers with one of these tags."""

    @property
    def dimensions(self) -> tuple[str, ...]:
        """`by` as a list without repetitions."""
        return (self.by,) if isinstance(self.by, str) else tuple(dict.fromkeys(self.by))

    @property
    def matches(self) -> Mapping[str, tuple[str, ...]]:
        """The patterns by what they match; what says nothing is left out."""
        said = {name: getattr(self, name) for name in MATCHED}
        return {name: (one,) if isinstance(one, str) else one for name, one in said.items() if one}

    @property
    def title(self) -> str:
        """Its name, or what it says in short."""
        if self.name:
            return self.name
        narrowed = [f"{name} {' or '.join(patterns)}" for name, patterns in self.matches.items()]
        return ", ".join([*narrowed, *(f"each {name}" for name in self.dimensions)]) or "everything"


class BudgetSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[budget]`."""

    total: tuple[Limit, ...] = ()
    """What the whole gateway may spend: one budget or several."""
    time_zone: str = "UTC"
    """Whose calendar periods follow, an IANA name such as `Europe/Berlin`."""
    week_starts: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "monday"
    """The first day of a week."""
    rules: tuple[Rule, ...] = ()
    """Further budgets: tables as described below."""
    thresholds: tuple[Percent, ...] = (50, 80, 95, 100)
    """Percentages of a budget that are told about, each once a period; 100 also when it first refuses."""
    assume_output: Annotated[int, Meta(ge=1, le=10_000_000)] = 4096
    """Output tokens a choice that are held when the caller names no maximum."""
    max_output: Annotated[int, Meta(ge=1, le=10_000_000)] = 131_072
    """Most output tokens a choice that are ever held, for a model whose own maximum is not known."""
    unpriced: Literal["allow", "refuse"] = "allow"
    """What happens to a call under a budget when its target has no price."""
    if_lost: Literal["refuse", "allow"] = "refuse"
    """What happens to a call under a budget while the store is away."""
