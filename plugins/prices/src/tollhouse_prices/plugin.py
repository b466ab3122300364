"""The plugin: answers the core's question what a target costs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tollhouse import Rates, Target, hookimpl

from .pricing import Pricing
from .settings import PricesSettings

if TYPE_CHECKING:
    from tollhouse.clock import Clock
    from tollhouse.edition import Edition
    from tollhouse.gateway import Gateway


class Prices:
    """What every call costs, from public price lists and your own terms; known from `startup` on."""

    Settings = PricesSettings

    def __init__(self, settings: PricesSettings) -> None:
        self.settings = settings
        self.pricing: Pricing | None = None
        self._clock: Clock | None = None

    @hookimpl
    async def startup(self, gateway: Gateway, edition: Edition) -> None:
        """Load the price lists and lay the settings over them. Raises ConfigError for terms of unknown providers."""
        await self.open(gateway, edition)

    @hookimpl
    def price(self, target: Target) -> Rates | None:
        """The target's card; None, which lets the next plugin say, when no layer knows a price."""
        if self.pricing is None or self._clock is None:
            return None
        return self.pricing.rates(target, self._clock.time())

    async def open(self, gateway: Gateway, edition: Edition) -> Pricing:
        """What `startup` does, for a command whose gateway does not start."""
        lists = None
        if self.settings.public:
            from .listed import Lists

            lists = await asyncio.to_thread(Lists)
        self._clock = gateway.clock
        self.pricing = Pricing(self.settings, edition.bound, lists)
        return self.pricing
