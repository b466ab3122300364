"""Prices and discounts as they are written in gateway.toml: exact decimals, and slips of unit refused."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, ClassVar, Self

from tollhouse.config.spoken import LONGEST, NUMBER, Spoken, plain

_NUMBER = re.compile(NUMBER)
_PERCENT = re.compile(rf"{NUMBER} ?%")


def _number(cls: type[Spoken], value: Any) -> Decimal:
    """The decimal that was written; a float is what its shortest text says, so 0.1 is 0.1."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise cls.wrong(value)
    if isinstance(value, str) and not (len(value) <= LONGEST and _NUMBER.fullmatch(value)):
        raise cls.wrong(value)
    number = Decimal(value.replace("_", "") if isinstance(value, str) else str(value))
    if not number.is_finite() or number < 0:
        raise cls.wrong(value, why="it must be a number from 0")
    return number


class PerMillion(Decimal, Spoken):
    """USD per million tokens: `2.5`, or `"2.50"`."""

    noun: ClassVar[str] = "a price in USD per million tokens"
    forms: ClassVar[tuple[str, ...]] = ("2.5", "15", '"0.075"')

    def __new__(cls, value: Any) -> Self:
        """Read a number; raises AmountError, also for what can only be a price of another unit."""
        number = _number(cls, value)
        if 0 < number < Decimal("0.0001"):
            raise cls.wrong(
                value,
                why="prices are per million tokens, and nobody sells a million that cheap",
                guess=plain(number * 1_000_000),
            )
        if number > 1_000_000:
            raise cls.wrong(value, why="no model costs a dollar a token")
        return Decimal.__new__(cls, number)

    def spoken(self) -> str:
        """The number."""
        return plain(Decimal(self))


class PerRequest(Decimal, Spoken):
    """USD per request: `0.005`."""

    noun: ClassVar[str] = "a price in USD per request"
    forms: ClassVar[tuple[str, ...]] = ("0.005", '"0.005"')

    def __new__(cls, value: Any) -> Self:
        """Read a number; raises AmountError."""
        number = _number(cls, value)
        if number > 1000:
            raise cls.wrong(value, why="it must be at most 1000")
        return Decimal.__new__(cls, number)

    def spoken(self) -> str:
        """The number."""
        return plain(Decimal(self))


class Percent(Decimal, Spoken):
    """A share written as "12.5%"; the number is 12.5."""

    noun: ClassVar[str] = "a discount"
    forms: ClassVar[tuple[str, ...]] = ('"10%"', '"12.5%"')

    def __new__(cls, value: Any) -> Self:
        """Read a text; raises AmountError."""
        found = _PERCENT.fullmatch(value) if isinstance(value, str) and len(value) <= LONGEST else None
        if not found:
            bare = not isinstance(value, bool) and re.fullmatch(NUMBER, str(value))
            raise cls.wrong(value, guess=f"{value}%" if bare else "")
        number = Decimal(found[1].replace("_", ""))
        if number > 100:
            raise cls.wrong(value, why="it must be at most 100%")
        return Decimal.__new__(cls, number)

    def spoken(self) -> str:
        """The text."""
        return f"{plain(Decimal(self))}%"
