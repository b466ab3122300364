"""What rules compare with, as it is written: names with `*`, counts such as ">100k", shares such as "<10%"."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar, Self

from tollhouse.config import Spoken

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_FACTORS = {"": 1, "k": 1_000, "M": 1_000_000}
_NUMBER = r"([0-9]{1,15}(?:\.[0-9]{1,6})?)"


class Pattern(str, Spoken):
    """A name in which `*` stands for anything."""

    noun = "a name"
    forms: ClassVar[tuple[str, ...]] = ('"name"', '"name*"')

    def __new__(cls, value: Any) -> Self:
        if not isinstance(value, str) or not value:
            raise cls.wrong(value)
        return str.__new__(cls, value)

    def spoken(self) -> str:
        """The text."""
        return str(self)


class Bound(str, Spoken):
    """A comparison with a count."""

    noun = "a comparison with a number"
    forms: ClassVar[tuple[str, ...]] = ('">100k"', '"<=8000"', '">=1.5M"', '"<200"')
    grammar: ClassVar[re.Pattern[str]] = re.compile(rf"(>=|<=|>|<) ?{_NUMBER}([kM]?)")

    holds: Callable[[float], bool]
    """Whether a number is on the right side."""

    def __new__(cls, value: Any) -> Self:
        found = cls.grammar.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise cls.wrong(value)
        made = str.__new__(cls, value)
        compare, limit = _COMPARE[found[1]], cls._limit(found)
        made.holds = lambda number: compare(number, limit)
        return made

    @classmethod
    def _limit(cls, found: re.Match[str]) -> float:
        return float(Decimal(found[2]) * _FACTORS[found[3]])

    def spoken(self) -> str:
        """The text."""
        return str(self)


class ShareBound(Bound):
    """A comparison with a share of a whole."""

    noun = "a comparison with a share"
    forms: ClassVar[tuple[str, ...]] = ('"<10%"', '">=50%"')
    grammar: ClassVar[re.Pattern[str]] = re.compile(rf"(>=|<=|>|<) ?{_NUMBER}%")

    @classmethod
    def _limit(cls, found: re.Match[str]) -> float:
        return float(Decimal(found[2]) / 100)
