"""Edits by path change what they name and nothing else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import Edit
from tollhouse_gemini.patch import patch

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=12,
)


def paths(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, below in inner for path in paths(below, (*at, key)))]


@given(JSON, st.data())
def test_an_edit_of_any_existing_path_sets_it_and_only_it(value: Any, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(paths(value)))
    expected = msgspec.json.decode(msgspec.json.encode(value))
    if path:
        holder = expected
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = "NEW"
    else:
        expected = "NEW"
    assert msgspec.json.decode(patch(msgspec.json.encode(value), [Edit(path, "NEW")])) == expected


def test_everything_else_keeps_its_bytes() -> None:
    raw = b'{"z":1.50,"a":[1e3,{"text":"x"}],"b":null}'
    assert patch(raw, [Edit(("a", 1, "text"), "y")]) == b'{"z":1.50,"a":[1e3,{"text":"y"}],"b":null}'
    assert patch(raw, [Edit(("b", "c"), 1), Edit(("a", 0), remove=True)]) == (
        b'{"z":1.50,"a":[{"text":"x"}],"b":{"c":1}}'
    )
    assert patch(raw, []) is raw


@pytest.mark.parametrize("edits", [[Edit(("z", "x"), 1)], [Edit(("a", 9), 1)], [Edit(("a",), 1), Edit(("a", 0), 1)]])
def test_a_path_through_nothing_is_refused(edits: list[Edit]) -> None:
    with pytest.raises(ValueError, match=r"edit"):
        patch(b'{"z":1,"a":[1]}', edits)


@pytest.mark.parametrize(
    ("said", "written"),
    [('{"k": 1.50}', b'{"k": 1.50}'), ("words", b'{"output":"words"}'), ("{broken", b'{"output":"{broken"}')],
)
@pytest.mark.parametrize("path", [("functionCall", "args"), ("function_response", "response")])
def test_text_for_an_object_becomes_one(path: tuple[str, ...], said: str, written: bytes) -> None:
    raw = b'{"' + path[0].encode() + b'":{"' + path[1].encode() + b'":{}}}'
    assert written in patch(raw, [Edit(path, said)])
