"""Errors on Anthropic's wire: what an upstream's error response means, and how ours are spelled.

Source: https://platform.claude.com/docs/en/api/errors
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from tollhouse import ProviderError, Rejected

from .retry import retry_after

MESSAGE_LIMIT = 2000
"""Characters of an upstream's message that are kept."""

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""The type of an error by its status; others are `invalid_request_error` below 500 and `api_error` above."""

WORDS: dict[str, tuple[int, str | None]] = {
    "connect": (502, "upstream_unreachable"),
    "timeout": (504, "upstream_timeout"),
    "cut": (502, "upstream_cut"),
    "bad_reply": (502, "upstream_bad_reply"),
    "refused": (502, "refused"),
    "credentials": (502, "upstream_credentials"),
    "rate_limit": (429, "rate_limit_exceeded"),
    "invalid": (400, None),
    "overloaded": (529, "upstream_overloaded"),
    "server": (500, "upstream_error"),
}
"""Status and code of a provider's error that brought no words of its own."""

_STATUS = {type_: status for status, type_ in TYPES.items() if status != 408}
_SECRET = re.compile(r"\bsk[-_][\w*.-]{4,}|[\w+/=-]{32,}")
_UNPAID = "credit balance is too low"
_decode = msgspec.json.decode
_encode = msgspec.json.Encoder().encode


class Upstream(ProviderError):
    """A provider's error whose `raw` is in this dialect."""


def failure(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """What an error response means; never raises. Whoever forwards for Anthropic may use other shapes."""
    said, valid = _said(body)
    return _upstream(status, said, body if valid else None, f"the upstream answered with status {status}", headers)


def in_band(body: bytes) -> ProviderError:
    """The error of an event or body that came with status 200; its status is that of its type."""
    said, _ = _said(body)
    status = _STATUS.get(_word(said.get("type")) or "", 500)
    return _upstream(status, said, body, "the upstream reported an error inside its reply", {})


def _upstream(
    status: int, said: dict[str, Any], raw: bytes | None, otherwise: str, headers: Mapping[str, str]
) -> ProviderError:
    message = said.get("message")
    message = message if isinstance(message, str) and message else otherwise
    details = said.get("details")
    code = _word(details.get("error_code")) if isinstance(details, dict) else None
    type_ = _word(said.get("type"))
    kind = kind_of(status)
    if type_ == "billing_error" or _UNPAID in message or (code or "").endswith("spend_limit_reached"):
        kind = "credentials"
    if type_ == "overloaded_error":
        kind = "overloaded"
    secret = kind == "credentials"
    return Upstream(
        mask(message) if secret else message[:MESSAGE_LIMIT],
        kind=kind,
        status=status,
        code=code or _word(said.get("code")),
        type=type_,
        retry_after=retry_after(headers),
        raw=None if secret else raw,
    )


def kind_of(status: int) -> str:
    """The kind of failure an HTTP status tells."""
    kinds = {401: "credentials", 402: "credentials", 403: "credentials", 408: "timeout", 429: "rate_limit"}
    if status in kinds:
        return kinds[status]
    if status in (503, 529):
        return "overloaded"
    return "invalid" if 400 <= status < 500 else "server"


def mask(message: str) -> str:
    """The message without anything that looks like a key."""
    return _SECRET.sub("***", message[:MESSAGE_LIMIT])


def error_response(error: ProviderError | Rejected, status: int, request_id: str) -> tuple[int, dict[str, str], bytes]:
    """An error as a response: an upstream's own body if it is of this dialect and its status stands. An overload
    is 529 here, whatever another dialect's upstream called it."""
    headers = {"content-type": "application/json"}
    if isinstance(error, Upstream) and error.raw and error.status == status:
        return status, headers, error.raw
    if isinstance(error, ProviderError) and error.kind == "overloaded" and status == 503:
        status = 529
    return status, headers, error_body(error, status, request_id)


def error_event(error: ProviderError | Rejected, request_id: str) -> bytes:
    """The data of an error event inside a stream."""
    if isinstance(error, Upstream) and error.raw and error.type in _STATUS:
        return error.raw
    return error_body(error, error.status if isinstance(error, Rejected) else WORDS[error.kind][0], request_id)


def error_body(error: ProviderError | Rejected, status: int, request_id: str) -> bytes:
    """Anthropic's error object. A stable code of ours stands where Anthropic keeps its own, in `details`."""
    code = error.code
    if isinstance(error, ProviderError):
        code = code or WORDS[error.kind][1]
    type_ = TYPES.get(status) or ("invalid_request_error" if status < 500 else "api_error")
    if code == "insufficient_quota":
        type_ = "billing_error"
    said: dict[str, Any] = {"type": type_, "message": error.message}
    if code:
        said["details"] = {"error_code": code}
    return _encode({"type": "error", "error": said, "request_id": request_id})


def _said(body: bytes) -> tuple[dict[str, Any], bool]:
    """The object that describes the error, and whether the body is an error in Anthropic's shape."""
    try:
        value = _decode(body)
    except (msgspec.DecodeError, RecursionError):
        return {}, False
    if not isinstance(value, dict):
        return {}, False
    inner = value.get("error")
    if isinstance(inner, dict):
        return inner, value.get("type") == "error"
    return ({"message": inner} if isinstance(inner, str) else value), False


def _word(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value)[:200] or None
