"""The counts of all workers, as the endpoint and the command tell them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict

from .counts import Counts, summed


def stats(workers: Mapping[str, Counts]) -> dict[str, Any]:
    """All together, and each."""
    return {
        "total": _told(summed(workers.values())),
        "workers": [{"worker": name, **_told(one)} for name, one in sorted(workers.items())],
    }


def _told(counts: Counts) -> dict[str, Any]:
    return {**asdict(counts), "hit_ratio": counts.hit_ratio, "compression": counts.compression}
