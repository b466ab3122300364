"""Spoken values: settings written as people say them, read by a strict grammar that can correct them."""

from __future__ import annotations

import re
from decimal import Context, Decimal
from typing import Any, ClassVar

LONGEST = 40
"""Characters of the longest text that is read as an amount."""

NUMBER = r"([0-9]+(?:_[0-9]+)*(?:\.[0-9]+)?)"
"""Digits with single underscores between them and an optional decimal part; no sign, comma or exponent."""

FACTORS = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
"""The suffixes of counts and money, case-sensitive: `m` could be milli and `K` kelvin."""

_EXACT = Context(prec=100)


class AmountError(ValueError):
    """A text that is not the amount it should be; str() shows it, the accepted forms and the best guess.

    `sentence` says what is wrong without showing the text, `advice` what to write instead."""

    def __init__(self, value: object, noun: str, forms: tuple[str, ...], *, why: str = "", guess: str = "") -> None:
        self.value, self.why = value, why
        self.sentence = f"is not {noun}" + (f": {why}." if why else ".")
        self.advice = f'Did you mean "{guess}"? ' if guess else ""
        self.advice += f"Accepted: {', '.join(forms)}."
        super().__init__(f"{shown(value)} {self.sentence} {self.advice}")


class Spoken:
    """What spoken types share: built from the text (or number) in the file, rendered back to it."""

    noun: ClassVar[str]
    """The type in words with its article, for messages and docs."""
    forms: ClassVar[tuple[str, ...]]
    """Examples of every accepted form, ready for a message."""

    def __new__(cls, value: Any) -> Spoken:
        """Read `value`; raises AmountError."""
        raise NotImplementedError

    def spoken(self) -> str:
        """The canonical text: reading it gives an equal value."""
        raise NotImplementedError

    @classmethod
    def wrong(cls, value: object, why: str = "", guess: str = "") -> AmountError:
        """The error to raise about `value`."""
        return AmountError(value, cls.noun, cls.forms, why=why, guess=guess)


def shown(value: object) -> str:
    """A value as TOML writes it, shortened; for messages."""
    if isinstance(value, str):
        return '"' + (value if len(value) <= LONGEST else value[:LONGEST] + "…") + '"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    return "a table" if isinstance(value, dict) else "a list" if isinstance(value, list) else "this value"


def scaled(number: str, factor: Decimal | int) -> Decimal:
    """The exact product of a NUMBER and a factor."""
    return _EXACT.multiply(Decimal(number.replace("_", "")), Decimal(factor))


def plain(number: Decimal) -> str:
    """A decimal without exponent and trailing zeros."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def counted(count: int) -> str:
    """A count with the largest suffix that keeps it to one decimal place: 200k, 1.5M, 1234."""
    for suffix in "GMk":
        factor = FACTORS[suffix]
        if count >= factor and count * 10 % factor == 0:
            return plain(Decimal(count) / factor) + suffix
    return str(count)


def loose(text: str) -> str:
    """A text made easier to guess at: thousands commas out, spaces single, ends trimmed."""
    return " ".join(re.sub(r"(?<=[0-9]),(?=[0-9]{3})", "", text).split())
