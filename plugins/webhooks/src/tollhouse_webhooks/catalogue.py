"""Every type of message and what its `data` holds: thin, without prompts, completions or secrets."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct


class Data(Struct, frozen=True, kw_only=True):
    """What all have in common: nothing. Money is integer nano-USD, times are unix seconds, durations seconds."""


class RequestData(Data, frozen=True, kw_only=True):
    """An exchange that ended."""

    id: str
    """The exchange, as the ledger names it."""
    request_id: str
    """What the caller was told as `x-request-id`."""
    outcome: str
    """completed, answered, failed, disconnected or rejected."""
    status: int
    """The HTTP status the caller got; 499 when they left first."""
    code: str = ""
    """The stable code of the error the caller got."""
    model: str = ""
    """The model as the caller asked for it."""
    target: str = ""
    """`provider/model` that was asked last."""
    key: str = ""
    user: str = ""
    team: str = ""
    dialect: str = ""
    task: str = ""
    stream: bool = False
    seconds: float = 0.0
    tokens: dict[str, int] = {}
    """Tokens of all attempts together, by usage bucket."""
    cost: int | None = 0
    """Of all attempts together; null when any has no price."""
    saved: int = 0
    """What a cache made unnecessary to spend."""
    attempts: int = 0


class BudgetData(Data, frozen=True, kw_only=True):
    """A budget and where it stands."""

    budget: str
    scope: dict[str, str] = {}
    """Whom it is for, by dimension; empty for the whole gateway."""
    percent: int = 0
    """The threshold; for `budget.exhausted` how much is used."""
    spent: int = 0
    limit: int = 0
    period: str = ""
    resets_at: int | None = None
    shadow: bool = False
    """Whether calls pass all the same."""


class LimitData(Data, frozen=True, kw_only=True):
    """A limit that refused a request: the first of a minute."""

    limit: str
    """The counter's key, which begins with the plugin that set the limit."""
    id: str = ""
    """The exchange."""
    shadow: bool = False
    """Whether it passed all the same."""
    model: str = ""
    key: str = ""
    user: str = ""
    team: str = ""


class ProviderData(Data, frozen=True, kw_only=True):
    """A target that stopped taking requests, or takes them again."""

    provider: str
    target: str
    """`provider/model`."""
    why: str = ""
    until: float | None = None
    """When it may be tried again."""


class ModerationData(Data, frozen=True, kw_only=True):
    """A rule that ended an exchange; never the text."""

    id: str = ""
    """The exchange."""
    rule: str = ""
    check: str = ""
    direction: str = ""
    kinds: tuple[str, ...] = ()
    """What was found."""
    score: float = 0.0
    model: str = ""
    key: str = ""
    team: str = ""


class KeyData(Data, frozen=True, kw_only=True):
    """A key that changed; never its secret."""

    key: str
    by: str = ""
    """Who changed it."""
    team: str = ""
    user: str = ""
    role: str = ""


class ConfigData(Data, frozen=True, kw_only=True):
    """A new configuration."""

    edition: int
    """Counted from the start of the process."""


class StoreData(Data, frozen=True, kw_only=True):
    """The store went away or came back."""

    why: str = ""


class WebhookData(Data, frozen=True, kw_only=True):
    """Another webhook that does not get through."""

    webhook: str
    id: str = ""
    """The `webhook-id` of the message that was given up."""
    about: str = ""
    """That message's type."""
    why: str = ""


class TestData(Data, frozen=True, kw_only=True):
    """A message that somebody asked for, to see whether it arrives."""

    webhook: str


TYPES: dict[str, tuple[type[Data], str]] = {
    "request.completed": (RequestData, "An upstream, or a cache, answered."),
    "request.failed": (RequestData, "It failed; or it was rejected, or its caller left, after an upstream was asked."),
    "budget.threshold": (BudgetData, "A budget's use reached a threshold."),
    "budget.exhausted": (BudgetData, "A budget is used up."),
    "limit.hit": (LimitData, "A limit refused a request; told once a minute and limit."),
    "provider.down": (ProviderData, "A target is not asked for a while."),
    "provider.up": (ProviderData, "A target that was down takes requests again."),
    "moderation.blocked": (ModerationData, "A rule of moderation ended an exchange."),
    "key.created": (KeyData, "A key was made."),
    "key.rotated": (KeyData, "A key got a new secret."),
    "key.revoked": (KeyData, "A key was revoked."),
    "config.reloaded": (ConfigData, "A new configuration serves."),
    "store.down": (StoreData, "The store does not answer."),
    "store.up": (StoreData, "The store answers again."),
    "webhook.failed": (WebhookData, "A message to another webhook was given up."),
    "webhook.disabled": (WebhookData, "Another webhook gets nothing any more."),
    "webhook.test": (TestData, "Somebody tries this webhook."),
}
"""The `data` of every type of message, and when it is sent."""


def schema(type_: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a whole message of this type."""
    kind, says = TYPES[type_]
    (_, components) = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    data = components[kind.__name__]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": type_,
        "description": says,
        "type": "object",
        "properties": {
            "type": {"const": type_},
            "timestamp": {"type": "string", "format": "date-time", "description": "When it happened."},
            "data": data,
        },
        "required": ["type", "timestamp", "data"],
    }


def schemas() -> dict[str, dict[str, Any]]:
    """The schemas of all messages by type."""
    return {type_: schema(type_) for type_ in TYPES}
