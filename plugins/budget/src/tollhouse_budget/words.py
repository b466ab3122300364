"""What a caller reads when a budget refuses, or a price is missing."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from tollhouse import Rejected, Target

from .calendar import TOTAL_ENDS, Calendar
from .purse import Purse

NANO = 1_000_000_000

SOON = 60.0
"""Seconds before a period's end from which on a refusal says when to come back."""


def usd(amount: int, *, up: bool = False) -> str:
    """Nano-USD for people: cents from a dollar on, four places from a cent on, else exact. What is cut off is left
    out, or with `up` rounded up, so that nothing seems to fit that does not."""
    places = 2 if amount >= NANO else 4 if amount >= NANO // 100 else 9
    rounded = (Decimal(amount) / NANO).quantize(Decimal(1).scaleb(-places), ROUND_CEILING if up else ROUND_FLOOR)
    return f"{rounded:,f} USD" if places < 9 else f"{rounded.normalize():f} USD"


def used_up(purse: Purse, used: int, cost: int, calendar: Calendar, now: float, *, output: int = 0) -> Rejected:
    """The refusal of a call that may cost `cost` where `used` is spent or held by others; `output` is how many
    output tokens a choice it may ask for to fit, 0 when none do."""
    left = max(0, purse.limit - used)
    said = (
        f"The budget of {purse.name} ({purse.spoken}) has {usd(left)} left, and this call may cost "
        f"{usd(cost, up=True)}; {usd(used, up=True)} are spent, or held by calls under way."
    )
    if output:
        said += f" Ask for at most {output} output tokens (max_tokens), and it fits."
    over = purse.until != TOTAL_ENDS
    said += (
        f" It starts again on {calendar.local(purse.until):%Y-%m-%d at %H:%M %Z}."
        if over
        else " It never starts again."
    )
    wait = purse.until - now
    return Rejected(
        said,
        status=429,
        type="insufficient_quota",
        code="insufficient_quota",
        retry_after=wait if over and 0 < wait <= SOON else None,
        should_retry=False,
    )


def unpriced(target: Target, *, passthrough: bool) -> Rejected:
    """The refusal of a call that nobody could count."""
    what = "What passes through unread" if passthrough else f"{target.name}"
    return Rejected(
        f"{what} has no price, and calls without one are refused here, since they would not count on any budget. "
        + (
            "Call a path that the gateway reads."
            if passthrough
            else "Ask the operator to set its price in [prices.targets]."
        ),
        status=400,
        code="unpriced_model",
        param=None if passthrough else "model",
        should_retry=False,
    )
