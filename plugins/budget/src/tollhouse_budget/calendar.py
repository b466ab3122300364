"""Calendar windows in a time zone: the hour, day, week, month or year an instant falls in, whatever the clocks do.

Windows of a period follow each other without gap or overlap in every zone. A day begins when the wall clock first
reaches its midnight: one that the clocks jump over begins at the jump, one that comes twice at the first. An hour
ends early where the clocks move by less than an hour.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from math import floor
from typing import NamedTuple

TOTAL_ENDS = 9_000_000_000
"""When the period `total` ends, in unix seconds: in the year 2255, where microseconds are still exact in a double."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Window(NamedTuple):
    """From `start` to before `end`, unix seconds."""

    start: int
    end: int


class Calendar:
    """The windows of one time zone. `week_starts` is one of WEEKDAYS."""

    def __init__(self, zone: tzinfo = UTC, week_starts: str = "monday") -> None:
        self.zone = zone
        self._first = WEEKDAYS.index(week_starts)
        self._last: dict[str, Window] = {}

    def window(self, period: str, now: float) -> Window:
        """The window of a budget's period (see `tollhouse.config.limits.CALENDAR`) that holds an instant."""
        if period == "total":
            return Window(0, TOTAL_ENDS)
        last = self._last.get(period)
        if last is None or not last.start <= now < last.end:
            at = floor(now)
            last = self._last[period] = self._hour(at) if period == "hour" else self._dates(period, at)
        return last

    def local(self, at: float) -> datetime:
        """An instant on this zone's wall clock."""
        return datetime.fromtimestamp(at, self.zone)

    def _hour(self, now: int) -> Window:
        offset = self._offset(now)
        start = now - (now + offset) % 3600
        end = start + 3600
        if self._offset(start) != offset:
            start = _first(start, now, lambda at: self._offset(at) == offset)
        if self._offset(end - 1) != offset:
            end = _first(now, end - 1, lambda at: self._offset(at) != offset)
        return Window(start, end)

    def _dates(self, period: str, now: int) -> Window:
        """The wall clock's own date may be one off around a midnight that comes twice, so neighbours are tried."""
        day = self._floor(period, self.local(now).replace(tzinfo=None))
        start = self._begins(day)
        if start > now:
            day = self._floor(period, day - timedelta(days=1))
            start = self._begins(day)
        while (end := self._begins(following := self._floor(period, day + _LONGER[period]))) <= now:
            day, start = following, end
        return Window(start, end)

    def _floor(self, period: str, wall: datetime) -> datetime:
        """The midnight that begins the period of a wall clock's time."""
        day = wall.replace(hour=0, minute=0, second=0, microsecond=0)
        if period == "week":
            return day - timedelta(days=(day.weekday() - self._first) % 7)
        if period == "month":
            return day.replace(day=1)
        return day.replace(month=1, day=1) if period == "year" else day

    def _begins(self, midnight: datetime) -> int:
        """The first instant at which the wall clock is at a midnight or past it."""
        at = floor(midnight.replace(tzinfo=self.zone, fold=0).timestamp())
        if self._wall(at) == midnight:
            return at
        other = floor(midnight.replace(tzinfo=self.zone, fold=1).timestamp())
        return _first(min(at, other), max(at, other), lambda one: self._wall(one) >= midnight)

    def _wall(self, at: int) -> datetime:
        return self.local(at).replace(tzinfo=None)

    def _offset(self, at: int) -> int:
        offset = self.local(at).utcoffset()
        return int(offset.total_seconds()) if offset else 0


_LONGER = {
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=31),
    "year": timedelta(days=366),
}
"""From a period's beginning into the next one."""


def _first(low: int, high: int, true: Callable[[int], bool]) -> int:
    """The first whole second after `low`, up to `high`, from which on something is true; it is true at `high`."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if true(middle) else (middle, high)
    return high
