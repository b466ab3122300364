"""Raw tables to typed values: shapes, paths, and the words for what does not fit."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta, Struct, field
from tollhouse.config import Duration, Rate, validate
from tollhouse.errors import ConfigError


class Inner(Struct, frozen=True):
    a: int
    b: str = "b"


class Tagged(Struct, tag_field="kind", tag="one"):
    a: int = 1


class Colour(Enum):
    RED = "red"


class Outer(Struct, kw_only=True):
    inner: Inner | None = None
    many: list[Inner] = []
    by_name: dict[str, Inner] = {}
    pair: tuple[int, str] = (1, "x")
    names: frozenset[str] = frozenset()
    mixed: Literal["off"] | Duration | list[Duration] = "off"
    share: Annotated[float, Meta(ge=0, lt=1)] = 0.5
    renamed: int = field(default=1, name="re-named")
    rates: tuple[Rate, ...] = ()
    tagged: Tagged | None = None
    colour: Colour = Colour.RED
    anything: Any = None
    number: int | str = 0


@pytest.mark.parametrize(
    ("table", "name", "value"),
    [
        ({"inner": {"a": 1}}, "inner", Inner(1)),
        ({"many": [{"a": 1}, {"a": 2, "b": "c"}]}, "many", [Inner(1), Inner(2, "c")]),
        ({"by_name": {"x": {"a": 1}}}, "by_name", {"x": Inner(1)}),
        ({"pair": [2, "y"]}, "pair", (2, "y")),
        ({"names": ["a", "a"]}, "names", frozenset({"a"})),
        ({"mixed": "off"}, "mixed", "off"),
        ({"mixed": "5s"}, "mixed", 5.0),
        ({"mixed": 5}, "mixed", 5.0),
        ({"mixed": ["5s"]}, "mixed", [5.0]),
        ({"share": 0}, "share", 0.0),
        ({"re-named": 3}, "renamed", 3),
        ({"rates": "20 concurrent"}, "rates", (Rate("20 concurrent"),)),
        ({"tagged": {"kind": "one", "a": 3}}, "tagged", Tagged(3)),
        ({"colour": "red"}, "colour", Colour.RED),
        ({"anything": [1, {"x": 2}]}, "anything", [1, {"x": 2}]),
        ({"number": "five"}, "number", "five"),
    ],
)
def test_every_shape_is_read(table: dict[str, Any], name: str, value: object) -> None:
    assert getattr(validate(Outer, table, "x"), name) == value


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([], "x: must be a table, not a list."),
        ({"inner": {"b": "c"}}, "x.inner.a: is required."),
        ({"many": [{"a": 1}, {"a": "1"}]}, "x.many[1].a: must be a whole number, not a text."),
        ({"by_name": {"p q": {"a": True}}}, 'x.by_name."p q".a: must be a whole number, not true or false.'),
        ({"by_name": []}, "x.by_name: must be a table, not a list."),
        ({"pair": [1]}, "x.pair: must have 2 items, not 1."),
        ({"names": [1]}, "x.names[0]: must be a text in quotes, not a number."),
        (
            {"mixed": "nope"},
            'x.mixed: "nope" is not a duration. Accepted: "250ms", "10s", "1m30s", "2h", "7d", a number of seconds.',
        ),
        ({"share": 1}, "x.share: must be a number below 1.0."),
        ({"share": {}}, "x.share: must be a number, not a table."),
        ({"renamed": 3}, 'x.renamed: unknown setting. Did you mean "re-named"?'),
        (
            {"rates": {}},
            'x.rates: a table is not a rate. Accepted: "60 requests/minute", "200k tokens/minute", '
            '"2M input tokens/hour", "20 concurrent", periods second, minute, hour, day, week.',
        ),
        ({"tagged": {"kind": "two"}}, "x.tagged.kind: Invalid value 'two'."),
        ({"colour": "blue"}, "x.colour: Invalid enum value 'blue'."),
        ({"number": []}, "x.number: must be a whole number or a text in quotes, not a list."),
    ],
)
def test_what_does_not_fit_is_told_with_its_path(table: Any, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        validate(Outer, table, "x")
    assert str(error.value) == message


class Secrets(Struct):
    api_key: Literal["a"] = "a"
    token: Duration = Duration(1)
    shade: Colour = Colour.RED


def test_a_secret_is_never_shown_in_an_error() -> None:
    with pytest.raises(ConfigError) as error:
        validate(Secrets, {"api_key": "hunter2", "token": "hunter3", "shade": "hunter4"}, "", env={"shade": ("S",)})
    assert "hunter" not in str(error.value)
    assert 'api_key: this value is not one of "a".' in str(error.value)
    assert "shade: ${S} is not accepted." in str(error.value)
