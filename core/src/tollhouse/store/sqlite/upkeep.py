"""What keeps the file small: deleting what is over, in short transactions, by one process at a time."""

from __future__ import annotations

from ..holds import LIVE
from . import logs, values
from .worker import Tx

SWEEP_EVERY = 60_000_000
"""Microseconds between two sweeps of a file, however many processes share it."""

_AT_ONCE = 2_000


def sweep(tx: Tx) -> None:
    """Delete a bounded number of forgotten holds, idle counters, dead values and old messages."""
    started = tx.db.execute(
        "INSERT INTO sweeps (name, at) VALUES ('all', ?) ON CONFLICT DO UPDATE SET at = excluded.at "
        "WHERE at > excluded.at OR at <= ?",
        (tx.now, tx.now - SWEEP_EVERY),
    ).rowcount
    if not started:
        return
    tx.db.execute(
        "DELETE FROM holds WHERE hold IN (SELECT hold FROM holds WHERE state > ? AND deadline <= ? LIMIT ?)",
        (LIVE, tx.now, _AT_ONCE),
    )
    tx.db.execute("DELETE FROM counters WHERE idle <= ?", (tx.now,))
    values.sweep(tx, _AT_ONCE)
    logs.sweep(tx)


def checkpoint(tx: Tx) -> None:
    """Copy the write-ahead log into the file without stopping anybody; wants a connection of its own."""
    tx.db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
