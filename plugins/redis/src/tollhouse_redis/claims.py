"""Claims and settlements on their way to the script and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from tollhouse.store import Demand, Grant, Level, Lost, Refusal, Row, Settled
from tollhouse.store.counters import Counter, capacity, level_of, micros, spot, wait_of
from tollhouse.store.tally import figures_of, group_of, hour_of, month_of

from .packing import blob, operation

LONGEST_PERIOD = 2**50
"""Microseconds, 35 years: what Lua's numbers can refill by exactly."""

_Kind = Literal["rate", "window", "slots"]
_KINDS: dict[_Kind, str] = {"rate": "r", "window": "w", "slots": "s"}
_encode = msgspec.msgpack.Encoder().encode
_Policy = Literal["refuse", "share", "allow"]
_Packed = tuple[str, str, int, int, int, int, int, str, bool, tuple[int, ...], str, _Policy, float, float]
_decode = msgspec.msgpack.Decoder(tuple[_Packed, ...]).decode
_decode_row = msgspec.msgpack.Decoder(Row).decode
_NAMES = {letter: name for name, letter in _KINDS.items()}


def packed_demands(demands: Sequence[Demand]) -> bytes:
    """Demands as the script reads them, and keeps them with the hold. Raises ValueError for a period too long."""
    return _encode([_packed(demand) for demand in demands])


def claim(hold: str, demands: Sequence[Demand], ttl: float) -> bytes:
    """The operation of `Store.claim`."""
    return operation("claim", hold, micros(ttl), blob(packed_demands(demands)))


def claimed(answer: list[Any], demands: Sequence[Demand]) -> Grant | Refusal:
    """What the script said to a claim."""
    granted, now, figures, *rest = answer
    levels = tuple(_levels(figures, demands, now))
    if granted:
        crossed, shadowed = rest
        return Grant(
            levels=levels,
            crossed=_crossed(crossed) if crossed else (),
            shadowed=tuple(demands[at].key for at in shadowed),
        )
    worst: tuple[float, Demand, Level] | None = None
    refusing = iter(rest[0])
    for at, used, part, more in zip(refusing, refusing, refusing, refusing, strict=True):
        demand, counter = demands[at], Counter(used=used, part=part)
        wait = wait_of(counter, demand, used + more - capacity(demand), now)
        if worst is None or wait > worst[0]:
            worst = (wait, demand, level_of(counter, demand, now))
    assert worst is not None
    wait, demand, level = worst
    return Refusal(key=demand.key, level=level, retry_in=None if wait == float("inf") else wait, levels=levels)


def settle(hold: str, actual: Mapping[str, int], row: Row | None, mail: Sequence[tuple[str, bytes]]) -> bytes:
    """The operation of `Store.settle`."""
    letters = [(queue, blob(bytes(data))) for queue, data in mail]
    return operation("settle", hold, dict(actual), False if row is None else _booking(row), letters)


def settled(answer: list[Any]) -> Settled:
    """What the script said to a settlement."""
    first, crossed = answer
    return Settled(first=bool(first), crossed=_crossed(crossed))


def levels(answer: list[Any], demands: Sequence[Demand]) -> list[Level]:
    """What the script said about counters."""
    now, figures = answer
    return _levels(figures, demands, now)


def lost(answer: list[bytes]) -> list[Lost]:
    """The holds that the script took."""
    pairs = zip(answer[::2], answer[1::2], strict=True)
    return [Lost(hold=hold.decode(), demands=tuple(map(_demand, _decode(packed)))) for hold, packed in pairs]


def row_of(data: bytes) -> Row:
    """A row as it was booked."""
    return _decode_row(data)


def _packed(demand: Demand) -> _Packed:
    where = spot(demand)
    kind, period = _KINDS[demand.kind], micros(demand.period)
    if period > LONGEST_PERIOD:
        raise ValueError(f"{demand.key}: a period is at most {LONGEST_PERIOD // 1_000_000} seconds on Redis")
    return (
        f"w:{where.until}:{demand.key}" if kind == "w" else f"{kind}:{demand.key}",
        kind,
        demand.amount,
        demand.limit,
        demand.burst if kind == "r" else 0,
        period,
        where.until,
        demand.measure,
        demand.enforce,
        demand.marks,
        demand.key,
        demand.if_lost,
        demand.period,
        demand.until,
    )


def _demand(packed: _Packed) -> Demand:
    _, kind, amount, limit, burst, _, _, measure, enforce, marks, key, if_lost, period, until = packed
    return Demand(
        key=key,
        kind=_NAMES[kind],
        measure=measure,
        amount=amount,
        limit=limit,
        period=period,
        burst=burst,
        until=until,
        enforce=enforce,
        if_lost=if_lost,
        marks=marks,
    )


def _booking(row: Row) -> tuple[Any, ...]:
    """The row, and under what it is found and added up."""
    return (
        row.id,
        repr(float(row.at)),
        month_of(row.at),
        hour_of(row.at),
        blob(_encode(group_of(row))),
        row.request_id,
        blob(_encode(row)),
        tuple(figures_of(row)),
    )


def _levels(figures: list[int], demands: Sequence[Demand], now: int) -> list[Level]:
    counters = zip(figures[::2], figures[1::2], demands, strict=True)
    return [level_of(Counter(used=used, part=part), demand, now) for used, part, demand in counters]


def _crossed(pairs: list[Any]) -> tuple[tuple[str, int], ...]:
    return tuple((key.decode(), mark) for key, mark in zip(pairs[::2], pairs[1::2], strict=True))
