"""The words by which lists of requests are narrowed: `team:search status:>=400 seconds:>2 gpt`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from tollhouse import Rejected

from .shapes import Record

LONGEST = 1000
"""Characters of the longest filter."""
FIELDS = tuple(name for name in Record.__struct_fields__ if name not in ("tokens", "labels"))
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_TERM = re.compile(r"(!?)([a-z_]+):(>=|<=|>|<)?(.*)", re.DOTALL)
_SEARCHED = ("id", "request_id", "model", "target", "key", "user", "team", "code", "outcome")

Filter = Callable[[Record], bool]


def compiled(text: str) -> Filter:
    """A predicate: every word must hold. A word is `field:value` (with `*` for anything in it, `>`, `>=`, `<`, `<=`
    before a number, `!` in front for the opposite), or free text that one of the names contains. Raises Rejected."""
    if len(text) > LONGEST:
        raise _wrong(f"A filter has at most {LONGEST} characters.")
    tests = [_test(word) for word in text.split()]
    return lambda record: all(test(record) for test in tests)


def _test(word: str) -> Filter:
    found = _TERM.fullmatch(word)
    if found is None:
        needle = word.lower()
        return lambda record: any(needle in getattr(record, name).lower() for name in _SEARCHED)
    negated, name, order, value = found.groups()
    if name not in FIELDS:
        raise _wrong(f"There is no field `{name[:40]}` to filter by; there are {', '.join(FIELDS)}.")
    holds = _compared(name, order, value) if order else _matching(name, value.lower())
    return (lambda record: not holds(record)) if negated else holds


def _compared(name: str, order: str, value: str) -> Filter:
    try:
        bound = float(value)
    except ValueError:
        raise _wrong(f"`{name}:{order}` wants a number behind it.") from None
    compare = _ORDER[order]

    def holds(record: Record) -> bool:
        said = getattr(record, name)
        return isinstance(said, int | float) and compare(said, bound)

    return holds


def _matching(name: str, pattern: str) -> Filter:
    pattern = pattern.replace("[", "[[]")

    def holds(record: Record) -> bool:
        said = getattr(record, name)
        many = said if isinstance(said, list) else [said]
        return any(fnmatchcase(_text(one), pattern) for one in many)

    return holds


def _text(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower()


def _wrong(message: str) -> Rejected:
    return Rejected(message, code="invalid_filter", param="filter")
