"""Errors on Gemini's wire: what an upstream's error response means, and how ours are spelled.

Source: https://google.aip.dev/193 and https://ai.google.dev/gemini-api/docs/troubleshooting
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from tollhouse import ProviderError, Rejected

MESSAGE_LIMIT = 2000
"""Characters of an upstream's message that are kept."""
WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""Google's word for a status."""
CODES = {
    "connect": "upstream_unreachable",
    "timeout": "upstream_timeout",
    "cut": "upstream_cut",
    "bad_reply": "upstream_bad_reply",
    "refused": "refused",
    "credentials": "upstream_credentials",
    "rate_limit": "rate_limit_exceeded",
    "overloaded": "upstream_overloaded",
    "server": "upstream_error",
}
"""The code of a provider's error that brought no word of its own."""

_STATUSES = {
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "CANCELLED": 499,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_BAD_KEYS = frozenset({"API_KEY_INVALID", "API_KEY_SERVICE_BLOCKED", "API_KEY_EXPIRED", "ACCESS_TOKEN_EXPIRED"})
"""Reasons that are about our credential although the status is 400."""
_KEY = re.compile(r"AIza[\w-]{16,}|AQ\.[\w-]{16,}|ya29\.[\w.-]{8,}")
_SECRET = re.compile(_KEY.pattern + r"|[\w+/=-]{32,}")
_DELAY = re.compile(r"(\d+(?:\.\d+)?)s\Z")
_TYPES = "type.googleapis.com/google.rpc."
_decode = msgspec.json.decode
_encode = msgspec.json.Encoder().encode


class Upstream(ProviderError):
    """A provider's error whose `raw` is in this dialect."""


def failure(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """What an error response means; never raises."""
    said = _said(body)
    return _error(said or {}, status, _header_delay(headers), body if said else None)


def in_band(raw: bytes | msgspec.Raw) -> ProviderError:
    """The error of an `error` value inside a reply that began with status 200; its status is in it."""
    body = b'{"error":' + bytes(raw) + b"}"
    said = _said(body) or {}
    code = said.get("code")
    word = said.get("status")
    status = _STATUSES.get(word, 500) if isinstance(word, str) else 500
    if isinstance(code, int) and 400 <= code < 600:
        status = code
    return _error(said, status, None, body if said else None)


def error_object(error: ProviderError | Rejected, status: int = 0) -> dict[str, Any]:
    """The `error` object. Its details bear the stable code, the field at fault, and how long to wait."""
    status = status or (error.status if isinstance(error, Rejected) else _status(error))
    code = error.code or (CODES.get(error.kind) if isinstance(error, ProviderError) else None)
    details: list[dict[str, Any]] = []
    if code:
        reason = {"@type": f"{_TYPES}ErrorInfo", "reason": code.upper(), "domain": "tollhouse"}
        details.append({**reason, "metadata": {"param": error.param}} if error.param else reason)
    if error.retry_after is not None:
        details.append({"@type": f"{_TYPES}RetryInfo", "retryDelay": f"{max(0.0, error.retry_after):g}s"})
    word = WORDS.get(status, "INVALID_ARGUMENT" if status < 500 else "INTERNAL")
    said: dict[str, Any] = {"code": status, "message": error.message, "status": word}
    return {**said, "details": details} if details else said


def error_body(error: ProviderError | Rejected, status: int) -> bytes:
    """The body of an error response: an upstream's own one if it is of this dialect and its status stands."""
    if isinstance(error, Upstream) and error.raw and error.status == status:
        return error.raw
    return _encode({"error": error_object(error, status)})


def kind_of(status: int) -> str:
    """The kind of failure an HTTP status tells."""
    kinds = {401: "credentials", 402: "credentials", 403: "credentials", 408: "timeout", 429: "rate_limit"}
    if status in kinds:
        return kinds[status]
    if status in (503, 529):
        return "overloaded"
    return "invalid" if 400 <= status < 500 else "server"


def _error(said: dict[str, Any], status: int, wait: float | None, raw: bytes | None) -> ProviderError:
    details = [item for item in _items(said.get("details")) if isinstance(item, dict)]
    kind = kind_of(status)
    if kind == "invalid" and any(item.get("reason") in _BAD_KEYS for item in details):
        kind = "credentials"
    message = said.get("message")
    if not isinstance(message, str) or not message:
        message = f"the upstream answered with status {status}"
    word = said.get("status")
    secret = kind == "credentials" or (raw is not None and _KEY.search(raw.decode("utf-8", "replace")) is not None)
    return Upstream(
        (_SECRET if kind == "credentials" else _KEY).sub("***", message[:MESSAGE_LIMIT]),
        kind=kind,
        status=status,
        code=word[:200] if isinstance(word, str) and word else None,
        retry_after=_detail_delay(details) if wait is None else wait,
        raw=None if secret else raw,
    )


def _said(body: bytes) -> dict[str, Any] | None:
    """The object that describes the error; None when the body tells nothing. Streams put it into an array."""
    try:
        value = _decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    if isinstance(value, list) and value:
        value = value[0]
    inner = value.get("error") if isinstance(value, dict) else None
    if isinstance(inner, dict):
        return inner
    return {"message": inner} if isinstance(inner, str) else None


def _header_delay(headers: Mapping[str, str]) -> float | None:
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _detail_delay(details: list[dict[str, Any]]) -> float | None:
    """Seconds of a `RetryInfo`, which Gemini gives in place of a header."""
    for item in details:
        delay = item.get("retryDelay")
        if isinstance(delay, str) and (match := _DELAY.match(delay)):
            return float(match[1])
    return None


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _status(error: ProviderError) -> int:
    """The status an error inside a stream bears; one about our credential is not the caller's."""
    if error.status == 529:
        return 503
    return error.status if error.status >= 400 and error.kind != "credentials" else 502
