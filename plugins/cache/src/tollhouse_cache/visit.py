"""What the cache has to do with one exchange: whether it leads a flight, follows one, or goes alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal

from tollhouse import Attempt, Event, Exchange, ProviderError
from tollhouse.neutral import Happening

from .entry import made
from .flight import Cursor, Flight, copied, late
from .message import Said, anew, message, why_not
from .name import PLUGIN
from .policy import Policy
from .recording import Recording
from .shelf import Shelf

Verdict = Literal["hit", "miss", "bypass", "coalesced"]


@dataclass(slots=True)
class Seat:
    """A follower's place on a flight."""

    flight: Flight
    cursor: Cursor

    def leave(self) -> None:
        """The follower does not depend on it any more."""
        self.cursor.close()
        self.flight.leave()


class Visit:
    """One exchange that may be cached."""

    def __init__(self, exchange: Exchange, shelf: Shelf, policy: Policy, key: bytes) -> None:
        self.exchange, self.shelf, self.policy, self.key = exchange, shelf, policy, key
        self.began = exchange.gateway.clock.time()
        self.verdict: Verdict | None = None
        self.failures = 0
        """Flights that failed while it waited for them."""
        self._seat: Seat | None = None
        self._led: Flight | None = None
        self._recording: Recording | None = None

    @property
    def upstream(self) -> bool:
        """Whether it was sent on to ask the upstream."""
        return self.verdict == "miss"

    def lead(self, room: int) -> None:
        """Whoever asks the same from now on waits for this exchange."""
        self._led = self.shelf.flights[self.key] = Flight(self.exchange, room)

    def board(self, flight: Flight) -> Seat:
        """Depend on a flight; what it depended on before may go."""
        before, self._seat = self._seat, Seat(flight, flight.follow())
        flight.board()
        if before is not None:
            before.leave()
        return self._seat

    def aboard(self) -> Flight | None:
        """The flight it waited for."""
        return self._seat.flight if self._seat is not None else None

    def leave(self) -> None:
        """Depend on nobody."""
        if self._seat is not None:
            self._seat.leave()
            self._seat = None

    def record(self, events: AsyncIterator[Event], room: int) -> AsyncIterator[Event]:
        """The reply as it flows, heard. Of several, the last one counts."""
        recording = self._recording = Recording(self._led, room, live=self.exchange.request.stream)
        return recording.of(events)

    def observed(self, attempt: Attempt, *, room: int, store: bool) -> None:
        """An attempt of this exchange ended; only the one that was heard matters."""
        if self._recording is None or attempt.content_at is None:
            return
        if attempt.state == "won" and self._recording.complete:
            if attempt.request is not self.exchange.request:
                self._recording.flaw = self._recording.flaw or "it answers another request than the caller's"
            self._won(self._recording, attempt.cost or 0, room=room, store=store)
        elif attempt.state == "failed":
            if self._led is not None and self._led.state == "open":
                self._land(attempt.error)
        else:
            return
        self._recording = None

    def _won(self, recording: Recording, cost: int, *, room: int, store: bool) -> None:
        said = message(recording.happenings) if recording.happenings else []
        flaw = recording.flaw or why_not(said)
        entry = None
        if self.policy.write and not flaw:
            entry = made(said, at=self.began, ttl=self.policy.ttl, tags=self._tags(), cost=cost)
            flaw = "it is too large" if entry.label.size > room else ""
        if entry is not None and not flaw:
            self.shelf.keep(self.key, entry, store=store)
        elif self.policy.write:
            self.shelf.counts.not_stored += 1
            self.exchange.note(PLUGIN, f"not stored: {flaw}")
        flight, self._led = self._led, None
        if flight is not None:
            self._take_off(flight)
            if said and flight.state == "waiting":
                flight.say(said)
            if flight.state == "open":
                flight.done(cost)
            elif flight.state == "waiting":
                flight.fail(_gone())

    def end(self) -> None:
        """The exchange is over, however it went."""
        self.leave()
        self._recording = None
        if self._led is not None:
            self._land(self.exchange.error)

    def found(self) -> None:
        """What it was about to ask the upstream for was there all along."""
        flight, self._led = self._led, None
        if flight is not None:
            self._take_off(flight)
            flight.needless()

    def _land(self, error: BaseException | None) -> None:
        """Followers who have read nothing ask again, the others read the failure."""
        flight, self._led = self._led, None
        if flight is not None:
            self._take_off(flight)
            if flight.state in ("waiting", "open"):
                flight.fail(copied(error) if isinstance(error, ProviderError) else _gone())

    def _take_off(self, flight: Flight) -> None:
        if self.shelf.flights.get(self.key) is flight:
            del self.shelf.flights[self.key]

    def _tags(self) -> list[str]:
        principal = self.exchange.principal
        said = [f"model:{self.exchange.model}", *(f"tag:{tag}" for tag in (*self.policy.tags, *principal.tags))]
        said += [f"{kind}:{name}" for kind, name in (("key", principal.key), ("team", principal.team)) if name]
        return list(dict.fromkeys(said))


async def replay(said: Sequence[Said], created: int) -> AsyncIterator[Happening]:
    """An entry's reply."""
    for one in said:
        yield anew(one, created)


async def followed(exchange: Exchange, flight: Flight, cursor: Cursor) -> AsyncIterator[Happening]:
    """A flight's reply as it comes, until the exchange's own deadline. Raises what the flight failed with."""
    created = int(exchange.gateway.clock.time())
    until = asyncio.get_running_loop().time() + max(0.0, exchange.deadline - exchange.now())
    while True:
        try:
            async with asyncio.timeout_at(until):
                said = await flight.read(cursor)
        except TimeoutError:
            raise late() from None
        if said is None:
            exchange.saved = flight.cost
            return
        for one in said:
            yield anew(one, created)


def _gone() -> ProviderError:
    return ProviderError(
        "The identical call that this answer is shared with ended before its reply did.",
        kind="cut",
        code="upstream_cut",
    )
