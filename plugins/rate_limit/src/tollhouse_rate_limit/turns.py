"""Waiting for a limit: when an exchange stands in line, when it may ask, and when waiting is no use."""

from __future__ import annotations

from dataclasses import dataclass, field

from tollhouse import Exchange, Refusal, Wait

from .events import Left, LimitQueued, LimitReleased
from .limits import Asked
from .line import Ticket
from .queue import FullError, Queue
from .scope import PLUGIN, caller
from .settings import long_form
from .words import full, never, too_long, used_up, waited

SLOT_POLL = 0.25
"""Seconds between two looks for a slot that another process may have freed; one freed here is seen at once."""


@dataclass(slots=True)
class Visit:
    """What the plugin knows of one exchange."""

    asked: dict[str, Asked] = field(default_factory=dict)
    ticket: Ticket | None = None
    holds: bool = False
    """Whether it may give something back for which others wait."""


class Turns:
    """Who may ask the store for which counter. Every method may raise `Rejected`; whoever catches it calls `leave`."""

    def __init__(self, queue: Queue, max_queue: int) -> None:
        self.queue, self.max_queue = queue, max_queue

    def behind(self, exchange: Exchange, visit: Visit) -> Wait | None:
        """A wait while others come before this exchange; None when it may claim. Whoever had a turn in a line stands
        behind nobody there again, so that nobody goes from line to line for ever."""
        ticket, now = visit.ticket, exchange.now()
        if ticket is not None and (ticket.lost or ticket.line is not None) and not ticket.called:
            return self._still(visit, ticket, now)
        for key, one in visit.asked.items():
            line = self.queue.lines.get(key)
            if line is None or not one.limit.max_wait:
                continue
            if ticket is not None and (ticket.line is line or key in ticket.passed):
                continue
            if racing(exchange):
                raise full(one, line.emptied(now) or 1.0)
            ticket = self._join(exchange, visit, one)
            if not ticket.called:
                return Wait(ticket.until - now, ticket.turn)
        if ticket is not None:
            ticket.turn.clear()
        return None

    def refused(self, exchange: Exchange, visit: Visit, refusal: Refusal) -> Wait:
        """The wait of an exchange whose claim the store refused."""
        one, now, ticket = visit.asked[refusal.key], exchange.now(), visit.ticket
        if refusal.retry_in is None:
            raise never(one, refusal.level)
        if not one.limit.max_wait or racing(exchange):
            raise used_up(one, refusal.level, refusal.retry_in)
        if ticket is None or ticket.line is None or ticket.key != refusal.key:
            ticket = self._join(exchange, visit, one)
            if ticket.called:
                ticket.turn.clear()
        left = ticket.until - now
        if ticket.line is None or not ticket.called:
            return Wait(left, ticket.turn)
        slots = one.demand.kind == "slots"
        ticket.line.due = now if slots else now + refusal.retry_in
        if left <= 0:
            raise waited(one, now - ticket.since, refusal.retry_in)
        if not slots and refusal.retry_in > left and not self.queue.may_return(refusal.key):
            raise too_long(one, refusal.retry_in, 1)
        return Wait(min(SLOT_POLL if slots else refusal.retry_in, left), ticket.turn)

    def granted(self, exchange: Exchange, visit: Visit) -> None:
        """The claim was granted: the next in line is called."""
        ticket, visit.ticket = visit.ticket, None
        if ticket is not None:
            self._released(exchange, ticket, "granted")
            self.queue.served(ticket)

    def leave(self, exchange: Exchange, visit: Visit, how: Left) -> None:
        """The exchange waits no more."""
        ticket, visit.ticket = visit.ticket, None
        if ticket is not None:
            self._released(exchange, ticket, how)
            self.queue.leave(ticket)

    def _still(self, visit: Visit, ticket: Ticket, now: float) -> Wait:
        """It woke without being called: pushed out, out of patience, or by somebody else's wait."""
        one = visit.asked.get(ticket.key) or next(iter(visit.asked.values()))
        if ticket.line is None:
            line = self.queue.lines.get(one.demand.key)
            raise full(one, (line.emptied(now) if line else 0.0) or 1.0)
        if now >= ticket.until:
            raise waited(one, now - ticket.since, ticket.line.expected(ticket, now) or 1.0)
        return Wait(ticket.until - now, ticket.turn)

    def _join(self, exchange: Exchange, visit: Visit, one: Asked) -> Ticket:
        """Stand in line for this limit, leaving any other line."""
        now, ticket = exchange.now(), visit.ticket
        if ticket is None:
            ticket = visit.ticket = Ticket(exchange.id, caller(exchange), _weight(exchange), now)
        elif ticket.line is not None:
            if ticket.called:
                ticket.passed.add(ticket.key)
            self.queue.leave(ticket)
        ticket.until = min(ticket.since + one.limit.max_wait, exchange.deadline)
        ticket.turn.clear()
        try:
            line = self.queue.join(ticket, one, self.max_queue)
        except FullError:
            there = self.queue.lines.get(one.demand.key)
            raise full(one, (there.emptied(now) if there else 0.0) or 1.0) from None
        position = len(line.ahead(ticket)) + 1
        expected = line.expected(ticket, now)
        if expected > ticket.until - now and not self.queue.may_return(line.key):
            raise too_long(one, expected, position)
        exchange.gateway.emit(
            LimitQueued(
                at=exchange.gateway.clock.time(),
                id=exchange.id,
                key=line.key,
                caller=ticket.caller,
                position=position,
                waiting=len(line),
            )
        )
        return ticket

    def _released(self, exchange: Exchange, ticket: Ticket, how: Left) -> None:
        seconds = exchange.now() - ticket.since
        exchange.labels[PLUGIN] = f"waited {seconds:.1f} s"
        at = exchange.gateway.clock.time()
        exchange.gateway.emit(LimitReleased(at=at, id=exchange.id, key=ticket.key, seconds=seconds, how=how))


def racing(exchange: Exchange) -> bool:
    """Whether this asks for a second attempt beside one under way, which must not be kept waiting for it."""
    return any(attempt.state == "pending" for attempt in exchange.attempts)


def _weight(exchange: Exchange) -> float:
    said = [weight for scoped in exchange.settings(PLUGIN) if (weight := long_form(scoped.value).weight)]
    return float(said[-1]) if said else 1.0
