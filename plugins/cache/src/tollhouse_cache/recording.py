"""What a call upstream is heard to say on its way to the caller, for those who wait for it and for later."""

from __future__ import annotations

from collections.abc import AsyncIterator

from tollhouse import Event, ProviderError
from tollhouse.neutral import Happening

from .flight import Flight, weight


class Recording:
    """One reply. `complete` says that its end was heard, `flaw` why it is of no use to anybody else."""

    def __init__(self, flight: Flight | None, room: int, *, live: bool) -> None:
        """A `live` reply is told to the flight as it comes, once its own caller may read it and it is not taken back;
        another one when it is whole. Of a live one at most `room` bytes are remembered."""
        self.happenings: list[Happening] = []
        self.size = 0
        self.complete = False
        self.flaw = ""
        self._flight, self._room, self._live = flight, room, live

    async def of(self, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
        """The events, untouched."""
        async for event in events:
            if not self.flaw or self._told:
                self._hear(event)
            if self._flight is not None and self._flight.crowded:
                await self._flight.catch_up()
            yield event
        self.complete = True

    @property
    def _told(self) -> bool:
        return self._live and self._flight is not None and self._flight.state == "open"

    def _hear(self, event: Event) -> None:
        try:
            said = event.happenings
        except ProviderError as error:
            self.flaw, self.happenings = "it cannot be read", []
            if self._told and self._flight is not None:
                self._flight.fail(error)
            return
        flight = self._flight
        if self._told and flight is not None:
            flight.say(said)
        if self.flaw:
            return
        self.happenings += said
        self.size += weight(said)
        if self._live and flight is not None and flight.state == "waiting" and event.kind in ("content", "end"):
            flight.say(tuple(self.happenings))
        if self._live and self.size > self._room:
            self.flaw, self.happenings = "it is too large", []
