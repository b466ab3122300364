"""Amounts, times and refusals in words for callers."""

from __future__ import annotations

import math

from tollhouse import Rejected
from tollhouse.store import Level

from .limits import Asked, Limit

_UNITS = {"requests": "request", "tokens": "token", "input": "input token", "output": "output token"}


def name(limit: Limit, values: tuple[str, ...]) -> str:
    """Which limit, and whose: `60 requests/minute of key ci`."""
    parts = [value if word == "caller" else f"{word} {value}" for word, value in zip(limit.by, values, strict=True)]
    whose = f" of {', '.join(parts)}" if parts else ""
    said = f"{limit.rate}{whose}"
    return f"{said} ({limit.name})" if limit.rule else said


def duration(seconds: float) -> str:
    """Seconds as people say them, rounded up: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`."""
    if seconds < 9.95:
        return f"{math.ceil(seconds * 10) / 10:g} s"
    whole = math.ceil(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    minutes = math.ceil(whole / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"


def used_up(asked: Asked, level: Level, retry_in: float) -> Rejected:
    """The limit has no room now."""
    demand = asked.demand
    slots = demand.kind == "slots"
    state = f"{level.used:,} of {level.limit:,} {'under way' if slots else 'used'}"
    needs = f", and this request holds up to {demand.amount:,}" if demand.amount > 1 else ""
    when = "Try again when a call has ended." if slots else f"Try again in {duration(retry_in)}."
    return _rejected(asked, f"{state}{needs}. {when}", retry_in)


def never(asked: Asked, level: Level) -> Rejected:
    """The request alone is more than the limit ever has."""
    limit, demand = asked.limit, asked.demand
    unit = _UNITS.get(demand.measure, demand.measure)
    advice = {
        "input": "Send a shorter prompt.",
        "output": "Ask for a lower maximum of output tokens.",
        "tokens": "Send a shorter prompt, or ask for a lower maximum of output tokens.",
    }.get(demand.measure, "Ask the operator for a higher one.")
    return Rejected(
        f"This request holds up to {demand.amount:,} {unit}s, more than the limit {name(limit, asked.values)} ever "
        f"allows at once ({level.limit:,}). {advice}",
        status=429,
        type=_type(asked),
        code="rate_limit_exceeded",
        should_retry=False,
    )


def too_long(asked: Asked, retry_in: float, position: int) -> Rejected:
    """Its turn would come too late for its patience."""
    line = f"{position - 1:,} requests wait before it, and its" if position > 1 else "its"
    return _rejected(asked, f"{line} turn would come in {duration(retry_in)}. Try again then.", retry_in)


def waited(asked: Asked, seconds: float, retry_in: float) -> Rejected:
    """It waited as long as it may."""
    return _rejected(asked, f"this request waited {duration(seconds)} for its turn. Try again later.", retry_in)


def full(asked: Asked, retry_in: float) -> Rejected:
    """There is no place in line."""
    return _rejected(asked, "as many requests as may wait for it do so already. Try again later.", retry_in)


def _rejected(asked: Asked, what: str, retry_in: float) -> Rejected:
    return Rejected(
        f"Rate limit {name(asked.limit, asked.values)} reached: {what}",
        status=429,
        type=_type(asked),
        code="rate_limit_exceeded",
        retry_after=retry_in,
    )


def _type(asked: Asked) -> str:
    """OpenAI's type of such an error is the measure."""
    return "requests" if asked.demand.measure in ("requests", "slot") else "tokens"
