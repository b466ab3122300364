"""Durations, sizes and money, written as spoken.

Units are case-sensitive and follow their standards: `m` is a minute and `M` a million, `MB` is 10^6 bytes and
`MiB` 2^20. Numbers may have underscores (`1_000`). A duration's parts go from large to small and only the
last may have decimals. Each type is also the number it means, so it needs no conversion where it is used.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import ClassVar, Self

from .spoken import FACTORS, LONGEST, NUMBER, Spoken, loose, plain, scaled

UNITS = {"d": Decimal(86400), "h": Decimal(3600), "m": Decimal(60), "s": Decimal(1), "ms": Decimal("0.001")}
_DURATION = re.compile("".join(rf"(?:{NUMBER}{unit})?" for unit in UNITS))
_LONG = {"days": "d", "hours": "h", "hrs": "h", "minutes": "m", "mins": "m", "seconds": "s", "secs": "s"}
_LONG |= {word[:-1]: unit for word, unit in _LONG.items()} | {"milliseconds": "ms"}
LONGEST_DURATION = 36_500 * 86400
"""Seconds in a hundred years: what is longer is a slip."""

BYTES = (
    {"B": 1}
    | {f"{p}B": 1000**n for n, p in enumerate("kMGT", 1)}
    | {f"{p}iB": 1024**n for n, p in enumerate("KMGT", 1)}
)
_SIZE = re.compile(rf"{NUMBER} ?({'|'.join(BYTES)})")

NANO = 1_000_000_000
"""Nano-USD in one USD."""
CEILING = 2**53
"""Amounts stay below this: exact in SQLite, in Redis' numbers and in JSON."""
MONEY = rf"(?:{NUMBER}([kM])? ?USD|\${NUMBER}([kM])?)"
_MONEY = re.compile(MONEY)


class Duration(float, Spoken):
    """A span of time above zero, as float seconds: "250ms", "10s", "1m30s", "2h", "7d" or a number."""

    noun = "a duration"
    forms: ClassVar[tuple[str, ...]] = ('"250ms"', '"10s"', '"1m30s"', '"2h"', '"7d"', "a number of seconds")

    def __new__(cls, value: str | float) -> Self:
        if isinstance(value, str):
            return cls._bounded(value, cls._read(value))
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise cls.wrong(value)
        return cls._bounded(value, float(value) if abs(value) < CEILING else float("inf"))

    @classmethod
    def _read(cls, text: str) -> float:
        found = _DURATION.fullmatch(text) if 0 < len(text) <= LONGEST else None
        parts = [(n, unit) for n, unit in zip(found.groups(), UNITS.values(), strict=True) if n] if found else []
        if not parts or any("." in number for number, _ in parts[:-1]):
            raise cls.wrong(text, guess=cls._guess(text))
        return float(sum(scaled(number, unit) for number, unit in parts))

    @classmethod
    def _bounded(cls, value: object, seconds: float) -> Self:
        if not 0 < seconds <= LONGEST_DURATION:
            raise cls.wrong(value, why="it must be more than 0 and at most 36500d")
        return float.__new__(cls, seconds)

    @classmethod
    def _guess(cls, text: str) -> str:
        short = re.sub(r"[a-z]+", lambda m: _LONG.get(m[0], m[0]), loose(text).lower()).replace(" ", "")
        short = short.replace("and", "") + ("s" if short[-1:].isdigit() else "")
        return short if short != text and _DURATION.fullmatch(short) else ""

    def spoken(self) -> str:
        """The text in the largest units that fit; "off" for the zero of a DurationOrOff."""
        rest, words = Decimal(repr(float(self))), ""
        if rest == 0:
            return "off"
        for unit, seconds in UNITS.items():
            if rest == 0 or (unit == "ms" and words):
                break
            if unit == "ms" or (unit == "s" and (words or rest >= 1)):
                return f"{words}{plain(rest / seconds)}{unit}"
            count, rest = divmod(rest, seconds)
            words += f"{count}{unit}" if count else ""
        return words


class DurationOrOff(Duration):
    """A duration that may also be "off" or 0, which is 0.0."""

    noun = 'a duration or "off"'
    forms = (*Duration.forms, '"off"')

    def __new__(cls, value: str | float) -> Self:
        off = value in ("off", "0") if isinstance(value, str) else value == 0 and not isinstance(value, bool)
        return float.__new__(cls, 0.0) if off else super().__new__(cls, value)


class Size(int, Spoken):
    """A number of bytes above zero. Written "64 KiB", "32 MiB", "1 MB" or as a number of bytes."""

    noun = "a size"
    forms = ('"512 B"', '"64 KiB"', '"32 MiB"', '"1 MB"', "a number of bytes")

    def __new__(cls, value: str | int) -> Self:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise cls.wrong(value)
        count = cls._read(value) if isinstance(value, str) else Decimal(value)
        if not 0 < count < CEILING or count % 1:
            raise cls.wrong(value, why="it must be a whole number of bytes, more than 0 and below 2^53")
        return int.__new__(cls, int(count))

    @classmethod
    def _read(cls, text: str) -> Decimal:
        found = _SIZE.fullmatch(text) if len(text) <= LONGEST else None
        if not found:
            raise cls.wrong(text, guess=cls._guess(text))
        return scaled(found[1], BYTES[found[2]])

    @classmethod
    def _guess(cls, text: str) -> str:
        found = re.fullmatch(rf"{NUMBER} ?([a-z]*)", loose(text), re.IGNORECASE)
        word = found[2].lower().removesuffix("ytes").removesuffix("yte") if found else ""
        units = {unit.lower(): unit for unit in BYTES} | {u[:-1].lower(): u for u in BYTES if len(u) > 1} | {"": "B"}
        return f"{found[1]} {units[word]}" if found and word in units else ""

    def spoken(self) -> str:
        """The text in the largest unit that divides it."""
        unit = max((u for u, size in BYTES.items() if self % size == 0), key=lambda u: BYTES[u])
        return f"{self // BYTES[unit]} {unit}"


class Money(int, Spoken):
    """Money as integer nano-USD, from 0 to below 2^53 (9,007,199 USD): "500 USD", "$0.25"."""

    noun = "an amount of money"
    forms = ('"500 USD"', '"0.25 USD"', '"$0.25"', '"5k USD"')

    def __new__(cls, value: str | int) -> Self:
        """A text in USD. An int is nano-USD already: for code only, a file names the currency."""
        nano = cls._read(value) if isinstance(value, str) else Decimal(value)
        if not 0 <= nano < CEILING:
            raise cls.wrong(value, why="amounts stay below 9,007,199 USD (2^53 nano-USD), which counters hold exactly")
        if nano % 1:
            raise cls.wrong(value, why="the smallest amount is 0.000000001 USD")
        return int.__new__(cls, int(nano))

    @classmethod
    def _read(cls, text: str) -> Decimal:
        found = _MONEY.fullmatch(text) if len(text) <= LONGEST else None
        if not found:
            raise cls.wrong(text, guess=guess_money(text))
        return scaled(found[1] or found[3], NANO * FACTORS[found[2] or found[4] or ""])

    def spoken(self) -> str:
        """The text in USD."""
        return f"{plain(Decimal(self) / NANO)} USD"


def guess_money(text: str) -> str:
    """What an unreadable amount of money may have meant; empty when it cannot be guessed."""
    found = re.fullmatch(rf"\$? ?{NUMBER}([km])? ?(?:usd|dollars?|bucks|\$)?", loose(text), re.IGNORECASE)
    return f"{found[1]}{ {'K': 'k', 'm': 'M'}.get(found[2], found[2]) if found[2] else '' } USD" if found else ""
