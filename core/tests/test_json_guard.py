"""Bodies that two parsers would read in two ways are refused; all others are read whole."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tollhouse import Rejected
from tollhouse.json_guard import DIGITS, MOST, SMALL, members

PAD = b'"pad":"' + b"x" * SMALL + b'"'
NAME = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | NAME, lambda inner: st.lists(inner) | st.dictionaries(NAME, inner)
)


def refused(raw: bytes) -> str:
    with pytest.raises(Rejected) as caught:
        members(raw)
    assert (caught.value.status, caught.value.code) == (400, "invalid_json")
    return caught.value.message


def pairs(raw: bytes) -> list[str]:
    """The names of the outermost object as Python's parser meets them."""
    found: list[list[str]] = []
    json.loads(raw, object_pairs_hook=lambda members: found.append([name for name, _ in members]))
    return found[-1]


@given(st.lists(st.tuples(NAME, VALUE), max_size=6), st.sampled_from([None, 1]), st.booleans(), st.booleans())
@example([("a", 1), ("a", 1)], None, False, False)
@example([("\u00e4", 1), ("a", {"a": 1})], 1, True, True)
def test_a_name_given_twice_is_always_found_and_never_made_up(
    given_: list[tuple[str, Any]], indent: int | None, escaped: bool, large: bool
) -> None:
    parts = [
        json.dumps(name, ensure_ascii=escaped) + ":" + json.dumps(value, indent=indent, ensure_ascii=escaped)
        for name, value in given_
    ]
    raw = b"{" + ",".join(parts).encode() + (b"," * bool(parts) + PAD if large else b"") + b"}"
    names = pairs(raw)
    if len(set(names)) < len(names):
        assert "is given twice" in refused(raw)
    else:
        assert list(members(raw)) == names
        assert all(msgspec.json.decode(v) == json.loads(raw)[k] for k, v in members(raw).items())


@pytest.mark.parametrize(
    "raw",
    [b'{"a":1,"\\u0061":2}', b'{"\\u0061":1,"\\u0061":2}', b'{"a":1 ,"a":1}', b'{"":1,"":1}', b'{"a":1,"a":1,"a":1}'],
)
def test_no_spelling_hides_a_second_one(raw: bytes) -> None:
    assert "is given twice" in refused(raw)
    assert "is given twice" in refused(raw[:-1] + b"," + PAD + b"}")


def test_a_large_object_of_too_many_names_is_refused_before_they_are_all_held() -> None:
    few = b",".join(b'"%d":1' % n for n in range(MOST - 1))
    assert len(members(b"{" + few + b"," + PAD + b"}")) == MOST
    assert "more than 1000 fields" in refused(b"{" + few + b',"x":1,' + PAD + b"}")


@pytest.mark.parametrize("where", ["%s", "-%s", "[1, %s]", '{"x": %s}', "0.%s", '["1\\"", %s]', '["\\\\", %s]'])
def test_a_number_of_more_digits_than_python_reads_is_refused(where: str) -> None:
    for digits in (DIGITS + 1, 1_000_000):
        for before in (b"", b'"s":"\\\\",', b'"s":"' + b"8" * 9000 + b'",'):
            assert "more than 4300 digits" in refused(
                b"{" + before + b'"n":' + (where % ("9" * digits)).encode() + b"}"
            )


def test_as_many_digits_as_python_reads_are_fine_and_in_a_string_any_number() -> None:
    for raw in (
        b'{"n":' + b"9" * DIGITS + b"}",
        b'{"n":[' + b",".join([b"9" * DIGITS] * 3) + b"]}",
        b'{"s":"' + b"9" * 100_000 + b'","t":"\\"' + b"9" * 100_000 + b'\\\\","u":"' + b"9" * 9000 + b'"}',
    ):
        assert json.loads(raw)
        assert members(raw)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b'{"a":NaN}', b'{"a":Infinity}', b'{"a":"\\ud800"}', b'{"a":"\xff"}', b"{}x"]
)
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    refused(raw)
    refused(raw + b" " * SMALL)


def test_broken_utf8_is_found_wherever_it_is() -> None:
    for at in (0, 262_143, 262_144, 262_145, 600_000):
        text = bytearray(b'{"a":"' + "\u00e4".encode() * 350_000 + b'"}')
        members(bytes(text))
        text[6 + at // 2 * 2] = 0x41
        assert "UTF-8" in refused(bytes(text))


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_nesting_is_refused_and_never_too_much(opening: bytes) -> None:
    for depth in (2000, 100_000, 1_000_000):
        assert "too deeply" in refused(b'{"x":' + opening * depth)


@pytest.mark.parametrize("raw", [b"[]", b'"x"', b"1", b"null"])
def test_another_value_than_an_object_is_for_the_dialect_to_name(raw: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        members(raw)
