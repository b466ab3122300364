"""Budgets and rates, written as spoken: an amount per period.

A budget is money per calendar period, a rate is a count per fixed period or a number at once. Singular and
plural mean the same, words are lower case, counts may end in k, M or G.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Self

from .amounts import CEILING, MONEY, Money, guess_money
from .spoken import FACTORS, LONGEST, NUMBER, AmountError, Spoken, counted, loose, scaled
from .suggest import closest

CALENDAR = ("hour", "day", "week", "month", "year", "total")
"""A budget's periods; `total` never starts again."""

PERIODS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0, "week": 604800.0}
"""A rate's periods in seconds."""

MEASURES = {
    "requests": "request",
    "tokens": "token",
    "input": "input token",
    "output": "output token",
    "slot": "",
}
"""What a rate counts, as the store names it, with the singular that a rate is written with."""

_BUDGET = re.compile(rf"({MONEY})(?:/({'|'.join(CALENDAR[:-1])})| (total))")
_RATE = re.compile(rf"{NUMBER}([kMG])? (?:(input |output )?(request|token)s?/({'|'.join(PERIODS)})|concurrent)")
_SHORT = {"req": "request", "call": "request", "tok": "token", "r": "request", "t": "token"}
_SHORT |= {
    "s": "second",
    "sec": "second",
    "m": "minute",
    "min": "minute",
    "h": "hour",
    "hr": "hour",
    "d": "day",
    "w": "week",
}
_SHORT |= {
    "mo": "month",
    "y": "year",
    "yr": "year",
    "daily": "day",
    "monthly": "month",
    "weekly": "week",
    "hourly": "hour",
}
_SHORT |= {
    "prompt": "input",
    "completion": "output",
    "in": "input",
    "out": "output",
    "overall": "total",
    "ever": "total",
}
_AT_ONCE = ("concurrent", "parallel", "simultaneous", "slot")


class Budget(str, Spoken):
    """Money per calendar period: "500 USD/month", "500 USD total"; the string is the canonical form."""

    noun = "a budget"
    forms = (
        '"500 USD/month"',
        '"20 USD/day"',
        '"$0.50/hour"',
        '"5k USD total"',
        "periods " + ", ".join(CALENDAR),
    )

    amount: Money
    """Integer nano-USD."""
    period: str
    """One of CALENDAR."""

    def __new__(cls, value: str) -> Self:
        found = _BUDGET.fullmatch(value) if isinstance(value, str) and len(value) <= LONGEST else None
        if not found:
            raise cls.wrong(value, guess=_guess_budget(value) if isinstance(value, str) else "")
        try:
            return cls.of(Money(found[1]), found[6] or found[7])
        except AmountError as error:
            raise cls.wrong(value, why=error.why) from None

    @classmethod
    def of(cls, amount: Money, period: str) -> Self:
        """The budget of `amount` per `period`, one of CALENDAR."""
        made = str.__new__(cls, f"{amount.spoken()}{' ' if period == 'total' else '/'}{period}")
        made.amount, made.period = amount, period
        return made

    def spoken(self) -> str:
        """The text in USD."""
        return str(self)


class Rate(str, Spoken):
    """A count per period or at once: "2M tokens/hour", "20 concurrent"; the string is the canonical form."""

    noun = "a rate"
    forms = (
        '"60 requests/minute"',
        '"200k tokens/minute"',
        '"2M input tokens/hour"',
        '"20 concurrent"',
        "periods " + ", ".join(PERIODS),
    )

    amount: int
    """How many a period, at least 1."""
    measure: str
    """requests | tokens | input | output | slot."""
    period: float
    """Seconds; 0 for `slot`."""

    def __new__(cls, value: str) -> Self:
        found = _RATE.fullmatch(value) if isinstance(value, str) and len(value) <= LONGEST else None
        if not found:
            raise cls.wrong(value, guess=_guess_rate(value) if isinstance(value, str) else "")
        number, suffix, side, noun, period = found.groups()
        amount = scaled(number, FACTORS[suffix or ""])
        if not 0 < amount < CEILING or amount % 1:
            raise cls.wrong(value, why="it must be a whole number, at least 1 and below 2^53")
        if side and noun == "request":
            raise cls.wrong(value, why="only tokens have an input and an output")
        measure = side.strip() if side else f"{noun}s" if noun else "slot"
        return cls.of(int(amount), measure, PERIODS[period] if period else 0.0)

    @classmethod
    def of(cls, amount: int, measure: str, period: float) -> Self:
        """The rate of `amount` of a key of MEASURES per `period`, a value of PERIODS (0 for `slot`)."""
        word = next((name for name, seconds in PERIODS.items() if seconds == period), "")
        plural = "" if amount == 1 else "s"
        made = str.__new__(cls, counted(amount) + (f" {MEASURES[measure]}{plural}/{word}" if word else " concurrent"))
        made.amount, made.measure, made.period = amount, measure, period
        return made

    def spoken(self) -> str:
        """The text."""
        return str(self)


def _guess_budget(text: str) -> str:
    money, _, period = loose(text).rpartition("/" if "/" in text else " ")
    word = _word(period, CALENDAR) if money else ""
    if not word:
        guess, word = guess_money(text), "total"
    else:
        guess = guess_money(re.sub(r" (a|an|per|in|each)$", "", money.strip()))
    return guess and guess + (" total" if word == "total" else f"/{word}")


def _guess_rate(text: str) -> str:
    found = re.fullmatch(rf"{NUMBER} ?([kmg](?![a-z]))?[ ,]*([a-z][a-z /]*)", loose(text).lower())
    if not found:
        return ""
    count = found[1] + {"m": "M", "g": "G"}.get(found[2] or "", found[2] or "")
    said = re.sub(r"\b([rt])p([smhd])\b", r"\1 \2", found[3]).replace("/", " ")
    words = [word for word in said.split() if word not in ("a", "an", "per", "each", "every")]
    if not words:
        return ""
    if any(closest(word.removesuffix("s"), _AT_ONCE) for word in words):
        return f"{count} concurrent"
    known = [_word(word, ("input", "output", "request", "token", *PERIODS)) for word in words]
    guess = f"{count} {' '.join(known[:-1])}s/{known[-1]}"
    return guess if _RATE.fullmatch(guess) else ""


def _word(word: str, known: Iterable[str]) -> str:
    one = word.strip().lower()
    one = one if one in _SHORT else one.removesuffix("s")
    return closest(_SHORT.get(one, one), known)
