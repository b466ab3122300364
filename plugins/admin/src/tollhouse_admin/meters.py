"""What each worker counts for the dashboards: the last five minutes in spans of ten seconds, for all and by target."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from msgspec import Struct
from tollhouse.events import AttemptEnded, Event, RequestEnded

from .histogram import Counts, add, bucket

SPAN = 10
"""Seconds of one span."""
SPANS = 30
MINUTE = 6
"""Spans of the last minute, the one that runs included."""
TARGETS = 500
"""Targets that are counted; the one asked for longest ago is forgotten first, for callers may name any."""


class Span(Struct, kw_only=True, omit_defaults=True):
    """Counts of one span; `at` is its number since 1970."""

    at: int
    requests: int = 0
    errors: int = 0
    output: int = 0
    cached: int = 0
    asked_cache: int = 0
    ttft: Counts = {}

    def add(self, other: Span) -> None:
        """Take in another worker's counts of the same span."""
        self.requests += other.requests
        self.errors += other.errors
        self.output += other.output
        self.cached += other.cached
        self.asked_cache += other.asked_cache
        add(self.ttft, other.ttft)


class Meter(Struct, kw_only=True, omit_defaults=True):
    """The latest spans of one thing, oldest first."""

    spans: list[Span] = []
    last_error: str = ""
    error_at: float = 0.0

    def now(self, at: int) -> Span:
        """The span `at`, begun if need be."""
        if not self.spans or self.spans[-1].at < at:
            self.spans.append(Span(at=at))
            while self.spans[0].at <= at - SPANS:
                del self.spans[0]
        return self.spans[-1]

    def since(self, at: int) -> Span:
        """Everything from the span `at` on, as one."""
        total = Span(at=at)
        for span in self.spans:
            if span.at >= at:
                total.add(span)
        return total

    def merge(self, other: Meter) -> None:
        """Take in another worker's meter."""
        mine = {span.at: span for span in self.spans}
        for span in other.spans:
            mine.setdefault(span.at, Span(at=span.at)).add(span)
        self.spans = [mine[at] for at in sorted(mine)]
        if other.error_at > self.error_at:
            self.last_error, self.error_at = other.last_error, other.error_at


class Circuit(Struct, kw_only=True):
    """What was last said of a target being up or down."""

    state: str
    at: float
    until: float | None = None
    why: str = ""


class Readings(Struct, kw_only=True):
    """All meters of a worker, to be sent to another."""

    all: Meter
    targets: dict[str, Meter]
    circuits: dict[str, Circuit] = {}


class Meters:
    """Counts one worker's events; called in the requests' own time."""

    def __init__(self) -> None:
        self._all = Meter()
        self._targets: OrderedDict[str, Meter] = OrderedDict()
        self._circuits: OrderedDict[str, Circuit] = OrderedDict()

    def readings(self) -> Readings:
        """Where they stand."""
        return Readings(all=self._all, targets=dict(self._targets), circuits=dict(self._circuits))

    def attempt(self, event: AttemptEnded) -> None:
        """Count an attempt."""
        meter = self._targets.get(event.target)
        if meter is None:
            meter = self._targets[event.target] = Meter()
            if len(self._targets) > TARGETS:
                self._targets.popitem(last=False)
        else:
            self._targets.move_to_end(event.target)
        span = meter.now(span_at(event.at))
        span.requests += 1
        if event.first_content is not None:
            at = bucket(event.first_content)
            span.ttft[at] = span.ttft.get(at, 0) + 1
        if event.state == "failed":
            span.errors += 1
            meter.last_error = f"{event.error} {event.status or ''}".strip()
            meter.error_at = event.at

    def request(self, event: RequestEnded) -> None:
        """Count a request."""
        if event.task == "models":
            return
        span = self._all.now(span_at(event.at))
        span.requests += 1
        span.errors += event.outcome == "failed"
        span.output += event.tokens.get("output", 0) + event.tokens.get("reasoning", 0)
        if (said := event.labels.get("cache")) is not None:
            span.asked_cache += 1
            span.cached += said == "hit"
        if event.first_content is not None:
            at = bucket(event.first_content)
            span.ttft[at] = span.ttft.get(at, 0) + 1

    def circuit(self, event: Event) -> None:
        """Remember what was said of a target being up or down; other events say nothing of it."""
        kind = str(event.__struct_config__.tag)
        target = getattr(event, "target", "")
        if kind not in ("target.down", "target.up") or not target:
            return
        self._circuits.pop(target, None)
        self._circuits[target] = Circuit(
            state=str(getattr(event, "state", "") or ("open" if kind == "target.down" else "closed")),
            at=event.at,
            until=getattr(event, "until", None),
            why=str(getattr(event, "why", "")),
        )
        if len(self._circuits) > TARGETS:
            self._circuits.popitem(last=False)


def span_at(time: float) -> int:
    """The number of the span a unix time falls in."""
    return int(time // SPAN)


def summed(readings: Iterable[Readings]) -> Readings:
    """The meters of many workers as one."""
    total = Readings(all=Meter(), targets={}, circuits={})
    for one in readings:
        total.all.merge(one.all)
        for target, meter in one.targets.items():
            total.targets.setdefault(target, Meter()).merge(meter)
        for target, circuit in one.circuits.items():
            known = total.circuits.get(target)
            if known is None or known.at < circuit.at:
                total.circuits[target] = circuit
    return total
