"""Credentials: keys of known shapes, private keys, and what is assigned to a name like `password`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..contract import Direction, Finding
from ..settings import Rule
from .entropy import entropy
from .gitleaks import listed
from .patterns import Pattern, compiled
from .secret_shapes import SHAPES

THRESHOLD = 0.5
REACH = 4096
"""The longest is a private key in PEM."""

ANYWHERE = 512
"""Characters that an operator's own patterns may span."""

_SURE = 0.95
_ENTROPY = 2.5
"""Bits a character below which a key of a known shape is an example: `sk-xxxxxxxx`."""

_KNOWN = tuple(
    (kind, word, Pattern(source), int("([^" in source and kind == "PASSWORD")) for kind, word, source in SHAPES
)
_ASSIGNED = Pattern(
    r"(?i)(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key|client[_-]?secret|"
    r"credentials?)[\"'\x60]?[ \t]{0,4}(?:[:=]|=>|:=|\bis\b)[ \t]{0,4}[\"'\x60]?([^\s\"'\x60,;<>(){}]{8,128})"
)
_NAMED = re.compile(
    r"(?i)(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key|credentials?)\S{0,2}"
    r"[ \t]{0,4}(?:[:=>]{0,2}|is?)[ \t]{0,4}\S{0,130}\Z"
)
_FULL = 4.0
"""Bits a character at which what is assigned is surely random."""


class Secrets:
    """Known shapes are sure; what is assigned to a telling name scores by how random it looks."""

    on: tuple[Direction, ...] = ("input", "output")
    reach = REACH

    def __init__(self, rule: Rule) -> None:
        self.threshold = THRESHOLD
        self._more = compiled(rule.patterns)
        self._listed = listed(rule.file) if rule.file else []

    def find(self, text: str) -> Sequence[Finding]:
        """Everything that looks like a credential."""
        found: list[Finding] = []
        for kind, word, pattern, group in _KNOWN:
            if word not in text:
                continue
            for start, end in pattern.spans(text, group):
                if kind == "PASSWORD" or entropy(text[start:end]) >= _ENTROPY:
                    found.append(Finding(start, end, kind, _SURE))
        for start, end in _ASSIGNED.spans(text, 1):
            found.append(Finding(start, end, "PASSWORD", assigned(text[start:end])))
        for pattern in self._more:
            found += [Finding(start, end, "SECRET") for start, end in pattern.spans(text)]
        lowered = text.lower() if self._listed else ""
        for one in self._listed:
            found += [Finding(start, end, "SECRET", _SURE) for start, end in one.spans(text, lowered)]
        return found

    def holds(self, text: str) -> int:
        """The last word; from a name like `password` on; and a private key that has no end yet."""
        at = len(text)
        while at > 0 and "!" <= text[at - 1] <= "~" and len(text) - at < REACH:
            at -= 1
        if (named := _NAMED.search(text, max(0, len(text) - 200))) is not None:
            at = min(at, named.start())
        begun = text.rfind("-----BEGIN", max(0, len(text) - REACH))
        if begun >= 0 and not _ended(text, begun):
            at = min(at, begun)
        if self._more or self._listed:
            at = min(at, len(text) - ANYWHERE)
        return len(text) - max(at, 0)


def _ended(text: str, begun: int) -> bool:
    """Whether the key that begins there has its last line, and something after it."""
    end = text.find("-----END", begun)
    last = text.find("-----", end + 8) if end >= 0 else -1
    return last >= 0 and len(text) > last + 5


def assigned(value: str) -> float:
    """How much a value looks like a secret: random characters of more than one sort."""
    sorts = sum(
        any(test(c) for c in value) for test in (str.islower, str.isupper, str.isdigit, lambda c: not c.isalnum())
    )
    return round(min(1.0, entropy(value) / _FULL) * (0.4, 0.4, 0.75, 0.95, 1.0)[sorts], 3)
