"""Strings and numbers that fit their part of a JSON Schema."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from .prose import words

_LONGEST = 10_000
"""Characters a string may be asked to have at least."""

_LIFELIKE = {
    "city": "Berlin",
    "location": "Berlin",
    "country": "Germany",
    "language": "en",
    "currency": "EUR",
    "timezone": "Europe/Berlin",
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "url": "https://example.com/",
    "date": "2026-03-14",
    "query": "toll houses of the Alps",
}
"""What properties of these names usually hold."""


class Unsatisfiable(ValueError):
    """A schema without a (reasonable) instance, or not a schema."""


def string(schema: dict[str, Any], name: str, random: Random) -> str:
    """A text of the wanted format and length; `name` is the property it is for."""
    least, most = int(schema.get("minLength", 0)), int(schema.get("maxLength", _LONGEST))
    if least > min(most, _LONGEST):
        raise Unsatisfiable(f"no text has at least {least} and at most {min(most, _LONGEST)} characters.")
    formatted = _formatted(schema.get("format"), random)
    if formatted is not None:
        return formatted
    text = _LIFELIKE.get(name.lower()) or " ".join(words(random, 3))
    while len(text) < least:
        text += " " + " ".join(words(random, 8))
    return text[:most] if len(text) > most else text


def _formatted(kind: str | None, random: Random) -> str | None:
    day = f"2026-{random.randint(1, 12):02}-{random.randint(1, 28):02}"
    time = f"{random.randint(0, 23):02}:{random.randint(0, 59):02}:00"
    match kind:
        case "date":
            return day
        case "time":
            return f"{time}Z"
        case "date-time":
            return f"{day}T{time}Z"
        case "duration":
            return f"PT{random.randint(1, 59)}M"
        case "email":
            return f"{words(random, 1)[0]}@example.com"
        case "hostname":
            return f"{words(random, 1)[0]}.example.com"
        case "ipv4":
            return f"192.0.2.{random.randint(1, 254)}"
        case "ipv6":
            return f"2001:db8::{random.randint(1, 9999)}"
        case "uri" | "url":
            return f"https://example.com/{words(random, 1)[0]}"
        case "uuid":
            return str(UUID(int=random.getrandbits(128), version=4))
    return None


def whole(schema: dict[str, Any], random: Random) -> int:
    """An integer within the bounds, and of the wanted multiple."""
    step = Decimal(str(schema.get("multipleOf", 1)))
    numerator, _ = step.as_integer_ratio()
    return int(_pick(schema, Decimal(numerator), random))


def number(schema: dict[str, Any], random: Random) -> float:
    """A number within the bounds; with two decimal places where the bounds leave room for them."""
    if "multipleOf" in schema:
        return float(_pick(schema, Decimal(str(schema["multipleOf"])), random))
    for places in range(2, 20):
        try:
            return float(_pick(schema, Decimal(1).scaleb(-places), random))
        except Unsatisfiable:
            continue
    raise Unsatisfiable("no number is within the bounds.")


def _pick(schema: dict[str, Any], step: Decimal, random: Random) -> Decimal:
    """A multiple of `step` within the bounds, near what bound there is; from 1 to 100 without any."""
    low, above = _bound(schema, "minimum", "exclusiveMinimum", max)
    high, below = _bound(schema, "maximum", "exclusiveMaximum", min)
    span = max(Decimal(100), step)
    if low is None:
        low = Decimal(1) if high is None else high - span
    if high is None:
        high = low + span
    first, last = math.ceil(low / step), math.floor(high / step)
    first += above and first * step == low
    last -= below and last * step == high
    if first > last:
        raise Unsatisfiable("no number is within the bounds.")
    return random.randint(first, last) * step


def _bound(
    schema: dict[str, Any], inclusive: str, exclusive: str, tighter: Callable[[list[Decimal]], Decimal]
) -> tuple[Decimal | None, bool]:
    """The tighter of two bounds, None without any, and whether the bound itself is out."""
    given = {word: Decimal(str(schema[word])) for word in (inclusive, exclusive) if word in schema}
    if not given:
        return None, False
    bound = tighter(list(given.values()))
    return bound, given.get(exclusive) == bound
