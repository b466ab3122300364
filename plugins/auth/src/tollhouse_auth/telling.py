"""Tells changes of keys as events: on one process of the cluster, whoever made them and whether anybody served."""

from __future__ import annotations

import asyncio
import logging

import msgspec
from tollhouse import StoreError
from tollhouse.gateway import Gateway

from .events import KeyChange, KeyCreated, KeyRevoked, KeyRotated
from .keyring import CHANGES, Change

log = logging.getLogger("tollhouse.auth")

TOLD = "auth:told"
"""The id of the last change that was told."""
EVERY = 0.5
KEPT = 7 * 86400.0
"""Seconds changes wait for a gateway that tells them."""

_EVENTS: dict[str, type[KeyChange]] = {
    "key.created": KeyCreated,
    "key.rotated": KeyRotated,
    "key.revoked": KeyRevoked,
}
_decoder = msgspec.json.Decoder(Change)


async def tell(gateway: Gateway) -> None:
    """Follow the log of changes for ever. Where it stands is written down after an event was told, so one that
    tells in place of a process that died may tell the last ones again, with the same `change`."""
    turn = gateway.keep("auth.telling", asyncio.Lock)  # two editions of one process must not both tell
    while True:
        async with turn:
            try:
                await _catch_up(gateway)
            except StoreError as error:
                log.debug("changes of keys wait for the store: %s", error)
        await asyncio.sleep(EVERY)


async def _catch_up(gateway: Gateway) -> None:
    store = gateway.store
    [told] = await store.get(TOLD)
    after = told.data.decode() if told else ""
    changes = await store.read(CHANGES, after)
    if not changes:
        return
    for id_, data in changes:
        change = _decoder.decode(data)
        gateway.emit(
            _EVENTS[change.what](
                at=change.at,
                key=change.key,
                by=change.who,
                team=change.team,
                user=change.user,
                role=change.role,
                change=id_,
            )
        )
    await store.put(TOLD, changes[-1][0].encode())
    await store.trim(CHANGES, gateway.clock.time() - KEPT)
