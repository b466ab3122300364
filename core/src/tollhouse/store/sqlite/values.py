"""Small values: versions for compare-and-set, times to live, and tags that forget many at once."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import msgspec

from ..counters import micros
from ..interface import Value
from .worker import Tx

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, int]).decode


def get(tx: Tx, keys: Iterable[str]) -> list[Value | None]:
    """See `Store.get`."""
    return [_find(tx, key) for key in keys]


def put(tx: Tx, key: str, data: bytes, ttl: float | None, tags: Sequence[str], expect: int | None) -> int | None:
    """See `Store.put`. A version is never given twice, not even after a drop."""
    if expect is not None:
        there = _find(tx, key)
        if (there.version if there else 0) != expect:
            return None
    tx.db.executemany("INSERT OR IGNORE INTO tags (tag, generation) VALUES (?, 0)", [(tag,) for tag in tags])
    generations = _encode({tag: _generation(tx, tag) for tag in tags}) if tags else None
    return tx.db.execute(
        "INSERT OR REPLACE INTO vals (key, data, expires, tags) VALUES (?, ?, ?, ?)",
        (key, data, None if ttl is None else tx.now + micros(ttl), generations),
    ).lastrowid


def drop(tx: Tx, keys: Iterable[str], tag: str | None) -> int:
    """See `Store.drop`."""
    dropped = 0
    for key in keys:
        dropped += _find(tx, key) is not None
        tx.db.execute("DELETE FROM vals WHERE key = ?", (key,))
    if tag is not None:
        update = "UPDATE tags SET generation = generation + 1 WHERE tag = ?"
        dropped += tx.db.execute(update, (tag,)).rowcount
    return dropped


def scan(tx: Tx, prefix: str, after: str, limit: int) -> list[tuple[str, Value]]:
    """See `Store.scan`."""
    found: list[tuple[str, Value]] = []
    rows = tx.db.execute(
        "SELECT key, data, version, expires, tags FROM vals WHERE key >= ? AND key > ? ORDER BY key",
        (prefix, after),
    )
    for key, *kept in rows:
        if len(found) >= limit or not key.startswith(prefix):
            break
        value = _value(tx, *kept)
        if value is not None:
            found.append((key, value))
    return found


def sweep(tx: Tx, limit: int) -> None:
    """Delete up to `limit` values past their time, and, in a random stretch, those whose tag was dropped."""
    tx.db.execute(
        "DELETE FROM vals WHERE version IN (SELECT version FROM vals WHERE expires <= ? LIMIT ?)",
        (tx.now, limit),
    )
    newest = tx.db.execute("SELECT max(version) FROM vals").fetchone()[0] or 0
    stretch = tx.db.execute(
        "SELECT version, expires, tags FROM vals WHERE version >= ? AND tags IS NOT NULL ORDER BY version LIMIT ?",
        (random.randint(0, newest), limit),  # noqa: S311
    ).fetchall()
    dead = [(version,) for version, expires, tags in stretch if not _alive(tx, expires, tags)]
    tx.db.executemany("DELETE FROM vals WHERE version = ?", dead)


def _find(tx: Tx, key: str) -> Value | None:
    found = tx.db.execute("SELECT data, version, expires, tags FROM vals WHERE key = ?", (key,)).fetchone()
    return _value(tx, *found) if found else None


def _value(tx: Tx, data: bytes, version: int, expires: int | None, tags: bytes | None) -> Value | None:
    return Value(data=data, version=version) if _alive(tx, expires, tags) else None


def _alive(tx: Tx, expires: int | None, tags: bytes | None) -> bool:
    if expires is not None and expires <= tx.now:
        return False
    generations = _decode(tags) if tags else {}
    return all(_generation(tx, tag) == generation for tag, generation in generations.items())


def _generation(tx: Tx, tag: str) -> int:
    found = tx.db.execute("SELECT generation FROM tags WHERE tag = ?", (tag,)).fetchone()
    return int(found[0]) if found else 0
