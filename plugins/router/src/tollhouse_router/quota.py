"""An upstream's limits on the gateway, as its response headers tell them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

_PARTS = re.compile(r"(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m(?!s))?(?:([0-9]+(?:\.[0-9]+)?)s)?(?:([0-9]+)ms)?")
_UNITS = (86400.0, 3600.0, 60.0, 1.0, 0.001)

ASSUMED = 60.0
"""Seconds a limit counts that does not say when it resets."""

LONGEST = 86400.0
"""The longest time, in seconds, that a header is believed."""

_NAMES = {
    "requests": ("x-ratelimit-{}-requests", "anthropic-ratelimit-requests-{}"),
    "tokens": ("x-ratelimit-{}-tokens", "anthropic-ratelimit-tokens-{}"),
    "input-tokens": ("anthropic-ratelimit-input-tokens-{}",),
    "output-tokens": ("anthropic-ratelimit-output-tokens-{}",),
}


@dataclass(frozen=True, slots=True)
class Quota:
    """So much of a limit is left until `until`, in monotonic seconds; from then on nothing is known."""

    remaining: float
    limit: float
    until: float

    def left(self, needed: float, now: float) -> float:
        """The share that is left, from 0 to 1; 0 when it is not enough."""
        if now >= self.until or self.limit <= 0:
            return 1.0
        return min(1.0, self.remaining / self.limit) if self.remaining >= needed else 0.0

    @classmethod
    def read(cls, headers: Mapping[str, str], now: float, unix: float) -> dict[str, Quota]:
        """What headers with lower-case names say, by what is counted. OpenAI tells resets as durations (`6m0s`),
        Anthropic as RFC 3339 times; a limit without `limit` or `remaining`, or with what is no number, is left out."""
        found: dict[str, Quota] = {}
        if not headers:
            return found
        for what, names in _NAMES.items():
            for name in names:
                remaining, limit = (
                    number(headers.get(name.format("remaining"))),
                    number(headers.get(name.format("limit"))),
                )
                if remaining is None or limit is None or limit <= 0:
                    continue
                found[what] = cls(remaining, limit, now + resets_in(headers.get(name.format("reset"), ""), unix))
                break
        return found


def number(text: str | None) -> float | None:
    """A header's number, 0 or more; None for anything else."""
    if text is None or not re.fullmatch(r"[0-9]{1,15}(?:\.[0-9]{1,9})?", text.strip()):
        return None
    return float(text)


def resets_in(text: str, unix: float) -> float:
    """Seconds until a reset that is told as a duration, a number of seconds or an RFC 3339 time; `ASSUMED` for
    anything else."""
    text = text.strip()
    seconds: float | None = number(text)
    if seconds is None and text and (parts := _PARTS.fullmatch(text)) is not None:
        seconds = sum(float(part) * unit for part, unit in zip(parts.groups(), _UNITS, strict=True) if part)
    if seconds is None:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return ASSUMED
        if moment.tzinfo is None:
            return ASSUMED
        seconds = moment.timestamp() - unix
    return min(LONGEST, max(0.0, seconds)) if math.isfinite(seconds) else ASSUMED
