"""Parts of one choice as they appear: numbered once, ended before the next begins."""

from __future__ import annotations

from typing import Any, Literal

from tollhouse.neutral import Delta, Finish, Happening, PartEnd, PartStart, Path

from .reasons import read_reason

Kind = Literal["text", "thinking", "tool_call", "refusal"]


class Parts:
    """The parts of one choice. A tool call that goes on after the next part began grows by deltas to its own
    index, although its end was told: no host is known to do it."""

    __slots__ = ("_calls", "_choice", "_kind", "_next", "_open", "finished")

    def __init__(self, choice: int) -> None:
        self._choice = choice
        self._next = 0
        self._open: int | None = None
        self._kind: Kind | None = None
        self._calls: dict[Any, int] = {}
        self.finished = False

    def say(self, out: list[Happening], kind: Kind, text: str, path: Path) -> None:
        """More of a part of text; empty text begins nothing."""
        if not text:
            return
        if self._kind != kind:
            self._begin(out, kind)
        out.append(Delta(index=self._index(), text=text, choice=self._choice, path=path))

    def call(self, out: list[Happening], key: Any, id_: str, name: str, arguments: str, path: Path) -> None:
        """More of the tool call known as `key`; its first mention begins it."""
        index = self._calls.get(key)
        if index is None:
            self._begin(out, "tool_call", id_, name)
            index = self._calls[key] = self._index()
        if arguments:
            out.append(Delta(index=index, text=arguments, choice=self._choice, path=path))

    def last_call(self) -> Any:
        """The key of the tool call that began last; None before any."""
        return next(reversed(self._calls), None)

    def end(self, out: list[Happening]) -> None:
        """End the open part, if any."""
        if self._open is not None:
            out.append(PartEnd(index=self._open, choice=self._choice))
        self._open = self._kind = None

    def finish(self, out: list[Happening], raw: str) -> None:
        """The choice is complete; said once."""
        self.end(out)
        if not self.finished:
            self.finished = True
            out.append(Finish(reason=read_reason(raw), raw=raw, choice=self._choice))

    def _begin(self, out: list[Happening], kind: Kind, id_: str = "", name: str = "") -> None:
        self.end(out)
        self._open, self._kind = self._next, kind
        self._next += 1
        out.append(PartStart(index=self._open, kind=kind, choice=self._choice, id=id_, name=name))

    def _index(self) -> int:
        return self._next - 1
