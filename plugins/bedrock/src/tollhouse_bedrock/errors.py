"""Errors on Bedrock's wire: what an upstream's error means, and how ours are spelled.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors
and https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from tollhouse import ProviderError, Rejected

from .eventstream import Message, exception

MESSAGE_LIMIT = 2000
"""Characters of an upstream's message that are kept."""
TYPE_HEADER = "x-amzn-errortype"
"""Names the exception of an error response."""
TYPES = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
    504: "ModelTimeoutException",
}
"""The exception of a status; others are a `ValidationException` below 500 and an `InternalServerException` above."""
SPENT = "ServiceQuotaExceededException"
"""The exception of a limit that trying again does not lift; AWS's clients repeat every 429, so its status is 400."""
WORDS: dict[str, tuple[int, str | None]] = {
    "connect": (502, "upstream_unreachable"),
    "timeout": (504, "upstream_timeout"),
    "cut": (502, "upstream_cut"),
    "bad_reply": (502, "upstream_bad_reply"),
    "refused": (502, "refused"),
    "credentials": (502, "upstream_credentials"),
    "rate_limit": (429, "rate_limit_exceeded"),
    "invalid": (400, None),
    "overloaded": (503, "upstream_overloaded"),
    "server": (500, "upstream_error"),
}
"""Status and code of a provider's error that brought no words of its own."""

_KINDS = {
    "AccessDeniedException": "credentials",
    "ExpiredToken": "credentials",
    "ExpiredTokenException": "credentials",
    "IncompleteSignature": "credentials",
    "IncompleteSignatureException": "credentials",
    "InvalidClientTokenId": "credentials",
    "InvalidSignatureException": "credentials",
    "MissingAuthenticationToken": "credentials",
    "MissingAuthenticationTokenException": "credentials",
    "NotAuthorized": "credentials",
    "OptInRequired": "credentials",
    "SignatureDoesNotMatch": "credentials",
    "UnrecognizedClientException": "credentials",
    "ModelErrorException": "server",
    "ModelNotReadyException": "overloaded",
    "ModelStreamErrorException": "server",
    "ModelTimeoutException": "timeout",
    "ServiceQuotaExceededException": "rate_limit",
    "ServiceUnavailableException": "overloaded",
    "ThrottlingException": "rate_limit",
    "TooManyRequestsException": "rate_limit",
    "InternalServerException": "server",
    "InternalFailure": "server",
    "ResourceNotFoundException": "invalid",
    "ValidationException": "invalid",
}
_STATUS = {type_: status for status, type_ in TYPES.items() if status != 504} | {"ModelStreamErrorException": 424}
_ARN = re.compile(r"(arn:aws[\w-]*:[\w-]*:[\w-]*:)\d{12}")
_SECRET = re.compile(r"arn:aws[^\s\"']*|\b(?:AKIA|ASIA|ABSK)\w{4,}|[\w+/=-]{32,}|\b\d{12}\b")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.decode


class Upstream(ProviderError):
    """A provider's error whose `raw` is in this dialect, and whose `type` is the exception's name."""


def failure(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """What an error response means; never raises."""
    said = _said(body)
    type_ = _type(headers.get(TYPE_HEADER) or said.get("__type") or said.get("code"))
    return _upstream(status, type_, said, body if said else None, _retry_after(headers))


def in_band(message: Message) -> ProviderError:
    """The exception or error inside a stream; its status is that of its type."""
    said = _said(message.payload) if message.kind == "exception" else {"message": message.words}
    type_ = message.name[:1].upper() + message.name[1:]
    status = _STATUS.get(type_, 500)
    raw = message.payload if message.kind == "exception" and said else None
    return _upstream(status, type_ or None, said, raw, None)


def _upstream(
    status: int, type_: str | None, said: dict[str, Any], raw: bytes | None, wait: float | None
) -> ProviderError:
    message = said.get("message") or said.get("Message")
    if not isinstance(message, str) or not message:
        message = f"the upstream answered with status {status}" + (f" ({type_})" if type_ else "")
    kind = _KINDS.get(type_ or "") or kind_of(status)
    if kind == "credentials":
        # a signature that does not match is answered with all that was signed, session token included
        message, raw = _SECRET.sub("***", message.partition("\n")[0][:MESSAGE_LIMIT]), None
    elif _ARN.search(message):
        message, raw = _ARN.sub(r"\1***", message), None
    return Upstream(message[:MESSAGE_LIMIT], kind=kind, status=status, type=type_, retry_after=wait, raw=raw)


def kind_of(status: int) -> str:
    """The kind of failure an HTTP status tells."""
    kinds = {401: "credentials", 402: "credentials", 403: "credentials", 408: "timeout", 424: "server"}
    if status in kinds:
        return kinds[status]
    if status == 429:
        return "rate_limit"
    if status in (503, 529):
        return "overloaded"
    return "invalid" if 400 <= status < 500 else "server"


def error_response(error: ProviderError | Rejected, status: int) -> tuple[int, dict[str, str], bytes]:
    """An error as a response: an upstream's own body if it is of this dialect and its status stands. AWS has its own
    status for a caller who is not known, and for one who has spent what they may."""
    headers = {"content-type": "application/json"}
    if isinstance(error, Upstream) and error.raw and error.status == status:
        return status, {**headers, TYPE_HEADER: error.type or _typed(error, status)[1]}, error.raw
    status, type_ = _typed(error, status)
    return status, {**headers, TYPE_HEADER: type_}, error_body(error)


def error_body(error: ProviderError | Rejected) -> bytes:
    """The body of an error: its message, and our stable code, where clients of AWS look for none."""
    code = error.code or (WORDS[error.kind][1] if isinstance(error, ProviderError) else None)
    return _encode({"message": error.message, **({"reason": code} if code else {})})


def error_event(error: ProviderError | Rejected) -> bytes:
    """The exception that ends a stream."""
    type_ = error.type if isinstance(error, Upstream) else None
    if type_ not in _STREAMED:
        status = error.status if isinstance(error, Rejected) else WORDS[error.kind][0]
        type_ = _typed(error, status)[1]
        type_ = type_ if type_ in _STREAMED else "ValidationException" if status < 500 else "InternalServerException"
    name = type_[:1].lower() + type_[1:]
    return exception(name, **_decode(error_body(error)))


_STREAMED = frozenset(
    {
        "InternalServerException",
        "ModelStreamErrorException",
        "ServiceUnavailableException",
        "ThrottlingException",
        "ValidationException",
    }
)
"""The exceptions a stream may end with."""


def _typed(error: ProviderError | Rejected, status: int) -> tuple[int, str]:
    status = {401: 403, 529: 503}.get(status, status)
    if status == 429 and (error.should_retry is False or error.code == "insufficient_quota"):
        return 400, SPENT
    return status, TYPES.get(status) or ("ValidationException" if status < 500 else "InternalServerException")


def _said(body: bytes) -> dict[str, Any]:
    try:
        value = _decode(body)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _type(said: Any) -> str | None:
    """An exception's name without the namespace before it and the address behind it."""
    if not isinstance(said, str):
        return None
    return said.partition(":")[0].rpartition("#")[2][:100] or None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None
