"""The gateway: what lives as long as the process — transport, store, events, background work — and its editions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from .attempt import Attempt
from .background import Background
from .clock import Clock, SystemClock
from .config import Loaded
from .dialect import Request
from .edition import Edition
from .errors import ConfigError, PluginFailed, StoreError
from .events import (
    AttemptEnded,
    ConfigRefused,
    ConfigReloaded,
    Draining,
    Event,
    PluginError,
    RequestEnded,
    RequestStarted,
    StoreChanged,
)
from .exchange import Exchange
from .feed import Feed
from .holds import keep_alive, sweep
from .journey import Deadlines, Journey, Sink
from .owners import Owners
from .plugins import Catalog, Found
from .principal import Principal
from .retention import retain
from .store import Store
from .store.guarded import Guarded
from .store.opening import open_store
from .transport import Transport
from .transport.opening import open_transport

log = logging.getLogger("tollhouse.gateway")

T = TypeVar("T")

CUT_OFF = 5.0
"""Seconds exchanges have to end once they are cut off."""


class Gateway:
    """One gateway; several may live in one process, nothing is global.

    Plugins reach what none of them owns through it: `transport`, `store`, `feed`, `owners`, `keep`, `spawn`,
    `submit`. Use: make, `await start()`, serve, `await drain(...)`, `await close()`.
    """

    def __init__(
        self,
        loaded: Loaded,
        *,
        clock: Clock | None = None,
        transport: Transport | None = None,
        store: Store | None = None,
        extra: Sequence[Found] = (),
        workers: int = 1,
    ) -> None:
        """Build the first edition. Raises ConfigError; opens nothing before `start`. A given transport or store
        is owned by the gateway from now on; `extra` plugins need not be installed; `workers` gateways in as many
        processes share the limits while the store is away."""
        self.clock: Clock = clock or SystemClock()
        self.feed = Feed()
        self.transport: Transport = transport or open_transport(loaded.config.transport)
        settings = loaded.config.store
        self.store = Guarded(
            store or open_store(settings.url),
            bound=float(settings.bound),
            on_change=self._store_changed,
            share=lambda: workers,
            spool=_spool_folder(settings.url),
        )
        self.owners = Owners(self.store)
        self.holds: set[str] = set()
        """Holds of exchanges under way; renewed while they are in it."""
        self.deadlines = Deadlines()
        """Bounds the waits for upstreams."""
        self.draining = False
        self.reread: Callable[[], Awaitable[None]] | None = None
        """Reads gateway.toml again and serves by it, in all processes of this server, as SIGHUP does; raises
        ConfigError, and the old configuration keeps serving. Set by who serves; None where nobody does."""
        self._extra = extra
        self._kept: dict[str, Any] = {}
        self._background = Background(lambda: self.store)
        self._retiring: set[Edition] = set()
        self.edition = Edition(self, loaded, 1, Catalog(loaded.path.parent), extra)

    async def start(self) -> None:
        """Open the store and the edition, and begin the background work. Raises ConfigError, also for a store of
        a newer version; one that is away is only logged, and plugins then follow their policies."""
        try:
            await self.store.get("tollhouse")
        except StoreError as error:
            log.warning("the store does not answer at start-up: %s", error)
        await self.edition.start()
        self.spawn(lambda: keep_alive(self), name="holds")
        self.spawn(lambda: sweep(self), name="sweep", each="cluster")
        if keep := float(self.edition.config.store.keep):
            self.spawn(lambda: retain(self, keep), name="retention", each="cluster")

    async def reload(self, loaded: Loaded) -> None:
        """Swap to a new configuration at once, or keep the old one and raise ConfigError. Exchanges under way
        finish on theirs; `plugins`, `[store]` and `[server]` listen address take effect at the next start."""
        catalog = await asyncio.to_thread(Catalog, loaded.path.parent)  # reads many small files
        try:
            fresh = Edition(self, loaded, self.edition.number + 1, catalog, self._extra)
            await fresh.start()
        except ConfigError as error:
            self.emit(ConfigRefused(at=self.clock.time(), why=str(error)))
            raise
        old, self.edition = self.edition, fresh
        self._retiring.add(old)
        self._background.finish(self._retire(old))
        self.emit(ConfigReloaded(at=self.clock.time(), edition=fresh.number))

    @property
    def in_flight(self) -> Sequence[Exchange]:
        """The exchanges under way, those of retiring editions included."""
        return [exchange for edition in (self.edition, *self._retiring) for exchange in edition.in_flight]

    async def drain(self, grace: float) -> bool:
        """Take no new work and let what is under way end; whether it did within `grace` seconds."""
        self.draining = True
        self.emit(Draining(at=self.clock.time(), in_flight=len(self.in_flight)))
        try:
            async with asyncio.timeout(grace):
                for edition in (self.edition, *self._retiring):
                    await edition.emptied()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """End everything: background work, plugins, providers, transport and store, in that order. Exchanges
        still under way are cut off."""
        for exchange in self.in_flight:
            if exchange.interrupt is not None:
                exchange.interrupt()
        try:
            async with asyncio.timeout(CUT_OFF):
                for edition in (self.edition, *self._retiring):
                    await edition.emptied()
        except TimeoutError:
            log.error("%d exchanges would not be cut off", len(self.in_flight))
        else:
            await self.edition.stop()
        await self._background.close(grace=10.0)
        await self.transport.close()
        await self.store.close()

    @property
    def ready(self) -> tuple[bool, str]:
        """Whether new work is welcome, and why not: draining, or a plugin that fails closed lost its store."""
        if self.draining:
            return False, "draining"
        if not self.store.healthy:
            closed = [p.name for p in self.edition.plugged if getattr(p.plugin, "needs_store", False)]
            if closed:
                return False, f"the store is down, and {', '.join(closed)} cannot do without"
        return True, ""

    async def submit(
        self,
        request: Request,
        principal: Principal,
        sink: Sink,
        *,
        origin: str,
        headers: Mapping[str, str] | None = None,
        provider: str = "",
        path: str = "",
        upload: bytes = b"",
    ) -> Exchange:
        """Send a request through the same chain as a caller's, as `principal`; returns the ended exchange. What
        was answered is in the sink: a `Collected`, unless it should flow elsewhere. `origin` names the submitter
        (`judge`). A passthrough takes its body from `upload`, goes to `provider`, and is known by `path` instead of
        its route's. Errors are told to the sink as to any caller; a cancelled submit cancels the exchange."""
        edition = self.edition
        exchange = Exchange(
            self,
            edition,
            dialect=request.dialect,
            route=request.route,
            headers=headers or {},
            path=path or request.route.path,
            origin=f"submit:{origin}",
        )
        exchange.principal, exchange.tail = principal, request.tail
        exchange.addressed, exchange.upload = provider, upload

        async def read() -> bytes:
            return request.raw

        await Journey(exchange, sink).run(read, authenticated=True)
        return exchange

    async def _retire(self, edition: Edition) -> None:
        await edition.stop()
        self._retiring.discard(edition)

    def keep(self, name: str, make: Callable[[], T]) -> T:
        """A value that survives reloads (breakers, averages, a memory cache): made when first asked for."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]  # type: ignore[no-any-return]

    def spawn(
        self,
        work: Callable[[], Awaitable[None]],
        *,
        name: str,
        each: Literal["process", "cluster"] = "process",
    ) -> asyncio.Task[None]:
        """Background work of a plugin, supervised; cancel the task in `shutdown`. See Background.spawn."""
        return self._background.spawn(work, name=name, each=each)

    def finishing(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Short work that must complete although its caller may not wait."""
        return self._background.finish(work)

    def emit(self, event: Event) -> None:
        """Publish an event on this process' feed."""
        self.feed.emit(event)

    def began(self, exchange: Exchange) -> None:
        """The core says: an exchange was understood."""
        exchange.began = True
        principal, request = exchange.principal, exchange.request
        self.feed.emit(
            RequestStarted(
                at=exchange.started_at,
                id=exchange.id,
                request_id=exchange.request_id,
                dialect=exchange.dialect.name,
                task=exchange.task,
                model=exchange.model,
                key=principal.key,
                user=principal.user,
                team=principal.team,
                stream=request.stream,
                origin=exchange.origin,
            )
        )

    def attempt_ended(self, exchange: Exchange, attempt: Attempt) -> None:
        """The core says: an attempt was observed."""
        error = attempt.error
        usage = attempt.usage
        self.feed.emit(
            AttemptEnded(
                at=self.clock.time(),
                id=exchange.id,
                number=attempt.number,
                target=attempt.target.name,
                state=attempt.state,
                status=attempt.status,
                error=str(getattr(error, "kind", type(error).__name__)) if error else "",
                seconds=(attempt.ended_at or 0.0) - attempt.started_at,
                first_content=attempt.content_at - attempt.started_at if attempt.content_at is not None else None,
                tokens=usage.buckets() if usage else {},
                usage_source=usage.source if usage else "",
                cost=attempt.cost,
            )
        )

    def ended(self, exchange: Exchange) -> None:
        """The core says: an exchange has its outcome."""
        principal, request, winner, target = exchange.principal, exchange.request, exchange.winner, exchange.target
        receipt = winner.receipt if winner else None
        self.feed.emit(
            RequestEnded(
                at=self.clock.time(),
                id=exchange.id,
                request_id=exchange.request_id,
                outcome=exchange.outcome or "failed",
                status=exchange.status,
                dialect=exchange.dialect.name,
                task=exchange.task,
                model=exchange.model,
                target=target.name if target else "",
                key=principal.key,
                user=principal.user,
                team=principal.team,
                origin=exchange.origin,
                code=str(getattr(exchange.error, "code", None) or ""),
                seconds=exchange.now() - exchange.started,
                first_content=winner.content_at - exchange.started if winner and winner.content_at else None,
                tokens=exchange.consumed,
                cost=exchange.cost,
                saved=exchange.saved,
                attempts=len(exchange.attempts),
                stream=request is not None and request.stream,
                phases=exchange.phases,
                labels=exchange.labels,
                notes=tuple(exchange.notes),
                translation=receipt.summary() if receipt else "",
            )
        )

    def plugin_failed(self, failure: PluginFailed) -> None:
        """The chain says: an implementation broke its contract."""
        self.emit(PluginError(at=self.clock.time(), plugin=failure.plugin, hook=failure.hook, why=str(failure)))

    def _store_changed(self, up: bool, why: str) -> None:
        self.emit(StoreChanged(at=self.clock.time(), up=up, why=why))


def _spool_folder(url: str) -> Path:
    """Where settles wait for a store that is away: beside the SQLite file, else in .tollhouse."""
    scheme, _, rest = url.partition(":")
    return Path(rest).parent if scheme == "sqlite" and rest else Path(".tollhouse")
