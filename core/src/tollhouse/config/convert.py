"""Raw tables to typed values: a walk along the type that reports every problem by its path, in human words.

msgspec converts and checks the leaves; the walk adds exact paths (msgspec shortens those inside tables), all
problems instead of the first, corrections, spoken values, and silence about values that came from the
environment, which may be secrets.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime, time
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin

import msgspec

from .problems import Problems, join
from .secret import secret_name
from .spoken import AmountError, Spoken, shown
from .suggest import closest, did_you_mean

T = TypeVar("T")
_LISTS = (list, tuple, set, frozenset)


def validate(cls: type[T], table: object, path: str, *, env: Mapping[str, tuple[str, ...]] | None = None) -> T:
    """A raw value (usually a table) as `cls`; raises ConfigError or ConfigErrors, with paths below `path`.

    Unknown fields are always refused. Where a list of spoken values is wanted, one may stand alone. `env`
    maps paths to the variables their values came from: such a value is never shown in an error, and may be a
    text where a number or boolean is wanted.
    """
    problems = Problems()
    made = Walk(problems, env or {}).build(cls, table, path)
    problems.check()
    return cast(T, made)


def dec_hook(kind: type, value: Any) -> Any:
    """For msgspec's own `convert` and `decode`: reads spoken values; raises ValueError."""
    if isinstance(kind, type) and issubclass(kind, Spoken):
        return kind(value)
    raise NotImplementedError(f"no reading of {kind}")


def enc_hook(value: Any) -> Any:
    """For msgspec's `encode` and `to_builtins`: spoken values as their text."""
    if isinstance(value, Spoken):
        return value.spoken()
    raise NotImplementedError(f"no writing of {type(value)}")


class Walk:
    """One pass; a value with a problem becomes None, and the problem is noted."""

    def __init__(self, problems: Problems, env: Mapping[str, tuple[str, ...]]) -> None:
        self.problems, self.env = problems, env

    def build(self, kind: Any, value: Any, path: str) -> Any:
        """`value` as `kind`."""
        origin = get_origin(kind)
        if origin in (Union, UnionType):
            if value is None and NoneType in get_args(kind):
                return None
            member = _member(kind, value)
            return self._leaf(kind, value, path) if member is None else self.build(member, value, path)
        if origin is Literal:
            return self._choice(get_args(kind), value, path)
        if origin is dict and isinstance(value, dict):
            item = get_args(kind)[1]
            return {key: self.build(item, held, join(path, key)) for key, held in value.items()}
        if origin in _LISTS and (isinstance(value, list) or _spoken(get_args(kind)[0])):
            return self._list(origin, get_args(kind), value, path)
        if _spoken(kind):
            return self._spoken(kind, value, path)
        if _struct(kind):
            return self.struct(kind, value, path)
        return self._leaf(kind, value, path)

    def struct(self, cls: type[msgspec.Struct], value: Any, path: str, *, also: Collection[str] = ()) -> Any:
        """A table as the Struct `cls`; `also` are further keys that may stand there, for hints."""
        if not isinstance(value, dict):
            self.problems.add(f"must be a table, not {shown_kind(value)}.", path=path)
            return None
        before = len(self.problems.errors)
        fields = msgspec.structs.fields(cls)
        known = {field.encode_name: field for field in fields}
        for key in [key for key in value if key not in known]:
            self.problems.add("unknown setting.", path=join(path, key), hint=did_you_mean(key, [*known, *also]))
        made: dict[str, Any] = {}
        for name, field in known.items():
            if name in value:
                made[field.name] = self.build(field.type, value[name], join(path, name))
            elif field.required:
                self.problems.add("is required.", path=join(path, name))
        if len(self.problems.errors) > before:
            return None
        try:
            return cls(**made)
        except (ValueError, TypeError) as error:
            self.problems.add(str(error), path=path)
            return None

    def _list(self, origin: Any, args: tuple[Any, ...], value: Any, path: str) -> Any:
        if not isinstance(value, list):
            return origin([self.build(args[0], value, path)])
        fixed = origin is tuple and args[-1] is not Ellipsis
        if fixed and len(args) != len(value):
            self.problems.add(f"must have {len(args)} items, not {len(value)}.", path=path)
            return None
        kinds = args if fixed else (args[0],) * len(value)
        items = [self.build(kind, item, join(path, n)) for n, (kind, item) in enumerate(zip(kinds, value, strict=True))]
        return origin(item for item in items if item is not None) if origin in (set, frozenset) else origin(items)

    def _spoken(self, kind: type[Spoken], value: Any, path: str) -> Any:
        try:
            return kind(value)
        except AmountError as error:
            self.problems.add(f"{self.said(value, path)} {error.sentence}", path=path, hint=error.advice)
            return None

    def _choice(self, choices: tuple[Any, ...], value: Any, path: str) -> Any:
        if any(value == choice and type(value) is type(choice) for choice in choices):
            return value
        near = closest(value, map(str, choices)) if isinstance(value, str) else ""
        hint = f'Did you mean "{near}"?' if near else ""
        allowed = ", ".join(shown(choice) for choice in choices)
        said = self.said(value, path)
        self.problems.add(f"{said} is not one of {allowed}.", path=path, hint=hint)
        return None

    def _leaf(self, kind: Any, value: Any, path: str) -> Any:
        try:
            return msgspec.convert(value, kind, strict=path not in self.env, dec_hook=dec_hook)
        except msgspec.ValidationError as error:
            where, message = words(error, value)
            if not message.startswith("must be") and self.said(value, path) != shown(value):
                message = f"{self.said(value, path)} is not accepted."
            self.problems.add(message, path=path + where)
            return None

    def said(self, value: object, path: str) -> str:
        """A value for a message: as its variable when it came from the environment, never a secret's text."""
        if path in self.env:
            return ", ".join(f"${{{name}}}" for name in self.env[path])
        return "this value" if secret_name(path) else shown(value)


