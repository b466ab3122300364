"""Errors of upstreams, and ours in Google's shape."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import ProviderError, Rejected
from tollhouse_gemini import GeminiDialect
from tollhouse_gemini.errors import WORDS

DIALECT = GeminiDialect()
INFO = "type.googleapis.com/google.rpc.ErrorInfo"
RETRY = "type.googleapis.com/google.rpc.RetryInfo"
KEY = "AIzaSyA0123456789abcdefghijklmnopqrstuv"


def failure(error: Any, status: int, headers: dict[str, str] | None = None) -> ProviderError:
    return DIALECT.failure(status, headers or {}, msgspec.json.encode({"error": error}))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid"),
        (401, "credentials"),
        (403, "credentials"),
        (404, "invalid"),
        (408, "timeout"),
        (429, "rate_limit"),
        (500, "server"),
        (503, "overloaded"),
        (504, "server"),
    ],
)
def test_a_status_tells_the_kind(status: int, kind: str) -> None:
    error = DIALECT.failure(status, {}, b"")
    assert (error.kind, error.status) == (kind, status)
    assert str(status) in error.message


def test_an_upstreams_words_pass_under_their_status() -> None:
    said = {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED", "details": [{"x": 1}]}
    error = failure(said, 429)
    assert (error.message, error.code) == ("slow", "RESOURCE_EXHAUSTED")
    raw = msgspec.json.encode({"error": said})
    assert DIALECT.error(error, 429, "r") == (429, {"content-type": "application/json; charset=UTF-8"}, raw)
    assert msgspec.json.decode(DIALECT.error(error, 503, "r")[2])["error"]["code"] == 503


def test_the_errors_of_streams_stand_in_an_array() -> None:
    raw = b'[{"error":{"code":404,"message":"m","status":"NOT_FOUND"}}]'
    error = DIALECT.failure(404, {}, raw)
    assert error.message == "m"
    assert DIALECT.error(error, 404, "r")[2] == raw


@pytest.mark.parametrize(
    ("headers", "details", "seconds"),
    [
        ({}, [{"@type": RETRY, "retryDelay": "34s"}], 34.0),
        ({}, [{"@type": INFO, "reason": "X"}, {"@type": RETRY, "retryDelay": "34.074824224s"}], 34.074824224),
        ({"retry-after": "7"}, [{"@type": RETRY, "retryDelay": "34s"}], 7.0),
        ({"retry-after": "soon"}, [], None),
        ({"retry-after": "nan"}, None, None),
        ({"retry-after": "-1"}, [{"retryDelay": "x"}, {"retryDelay": 3}, "x"], None),
    ],
)
def test_retry_advice_is_read_from_header_and_details(headers: Any, details: Any, seconds: float | None) -> None:
    assert failure({"message": "m", "details": details}, 429, headers).retry_after == seconds


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"message": f"API key {KEY} not valid.", "details": [{"@type": INFO, "reason": "API_KEY_INVALID"}]}),
        (403, {"message": f"Consumer 'api_key:{KEY}' has been suspended.", "status": "PERMISSION_DENIED"}),
        (401, {"message": KEY, "status": "UNAUTHENTICATED"}),
        (400, {"message": f"unexpected {KEY} in the request"}),
        (429, {"message": "m", "details": [{"metadata": {"consumer": KEY}}]}),
    ],
)
def test_no_key_is_shown(status: int, error: Any) -> None:
    seen = failure(error, status)
    assert KEY not in seen.message
    assert seen.raw is None
    assert KEY.encode() not in DIALECT.error(seen, status, "r")[2]
    if "API_KEY_INVALID" in str(error):
        assert seen.kind == "credentials"


@given(
    st.integers(300, 599),
    st.dictionaries(st.sampled_from(["retry-after"]), st.text()),
    st.binary()
    | st.recursive(
        st.none() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
        lambda s: st.lists(s) | st.dictionaries(st.sampled_from(["error", "message", "details", "code", "status"]), s),
    ).map(msgspec.json.encode),
)
def test_reading_a_failure_never_raises(status: int, headers: dict[str, str], body: bytes) -> None:
    error = DIALECT.failure(status, headers, body)
    assert error.retry_after is None or error.retry_after >= 0
    assert msgspec.json.decode(DIALECT.error(error, status, "r")[2]) is not None


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (413, "INVALID_ARGUMENT"),
        (429, "RESOURCE_EXHAUSTED"),
        (500, "INTERNAL"),
        (503, "UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
        (418, "INVALID_ARGUMENT"),
        (599, "INTERNAL"),
    ],
)
def test_ours_have_googles_word_for_the_status(status: int, word: str) -> None:
    seen, headers, body = DIALECT.error(Rejected("no", status=status), status, "r")
    assert seen == status
    assert headers["content-type"].startswith("application/json")
    assert msgspec.json.decode(body) == {"error": {"code": status, "message": "no", "status": word}}
    assert body.startswith(b'{"error":{')


def test_ours_say_their_code_the_field_and_the_wait() -> None:
    error = Rejected("no", status=429, code="rate_limit_exceeded", param="model", retry_after=0.25)
    assert msgspec.json.decode(DIALECT.error(error, 429, "r")[2])["error"]["details"] == [
        {"@type": INFO, "reason": "RATE_LIMIT_EXCEEDED", "domain": "tollhouse", "metadata": {"param": "model"}},
        {"@type": RETRY, "retryDelay": "0.25s"},
    ]


def test_the_words_of_another_dialect_do_not_pass() -> None:
    error = ProviderError("m", kind="invalid", status=400, raw=b'{"type":"error","error":{"type":"x"}}')
    assert msgspec.json.decode(DIALECT.error(error, 400, "r")[2]) == {
        "error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT"}
    }


def test_overload_has_googles_status() -> None:
    error = ProviderError("busy", kind="overloaded", status=529)
    status, _, body = DIALECT.error(error, 529, "r")
    assert (status, msgspec.json.decode(body)["error"]["status"]) == (503, WORDS[503])
