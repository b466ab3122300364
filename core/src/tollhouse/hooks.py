"""The hookspecs: every point of the journey where a plugin may speak, in the order a request meets them.

A plugin is a class made once a configuration as `Plugin(settings)`; it implements any of these as methods
marked `@hookimpl`, and may leave out arguments it does not need. The list in gateway.toml orders the
implementations of one hook. Asynchronous hooks have a time limit; a hook's policy says what happens when an
implementation raises or overruns: *closed* ends the exchange as `failed` with a 500, *open* logs it and goes on.
`Rejected`, `Refused`, `Skip` and `ProviderError` are answers where a hook names them, never failures.
"""

# mypy: disable-error-code="empty-body"

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .hookspec import hookspec
from .principal import Access

if TYPE_CHECKING:
    from .attempt import Attempt
    from .dialect import Dialect, Request
    from .edition import Edition
    from .exchange import Exchange
    from .gateway import Gateway
    from .principal import Principal
    from .provider import ProviderKind
    from .rates import Rates
    from .reply import Event, Reply
    from .store import Demand, Refusal
    from .target import Plan, Target


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An extra route: an ASGI app at `path` for callers of at least this access level, which the core enforces.
    The path may have parameters in Starlette's form (`/admin/v1/requests/{id}`), found in `scope["path_params"]`."""

    path: str
    app: Callable[..., Awaitable[None]]
    methods: Sequence[str] = ("GET",)
    access: Access = "admin"


@dataclass(frozen=True, slots=True)
class Wait:
    """Instead of refusing: ask again after so many seconds, within the exchange's deadline, or as soon as `turn` is
    set. With a `turn`, `seconds` may be longer than the deadline, which then ends the wait."""

    seconds: float
    turn: asyncio.Event | None = None


@dataclass(frozen=True, slots=True)
class Race:
    """After so many seconds without content, `target` may race the attempt under way."""

    after: float
    target: Target


@dataclass(frozen=True, slots=True)
class Next:
    """After a failure: try `target` after `pause` seconds, with `request` instead of the caller's if given."""

    target: Target
    pause: float = 0.0
    request: Request | None = None


@hookspec("each", limit=30.0)
async def startup(gateway: Gateway, edition: Edition) -> None:
    """Open what you own, once a configuration, in the plugins' order. An error refuses the configuration. `edition`
    is the one that starts; at a reload `gateway.edition` is still the one before it."""


@hookspec("reverse", limit=30.0, closed=False)
async def shutdown(gateway: Gateway) -> None:
    """Close what you opened in `startup`, in reverse order, after the configuration's last exchange ended."""


@hookspec("gather", sync=True)
def providers(gateway: Gateway) -> Mapping[str, ProviderKind]:
    """The kinds of upstream this plugin offers, by the kind's name; gathered once a configuration."""


@hookspec("gather", sync=True)
def dialects(gateway: Gateway) -> Sequence[Dialect]:
    """The wire formats this plugin speaks to callers and upstreams; gathered once a configuration."""


@hookspec("gather", sync=True)
def endpoints(gateway: Gateway, edition: Edition) -> Sequence[Endpoint]:
    """Extra routes with the access level each needs; gathered once a configuration: `edition` is the one that is being
    made, of which there are the plugins, the chain, the levels and the dialects."""


@hookspec("first", sync=True, closed=False)
def price(target: Target) -> Rates | None:
    """The target's rate card, or None to let the next plugin say. The core caches the answer for the
    configuration's life, or until the card's `until`. Nobody answering makes its calls `unpriced`, which is never
    0, and emits `price.missing`."""


@hookspec("first", limit=5.0)
async def authenticate(exchange: Exchange) -> Principal | None:
    """Who is calling, read from `exchange.headers`. Raise `Rejected` to turn them away with a reason. Somebody
    implementing it and all saying None is a 401; nobody implementing it makes every caller anonymous.
    Runs before the body is read."""


