"""One content block of a reply as it appears, and the neutral part it is."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Raw
from tollhouse.neutral import (
    Delta,
    Extra,
    Happening,
    Opaque,
    PartEnd,
    PartStart,
    Path,
    Refusal,
    Text,
    Thinking,
    ToolCall,
)

from .content import SERVER_TOOL, read_block
from .name import NAME
from .redacted import read_redacted

_encode = msgspec.json.Encoder().encode
Kind = Literal["text", "thinking", "tool_call", "opaque"]


class Numbers:
    """Gives the parts of a reply their indices, which none shares."""

    def __init__(self) -> None:
        self._next = 0

    def take(self) -> int:
        """The next index."""
        self._next += 1
        return self._next - 1


class BlockReader:
    """Reads one block of a stream. Blocks that are neither text, reasoning nor a tool call are opaque: they are kept
    back until they are whole."""

    __slots__ = ("_block", "_citations", "_index", "_kind", "_numbers", "_said")

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self._kind: Kind | None = None
        self._index = 0
        self._said = False
        self._citations: list[Any] = []
        self._block: dict[str, Any] = {}

    def begin(self, start: dict[str, Any], out: list[Happening]) -> None:
        """Append what a `contentBlockStart` says; of text and reasoning it says nothing."""
        self.end(out)
        call = start.get("toolUse")
        if isinstance(call, dict) and call.get("type") != SERVER_TOOL:
            self._open("tool_call", out, id=str(call.get("toolUseId", "")), name=str(call.get("name", "")))
        elif start:
            self._kind, self._block = "opaque", start

    def grow(self, delta: dict[str, Any], out: list[Happening]) -> None:
        """Append what a delta of the block says."""
        if self._kind == "opaque":
            self._collect(delta)
        elif isinstance(text := delta.get("text"), str):
            self._say("text", text, ("delta", "text"), out)
        elif isinstance(call := delta.get("toolUse"), dict):
            self._say("tool_call", str(call.get("input") or ""), ("delta", "toolUse", "input"), out)
        elif isinstance(thought := delta.get("reasoningContent"), dict):
            self._think(thought, out)
        elif "citation" in delta:
            self._open("text", out)
            self._citations.append(delta["citation"])
        elif delta:
            self._kind = self._kind or "opaque"
            self._collect(delta)

    def end(self, out: list[Happening]) -> None:
        """The block is complete. A call without arguments has an empty object of them."""
        if self._kind == "opaque":
            call = self._block.get("toolUse", {})
            if isinstance(call.get("input"), str):
                call["input"] = _as_json(call["input"])
            kind = next(iter(self._block), "")
            opaque = Opaque(kind=kind, raw=Raw(_encode(self._block)), dialect=NAME)
            self._index = self._numbers.take()
            out += [PartStart(index=self._index, kind="opaque", opaque=opaque), PartEnd(index=self._index)]
        elif self._kind is not None:
            if self._kind == "tool_call" and not self._said:
                out.append(Delta(index=self._index, text="{}"))
            extra = Extra(NAME, {"citationsContent": Raw(_encode({"citations": self._citations}))})
            out.append(PartEnd(index=self._index, extra=extra if self._citations else None))
        self._kind = None

    def _think(self, thought: dict[str, Any], out: list[Happening]) -> None:
        text, signature, blob = (thought.get(name) for name in ("text", "signature", "redactedContent"))
        if isinstance(text, str):
            self._say("thinking", text, ("delta", "reasoningContent", "text"), out)
        if isinstance(signature, str) and signature:
            self._open("thinking", out)
            out.append(Delta(index=self._index, text="", signature=signature))
        if isinstance(blob, str) and blob:
            self._open("thinking", out)
            out.append(Delta(index=self._index, text="", opaque=read_redacted(blob)))

    def _say(self, kind: Kind, text: str, path: Path, out: list[Happening]) -> None:
        if text:
            self._open(kind, out)
            self._said = True
            out.append(Delta(index=self._index, text=text, path=path))

    def _open(self, kind: Kind, out: list[Happening], id: str = "", name: str = "") -> None:
        """The part of this kind; another one of the same block has ended then."""
        if self._kind == kind:
            return
        self.end(out)
        self._kind, self._said, self._citations = kind, False, []
        self._index = self._numbers.take()
        out.append(PartStart(index=self._index, kind=kind, id=id, name=name))

    def _collect(self, delta: dict[str, Any]) -> None:
        """Join what a block of another kind says: a call's input, a result's content, an image's source."""
        for name, value in delta.items():
            inner = self._block.setdefault(name, {})
            if name == "toolUse" and isinstance(value, dict):
                inner["input"] = inner.get("input", "") + str(value.get("input", ""))
            elif isinstance(value, list):
                inner.setdefault("content", []).extend(value)
            elif isinstance(value, dict):
                inner.update(value)
            else:
                self._block[name] = value


def unfold_block(raw: Raw, path: Path, numbers: Numbers, out: list[Happening]) -> None:
    """Append what a whole block at `path` says. Raises `Rejected` on what is none."""
    part = read_block(raw, path)
    index = numbers.take()
    if isinstance(part, ToolCall):
        out.append(PartStart(index=index, kind="tool_call", id=part.id, name=part.name, extra=part.extra))
        out.append(Delta(index=index, text=part.arguments, path=part.path))
        out.append(PartEnd(index=index))
    elif isinstance(part, Text | Thinking | Refusal):
        out.append(PartStart(index=index, kind="thinking" if isinstance(part, Thinking) else "text"))
        if part.text:
            out.append(Delta(index=index, text=part.text, path=part.path))
        if isinstance(part, Thinking) and (part.signature or part.opaque):
            out.append(Delta(index=index, text="", signature=part.signature, opaque=part.opaque))
        out.append(PartEnd(index=index, extra=part.extra))
    else:
        kind = part.kind if isinstance(part, Opaque) else type(part).__name__.lower()
        opaque = part if isinstance(part, Opaque) else Opaque(kind=kind, raw=raw, dialect=NAME, path=path)
        out += [PartStart(index=index, kind="opaque", opaque=opaque), PartEnd(index=index)]


def _as_json(text: str) -> Any:
    """The JSON that the pieces of a call's input make; what is none stays text."""
    try:
        return msgspec.json.decode(text) if text else {}
    except (msgspec.DecodeError, RecursionError):
        return text
