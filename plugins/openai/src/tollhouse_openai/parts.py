"""Parts of one choice as they appear: numbered once, ended as soon as it is known that they grow no more."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from tollhouse.neutral import Delta, Finish, Happening, PartEnd, PartStart, Path

from .reasons import read_reason

Kind = Literal["text", "thinking", "tool_call", "refusal"]

_decode = msgspec.json.decode


class Parts:
    """The parts of one choice. A text ends when something else begins. A call ends then if its arguments are whole, or
    a text follows before any came; hosts that mix their calls may go on with any other, so those stay open until the
    choice is complete."""

    __slots__ = ("_calls", "_choice", "_kind", "_next", "_open", "_text", "finished")

    def __init__(self, choice: int) -> None:
        self._choice = choice
        self._next = 0
        self._kind: Kind | None = None
        """The kind of the part that began last, while it is open."""
        self._text: int | None = None
        """The open part of text, if any."""
        self._calls: dict[Any, int] = {}
        self._open: dict[int, list[str]] = {}
        """The open calls with their arguments."""
        self.finished = False

    def say(self, out: list[Happening], kind: Kind, text: str, path: Path) -> None:
        """More of a part of text; empty text begins nothing."""
        if not text:
            return
        if self._kind != kind:
            self._begin(out, kind)
        assert self._text is not None
        out.append(Delta(index=self._text, text=text, choice=self._choice, path=path))

    def call(self, out: list[Happening], key: Any, id_: str, name: str, arguments: str, path: Path) -> None:
        """More of the tool call known as `key`; its first mention begins it."""
        index = self._calls.get(key)
        if index is None:
            index = self._calls[key] = self._begin(out, "tool_call", id_, name)
            self._open[index] = []
        if arguments:
            if index in self._open:
                self._open[index].append(arguments)
            elif arguments.isspace():
                return  # blanks behind arguments that were whole
            out.append(Delta(index=index, text=arguments, choice=self._choice, path=path))

    def last_call(self) -> Any:
        """The key of the tool call that began last; None before any."""
        return next(reversed(self._calls), None)

    def end(self, out: list[Happening]) -> None:
        """End the open parts, if any."""
        self._pause(out)
        out += [PartEnd(index=index, choice=self._choice) for index in self._open]
        self._open.clear()

    def finish(self, out: list[Happening], raw: str) -> None:
        """The choice is complete; said once."""
        self.end(out)
        if not self.finished:
            self.finished = True
            out.append(Finish(reason=read_reason(raw), raw=raw, choice=self._choice))

    def _pause(self, out: list[Happening], kind: Kind = "text") -> None:
        """A part of this kind begins, or nothing more: end what cannot go on."""
        if self._text is not None:
            out.append(PartEnd(index=self._text, choice=self._choice))
        for index, said in list(self._open.items()):
            if _whole(said) or not (said or kind == "tool_call"):
                del self._open[index]
                out.append(PartEnd(index=index, choice=self._choice))
        self._text = self._kind = None

    def _begin(self, out: list[Happening], kind: Kind, id_: str = "", name: str = "") -> int:
        self._pause(out, kind)
        index, self._kind = self._next, kind
        self._next += 1
        if kind != "tool_call":
            self._text = index
        out.append(PartStart(index=index, kind=kind, choice=self._choice, id=id_, name=name))
        return index


def _whole(said: list[str]) -> bool:
    """Whether arguments are a JSON object, which nothing can follow. Only what ends like one is read."""
    if not said or not said[-1].rstrip().endswith("}"):
        return False
    try:
        return isinstance(_decode("".join(said)), dict)
    except (msgspec.DecodeError, RecursionError):
        return False
