"""What an exchange holds in the store: one atomic claim for all plugins, raised before a further target."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import Rejected
from ..events import DemandRefused, MarkCrossed
from ..hooks import Wait
from ..store import Demand, Refusal

if TYPE_CHECKING:
    from ..exchange import Exchange
    from ..target import Target

HOLD_TTL = 60.0
"""Seconds after which the hold of a process that died is lost; live ones are renewed."""


class Holding:
    """The hold of one exchange."""

    __slots__ = ("_told", "exchange")

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self._told: set[str] = set()

    async def claim(self, target: Target | None) -> bool:
        """Hold what every plugin demands for `target`, in one claim. False after a wait: route again, then claim
        again. Raises Rejected when a plugin or the core refuses."""
        demands = self._demands(target)
        if isinstance(demands, Wait):
            await self.wait(demands)
            return False
        if not demands:
            return True
        refusal = await self._ask(demands)
        if refusal is None:
            for told in self.exchange.when_held.values():
                told()
            return True
        await self.wait(await self._owner_says(refusal))
        return False

    async def raise_to(self, target: Target) -> None:
        """Raise the hold for a further target, the whole demand anew. Raises Rejected when it does not fit; what
        was held before stays held until the exchange settles."""
        if not self.exchange.hold and not self.exchange.edition.chain["demand"].calls:
            return
        while not await self.claim(target):
            pass

    def _demands(self, target: Target | None) -> list[Demand] | Wait:
        gathered = self.exchange.edition.chain["demand"].gather(self.exchange, target)
        all_demands: list[Demand] = []
        for _, demands in gathered:
            if isinstance(demands, Wait):
                return demands
            all_demands += demands or ()
        return all_demands

    async def wait(self, wait: Wait) -> None:
        """Sleep until the wait's time is over or its turn came. Raises Rejected when the deadline comes first."""
        left = self.exchange.deadline - self.exchange.now()
        if wait.turn is None:
            if wait.seconds < left:
                await asyncio.sleep(max(0.001, wait.seconds))
                return
        else:
            try:
                async with asyncio.timeout(max(0.001, min(wait.seconds, left))):
                    await wait.turn.wait()
            except TimeoutError:
                if wait.seconds < left:
                    return
            else:
                return
        raise Rejected(
            "The request would wait its turn for longer than its deadline allows; try again later.",
            status=429,
            type="requests",
            code="queue_timeout",
            retry_after=wait.seconds,
        )

    async def _ask(self, demands: Sequence[Demand]) -> Refusal | None:
        exchange = self.exchange
        gateway = exchange.gateway
        exchange.hold = exchange.id
        gateway.holds.add(exchange.id)
        result = await gateway.store.claim(exchange.id, demands, HOLD_TTL)
        if isinstance(result, Refusal):
            if result.key not in self._told:  # who waits asks often
                gateway.emit(DemandRefused(at=gateway.clock.time(), key=result.key, id=exchange.id))
            return result
        exchange.grant = result
        exchange.held = {}
        for demand in demands:
            exchange.held[demand.measure] = max(demand.amount, exchange.held.get(demand.measure, 0))
        for key in result.shadowed:
            gateway.emit(DemandRefused(at=gateway.clock.time(), key=key, id=exchange.id, shadow=True))
        for key, mark in result.crossed:
            gateway.emit(MarkCrossed(at=gateway.clock.time(), key=key, mark=mark, id=exchange.id))
        return None

    async def _owner_says(self, refusal: Refusal) -> Wait:
        """The owner's wait; raises Rejected in its words or the core's."""
        if refusal.lost:
            raise Rejected(
                "The gateway cannot check its limits right now; try again shortly.",
                status=503,
                type="server_error",
                code="store_unavailable",
                retry_after=refusal.retry_in or 1.0,
            )
        owner = refusal.key.partition(":")[0]
        wait = await self.exchange.edition.chain["refused"].ask(owner, self.exchange, refusal)
        if isinstance(wait, Wait):
            if refusal.key not in self._told:
                self._told.add(refusal.key)
                self.exchange.note(owner, f"waits: {refusal.key}")
            return wait
        raise Rejected(
            f"The limit {refusal.key} is used up: {refusal.level.used} of {refusal.level.limit}."
            + ("" if refusal.retry_in is not None else " This request alone is more than it ever allows."),
            status=429,
            type="requests",
            code="rate_limit_exceeded",
            retry_after=refusal.retry_in,
            should_retry=False if refusal.retry_in is None else None,
        )
