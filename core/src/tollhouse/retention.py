"""Retention: the ledger's old months are deleted by one process, a portion at a time."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from .errors import StoreError

if TYPE_CHECKING:
    from .gateway import Gateway

log = logging.getLogger("tollhouse.retention")

FIRST = 60.0
"""Seconds from the start to the first look."""
EVERY = 3600.0
"""Seconds between two looks."""
PAUSE = 0.02
"""Seconds between two portions, for everybody else."""


async def retain(gateway: Gateway, keep: float) -> None:
    """Forget the months that ended more than `keep` seconds ago, for ever."""
    pause = FIRST
    while True:
        await asyncio.sleep(pause)
        pause = EVERY
        deleted = 0
        try:
            while portion := await gateway.store.forget(gateway.clock.time() - keep):
                deleted += portion
                await asyncio.sleep(PAUSE)
        except StoreError as error:
            log.warning("the ledger's old months could not be deleted: %s", error)
        if deleted:
            log.info("%d rows of the ledger are older than store.keep and were deleted", deleted)
