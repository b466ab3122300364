"""The error tree: `Rejected` is the client's problem, `ProviderError` the upstream's, `ConfigError` the operator's.

A message says what happened, where, and what to do. A `code` is a stable word that clients and dashboards
may match on; a message may change. No message ever carries a credential.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .target import Target


class TollhouseError(Exception):
    """Everything Tollhouse raises on purpose."""


class ConfigError(TollhouseError):
    """The operator's problem, found at start-up.

    `path` is the setting as written in gateway.toml (`models.fast.targets[0]`), empty when none applies;
    `hint` says what to do next and ends up behind the message.
    """

    def __init__(self, message: str, *, path: str = "", hint: str = "") -> None:
        self.message, self.path, self.hint = message, path, hint
        super().__init__(": ".join(filter(None, (path, message))) + (f" {hint}" if hint else ""))


class Rejected(TollhouseError):
    """The client's problem: the exchange ends as `rejected`, and the dialect words the answer.

    `status` is an HTTP status the official SDKs know (400, 401, 403, 404, 408, 409, 413, 422, 429, 431, 503).
    `type` is OpenAI's error type; other dialects map from the status. `retry_after` is in seconds.
    `should_retry` becomes `x-should-retry`, which overrides the SDKs' own rule; None sends nothing.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: str | None = None,
        type: str = "invalid_request_error",
        param: str | None = None,
        retry_after: float | None = None,
        should_retry: bool | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.code, self.type, self.param = message, status, code, type, param
        self.retry_after, self.should_retry = retry_after, should_retry
        self.headers: Mapping[str, str] = headers or {}


class ProviderError(TollhouseError):
    """The upstream's problem: the attempt failed; `recover` may send the exchange elsewhere.

    `kind` is one of KINDS. `status` is the upstream's HTTP status, 0 when there was none. `code` and `type`
    are the upstream's own words where it gave any. `retry_after` is in seconds; `should_retry` is the
    upstream's own `x-should-retry`. `again=False` says that no other target may be asked. `raw` is the upstream's error
    body with its `content_type`, kept so that a caller of the same dialect reads it unchanged; never logged.
    """

    KINDS = (
        "connect",  # no connection within the connect deadline, or refused
        "timeout",  # a deadline after the connect: first byte, idle or total
        "cut",  # the reply ended without its terminal event
        "bad_reply",  # bytes that are not what the dialect promises
        "refused",  # a relay would not let the reply through
        "credentials",  # the upstream did not accept our credential (401, 402, 403)
        "rate_limit",  # 429
        "invalid",  # the upstream calls the request wrong (other 4xx)
        "overloaded",  # 503, 529
        "server",  # other 5xx
    )

    def __init__(
        self,
        message: str,
        *,
        kind: str,
        status: int = 0,
        code: str | None = None,
        type: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        raw: bytes | None = None,
        content_type: str = "application/json",
        should_retry: bool | None = None,
        again: bool = True,
    ) -> None:
        if kind not in self.KINDS:
            raise ValueError(f"unknown kind of provider error: {kind}")
        super().__init__(message)
        self.message, self.kind, self.status = message, kind, status
        self.code, self.type, self.param, self.retry_after = code, type, param, retry_after
        self.raw, self.content_type, self.should_retry, self.again = raw, content_type, should_retry, again


class Refused(TollhouseError):
    """A relay will not let this reply through; before content it makes the attempt a failed one.

    `again=False` promises that no other target is asked: the exchange ends as `rejected` with this message.
    """

    def __init__(self, message: str, *, code: str = "refused", again: bool = True) -> None:
        super().__init__(message)
        self.message, self.code, self.again = message, code, again


class Skip(TollhouseError):
    """`dispatch` says: this target cannot take this attempt (no credential left, breaker open); try the next.

    `instead` is the target to try next, which may be none of the plan's; without it the plan's next one is. A target
    that was skipped before in this exchange is not tried instead of another.
    """

    def __init__(self, reason: str, *, instead: Target | None = None) -> None:
        super().__init__(reason)
        self.reason, self.instead = reason, instead


class PluginFailed(TollhouseError):
    """A plugin raised, or overran its time, in a hook whose policy is closed: a 500, never a free pass.

    `plugin` and `hook` say where; the cause is chained for the log and never shown to the caller.
    """

    def __init__(self, plugin: str, hook: str, why: str) -> None:
        super().__init__(f"plugin {plugin} failed in {hook}: {why}")
        self.plugin, self.hook = plugin, hook


class StoreError(TollhouseError):
    """The store did not answer within its bound, or is known to be down."""
