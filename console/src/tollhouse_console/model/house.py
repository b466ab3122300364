"""Everything the console knows of one gateway: the line to it, its traffic, and the latest answer to each question."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..text import clean
from .record import Json
from .spend import Budget, Paces, budgets
from .traffic import Traffic

INCIDENTS = 200
DETAILS = 50
SAME = 8
"""Latest incidents among which the same one is counted, not told anew."""


@dataclass(slots=True)
class Answer:
    """The latest answer to one question. A later failure keeps the value: old figures, marked as such, beat none."""

    value: Any = None
    at: float = 0.0
    trouble: str = ""
    status: int = 0

    @property
    def word(self) -> str:
        """`loading`, `ready`, `absent` (no plugin answers there), `refused` (the key may not) or `failed`."""
        if self.status == 404:
            return "absent"
        if self.status in (401, 403):
            return "refused"
        if self.trouble:
            return "failed"
        return "loading" if self.value is None else "ready"


@dataclass(slots=True)
class Line:
    """The connection. `word` is `connecting`, `live`, `lost` or `refused`; `retry_at` is unix seconds."""

    word: str = "connecting"
    why: str = ""
    retry_at: float = 0.0
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that happened to the gateway rather than to one request."""

    at: float
    kind: str
    words: str
    grave: bool
    times: int = 1
    """How often it was said."""


@dataclass(slots=True)
class House:
    """The state that views read. Only the link and commands write it, on one loop."""

    url: str = ""
    line: Line = field(default_factory=Line)
    traffic: Traffic = field(default_factory=Traffic)
    answers: dict[str, Answer] = field(default_factory=dict)
    incidents: deque[Incident] = field(default_factory=lambda: deque(maxlen=INCIDENTS))
    paces: Paces = field(default_factory=Paces)
    utc: bool = False
    changes: int = 0
    """Grows with every change, so that nothing is repainted for nothing."""

    def answer(self, name: str) -> Answer:
        """The latest answer to a question, `loading` when there is none."""
        return self.answers.setdefault(name, Answer())

    def value(self, name: str) -> Mapping[str, Any]:
        """The latest object that answered a question; empty without one."""
        value = self.answer(name).value
        return value if isinstance(value, dict) else {}

    def items(self, name: str, field: str = "") -> list[dict[str, Any]]:
        """The list in an answer: its `items`, or the field of another name."""
        value = self.value(name)
        found = value.get("items", value.get(field or name.partition("?")[0]))
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    def budgets(self, now: float) -> list[Budget]:
        """Every budget with its forecast, the one that needs a person first."""
        return budgets(self.items("budgets"), now, self.paces)

    def answered(self, name: str, value: Any, now: float) -> None:
        """Take an answer. Of single requests only the latest are kept."""
        self.answers.pop(name, None)
        self.answers[name] = Answer(value, now)
        if name == "budgets":
            self.paces.see(self.items("budgets"), now)
        single = [one for one in self.answers if one.startswith("requests/")]
        for old in single[:-DETAILS]:
            del self.answers[old]
        self.changes += 1

    def failed(self, name: str, trouble: str, status: int, now: float) -> None:
        """A question got none; the value before it stays."""
        held = self.answer(name)
        self.answers[name] = Answer(held.value, held.at or now, trouble, status)
        self.changes += 1

    def moved(self, word: str, now: float, why: str = "", retry_at: float = 0.0) -> None:
        """The connection is in another state."""
        since = self.line.since if self.line.word == word else now
        self.line = Line(word, why, retry_at, since)
        self.changes += 1

    def apply(self, kind: str, event: Json, now: float) -> None:
        """Take an event of the feed."""
        if kind == "lost":
            self.traffic.lost(int(event.get("dropped") or 0), now)
        elif kind.startswith(("request.", "attempt.")):
            self.traffic.apply(kind, event, now)
        else:
            self._tell(incident(kind, event, now))
        self.changes += 1

    def _tell(self, new: Incident) -> None:
        """One line for what is said again and again: a queue that comes and goes must not push out an outage."""
        for old in list(self.incidents)[-SAME:]:
            if (old.kind, old.words) == (new.kind, new.words):
                self.incidents.remove(old)
                new = replace(new, times=old.times + 1)
                break
        self.incidents.append(new)


_GRAVE = frozenset(
    ("target.down", "plugin.failed", "config.refused", "gateway.draining", "budget.exhausted", "price.missing")
)
_SAID = ("why", "budget", "percent", "target", "plugin", "hook", "key", "mark", "edition", "scope", "up", "code")


def incident(kind: str, event: Json, now: float) -> Incident:
    """An event in a line of words: what it says, in the order an operator asks."""
    said = [f"{name} {_word(event[name])}" for name in _SAID if event.get(name) not in (None, "", {}, [])]
    grave = kind in _GRAVE or (kind == "store.changed" and not event.get("up"))
    return Incident(float(event.get("at") or now), clean(kind), ", ".join(said), grave)


def _word(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{clean(name)}={clean(one)}" for name, one in value.items())
    return clean(value)
