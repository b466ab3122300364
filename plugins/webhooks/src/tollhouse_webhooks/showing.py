"""What is shown of webhooks and deliveries: never a secret, and of a URL the host only."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
from msgspec import Struct
from tollhouse import Rejected, Store
from tollhouse.clock import Clock

from . import standing as standings
from .catalogue import TestData
from .deliveries import Delivery, find, latest
from .lane import carrier
from .letter import Letter, write
from .outbox import put_in, raise_dead
from .schedule import Outcome
from .settings import Webhook


class Shown(Struct, frozen=True, kw_only=True):
    """A webhook."""

    name: str
    format: str
    url: str
    events: tuple[str, ...]
    filters: dict[str, list[str]]
    secrets: int
    """How many are live."""
    enabled: bool
    why: str
    """Why it is disabled."""
    since: float | None
    """Since when it is disabled."""
    delivered_at: float | None
    """When something was delivered last, within a minute."""


class ShownDelivery(Struct, frozen=True, kw_only=True):
    """One try."""

    cursor: str
    id: str
    """The `webhook-id`."""
    type: str
    created_at: float
    at: float
    tries: int
    state: str
    status: int
    why: str
    seconds: float
    next_at: float | None
    payload: msgspec.Raw


class Tried(Struct, frozen=True, kw_only=True):
    """What a test came to."""

    ok: bool
    id: str
    status: int
    why: str
    seconds: float


async def shown(store: Store, name: str, webhook: Webhook) -> Shown:
    """A webhook and where it stands. Raises StoreError."""
    now = await standings.standing(store, name)
    said = {"team": webhook.team, "model": webhook.model, "key": webhook.key}
    return Shown(
        name=name,
        format=webhook.format,
        url=webhook.url.spoken(),
        events=webhook.events,
        filters={key: [value] if isinstance(value, str) else list(value) for key, value in said.items() if value},
        secrets=len(webhook.secrets),
        enabled=now.off is None,
        why=now.off.why if now.off else "",
        since=now.off.at if now.off else None,
        delivered_at=now.delivered_at,
    )


async def deliveries(store: Store, name: str, limit: int, before: str = "") -> list[ShownDelivery]:
    """The latest deliveries, newest first. Raises StoreError."""
    return [_delivery(id_, one) for id_, one in await latest(store, name, limit, before)]


def _delivery(id_: str, one: Delivery) -> ShownDelivery:
    return ShownDelivery(
        cursor=id_,
        id=one.letter.id,
        type=one.letter.type,
        created_at=one.letter.at,
        at=one.at,
        tries=one.tries,
        state=one.state,
        status=one.status,
        why=one.why,
        seconds=one.seconds,
        next_at=one.next_at,
        payload=one.letter.body,
    )


async def attempt(name: str, webhook: Webhook, clock: Clock) -> Tried:
    """Send a message of type `webhook.test` now, past outbox and filters, once."""
    letter: Letter = write("webhook.test", clock.time(), TestData(webhook=name), f"msg_{secrets.token_hex(13)}")
    carries = carrier(webhook, clock.time)
    try:
        outcome: Outcome = await carries.deliver(letter)
    finally:
        await carries.close()
    seconds = round(outcome.seconds, 6)
    return Tried(ok=outcome.ok, id=letter.id, status=outcome.status, why=outcome.why, seconds=seconds)


async def again(store: Store, name: str, *, message: str = "", dead: bool = False) -> int:
    """Queue a message of the log, or all dead letters, anew; how many. Raises Rejected (404) for a message that the
    log has not, and StoreError."""
    salt = secrets.token_hex(8)
    if dead:
        return await raise_dead(store, name, salt)
    letter = await find(store, name, message)
    if letter is None:
        raise Rejected(
            f"The log of webhook `{name}` has no message `{message[:64]}`.",
            status=404,
            code="message_not_found",
            param="id",
        )
    await put_in(store, f"mail:{letter.id}:{salt}", [name], letter)
    return 1


def unknown(name: str, known: Any) -> Rejected:
    """There is no such webhook."""
    names = ", ".join(known) or "none"
    return Rejected(
        f"There is no webhook `{name[:64]}`. There are: {names}.",
        status=404,
        code="webhook_not_found",
        param="name",
    )
