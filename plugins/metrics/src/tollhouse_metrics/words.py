"""Label values: only what the configuration names or our own code says, and never more than so many."""

from __future__ import annotations

import re
from collections.abc import Iterable

OTHER = "other"
"""Stands for every value that is none of those."""

_PLAIN = re.compile(r"[A-Za-z][A-Za-z_ ]{0,63}")
_TEAM = re.compile(r"[\w. @/-]{1,100}")


class Words:
    """The values of one label, at most `limit` of them. `closed` ones must be named by `allow`; others are taken as
    they come, if they are plain words without digits: an identifier, a number or a key is none."""

    def __init__(self, limit: int, *, closed: bool = False, shape: re.Pattern[str] = _PLAIN) -> None:
        self._limit, self._closed, self._shape = limit, closed, shape
        self._known: dict[str, str] = {"": ""}

    def allow(self, words: Iterable[str]) -> None:
        """Take these, as far as there is room."""
        for word in words:
            if len(self._known) <= self._limit:
                self._known.setdefault(word, word)

    def __call__(self, word: str) -> str:
        """The word, or OTHER."""
        known = self._known.get(word)
        if known is not None:
            return known
        if self._closed or len(self._known) > self._limit or not self._shape.fullmatch(word):
            return OTHER
        self._known[word] = word
        return word


def teams(limit: int) -> Words:
    """The label of teams: names that operators gave."""
    return Words(limit, shape=_TEAM)


def stem(word: str) -> str:
    """A word without the figures it may tell: `waited` of `waited 1.2 s`."""
    return re.split(r"[^A-Za-z_ ]", word, maxsplit=1)[0].strip() or OTHER
