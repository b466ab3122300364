"""JSON read field by field: what is known is taken, what is left can be put back, what is wrong is named."""

from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw
from tollhouse import Rejected
from tollhouse.json_fields import Fields, convert, merge, wrong
from tollhouse.neutral import Extra


class _Image(msgspec.Struct):
    url: str


def test_what_nobody_took_is_left_as_it_came_and_goes_back_where_it_stood() -> None:
    fields = Fields(b'{"model":"m","n":1.50,"user":{"id":"u","tier":1e3},"tools":[1]}')
    assert fields.take("model", str) == "m"
    assert fields.within("user").take("id", str) == "u"
    assert [path for path, _ in fields.items("tools")] == [("tools", 0)]
    extra = fields.extra_of("mine")
    assert extra == Extra("mine", {"n": Raw(b"1.50"), "user": Raw(b'{"tier":1e3}')})
    written = merge({"model": "other", "user": {"id": "u"}}, extra, "mine")
    assert msgspec.json.encode(written) == b'{"model":"other","user":{"id":"u","tier":1e3},"n":1.50}'


def test_a_field_put_back_is_left() -> None:
    fields = Fields(b'{"a":1}')
    fields.put_back("a", Raw(b"2") if fields.raw("a") else Raw(b"0"))
    assert fields.left() == {"a": Raw(b"2")}


def test_nothing_left_is_no_extra() -> None:
    assert Fields(b"{}").extra_of("mine") is None


def test_null_is_unsaid() -> None:
    fields = Fields(b'{"a":null}')
    assert not fields.has("a")
    assert fields.take("a", int) is None
    assert fields.items("a") == []


def test_leftovers_overrule_nothing_and_append_to_arrays() -> None:
    extra = Extra("mine", {"known": Raw(b"1"), "list": Raw(b"[2,3]")})
    written = merge({"known": 0, "list": [1]}, extra, "mine")
    assert msgspec.json.encode(written) == b'{"known":0,"list":[1,2,3]}'


def test_another_dialects_leftovers_are_left_out() -> None:
    assert merge({"a": 1}, Extra("theirs", {"b": Raw(b"2")}), "mine") == {"a": 1}
    assert merge({"a": 1}, None, "mine") == {"a": 1}


def test_a_field_that_must_be_said_is_named_with_its_path() -> None:
    with pytest.raises(Rejected, match=r"`messages\[0\]\.role` is required") as caught:
        Fields(b'{"role":null}', ("messages", 0)).need("role", str)
    assert (caught.value.code, caught.value.param) == ("missing_required_parameter", "messages[0].role")


def test_a_field_missing_within_a_value_is_named_with_its_path() -> None:
    with pytest.raises(Rejected) as caught:
        convert(Raw(b"{}"), _Image, ("messages", 0, "image"))
    assert (caught.value.code, caught.value.param) == ("missing_required_parameter", "messages[0].image.url")


@pytest.mark.parametrize(("raw", "param"), [(b'{"n":"x"}', "n"), (b'{"n":1e400}', "n")])
def test_a_wrong_type_is_named(raw: bytes, param: str) -> None:
    with pytest.raises(Rejected, match="Wrong value for `n`") as caught:
        Fields(raw).take("n", int)
    assert caught.value.param == param


def test_a_body_that_is_no_object_is_wrong_as_a_whole() -> None:
    with pytest.raises(Rejected, match="Wrong value for the request body") as caught:
        Fields(b"[]")
    assert caught.value.param is None
    assert wrong("Expected `object`, got `array`", ()).param is None


@pytest.mark.parametrize("raw", [b"{", b'{"a":1,"a":2}', b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"])
def test_what_is_no_json_or_could_mean_two_things_is_refused(raw: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        Fields(raw)
    assert caught.value.code == "invalid_json"
