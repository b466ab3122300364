"""The outbox: messages that leave after the transaction that wrote them, leased to whoever delivers them."""

from __future__ import annotations

from collections.abc import Sequence

from ..counters import micros
from ..interface import Mail
from .worker import Tx


def post(tx: Tx, mail: Sequence[tuple[str, bytes]]) -> None:
    """Queue messages, due at once."""
    tx.db.executemany(
        "INSERT INTO mail (queue, due, tries, data) VALUES (?, ?, 0, ?)",
        [(queue, tx.now, data) for queue, data in mail],
    )


def take(tx: Tx, queue: str, n: int, lease: float) -> list[Mail]:
    """See `Store.take`."""
    due = tx.db.execute(
        "SELECT id, data, tries + 1 FROM mail WHERE queue = ? AND due <= ? ORDER BY due, id LIMIT ?",
        (queue, tx.now, n),
    ).fetchall()
    tx.db.executemany(
        "UPDATE mail SET due = ?, tries = tries + 1 WHERE id = ?",
        [(tx.now + micros(lease), id_) for id_, _, _ in due],
    )
    return [Mail(id=str(id_), queue=queue, data=data, tries=tries) for id_, data, tries in due]


def done(tx: Tx, queue: str, ids: Sequence[str], again_at: float | None, dead: bool) -> None:
    """See `Store.done`."""
    mine = [(queue, int(id_)) for id_ in ids]
    if dead:
        update = "UPDATE mail SET queue = ?, due = ? WHERE queue = ? AND id = ?"
        tx.db.executemany(update, [(f"{queue}:dead", tx.now, *mail) for mail in mine])
    elif again_at is not None:
        update = "UPDATE mail SET due = ? WHERE queue = ? AND id = ?"
        tx.db.executemany(update, [(micros(again_at), *mail) for mail in mine])
    else:
        tx.db.executemany("DELETE FROM mail WHERE queue = ? AND id = ?", mine)
