"""Where budgets stand: those of the configuration, and those that calls used, as rows for people and programs."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from tollhouse import Principal, Rejected, StoreError
from tollhouse.front.response import respond, whole

from .calendar import TOTAL_ENDS, Calendar
from .purse import Purse
from .purses import Call, Purses

if TYPE_CHECKING:
    from tollhouse.gateway import Gateway

log = logging.getLogger("tollhouse.budget")

LISTED = 1000
"""Most budgets in one list."""

REMEMBERED = 8192
"""Purses a process knows to be written down already."""

_PREFIX = "budget:used:"
_KEEP = 400 * 86400.0
_MINE = ("key", "user", "team", "ip")
App = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One budget and where it stands. Money is nano-USD; `used` counts what calls under way hold."""

    name: str
    scope: dict[str, str]
    budget: str
    """As it is written: `20 USD/day`."""
    period: str
    limit: int
    used: int
    remaining: int
    resets_at: int | None
    """Unix seconds; None for one that never starts again."""
    shadow: bool = False


class Register:
    """Writes each purse that is used into the store once, until its period ends."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, None] = OrderedDict()

    async def remember(self, gateway: Gateway, purses: Iterable[Purse]) -> None:
        """Make these findable; a store that is away is tried again with the next call."""
        for purse in purses:
            if purse.key in self._known:
                continue
            ttl = min(max(1.0, purse.until - gateway.clock.time()), _KEEP)
            try:
                await gateway.store.put(_PREFIX + purse.key, msgspec.json.encode(purse), ttl=ttl)
            except StoreError as error:
                log.debug("%s could not be noted: %s", purse.name, error)
                return
            self._known[purse.key] = None
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)


class Listing:
    """Lists budgets of one configuration."""

    def __init__(self, purses: Purses, calendar: Calendar) -> None:
        self._purses, self._calendar = purses, calendar

    async def all(self, gateway: Gateway) -> list[Standing]:
        """Those of the configuration and those in use, at most LISTED. Raises StoreError."""
        return await self._standing(gateway, [*self._configured(gateway), *await _used(gateway)])

    async def of(self, gateway: Gateway, principal: Principal, address: str) -> list[Standing]:
        """Those that are a caller's own: of the key, its user and its team. Raises StoreError."""
        call = Call(principal, address)
        levels = gateway.edition.levels.resolve("budget", team=principal.team, key=principal.key)
        own = principal.settings.get("budget")
        said = levels if own is None else (*levels, own.scoped)
        purses = [*self._purses.of(call, said, gateway.clock.time()), *await _used(gateway)]
        return await self._standing(gateway, [purse for purse in purses if _whose(purse, call)])

    def everything(self, gateway: Gateway) -> App:
        """The endpoint that lists all."""

        async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            await _answer(send, self.all(gateway))

        return app

    def own(self, gateway: Gateway) -> App:
        """The endpoint that lists the caller's own."""

        async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            client = scope.get("client")
            await _answer(send, self.of(gateway, scope["tollhouse.principal"], str(client[0]) if client else ""))

        return app

    def _configured(self, gateway: Gateway) -> Iterator[Purse]:
        now, edition = gateway.clock.time(), gateway.edition
        yield from self._purses.gateway(now)
        for rule in self._purses.rules:
            yield from self._purses.whole(rule, now)
        said = edition.levels.resolve
        for model in edition.config.models:
            yield from self._levels(said("budget", model=model), {}, ("model",), now)
        for team in edition.config.teams:
            yield from self._levels(said("budget", team=team), {}, ("team",), now)
        for key in edition.config.keys:
            yield from self._levels(said("budget", key=key), {"key": key}, ("defaults", "key"), now)

    def _levels(
        self, said: Iterable[Any], caller: dict[str, str], levels: Sequence[str], now: float
    ) -> Iterator[Purse]:
        for scoped in said:
            if scoped.level in levels:
                yield from self._purses.level(scoped, caller, now)

    async def _standing(self, gateway: Gateway, purses: Iterable[Purse]) -> list[Standing]:
        now = gateway.clock.time()
        found: dict[str, Purse] = {}
        for purse in purses:
            if purse.start <= now < purse.until:
                found.setdefault(purse.key, purse)
        present = list(found.values())[:LISTED]
        levels = await gateway.store.levels([purse.demand(0, if_lost="allow") for purse in present]) if present else []
        return [
            Standing(
                name=purse.name,
                scope=purse.scope,
                budget=purse.spoken,
                period=purse.period,
                limit=purse.limit,
                used=level.used,
                remaining=level.remaining,
                resets_at=None if purse.until == TOTAL_ENDS else purse.until,
                shadow=purse.shadow,
            )
            for purse, level in zip(present, levels, strict=True)
        ]


async def _used(gateway: Gateway) -> list[Purse]:
    return [msgspec.json.decode(value.data, type=Purse) async for _, value in gateway.store.scan(_PREFIX, limit=LISTED)]


def _whose(purse: Purse, call: Call) -> bool:
    """Whether a purse belongs to who calls: every name of a person in its scope is theirs, and there is one."""
    names = [name for name in _MINE if name in purse.scope]
    return bool(names) and all(purse.scope[name] in call.values(name) for name in names)


async def _answer(send: Any, standing: Awaitable[list[Standing]]) -> None:
    try:
        body = msgspec.json.encode({"budgets": await standing})
    except StoreError:
        away = Rejected(
            "The gateway's state is out of reach right now; try again shortly.",
            status=503,
            type="server_error",
            code="store_unavailable",
        )
        await respond(send, away, None, "", {})
        return
    await whole(send, 200, {"content-type": "application/json", "cache-control": "no-store"}, body)
