"""Claims and what becomes of them, as jobs of a transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .. import counters
from ..counters import micros
from ..holds import KEEP_SETTLED, LIVE, LOST, SETTLED, still_held
from ..interface import Demand, Grant, Level, Lost, Refusal, Row, Settled
from . import ledger, outbox
from .sheet import decode_demands, encode_demands
from .worker import Tx


def claim(tx: Tx, hold: str, demands: Sequence[Demand], ttl: float) -> Grant | Refusal:
    """See `Store.claim`."""
    sheet = tx.sheet
    state, held = _known(tx, hold)
    outcome, changes = counters.claim(sheet.read, demands, still_held(state, held), tx.now)
    if isinstance(outcome, Grant):
        _keep(tx, hold, LIVE, tx.now + micros(ttl), encode_demands(demands))
    sheet.change(changes)
    return outcome


def settle(tx: Tx, hold: str, actual: Mapping[str, int], row: Row | None, mail: Sequence[tuple[str, bytes]]) -> Settled:
    """See `Store.settle`."""
    sheet = tx.sheet
    state, held = _known(tx, hold)
    booked = row is not None and ledger.has(tx, row.id)
    if state == SETTLED or (state is None and booked):
        return Settled(first=False)
    changes, crossed = counters.settle(sheet.read, still_held(state, held), actual, tx.now)
    sheet.change(changes)
    _keep(tx, hold, SETTLED, tx.now + KEEP_SETTLED, b"")
    if row is not None and not booked:
        ledger.add(tx, row)
    outbox.post(tx, mail)
    return Settled(first=True, crossed=crossed)


def renew(tx: Tx, holds: Sequence[str], ttl: float) -> set[str]:
    """See `Store.renew`."""
    tx.reap()
    alive = set()
    for hold in holds:
        update = "UPDATE holds SET deadline = ? WHERE hold = ? AND state = ?"
        if tx.db.execute(update, (tx.now + micros(ttl), hold, LIVE)).rowcount:
            alive.add(hold)
    return alive


def expired(tx: Tx, limit: int) -> list[Lost]:
    """See `Store.expired`."""
    tx.reap()
    taken = tx.db.execute(
        "SELECT hold, demands FROM holds WHERE state = ? ORDER BY deadline LIMIT ?", (LOST, limit)
    ).fetchall()
    tx.db.executemany("DELETE FROM holds WHERE hold = ?", [(hold,) for hold, _ in taken])
    return [Lost(hold=hold, demands=decode_demands(demands)) for hold, demands in taken]


def levels(tx: Tx, demands: Sequence[Demand]) -> list[Level]:
    """See `Store.levels`."""
    return counters.levels_of(tx.sheet.read, demands, tx.now)


def _known(tx: Tx, hold: str) -> tuple[int | None, tuple[Demand, ...]]:
    found = tx.db.execute("SELECT state, demands FROM holds WHERE hold = ?", (hold,)).fetchone()
    if found is None:
        return None, ()
    state, demands = found
    return state, decode_demands(demands) if demands else ()


def _keep(tx: Tx, hold: str, state: int, deadline: int, demands: bytes) -> None:
    tx.db.execute(
        "INSERT INTO holds (hold, state, deadline, demands) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET state = excluded.state, deadline = excluded.deadline, "
        "demands = excluded.demands",
        (hold, state, deadline, demands),
    )
