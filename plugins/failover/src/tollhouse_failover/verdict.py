"""What a failure means: whether to ask the same target again, only another one, one of a class, or nobody; and
whether the target is to blame."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from tollhouse import Attempt, ProviderError, TollhouseError

from .settings import BreakerSettings

Verdict = Literal["again", "elsewhere", "context_window", "content_filter", "final"]

_WINDOW_CODES = frozenset({"context_length_exceeded", "context_window_exceeded", "string_above_max_length"})
_WINDOW = re.compile(
    r"context (?:length|window)|prompt is too long|input is too long|too many (?:input )?tokens"
    r"|(?:exceeds?|over) the (?:maximum|limit)[\w ]* tokens?\b|maximum (?:number of|input) tokens",
    re.IGNORECASE,
)
_FILTER_CODES = frozenset({"content_filter", "content_policy_violation", "responsibleaipolicyviolation"})
_FILTER = re.compile(r"content (?:management|filter|policy)|responsible ai|usage polic", re.IGNORECASE)
_OURS_CODES = frozenset({"model_not_found", "invalid_api_key", "insufficient_quota"})
_OURS = re.compile(r"\bapi key\b", re.IGNORECASE)
"""What some upstreams answer with 400 although the caller can do nothing about it."""
_CREDENTIAL_HEADERS = frozenset({"authorization", "x-api-key", "api-key", "x-goog-api-key"})
_TEMPORARY = frozenset({408, 409, 425})
"""Statuses the core calls the request's fault, or may, that the next moment may do away with."""
_FILE = re.compile(r"\bfiles?\b", re.IGNORECASE)
"""A caller's file that is not there: some upstreams answer 403 or 404, and the target is not to blame."""


class Blame(NamedTuple):
    """What a target did, and how long it should rest once its breaker opens."""

    rest: float
    why: str
    lasting: bool = False


def verdict(error: ProviderError) -> Verdict:
    """Where an exchange may go after this failure. `again` allows other targets too."""
    if not error.again:
        return "final"
    match error.kind:
        case "credentials" | "refused":
            return "elsewhere"
        case "invalid":
            if error.status in _TEMPORARY:
                return "again" if error.should_retry is not False else "elsewhere"
            return _of_the_request(error)
        case _:
            return "again" if error.should_retry is not False else "elsewhere"


def _of_the_request(error: ProviderError) -> Verdict:
    code = (error.code or "").lower()
    if code in _WINDOW_CODES or (error.status in (400, 413, 422) and _WINDOW.search(error.message)):
        return "context_window"
    if code in _FILTER_CODES or (error.status in (400, 403, 422) and _FILTER.search(error.message)):
        return "content_filter"
    ours = code in _OURS_CODES or (error.status == 400 and _OURS.search(error.message))
    return "elsewhere" if ours or error.status in (404, 410) else "final"


def blame(attempt: Attempt, error: TollhouseError | None, rules: BreakerSettings) -> Blame | None:
    """What an attempt's failure says against its target; None when the caller, a relay or a credential that a plugin
    brought for this caller is the reason."""
    if not isinstance(error, ProviderError) or error.kind == "refused":
        return None
    why = f"{error.kind} ({error.status})" if error.status else error.kind
    if error.kind in ("credentials", "invalid") and _FILE.search(error.message):
        return None
    if error.kind == "credentials":
        given = any(name.lower() in _CREDENTIAL_HEADERS for name in attempt.headers)
        return None if given else Blame(float(rules.long_cooldown), why, lasting=True)
    if error.kind == "invalid":
        missing = error.status == 404 and (error.code == "model_not_found" or "model" in error.message.lower())
        chat = attempt.request.task == "chat"
        return Blame(float(rules.long_cooldown), why, lasting=True) if missing and chat else None
    if error.kind == "rate_limit" and error.retry_after is not None:
        return Blame(min(max(0.1, error.retry_after), float(rules.longest_cooldown)), why)
    return Blame(float(rules.cooldown), why)
