"""How well rules do on labelled texts: precision, recall and F1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .contract import Finding, Subject
from .datasets import Sample
from .policy import Active, is_judge


@dataclass(slots=True)
class Score:
    """One rule on one label."""

    rule: str
    label: str
    texts: int = 0
    positive: int = 0
    right: int = 0
    """Found, and rightly so."""
    wrong: int = 0
    """Found, and not so."""
    missed: int = 0

    def note(self, found: bool, true: bool) -> None:
        """One more text, or span."""
        self.texts += 1
        self.positive += true
        self.right += found and true
        self.wrong += found and not true
        self.missed += true and not found

    @property
    def precision(self) -> float | None:
        """The share of what was found that should be; None when nothing was found."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else None

    @property
    def recall(self) -> float | None:
        """The share of what should be found that was; None when there is nothing to find."""
        return self.right / self.positive if self.positive else None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of both."""
        if self.precision is None or self.recall is None or not self.right:
            return None if self.recall is None else 0.0
        return 2 * self.precision * self.recall / (self.precision + self.recall)


async def findings(rule: Active, text: str) -> list[Finding]:
    """What a rule finds and counts in a text."""
    check = rule.check
    if is_judge(check):
        said = await check.judge(Subject(text, "input"))  # type: ignore[union-attr]
    else:
        said = check.find(text)  # type: ignore[union-attr]
    return rule.counts(said)


async def by_text(rules: Iterable[Active], samples: Iterable[Sample]) -> list[Score]:
    """A score for each rule and label: whether a text was found to be anything."""
    scores: dict[tuple[str, str], Score] = {}
    known = list(samples)
    for rule in rules:
        for sample in known:
            found = bool(await findings(rule, sample.text))
            for label, true in sample.labels.items():
                scores.setdefault((rule.title, label), Score(rule.title, label)).note(found, true)
    return list(scores.values())


async def by_span(rules: Iterable[Active], samples: Iterable[Sample], kinds: Mapping[str, str]) -> list[Score]:
    """A score for each rule and kind of finding: whether it overlaps a marked span that `kinds` calls the same. Of
    findings that overlap each other the surest counts."""
    scores: dict[tuple[str, str], Score] = {}
    known = list(samples)
    for rule in rules:
        for kind in dict.fromkeys(kinds.values()):
            scores[rule.title, kind] = Score(rule.title, kind, texts=len(known))
        for sample in known:
            found = _apart(await findings(rule, sample.text))
            marked = [(start, end, kinds[name]) for start, end, name in sample.spans if name in kinds]
            for start, end, kind in marked:
                score = scores[rule.title, kind]
                hit = any(one.kind == kind and one.start < end and start < one.end for one in found)
                score.positive += 1
                score.right += hit
                score.missed += not hit
            for one in found:
                key = (rule.title, one.kind)
                fits = any(kind == one.kind and one.start < end and start < one.end for start, end, kind in marked)
                if key in scores and not fits:
                    scores[key].wrong += 1
    return list(scores.values())


def _apart(found: list[Finding]) -> list[Finding]:
    kept: list[Finding] = []
    for one in sorted(found, key=lambda one: (-one.score, one.start - one.end)):
        if not any(one.start < other.end and other.start < one.end for other in kept):
            kept.append(one)
    return kept
