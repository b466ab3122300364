"""Parts of one candidate as they appear: numbered once, ended before the next begins."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct
from tollhouse.neutral import Delta, Extra, Finish, Happening, Opaque, PartEnd, PartStart, Path

from .fields import NAME
from .ids import made_id
from .partial import Partial
from .reasons import read_reason
from .signatures import read_signature

Kind = Literal["text", "thinking", "tool_call"]

_NULL = Raw(b"null")
_ASIDE = frozenset({"thought", "thoughtSignature", "partMetadata"})
"""Fields beside a part's content."""


class _Call(Struct):
    name: str | None = None
    id: str | None = None
    args: Raw = _NULL
    partialArgs: Raw = _NULL
    willContinue: bool | None = None


_call = msgspec.json.Decoder(_Call)
_string = msgspec.json.Decoder(str)


class Parts:
    """The parts of one candidate."""

    __slots__ = ("_called", "_choice", "_growing", "_kind", "_next", "_place", "_signed", "finished")

    def __init__(self, choice: int) -> None:
        self._choice = choice
        self._next = 0
        self._kind: Kind | Literal["opaque"] | None = None
        self._place: Path = ()
        self._signed = False
        self._called = 0
        self._growing: Partial | None = None
        self.finished = False

    def read(self, out: list[Happening], raw: Raw, part: dict[str, Raw], path: Path, reply: str) -> None:
        """One part at `path` of the reply named `reply`. Raises `msgspec.DecodeError` on what is none."""
        signature = _text(part, "thoughtSignature")
        if "text" in part:
            kind: Kind = "thinking" if bytes(part.get("thought", b"")) == b"true" else "text"
            self._say(out, kind, _text(part, "text"), (*path, "text"))
            self._sign(out, signature)
        elif "functionCall" in part:
            call = _call.decode(part["functionCall"])
            if call.name:
                self._sign(out, signature)
            self._function(out, call, (*path, "functionCall", "args"), reply)
        elif names := [name for name in part if name not in _ASIDE]:
            self._begin(out, "opaque", opaque=Opaque(kind=names[0], raw=raw, dialect=NAME, path=path))
            self.end(out)
        else:
            self._sign(out, signature)

    def finish(self, out: list[Happening], raw: str, extra: Extra | None) -> None:
        """The candidate is complete; said once."""
        self.end(out)
        if not self.finished:
            self.finished = True
            reason = read_reason(raw, self._called > 0)
            out.append(Finish(reason=reason, raw=raw, choice=self._choice, extra=extra))

    def end(self, out: list[Happening]) -> None:
        """End the open part, if any; a call whose last piece did not come has the arguments that did."""
        if self._growing is not None:
            self._grow(out, self._growing.arguments())
            self._growing = None
        if self._kind is not None:
            out.append(PartEnd(index=self._next - 1, choice=self._choice))
        self._kind = None

    def _say(self, out: list[Happening], kind: Kind, text: str, path: Path) -> None:
        """More of a part of text; empty text begins nothing."""
        if not text:
            return
        if self._kind != kind or self._signed:
            self._begin(out, kind)
        out.append(Delta(index=self._next - 1, text=text, choice=self._choice, path=path))

    def _sign(self, out: list[Happening], signature: str) -> None:
        """A signature belongs to the thought that is open, or is one of its own without text."""
        if not signature:
            return
        if self._kind != "thinking" or self._signed:
            self._begin(out, "thinking")
        self._signed = True
        signed = read_signature(signature)
        out.append(Delta(index=self._next - 1, text="", choice=self._choice, signature=signed))

    def _function(self, out: list[Happening], call: _Call, path: Path, reply: str) -> None:
        """A call, whole or in pieces: the first piece has the name, the last does not say that more will come."""
        self._place = path
        if call.name:
            self._begin(out, "tool_call", call.id or made_id(reply, self._called, call.name), call.name)
            self._called += 1
            if not call.willContinue and _absent(call.partialArgs):
                self._grow(out, "{}" if _absent(call.args) else bytes(call.args).decode())
                self.end(out)
                return
            self._growing = Partial()
        if self._growing is not None:
            if not _absent(call.partialArgs):
                self._growing.add(call.partialArgs)
            if not call.willContinue:
                self.end(out)

    def _grow(self, out: list[Happening], text: str) -> None:
        out.append(Delta(index=self._next - 1, text=text, choice=self._choice, path=self._place))

    def _begin(
        self,
        out: list[Happening],
        kind: Kind | Literal["opaque"],
        id_: str = "",
        name: str = "",
        opaque: Opaque | None = None,
    ) -> None:
        self.end(out)
        self._kind, self._signed = kind, False
        out.append(PartStart(index=self._next, kind=kind, choice=self._choice, id=id_, name=name, opaque=opaque))
        self._next += 1


def says(part: dict[str, Any]) -> bool:
    """Whether a part has any content."""
    if "text" in part and bytes(part["text"]) not in (b'""', b"null"):
        return True
    return any(name not in _ASIDE and name != "text" for name in part)


def _text(part: dict[str, Raw], name: str) -> str:
    value = part.get(name, _NULL)
    return "" if _absent(value) else _string.decode(value)


def _absent(raw: Raw) -> bool:
    return bytes(raw) == b"null"
