"""One part of a reply as it comes: what of its text is settled, and what it became."""

from __future__ import annotations

from .json_text import rewritten, strings
from .masking import merged
from .refusals import Blocked
from .screening import Screen
from .vault import LONGEST, Vault, beginning

CONTEXT = 64
"""Characters before the unsettled text that checks still see."""


class Window:
    """The text of one part. Offsets count characters from its beginning. Up to `settled` it is known what becomes of
    it; the rest waits for more text, or for the end."""

    def __init__(self, screen: Screen, vault: Vault, made: Vault, place: str, *, json: bool) -> None:
        """`vault` holds what was masked on the way up, `made` takes what the model said and is masked for good.
        A text that is JSON is kept until its end."""
        self.screen, self.vault, self.made, self.place, self.json = screen, vault, made, place, json
        self.settled = 0
        self.length = 0
        self.ended = False
        self._text = ""
        self._base = 0
        """Where `_text` begins."""
        self._edits: list[tuple[int, int, str]] = []
        self._all: list[str] = []
        """The whole text, for rules that only tell: they hold nothing back, and look once it is complete."""

    def add(self, text: str) -> tuple[int, int]:
        """More text came; where it stands."""
        self._text += text
        if self.screen.tellers and not self.json:
            self._all.append(text)
        self.length += len(text)
        return self.length - len(text), self.length

    def settle(self) -> None:
        """Look at what waits. Raises `Blocked` and `NotRun`."""
        if self.ended and self._all:
            text, self._all = "".join(self._all), []
            for rule, found in self.screen.hits(text, self.screen.tellers):
                self.screen.verdicts.found(rule, self.screen.direction, self.place, found, text)
        if self.settled == self.length or (self.json and not self.ended):
            return
        if self.json:
            self._settle_json()
        else:
            self._settle_text()

    def said(self, start: int, end: int) -> str:
        """What the text of [start, end) became; a change stands where it begins."""
        pieces, at = [], start
        for first, last, text in self._edits:
            if last <= start or first >= end:
                continue
            pieces.append(self._text[max(at, start) - self._base : max(first, at) - self._base])
            if first >= start:
                pieces.append(text)
            at = max(at, min(last, end))
        return "".join([*pieces, self._text[at - self._base : end - self._base]])

    def forget(self, before: int) -> None:
        """Nobody asks for text before this any more."""
        keep = max(self._base, min(before, self.settled - CONTEXT))
        self._text, self._base = self._text[keep - self._base :], keep
        self._edits = [edit for edit in self._edits if edit[1] > keep]

    def _settle_text(self) -> None:
        safe = self.length - (0 if self.ended else max(self.screen.holds(self._text), self._restoring()))
        safe = max(safe, self.settled)
        hits = [
            (rule, found, self._base + found.start, self._base + found.end)
            for rule, found in self.screen.hits(self._text, self.screen.enforcers)
            if self._base + found.end > self.settled
        ]
        restored = [
            (self._base + start, self._base + end, text)
            for start, end, text in self.vault.restored(self._text)
            if self._base + start >= self.settled
        ]
        moved = True
        while moved:
            moved = False
            for start, end in [(one[2], one[3]) for one in hits] + [(one[0], one[1]) for one in restored]:
                if max(start, self.settled) < safe < end:
                    safe, moved = max(start, self.settled), True
        sure = [one for one in hits if one[3] <= safe]
        blockers = []
        for rule, found, _, _ in sure:
            self.screen.verdicts.found(rule, self.screen.direction, self.place, found, self._text)
            if rule.action == "block":
                blockers.append(rule)
        if blockers:
            raise Blocked(blockers[0])
        masked = merged([(start, end, one.kind) for rule, one, start, end in sure if rule.action == "mask"])
        taken = []
        for start, end, kind in masked:
            value = self._text[start - self._base : end - self._base]
            taken.append((max(start, self.settled), end, self.made.placeholder(kind, value)))
        for start, end, text in restored:
            if end <= safe and not any(first < end and start < last for first, last, _ in taken):
                taken.append((start, end, text))
        self._edits += sorted(taken)
        self.settled = safe

    def _settle_json(self) -> None:
        """The text of JSON is only looked at whole: each of its strings, then the placeholders in it."""
        text = self._text
        for one in strings(text):
            self.screen.watch(one, self.place)
        masked = rewritten(text, lambda one: self.screen.masked(one, self.place, self.made))
        pieces, at = [], 0
        for start, end, value in self.vault.restored(masked, json=True):
            pieces += [masked[at:start], value]
            at = end
        final = "".join([*pieces, masked[at:]])
        if final != text:
            self._edits = [(0, self.length, final)]
        self.settled = self.length

    def _restoring(self) -> int:
        """How much may yet become a placeholder to restore."""
        return beginning(self._text[-LONGEST:]) if self.vault.values else 0
