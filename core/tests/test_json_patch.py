"""Edits by path change what they name and nothing else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import Edit
from tollhouse.json_patch import patch

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


def test_numbers_order_and_unknown_fields_stay_as_they_were() -> None:
    raw = b'{"z":1.50,"a":{"k":1e3,"b":[10000000000000000000000,{"x":"\\u00e9"}]},"m":1}'
    assert patch(raw, [Edit(("a", "b", 1, "y"), 2), Edit(("m",), remove=True)]) == (
        b'{"z":1.50,"a":{"k":1e3,"b":[10000000000000000000000,{"x":"\\u00e9","y":2}]}}'
    )


def test_paths_speak_of_the_document_as_it_was() -> None:
    edits = [Edit((0,), remove=True), Edit((1,), "b"), Edit((2, "k"), 1)]
    assert patch(b'["x","y",{}]', edits) == b'["b",{"k":1}]'


def test_a_missing_object_is_made_and_a_missing_value_removed_without_complaint() -> None:
    assert patch(b"{}", [Edit(("a", "b"), 1)]) == b'{"a":{"b":1}}'
    assert patch(b'{"a":null}', [Edit(("a", "b"), 1)]) == b'{"a":{"b":1}}'
    assert patch(b'{"a":1}', [Edit(("b",), remove=True)]) == b'{"a":1}'
    assert patch(b'{"a" : 1}', []) == b'{"a" : 1}'


@pytest.mark.parametrize(
    ("raw", "path"),
    [(b'{"a":"text"}', ("a", "b")), (b"[]", (0,)), (b"[1]", (-1,)), (b"[1]", ("a",)), (b"nonsense", ("a",))],
)
def test_a_path_that_leads_nowhere_is_a_mistake_in_words(raw: bytes, path: tuple[str | int, ...]) -> None:
    with pytest.raises(ValueError, match="nothing to edit"):
        patch(raw, [Edit(path, 1)])


def test_one_value_is_edited_once() -> None:
    with pytest.raises(ValueError, match=r"two edits of one value: a\.b"):
        patch(b'{"a":{}}', [Edit(("a",), 1), Edit(("a", "b"), 2)])


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
