"""Words, phrases and patterns that an operator lists."""

from __future__ import annotations

from collections.abc import Sequence

from ..contract import Direction, Finding
from ..settings import Rule
from .patterns import compiled

REACH = 256
"""The longest match of a pattern, in characters."""


class Terms:
    """Upper and lower case are alike; a term that begins or ends with a letter or digit does so at a word's edge."""

    on: tuple[Direction, ...] = ("input", "output")
    threshold = 1.0

    def __init__(self, rule: Rule) -> None:
        if not rule.terms and not rule.patterns:
            raise ValueError('the check "terms" needs terms = [...] or patterns = [...].')
        if not all(term.strip() for term in rule.terms):
            raise ValueError("a term cannot be blank.")
        self._terms = tuple({_lowered(term) for term in rule.terms})
        self._patterns = compiled(rule.patterns)
        self.reach = max([REACH if rule.patterns else 0, *(len(term) + 1 for term in self._terms)])

    def find(self, text: str) -> Sequence[Finding]:
        """Every term that is there, and every match of a pattern."""
        lowered = _lowered(text)
        found = []
        for term in self._terms:
            at = lowered.find(term)
            while at >= 0:
                if _apart(lowered, at, at + len(term)):
                    found.append(Finding(at, at + len(term), "TERM"))
                at = lowered.find(term, at + 1)
        for pattern in self._patterns:
            found += [Finding(start, end, "TERM") for start, end in pattern.spans(text)]
        return found

    def holds(self, text: str) -> int:
        """The longest end of the text that begins a term; any pattern may have begun anywhere."""
        if self._patterns:
            return self.reach
        tail = _lowered(text[-self.reach :])
        held = 0
        for term in self._terms:
            for length in range(min(len(term), len(tail)), held, -1):
                if tail.endswith(term[:length]):
                    held = length
                    break
        return held


def _apart(text: str, start: int, end: int) -> bool:
    before = start > 0 and text[start].isalnum() and text[start - 1].isalnum()
    after = end < len(text) and text[end - 1].isalnum() and text[end].isalnum()
    return not before and not after


def _lowered(text: str) -> str:
    """In lower case, every character still one."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else "".join(low if len(low := c.lower()) == 1 else c for c in text)
