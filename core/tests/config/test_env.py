"""Environment variables in values: what is put in, what is missing, and what stays as it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse.config import ConfigErrors
from tollhouse.config.env import Substitution, escape
from tollhouse.config.problems import Problems
from tollhouse.errors import ConfigError


def put(tree: dict[str, Any], **environ: str) -> dict[str, Any]:
    substitution, problems = Substitution(environ), Problems()
    made: dict[str, Any] = substitution.apply(tree)
    substitution.report(problems)
    problems.check()
    return made


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${A}", "1"),
        ("x${A}y${B}z", "x1y2z"),
        ("${A:-d}", "1"),
        ("${NONE:-d}", "d"),
        ("${NONE:-}", ""),
        ("${EMPTY:-d}", "d"),
        ("${NONE:-$x}", "$x"),
        ("$${A}", "${A}"),
        ("$A $ $$ {A}", "$A $ $$ {A}"),
    ],
)
def test_a_variable_is_put_in(text: str, result: str) -> None:
    assert put({"a": {"b": [text, 5]}}, A="1", B="2", EMPTY="") == {"a": {"b": [result, 5]}}


def test_keys_are_left_alone() -> None:
    assert put({"${A}": "${A}"}, A="1") == {"${A}": "1"}


def test_all_missing_variables_are_named_at_once_with_their_paths() -> None:
    tree = {
        "providers": {"openai": {"api_key": "${KEY}", "org": "${ORG}"}},
        "keys": {"a.b": {"tags": ["${KEY}"]}},
    }
    with pytest.raises(ConfigError) as error:
        put(tree, KEY="")
    assert str(error.value) == (
        'missing environment variables: KEY (providers.openai.api_key, keys."a.b".tags[0]), '
        "ORG (providers.openai.org). Set them, or write a default: ${KEY:-default}."
    )


def test_one_missing_variable_is_named_with_its_path() -> None:
    with pytest.raises(ConfigError) as error:
        put({"store": {"url": "${URL}"}})
    assert str(error.value) == (
        "missing environment variable: URL (store.url). Set it, or write a default: ${URL:-default}."
    )


@pytest.mark.parametrize("text", ["${", "${}", "${A", "${1A}", "${A-b}", "${A:b}", "a ${ b }"])
def test_a_malformed_place_is_an_error_with_its_path(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        put({"a": text}, A="1")
    assert str(error.value) == (
        'a: "${" without a variable name and "}". Write ${NAME}, ${NAME:-default}, or $${ for a literal "${".'
    )


def test_malformed_and_missing_are_reported_together() -> None:
    with pytest.raises(ConfigErrors) as error:
        put({"a": "${", "b": "${B}"})
    assert [one.path for one in error.value.errors] == ["a", ""]


def test_what_came_from_the_environment_is_remembered_and_defaults_are_not() -> None:
    substitution = Substitution({"A": "1", "B": "2"})
    substitution.apply({"x": "${A}${B}${A}", "y": "${C:-3}", "z": ["-", "${B}"]})
    assert substitution.used == {"x": ("A", "B"), "z[1]": ("B",)}


TEXT = st.text() | st.text(alphabet="${}A:-")


@given(TEXT)
def test_an_escaped_text_comes_back(text: str) -> None:
    assert put({"a": escape(text)}, A="1") == {"a": text}


@given(TEXT, TEXT)
def test_a_value_is_put_in_as_it_is_and_never_read_again(before: str, value: str) -> None:
    prefix = escape(before) + " "
    expected = before + " " + (value or "none")
    assert put({"a": f"{prefix}${{A:-none}}"}, A=value) == {"a": expected}
