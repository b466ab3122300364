"""The settings of a Struct for the docs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta, Struct, field
from tollhouse.config import Duration, DurationOrOff, Field, Rate, Size, fields
from tollhouse.config.document import type_words
from tollhouse.config.schema import (
    Config,
    Key,
    Model,
    Provider,
    Server,
    StoreSettings,
    TargetEntry,
    Team,
    Timeouts,
    TimeoutsOver,
)


class Parent(Struct, kw_only=True):
    """A base."""

    url: str
    """Where to."""


class Child(Parent, kw_only=True):
    """Settings of every kind."""

    ttl: Duration = Duration("10m")
    """How long,
    over two lines."""
    mode: Literal["a", "b"] = "a"
    rates: list[Rate] = []
    inner: Parent | None = None
    on: bool = True
    names: tuple[str, ...] = ("x",)
    table: dict[str, int] = field(default_factory=lambda: {"a": 1}, name="the-table")
    """A name of its own."""


def test_fields_have_name_type_default_and_doc() -> None:
    assert fields(Child) == [
        Field("url", "a text", "required", "Where to."),
        Field("ttl", "a duration", '"10m"', "How long,\nover two lines."),
        Field("mode", '"a" or "b"', '"a"', ""),
        Field("rates", "a list of rates", "[]", ""),
        Field("inner", "a table", "none", ""),
        Field("on", "true or false", "true", ""),
        Field("names", "a list of texts", '["x"]', ""),
        Field("the-table", "a table of whole numbers by name", "{ a = 1 }", "A name of its own."),
    ]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Size, "a size"),
        (DurationOrOff, 'a duration or "off"'),
        (Annotated[int, Meta(ge=1, le=9)], "a whole number, at least 1, at most 9"),
        (Annotated[float, Meta(gt=0, lt=1)], "a number, above 0, below 1"),
        (Rate | None, "a rate"),
        (str | list[str], "a text or a list of texts"),
        (dict[str, Duration], "a table of durations by name"),
        (dict[str, Any], "a table of anything by name"),
        (list[Literal["x"]], 'a list of "x"'),
        (list[bool], "a list of true or false"),
        (list[list[int]], "a list of lists of whole numbers"),
        (Timeouts, "a table"),
    ],
)
def test_types_are_said_in_words(kind: Any, words: str) -> None:
    assert type_words(kind) == words


@pytest.mark.parametrize(
    "cls", [Config, Key, Model, Provider, Server, StoreSettings, TargetEntry, Team, Timeouts, TimeoutsOver]
)
def test_every_setting_of_the_core_is_documented(cls: type[Struct]) -> None:
    for one in fields(cls):
        assert one.doc or one.name in ("name", "provider"), f"{cls.__name__}.{one.name} has no doc"


def test_a_struct_without_source_has_no_docs() -> None:
    made = type("Made", (Struct,), {"__annotations__": {"a": int}, "__module__": "nowhere"})
    assert fields(made) == [Field("a", "a whole number", "required", "")]
