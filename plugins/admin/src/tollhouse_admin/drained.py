"""Targets that operators took out, kept in the store: every worker knows them, also one that starts later."""

from __future__ import annotations

import logging

import msgspec
from msgspec import Struct
from tollhouse import Rejected, StoreError
from tollhouse.gateway import Gateway

from .events import TargetDrained, TargetResumed

log = logging.getLogger("tollhouse.admin")

KEY = "admin:drained"
MOST = 1000
_TRIES = 20


class Drain(Struct, frozen=True, kw_only=True):
    """Who took a target out, and when."""

    by: str
    at: float


class Drained:
    """The drained targets as this worker knows them."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.targets: dict[str, Drain] = {}
        self._read = False

    async def refresh(self) -> None:
        """Read them again, and tell of changes; what was known stays while the store is away."""
        try:
            [value] = await self._gateway.store.get(KEY)
        except StoreError as error:
            log.debug("the drained targets may be out of date: %s", error)
            return
        fresh = msgspec.json.decode(value.data, type=dict[str, Drain]) if value else {}
        before, self.targets = self.targets, fresh
        now = self._gateway.clock.time()
        for target in fresh.keys() - before.keys() if self._read else ():
            self._gateway.emit(TargetDrained(at=now, target=target, by=fresh[target].by))
        for target in before.keys() - fresh.keys():
            self._gateway.emit(TargetResumed(at=now, target=target))
        self._read = True

    async def change(self, target: str, drain: Drain | None) -> None:
        """Take a target out, or let it take attempts again with None; in the store only. Raises StoreError."""
        store = self._gateway.store
        for _ in range(_TRIES):
            [value] = await store.get(KEY)
            targets = msgspec.json.decode(value.data, type=dict[str, Drain]) if value else {}
            if drain is None:
                targets.pop(target, None)
            else:
                targets[target] = drain
            if len(targets) > MOST:
                raise Rejected(f"At most {MOST} targets can be drained.", status=409, code="too_many_drained")
            data = msgspec.json.encode(targets)
            if await store.put(KEY, data, expect=value.version if value else 0) is not None:
                return
        raise Rejected("Others change the drained targets too; try again.", status=409, code="busy")
