"""Targets and plans: where an exchange may go, best first, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Target:
    """One model of one configured provider."""

    provider: str
    model: str
    weight: float = 1.0
    name: str = field(init=False, repr=False, compare=False)
    """`provider/model`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{self.provider}/{self.model}")

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Plan:
    """The targets to try, best first. `reasons` are words for operators, in the order they mattered."""

    targets: Sequence[Target]
    reasons: Sequence[str] = field(default=())
