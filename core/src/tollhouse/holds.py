"""Holds of exchanges: kept alive while their process lives, booked as lost when it died."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from .errors import StoreError
from .journey.holding import HOLD_TTL
from .store import Row

if TYPE_CHECKING:
    from .gateway import Gateway

log = logging.getLogger("tollhouse.holds")

SWEEP = 10.0
"""Seconds between two looks for lost holds."""


async def keep_alive(gateway: Gateway) -> None:
    """Renew the holds of this process three times a life."""
    while True:
        await asyncio.sleep(HOLD_TTL / 3)
        if gateway.holds:
            try:
                await gateway.store.renew(tuple(gateway.holds), HOLD_TTL)
            except StoreError as error:
                log.warning("holds could not be renewed: %s", error)


async def sweep(gateway: Gateway) -> None:
    """Free what dead processes held: slots and rates at once, money booked as held, with a row `lost`."""
    while True:
        try:
            for lost in await gateway.store.expired(100):
                money = [d.amount for d in lost.demands if d.measure == "nano_usd"]
                await gateway.store.settle(
                    f"lost:{lost.hold}",
                    {},
                    row=Row(id=lost.hold, at=gateway.clock.time(), outcome="lost", cost=max(money, default=0)),
                )
        except StoreError as error:
            log.warning("lost holds could not be looked for: %s", error)
        await asyncio.sleep(SWEEP)
