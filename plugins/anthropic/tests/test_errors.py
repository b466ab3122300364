"""Errors of upstreams, and ours in Anthropic's words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import ProviderError, Rejected
from tollhouse_anthropic import AnthropicDialect
from tollhouse_anthropic.errors import TYPES, WORDS, error_event, in_band
from tollhouse_anthropic.retry import retry_after

DIALECT = AnthropicDialect()


def body(type_: str, message: str = "m", **more: Any) -> bytes:
    return msgspec.json.encode({"type": "error", "error": {"type": type_, "message": message, **more}})


def worded(error: ProviderError | Rejected, status: int) -> tuple[int, Any]:
    said, headers, raw = DIALECT.error(error, status, "req_1")
    assert headers == {"content-type": "application/json"}
    return said, msgspec.json.decode(raw)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid"),
        (401, "credentials"),
        (402, "credentials"),
        (403, "credentials"),
        (404, "invalid"),
        (408, "timeout"),
        (413, "invalid"),
        (429, "rate_limit"),
        (500, "server"),
        (503, "overloaded"),
        (529, "overloaded"),
    ],
)
def test_a_status_tells_the_kind(status: int, kind: str) -> None:
    error = DIALECT.failure(status, {}, b"")
    assert (error.kind, error.status, error.raw) == (kind, status, None)
    assert str(status) in error.message


@pytest.mark.parametrize(
    ("status", "raw"),
    [
        (400, body("invalid_request_error", "Your credit balance is too low to access the Anthropic API.")),
        (400, body("billing_error")),
        (429, body("rate_limit_error", details={"error_code": "enforced_spend_limit_reached"})),
        (401, body("authentication_error", "invalid x-api-key sk-ant-api03-abcdefgh")),
    ],
)
def test_what_is_about_our_account_is_not_the_callers_business(status: int, raw: bytes) -> None:
    error = DIALECT.failure(status, {}, raw)
    assert (error.kind, error.raw) == ("credentials", None)
    assert "abcdefgh" not in error.message


def test_an_error_without_anthropics_shape_is_worded_anew() -> None:
    for raw in (b'{"error":{"message":"m"}}', b'{"error":"m"}', b'{"message":"m"}'):
        error = DIALECT.failure(400, {}, raw)
        assert (error.message, error.raw) == ("m", None)
    assert DIALECT.failure(502, {}, b"<html>").message == "the upstream answered with status 502"


@pytest.mark.parametrize("status", [*TYPES, 405, 422, 431, 502, 503])
def test_every_status_has_its_type(status: int) -> None:
    said, value = worded(Rejected("no", status=status), status)
    assert said == status
    assert value["request_id"] == "req_1"
    assert value["error"]["message"] == "no"
    otherwise = "invalid_request_error" if status < 500 else "api_error"
    assert value["error"]["type"] == TYPES.get(status, otherwise)


def test_an_overload_is_529_and_a_gateway_that_stops_is_not() -> None:
    assert worded(ProviderError("busy", kind="overloaded", status=503), 503) == (
        529,
        {
            "type": "error",
            "error": {
                "type": "overloaded_error",
                "message": "busy",
                "details": {"error_code": "upstream_overloaded"},
            },
            "request_id": "req_1",
        },
    )
    assert worded(Rejected("stops", status=503, code="draining"), 503)[0] == 503


def test_a_spent_budget_is_a_billing_error() -> None:
    said, value = worded(Rejected("spent", status=429, code="insufficient_quota"), 429)
    assert (said, value["error"]["type"]) == (429, "billing_error")
    assert value["error"]["details"] == {"error_code": "insufficient_quota"}


@pytest.mark.parametrize("kind", ProviderError.KINDS)
def test_every_kind_has_words_in_a_stream(kind: str) -> None:
    value = msgspec.json.decode(error_event(ProviderError("no", kind=kind), "req_1"))
    assert value["type"] == "error"
    assert value["error"]["type"] in {*TYPES.values()}
    assert value["error"].get("details", {}).get("error_code") == WORDS[kind][1]


@pytest.mark.parametrize(
    ("type_", "status", "kind"),
    [
        ("overloaded_error", 529, "overloaded"),
        ("rate_limit_error", 429, "rate_limit"),
        ("api_error", 500, "server"),
        ("timeout_error", 504, "server"),
        ("invalid_request_error", 400, "invalid"),
        ("authentication_error", 401, "credentials"),
        ("brand_new", 500, "server"),
    ],
)
def test_an_error_inside_a_reply_has_the_status_of_its_type(type_: str, status: int, kind: str) -> None:
    error = in_band(body(type_))
    assert (error.status, error.kind, error.type, error.message) == (status, kind, type_, "m")


def test_an_upstreams_error_keeps_its_words_inside_a_stream() -> None:
    raw = body("overloaded_error", "Overloaded", more=1)
    assert error_event(in_band(raw), "req_1") == raw


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "7", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "x", "retry-after": "2"}, 2.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:09 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 9.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({}, None),
    ],
)
def test_retry_advice_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds
    assert DIALECT.failure(429, headers, b"").retry_after == seconds


@given(st.integers(300, 599), st.binary(max_size=40) | st.builds(body, st.text(max_size=9), st.text(max_size=9)))
def test_any_response_is_a_failure_that_can_be_worded(status: int, raw: bytes) -> None:
    error = DIALECT.failure(status, {}, raw)
    said, _, written = DIALECT.error(error, status, "req_1")
    assert said in (status, 529)
    assert msgspec.json.decode(written)["type"] == "error"
