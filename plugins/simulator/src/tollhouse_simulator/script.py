"""A reply before it is spoken: drafts of its parts, cut to what is allowed, written out as neutral events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Literal

from tollhouse import Usage
from tollhouse.neutral import Delta, End, Finish, FinishReason, Happening, PartEnd, PartStart, Start, Used

from .counting import split


@dataclass(slots=True)
class Draft:
    """One part: its tokens, and what names it."""

    kind: Literal["text", "thinking", "tool_call"]
    pieces: list[str]
    id: str = ""
    name: str = ""
    signature: str = ""


@dataclass(slots=True)
class Take:
    """One choice: its parts and why it ends."""

    drafts: list[Draft]
    finish: FinishReason = "stop"

    def stop_at(self, stops: Sequence[str]) -> None:
        """End before the first stop sequence in the visible text."""
        for number, draft in enumerate(self.drafts):
            text = "".join(draft.pieces) if stops and draft.kind == "text" else ""
            found = [at for stop in stops if stop and (at := text.find(stop)) >= 0]
            if found:
                draft.pieces = split(text[: min(found)])
                del self.drafts[number + 1 :]
                self.finish = "stop"
                return

    def limit(self, tokens: int) -> None:
        """End after so many tokens, thinking included."""
        for number, draft in enumerate(self.drafts):
            if len(draft.pieces) > tokens:
                del draft.pieces[tokens:]
                del self.drafts[number + bool(tokens) :]
                self.finish = "length"
                return
            tokens -= len(draft.pieces)

    def tokens(self, *, thinking: bool) -> int:
        """The tokens of its thinking, or of everything else."""
        return sum(len(draft.pieces) for draft in self.drafts if (draft.kind == "thinking") is thinking)

    def happenings(self, choice: int) -> list[Happening]:
        """Its events, from the first part to the finish."""
        events: list[Happening] = []
        for index, draft in enumerate(self.drafts):
            events.append(PartStart(index=index, kind=draft.kind, choice=choice, id=draft.id, name=draft.name))
            deltas = [Delta(index=index, text=piece, choice=choice) for piece in draft.pieces]
            if draft.signature and deltas:
                deltas[-1].signature = draft.signature
            events += deltas
            events.append(PartEnd(index=index, choice=choice))
        events.append(Finish(reason=self.finish, raw=self.finish, choice=choice))
        return events


def usage(takes: Sequence[Take], prompt: int, cached: int | None) -> Usage:
    """What the reply and its prompt consumed."""
    return Usage(
        input=prompt - (cached or 0),
        cache_read=cached,
        output=sum(take.tokens(thinking=False) for take in takes),
        reasoning=sum(take.tokens(thinking=True) for take in takes),
    )


def whole(start: Start, takes: Sequence[Take], used: Usage) -> list[Happening]:
    """The whole reply; several choices take turns, token by token."""
    choices = [take.happenings(number) for number, take in enumerate(takes)]
    turns = choices[0] if len(choices) == 1 else chain.from_iterable(zip_longest(*choices))
    return [start, *(event for event in turns if event is not None), Used(usage=used), End()]
