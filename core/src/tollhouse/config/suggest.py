"""Did-you-mean: the closest known word to one the operator wrote, and how a hint says so."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

SHOWN = 12
"""How many known words a hint lists before it says how many more there are."""


def closest(word: str, known: Iterable[str]) -> str:
    """The known word most like `word`, whatever its case and dashes; empty when none is near."""
    plain: dict[str, str] = {}
    for name in known:
        plain.setdefault(_plain(name), name)
    near = get_close_matches(_plain(word), plain, n=1, cutoff=0.6)
    return plain[near[0]] if near else ""


def did_you_mean(word: str, known: Iterable[str], *, what: str = "Known") -> str:
    """A hint for an unknown word: the closest known one, else the list of all under the title `what`."""
    names = list(dict.fromkeys(known))
    if near := closest(word, names):
        return f'Did you mean "{near}"?'
    return listing(what, names)


def listing(what: str, names: Iterable[str]) -> str:
    """`Known: a, b, c.`, cut after SHOWN names; `Known: none.` for an empty list."""
    words = list(names)
    more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
    return f"{what}: {', '.join(words[:SHOWN]) or 'none'}{more}."


def _plain(word: str) -> str:
    return word.lower().replace("-", "_")
