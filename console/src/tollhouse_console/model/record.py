"""One request as the console knows it, from events as they come or from the admin API's record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..text import clean

INPUT = ("input", "cache_read", "cache_write", "cache_write_1h", "input_audio")
OUTPUT = ("output", "reasoning", "output_audio")
Json = Mapping[str, Any]
_SAID = (
    "request_id", "dialect", "task", "model", "target", "key", "user", "team", "origin", "worker", "outcome", "code",
    "translation",
)  # fmt: skip


@dataclass(slots=True)
class Record:
    """A request. Times are unix seconds, durations seconds, money nano-USD; None is not known (yet)."""

    id: str
    at: float = 0.0
    """When it began."""
    request_id: str = ""
    running: bool = True
    dialect: str = ""
    task: str = ""
    model: str = ""
    target: str = ""
    key: str = ""
    user: str = ""
    team: str = ""
    tags: tuple[str, ...] = ()
    origin: str = ""
    worker: str = ""
    stream: bool = False
    status: int = 0
    outcome: str = ""
    code: str = ""
    seconds: float | None = None
    ttft: float | None = None
    input: int | None = None
    output: int | None = None
    tokens: dict[str, int] = field(default_factory=dict)
    cost: int | None = 0
    saved: int = 0
    attempts: int = 0
    cache: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    notes: tuple[tuple[str, str], ...] = ()
    translation: str = ""
    phases: dict[str, float] = field(default_factory=dict)
    tries: list[dict[str, Any]] = field(default_factory=list)
    """Attempts as far as events told them."""
    progressed: float | None = None
    """Seconds since its start at the last progress."""

    @property
    def caller(self) -> str:
        """Who asked: `team/key`, or what there is of them."""
        who = self.key or self.user or ("" if self.origin in ("", "http") else self.origin)
        return f"{self.team}/{who}" if self.team and who else self.team or who or "anyone"

    @property
    def speed(self) -> float | None:
        """Output tokens a second, from the first one on."""
        spent = (self.progressed or self.seconds) if self.running else self.seconds
        if not self.output or spent is None or self.ttft is None:
            return None
        return self.output / (spent - self.ttft) if spent - self.ttft > 0.005 else None

    @property
    def bad(self) -> bool:
        """Whether it ended otherwise than its caller wished."""
        return not self.running and (self.outcome in ("failed", "rejected") or self.status >= 400)

    @property
    def traits(self) -> tuple[str, ...]:
        """What `is:` in a filter finds of it."""
        said = ["running" if self.running else "ended"]
        said += ["stream"] * self.stream + ["error"] * self.bad
        said += ["unpriced"] * (self.cost is None and not self.running) + ["failover"] * (self.attempts > 1)
        said += ["cached"] * (self.cache == "hit") + ["blocked"] * (self.outcome == "rejected")
        return tuple(said)

    @property
    def words(self) -> str:
        """Everything free text finds it by, in one case."""
        notes = (words for _, words in self.notes)
        said = (
            self.id, self.request_id, self.caller, self.user, self.model, self.target, str(self.status or ""),
            self.outcome, self.code, self.cache, self.dialect, self.task, self.end, *self.tags, *notes,
        )  # fmt: skip
        return "\n".join(said).casefold()

    @property
    def end(self) -> str:
        """How it ended, or what it does."""
        if self.running:
            return "streaming" if self.ttft is not None else "waiting"
        if self.outcome == "completed":
            return f"failed over ×{self.attempts - 1}" if self.attempts > 1 else "done"
        if self.outcome == "answered":
            return "from cache" if self.cache == "hit" else "answered"
        if self.outcome == "disconnected":
            return "caller left"
        return f"{self.outcome}: {self.code}" if self.code else self.outcome or "ended"


def started(event: Json) -> Record:
    """The record of a `request.started`."""
    found = Record(id=str(event["id"]), at=float(event["at"]))
    take(found, event)
    return found


def ended(record: Record, event: Json) -> None:
    """A `request.ended`: the record is complete."""
    take(record, event)
    record.running = False
    record.outcome = clean(event.get("outcome") or "ended")
    record.cost = event.get("cost", 0)
    if (spent := record.seconds) is not None and "at" in event and not record.at:
        record.at = float(event["at"]) - spent


def from_api(item: Json) -> Record:
    """A record of `/admin/v1/requests`."""
    found = Record(id=str(item["id"]), at=float(item.get("at") or 0.0))
    take(found, item)
    found.running = item.get("state") == "running"
    found.cost = item.get("cost", 0)
    found.cache = clean(item.get("cache") or found.cache)
    found.input, found.output = item.get("input", found.input), item.get("output", found.output)
    if isinstance(tries := item.get("attempts"), list):
        found.tries, found.attempts = [dict(one) for one in tries], len(tries)
    return found


def take(record: Record, said: Json) -> None:
    """Take over what an event or a record says by its own name; what it does not say stays."""
    for name in _SAID:
        if said.get(name):
            setattr(record, name, clean(said[name]))
    record.stream = bool(said.get("stream", record.stream))
    record.status = int(said.get("status") or record.status)
    record.seconds = said.get("seconds", record.seconds)
    record.ttft = said.get("ttft", said.get("first_content", record.ttft))
    record.saved = int(said.get("saved") or record.saved)
    if isinstance(number := said.get("attempts"), int):
        record.attempts = number
    record.tags = tuple(clean(tag) for tag in said.get("tags") or record.tags)
    if tokens := said.get("tokens"):
        record.tokens = {clean(name): int(value) for name, value in tokens.items() if value is not None}
        record.input = sum(record.tokens.get(bucket, 0) for bucket in INPUT)
        record.output = sum(record.tokens.get(bucket, 0) for bucket in OUTPUT)
    if labels := said.get("labels"):
        record.labels = {clean(name): clean(word) for name, word in labels.items()}
        record.cache = record.labels.get("cache", record.cache)
    if notes := said.get("notes"):
        record.notes = tuple((clean(who), clean(words)) for who, words in notes)
    record.phases = dict(said.get("phases") or record.phases)
