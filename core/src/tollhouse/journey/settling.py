"""The end of an exchange: the settle hooks, then the money, the ledger row and the mail in one store call."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from ..errors import StoreError
from ..events import MarkCrossed
from ..store import Row

if TYPE_CHECKING:
    from ..exchange import Exchange

log = logging.getLogger("tollhouse.settle")


def owes(exchange: Exchange) -> bool:
    """Whether an ended exchange leaves anything to settle."""
    if exchange.gates or exchange.hold or exchange.outgoing or exchange.edition.chain["settle"].calls:
        return True
    return booked(exchange)


def booked(exchange: Exchange) -> bool:
    """Whether the ledger has a row for this exchange: callers who were let in and asked for work."""
    return exchange.edition.config.store.ledger and exchange.began and exchange.task != "models"


async def settle(exchange: Exchange) -> None:
    """Settle an ended exchange. Runs in a task of its own that no disconnect reaches, exactly once, and never
    raises: hooks are open, and a store that is away spools."""
    gateway, edition = exchange.gateway, exchange.edition
    gates, exchange.gates = exchange.gates, []
    for gate in gates:
        gate.cancel()
    if gates:
        await asyncio.wait(gates)
    await edition.chain["settle"].each(exchange)
    ledger = booked(exchange)
    if exchange.hold or ledger or exchange.outgoing:
        try:
            settled = await gateway.store.settle(
                exchange.hold or exchange.id,
                actual(exchange),
                row=row(exchange) if ledger else None,
                mail=exchange.outgoing,
            )
        except StoreError as error:
            log.error("exchange %s could not be settled: %s", exchange.id, error)
        else:
            for key, mark in settled.crossed:
                gateway.emit(MarkCrossed(at=gateway.clock.time(), key=key, mark=mark, id=exchange.id))
    gateway.holds.discard(exchange.id)


def actual(exchange: Exchange) -> dict[str, int]:
    """What was consumed, by measure. Requests count once they were admitted upstream or answered; an exchange
    refused before that gives them back. An exchange with an unpriced attempt keeps what was held, and is charged at
    least what its other attempts cost."""
    spent = {"input": 0, "output": 0, "tokens": 0, "nano_usd": 0}
    for attempt in exchange.attempts:
        if attempt.usage is not None:
            spent["input"] += attempt.usage.total_input
            spent["output"] += attempt.usage.total_output
            spent["tokens"] += attempt.usage.total
    spent["nano_usd"] = sum(attempt.cost or 0 for attempt in exchange.attempts)
    if exchange.cost is None:
        spent["nano_usd"] = max(spent["nano_usd"], exchange.held.get("nano_usd", 0))
    if not exchange.attempts and exchange.outcome != "answered":
        spent["requests"] = 0
    return spent


def row(exchange: Exchange) -> Row:
    """The ledger row."""
    principal, target = exchange.principal, exchange.target
    return Row(
        id=exchange.id,
        at=exchange.started_at,
        outcome=exchange.outcome or "failed",
        key=principal.key,
        user=principal.user,
        team=principal.team,
        model=exchange.model,
        target=target.name if target else "",
        provider=target.provider if target else "",
        tags=principal.tags,
        tokens=exchange.consumed,
        cost=exchange.cost,
        saved=exchange.saved,
        attempts=tuple(
            {
                "target": a.target.name,
                "state": a.state,
                "status": a.status,
                "cost": a.cost,
                "tokens": a.usage.buckets() if a.usage else {},
            }
            for a in exchange.attempts
        ),
        usage_source=",".join(sorted({a.usage.source for a in exchange.attempts if a.usage})),
        request_id=exchange.request_id,
    )
