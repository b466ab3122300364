"""All lines of a process: who waits where, within bounds."""

from __future__ import annotations

from collections import Counter

from .limits import Asked
from .line import Line, Ticket

LINES = 10
"""How many full lines' worth of requests may wait in all lines together."""


class FullError(Exception):
    """No place is left in line."""


class Queue:
    """The lines by counter key; one exists only while somebody waits in it. Outlives reloads."""

    def __init__(self) -> None:
        self.lines: dict[str, Line] = {}
        self._waiting = 0
        self._holders: dict[str, tuple[str, ...]] = {}
        self._holding: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._waiting

    def join(self, ticket: Ticket, asked: Asked, bound: int) -> Line:
        """Stand in line for what was asked. When the line is full, the caller with most requests in it for its weight
        loses its last one. Raises FullError when that is the comer."""
        demand = asked.demand
        line = self.lines.get(demand.key)
        if self._waiting >= bound * LINES:
            raise FullError
        if line is None:
            line = self.lines[demand.key] = Line(demand.key, demand.period / demand.limit)
        if len(line) >= bound:
            last = line.longest(ticket)
            if last is None:
                raise FullError
            self.leave(last)
            last.lost = True
            last.turn.set()
        line.join(ticket, demand.amount)
        self._waiting += 1
        return line

    def leave(self, ticket: Ticket) -> None:
        """Go away unserved; harmless for who stands in no line."""
        if (line := ticket.line) is not None:
            line.leave(ticket)
            self._gone(line)

    def served(self, ticket: Ticket) -> None:
        """The claim of a ticket was granted."""
        line = ticket.line
        if line is None:
            return
        if ticket.called:
            line.served(ticket)
        else:
            line.leave(ticket)
        self._gone(line)

    def holds(self, exchange: str, keys: tuple[str, ...]) -> None:
        """An exchange holds something of these counters, and of no others any more, until it ends."""
        self._holding.update(keys)
        self._give_back(self._holders.get(exchange, ()))
        self._holders[exchange] = keys

    def may_return(self, key: str) -> bool:
        """Whether an exchange under way here may give back some of a counter before its time."""
        return key in self._holding

    def ended(self, exchange: str) -> None:
        """An exchange gave back what it held: whoever is called in those lines may try now."""
        keys = self._holders.pop(exchange, ())
        self._give_back(keys)
        for key in keys:
            line = self.lines.get(key)
            if line is not None and line.called is not None:
                line.called.turn.set()

    def _give_back(self, keys: tuple[str, ...]) -> None:
        for key in keys:
            self._holding[key] -= 1
            if not self._holding[key]:
                del self._holding[key]

    def _gone(self, line: Line) -> None:
        self._waiting -= 1
        if not len(line):
            self.lines.pop(line.key, None)
