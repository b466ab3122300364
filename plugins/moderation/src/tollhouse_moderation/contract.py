"""What a check is: anything that finds spans in a text, or that judges a text as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from .settings import Rule

if TYPE_CHECKING:
    from tollhouse import Exchange

Direction = Literal["input", "output"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found at `start` to `end`, in characters of the text that was looked at."""

    start: int
    end: int
    kind: str
    """What it is in capitals (`EMAIL`); a placeholder bears it."""
    score: float = 1.0
    """How sure the check is, 0 to 1; a rule counts what reaches its threshold."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A text to judge as a whole, and where it comes from."""

    text: str
    direction: Direction
    exchange: Exchange | None = None
    """None when `tollhouse moderate` asks."""


class Check(Protocol):
    """Finds spans. The same text must always give the same findings; whatever stands further than `reach` characters
    from a span must not matter to it."""

    on: tuple[Direction, ...]
    """Where it runs when a rule does not say."""
    threshold: float
    """What a score must reach when a rule does not say."""
    reach: int
    """The longest span in characters."""

    def find(self, text: str) -> Sequence[Finding]:
        """The findings, in any order; they may overlap."""
        ...

    def holds(self, text: str) -> int:
        """How many characters at the end of a text that goes on may yet become part of a finding, or change one. Asked
        for every piece of a stream; what is beyond `reach` is not held."""
        ...


class Judge(Protocol):
    """Judges a text as a whole: it cannot mask, and in a stream it has to wait for the end."""

    on: tuple[Direction, ...]
    """Where it runs when a rule does not say."""
    threshold: float
    """What a score must reach when a rule does not say."""

    async def judge(self, subject: Subject) -> Sequence[Finding]:
        """The findings; empty when nothing is wrong. May raise anything when it cannot tell: the rule's `mode` says
        what happens then."""
        ...


Maker: TypeAlias = Callable[[Rule], Check | Judge]
"""Makes the check of one rule, once a configuration. Raises ValueError, with a sentence, for a rule it cannot obey."""
