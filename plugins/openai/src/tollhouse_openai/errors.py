"""Errors on OpenAI's wire: what an upstream's error response means, and how ours are spelled."""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Mapping
from typing import Any

import msgspec
from tollhouse import ProviderError, Rejected

MESSAGE_LIMIT = 2000
"""Characters of an upstream's message that are kept."""

_SECRET = re.compile(r"\b(?:sk|pk|rk|gsk|xai|key|pplx|nvapi|csk|hf|fw|AIza)[-_][\w*.-]{4,}|[\w+/=-]{32,}")
WORDS = {
    "connect": ("server_error", "upstream_unreachable"),
    "timeout": ("timeout", "upstream_timeout"),
    "cut": ("server_error", "upstream_cut"),
    "bad_reply": ("server_error", "upstream_bad_reply"),
    "refused": ("server_error", "refused"),
    "credentials": ("server_error", "upstream_credentials"),
    "rate_limit": ("rate_limit_error", "rate_limit_exceeded"),
    "invalid": ("invalid_request_error", None),
    "overloaded": ("overloaded_error", "upstream_overloaded"),
    "server": ("server_error", "upstream_error"),
}
"""Type and code of a provider's error that brought no words of its own."""

_decode = msgspec.json.decode
_encode = msgspec.json.Encoder().encode


class _Error(msgspec.Struct):
    error: dict[str, Any] = {}


class Upstream(ProviderError):
    """A provider's error whose `raw` is in this dialect."""


def failure(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """What an error response means, whichever of the hosts' shapes its body has; never raises."""
    said, valid = _said(body), True
    if said is None:
        said, valid = {}, False
    message = _message(said) or f"the upstream answered with status {status}"
    kind = kind_of(status)
    return Upstream(
        mask(message) if kind == "credentials" else message[:MESSAGE_LIMIT],
        kind=kind,
        status=status,
        code=_word(said.get("code")),
        type=_word(said.get("type")),
        param=None if kind == "credentials" else _word(said.get("param")),
        retry_after=retry_after(headers),
        should_retry={"true": True, "false": False}.get(headers.get("x-should-retry", "")),
        raw=body if valid and kind != "credentials" else None,
    )


def in_band(raw: bytes | msgspec.Raw) -> ProviderError:
    """The error of an `error` value inside a reply that began with status 200; its status is inferred."""
    body = b'{"error":' + bytes(raw) + b"}"
    said = _said(body) or {}
    code, type_ = _word(said.get("code")), _word(said.get("type"))
    status = _inferred(said, code, type_)
    kind = kind_of(status)
    message = _message(said) or "the upstream reported an error inside its reply"
    return Upstream(
        mask(message) if kind == "credentials" else message[:MESSAGE_LIMIT],
        kind=kind,
        status=status,
        code=code,
        type=type_,
        param=None if kind == "credentials" else _word(said.get("param")),
        raw=None if kind == "credentials" else body,
    )


def kind_of(status: int) -> str:
    """The kind of failure an HTTP status tells."""
    kinds = {401: "credentials", 402: "credentials", 403: "credentials", 408: "timeout", 429: "rate_limit"}
    if status in kinds:
        return kinds[status]
    if status in (503, 529):
        return "overloaded"
    return "invalid" if 400 <= status < 500 else "server"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms`, or `retry-after` as seconds or a date; None when unsaid."""
    try:
        if (milliseconds := headers.get("retry-after-ms")) is not None:
            return max(0.0, float(milliseconds) / 1000)
    except ValueError:
        pass
    text = headers.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        return _until(text, headers.get("date", ""))
    return seconds if 0 <= seconds < float("inf") else None


def mask(message: str) -> str:
    """The message without anything that looks like a key."""
    return _SECRET.sub("***", message[:MESSAGE_LIMIT])


def error_object(error: ProviderError | Rejected) -> dict[str, str | None]:
    """The four keys of OpenAI's error object; all are always there."""
    if isinstance(error, Rejected):
        type_, code = error.type, error.code
    else:
        type_, code = error.type or WORDS[error.kind][0], error.code or WORDS[error.kind][1]
    return {"message": error.message, "type": type_, "param": error.param, "code": code}


def error_body(error: ProviderError | Rejected, status: int) -> bytes:
    """The body of an error response: an upstream's own one if it is of this dialect and its status stands."""
    if isinstance(error, Upstream) and error.raw and error.status == status and error.kind != "credentials":
        return error.raw
    return _encode({"error": error_object(error)})


def error_event(error: ProviderError | Rejected) -> bytes:
    """The data of an error event inside a stream: an upstream's own `error` value if it sent one, else ours."""
    if isinstance(error, Upstream) and error.raw and error.kind != "credentials":
        try:
            said = _decode(error.raw, type=_Error).error
        except (msgspec.DecodeError, RecursionError):
            said = {}
        if said:
            return _encode({"error": said})
    return _encode({"error": error_object(error)})


def _said(body: bytes) -> dict[str, Any] | None:
    """The object that describes the error; None when the body is not JSON or tells nothing."""
    try:
        value = _decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return None
    inner = value.get("error")
    if isinstance(inner, dict):
        return inner
    return {"message": inner} if isinstance(inner, str) else value


def _message(said: dict[str, Any]) -> str:
    for name in ("message", "detail", "error_description", "title"):
        value = said.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, dict) and (inner := _message(value)):
            return inner
        if isinstance(value, list):  # FastAPI's list of {loc, msg}
            found = [str(item["msg"]) for item in value if isinstance(item, dict) and item.get("msg")]
            if found:
                return "; ".join(found)
    return ""


def _word(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value)[:200] or None


def _inferred(said: dict[str, Any], code: str | None, type_: str | None) -> int:
    for word in (code, _word(said.get("status")), _word(said.get("status_code"))):
        if word and word.isascii() and word.isdigit() and 400 <= int(word) < 600:
            return int(word)
    words = f"{code or ''} {type_ or ''}".lower()
    for sign, status in (
        ("overloaded", 529),
        ("rate_limit", 429),
        ("insufficient_quota", 429),
        ("invalid_api_key", 401),
        ("authentication", 401),
        ("permission", 403),
        ("not_found", 404),
        ("unavailable", 503),
        ("timeout", 504),
        ("server_error", 500),
        ("internal", 500),
        ("invalid", 400),
        ("badrequest", 400),
        ("tool_use_failed", 400),
        ("context_length", 400),
        ("content_filter", 400),
    ):
        if sign in words:
            return status
    return 500


def _until(date: str, now: str) -> float | None:
    try:
        then = email.utils.parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
    try:
        present = email.utils.parsedate_to_datetime(now).timestamp()
    except (TypeError, ValueError, OverflowError):
        present = time.time()
    return max(0.0, then - present)
