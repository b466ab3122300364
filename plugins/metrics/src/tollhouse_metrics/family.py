"""What a metric is: its name, meaning, labels, and how the values of several workers become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]
Join = Literal["sum", "max", "min", "latest"]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. Counters and histograms of workers that ended still count; gauges are those of living ones, made
    one by `join`: `latest` takes what was said last, of a value that is the time it was said, negative for 0."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    """A histogram's upper bounds, rising, without infinity."""
    join: Join = "sum"

    @property
    def width(self) -> int:
        """Slots one series takes: for a histogram a count a bucket, infinity included, and the sum."""
        return len(self.bounds) + 2 if self.kind == "histogram" else 1

    def samples(self) -> list[str]:
        """The names its samples have in the text."""
        if self.kind == "histogram":
            return [f"{self.name}_bucket", f"{self.name}_sum", f"{self.name}_count"]
        return [self.name]


def counter(name: str, help: str, *labels: str) -> Family:
    """A sum that only grows."""
    return Family(name, "counter", help, labels)


def gauge(name: str, help: str, *labels: str, join: Join = "sum") -> Family:
    """A value that goes up and down."""
    return Family(name, "gauge", help, labels, join=join)


def histogram(name: str, help: str, bounds: Sequence[float], *labels: str) -> Family:
    """How often values were at most so large."""
    return Family(name, "histogram", help, labels, tuple(bounds))
