"""Personal data: e-mail addresses, telephone numbers, payment cards, bank accounts, national numbers, IP addresses."""

from __future__ import annotations

from collections.abc import Sequence

from ..contract import Direction, Finding
from ..settings import Rule
from .addresses import addresses
from .numbers import accounts, cards, identities
from .patterns import Pattern
from .phones import phones

THRESHOLD = 0.5
"""Findings below this are mostly something else."""

REACH = 330
"""An e-mail address is the longest: 64 characters, `@`, 255 characters."""

KINDS = ("EMAIL", "PHONE", "CARD", "IBAN", "ID", "IP")

_EMAIL = Pattern(
    r"[A-Za-z0-9_][A-Za-z0-9._%+'-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}"
)
_WORD = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._%+'-@:()/")


class Pii:
    """Numbers are checked by their own arithmetic where they have any; the score says how sure that makes them."""

    on: tuple[Direction, ...] = ("input", "output")
    reach = REACH

    def __init__(self, rule: Rule) -> None:
        unknown = {kind.upper() for kind in rule.entities} - set(KINDS)
        if unknown:
            raise ValueError(f'"pii" knows no {sorted(unknown)[0].lower()}; it knows {", ".join(KINDS).lower()}.')
        self.threshold = THRESHOLD
        self._region = rule.region.upper()
        self._kinds = {kind.upper() for kind in rule.entities} or set(KINDS)

    def find(self, text: str) -> Sequence[Finding]:
        """Everything personal."""
        found: list[Finding] = []
        if "EMAIL" in self._kinds and "@" in text:
            found += [Finding(start, end, "EMAIL") for start, end in _EMAIL.spans(text)]
        if "IP" in self._kinds:
            found += addresses(text)
        if sum(character.isdigit() for character in text) < 5:
            return found
        if "CARD" in self._kinds:
            found += cards(text)
        if "IBAN" in self._kinds:
            found += accounts(text)
        if "ID" in self._kinds:
            found += identities(text)
        if "PHONE" in self._kinds:
            found += phones(text, self._region)
        return found

    def holds(self, text: str) -> int:
        """The last word, and those before it that belong to a number."""
        at = len(text)
        while at > 0 and text[at - 1] in _WORD and len(text) - at < REACH:
            at -= 1
        while at > 0 and len(text) - at < REACH:
            end = at
            while end > 0 and not _wordy(text[end - 1]) and at - end < REACH:
                end -= 1
            begin = end
            while begin > 0 and _wordy(text[begin - 1]) and end - begin < REACH:
                begin -= 1
            word = text[begin:end]
            if end == begin or not (any(c.isdigit() for c in word) or (len(word) <= 2 and word.isupper())):
                break
            at = begin
        while at > 0 and text[at - 1] in "+(" and len(text) - at < REACH:
            at -= 1
        return len(text) - at


def _wordy(character: str) -> bool:
    return character in _WORD or character.isalnum()
