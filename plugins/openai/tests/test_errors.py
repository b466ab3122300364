"""Errors of upstreams in all their shapes, and ours in OpenAI's."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import ProviderError, Rejected
from tollhouse_openai import OpenAIDialect

DIALECT = OpenAIDialect()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid"),
        (401, "credentials"),
        (402, "credentials"),
        (403, "credentials"),
        (404, "invalid"),
        (408, "timeout"),
        (429, "rate_limit"),
        (500, "server"),
        (502, "server"),
        (503, "overloaded"),
        (529, "overloaded"),
    ],
)
def test_a_status_tells_the_kind(status: int, kind: str) -> None:
    error = DIALECT.failure(status, {}, b"")
    assert (error.kind, error.status) == (kind, status)
    assert str(status) in error.message


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        ({"error": {"message": "m", "code": "c"}}, "m", "c"),
        ({"error": {"message": "m", "code": 404}}, "m", "404"),
        ({"error": "m"}, "m", None),
        ({"message": "m", "code": 1000}, "m", "1000"),
        ({"object": "error", "message": {"detail": [{"loc": ["body"], "msg": "m"}]}}, "m", None),
        ({"detail": "m"}, "m", None),
        ({"detail": [{"loc": ["body"], "msg": "m"}, {"msg": "n"}]}, "m; n", None),
        ([{"error": {"message": "m", "code": 400}}], "m", "400"),
    ],
)
def test_every_hosts_shape_is_read_and_passed_on(body: Any, message: str, code: str | None) -> None:
    raw = msgspec.json.encode(body)
    error = DIALECT.failure(400, {}, raw)
    assert (error.message, error.code) == (message, code)
    assert DIALECT.error(error, 400, "r") == (400, {"content-type": "application/json"}, raw)


@given(
    st.integers(300, 599),
    st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "date"]), st.text()),
    st.binary(),
)
def test_reading_a_failure_never_raises(status: int, headers: dict[str, str], body: bytes) -> None:
    error = DIALECT.failure(status, headers, body)
    assert error.retry_after is None or error.retry_after >= 0
    said = msgspec.json.decode(DIALECT.error(error, status, "r")[2])
    assert said is not None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "Fri, 20 Nov 2026 10:00:30 GMT", "date": "Fri, 20 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"retry-after": "Fri, 20 Nov 2006 10:00:30 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-1"}, None),
        ({}, None),
    ],
)
def test_retry_advice_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    assert DIALECT.failure(429, headers, b"{}").retry_after == seconds


@pytest.mark.parametrize(
    "key",
    [
        "sk-proj-abcdefghijklmnop",
        "sk-...abcd",
        "sk-ant-api03-AbC_dEf",
        "gsk_abcdefgh1234",
        "0123456789abcdef0123456789abcdef",
    ],
)
def test_a_message_about_our_key_does_not_show_it(key: str) -> None:
    raw = msgspec.json.encode({"error": {"message": f"Incorrect API key provided: {key}. Find it there.", "code": "c"}})
    error = DIALECT.failure(401, {}, raw)
    assert key not in error.message
    assert "Incorrect API key provided" in error.message
    assert error.raw is None
    assert key.encode() not in DIALECT.error(error, 401, "r")[2]


def test_an_upstreams_words_do_not_pass_under_another_status() -> None:
    error = DIALECT.failure(500, {}, b'{"error":{"message":"m","type":"t","code":null,"x":1}}')
    assert msgspec.json.decode(DIALECT.error(error, 502, "r")[2]) == {
        "error": {"message": "m", "type": "t", "param": None, "code": "upstream_error"}
    }


def test_the_words_of_another_dialect_do_not_pass() -> None:
    error = ProviderError("m", kind="invalid", status=400, raw=b'{"type":"error","error":{"type":"x"}}')
    assert msgspec.json.decode(DIALECT.error(error, 400, "r")[2])["error"]["message"] == "m"


@pytest.mark.parametrize("kind", ProviderError.KINDS)
def test_every_kind_has_words(kind: str) -> None:
    said = msgspec.json.decode(DIALECT.error(ProviderError("m", kind=kind), 502, "r")[2])["error"]
    assert set(said) == {"message", "type", "param", "code"}
    assert isinstance(said["type"], str)


def test_a_refusal_of_ours_has_all_four_keys() -> None:
    said = DIALECT.error(Rejected("m", status=404, code="model_not_found", param="model"), 404, "r")
    assert said[0] == 404
    assert msgspec.json.decode(said[2]) == {
        "error": {"message": "m", "type": "invalid_request_error", "param": "model", "code": "model_not_found"}
    }
