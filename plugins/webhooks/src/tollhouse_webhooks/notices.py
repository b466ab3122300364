"""From what happens to messages: exchanges that ended, and events of the core and of plugins, told apart by type."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from tollhouse.events import Event

from .catalogue import (
    BudgetData,
    ConfigData,
    Data,
    KeyData,
    LimitData,
    ModerationData,
    ProviderData,
    RequestData,
    StoreData,
    WebhookData,
)
from .letter import identity

if TYPE_CHECKING:
    from tollhouse import Exchange

log = logging.getLogger("tollhouse.webhooks")

ONCE_IN = 60.0
"""Seconds within which processes that see the same thing make one message of it; for what has no id of its own."""

Fields = Mapping[str, Any]


class Notice(Struct, frozen=True, kw_only=True):
    """What a message will say. `id` is the same in every process that saw the same thing."""

    type: str
    at: float
    data: Data
    id: str


def of_exchange(exchange: Exchange) -> Notice | None:
    """What an exchange that ended is told as; None for what reached no upstream and did not fail."""
    outcome = exchange.outcome or "failed"
    if outcome in ("rejected", "disconnected") and not exchange.attempts:
        return None
    type_ = type_of_outcome(outcome)
    principal, target = exchange.principal, exchange.target
    data = RequestData(
        id=exchange.id,
        request_id=exchange.request_id,
        outcome=outcome,
        status=exchange.status,
        code=str(getattr(exchange.error, "code", None) or ""),
        model=exchange.model,
        target=target.name if target else "",
        key=principal.key,
        user=principal.user,
        team=principal.team,
        dialect=exchange.dialect.name,
        task=exchange.task,
        stream=bool(exchange.request and exchange.request.stream),
        seconds=round(exchange.now() - exchange.started, 6),
        tokens=exchange.consumed,
        cost=exchange.cost,
        saved=exchange.saved,
        attempts=len(exchange.attempts),
    )
    return Notice(type=type_, at=exchange.gateway.clock.time(), data=data, id=identity(type_, exchange.id))


def type_of_outcome(outcome: str) -> str:
    """The type of message an exchange with this outcome becomes, if it becomes one."""
    return "request.completed" if outcome in ("completed", "answered") else "request.failed"


def type_of(event: Event) -> str:
    """The type of message an event becomes; empty for one that becomes none."""
    tag = str(event.__struct_config__.tag)
    if tag == "store.changed":
        return "store.up" if getattr(event, "up", True) else "store.down"
    return tag if tag in _SAME else _RENAMED.get(tag, "")


def of_event(event: Event, exchange: Exchange | None = None) -> Notice | None:
    """What an event is told as; `exchange` is the one it names, where it is still under way. None for events that
    become no message, and for one of a known type that says something else than it used to."""
    type_ = type_of(event)
    if not type_:
        return None
    fields = msgspec.to_builtins(event)
    kind, told = _TELLING[type_.partition(".")[0]]
    try:
        data = msgspec.convert(told(fields, exchange), kind, strict=False)
    except (msgspec.ValidationError, KeyError) as error:
        log.error("%s cannot be told as %s: %s", fields.get("type"), type_, error)
        return None
    return Notice(type=type_, at=event.at, data=data, id=identity(type_, *_same(type_, fields)))


def _same(type_: str, fields: Fields) -> tuple[Any, ...]:
    """What makes two events of a type the same one, whichever process saw it."""
    match type_:
        case "budget.threshold" | "budget.exhausted":
            names = ("budget", "scope", "limit", "period", "resets_at", "shadow")
            percent = fields.get("percent") if type_ == "budget.threshold" else 100
            return percent, *(fields.get(name) for name in names)
        case "key.created" | "key.rotated" | "key.revoked" if fields.get("change"):
            return (fields["change"],)
        case "limit.hit":
            return fields.get("key"), int(fields["at"] // ONCE_IN)
        case "config.reloaded":
            return fields.get("edition"), int(fields["at"] // ONCE_IN)
        case "store.down" | "store.up":
            return (int(fields["at"] // ONCE_IN),)
        case _:
            return tuple(sorted(fields.items(), key=lambda item: item[0]))


def _as_it_is(fields: Fields, exchange: Exchange | None) -> Fields:
    return fields


def _limit(fields: Fields, exchange: Exchange | None) -> Fields:
    said = {"limit": fields["key"], "id": fields.get("id", ""), "shadow": fields.get("shadow", False)}
    if exchange is not None:
        principal = exchange.principal
        said |= {"model": exchange.model, "key": principal.key, "user": principal.user, "team": principal.team}
    return said


def _provider(fields: Fields, exchange: Exchange | None) -> Fields:
    return {"provider": str(fields["target"]).partition("/")[0], **fields}


_SAME = (
    "budget.threshold",
    "budget.exhausted",
    "moderation.blocked",
    "key.created",
    "key.rotated",
    "key.revoked",
    "config.reloaded",
    "webhook.failed",
    "webhook.disabled",
)
_RENAMED = {"demand.refused": "limit.hit", "target.down": "provider.down", "target.up": "provider.up"}
_TELLING: dict[str, tuple[type[Data], Callable[[Fields, Exchange | None], Fields]]] = {
    "budget": (BudgetData, _as_it_is),
    "limit": (LimitData, _limit),
    "provider": (ProviderData, _provider),
    "moderation": (ModerationData, _as_it_is),
    "key": (KeyData, _as_it_is),
    "config": (ConfigData, _as_it_is),
    "store": (StoreData, _as_it_is),
    "webhook": (WebhookData, _as_it_is),
}
