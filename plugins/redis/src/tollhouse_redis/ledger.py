"""Reading the ledger: rows by time, by id and by request, and sums over hours."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from tollhouse.store import Row, Sum
from tollhouse.store.arguments import DIMENSIONS
from tollhouse.store.tally import Figures

from .claims import row_of
from .packing import operation

Run = Callable[[bytes], Awaitable[Any]]

PAGE = 500
"""Rows asked for at once."""
HOURS_AT_ONCE = 12
SLICE = 1000
"""Groups added up before other tasks get a turn: a few milliseconds."""

_figures = struct.Struct(">6d")
_group = msgspec.msgpack.Decoder(tuple[str, ...]).decode


async def rows(run: Run, since: float, until: float, where: Mapping[str, str], after: str, limit: int) -> list[Row]:
    """See `Store.rows`; the names must be among `COLUMNS`."""
    if "id" in where or "request_id" in where:
        return await _named(run, since, until, where, after, limit)
    found: list[Row] = []
    while len(found) < limit:
        wanted = PAGE if where else min(PAGE, limit - len(found))
        page = [row_of(data) for data in await run(operation("rows", repr(since), repr(until), after, wanted))]
        if not page:
            break
        found += [row for row in page if _fits(row, where)]
        after = page[-1].id
    return found[:limit]


async def sums(run: Run, by: Sequence[str], since: float, until: float, where: Mapping[str, str]) -> list[Sum]:
    """See `Store.sums`; the names must be among `DIMENSIONS`."""
    totals: dict[tuple[str, ...], list[int]] = {}
    hours = await run(operation("hours", repr(since), repr(until)))
    for at in range(0, len(hours), HOURS_AT_ONCE):
        some = hours[at : at + HOURS_AT_ONCE]
        kept = await asyncio.gather(*(run(operation("sums", hour.decode())) for hour in some))
        for hour, pairs in zip(some, kept, strict=True):
            await _add(totals, hour.decode(), pairs, by, where)
    ordered = sorted(totals.items(), key=lambda total: (-total[1][Figures._fields.index("cost")], total[0]))
    return [Sum(by=group, **dict(zip(Figures._fields, figures, strict=True))) for group, figures in ordered]


async def _named(run: Run, since: float, until: float, where: Mapping[str, str], after: str, limit: int) -> list[Row]:
    asked = operation("row", where["id"]) if "id" in where else operation("named", where["request_id"])
    found = [row for row in map(row_of, await run(asked)) if since <= row.at < until and _fits(row, where)]
    if after:
        last = [row_of(data) for data in await run(operation("row", after))]
        found = [row for row in found if last and _order(row) < _order(last[0])]
    return sorted(found, key=_order, reverse=True)[:limit]


def _fits(row: Row, where: Mapping[str, str]) -> bool:
    return all(getattr(row, name) == value for name, value in where.items())


def _order(row: Row) -> tuple[float, str]:
    return row.at, row.id


async def _add(
    totals: dict[tuple[str, ...], list[int]],
    hour: str,
    pairs: Sequence[bytes],
    by: Sequence[str],
    where: Mapping[str, str],
) -> None:
    for at in range(0, len(pairs), 2):
        if at % (2 * SLICE) == 0:
            await asyncio.sleep(0)
        columns = dict(zip(DIMENSIONS, (*_group(pairs[at]), hour), strict=True))
        if not where.items() <= columns.items():
            continue
        group = tuple(columns[name] for name in by)
        figures = map(int, _figures.unpack(pairs[at + 1]))
        before = totals.get(group)
        totals[group] = list(figures) if before is None else list(map(sum, zip(before, figures, strict=True)))
