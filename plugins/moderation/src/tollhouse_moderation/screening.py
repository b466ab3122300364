"""Looking at one text by the rules that find spans."""

from __future__ import annotations

from collections.abc import Sequence

from .contract import Check, Direction, Finding
from .masking import Span, Unmaskable, mask
from .policy import Active
from .refusals import Blocked, NotRun
from .vault import Vault
from .verdicts import Verdicts

Spanning = Sequence[tuple[Active, Check]]


class Screen:
    """The rules that find spans in one direction of an exchange."""

    def __init__(self, rules: Spanning, verdicts: Verdicts, direction: Direction) -> None:
        self.rules, self.verdicts, self.direction = rules, verdicts, direction
        self.masks = [one for one in rules if one[0].action == "mask"]
        self.others = [one for one in rules if one[0].action != "mask"]
        self.enforcers = [one for one in rules if one[0].enforces]
        self.tellers = [one for one in rules if not one[0].enforces]
        self._broken: set[int] = set()

    def hits(self, text: str, rules: Spanning | None = None) -> list[tuple[Active, Finding]]:
        """What the rules find and count, nothing of it noted yet. Raises `NotRun` when a closed rule fails; an open
        one looks no more."""
        hits: list[tuple[Active, Finding]] = []
        for rule, check in self.rules if rules is None else rules:
            if rule.number in self._broken:
                continue
            try:
                hits += [(rule, one) for one in rule.counts(check.find(text))]
            except Exception as error:
                self.verdicts.not_run(rule, self.direction, f"it failed: {type(error).__name__}")
                if rule.rule.mode == "closed" and rule.enforces:
                    raise NotRun(rule) from error
                self._broken.add(rule.number)
        return hits

    def watch(self, text: str, place: tuple[str | int, ...] | str) -> None:
        """Note what rules that do not mask find. Raises `Blocked` at the first that blocks, after all have looked."""
        blocker: Active | None = None
        for rule, finding in self.hits(text, self.others):
            self.verdicts.found(rule, self.direction, place, finding, text)
            if rule.action == "block" and blocker is None:
                blocker = rule
        if blocker is not None:
            raise Blocked(blocker)

    def masked(self, text: str, place: tuple[str | int, ...] | str, vault: Vault) -> str:
        """The text without what rules that mask find. Raises `NotRun`."""
        if not self.masks:
            return text
        first = True

        def find(now: str) -> list[Span]:
            nonlocal first
            hits = self.hits(now, self.masks)
            if first:
                for rule, finding in hits:
                    self.verdicts.found(rule, self.direction, place, finding, now)
            first = False
            return [(one.start, one.end, one.kind) for _, one in hits]

        try:
            return mask(text, find, vault)
        except Unmaskable as error:
            raise NotRun(self.masks[0][0]) from error

    def holds(self, text: str) -> int:
        """How many characters at the end of a text that goes on must wait."""
        held = 0
        for _, check in self.enforcers:
            held = max(held, min(check.holds(text), check.reach))
        return held
