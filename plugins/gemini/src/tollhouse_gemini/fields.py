"""JSON objects read field by field, in either spelling of protobuf's JSON: what is left is kept as received."""

from __future__ import annotations

import re
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Raw
from tollhouse import Receipt
from tollhouse.json_fields import missing, read, wrong
from tollhouse.json_guard import unique
from tollhouse.neutral import Extra, Path

NAME = "gemini"
"""The dialect's name, which tags unknown fields and opaque parts."""

T = TypeVar("T")

_SNAKE = re.compile(r"(?<=[a-z0-9])_([a-z0-9])")
_object = msgspec.json.Decoder(dict[str, Raw])
_array = msgspec.json.Decoder(list[Raw])


class Fields:
    """One JSON object at `path`. Fields are known by their names in camel case and may be spelled in snake case.
    Null counts as unsaid. Raises `Rejected` naming the field on any wrong type, and for one given twice."""

    __slots__ = ("_left", "_nested", "_spelled", "path")

    def __init__(self, raw: Raw | bytes, path: Path = ()) -> None:
        self.path = path
        self._left = unique(read(raw, _object, path), raw)
        self._spelled: dict[str, str] = {}
        self._nested: list[tuple[str, Fields]] = []
        if any("_" in name for name in self._left):
            self._respell()

    def at(self, name: str) -> Path:
        """The path of a field, as the caller spelled it."""
        return (*self.path, self._spelled.get(name, name))

    def has(self, name: str) -> bool:
        """Whether the field is there, was not taken, and is not null."""
        return name in self._left and bytes(self._left[name]) != b"null"

    def names(self) -> list[str]:
        """The fields nobody took."""
        return list(self._left)

    def raw(self, name: str) -> Raw | None:
        """Take a field as it is; None when unsaid."""
        value = self._left.pop(name, None)
        return None if value is None or bytes(value) == b"null" else value

    def take(self, name: str, type_: type[T]) -> T | None:
        """Take a field of this type; None when unsaid. Numbers may be written as strings, as protobuf allows."""
        value = self.raw(name)
        return None if value is None else read(value, _decoder(type_), self.at(name))

    def need(self, name: str, type_: type[T]) -> T:
        """Take a field that must be said."""
        value = self.take(name, type_)
        if value is None:
            raise missing(self.at(name))
        return value

    def items(self, name: str) -> list[tuple[Path, Raw]]:
        """Take an array: each element with its path; empty when unsaid. One object stands for a list of it."""
        value = self.raw(name)
        if value is None:
            return []
        if memoryview(value)[0] == ord("{"):
            return [(self.at(name), value)]
        elements = read(value, _array, self.at(name))
        return [((*self.at(name), n), element) for n, element in enumerate(elements)]

    def within(self, name: str) -> Fields:
        """Take an object to read on; what is left of it stays among this one's leftovers."""
        value = self.raw(name)
        inner = Fields(Raw(b"{}") if value is None else value, self.at(name))
        self._nested.append((name, inner))
        return inner

    def put_back(self, name: str, value: Raw) -> None:
        """Leave a taken field among the leftovers after all."""
        self._left[name] = value

    def left(self) -> dict[str, Raw]:
        """What nobody took; a field within an object is named `object.field`."""
        left = dict(self._left)
        for name, inner in self._nested:
            left.update((f"{name}.{field}", value) for field, value in inner.left().items())
        return left

    def extra(self) -> Extra | None:
        """What nobody took, tagged with the dialect."""
        left = self.left()
        return Extra(NAME, left) if left else None

    def _respell(self) -> None:
        for name, value in list(self._left.items()):
            known = _SNAKE.sub(lambda match: match[1].upper(), name)
            if known != name:
                if known in self._left:
                    raise wrong(f"Expected `{known}` or `{name}`, got both", self.path)
                self._spelled[known] = name
                del self._left[name]
                self._left[known] = value


def merge(fields: dict[str, Any], extra: Extra | None) -> dict[str, Any]:
    """Re-emit leftovers where they stood: arrays are appended, and no known field is overruled."""
    for name, raw in (extra.fields if extra and extra.dialect == NAME else {}).items():
        *outer, last = name.split(".")
        inside: Any = fields
        for step in outer:
            inside = inside.setdefault(step, {}) if isinstance(inside, dict) else None
        if not isinstance(inside, dict):
            continue
        if isinstance(known := inside.get(last), list) and memoryview(raw)[0] == ord("["):
            known.extend(_array.decode(raw))
        else:
            inside.setdefault(last, raw)
    return fields


def note_extra(extra: Extra | None, path: str, receipt: Receipt) -> None:
    """One line for each field that only another dialect knows."""
    if extra is not None and extra.dialect != NAME:
        for name in extra.fields:
            receipt.note("dropped", f"{path}.{name}" if path else name, f"known to {extra.dialect} only")


_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def _decoder(type_: type[T]) -> msgspec.json.Decoder[T]:
    decoder = _decoders.get(type_)
    if decoder is None:
        decoder = _decoders[type_] = msgspec.json.Decoder(type_, strict=False)
    return cast("msgspec.json.Decoder[T]", decoder)
