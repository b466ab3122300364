"""The counters one transaction touches: read once, written once, however many jobs of the batch move them."""

from __future__ import annotations

import sqlite3

import msgspec

from .. import counters
from ..counters import FRESH, Changes, Counter, Spot
from ..holds import KEEP_LOST, LIVE, LOST
from ..interface import Demand

_REAPED = 1000
"""Holds lost in one transaction at most, so that none takes long after a crash; the next takes more."""

encode_demands = msgspec.msgpack.Encoder().encode
decode_demands = msgspec.msgpack.Decoder(tuple[Demand, ...]).decode


class Sheet:
    """Counters by their spot."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._counters: Changes = {}
        self._changed: set[Spot] = set()

    def read(self, where: Spot) -> Counter:
        """Where a counter stands within this transaction."""
        counter = self._counters.get(where)
        if counter is None:
            row = self._db.execute(
                "SELECT used, at, part, peak, idle FROM counters WHERE key = ? AND kind = ? AND until = ?",
                (where.key, where.kind, where.until),
            ).fetchone()
            counter = self._counters[where] = Counter(*row) if row else FRESH
        return counter

    def change(self, changes: Changes) -> None:
        """Let the counters stand like this from now on."""
        self._counters |= changes
        self._changed |= changes.keys()

    def reap(self, now: int, *, record: bool) -> None:
        """Lose the holds whose time ran out; without `record` only this sheet's counters show it."""
        due = self._db.execute(
            "SELECT hold, demands FROM holds WHERE state = ? AND deadline <= ? ORDER BY deadline LIMIT ?",
            (LIVE, now, _REAPED),
        ).fetchall()
        for hold, demands in due:
            self.change(counters.lose(self.read, decode_demands(demands), now))
            if record:
                update = "UPDATE holds SET state = ?, deadline = ? WHERE hold = ?"
                self._db.execute(update, (LOST, now + KEEP_LOST, hold))

    def flush(self) -> None:
        """Write what changed."""
        self._db.executemany(
            "INSERT INTO counters (kind, key, until, used, at, part, peak, idle) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET used = excluded.used, at = excluded.at, part = excluded.part, "
            "peak = excluded.peak, idle = excluded.idle",
            [(*where, *self._counters[where]) for where in self._changed],
        )
