"""The life of a hold: live until it is settled or its time runs out; then remembered for a while."""

from __future__ import annotations

from typing import Final

from .interface import Demand

LIVE: Final = 0
LOST: Final = 1
"""Its time ran out: only its money is still held, and `expired` has not returned it yet."""
SETTLED: Final = 2

KEEP_SETTLED = 3_600_000_000
"""Microseconds that a settled hold is remembered; later its ledger row still tells a second settle apart."""
KEEP_LOST = 7 * 86_400_000_000
"""Microseconds that a lost hold waits for somebody to call `expired`."""


def still_held(state: int | None, demands: tuple[Demand, ...]) -> tuple[Demand, ...]:
    """What a hold in this state has on the counters."""
    if state == LIVE:
        return demands
    if state == LOST:
        return tuple(demand for demand in demands if demand.measure == "nano_usd")
    return ()
