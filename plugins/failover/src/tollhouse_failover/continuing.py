"""Streams that break off go on at another target, from the text that was said, as far as that is honest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace
from tollhouse import Event, Exchange, ProviderError, Rejected, Request
from tollhouse.neutral import Chat, Delta, Finish, Happening, Message, PartEnd, PartStart, Start, Text

from .pipe import Pipe
from .settings import PLUGIN
from .trip import ORIGIN, Trip

if TYPE_CHECKING:
    from .breakers import Breakers

AVOID = "failover-avoid"
"""The header of a submitted continuation that names targets not to ask; believed of our own submits only."""
MOST = 2
"""Continuations of one stream."""
LONGEST = 256 * 1024
"""Characters of text that may be said when a stream is to be continued."""
_CHARACTERS = 4
"""Characters a token, to tell how much of the caller's limit is left."""


def avoided(exchange: Exchange) -> frozenset[str]:
    """The targets a continuation must not ask; nothing for any other exchange."""
    said = exchange.headers.get(AVOID, "") if exchange.origin == ORIGIN else ""
    return frozenset(msgspec.json.decode(said, type=list[str])) if said else frozenset()


class Said:
    """What the caller has read: the text, the part it stands in, and whether it is text alone."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self.size = 0
        self.open: int | None = None
        """The index of the text part that has not ended."""
        self.next = 0
        """The first index no part has."""
        self.finished = False
        self._more = ""

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self._texts)

    def hear(self, happenings: Iterable[Happening]) -> None:
        """More was said."""
        for one in happenings:
            match one:
                case PartStart(index=index, kind=kind, choice=choice):
                    self.next = max(self.next, index + 1)
                    if kind == "text" and not choice:
                        self.open = index
                    elif not self._more:
                        self._more = f"a part of the kind {kind}" if not choice else "a second choice"
                case Delta(text=text):
                    self._texts.append(text)
                    self.size += len(text)
                case PartEnd(index=index) if index == self.open:
                    self.open = None
                case Finish():
                    self.finished = True

    def unfit(self) -> str:
        """Why it cannot be continued; empty when it can."""
        if self._more:
            return f"{self._more} was sent"
        if self.finished:
            return "its end was sent"
        return "too little was sent" if not self.size else "too much was sent" if self.size > LONGEST else ""

    def joined(self, happenings: Iterable[Happening], places: dict[int, int]) -> list[Happening]:
        """What a continuation says, as more of this: its first text goes on where ours stopped, other parts follow,
        thoughts are left out. `places` maps its parts to ours."""
        more: list[Happening] = []
        for one in happenings:
            match one:
                case Start() | PartStart(kind="thinking"):
                    continue
                case PartStart(index=index, kind="text") if self.open is not None and not places:
                    places[index] = self.open
                case PartStart(index=index):
                    if self.open is not None:
                        more.append(PartEnd(index=self.open))
                        self.open = None
                    places[index] = self.next
                    self.next += 1
                    more.append(replace(one, index=places[index]))
                case Delta(index=index) | PartEnd(index=index):
                    if index in places:
                        moved = {"path": ()} if isinstance(one, Delta) else {}
                        more.append(replace(one, index=places[index], **moved))
                case Finish() if self.open is not None and self.open not in places.values():
                    more += [PartEnd(index=self.open), one]
                case _:
                    more.append(one)
        self.hear(more)
        return more


async def continued(
    exchange: Exchange, trip: Trip, events: AsyncIterator[Event], breakers: Breakers | None
) -> AsyncIterator[Event]:
    """The reply; where it breaks off after content, another target's continuation of it. Its events are written anew,
    since two upstreams' bytes make no stream. Raises what the upstream's stream raised when it is not continued."""
    said = Said()
    try:
        async for event in events:
            happenings = event.happenings
            said.hear(happenings)
            yield Event(happenings=list(happenings))
    except ProviderError as error:
        if exchange.commit != "content":
            raise
        broke = error
    else:
        return
    if reason := _declined(exchange, said):
        exchange.note(PLUGIN, f"the stream broke off ({broke.kind}) and was not continued: {reason}")
        raise broke
    attempt = next(one for one in exchange.attempts if one.state == "pending")
    if breakers is not None:
        breakers.failed(attempt, broke)
    avoid = {attempt.target.name}
    for _ in range(MOST):
        pipe = Pipe(exchange.dialect.decoder("chat"))
        places: dict[int, int] = {}
        try:
            request = _continuation(exchange, said)
            exchange.note(PLUGIN, f"the stream broke off ({broke.kind}) after {said.size} characters of text")
            task = exchange.gateway.finishing(_submit(exchange, request, avoid, pipe))
            try:
                while (batch := await _next(exchange, pipe)) is not None:
                    trip.broken = attempt
                    exchange.labels[PLUGIN] = "continued"
                    if more := said.joined(batch, places):
                        yield Event(happenings=more)
            finally:
                if not pipe.ended:
                    task.cancel()
        except (ProviderError, Rejected) as error:
            exchange.note(PLUGIN, f"the continuation failed: {getattr(error, 'kind', error)}")
        if said.finished:
            exchange.note(PLUGIN, f"{pipe.target} continued the stream")
            return
        avoid.add(pipe.target)
        if said.unfit():
            break
    raise broke


def _declined(exchange: Exchange, said: Said) -> str:
    """Why a stream is not to be continued; empty when it may."""
    request = exchange.request
    if exchange.origin == ORIGIN or request.task != "chat" or request.n != 1:
        return "only one answer to a caller's chat is"
    body = request.body
    if isinstance(body, Chat) and body.format is not None:
        return "the caller asked for a form that halves do not keep"
    return said.unfit()


def _continuation(exchange: Exchange, said: Said) -> Request:
    """The caller's request, with what was said as the assistant's last words. Raises Rejected."""
    asked = exchange.request
    body = asked.body
    assert isinstance(body, Chat)
    left = None if body.max_output is None else max(1, body.max_output - said.size // _CHARACTERS)
    words = Message(role="assistant", parts=[Text(text=said.text)])
    longer = Request(
        b"",
        dialect=asked.dialect,
        route=asked.route,
        model=asked.model,
        stream=True,
        wants_usage=True,
        max_output=left,
        tail=asked.tail,
        body=replace(body, messages=[*body.messages, words], max_output=left),
    )
    raw, _ = asked.dialect.encode(longer, asked.model)
    return asked.dialect.request(raw, asked.route, asked.tail)


async def _submit(exchange: Exchange, request: Request, avoid: set[str], pipe: Pipe) -> None:
    """An exchange of its own, booked to the same caller."""
    headers = {AVOID: msgspec.json.encode(sorted(avoid)).decode()}
    try:
        await exchange.gateway.submit(request, exchange.principal, pipe, origin=PLUGIN, headers=headers)
    finally:
        pipe.end()


async def _next(exchange: Exchange, pipe: Pipe) -> Sequence[Happening] | None:
    """What comes next, before the caller's deadline."""
    try:
        async with asyncio.timeout(max(0.001, exchange.deadline - exchange.now())):
            return await pipe.next()
    except TimeoutError:
        raise ProviderError("The continuation did not come in time.", kind="timeout", code="upstream_timeout") from None
