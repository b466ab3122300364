"""One content block of a reply as it appears, and the neutral part it is."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Raw
from tollhouse.neutral import Delta, Extra, Happening, Opaque, PartEnd, PartStart, Path

from .name import NAME

_KINDS: dict[str, Literal["text", "thinking", "tool_call"]] = {
    "text": "text",
    "thinking": "thinking",
    "redacted_thinking": "thinking",
    "tool_use": "tool_call",
}
_READ = {
    "text": {"type", "text"},
    "thinking": {"type", "thinking", "signature"},
    "redacted_thinking": {"type", "data"},
    "tool_use": {"type", "id", "name", "input"},
}
"""What is taken of each kind of block; the rest is its extra."""

_object = msgspec.json.Decoder(dict[str, Raw])
_encode = msgspec.json.Encoder().encode


def content_at_once(kind: str) -> bool:
    """Whether the beginning of a block of this type is content already."""
    return kind not in ("text", "thinking")


class BlockReader:
    """Reads one block. Blocks of other types than text, thinking and tool calls are opaque: they are kept back
    until they are whole."""

    __slots__ = ("_citations", "_fields", "_index", "_inputs", "_kind", "_said", "_whole")

    def __init__(self, index: int, block: Raw, path: Path, out: list[Happening]) -> None:
        """Append what the beginning of the block at `path` says. Raises msgspec's errors on what is no block."""
        self._index, self._whole = index, block
        self._fields = _object.decode(block)
        self._kind = self._string("type")
        self._said = False
        self._inputs: list[str] = []
        self._citations: list[Any] = []
        kind = _KINDS.get(self._kind)
        if kind is None:
            return
        call = kind == "tool_call"
        out.append(
            PartStart(
                index=index,
                kind=kind,
                id=self._string("id") if call else "",
                name=self._string("name") if call else "",
                extra=self._extra() if call else None,
            )
        )
        if call:
            arguments = bytes(self._fields.get("input", b"{}")).decode()
            if arguments.strip("{} \n\r\t"):
                self._say(out, arguments, (*path, "input"))
        elif self._kind == "redacted_thinking":
            out.append(Delta(index=index, text="", opaque=self._string("data")))
        else:
            if text := self._string(self._kind):
                self._say(out, text, (*path, self._kind))
            if signature := self._string("signature"):
                out.append(Delta(index=index, text="", signature=signature))

    def grow(self, delta: dict[str, Any], out: list[Happening]) -> None:
        """Append what a delta of the block says."""
        match delta.get("type"), self._kind:
            case "text_delta", "text":
                self._say(out, delta.get("text"), ("delta", "text"))
            case "thinking_delta", "thinking":
                self._say(out, delta.get("thinking"), ("delta", "thinking"))
            case "signature_delta", "thinking" if isinstance(delta.get("signature"), str):
                out.append(Delta(index=self._index, text="", signature=delta["signature"]))
            case "input_json_delta", "tool_use":
                self._say(out, delta.get("partial_json"), ("delta", "partial_json"))
            case "input_json_delta", _:
                self._inputs.append(str(delta.get("partial_json", "")))
            case "citations_delta", _:
                self._citations.append(delta.get("citation"))
            case _ if self._kind not in _KINDS:
                self._fields.update({name: Raw(_encode(value)) for name, value in delta.items() if name != "type"})
                self._whole = Raw(_encode(self._fields))

    def end(self, out: list[Happening], path: Path = ("content_block",)) -> None:
        """The block is complete. A call without arguments has an empty object of them."""
        if self._kind not in _KINDS:
            opaque = Opaque(kind=self._kind, raw=self._opaque(), dialect=NAME)
            out.append(PartStart(index=self._index, kind="opaque", id=self._string("id"), opaque=opaque))
        elif self._kind == "tool_use" and not self._said:
            self._say(out, "{}", (*path, "input"))
        out.append(PartEnd(index=self._index, extra=None if self._kind == "tool_use" else self._extra()))

    def _say(self, out: list[Happening], text: Any, path: Path) -> None:
        if isinstance(text, str) and text:
            self._said = True
            out.append(Delta(index=self._index, text=text, path=path))

    def _opaque(self) -> Raw:
        if not (text := "".join(self._inputs)):
            return self._whole
        try:
            msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            text = _encode(text).decode()
        return Raw(_encode({**self._fields, "input": Raw(text.encode())}))

    def _extra(self) -> Extra | None:
        """What is left of the block, but for what says nothing."""
        if self._kind not in _KINDS:
            return None
        left = {
            name: value
            for name, value in self._fields.items()
            if name not in _READ[self._kind] and bytes(value) not in (b"null", b"[]", b"{}")
        }
        if self._citations:
            left["citations"] = Raw(_encode(self._citations))
        return Extra(NAME, left) if left else None

    def _string(self, name: str) -> str:
        try:
            return msgspec.json.decode(self._fields.get(name, b'""'), type=str)
        except msgspec.ValidationError:
            return ""
