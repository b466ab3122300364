"""What keeps the file small: deleting what is over, in short transactions, by one process at a time."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

from ..holds import LIVE
from . import logs, values
from .worker import Tx

SWEEP_EVERY = 60_000_000
CHECKPOINT_EVERY = 1_000_000
"""Microseconds between two sweeps or checkpoints of a file, however many processes share it.

Checkpoints on each other's heels can lose a commit in SQLite before 3.51.3 (https://sqlite.org/wal.html, "The
WAL-Reset Bug")."""

LONG = 16_384
"""Pages of a write-ahead log that must start again."""

_AT_ONCE = 2_000
_PATIENCE = 0.25


def sweep(tx: Tx) -> None:
    """Delete a bounded number of forgotten holds, idle counters, dead values and old messages."""
    if not has_turn(tx, "sweep", SWEEP_EVERY):
        return
    tx.db.execute(
        "DELETE FROM holds WHERE hold IN (SELECT hold FROM holds WHERE state > ? AND deadline <= ? LIMIT ?)",
        (LIVE, tx.now, _AT_ONCE),
    )
    tx.db.execute("DELETE FROM counters WHERE idle <= ?", (tx.now,))
    values.sweep(tx, _AT_ONCE)
    logs.sweep(tx)


def has_turn(tx: Tx, name: str, every: int) -> bool:
    """Whether nobody on this file had a turn within so many microseconds; if so, this is one."""
    return bool(
        tx.db.execute(
            "INSERT INTO turns (name, at) VALUES (?, ?) ON CONFLICT DO UPDATE SET at = excluded.at "
            "WHERE at > excluded.at OR at <= ?",
            (name, tx.now, tx.now - every),
        ).rowcount
    )


def checkpoint(tx: Tx, connect: Callable[[], sqlite3.Connection]) -> None:
    """Copy the write-ahead log into the file without stopping anybody; wants a connection of its own.

    The log starts again when all of it is copied, which never comes true while several processes write without a
    pause. So a long log's remainder is copied while this process holds the writers' lock and writes nothing. Nobody
    can then begin the log anew beside this checkpoint, though it follows another one.
    """
    if _copy(tx.db) < LONG:
        return
    with closing(connect()) as holder:
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            try:
                holder.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                time.sleep(random.uniform(50e-6, 400e-6))  # noqa: S311
            else:
                _copy(tx.db)
                holder.execute("ROLLBACK")
                return


def _copy(db: sqlite3.Connection) -> int:
    """A checkpoint; returns how many pages the log has."""
    [(_, pages, _)] = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    return int(pages)