_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text in quotes",
    "bool": "true or false",
    "object": "a table",
    "array": "a list",
    "null": "nothing",
    "datetime": "a date and time",
    "date": "a date",
    "time": "a time of day",
}
_KINDS = re.compile(rf"`((?:{'|'.join(_WORDS)})(?: \| (?:{'|'.join(_WORDS)}))*)`")


def words(error: msgspec.ValidationError, value: object) -> tuple[str, str]:
    """What msgspec says, as (path below the value, sentence) in the words of TOML."""
    text, _, where = str(error).partition(" - at `$")
    text = _KINDS.sub(lambda found: " or ".join(_WORDS[kind] for kind in found[1].split(" | ")), text)
    expected, got, _ = text.partition(", got ")
    sentence = f"must be {expected.removeprefix('Expected ')}" if text.startswith("Expected ") else text
    sentence = sentence.replace(">=", "of at least").replace("<=", "of at most")
    sentence = sentence.replace(" < ", " below ").replace(" > ", " above ")
    if got:
        sentence += f", not {shown_kind(value) if not where else text.partition(', got ')[2]}"
    return where.rstrip("`"), sentence + "."


def shown_kind(value: object) -> str:
    """The kind of a raw value in the words of TOML."""
    if isinstance(value, bool):
        return "true or false"
    kinds = {dict: "a table", list: "a list", str: "a text", int: "a number", float: "a decimal number"}
    kinds |= {datetime: "a date and time", date: "a date", time: "a time of day"}
    return kinds.get(type(value), "this value")


def _member(union: Any, value: Any) -> Any:
    """The member of a union that the shape of `value` picks, if one does."""
    members = [kind for kind in get_args(union) if kind is not NoneType]
    if len(members) == 1:
        return members[0]
    picked = [kind for kind in members if _fits(kind, value)]
    exact = [kind for kind in picked if get_origin(kind) is Literal and value in get_args(kind)]
    if len(exact) == 1 or len(picked) == 1:
        return (exact or picked)[0]
    return next(filter(_spoken, members), None)


def _fits(kind: Any, value: Any) -> bool:
    origin: Any = get_origin(kind)
    if isinstance(value, dict):
        return _struct(kind) or origin is dict
    if isinstance(value, list):
        return origin in _LISTS
    if isinstance(value, bool):
        return kind is bool or (origin is Literal and value in get_args(kind))
    return _spoken(kind) or origin is Literal


def _spoken(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Spoken)


def _struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__struct_config__.tag is None
