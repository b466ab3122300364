"""The settings of a Struct for the docs: name, type in words, default as spoken, and the text below each."""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec

from .spoken import Spoken, shown

REQUIRED = "required"

_WORDS: dict[Any, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Any: "anything",
    datetime: "a date and time",
    NoneType: "nothing",
}


class Field(NamedTuple):
    """One setting."""

    name: str
    """As written in the file."""
    type: str
    """In words: `a duration`, `a list of rates`."""
    default: str
    """As TOML would write it; `required` without one, `none` for absent."""
    doc: str
    """The text of the string literal below the field; empty when there is none."""


def fields(cls: type[msgspec.Struct]) -> list[Field]:
    """The settings of `cls` in the order they are declared, those of its bases included."""
    docs = _docs(cls)
    return [
        Field(one.encode_name, type_words(one.type), _default(one), docs.get(one.name, ""))
        for one in msgspec.structs.fields(cls)
    ]


def type_words(kind: Any) -> str:
    """A type in the words of somebody who writes TOML."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return type_words(args[0]) + _limits(args[1:])
    if origin in (Union, UnionType):
        return " or ".join(type_words(member) for member in args if member is not NoneType)
    if origin is Literal:
        return " or ".join(shown(choice) for choice in args)
    if origin in (list, tuple, set, frozenset):
        return f"a list of {_many(type_words(args[0]))}"
    if origin is dict:
        return f"a table of {_many(type_words(args[1]))} by name"
    if isinstance(kind, type) and issubclass(kind, Spoken):
        return kind.noun
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct | dict):
        return "a table"
    return _WORDS.get(kind, getattr(kind, "__name__", str(kind)))


def _many(words: str) -> str:
    first, space, rest = words.removeprefix("an ").removeprefix("a ").partition(" or ")
    noun, of, what = first.partition(" of ")
    plural = {"anything": "anything", "true": "true", "whole number": "whole numbers"}.get(noun, noun)
    plural = plural + "s" if plural == noun and noun not in ("anything", "true") and '"' not in noun else plural
    return f"{plural}{of}{what}{space}{rest}"


def _limits(meta: tuple[Any, ...]) -> str:
    words = ""
    for one in meta:
        if isinstance(one, msgspec.Meta):
            words += f", at least {one.ge}" if one.ge is not None else ""
            words += f", above {one.gt}" if one.gt is not None else ""
            words += f", at most {one.le}" if one.le is not None else ""
            words += f", below {one.lt}" if one.lt is not None else ""
    return words


def _default(one: msgspec.structs.FieldInfo) -> str:
    if one.required:
        return REQUIRED
    value = one.default if one.default is not msgspec.NODEFAULT else one.default_factory()
    return _toml(value)


def _toml(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, Spoken):
        return f'"{value.spoken()}"'
    if isinstance(value, list | tuple | set | frozenset):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }" if value else "{}"
    if isinstance(value, msgspec.Struct):
        return "its defaults" if value == type(value)() else _toml(msgspec.structs.asdict(value))
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else str(value)


@cache
def _docs(cls: type[Any]) -> dict[str, str]:
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if issubclass(base, msgspec.Struct) and base is not msgspec.Struct:
            docs |= _own_docs(base)
    return docs


def _own_docs(cls: type[Any]) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError):
        return {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    docs = {}
    for before, after in itertools.pairwise(body):
        match before, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(doc))):
                docs[name] = inspect.cleandoc(doc)
    return docs
