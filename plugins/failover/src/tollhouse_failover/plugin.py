"""The plugin: the points of the journey where failover speaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, ClassVar, Literal

from tollhouse import Attempt, Endpoint, Event, Exchange, Next, ProviderError, Race, Rejected, Skip, Target, hookimpl
from tollhouse.edition import Edition
from tollhouse.gateway import Gateway

from . import settings as shapes
from .breakers import Breakers
from .checking import Checks, only, target_of
from .continuing import avoided, continued
from .endpoints import endpoints
from .recovery import Recovery
from .settings import PLUGIN, FailoverLevel, FailoverSettings, Policy, policy
from .state import State
from .targets import check, done_with, reachable, tried
from .trip import Trip, racing, trip_of

POLICIES = 1000
"""Words of levels whose meaning is remembered: keys made at run time bring their own."""


class Failover:
    """Retries, fallbacks, breakers and hedges."""

    Settings: ClassVar[type[FailoverSettings]] = FailoverSettings
    Level: ClassVar[Any] = shapes.Level

    def __new__(cls, settings: FailoverSettings) -> Failover:
        """A plugin that does not look at replies costs them nothing: the one that does is a class of its own."""
        return object.__new__(Continuing if settings.continue_streams else cls)

    def __init__(self, settings: FailoverSettings) -> None:
        self.settings = settings
        self._state = State()
        self._breakers: Breakers | None = None
        self._recovery = Recovery(settings, self._state, None)
        self._tasks: list[asyncio.Task[None]] = []
        self._policies: dict[Any, Policy] = {}

    @hookimpl
    async def startup(self, gateway: Gateway, edition: Edition) -> None:
        """Check the names that were given, take over what is known of the targets, and hear the other workers."""
        check(edition, self.settings, FailoverLevel)
        self._state = gateway.keep(PLUGIN, State)
        if self.settings.breaker != "off":
            self._breakers = Breakers(gateway, self._state, self.settings.breaker)
            self._breakers.look_again()
            self._tasks.append(gateway.spawn(self._breakers.news.listen, name="failover news"))
            if self.settings.health_check != "off":
                checks = Checks(gateway, edition, self._breakers, self.settings.health_check)
                self._tasks.append(gateway.spawn(checks.run, name="failover checks"))
        self._recovery = Recovery(self.settings, self._state, self._breakers)

    @hookimpl
    async def shutdown(self) -> None:
        """Hear and check no more."""
        for task in self._tasks:
            task.cancel()

    @hookimpl
    def endpoints(self) -> Sequence[Endpoint]:
        """Where breakers can be read and reset."""
        return endpoints(lambda: self._breakers)

    @hookimpl
    async def dispatch(self, exchange: Exchange, attempt: Attempt) -> None:
        """Let nobody through to a target that rests while another one can be asked, and count what goes out."""
        trip = self._trip(exchange)
        if exchange.task == "passthrough" or not (trip.policy.on or trip.only):
            return
        target, now = attempt.target, exchange.now()
        if trip.only and target.name != trip.only:
            raise Skip(f"this is a check of {trip.only}", instead=target_of(trip.only))
        if target.name in trip.avoid and (other := self._other(exchange, trip, target)) is not None:
            trip.passed_over.add(target.name)
            raise Skip("the stream to be continued broke off there", instead=other)
        if self._breakers is not None:
            await self._gate(attempt, trip, self._breakers)
        if racing(exchange):
            if not self._state.hedges.take(now, self.settings.hedge_budget, 0):
                raise Skip("the hedge budget is spent")
            trip.hedge = attempt.number
        elif not any(one.target.provider == target.provider for one in exchange.attempts):
            self._state.retries(target.provider).add(now)
            self._state.hedges.add(now)
        if trip.policy.first_content and attempt.request.stream:
            attempt.content_within = trip.policy.first_content

    @hookimpl
    def race(self, exchange: Exchange, attempt: Attempt) -> Race | None:
        """A second target, once the first is slower than it nearly ever is."""
        trip = trip_of(exchange)
        if trip is None or trip.only or not trip.policy.on or not trip.policy.hedge or exchange.task != "chat":
            return None
        after = self._state.latency.slow(attempt.target.name, attempt.request.stream)
        other = self._other(exchange, trip, attempt.target, healthy=True) if after is not None else None
        return Race(after, other) if after is not None and other is not None else None

    @hookimpl
    async def recover(self, exchange: Exchange, attempt: Attempt) -> Next | None:
        """The next target, or the same one after a pause."""
        trip = self._trip(exchange)
        if trip.only or not trip.policy.on or exchange.task == "passthrough":
            return None
        if not isinstance(attempt.error, ProviderError):
            return None
        return self._recovery.after(exchange, trip, attempt.error)

    @hookimpl
    def observe(self, exchange: Exchange, attempt: Attempt) -> None:
        """Learn how healthy the target is, and how fast."""
        trip = self._trip(exchange)
        if exchange.task == "chat" and attempt.state in ("won", "lost"):
            until = attempt.content_at if attempt.content_at is not None else attempt.ended_at
            if until is not None and not exchange.left:
                self._state.latency.add(attempt.target.name, attempt.request.stream, until - attempt.started_at)
        if self._breakers is not None:
            self._breakers.ended(attempt, trip)
        if attempt.state == "won" and attempt.number > 1 and attempt.number != trip.hedge:
            exchange.labels.setdefault(PLUGIN, "recovered")
        elif attempt.state == "won" and trip.hedge:
            exchange.labels.setdefault(PLUGIN, "hedge won" if attempt.number == trip.hedge else "hedge lost")

    def _trip(self, exchange: Exchange) -> Trip:
        trip = trip_of(exchange)
        if trip is None:
            trip = Trip(self._policy(exchange.setting(PLUGIN)), only=only(exchange), avoid=avoided(exchange))
            exchange.state[PLUGIN] = trip
        return trip

    def _policy(self, level: FailoverLevel | Literal["off"] | None) -> Policy:
        holds = self._policies.get(level)
        if holds is None:
            if len(self._policies) >= POLICIES:
                self._policies.clear()
            holds = self._policies[level] = policy(self.settings, level)
        return holds

    async def _gate(self, attempt: Attempt, trip: Trip, breakers: Breakers) -> None:
        """Raise Skip for a target that rests when another one does not, Rejected when that is wanted if all rest."""
        exchange, target = attempt.exchange, attempt.target
        if trip.forced == target.name or await breakers.enter(attempt, trip):
            return
        trip.passed_over.add(target.name)
        why = breakers.why(target.name)
        if trip.only:
            raise Rejected(f"No check is needed: {why}.", status=409, code="check_not_needed")
        if (other := self._other(exchange, trip, target)) is not None:
            raise Skip(why, instead=other)
        if breakers.rules.when_all_open == "try" and not racing(exchange):
            exchange.note(PLUGIN, f"{target.name}: {why}, but every other target rests too: it is asked all the same")
            return
        soonest = min(breakers.back_in(one.name) for one in (target, *reachable(exchange, trip.policy)))
        raise Rejected(
            "Every upstream of this model fails right now and is left alone for a moment; try again shortly.",
            status=503,
            type="server_error",
            code="targets_down",
            retry_after=max(1.0, soonest),
        )

    def _other(self, exchange: Exchange, trip: Trip, than: Target, *, healthy: bool = False) -> Target | None:
        """The best target that was not asked yet and does not rest."""
        for target in reachable(exchange, trip.policy):
            if target.name == than.name or target.name in trip.passed_over or target.name in trip.avoid:
                continue
            if tried(exchange, target) or done_with(exchange, target):
                continue
            if self._breakers is None or (self._breakers.healthy if healthy else self._breakers.free)(target.name):
                return target
        return None


class Continuing(Failover):
    """The same, where streams that break off are to be continued."""

    @hookimpl
    def relay(self, exchange: Exchange, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
        """The reply, and another target's words where it broke off."""
        trip = trip_of(exchange)
        if trip is None or not trip.policy.on or not trip.policy.continue_streams or not exchange.request.stream:
            return events
        return continued(exchange, trip, events, self._breakers)
