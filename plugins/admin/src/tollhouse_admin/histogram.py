"""Percentiles that workers can add up: counts in buckets that grow by a tenth."""

from __future__ import annotations

import math
from collections.abc import Mapping

GROWTH = math.log(1.1)
SMALLEST = -97
"""The bucket of a tenth of a millisecond and everything below."""
LARGEST = 72
"""The bucket of sixteen minutes and everything above."""

Counts = dict[int, int]


def bucket(seconds: float) -> int:
    """Where a duration counts."""
    if seconds <= 0.0001:
        return SMALLEST
    return min(LARGEST, max(SMALLEST, math.floor(math.log(seconds) / GROWTH)))


def add(counts: Counts, more: Mapping[int, int]) -> None:
    """Add another histogram to `counts`."""
    for at, count in more.items():
        counts[at] = counts.get(at, 0) + count


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """The duration below which `share` (0 to 1) of all lie, within 5 %; None without any."""
    total = sum(counts.values())
    if not total:
        return None
    wanted = share * total
    seen = 0
    at = SMALLEST
    for at in sorted(counts):
        seen += counts[at]
        if seen >= wanted:
            break
    return math.exp((at + 0.5) * GROWTH)
