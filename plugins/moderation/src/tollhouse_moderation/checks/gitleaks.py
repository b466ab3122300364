"""Secret patterns as Gitleaks lists them, read from a file of an operator's own.

Source: https://github.com/gitleaks/gitleaks#configuration
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .entropy import entropy
from .patterns import Pattern


@dataclass(frozen=True, slots=True)
class Listed:
    """One rule of the list: it is only tried where one of its keywords stands."""

    keywords: tuple[str, ...]
    pattern: Pattern
    group: int
    entropy: float
    """Bits a character below which a match is no secret."""

    def spans(self, text: str, lowered: str) -> Iterator[tuple[int, int]]:
        """Where its secrets stand; `lowered` is the text in lower case."""
        if self.keywords and not any(word in lowered for word in self.keywords):
            return
        for start, end in self.pattern.spans(text, self.group):
            if entropy(text[start:end]) >= self.entropy:
                yield start, end


def listed(path: str) -> list[Listed]:
    """The rules of a file that describe contents. Raises ValueError, naming the file."""
    try:
        document = tomllib.loads(Path(path).read_text())
        return [_listed(rule) for rule in document["rules"] if rule.get("regex")]
    except (OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"file: {path!r} is no list of Gitleaks: {str(error)[:200]}.") from None


def _listed(rule: dict[str, Any]) -> Listed:
    pattern = Pattern(rule["regex"])
    group = int(rule.get("secretGroup", 1 if pattern.groups else 0))
    keywords = tuple(str(word).lower() for word in rule.get("keywords", ()))
    return Listed(keywords, pattern, min(group, pattern.groups), float(rule.get("entropy", 0)))
