"""Errors read from Bedrock and written for its callers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import ProviderError, Rejected
from tollhouse_bedrock import BedrockDialect
from tollhouse_bedrock.errors import SPENT, TYPES, WORDS, in_band
from tollhouse_bedrock.eventstream import Message

DIALECT = BedrockDialect()


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "type_"),
    [
        (429, {"x-amzn-errortype": "ThrottlingException"}, b'{"message":"m"}', "rate_limit", "ThrottlingException"),
        (400, {}, b'{"__type":"a.b#ValidationException","message":"m"}', "invalid", "ValidationException"),
        (400, {}, b'{"code":"ExpiredTokenException","message":"m"}', "credentials", "ExpiredTokenException"),
        (403, {}, b'{"Message":"m"}', "credentials", None),
        (
            429,
            {"x-amzn-errortype": "ModelNotReadyException:"},
            b'{"message":"m"}',
            "overloaded",
            "ModelNotReadyException",
        ),
        (418, {}, b'{"message":"m"}', "invalid", None),
        (529, {}, b'{"message":"m"}', "overloaded", None),
        (502, {}, b'{"message":"m"}', "server", None),
    ],
)
def test_an_error_response_is_known_by_its_exception_else_by_its_status(
    status: int, headers: Any, body: bytes, kind: str, type_: str | None
) -> None:
    error = DIALECT.failure(status, headers, body)
    assert (error.kind, error.type, error.message, error.status) == (kind, type_, "m", status)


def test_a_message_about_our_account_is_masked_and_its_body_dropped() -> None:
    body = {
        "message": "The request signature does not match for AKIAFAKEFAKEFAKE of 123456789012.\n\n"
        "The Canonical String for this request should have been\nx-amz-security-token:secret-token"
    }
    error = DIALECT.failure(403, {"x-amzn-errortype": "InvalidSignatureException"}, json.dumps(body).encode())
    assert error.raw is None
    assert error.message == "The request signature does not match for *** of ***."


def test_an_account_in_another_message_is_masked() -> None:
    said = {"message": "no access to arn:aws:bedrock:eu-west-1:123456789012:inference-profile/x"}
    error = DIALECT.failure(404, {}, json.dumps(said).encode())
    assert (error.message, error.raw) == ("no access to arn:aws:bedrock:eu-west-1:***:inference-profile/x", None)


@given(
    st.integers(400, 599), st.dictionaries(st.sampled_from(["x-amzn-errortype", "retry-after"]), st.text()), st.binary()
)
def test_no_error_response_breaks_the_reader(status: int, headers: dict[str, str], body: bytes) -> None:
    error = DIALECT.failure(status, headers, body)
    assert error.kind in ProviderError.KINDS
    assert error.message
    for kind in ("exception", "error", "other"):
        assert in_band(Message(kind, "x", body, "y")).kind in ProviderError.KINDS


def test_retry_advice_is_read() -> None:
    assert DIALECT.failure(429, {"retry-after": "3"}, b"{}").retry_after == 3.0
    for value in ("x", "-1", "inf", "nan"):
        assert DIALECT.failure(429, {"retry-after": value}, b"{}").retry_after is None


@pytest.mark.parametrize(
    ("error", "status", "seen", "type_"),
    [
        (Rejected("m"), 400, 400, "ValidationException"),
        (Rejected("m", status=401, code="invalid_api_key"), 401, 403, "AccessDeniedException"),
        (Rejected("m", status=403), 403, 403, "AccessDeniedException"),
        (Rejected("m", status=404), 404, 404, "ResourceNotFoundException"),
        (Rejected("m", status=413), 413, 413, "ValidationException"),
        (Rejected("m", status=429), 429, 429, "ThrottlingException"),
        (Rejected("m", status=429, code="insufficient_quota"), 429, 400, SPENT),
        (Rejected("m", status=429, should_retry=False), 429, 400, SPENT),
        (ProviderError("m", kind="overloaded"), 529, 503, "ServiceUnavailableException"),
        (ProviderError("m", kind="timeout"), 504, 504, "ModelTimeoutException"),
        (ProviderError("m", kind="cut"), 502, 502, "InternalServerException"),
    ],
)
def test_an_error_has_awss_exception(error: Any, status: int, seen: int, type_: str) -> None:
    given_, headers, body = DIALECT.error(error, status, "req_1")
    assert (given_, headers["x-amzn-errortype"]) == (seen, type_)
    said = json.loads(body)
    assert said["message"] == "m"
    code = error.code or (WORDS[error.kind][1] if isinstance(error, ProviderError) else None)
    assert said.get("reason") == code


def test_every_exception_of_a_status_is_a_kind_of_failure() -> None:
    for status, type_ in TYPES.items():
        assert DIALECT.failure(status, {"x-amzn-errortype": type_}, b"{}").kind in ProviderError.KINDS
