"""Replies that say nothing, or the same over and over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..contract import Direction, Finding, Subject
from ..settings import Rule

THRESHOLD = 0.5
"""The share of a reply that repeats itself."""

LEAST = 40
"""Words below which a repetition is a figure of speech."""

LOOPS = 5
"""Times that the same words end a reply, one after another, before it is a loop."""

_PHRASE = 8
_LONGEST = 60
"""Words of the longest loop that is looked for."""

MOST = 50_000
"""Words that are read, from the end."""


class Quality:
    """`EMPTY`, `REPETITION` and `LOOP`."""

    on: tuple[Direction, ...] = ("output",)

    def __init__(self, rule: Rule) -> None:
        self.threshold = THRESHOLD

    async def judge(self, subject: Subject) -> Sequence[Finding]:
        """Every fault the reply has."""
        text = subject.text
        if not text.strip():
            return [Finding(0, len(text), "EMPTY")]
        words = text.split()[-MOST:]
        found = [Finding(0, len(text), "REPETITION", repeated(words))]
        if loops(words):
            found.append(Finding(0, len(text), "LOOP"))
        return [one for one in found if one.score > 0]


def repeated(words: Sequence[str]) -> float:
    """The share of the phrases of eight words that were said before; 0 of a short text."""
    if len(words) < LEAST:
        return 0.0
    phrases = Counter(tuple(words[n : n + _PHRASE]) for n in range(len(words) - _PHRASE + 1))
    total = sum(phrases.values())
    return round((total - len(phrases)) / total, 3)


def loops(words: Sequence[str]) -> bool:
    """Whether the end is the same words `LOOPS` times, and at least twelve words together."""
    for length in range(1, min(_LONGEST, len(words) // LOOPS) + 1):
        last = words[-length:]
        if length * LOOPS >= 12 and all(
            words[-length * (n + 1) : len(words) - length * n] == last for n in range(1, LOOPS)
        ):
            return True
    return len(words) >= 12 and len(set(words[-12:])) == 1
