"""The plugin: settled exchanges and events become messages, and messages are delivered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tollhouse import ConfigError, Endpoint, Exchange, hookimpl

from .endpoints import WebhookEndpoints
from .letter import packed, write
from .notices import of_exchange
from .office import office_of
from .outbox import queue_of
from .settings import Webhook

if TYPE_CHECKING:
    from tollhouse.gateway import Gateway

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Webhooks:
    """Tells receivers outside what happens at the gateway."""

    Settings = dict[str, Webhook]

    def __init__(self, settings: Mapping[str, Webhook]) -> None:
        """Raises ConfigError for a name that paths and queues could not bear."""
        for name in settings:
            if not _NAME.fullmatch(name):
                raise ConfigError(
                    f"{name[:80]!r} cannot be the name of a webhook.",
                    path="webhooks",
                    hint="Use up to 64 letters, digits, _ and -.",
                )
        self.webhooks = dict(settings)
        self._asked = any(one.gets("request.completed") or one.gets("request.failed") for one in settings.values())

    @hookimpl
    async def startup(self, gateway: Gateway) -> None:
        """Open the office, once a gateway."""
        office_of(gateway).open()

    @hookimpl
    def endpoints(self, gateway: Gateway) -> Sequence[Endpoint]:
        """Webhooks over HTTP, for viewers and operators."""
        return WebhookEndpoints(gateway, self.webhooks).routes()

    @hookimpl
    async def settle(self, exchange: Exchange) -> None:
        """Put the exchange's messages into the outbox, with its ledger row."""
        if not exchange.began or not self._asked:
            return
        notice = of_exchange(exchange)
        if notice is None:
            return
        names = office_of(exchange.gateway).wanting(notice)
        if not names:
            return
        data = packed(write(notice.type, notice.at, notice.data, notice.id))
        for name in names:
            exchange.mail(queue_of(name), data)
