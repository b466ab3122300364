"""Logs, leaders and messages: what several processes tell each other through the file."""

from __future__ import annotations

from collections.abc import Sequence

from ..counters import micros
from .worker import Tx

KEEP_MESSAGES = 60_000_000
"""Microseconds that a published message stays for the other processes to poll."""


def append(tx: Tx, log: str, items: Sequence[bytes]) -> str:
    """See `Store.append`."""
    last = ""
    for data in items:
        insert = "INSERT INTO logs (log, at, data) VALUES (?, ?, ?)"
        last = _id(tx.db.execute(insert, (log, tx.now, data)).lastrowid or 0)
    return last


def read(tx: Tx, log: str, after: str, limit: int) -> list[tuple[str, bytes]]:
    """See `Store.read`."""
    query = "SELECT id, data FROM logs WHERE log = ? AND id > ? ORDER BY id LIMIT ?"
    return [(_id(id_), data) for id_, data in tx.db.execute(query, (log, int(after or 0), limit))]


def trim(tx: Tx, log: str, before: float) -> int:
    """See `Store.trim`."""
    first = "SELECT id FROM logs WHERE log = ? AND at >= ? ORDER BY id LIMIT 1"
    kept = tx.db.execute(first, (log, micros(before))).fetchone()
    if kept is None:
        return tx.db.execute("DELETE FROM logs WHERE log = ?", (log,)).rowcount
    return tx.db.execute("DELETE FROM logs WHERE log = ? AND id < ?", (log, kept[0])).rowcount


def lead(tx: Tx, name: str, owner: str, ttl: float) -> bool:
    """See `Store.lead`."""
    return bool(
        tx.db.execute(
            "INSERT INTO leaders (name, owner, until) VALUES (?, ?, ?) ON CONFLICT DO UPDATE "
            "SET owner = excluded.owner, until = excluded.until WHERE owner = excluded.owner OR until <= ?",
            (name, owner, tx.now + micros(ttl), tx.now),
        ).rowcount
    )


def abdicate(tx: Tx, owner: str) -> None:
    """Lead nothing any more."""
    tx.db.execute("DELETE FROM leaders WHERE owner = ?", (owner,))


def publish(tx: Tx, topic: str, sender: str, data: bytes) -> None:
    """Leave a message for the other processes."""
    insert = "INSERT INTO messages (at, topic, sender, data) VALUES (?, ?, ?, ?)"
    tx.db.execute(insert, (tx.now, topic, sender, data))


def messages(tx: Tx, after: int, since: int, reader: str) -> list[tuple[int, int, str, bytes]]:
    """(id, instant, topic, data) of what others published after an id and since an instant."""
    return tx.db.execute(
        "SELECT id, at, topic, data FROM messages WHERE id > ? AND at >= ? AND sender <> ? ORDER BY id",
        (after, since, reader),
    ).fetchall()


def sweep(tx: Tx) -> None:
    """Delete messages that everybody has seen by now."""
    tx.db.execute("DELETE FROM messages WHERE at <= ?", (tx.now - KEEP_MESSAGES,))


def _id(number: int) -> str:
    return f"{number:016d}"
