"""The store in one process' memory: exact, forgotten at exit; for tests, trials and small gateways."""

from __future__ import annotations

import heapq
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import ConfigError
from . import counters
from .arguments import (
    DIMENSIONS,
    check_claim,
    check_columns,
    check_data,
    check_dimensions,
    check_keys,
    check_put,
    check_settle,
    check_ttl,
)
from .counters import FRESH, Counter, Spot, micros
from .holds import KEEP_LOST, KEEP_SETTLED, LIVE, LOST, SETTLED, still_held
from .interface import Demand, Grant, Level, Lost, Mail, Refusal, Row, Settled, Store, Sum, Value
from .tally import Figures, figures_of, group_of, hour_of, month_of
from .topics import Subscription, Topics

_SWEEP_EVERY = 60_000_000
_BOOKED = 100_000
"""Ledger rows whose ids are remembered, so that none counts twice."""
ROWS = 10_000
"""Ledger rows that are kept, the latest booked; their rollups stay."""


def open_memory(url: str, *, clock: Callable[[], float] = time.time) -> Store:
    """Open `memory:`; every call opens a store of its own. `clock` gives unix seconds."""
    if url != "memory:":
        raise ConfigError(f"{url!r} is not a memory store", path="store.url", hint="Write `memory:`.")
    return MemoryStore(clock)


@dataclass(slots=True)
class _Hold:
    state: int
    deadline: int
    demands: tuple[Demand, ...]


@dataclass(slots=True)
class _Value:
    value: Value
    expires: int | None
    tags: dict[str, int]


@dataclass(slots=True)
class _Mail:
    data: bytes
    due: int
    tries: int = 0


