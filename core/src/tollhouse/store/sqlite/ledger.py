"""The ledger: a row an exchange, and its hourly rollups, written together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ..arguments import DIMENSIONS
from ..interface import Row, Sum
from ..tally import figures_of, group_of, hour_of
from .worker import Tx

AT_ONCE = 1_000
"""Rows deleted in one transaction at most, so that no claim waits long behind it."""
_PAGES = 512
"""Pages given back to the file system in one transaction at most: about twice what so many rows take."""

_FIELDS = Row.__struct_fields__
_MAPS = ("tags", "tokens", "attempts")
_NAMES = ", ".join(f'"{name}"' for name in _FIELDS)
_BY_REQUEST = (
    "request_id = ? AND id IN (SELECT ? UNION ALL SELECT id FROM ledger WHERE request_id = ? AND request_id <> id)"
)
"""The index of request ids has only those that are not their exchange's own id."""
_INSERT = f"INSERT INTO ledger ({_NAMES}) VALUES ({', '.join('?' * len(_FIELDS))})"  # noqa: S608
_COLUMNS = {name: f'"{name}"' for name in DIMENSIONS} | {"hour": "CAST(hour AS TEXT)"}


def has(tx: Tx, id_: str) -> bool:
    """Whether this row was booked."""
    return tx.db.execute("SELECT 1 FROM ledger WHERE id = ?", (id_,)).fetchone() is not None


def add(tx: Tx, row: Row) -> None:
    """Book a row that is not booked yet. Lists and maps are JSON."""
    group = group_of(row)
    values = [_json(getattr(row, name)) if name in _MAPS else getattr(row, name) for name in _FIELDS]
    tx.db.execute(_INSERT, values)
    tx.db.execute(
        "INSERT INTO rollups (hour, key, user, team, model, target, provider, outcome, "
        "requests, input, output, cost, unpriced, saved) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET requests = requests + excluded.requests, input = input + excluded.input, "
        "output = output + excluded.output, cost = cost + excluded.cost, "
        "unpriced = unpriced + excluded.unpriced, saved = saved + excluded.saved",
        (hour_of(row.at), *group, *figures_of(row)),
    )


def sums(tx: Tx, by: Sequence[str], since: float, until: float, where: Mapping[str, str]) -> list[Sum]:
    """See `Store.sums`; the names must be among `DIMENSIONS`."""
    columns = [_COLUMNS[name] for name in by]
    tests = ["hour >= ?", "hour < ?", *(f"{_COLUMNS[name]} = ?" for name in where)]
    query = (
        f"SELECT sum(requests), sum(input), sum(output), sum(cost), sum(unpriced), sum(saved)"  # noqa: S608
        f"{''.join(f', {column}' for column in columns)} FROM rollups WHERE {' AND '.join(tests)}"
        f"{' GROUP BY ' + ', '.join(columns) if columns else ''}"
        f" ORDER BY {', '.join(['sum(cost) DESC', *columns])}"
    )
    found = tx.db.execute(query, (since, until, *where.values()))
    return [
        Sum(
            by=tuple(group),
            requests=requests,
            input=input_,
            output=output,
            cost=cost,
            unpriced=unpriced,
            saved=saved,
        )
        for requests, input_, output, cost, unpriced, saved, *group in found
        if requests is not None
    ]


def rows(tx: Tx, since: float, until: float, where: Mapping[str, str], after: str, limit: int) -> list[Row]:
    """See `Store.rows`; the names must be among `COLUMNS`."""
    tests = ["at >= ?", "at < ?"]
    values: list[float | str] = [since, until]
    if after:
        last = tx.db.execute("SELECT at, id FROM ledger WHERE id = ?", (after,)).fetchone()
        if last is None:
            return []
        tests.append("(at, id) < (?, ?)")
        values += last
    for name, value in where.items():
        tests.append(_BY_REQUEST if name == "request_id" else f'"{name}" = ?')
        values += [value] * tests[-1].count("?")
    query = f"SELECT {_NAMES} FROM ledger WHERE {' AND '.join(tests)} ORDER BY at DESC, id DESC LIMIT ?"  # noqa: S608
    return [_row(found) for found in tx.db.execute(query, (*values, limit))]


def forget(tx: Tx, start: int) -> int:
    """Delete the oldest rows and rollups of before a unix second, `AT_ONCE` of each; returns how many rows. There
    are never more rollups than rows, so that both are gone once this returns 0."""
    oldest = "SELECT rowid FROM ledger WHERE at < ? ORDER BY at LIMIT ?"
    deleted = tx.db.execute(f"DELETE FROM ledger WHERE rowid IN ({oldest})", (start, AT_ONCE)).rowcount  # noqa: S608
    keys = "hour, key, user, team, model, target, provider, outcome"
    oldest = f"SELECT {keys} FROM rollups WHERE hour < ? ORDER BY hour LIMIT ?"  # noqa: S608
    tx.db.execute(f"DELETE FROM rollups WHERE ({keys}) IN ({oldest})", (start, AT_ONCE))  # noqa: S608
    [free] = tx.db.execute("PRAGMA freelist_count").fetchone()
    for _ in range(min(free, _PAGES)):
        tx.db.execute("PRAGMA incremental_vacuum(1)")  # It gives a page back with each step, and Python steps once.
    return deleted


def _row(values: Sequence[Any]) -> Row:
    fields = dict(zip(_FIELDS, values, strict=True))
    fields |= {name: msgspec.json.decode(fields[name]) for name in _MAPS}
    return msgspec.convert(fields, Row)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
