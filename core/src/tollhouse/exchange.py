"""An exchange: one request on its journey, and everything known about it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal
from weakref import proxy

from .attempt import Attempt
from .config import overlay
from .principal import ANONYMOUS, Principal
from .target import Plan, Target
from .tokens import Tokens
from .usage import Usage

if TYPE_CHECKING:
    from .dialect import Dialect, Request, Route
    from .edition import Edition
    from .errors import Rejected
    from .gateway import Gateway
    from .store import Grant

Outcome = Literal["completed", "answered", "rejected", "failed", "disconnected"]
Commit = Literal["none", "status", "content"]


_random = random.Random()  # noqa: S311  (ids are names, not secrets)


def new_id() -> str:
    """A request id: sorts by time (milliseconds), 80 random bits, safe in headers and file names. A name, no secret."""
    return f"req_{int(time.time() * 1000):012x}{_random.getrandbits(80):020x}"


class Exchange:
    """One request on its journey.

    The core owns it; hooks read everything and change only what their contract names. It ends in exactly one
    outcome. `state` is a plugin's own drawer, by plugin name; nothing else may reach into another's.
    """

    __slots__ = (
        "__weakref__",
        "_levels",
        "_tokens",
        "addressed",
        "attempts",
        "began",
        "commit",
        "deadline",
        "dialect",
        "edition",
        "error",
        "gates",
        "gateway",
        "grant",
        "headers",
        "held",
        "hold",
        "id",
        "interrupt",
        "labels",
        "left",
        "method",
        "model",
        "notes",
        "now",
        "origin",
        "outcome",
        "outgoing",
        "owned",
        "path",
        "phases",
        "plan",
        "principal",
        "query",
        "request",
        "request_id",
        "response_headers",
        "route",
        "saved",
        "sponsors",
        "started",
        "started_at",
        "state",
        "status",
        "tail",
        "task",
        "upload",
        "vary",
        "verdict",
        "when_held",
    )

    def __init__(
        self,
        gateway: Gateway,
        edition: Edition,
        *,
        dialect: Dialect,
        route: Route,
        headers: Mapping[str, str],
        method: str = "POST",
        path: str = "",
        query: str = "",
        origin: str = "",
        request_id: str = "",
    ) -> None:
        self.id = new_id()
        self.request_id = request_id or self.id
        """What the caller sees; theirs when they sent a well-formed one."""
        self.gateway, self.edition, self.dialect, self.route = gateway, edition, dialect, route
        self.task = route.task
        self.headers, self.method, self.path, self.query = headers, method, path, query
        """The caller's headers, names in lower case. Credentials included: never log them."""
        self.origin = origin
        """The caller's IP address, or what submitted the exchange (`submit:judge`)."""
        self.now: Callable[[], float] = gateway.clock.monotonic
        """Monotonic seconds on the gateway's clock."""
        self.started = self.now()
        self.started_at = gateway.clock.time()
        self.deadline = self.started + edition.total
        """When everything must be over, in monotonic seconds; set again once the model is known."""
        self.principal: Principal = ANONYMOUS
        self.request: Request = None  # type: ignore[assignment]  # set before any hook after authenticate runs
        self.model = ""
        """The model as the caller asked for it."""
        self.plan: Plan | None = None
        self.attempts: list[Attempt] = []
        self.outcome: Outcome | None = None
        self.status = 0
        """The HTTP status the caller got; 499 when they left first."""
        self.error: BaseException | None = None
        self.commit: Commit = "none"
        self.vary: dict[str, str] = {}
        """What else an answer depends on; goes into the cache key."""
        self.state: dict[str, Any] = {}
        self.notes: list[tuple[str, str]] = []
        """Decisions for operators: (plugin or phase, words)."""
        self.labels: dict[str, str] = {}
        """A word a plugin says of this exchange, by plugin name (`cache`: "hit"); shown on its last event."""
        self.phases: dict[str, float] = {}
        """Seconds spent by phase name, in the order they were entered; one without plugins has none of its own."""
        self.response_headers: dict[str, str] = {}
        """Headers the reply will bear; plugins add theirs before content."""
        self.outgoing: list[tuple[str, bytes]] = []
        """Outbox mail, stored with the settle."""
        self.hold = ""
        """The store hold of this exchange while it has one."""
        self.held: dict[str, int] = {}
        """What was held, by measure."""
        self.grant: Grant | None = None
        """Where the counters stood when the last claim was granted."""
        self.when_held: dict[str, Callable[[], None]] = {}
        """Called after each claim that was granted, by plugin name: `grant` is new. Must not raise."""
        self.saved = 0
        """Nano-USD a cached answer did not cost."""
        self.began = False
        """Whether the caller was let in and understood; before that nothing is written down."""
        self.left = False
        """Whether the caller has gone."""
        self.gates: list[asyncio.Task[Any]] = []
        self.sponsors = 0
        self.tail = ""
        """What the route's path took; for a passthrough the path to append to the provider's base URL."""
        self.addressed = ""
        """The provider a passthrough's path names; empty for the default one."""
        self.owned = False
        """Whether a passthrough only asks for something that `gateway.owners` knows to be the caller's own: keys that
        are limited to named models may do that. Set in `admit`."""
        self.upload: AsyncIterator[bytes] | bytes = b""
        """For a passthrough: the caller's body, streamed; may be read once."""
        self._tokens: Tokens | None = None
        self.interrupt: Callable[[], object] | None = None
        """Cancels the journey; set while it runs."""
        self.verdict: Rejected | None = None
        """What the caller is told when `interrupt` ends the exchange; None says that the gateway is stopping."""
        self._levels: dict[str, Any] = {}

    def note(self, who: str, words: str) -> None:
        """Leave a reason operators will read: why this route, why blocked. No prompt text, no secrets."""
        self.notes.append((who, words))

    def setting(self, plugin: str) -> Any:
        """The plugin's key for this exchange, merged defaults < model < team < key; None when nobody set it."""
        key = "setting:" + plugin
        if key not in self._levels:
            principal = self.principal
            value = self.edition.levels.merged(plugin, model=self.model, team=principal.team, key=principal.key)
            if own := principal.settings.get(plugin):
                value = overlay(value, own.scoped.value, own.raw)
            self._levels[key] = value
        return self._levels[key]

    def settings(self, plugin: str) -> Any:
        """The plugin's key at every level that set one, in that order: limits and budgets of all levels hold."""
        principal = self.principal
        said = self.edition.levels.resolve(plugin, model=self.model, team=principal.team, key=principal.key)
        own = principal.settings.get(plugin)
        return said if own is None else (*said, own.scoped)

    def gate(self, work: Awaitable[Any]) -> asyncio.Task[Any]:
        """Run `work` beside the upstream call; the core awaits it before the first content of any reply leaves,
        and an error it raises ends the exchange. Owned by the core: cancelled when the exchange ends first."""
        task = asyncio.ensure_future(work)
        self.gates.append(task)
        return task

    def sponsor(self) -> AbstractContextManager[None]:
        """While any sponsor is held the upstream stays alive although the caller has gone."""
        return _Sponsor(self)

    @property
    def tokens(self) -> Tokens:
        """The one estimate of input and output tokens that limits and budgets hold by."""
        if self._tokens is None:
            self._tokens = Tokens(self)
        return self._tokens

    @property
    def winner(self) -> Attempt | None:
        """The attempt that answered."""
        for attempt in reversed(self.attempts):
            if attempt.state == "won":
                return attempt
        return None

    @property
    def target(self) -> Target | None:
        """The last target asked."""
        return self.attempts[-1].target if self.attempts else None

    @property
    def usage(self) -> Usage | None:
        """The winner's usage."""
        return self.winner.usage if self.winner else None

    @property
    def consumed(self) -> dict[str, int]:
        """Tokens of all attempts together, by bucket: what `cost` is the price of."""
        used = [attempt.usage for attempt in self.attempts if attempt.usage is not None]
        if len(used) == 1:
            return used[0].buckets()
        total: dict[str, int] = {}
        for usage in used:
            for bucket, count in usage.buckets().items():
                total[bucket] = total.get(bucket, 0) + count
        return total

    @property
    def cost(self) -> int | None:
        """Nano-USD of all attempts, failed ones and race losers included; None when any was unpriced."""
        total = 0
        for attempt in self.attempts:
            if attempt.cost is None:
                return None
            total += attempt.cost
        return total

    def mail(self, queue: str, data: bytes) -> None:
        """Put a message into the outbox, stored in the same transaction as the ledger row."""
        self.outgoing.append((queue, data))

    def let_go(self) -> None:
        """It has ended: break the circles it is part of, so that it is freed when nobody holds it any more, and not
        when the collector comes round."""
        self._tokens = None
        if self.attempts:
            weak = proxy(self)
            for attempt in self.attempts:
                attempt.exchange = weak

    def leave(self) -> None:
        """The caller has gone: end the work, unless somebody sponsors it."""
        if self.left:
            return
        self.left = True
        if self.interrupt and not self.sponsors:
            self.interrupt()


class _Sponsor(AbstractContextManager[None]):
    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    def __enter__(self) -> None:
        self.exchange.sponsors += 1

    def __exit__(self, *_: object) -> None:
        exchange = self.exchange
        exchange.sponsors -= 1
        if exchange.left and not exchange.sponsors and exchange.interrupt:
            exchange.interrupt()
