"""What the rounds measured, and the tables made of it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from targets import BASE, Target

NONE = "–"


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of load."""

    stream: bool
    concurrency: int

    def __str__(self) -> str:
        return f"{'streams' if self.stream else 'requests'} c={self.concurrency}"


@dataclass(frozen=True, slots=True)
class Measured:
    """One load on one target: for a request, or for an event of a stream."""

    cpu: float
    """Microseconds of the target's CPU each."""
    rate: float
    """How many a second there were."""
    p50: float
    p99: float


@dataclass(slots=True)
class Taken:
    """One round of one target."""

    start: float
    """Seconds from its spawn to its first 200."""
    idle: int
    """Bytes resident before the first load, and after the last."""
    after: int = 0
    cases: dict[Case, Measured] = field(default_factory=dict)


Pick = Callable[[Taken], float | None]
Rows = list[list[str]]


class Figures:
    """All rounds of all targets."""

    def __init__(self, targets: Sequence[Target], levels: Sequence[int]) -> None:
        self.targets = targets
        self.requests = [Case(False, level) for level in levels]
        self.streams = [Case(True, level) for level in levels if level > 1]
        self.rounds: list[dict[str, Taken]] = []

    def tables(self) -> list[Rows]:
        """Of requests, streams and processes; a cell of several figures has one for each level."""
        return [self._requests(), *([self._streams()] if self.streams else []), self._processes()]

    def _requests(self) -> Rows:
        cases = self.requests
        at, quiet = _joined(case.concurrency for case in cases), cases[0]
        head = [f"requests, c={at}", "rps/core", f"x {BASE}'s", "CPU us each", f"p50 / p99 us, c={quiet.concurrency}"]
        rows = [
            [
                one.name,
                _joined(_shown(self._median(one, case, lambda m: 1e6 / m.cpu)) for case in cases),
                _joined(_shown(self._ratio(one, case, upside=True), 3) for case in cases),
                _joined(_shown(self._median(one, case, lambda m: m.cpu)) for case in cases),
                _joined(_shown(self._median(one, quiet, pick)) for pick in (lambda m: m.p50, lambda m: m.p99)),
            ]
            for one in self.targets
        ]
        return [head, *rows]

    def _streams(self) -> Rows:
        cases = self.streams
        at = _joined(case.concurrency for case in cases)
        head = [f"streams, c={at}", "CPU us an event", f"x {BASE}'s", "events/s"]
        rows = [
            [
                one.name,
                _joined(_shown(self._median(one, case, lambda m: m.cpu), 1) for case in cases),
                _joined(_shown(self._ratio(one, case, upside=False), 2) for case in cases),
                _joined(_shown(self._median(one, case, lambda m: m.rate)) for case in cases),
            ]
            for one in self.targets
        ]
        return [head, *rows]

    def _processes(self) -> Rows:
        rows = [
            [
                one.name,
                one.what,
                _shown(self._over(one, lambda taken: taken.start), 2),
                _joined(
                    _shown(self._over(one, pick))
                    for pick in (lambda taken: taken.idle / 2**20, lambda taken: taken.after / 2**20)
                ),
            ]
            for one in self.targets
        ]
        return [["process", "what it is", "start s", "MiB idle / after load"], *rows]

    def _over(self, target: Target, pick: Pick) -> float | None:
        """The median over the rounds."""
        found = [pick(taken[target.name]) for taken in self.rounds if target.name in taken]
        known = [one for one in found if one is not None]
        return statistics.median(known) if known else None

    def _median(self, target: Target, case: Case, pick: Callable[[Measured], float]) -> float | None:
        return self._over(target, lambda taken: pick(taken.cases[case]) if case in taken.cases else None)

    def _ratio(self, target: Target, case: Case, *, upside: bool) -> float | None:
        """The median of each round's own ratio to the base: of what a core does, or of what one costs."""
        found = []
        for taken in self.rounds:
            if {BASE, target.name} <= taken.keys() and all(case in taken[name].cases for name in (BASE, target.name)):
                ratio = taken[target.name].cases[case].cpu / taken[BASE].cases[case].cpu
                found.append(1 / ratio if upside else ratio)
        return statistics.median(found) if found else None


def drawn(rows: Rows, *, markdown: bool) -> str:
    """A table in columns, the first to the left; as markdown when asked."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if at and row is not rows[0] else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(f"| {' | '.join(cells)} |" if markdown else "  ".join(cells).rstrip())
    if markdown:
        lines.insert(1, "|".join(["", "---", *["---:"] * (len(widths) - 1), ""]))
    return "\n".join(lines)


def _shown(value: float | None, digits: int = 0) -> str:
    return NONE if value is None else f"{value:,.{digits}f}"


def _joined(words: Iterable[object]) -> str:
    return " / ".join(map(str, words))
