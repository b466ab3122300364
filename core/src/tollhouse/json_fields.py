"""JSON objects read field by field: what is known is taken, what is left is kept as received."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from .errors import Rejected
from .json_guard import unique
from .json_patch import path_words
from .neutral import Extra, Path

T = TypeVar("T")

_object = msgspec.json.Decoder(dict[str, Raw])
_array = msgspec.json.Decoder(list[Raw])
_encode = msgspec.json.Encoder().encode


class Fields:
    """One JSON object at `path`. Null counts as unsaid. Raises `Rejected` naming the field on any wrong type,
    and for one given twice."""

    __slots__ = ("_left", "_nested", "path")

    def __init__(self, raw: Raw | bytes, path: Path = ()) -> None:
        self.path = path
        self._left = unique(read(raw, _object, path), raw)
        self._nested: list[tuple[str, Fields]] = []

    def has(self, name: str) -> bool:
        """Whether the field is there, was not taken, and is not null."""
        return name in self._left and bytes(self._left[name]) != b"null"

    def raw(self, name: str) -> Raw | None:
        """Take a field as it is; None when unsaid."""
        value = self._left.pop(name, None)
        return None if value is None or bytes(value) == b"null" else value

    def take(self, name: str, type_: type[T]) -> T | None:
        """Take a field of this type; None when unsaid."""
        value = self.raw(name)
        return None if value is None else convert(value, type_, (*self.path, name))

    def need(self, name: str, type_: type[T]) -> T:
        """Take a field that must be said. Raises `Rejected` (400) when it is not."""
        value = self.take(name, type_)
        if value is None:
            raise missing((*self.path, name))
        return value

    def items(self, name: str) -> list[tuple[Path, Raw]]:
        """Take an array: each element with its path; empty when unsaid."""
        value = self.raw(name)
        if value is None:
            return []
        path = (*self.path, name)
        elements = read(value, _array, path)
        return [((*path, n), element) for n, element in enumerate(elements)]

    def within(self, name: str) -> Fields:
        """Take an object to read on; what is left of it stays among this one's leftovers."""
        value = self.raw(name)
        inner = Fields(Raw(b"{}") if value is None else value, (*self.path, name))
        self._nested.append((name, inner))
        return inner

    def put_back(self, name: str, value: Raw) -> None:
        """Leave a taken field among the leftovers after all."""
        self._left[name] = value

    def left(self) -> dict[str, Raw]:
        """What nobody took."""
        for name, inner in self._nested:
            if name not in self._left and (rest := inner.left()):
                self._left[name] = Raw(_encode(rest))
        return self._left

    def extra_of(self, dialect: str) -> Extra | None:
        """What nobody took, tagged with the dialect's name."""
        left = self.left()
        return Extra(dialect, left) if left else None


def read(raw: Raw | bytes, decoder: msgspec.json.Decoder[T], path: Path) -> T:
    """Decode what stands at `path`. Raises `Rejected` (400) that says in words what is wrong where."""
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise wrong(str(error), path) from None
    except msgspec.DecodeError as error:
        raise Rejected(f"The request body is not valid JSON: {error}.", code="invalid_json") from None
    except RecursionError:
        raise Rejected("The request body is nested too deeply.", code="invalid_json") from None


def convert(raw: Raw, type_: type[T], path: Path) -> T:
    """Decode a value of one type, as `read` does."""
    return read(raw, _decoder(type_), path)


def wrong(problem: str, path: Path) -> Rejected:
    """msgspec's complaint as a 400 that names the field."""
    words, _, inner = problem.partition(" - at `$")
    at = path_words(path) + inner.rstrip("`").replace("[...]", "[]")
    at = at.removeprefix(".")
    if words.startswith("Object missing required field"):
        name = words.split("`")[1]
        return missing((*path, *filter(None, [inner.strip("`.")]), name))
    where = f"for `{at}`" if at else "for the request body"
    return Rejected(f"Wrong value {where}: {words[0].lower()}{words[1:]}.", param=at or None)


def merge(fields: dict[str, Any], extra: Extra | None, dialect: str) -> dict[str, Any]:
    """Put the dialect's own leftovers into `fields`: objects merge, arrays are appended, and no known field is
    overruled. Another dialect's are left out. Returns `fields`."""
    for name, raw in (extra.fields if extra and extra.dialect == dialect else {}).items():
        known = fields.get(name)
        if isinstance(known, dict):
            merge(known, Extra(dialect, _object.decode(raw)), dialect)
        elif isinstance(known, list):
            known.extend(_array.decode(raw))
        elif name not in fields:
            fields[name] = raw
    return fields


def missing(path: Path) -> Rejected:
    """A 400 for a field that must be said."""
    at = path_words(path)
    return Rejected(f"The field `{at}` is required.", param=at, code="missing_required_parameter")


_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def _decoder(type_: type[T]) -> msgspec.json.Decoder[T]:
    decoder = _decoders.get(type_)
    if decoder is None:
        decoder = _decoders[type_] = msgspec.json.Decoder(type_)
    return decoder
