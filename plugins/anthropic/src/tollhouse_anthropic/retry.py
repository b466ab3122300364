"""When to ask again, as an upstream's headers say it."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms`, or `retry-after` as seconds or a date; None when unsaid."""
    try:
        if (milliseconds := headers.get("retry-after-ms")) is not None:
            return max(0.0, float(milliseconds) / 1000)
    except ValueError:
        pass
    text = headers.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        return _until(text, headers.get("date", ""))
    return seconds if 0 <= seconds < float("inf") else None


def _until(date: str, now: str) -> float | None:
    then = _seconds(date)
    present = _seconds(now)
    return None if then is None else max(0.0, then - (time.time() if present is None else present))


def _seconds(date: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
