"""What follows from a delivery: done, again at a time, or given up. Pure, so that days pass in no time in a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SCHEDULE = (0.0, 5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0)
"""Seconds before each try, from the one before it, as Standard Webhooks recommends; a bit over three days in all."""

JITTER = 0.2
"""A wait is longer by up to this share of it, so that what failed together does not come again together."""

LONGEST_WAIT = 86400.0
"""Seconds of the longest `retry-after` that is believed."""

THROTTLED = (429, 502, 503, 504)
"""Statuses by which a receiver asks for less."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one delivery came to. `status` is 0 when nobody answered; for mail the code of SMTP."""

    ok: bool
    status: int = 0
    why: str = ""
    """Empty when it was taken. Never holds a URL, a header or a word of the receiver's body."""
    retry_after: float | None = None
    seconds: float = 0.0
    gone: bool = False
    """Whether the receiver wants nothing any more."""

    @property
    def throttled(self) -> bool:
        """Whether the receiver asked for less."""
        return not self.ok and self.status in THROTTLED


@dataclass(frozen=True, slots=True)
class Next:
    """What becomes of the message. `at` is the unix time of the next try."""

    state: Literal["delivered", "again", "dead"]
    at: float = 0.0


def after(outcome: Outcome, tries: int, now: float, dice: float) -> Next:
    """What follows the try number `tries` (from 1) that ended at `now`; `dice` is from [0, 1)."""
    if outcome.ok:
        return Next("delivered")
    if outcome.gone or tries >= len(SCHEDULE):
        return Next("dead")
    wait = SCHEDULE[tries] * (1 + JITTER * dice)
    if outcome.throttled and outcome.retry_after is not None:
        wait = max(wait, min(outcome.retry_after, LONGEST_WAIT))
    return Next("again", now + wait)
