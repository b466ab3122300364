"""How the targets do: their answers of the admin API joined with the breakers, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..text import clean

FAILING = 0.1
"""Share of failed attempts from which a target that still serves counts as failing."""
ORDER = ("DOWN", "OPEN", "HALF OPEN", "FAILING", "DRAINED", "IDLE", "UP")


@dataclass(frozen=True, slots=True)
class Card:
    """One target. Durations are seconds, times unix seconds; `word` is one of `ORDER`."""

    target: str
    word: str
    probe_at: float | None
    """When an open breaker lets the next probe through."""
    breaker: str
    """What the breaker does and why, in words; empty without one."""
    in_flight: int
    requests: int
    error_ratio: float | None
    ttft_p50: float | None
    ttft_p95: float | None
    series: Sequence[float | None]
    last_error: str
    drained_by: str

    @property
    def style(self) -> str:
        """Red for what needs a person, the rest calmer."""
        if self.word in ("DOWN", "OPEN", "FAILING"):
            return "bad"
        return {"HALF OPEN": "warn", "DRAINED": "warn", "UP": "good"}.get(self.word, "dim")

    @property
    def sign(self) -> str:
        """The state once more, as a sign."""
        signs = {"UP": "●", "IDLE": "○", "DRAINED": "◌", "HALF OPEN": "◐", "FAILING": "!"}
        return signs.get(self.word, "✗")


def cards(targets: Iterable[dict[str, Any]], breakers: Iterable[dict[str, Any]] = ()) -> list[Card]:
    """Every target as a card: those that need a person first, then by failures, traffic and name."""
    known = {str(one.get("target")): one for one in breakers}
    found = [_card(one, one.get("breaker") or known.get(str(one.get("target")))) for one in targets]
    return sorted(found, key=lambda one: (ORDER.index(one.word), -(one.error_ratio or 0), -one.requests, one.target))


def _card(said: dict[str, Any], breaker: dict[str, Any] | None) -> Card:
    state = clean((breaker or {}).get("state"))
    told = state
    failures = (breaker or {}).get("failures") or (breaker or {}).get("streak")
    if failures and state != "closed":
        told += f" after {failures} failures"
    if breaker and breaker.get("why"):
        told += f": {clean(breaker['why'])}"
    series = [None if one is None else float(one) for one in said.get("ttft_series") or ()]
    last = said.get("last_error")
    if isinstance(last, dict):
        last = last.get("message") or last.get("why") or last.get("kind")
    return Card(
        clean(said.get("target")), _word(said, state), (breaker or {}).get("until"), told,
        int(said.get("in_flight") or 0), int(said.get("requests") or 0), said.get("error_ratio"),
        said.get("ttft_p50"), said.get("ttft_p95"), series, clean(last), clean(said.get("drained_by")),
    )  # fmt: skip


def _word(said: dict[str, Any], breaker: str) -> str:
    state = said.get("state")
    if state == "drained":
        return "DRAINED"
    if breaker == "open":
        return "OPEN"
    if state == "down":
        return "DOWN"
    if breaker.startswith("half"):
        return "HALF OPEN"
    if (said.get("error_ratio") or 0) >= FAILING:
        return "FAILING"
    return "UP" if state == "up" else "IDLE"
