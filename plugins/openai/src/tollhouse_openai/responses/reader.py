"""What the items of a response say: parts, numbered as they begin, whether they grow or come whole."""

from __future__ import annotations

from typing import Any, Literal, cast

import msgspec
from msgspec import Raw
from tollhouse.neutral import Delta, Extra, Happening, Opaque, PartEnd, PartStart, Path

from .events import Event, Key
from .items import TEXT_OF_THOUGHT
from .name import NAME

Kind = Literal["text", "thinking", "tool_call", "refusal", "opaque"]

_object = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[dict[str, Raw]])
_encode = msgspec.json.Encoder().encode
_PARTS: dict[str, Kind] = {
    "output_text": "text",
    "text": "text",
    "refusal": "refusal",
    "reasoning_text": "thinking",
    "summary_text": "thinking",
}
_OWN = frozenset({"type", "text", "refusal", "arguments", "name", "call_id", "role", "content", "summary", "status"})
"""Fields that the neutral form has a place for, or that repeat what the reply's end says."""
_FULL = Raw(_encode(TEXT_OF_THOUGHT))
_BLANK = (b"null", b"[]", b"{}")


class Reader:
    """The parts of one reply. What a `done` event repeats is only told as far as no delta told it before."""

    def __init__(self) -> None:
        self.keys: list[Key] = []
        """The parts by their index."""
        self.called = False
        """Whether a function was called."""
        self._index: dict[Key, int] = {}
        self._seen: dict[Key, int] = {}
        self._open: dict[Key, None] = {}
        self._named: dict[int, dict[str, Raw]] = {}
        self._done: set[int] = set()

    def added(self, out: list[Happening], event: Event) -> None:
        """An item begins."""
        item = _object.decode(event.item)
        number = event.output_index
        if _text(item, "type") == "function_call":
            self._call(out, number, item)
            self._grow(out, (number, "arguments", 0), _text(item, "arguments"), ("item", "arguments"))
        else:
            self._named[number] = _leftovers(item)

    def begun(self, out: list[Happening], event: Event) -> None:
        """A part of an item begins."""
        part = _object.decode(event.part)
        kind = _PARTS.get(_text(part, "type"))
        if kind is None:
            return
        place, number = (
            ("summary", event.summary_index) if "summary" in event.type else ("content", event.content_index)
        )
        key = (event.output_index, place, number)
        self._begin(out, key, kind)
        field = "refusal" if kind == "refusal" else "text"
        self._grow(out, key, _text(part, field), ("part", field))

    def grown(self, out: list[Happening], event: Event, kind: str, key: Key) -> None:
        """A delta of a part, or its whole text at its end."""
        if kind == "tool_call" and key not in self._index:
            return  # its name comes with the item's end
        self._begin(out, key, cast(Kind, kind))
        if event.type.endswith(".delta"):
            if isinstance(event.delta, str) and event.delta:
                self._grow(out, key, event.delta, ("delta",))
        else:
            field = {"tool_call": "arguments", "refusal": "refusal"}.get(kind, "text")
            self._rest(out, key, event.whole(), (field,))

    def item(self, out: list[Happening], number: int, raw: Raw, path: Path) -> None:
        """An item is complete; told once."""
        if number in self._done:
            return
        self._done.add(number)
        item = _object.decode(raw)
        match _text(item, "type"):
            case "message":
                named = _leftovers(item)
                for n, part in enumerate(_parts(item, "content")):
                    self._content(out, number, n, part, named, (*path, "content", n), raw)
            case "reasoning":
                self._reasoning(out, number, item, path)
            case "function_call":
                key = (number, "arguments", 0)
                self._call(out, number, item)
                self._rest(out, key, _text(item, "arguments"), (*path, "arguments"))
                self._end(out, key, _leftovers(item))
            case kind:
                self._opaque(out, (number, "item", 0), Opaque(kind=kind, raw=raw, dialect=NAME))

    def close(self, out: list[Happening]) -> None:
        """End what is open."""
        for key in list(self._open):
            self._end(out, key, {})

    def _content(
        self,
        out: list[Happening],
        number: int,
        n: int,
        part: dict[str, Raw],
        named: dict[str, Raw],
        path: Path,
        raw: Raw,
    ) -> None:
        kind = _PARTS.get(_text(part, "type"))
        key = (number, "content", n)
        if kind is None:
            whole = Opaque(
                kind=_text(part, "type"), raw=Raw(_encode({**_object.decode(raw), "content": [part]})), dialect=NAME
            )
            self._opaque(out, key, whole)
            return
        field = "refusal" if kind == "refusal" else "text"
        self._begin(out, key, kind, named)
        self._rest(out, key, _text(part, field), (*path, field))
        self._end(out, key, {**named, **_leftovers(part)})

    def _reasoning(self, out: list[Happening], number: int, item: dict[str, Raw], path: Path) -> None:
        """A part for each summary and each text; all bear the item's name, and the last what is encrypted."""
        named = _leftovers(item)
        secret = {"encrypted_content": named.pop("encrypted_content")} if "encrypted_content" in named else {}
        parts = [(place, n, part) for place in ("summary", "content") for n, part in enumerate(_parts(item, place))]
        keys = [(number, place, n) for place, n, _ in parts]
        for (place, n, part), key in zip(parts, keys, strict=True):
            self._begin(out, key, "thinking", named)
            self._rest(out, key, _text(part, "text"), (*path, place, n, "text"))
            kind = {"type": _FULL} if place == "content" else {}
            self._end(out, key, {**named, **kind, **(secret if key == keys[-1] else {})})
        if not parts:
            self._begin(out, (number, "summary", 0), "thinking", named)
            self._end(out, (number, "summary", 0), {**named, **secret})

    def _call(self, out: list[Happening], number: int, item: dict[str, Raw]) -> None:
        self.called = True
        key = (number, "arguments", 0)
        if key not in self._index:
            self._begin(out, key, "tool_call", _leftovers(item), _text(item, "call_id"), _text(item, "name"))

    def _opaque(self, out: list[Happening], key: Key, opaque: Opaque) -> None:
        index = self._number(key)
        out.append(PartStart(index=index, kind="opaque", opaque=opaque))
        out.append(PartEnd(index=index))

    def _begin(
        self,
        out: list[Happening],
        key: Key,
        kind: Kind,
        named: dict[str, Raw] | None = None,
        id_: str = "",
        name: str = "",
    ) -> None:
        if key in self._index:
            return
        named = self._named.get(key[0]) if named is None else named
        self._open[key] = None
        fields = dict(named or {})
        if kind == "thinking" and key[1] == "content":
            fields["type"] = _FULL
        extra = Extra(NAME, fields) if fields else None
        out.append(PartStart(index=self._number(key), kind=kind, id=id_, name=name, extra=extra))

    def _number(self, key: Key) -> int:
        self._index[key] = len(self.keys)
        self.keys.append(key)
        return self._index[key]

    def _grow(self, out: list[Happening], key: Key, text: str, path: Path) -> None:
        if text:
            self._seen[key] = self._seen.get(key, 0) + len(text)
            out.append(Delta(index=self._index[key], text=text, path=path))

    def _rest(self, out: list[Happening], key: Key, whole: str, path: Path) -> None:
        """What no delta told yet; it can be edited in its place when that is all of it."""
        seen = self._seen.get(key, 0)
        self._grow(out, key, whole[seen:], () if seen else path)

    def _end(self, out: list[Happening], key: Key, fields: dict[str, Raw]) -> None:
        if key in self._open:
            del self._open[key]
            out.append(PartEnd(index=self._index[key], extra=Extra(NAME, fields) if fields else None))


def _leftovers(item: dict[str, Raw]) -> dict[str, Raw]:
    """What only this dialect knows of an item or a part, but for what says nothing."""
    return {name: raw for name, raw in item.items() if name not in _OWN and bytes(raw) not in _BLANK}


def _parts(item: dict[str, Raw], name: str) -> list[dict[str, Raw]]:
    raw = item.get(name)
    return [] if raw is None or bytes(raw) == b"null" else _list.decode(raw)


def _text(fields: dict[str, Any], name: str) -> str:
    raw = fields.get(name)
    value = None if raw is None else msgspec.json.decode(raw)
    return value if isinstance(value, str) else ""