@hookspec("first", limit=5.0)
async def vouch(exchange: Exchange) -> Principal | None:
    """Who is calling an endpoint of a plugin, asked only where nobody implements `authenticate`: callers of models
    stay anonymous, and what operators may do is protected all the same. All saying None is a 401 for endpoints above
    `caller`; raise `Rejected` to turn them away with a reason. Its exchange has no request."""


@hookspec("each", limit=30.0)
async def admit(exchange: Exchange) -> None:
    """Policy, templates, input moderation. May edit `exchange.request` and raise `Rejected`. Do not count here:
    counters belong to `demand`, where they hold atomically."""


@hookspec("first", limit=5.0)
async def route(exchange: Exchange) -> Plan | None:
    """The targets to try, best first, with reasons. `exchange.plan` holds the configured order to start from.
    No side effects: it may be asked again after a wait."""


@hookspec("first", limit=30.0, closed=False)
async def answer(exchange: Exchange) -> Reply | Wait | None:
    """Answer without an upstream: a cache hit, a coalesced call. The reply flows only through the relays of
    plugins listed above the one that answered. A `Wait` instead asks again, from the route on, when its turn comes;
    nothing is held meanwhile. Raise `Rejected` to end the exchange."""


@hookspec("gather", sync=True)
def demand(exchange: Exchange, target: Target | None) -> Sequence[Demand] | Wait:
    """What must be held before going to `target`; None means that a cache answered. The core makes one atomic
    claim for all plugins and settles it; asked again, for the whole, before each further target. A `Wait` instead
    puts the exchange behind others who wait for a counter: nothing is claimed, and everybody is asked again after
    it. To hear of the grant, put a function into `exchange.when_held`."""


@hookspec("first", limit=5.0)
async def refused(exchange: Exchange, refusal: Refusal) -> Wait | None:
    """A demand was refused. Only its owner (the plugin whose name its key starts with) is asked: raise
    `Rejected` in your own words, or return a `Wait` to try again. None lets the core say 429."""


@hookspec("each", limit=5.0)
async def dispatch(exchange: Exchange, attempt: Attempt) -> None:
    """Before an attempt leaves: add to `attempt.headers`, choose a credential, bound its way to content.
    Raise `Skip` to pass the target over, for another one if it names one, `ProviderError` to fail the attempt, or
    `Rejected`."""


@hookspec("first", sync=True, closed=False)
def race(exchange: Exchange, attempt: Attempt) -> Race | None:
    """Whether, and after how long without content, a second target may race this attempt (hedging). Asked once
    a plain attempt; the loser is cancelled, observed as `lost`, and what it cost is counted."""


@hookspec("wrap")
def relay(exchange: Exchange, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    """An async generator around the reply as it flows: yield what goes on, change it, hold it back (the core
    bounds what a stream may hold), or raise `Refused`. Keep state in locals: the core makes a fresh chain a
    reply. The first listed plugin is outermost, nearest the caller. Never await in a `finally`: put clean-up
    into `settle`. It is closed by the core, at the latest when the exchange ends."""


@hookspec("first", limit=5.0)
async def recover(exchange: Exchange, attempt: Attempt) -> Next | None:
    """An attempt failed before content was sent (`attempt.error` says how): where to go next, or None to let
    the next plugin say. The core caps attempts and time for all of them. Nobody answering ends the exchange."""


@hookspec("each", sync=True, closed=False)
def observe(exchange: Exchange, attempt: Attempt) -> None:
    """An attempt ended as won, lost or failed, with usage and cost. Called exactly once an attempt."""


@hookspec("reverse", limit=10.0, closed=False)
async def settle(exchange: Exchange) -> None:
    """The exchange ended, however: called exactly once, in reverse order, shielded from cancellation, after the
    outcome is known and before the core settles the money. Do not raise; nothing can be changed any more."""


JOURNEY: tuple[str, ...] = (
    "startup",
    "shutdown",
    "providers",
    "dialects",
    "endpoints",
    "price",
    "authenticate",
    "vouch",
    "admit",
    "route",
    "answer",
    "demand",
    "refused",
    "dispatch",
    "race",
    "relay",
    "recover",
    "observe",
    "settle",
)
"""The hooks in the order a request meets them."""
