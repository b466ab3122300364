"""The plugin: what an exchange demands, and what its caller is told when that is granted or refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from tollhouse import Demand, Endpoint, Exchange, Refusal, Rejected, Target, Wait, hookimpl
from tollhouse.events import Event, RequestEnded
from tollhouse.gateway import Gateway
from tollhouse.store import Level as Standing

from . import settings as shapes
from .book import Book
from .endpoints import endpoints
from .headers import headers
from .queue import Queue
from .recent import Recent
from .scope import PLUGIN
from .settings import RateLimitSettings
from .turns import Turns, Visit, racing


class RateLimit:
    """Limits by requests, tokens and concurrency."""

    Settings: ClassVar[type[RateLimitSettings]] = RateLimitSettings
    Level: ClassVar[Any] = shapes.Level

    def __init__(self, settings: RateLimitSettings) -> None:
        self.settings = settings
        self.turns, self.recent = Turns(Queue(), settings.max_queue), Recent()
        self._book = Book(settings)
        self._deafen: Callable[[], None] | None = None

    @hookimpl
    async def startup(self, gateway: Gateway) -> None:
        """Hear when exchanges end: what they held may let somebody through."""
        self._deafen = gateway.feed.listen(self._heard)

    @hookimpl
    async def shutdown(self) -> None:
        """Hear no more."""
        if self._deafen is not None:
            self._deafen()

    @hookimpl
    def endpoints(self, gateway: Gateway) -> Sequence[Endpoint]:
        """Where counters and lines can be read; both outlive a reload."""
        self.turns.queue = gateway.keep(f"{PLUGIN}.queue", Queue)
        self.recent = gateway.keep(f"{PLUGIN}.recent", Recent)
        return endpoints(gateway, self.turns.queue, self.recent)

    @hookimpl
    def demand(self, exchange: Exchange, target: Target | None) -> Sequence[Demand] | Wait:
        """What every limit that concerns the exchange has to give, or a place behind those who wait already."""
        visit: Visit | None = exchange.state.get(PLUGIN)
        if visit is None:
            visit = exchange.state[PLUGIN] = Visit()
        asked = visit.asked = self._book.ask(exchange, target)
        if self.turns.queue.lines or visit.ticket is not None:
            try:
                wait = self.turns.behind(exchange, visit)
            except Rejected:
                self._refuse(exchange, visit, ())
                raise
            if wait is not None:
                return wait
        if not asked:
            return ()
        self.recent.add(asked)
        exchange.when_held[PLUGIN] = partial(self._held, exchange, visit)
        return [one.demand for one in asked.values()]

    @hookimpl
    async def refused(self, exchange: Exchange, refusal: Refusal) -> Wait | None:
        """A place in line if the limit lets it wait, else the refusal with the true time."""
        visit: Visit = exchange.state[PLUGIN]
        try:
            return self.turns.refused(exchange, visit, refusal)
        except Rejected:
            self._refuse(exchange, visit, refusal.levels)
            raise

    @hookimpl
    async def settle(self, exchange: Exchange) -> None:
        """An exchange that ends while it waits gives up its place."""
        visit: Visit | None = exchange.state.get(PLUGIN)
        if visit is not None and visit.ticket is not None:
            self.turns.leave(exchange, visit, "gone")

    def _heard(self, event: Event) -> None:
        if isinstance(event, RequestEnded):
            self.turns.queue.ended(event.id)

    def _held(self, exchange: Exchange, visit: Visit) -> None:
        """The claim was granted: the next in line may ask, and the caller is told what is left."""
        self.turns.granted(exchange, visit)
        held = tuple(key for key, one in visit.asked.items() if one.limit.max_wait and one.demand.measure != "requests")
        if held or visit.holds:
            self.turns.queue.holds(exchange.id, held)
            visit.holds = True
        grant = exchange.grant
        assert grant is not None
        for key in grant.shadowed:
            if key in visit.asked:
                exchange.note(PLUGIN, f"in shadow, would refuse: {key}")
                exchange.labels[PLUGIN] = "over a limit in shadow"
        self._tell(exchange, visit, grant.levels)

    def _refuse(self, exchange: Exchange, visit: Visit, levels: Sequence[Standing]) -> None:
        """The exchange gives up its place, and its error will bear what is left of the limits."""
        self.turns.leave(exchange, visit, "refused")
        if racing(exchange):
            return
        exchange.labels.setdefault(PLUGIN, "refused")
        self._tell(exchange, visit, levels)

    def _tell(self, exchange: Exchange, visit: Visit, levels: Sequence[Standing]) -> None:
        now = exchange.gateway.clock.time()
        exchange.response_headers.update(headers(exchange.dialect.name, visit.asked, levels, now))
