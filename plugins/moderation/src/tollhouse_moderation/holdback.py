"""Holding back a reply: events wait, in their order, until all of their text is settled."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from tollhouse import Event, Refused
from tollhouse.neutral import Delta, End, Finish, Happening, Opaque, PartEnd, PartStart

from .aside import aside
from .contract import Subject
from .judging import judge_output
from .policy import Active, Policy
from .refusals import Blocked, NotRun, output_blocked, output_unchecked, too_long, wrong_form
from .screening import Screen
from .vault import Vault
from .verdicts import Verdicts
from .window import Window

Part = tuple[int, int]
"""Choice and index."""


@dataclass(slots=True)
class _Held:
    """An event, and where the text of its deltas stands in their parts."""

    event: Event
    pieces: list[tuple[Window, int, int]] = field(default_factory=list)
    size: int = 0
    judged: set[int] = field(default_factory=set)
    """Choices whose judges must have spoken first."""
    calls: list[Window] = field(default_factory=list)
    """Calls that begin here: one whose arguments may not be said does not begin either."""

    @property
    def settled(self) -> bool:
        if self.judged or not all(call.ended for call in self.calls):
            return False
        return all(end <= window.settled for window, _, end in self.pieces)


class Holdback:
    """One reply on its way through the rules. An event leaves once every rule that blocks or masks has seen all of
    its text, and enough behind it; unless something changed it leaves as it came."""

    def __init__(self, verdicts: Verdicts, policy: Policy, limit: int) -> None:
        self.verdicts, self.limit = verdicts, limit
        self.screen = Screen(policy.spans("output"), verdicts, "output")
        self.judges = policy.judges("output")
        self._closed = policy.closed("output")
        self._waiting = any(rule.enforces for rule, _ in self.judges)
        self._made = Vault()
        self._made.reserve("".join(verdicts.vault.values))
        self._windows: dict[Part, Window] = {}
        self._kinds: dict[Part, str] = {}
        self._texts: dict[int, list[str]] = {}
        self._judged: set[int] = set()
        self._queue: deque[_Held] = deque()
        self._size = 0

    async def through(self, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
        """The events as they may leave. Raises `Refused`."""
        for rule, _ in (*self.screen.rules, *self.judges):
            self.verdicts.of(rule, "output")
        async for event in events:
            for ready in await self._passed(event):
                yield ready
        for ready in await self._passed(Event(happenings=[End()])) if self._queue else ():
            if ready.frame is not None or ready.happenings != [End()]:
                yield ready
        self.verdicts.tell()

    async def _passed(self, event: Event) -> list[Event]:
        """What may leave now that this came. Raises `Refused`."""
        try:
            await self._take(event)
        except Blocked as blocked:
            self.verdicts.tell(blocker=blocked.rule)
            raise self._refusal(blocked) from None
        except NotRun as failed:
            self.verdicts.tell(blocker=failed.rule)
            raise output_unchecked(failed.rule) from None
        out = self._ready()
        if self._size > self.limit:
            self._overflow()
            out += self._ready()
        return out

    def _refusal(self, blocked: Blocked) -> Refused:
        """What ends the reply. A judge that can say what would be right has the model asked again."""
        correct = getattr(blocked.rule.check, "correction", None)
        if correct is None:
            return output_blocked(blocked.rule)
        if blocked.rule.rule.retry and not self.verdicts.corrected:
            subject = Subject(blocked.text, "output", self.verdicts.exchange)
            self.verdicts.correction, self.verdicts.answered = correct(subject), blocked.text
        return wrong_form(blocked.rule)

    async def _take(self, event: Event) -> None:
        held = _Held(event, size=len(event.frame.raw) if event.frame else len(event.text))
        ended: list[Part] = []
        finished: list[int] = []
        for one in event.happenings:
            self._hear(one, held, ended, finished)
        for choice in finished:
            if choice not in self._judged:
                self._judged.add(choice)
                await self._judge(choice)
        for part in ended:
            self._windows[part].ended = True
        grown = {id(window): window for window, _, _ in held.pieces}
        grown |= {id(self._windows[part]): self._windows[part] for part in ended}
        for window in grown.values():
            await aside(window.length - window.settled, window.settle)
        if self._waiting:
            held.judged = {choice for choice in self._texts if choice not in self._judged}
        self._queue.append(held)
        self._size += held.size

    def _hear(self, one: Happening, held: _Held, ended: list[Part], finished: list[int]) -> None:
        match one:
            case PartStart(opaque=Opaque() as opaque):
                self._opaque(one, opaque)
            case PartStart():
                self._kinds[one.choice, one.index] = one.kind
                if one.kind == "tool_call":
                    held.calls.append(self._window((one.choice, one.index)))
            case Delta():
                part = (one.choice, one.index)
                held.pieces.append((self._window(part), *self._window(part).add(one.text)))
                if self.judges and self._kinds.get(part, "text") in ("text", "refusal"):
                    self._texts.setdefault(one.choice, []).append(one.text)
            case PartEnd():
                if (one.choice, one.index) in self._windows:
                    ended.append((one.choice, one.index))
            case Finish():
                ended += [part for part in self._windows if part[0] == one.choice]
                finished.append(one.choice)
            case End():
                ended += self._windows
                finished += [*self._texts]
                if not self._texts and not self._judged:
                    finished.append(0)

    def _window(self, part: Part) -> Window:
        known = self._windows.get(part)
        if known is None:
            kind = self._kinds.get(part, "text")
            place = f"{part[0]}.{part[1]}"
            vault = self.verdicts.vault
            known = self._windows[part] = Window(self.screen, vault, self._made, place, json=kind == "tool_call")
        return known

    def _opaque(self, start: PartStart, opaque: Opaque) -> None:
        """A part that only its dialect understands cannot be masked: what would be is refused."""
        place = f"{start.choice}.{start.index}"
        text = bytes(opaque.raw).decode(errors="replace")
        self.screen.watch(text, place)
        for rule, finding in self.screen.hits(text, self.screen.masks):
            self.verdicts.found(rule, "output", place, finding, text)
            raise Blocked(rule)

    async def _judge(self, choice: int) -> None:
        text = "".join(self._texts.get(choice, ()))
        calls = any(kind == "tool_call" for (number, _), kind in self._kinds.items() if number == choice)
        await judge_output(self.judges, self.verdicts, text, f"{choice}", calls=calls)
        for held in self._queue:
            held.judged.discard(choice)

    def _ready(self) -> list[Event]:
        """The events that may leave now, as they leave."""
        out: list[Event] = []
        while self._queue and self._queue[0].settled:
            held = self._queue.popleft()
            self._size -= held.size
            out.append(_rewritten(held))
        if not out:
            return out
        first: dict[int, int] = {}
        for held in self._queue:
            for window, start, _ in held.pieces:
                first.setdefault(id(window), start)
        for window in self._windows.values():
            window.forget(first.get(id(window), window.settled))
        return out

    def _overflow(self) -> None:
        """More is held back than may be: closed rules refuse, else what waits is let go of."""
        rules: Sequence[Active] = self._closed
        if rules:
            self.verdicts.not_run(rules[0], "output", "the reply is too long to be held back")
            self.verdicts.tell(blocker=rules[0])
            raise too_long(rules[0])
        for rule, _ in (*self.screen.rules, *self.judges):
            if rule.enforces:
                self.verdicts.not_run(rule, "output", "the reply is too long to be held back")
        for held in self._queue:
            held.judged.clear()
            held.calls.clear()
            for window, _, end in held.pieces:
                window.settled = max(window.settled, end)


def _rewritten(held: _Held) -> Event:
    pieces = iter(held.pieces)

    def rewrite(_: Delta) -> str:
        window, start, end = next(pieces)
        return window.said(start, end)

    return held.event.edited(rewrite)
