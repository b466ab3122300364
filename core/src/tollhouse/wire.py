"""Headers on the wire: what may pass in each direction, and what Tollhouse says of itself."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from .errors import ProviderError, Rejected

if TYPE_CHECKING:
    from .exchange import Exchange
    from .reply import Reply

PREFIX = "x-tollhouse-"
"""Every header of our own begins with it."""

OWN = {
    "x-tollhouse-target": "`provider/model` that answered.",
    "x-tollhouse-attempts": "How many upstream attempts were made, when more than one.",
    "x-tollhouse-translation": "`exact`, or `adapted; ...` with what a translation between dialects could not carry.",
    "x-tollhouse-upstream-request-id": "The request id the upstream gave its answer.",
    "x-tollhouse-strict": "In a request: `true` refuses to lose anything in translation, `false` allows it.",
}
"""Our own headers and what they say: a response's, but where it says otherwise."""

STRICT_HEADER = "x-tollhouse-strict"
"""The caller's word on lossy translation, over the model's and the gateway's."""

_UP = ("openai-beta", "anthropic-beta", "anthropic-version", "idempotency-key", "x-client-request-id")
"""Request headers of the caller that go upstream; every other stays here, credentials and cookies above all."""

_DOWN = frozenset({"openai-processing-ms", "openai-version", "openai-model"})
_DOWN_PREFIXES = ("x-ratelimit-", "anthropic-ratelimit-")
"""The upstream's limits on the gateway; they stay here once a plugin tells the caller's own by such headers."""
_DOWN_OPAQUE = frozenset(
    {
        "content-type",
        "content-disposition",
        "content-language",
        "etag",
        "last-modified",
        "accept-ranges",
        "content-range",
    }
)
"""Further response headers of a passthrough, which bear the body's meaning."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_UPSTREAM_IDS = ("x-request-id", "request-id", "x-amzn-requestid", "apim-request-id")


def request_id(headers: Mapping[str, str]) -> str:
    """The caller's own request id if it is well formed, else empty."""
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else ""


def upward(headers: Mapping[str, str]) -> dict[str, str]:
    """The caller's headers that go upstream."""
    return {name: headers[name] for name in _UP if name in headers}


def reply_headers(exchange: Exchange, reply: Reply | None, error: Rejected | ProviderError | None) -> dict[str, str]:
    """Response headers but for the body's own: the upstream's that may pass, ours, and an error's retry advice."""
    headers: dict[str, str] = {}
    if reply is not None:
        opaque = reply.form == "chunks"
        limited = any(name.startswith(_DOWN_PREFIXES) for name in exchange.response_headers)
        for name, value in reply.headers.items():
            if _passes_down(name, limited) or (opaque and name in _DOWN_OPAQUE):
                headers[name] = value
        for name in _UPSTREAM_IDS:
            if name in reply.headers:
                headers["x-tollhouse-upstream-request-id"] = reply.headers[name]
                break
    headers[exchange.dialect.id_header] = exchange.request_id
    if target := exchange.target:
        headers["x-tollhouse-target"] = ascii_only(target.name)
    if len(exchange.attempts) > 1:
        headers["x-tollhouse-attempts"] = str(len(exchange.attempts))
    if exchange.attempts and (receipt := exchange.attempts[-1].receipt) is not None:
        headers["x-tollhouse-translation"] = ascii_only(receipt.summary())
    headers.update(exchange.response_headers)
    if error is not None:
        headers.update(retry_headers(error, exchange))
    return headers


def retry_headers(error: Rejected | ProviderError, exchange: Exchange | None = None) -> dict[str, str]:
    """`retry-after`, `retry-after-ms` and `x-should-retry`, which the official SDKs obey."""
    headers: dict[str, str] = {}
    if isinstance(error, Rejected):
        headers.update(error.headers)
        again = error.should_retry
    else:
        tried = len(exchange.attempts) if exchange else 1
        again = False if error.kind == "credentials" or not error.again or tried > 1 else error.should_retry
    if error.retry_after is not None:
        headers["retry-after"] = str(max(0, math.ceil(error.retry_after)))
        headers["retry-after-ms"] = str(max(0, math.ceil(error.retry_after * 1000)))
    if again is not None:
        headers["x-should-retry"] = "true" if again else "false"
    return headers


def ascii_only(value: str) -> str:
    """A header value that cannot break a header: printable ASCII, the rest as `?`."""
    if value.isascii() and value.isprintable():
        return value
    return "".join(c if " " <= c <= "~" else "?" for c in value)


@lru_cache(maxsize=512)
def _passes_down(name: str, limited: bool) -> bool:
    return name in _DOWN or (not limited and name.startswith(_DOWN_PREFIXES))