class MemoryStore:
    """`Store` over dicts: no call ever waits, so every call is atomic."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._counters: dict[Spot, Counter] = {}
        self._holds: dict[str, _Hold] = {}
        self._deadlines: list[tuple[int, str]] = []
        self._lost: deque[str] = deque()
        self._values: dict[str, _Value] = {}
        self._tags: dict[str, int] = {}
        self._logs: defaultdict[str, deque[tuple[str, int, bytes]]] = defaultdict(deque)
        self._booked: dict[str, None] = {}
        self._rows: deque[Row] = deque(maxlen=ROWS)
        self._rollups: dict[tuple[str, ...], Figures] = {}
        self._mail: defaultdict[str, dict[int, _Mail]] = defaultdict(dict)
        self._topics = Topics()
        self._serial = 0
        self._swept = 0

    async def claim(self, hold: str, demands: Sequence[Demand], ttl: float) -> Grant | Refusal:
        """See `Store.claim`."""
        check_claim(hold, demands, ttl)
        now = self._now()
        outcome, changes = counters.claim(self._read, demands, self._held(hold), now)
        self._counters |= changes
        if isinstance(outcome, Grant):
            self._keep(hold, _Hold(LIVE, now + micros(ttl), tuple(demands)))
        return outcome

    async def settle(
        self,
        hold: str,
        actual: Mapping[str, int],
        *,
        row: Row | None = None,
        mail: Sequence[tuple[str, bytes]] = (),
    ) -> Settled:
        """See `Store.settle`."""
        check_settle(hold, actual, row, mail)
        now = self._now()
        known = self._holds.get(hold)
        if known.state == SETTLED if known else row is not None and row.id in self._booked:
            return Settled(first=False)
        changes, crossed = counters.settle(self._read, self._held(hold), actual, now)
        self._counters |= changes
        self._keep(hold, _Hold(SETTLED, now + KEEP_SETTLED, ()))
        if row is not None:
            self._book(row)
        for queue, data in mail:
            self._mail[queue][self._next()] = _Mail(data, now)
        return Settled(first=True, crossed=crossed)

    async def renew(self, holds: Sequence[str], ttl: float) -> set[str]:
        """See `Store.renew`."""
        check_ttl(ttl)
        now = self._now()
        alive = {hold for hold in holds if hold in self._holds and self._holds[hold].state == LIVE}
        for hold in alive:
            self._keep(hold, _Hold(LIVE, now + micros(ttl), self._holds[hold].demands))
        return alive

    async def expired(self, limit: int) -> list[Lost]:
        """See `Store.expired`."""
        self._now()
        taken: list[Lost] = []
        while self._lost and len(taken) < limit:
            hold = self._lost.popleft()
            known = self._holds.get(hold)
            if known is not None and known.state == LOST:
                taken.append(Lost(hold=hold, demands=known.demands))
                del self._holds[hold]
        return taken

    async def levels(self, demands: Sequence[Demand]) -> list[Level]:
        """See `Store.levels`."""
        return counters.levels_of(self._read, demands, self._now())

    async def get(self, *keys: str) -> list[Value | None]:
        """See `Store.get`."""
        now = self._now()
        return [self._live(key, now) for key in keys]

    async def put(
        self,
        key: str,
        data: bytes,
        *,
        ttl: float | None = None,
        tags: Sequence[str] = (),
        expect: int | None = None,
    ) -> int | None:
        """See `Store.put`."""
        check_put(key, data, ttl, tags)
        now = self._now()
        if expect is not None:
            there = self._live(key, now)
            if (there.version if there else 0) != expect:
                return None
        value = Value(data=bytes(data), version=self._next())
        generations = {tag: self._tags.setdefault(tag, 0) for tag in tags}
        self._values[key] = _Value(value, None if ttl is None else now + micros(ttl), generations)
        return value.version

    async def drop(self, *keys: str, tag: str | None = None) -> int:
        """See `Store.drop`."""
        now = self._now()
        dropped = 0
        for key in keys:
            dropped += self._live(key, now) is not None
            self._values.pop(key, None)
        if tag is not None and tag in self._tags:
            self._tags[tag] += 1
            dropped += 1
        return dropped

    async def scan(self, prefix: str, after: str = "", limit: int = 100) -> AsyncIterator[tuple[str, Value]]:
        """See `Store.scan`."""
        now = self._now()
        keys = sorted(key for key in self._values if key.startswith(prefix) and key > after)
        live = [(key, value) for key in keys if (value := self._live(key, now)) is not None]
        for pair in live[:limit]:
            yield pair

    async def append(self, log: str, items: Sequence[bytes]) -> str:
        """See `Store.append`."""
        check_keys(log)
        check_data(items)
        now = self._now()
        last = ""
        for data in items:
            last = f"{self._next():016d}"
            self._logs[log].append((last, now, bytes(data)))
        return last

    async def read(self, log: str, after: str = "", limit: int = 1000) -> list[tuple[str, bytes]]:
        """See `Store.read`."""
        later = ((id_, data) for id_, _, data in self._logs.get(log, ()) if id_ > after)
        return [item for item, _ in zip(later, range(limit), strict=False)]

    async def trim(self, log: str, before: float) -> int:
        """See `Store.trim`."""
        items = self._logs.get(log, deque())
        trimmed = 0
        while items and items[0][1] < micros(before):
            items.popleft()
            trimmed += 1
        return trimmed

    async def sums(
        self, by: Sequence[str], since: float, until: float, where: Mapping[str, str] | None = None
    ) -> list[Sum]:
        """See `Store.sums`."""
        where = where or {}
        check_dimensions([*by, *where])
        totals: dict[tuple[str, ...], Figures] = {}
        for group, figures in self._rollups.items():
            columns = dict(zip(DIMENSIONS, group, strict=True))
            if since <= int(columns["hour"]) < until and where.items() <= columns.items():
                _add(totals, tuple(columns[name] for name in by), figures)
        ordered = sorted(totals.items(), key=lambda total: (-total[1].cost, total[0]))
        return [Sum(by=group, **figures._asdict()) for group, figures in ordered]

    async def rows(
        self, since: float, until: float, where: Mapping[str, str] | None = None, *, after: str = "", limit: int = 1000
    ) -> list[Row]:
        """See `Store.rows`; only the latest `ROWS` are there."""
        wanted = where or {}
        check_columns(wanted)
        last = next((row for row in self._rows if row.id == after), None)
        if after and last is None:
            return []
        found = [
            row
            for row in self._rows
            if since <= row.at < until
            and (last is None or (row.at, row.id) < (last.at, last.id))
            and all(getattr(row, name) == value for name, value in wanted.items())
        ]
        return sorted(found, key=lambda row: (row.at, row.id), reverse=True)[:limit]

    async def forget(self, before: float) -> int:
        """See `Store.forget`."""
        start, there = month_of(before), len(self._rows)
        self._rows = deque((row for row in self._rows if row.at >= start), ROWS)
        self._rollups = {group: sums for group, sums in self._rollups.items() if int(group[-1]) >= start}
        return there - len(self._rows)

    async def take(self, queue: str, n: int, lease: float) -> list[Mail]:
        """See `Store.take`."""
        check_ttl(lease)
        now = self._now()
        due = sorted((mail.due, id_) for id_, mail in self._mail[queue].items() if mail.due <= now)
        taken = []
        for _, id_ in due[:n]:
            mail = self._mail[queue][id_]
            mail.due, mail.tries = now + micros(lease), mail.tries + 1
            taken.append(Mail(id=str(id_), queue=queue, data=mail.data, tries=mail.tries))
        return taken

    async def done(self, queue: str, ids: Sequence[str], *, again_at: float | None = None, dead: bool = False) -> None:
        """See `Store.done`."""
        now = self._now()
        for id_ in map(int, ids):
            mail = self._mail[queue].pop(id_, None)
            if mail is None:
                continue
            if dead:
                self._mail[f"{queue}:dead"][id_] = _Mail(mail.data, now, mail.tries)
            elif again_at is not None:
                self._mail[queue][id_] = _Mail(mail.data, micros(again_at), mail.tries)

    async def lead(self, name: str, ttl: float) -> bool:
        """Always: nobody else can be on this store."""
        check_keys(name)
        check_ttl(ttl)
        return True

    async def publish(self, topic: str, data: bytes) -> None:
        """See `Store.publish`."""
        check_data([data])
        self._topics.deliver(topic, bytes(data))

    def subscribe(self, *topics: str) -> Subscription:
        """See `Store.subscribe`."""
        return self._topics.subscribe(topics, self._now())

    async def close(self) -> None:
        """End the subscriptions; the state goes with the object."""
        self._topics.close()

    def _next(self) -> int:
        self._serial += 1
        return self._serial

    def _read(self, where: Spot) -> Counter:
        return self._counters.get(where, FRESH)

    def _held(self, hold: str) -> tuple[Demand, ...]:
        known = self._holds.get(hold)
        return still_held(known.state, known.demands) if known else ()

    def _keep(self, name: str, hold: _Hold) -> None:
        self._holds[name] = hold
        heapq.heappush(self._deadlines, (hold.deadline, name))

    def _live(self, key: str, now: int) -> Value | None:
        kept = self._values.get(key)
        if kept is None or (kept.expires is not None and kept.expires <= now):
            return None
        if any(self._tags[tag] != generation for tag, generation in kept.tags.items()):
            return None
        return kept.value

    def _book(self, row: Row) -> None:
        if row.id in self._booked:
            return
        self._booked[row.id] = None
        if len(self._booked) > _BOOKED:
            del self._booked[next(iter(self._booked))]
        self._rows.append(row)
        _add(self._rollups, (*group_of(row), str(hour_of(row.at))), figures_of(row))

    def _now(self) -> int:
        """The present in microseconds, with every hold whose time ran out already lost."""
        now = micros(self._clock())
        while self._deadlines and self._deadlines[0][0] <= now:
            deadline, name = heapq.heappop(self._deadlines)
            hold = self._holds.get(name)
            if hold is None or hold.deadline != deadline:
                continue
            if hold.state == LIVE:
                self._counters |= counters.lose(self._read, hold.demands, now)
                self._keep(name, _Hold(LOST, now + KEEP_LOST, hold.demands))
                self._lost.append(name)
            else:
                del self._holds[name]
        if not 0 <= now - self._swept < _SWEEP_EVERY:
            self._swept = now
            self._counters = {where: counter for where, counter in self._counters.items() if counter.idle > now}
            self._values = {key: kept for key, kept in self._values.items() if self._live(key, now) is not None}
        return now


def _add(totals: dict[tuple[str, ...], Figures], group: tuple[str, ...], figures: Figures) -> None:
    before = totals.get(group)
    totals[group] = figures if before is None else Figures(*map(sum, zip(before, figures, strict=True)))
