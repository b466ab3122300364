"""Placeholders: what was masked on the way up, and the way back."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import msgspec

PLACEHOLDER = re.compile(r"<([A-Z][A-Z_]{0,23})_([0-9]{1,6})>")
"""What stands for a masked value. The kind says what it was."""

ESCAPED = re.compile(r"(?:<|\\u003[cC])([A-Z][A-Z_]{0,23})_([0-9]{1,6})(?:>|\\u003[eE])")
"""The same in the text of JSON, where some writers escape the brackets."""

LONGEST = 45
"""Characters of a placeholder at most, escaped or not."""

_BEGINNING = re.compile(r"<(?:[A-Z][A-Z_]{0,24}[0-9]{0,6})?\Z")
_NOT_KIND = re.compile(r"[^A-Z]+")


class Vault:
    """The masked values of one exchange, numbered by kind in the order they appear: the same conversation with more
    to it gets the same placeholders. What a text says itself is never used as one: see `reserve`."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        """What each placeholder stands for."""
        self._placeholders: dict[tuple[str, str], str] = {}
        self._numbers: dict[str, int] = {}
        self._reserved: set[str] = set()

    def reserve(self, text: str) -> None:
        """Never make a placeholder that this text already says."""
        if "<" in text or "\\u003" in text:
            self._reserved.update(f"<{kind}_{number}>" for kind, number in ESCAPED.findall(text))

    def placeholder(self, kind: str, value: str) -> str:
        """What stands for `value`: the same for the same."""
        kind = _NOT_KIND.sub("_", kind.upper()).strip("_")[:24].strip("_") or "MASKED"
        known = self._placeholders.get((kind, value))
        if known is not None:
            return known
        while True:
            number = self._numbers[kind] = self._numbers.get(kind, 0) + 1
            made = f"<{kind}_{number}>"
            if made not in self._reserved:
                break
        self.values[made] = value
        self._placeholders[kind, value] = made
        return made

    def restore(self, text: str) -> str:
        """The text with every placeholder of ours replaced by what it stands for."""
        if not self.values or "<" not in text:
            return text
        return PLACEHOLDER.sub(lambda found: self.values.get(found[0], found[0]), text)

    def restored(self, text: str, json: bool = False) -> list[tuple[int, int, str]]:
        """Where placeholders of ours stand, and what belongs there; in the text of JSON as a string's inside."""
        pattern = ESCAPED if json else PLACEHOLDER
        write: Callable[[str], str] = _inside if json else str
        found = []
        for one in pattern.finditer(text) if self.values else ():
            value = self.values.get(f"<{one[1]}_{one[2]}>")
            if value is not None:
                found.append((one.start(), one.end(), write(value)))
        return found

    def digest(self) -> str:
        """Changes with every value in it."""
        packed = msgspec.json.encode(self.values, order="deterministic")
        return hashlib.sha256(packed).hexdigest()[:16]


def beginning(text: str) -> int:
    """How many characters at the end may be the beginning of a placeholder."""
    found = _BEGINNING.search(text, max(0, len(text) - LONGEST))
    return len(text) - found.start() if found else 0


def _inside(value: str) -> str:
    return msgspec.json.encode(value).decode()[1:-1]
