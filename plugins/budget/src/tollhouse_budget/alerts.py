"""Alerts: thresholds and exhaustion, each told once a period and budget by all processes together."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tollhouse import StoreError
from tollhouse.events import Event, MarkCrossed

from .calendar import TOTAL_ENDS
from .events import BudgetExhausted, BudgetThreshold
from .purse import Purse

if TYPE_CHECKING:
    from tollhouse.gateway import Gateway

log = logging.getLogger("tollhouse.budget")

WATCHED = 8192
"""Purses a process remembers to give the marks it hears of their names."""

LONGEST_TOLD = 400 * 86400.0
"""Seconds that the store remembers at most that an exhaustion was told."""


class Alerts:
    """Hears the core's marks of one process and turns them into events. Lives as long as the gateway, so that two
    configurations at a reload never tell the same twice."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._watched: OrderedDict[str, Purse] = OrderedDict()
        self._told: OrderedDict[str, None] = OrderedDict()
        gateway.feed.listen(self._hear)

    def watch(self, purses: Iterable[Purse]) -> None:
        """These are about to be claimed."""
        for purse in purses:
            self._watched[purse.key] = purse
            self._watched.move_to_end(purse.key)
        while len(self._watched) > WATCHED:
            self._watched.popitem(last=False)

    async def exhausted(self, purse: Purse, used: int) -> None:
        """Say that nothing usual fits into it any more, unless anybody has said so in this period."""
        if purse.key in self._told or 100 not in purse.thresholds:
            return
        now = self._gateway.clock.time()
        ttl = min(max(1.0, purse.until - now), LONGEST_TOLD)
        try:
            first = await self._gateway.store.put(f"budget:told:{purse.key}", b"", ttl=ttl, expect=0)
        except StoreError as error:
            log.warning("%s is used up, which could not be told: %s", purse.name, error)
            return
        self._told[purse.key] = None
        if len(self._told) > WATCHED:
            self._told.popitem(last=False)
        if first is not None:
            self._emit(BudgetExhausted, purse, used * 100 // purse.limit if purse.limit else 100, used)

    def _hear(self, event: Event) -> None:
        if isinstance(event, MarkCrossed) and (purse := self._watched.get(event.key)) is not None:
            self._gateway.finishing(self._crossed(purse, event.mark))

    async def _crossed(self, purse: Purse, mark: int) -> None:
        try:
            [level] = await self._gateway.store.levels([purse.demand(0, if_lost="allow")])
            used = max(mark, level.used)
        except StoreError:
            used = mark
        percent = purse.marks.get(mark, 0)
        if percent == 100:
            await self.exhausted(purse, used)
        elif percent:
            self._emit(BudgetThreshold, purse, percent, used)

    def _emit(self, kind: type[BudgetThreshold] | type[BudgetExhausted], purse: Purse, percent: int, used: int) -> None:
        self._gateway.emit(
            kind(
                at=self._gateway.clock.time(),
                budget=purse.name,
                scope=purse.scope,
                percent=percent,
                spent=used,
                limit=purse.limit,
                period=purse.period,
                resets_at=None if purse.until == TOTAL_ENDS else purse.until,
                shadow=purse.shadow,
            )
        )
