"""The live table of requests: every one counted, as many kept as fit, sampled when more come than a person can read."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterable

from ..filter import Filter
from ..text import clean
from . import record as records
from .meter import Meter
from .record import Json, Record

ROOM = 2000
"""Rows that are kept."""
READABLE = 30.0
"""Rows a second that a person can still follow; what comes above it is sampled."""
FAILURES = 10.0
"""Further rows a second for what went wrong, so that sampling never hides all of it."""


class Pace:
    """Lets at most `rate` a second through, after a burst of two seconds' worth."""

    def __init__(self, rate: float) -> None:
        self._rate, self._room, self._at = rate, rate * 2, 0.0

    def take(self, now: float) -> bool:
        """Whether one more may pass now."""
        self._room = min(self._rate * 2, self._room + max(0.0, now - self._at) * self._rate)
        self._at = now
        if self._room < 1:
            return False
        self._room -= 1
        return True


class Traffic:
    """Rows by id, the newest last. Times named `now` are the console's own clock, unix seconds."""

    def __init__(self) -> None:
        self.meter = Meter()
        self.filter = Filter()
        self.known = False
        """Whether anything was heard yet: before it an empty table means nothing."""
        self.version = 0
        """Grows with every change of what `shown` gives."""
        self._rows: deque[str] = deque()
        self._records: dict[str, Record] = {}
        self._rate, self._failures = Pace(READABLE), Pace(FAILURES)
        self._frozen: list[Record] | None = None
        self._paused_at = 0
        self._shown: tuple[int, list[Record]] = (-1, [])

    def apply(self, kind: str, event: Json, now: float) -> None:
        """Take an event of the feed; others than those about requests are ignored."""
        if kind == "request.started":
            self._start(event, now)
        elif kind == "request.progress":
            self._progress(event)
        elif kind == "attempt.ended":
            self._attempt(event)
        elif kind == "request.ended":
            self._end(event, now)

    def seed(self, items: Iterable[Json], now: float) -> None:
        """Records of the admin API, newest first: what was before the feed, and what it lost."""
        for item in reversed(list(items)):
            record = records.from_api(item)
            held = self._records.get(record.id)
            if held is None:
                self._keep(record)
            elif held.running:
                record.tries = record.tries or held.tries
                self._records[record.id] = record
        self._rows = deque(sorted(self._rows, key=lambda one: self._records[one].at))
        self.known = True
        self.version += 1

    def get(self, id: str) -> Record | None:
        """The record with this id, if it is kept."""
        return self._records.get(id)

    def shown(self) -> list[Record]:
        """What the table shows, newest first: all that fits the filter, or what did when it was paused."""
        if self._frozen is not None:
            return self._frozen
        if self._shown[0] != self.version:
            rows = (self._records[id] for id in reversed(self._rows))
            self._shown = self.version, [row for row in rows if not self.filter or self.filter.fits(row)]
        return self._shown[1]

    def refilter(self, filter: Filter) -> None:
        """Show what fits another filter; a paused table is filtered anew and stays paused."""
        self.filter = filter
        self.version += 1
        if self._frozen is not None:
            self._frozen = None
            self._frozen = [copy.deepcopy(row) for row in self.shown()]

    @property
    def paused(self) -> bool:
        """Whether the table stands still."""
        return self._frozen is not None

    def pause(self, on: bool) -> None:
        """Make the table stand still, or follow again. Counts go on meanwhile."""
        self._frozen = [copy.deepcopy(row) for row in self.shown()] if on else None
        self._paused_at = self.meter.total["started"]

    @property
    def waiting(self) -> int:
        """Requests that came while paused."""
        return self.meter.total["started"] - self._paused_at if self.paused else 0

    @property
    def kept(self) -> int:
        """Rows held, at most `ROOM`."""
        return len(self._rows)

    def sampled(self, now: float) -> float:
        """One row of how many is shown of late; 1 when every one is."""
        seen, kept = self.meter.of("started", now), self.meter.of("kept", now)
        return seen / kept if kept and seen > kept else 1.0

    def lost(self, many: int, now: float) -> None:
        """The gateway could not replay so many events."""
        self.meter.add("lost", now, many)

    def _start(self, event: Json, now: float) -> None:
        self.known = True
        self.meter.add("started", now)
        if str(event["id"]) in self._records:
            return
        record = records.started(event)
        if (not self.filter or self.filter.fits(record)) and self._rate.take(now):
            self._admit(record, now)

    def _progress(self, event: Json) -> None:
        if (record := self._records.get(str(event["id"]))) is None or not record.running:
            return
        record.output = int(event.get("output_tokens") or record.output or 0)
        record.progressed = event.get("seconds", record.progressed)
        record.ttft = event.get("ttft", record.ttft)
        record.target = clean(event.get("target") or record.target)
        self.version += 1

    def _attempt(self, event: Json) -> None:
        if (record := self._records.get(str(event["id"]))) is None:
            return
        record.tries.append(dict(event))
        record.target = clean(event.get("target") or record.target)
        record.attempts = max(record.attempts, int(event.get("number") or 0))
        self.version += 1

    def _end(self, event: Json, now: float) -> None:
        self.known = True
        id = str(event["id"])
        held = self._records.get(id)
        record = held or Record(id)
        records.ended(record, event)
        self.meter.add("ended", now)
        self.meter.add(record.outcome, now)
        self.meter.add("failures", now, int(record.bad))
        self.meter.add("unpriced", now, int(record.cost is None))
        self.meter.add("cost", now, record.cost or 0)
        if held is not None:
            self.version += 1
        elif (self.filter and self.filter.fits(record)) or (not self.filter and record.bad):
            pace = self._failures if record.bad else self._rate
            if pace.take(now):
                self._admit(record, now)

    def _admit(self, record: Record, now: float) -> None:
        self.meter.add("kept", now)
        self._keep(record)

    def _keep(self, record: Record) -> None:
        while len(self._rows) >= ROOM:
            del self._records[self._rows.popleft()]
        self._rows.append(record.id)
        self._records[record.id] = record
        self.version += 1
