"""Response headers that say how much of the limits is left, in the form the caller's SDK knows.

Sources: https://platform.openai.com/docs/guides/rate-limits (reset as a Go duration),
https://platform.claude.com/docs/en/api/rate-limits (reset as RFC 3339).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from tollhouse.store import Level

from .limits import Asked

_OPENAI = {"requests": "requests", "tokens": "tokens"}
_ANTHROPIC = {"requests": "requests", "tokens": "tokens", "input": "input-tokens", "output": "output-tokens"}


def headers(dialect: str, asked: Mapping[str, Asked], levels: Iterable[Level], now: float) -> dict[str, str]:
    """The headers of the tightest limit of each measure; `now` is unix seconds. Limits in shadow bind nobody and are
    left out, and so is concurrency, for which no SDK knows a header."""
    tightest: dict[str, Level] = {}
    for level in levels:
        one = asked.get(level.key)
        if one is None or one.limit.shadow:
            continue
        measure = one.demand.measure
        if measure not in tightest or _room(level) < _room(tightest[measure]):
            tightest[measure] = level
    if dialect == "anthropic":
        made = [
            (f"anthropic-ratelimit-{_ANTHROPIC[measure]}", level)
            for measure, level in tightest.items()
            if measure in _ANTHROPIC
        ]
        return {
            f"{name}-{what}": value
            for name, level in made
            for what, value in (
                ("limit", str(level.limit)),
                ("remaining", str(level.remaining)),
                ("reset", moment(now + level.resets_in)),
            )
        }
    return {
        f"x-ratelimit-{what}-{_OPENAI[measure]}": value
        for measure, level in tightest.items()
        if measure in _OPENAI
        for what, value in (
            ("limit", str(level.limit)),
            ("remaining", str(level.remaining)),
            ("reset", go_duration(level.resets_in)),
        )
    }


def go_duration(seconds: float) -> str:
    """Seconds as Go writes a duration, rounded up to milliseconds: `17ms`, `1.5s`, `6m0s`, `1h0m0s`."""
    whole = math.ceil(round(seconds * 1000, 3))
    if whole < 1000:
        return f"{whole}ms" if whole else "0s"
    rest, milliseconds = divmod(whole, 1000)
    minutes, rest = divmod(rest, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{milliseconds:03d}".rstrip("0") if milliseconds else ""
    ahead = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{ahead}{rest}{fraction}s"


def moment(at: float) -> str:
    """Unix seconds as RFC 3339 in UTC, rounded up to whole seconds."""
    return datetime.fromtimestamp(math.ceil(round(at, 3)), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _room(level: Level) -> tuple[int, int]:
    return level.remaining, level.limit
