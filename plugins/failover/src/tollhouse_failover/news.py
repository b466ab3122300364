"""What workers tell one another about targets that went down or came back, by the store; at most once, never waited
for. Who misses it finds out by itself."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable

import msgspec
from tollhouse import StoreError
from tollhouse.gateway import Gateway

TOPIC = "failover"
AGAIN = 5.0
"""Seconds until a store that does not let itself be listened to is asked again."""
LONGEST_NAME = 1024
LONGEST_REST = 86_400.0

log = logging.getLogger("tollhouse.plugins")


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message. `rest` is in seconds from now, since clocks differ; 0 says that the target is back."""

    sender: str
    target: str
    rest: float = 0.0
    why: str = ""
    lasting: bool = False


_decode = msgspec.json.Decoder(Item).decode
_encode = msgspec.json.Encoder().encode


class News:
    """One process' ear and mouth."""

    def __init__(self, gateway: Gateway, heard: Callable[[Item], None]) -> None:
        self._gateway, self._heard = gateway, heard
        self._sender = secrets.token_hex(8)

    def tell(self, target: str, *, rest: float = 0.0, why: str = "", lasting: bool = False) -> None:
        """Publish, without waiting for it."""
        item = Item(sender=self._sender, target=target, rest=rest, why=why, lasting=lasting)
        self._gateway.finishing(self._publish(item))

    async def listen(self) -> None:
        """Hear what the others say until cancelled, or until the store closes."""
        while True:
            try:
                subscription = self._gateway.store.subscribe(TOPIC)
                try:
                    async for _, data in subscription:
                        self._take(data)
                    return
                finally:
                    await subscription.aclose()
            except StoreError:  # the store says itself that it is away
                await asyncio.sleep(AGAIN)

    async def _publish(self, item: Item) -> None:
        try:
            await self._gateway.store.publish(TOPIC, _encode(item))
        except StoreError:  # said once by the store; the others find out about the target by themselves
            return

    def _take(self, data: bytes) -> None:
        try:
            item = _decode(data)
        except msgspec.MsgspecError:
            log.warning("another worker speaks of targets in words this version does not know")
            return
        if item.sender != self._sender and len(item.target) <= LONGEST_NAME and 0 <= item.rest <= LONGEST_REST:
            self._heard(item)
