"""Which HTTP status an error becomes, before the dialect words it."""

from __future__ import annotations

from ..errors import ProviderError, Rejected

_BY_KIND = {
    "connect": 502,
    "timeout": 504,
    "cut": 502,
    "bad_reply": 502,
    "refused": 502,
    "credentials": 502,
    "rate_limit": 429,
    "overloaded": 503,
    "server": 502,
}
_PASSED_ON = frozenset({400, 404, 405, 409, 410, 413, 415, 416, 422, 500, 502, 503, 504, 529})
"""Upstream statuses that mean the same to our caller. 401, 402 and 403 are about our credential, not theirs."""


def status_of(error: Rejected | ProviderError) -> int:
    """The status a caller gets."""
    if isinstance(error, Rejected):
        return error.status
    if error.kind in ("invalid", "server", "overloaded") and error.status in _PASSED_ON:
        return error.status
    return _BY_KIND.get(error.kind, 400)


def internal() -> Rejected:
    """A bug of ours or a plugin's: nothing of it is shown."""
    return Rejected(
        "Something failed inside the gateway. Its operator finds the reason in the log under this request's id.",
        status=500,
        type="server_error",
        code="internal_error",
    )


def cut_off() -> Rejected:
    """The gateway stops, and the exchange outlasted the time it had to end."""
    return Rejected(
        "The gateway is shutting down and could not wait for this answer's end; try again.",
        status=503,
        type="server_error",
        code="draining",
        retry_after=1.0,
    )
