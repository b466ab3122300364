"""Verdicts: what each rule said of an exchange, noted, told and logged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct
from tollhouse.json_patch import path_words
from tollhouse.neutral import Path

from .contract import Direction, Finding
from .events import ModerationBlocked, ModerationVerdict
from .name import NAME
from .vault import Vault

if TYPE_CHECKING:
    from tollhouse import Exchange

    from .policy import Active, Policy
    from .settings import ModerationSettings

MOST = 100
"""Spans a verdict keeps."""

_WORDS = ("passed", "not_run", "shadow", "flagged", "masked", "blocked")
"""Labels of an exchange, the weightiest last."""
_LABELS = {"block": "blocked", "mask": "masked", "flag": "flagged", "shadow": "shadow"}


class Spot(Struct, frozen=True, omit_defaults=True):
    """Where something was found."""

    kind: str
    at: str
    """The place: a JSON path of the request, or `choice.part` of the reply."""
    start: int
    end: int
    score: float = 1.0
    text: str = ""
    """What was found; only where `keep_text` is set."""


class Verdict(Struct, kw_only=True, omit_defaults=True):
    """One rule's word. A row of the log `moderation` is this, as JSON."""

    at: float = 0.0
    id: str = ""
    request_id: str = ""
    key: str = ""
    team: str = ""
    model: str = ""
    rule: str
    check: str
    action: str
    direction: str
    result: Literal["passed", "matched", "not_run"] = "passed"
    blocked: bool = False
    score: float = 0.0
    spots: list[Spot] = []
    count: int = 0
    """How often it found something; `spots` keeps the first hundred."""
    why: str = ""


class Verdicts:
    """One exchange's verdicts, one for each rule and direction."""

    def __init__(self, exchange: Exchange, policy: Policy, settings: ModerationSettings) -> None:
        self.exchange, self.policy, self.settings = exchange, policy, settings
        self.vault = Vault()
        self.correction: str | None = None
        """What a reply that broke its schema got wrong, for the model to read; None when none did."""
        self.answered = ""
        """That reply."""
        self.corrected = False
        """Whether the model was asked once more."""
        self.all: dict[tuple[int, Direction], Verdict] = {}
        self._told: set[tuple[int, Direction, str]] = set()

    def of(self, rule: Active, direction: Direction) -> Verdict:
        """The verdict of a rule; `passed` to begin with."""
        known = self.all.get((rule.number, direction))
        if known is None:
            known = Verdict(rule=rule.title, check=rule.rule.check, action=rule.action, direction=direction)
            self.all[rule.number, direction] = known
        return known

    def found(self, rule: Active, direction: Direction, place: Path | str, finding: Finding, text: str) -> None:
        """A rule found something."""
        verdict = self.of(rule, direction)
        verdict.result = "matched"
        verdict.count += 1
        verdict.score = max(verdict.score, finding.score)
        if len(verdict.spots) < MOST:
            at = place if isinstance(place, str) else path_words(place)
            kept = text[finding.start : finding.end] if self.settings.keep_text else ""
            verdict.spots.append(Spot(finding.kind, at, finding.start, finding.end, finding.score, kept))

    def not_run(self, rule: Active, direction: Direction, why: str) -> None:
        """A rule could not look."""
        verdict = self.of(rule, direction)
        if verdict.result == "passed":
            verdict.result, verdict.why = "not_run", why

    def tell(self, *, blocker: Active | None = None) -> None:
        """Note, label and emit what is new; `blocker` is the rule that ends the exchange."""
        exchange = self.exchange
        for (number, direction), verdict in self.all.items():
            blocked = blocker is not None and number == blocker.number
            verdict.blocked = verdict.blocked or (blocked and verdict.result != "passed")
            word = self._word(verdict)
            mark = (number, direction, word)
            if word == "passed" or mark in self._told:
                continue
            self._told.add(mark)
            kinds = tuple(sorted({spot.kind for spot in verdict.spots}))
            exchange.note(NAME, f"{verdict.rule} {word} in the {direction}: {', '.join(kinds) or verdict.why}")
            kind = ModerationBlocked if verdict.blocked else ModerationVerdict
            exchange.gateway.emit(
                kind(
                    at=exchange.gateway.clock.time(),
                    id=exchange.id,
                    rule=verdict.rule,
                    check=verdict.check,
                    action=verdict.action,
                    direction=direction,
                    result=verdict.result,
                    kinds=kinds,
                    score=verdict.score,
                    why=verdict.why,
                    key=exchange.principal.key,
                    team=exchange.principal.team,
                    model=exchange.model,
                )
            )
        if self.all:
            exchange.labels[NAME] = max((self._word(one) for one in self.all.values()), key=_WORDS.index)

    def rows(self) -> list[bytes]:
        """What the log keeps of it."""
        exchange = self.exchange
        kept = [one for one in self.all.values() if self.settings.log == "all" or one.result != "passed"]
        if self.settings.log == "off":
            return []
        for one in kept:
            one.at, one.id, one.request_id = exchange.gateway.clock.time(), exchange.id, exchange.request_id
            one.key, one.team, one.model = exchange.principal.key, exchange.principal.team, exchange.model
        return [msgspec.json.encode(one) for one in kept]

    @staticmethod
    def _word(verdict: Verdict) -> str:
        if verdict.blocked:
            return "blocked"
        if verdict.result == "matched":
            return _LABELS[verdict.action]
        return verdict.result
