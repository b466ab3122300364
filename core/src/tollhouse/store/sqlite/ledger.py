"""The ledger: a row an exchange, and its hourly rollups, written together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from ..arguments import DIMENSIONS
from ..interface import Row, Sum
from ..tally import figures_of, group_of, hour_of
from .worker import Tx

_COLUMNS = {name: f'"{name}"' for name in DIMENSIONS} | {"hour": "CAST(hour AS TEXT)"}


def has(tx: Tx, id_: str) -> bool:
    """Whether this row was booked."""
    return tx.db.execute("SELECT 1 FROM ledger WHERE id = ?", (id_,)).fetchone() is not None


def add(tx: Tx, row: Row) -> None:
    """Book a row that is not booked yet. Months are UTC's; lists and maps are JSON."""
    month = datetime.fromtimestamp(row.at, UTC).strftime("%Y-%m")
    tags, tokens, attempts = (_json(value) for value in (row.tags, row.tokens, row.attempts))
    group = group_of(row)
    tx.db.execute(
        "INSERT INTO ledger (id, month, at, key, user, team, model, target, provider, outcome, tags, tokens, "
        "cost, saved, attempts, usage_source, request_id) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(row.id, month, row.at, *group, tags, tokens),
            *(row.cost, row.saved, attempts, row.usage_source, row.request_id),
        ),
    )
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


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
