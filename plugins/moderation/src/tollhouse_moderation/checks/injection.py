"""Attempts to talk a model out of its instructions, told by what they say; a heuristic that scores."""

from __future__ import annotations

from collections.abc import Sequence

from ..contract import Direction, Finding, Subject
from ..settings import Rule
from .injection_signs import SIGNS
from .patterns import Pattern

THRESHOLD = 0.7
"""Two plain signs together, or one that is hardly ever innocent."""

MOST = 200_000
"""Characters that are read."""

_READ = tuple((kind, weight, Pattern(source)) for kind, weight, source in SIGNS)


class Injection:
    """Each kind of sign counts once; together they make the score."""

    on: tuple[Direction, ...] = ("input",)

    def __init__(self, rule: Rule) -> None:
        self.threshold = THRESHOLD

    async def judge(self, subject: Subject) -> Sequence[Finding]:
        """One finding, where the weightiest sign stands."""
        return scored(subject.text[:MOST])


def scored(text: str) -> list[Finding]:
    """The score of a text as one finding; none without any sign."""
    weightiest: dict[int, tuple[float, int, int, str]] = {}
    for number, (kind, weight, pattern) in enumerate(_READ):
        span = next(pattern.spans(text), None)
        if span is not None:
            weightiest[number] = (weight, *span, kind)
    if not weightiest:
        return []
    innocent = 1.0
    for weight, *_ in weightiest.values():
        innocent *= 1.0 - weight
    _, start, end, kind = max(weightiest.values())
    return [Finding(start, end, kind, round(1.0 - innocent, 3))]
