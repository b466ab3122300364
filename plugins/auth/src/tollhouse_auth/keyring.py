"""The keys in the store: made, listed, revoked and rotated here and nowhere else, by whoever may."""

from __future__ import annotations

import getpass
import os
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import msgspec
from msgspec.structs import replace
from tollhouse import Rejected
from tollhouse.clock import Clock
from tollhouse.edition import Edition
from tollhouse.store import Store

from .record import Live, Record, packed, unpacked
from .secret import Secrets, shown
from .wish import Wish, check

KEYS = "auth:key:"
"""Records by the key's name."""
IDS = "auth:id:"
"""The key's name by the public id of each of its secrets; written once, never changed."""
CHANGES = "auth:changes"
"""The log of changes that is told as events."""
AUDIT = "audit"
TOPIC = "auth"
"""Where changes are published: the key's name."""

REVOKED_FOR = 30 * 86400.0
"""Seconds a revoked key stays in lists, and its name taken."""
PAGE = 500
"""Keys of a page of a list."""
_TRIES = 5


class Actor(NamedTuple):
    """Who asks for a change: `key:NAME` or `cli:USER`, with the request's id where there is one."""

    who: str
    request_id: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of the logs. It names a key and never holds a secret, nor its hash."""

    at: float
    who: str
    what: str
    """`key.created`, `key.rotated` or `key.revoked`."""
    key: str
    request_id: str = ""
    team: str = ""
    user: str = ""
    role: str = ""
    secret: str = ""
    """The public beginning of the secret that was made."""


class Fresh(NamedTuple):
    """A key whose secret can be seen this once."""

    record: Record
    secret: str


_Changing = Callable[[Record], Record]


class Keyring:
    """All writes of keys. Each is a compare-and-set of one record, then a line in the audit log, then word to every
    process. Raises Rejected for what cannot be done, and StoreError."""

    def __init__(self, store: Store, secrets: Secrets, clock: Clock) -> None:
        self._store, self._secrets, self._clock = store, secrets, clock

    async def create(self, wish: Wish, edition: Edition, by: Actor) -> Fresh:
        """Make a key. Rejected: 400 for a wish that cannot be, 409 when the name is taken."""
        now = self._clock.time()
        check(wish, edition, now)
        made = self._secrets.make()
        routes = wish.routes
        if routes is None and wish.role != "member":
            routes = ()
        record = Record(
            name=wish.name,
            secrets=(Live(id=made.id, hash=made.hash),),
            created=now,
            by=by.who,
            team=wish.team,
            user=wish.user,
            tags=wish.tags,
            models=wish.models,
            dialects=wish.dialects,
            routes=None if routes is not None and "*" in routes else routes,
            role=wish.role,
            expires=wish.expires.timestamp() if wish.expires else None,
            settings=wish.settings,
        )
        await self._store.put(IDS + made.id, wish.name.encode())
        if await self._store.put(KEYS + wish.name, packed(record), expect=0) is None:
            await self._store.drop(IDS + made.id)
            raise Rejected(
                f"There is a key `{wish.name}` already; take another name, or rotate it for a new secret.",
                status=409,
                code="key_exists",
                param="name",
            )
        await self._tell("key.created", record, by, made.id)
        return Fresh(record, made.secret)

    async def rotate(self, name: str, grace: float, by: Actor) -> Fresh:
        """Give a key a second secret; those it had end after `grace` seconds, which may be 0. Rejected: 404 without
        such a key, 409 for a revoked one."""
        made = self._secrets.make()
        await self._store.put(IDS + made.id, name.encode())

        def change(record: Record) -> Record:
            if record.revoked is not None:
                raise Rejected(f"The key `{name}` is revoked; make a new one.", status=409, code="key_revoked")
            now = self._clock.time()
            end = now + grace
            old = [replace(one, until=min(end, one.until or end)) for one in record.secrets]
            kept = [one for one in old if one.until and one.until > now]
            return replace(record, secrets=(Live(id=made.id, hash=made.hash), *kept[:4]))

        try:
            record = await self._change(name, change)
        except Rejected:
            await self._store.drop(IDS + made.id)
            raise
        await self._tell("key.rotated", record, by, made.id)
        return Fresh(record, made.secret)

    async def revoke(self, name: str, by: Actor) -> Record:
        """End a key for good. Rejected: 404 without such a key. One that is revoked stays as it is."""
        known = await self.get(name)
        if known is not None and known.revoked is not None:
            return known

        def change(record: Record) -> Record:
            return replace(record, revoked=self._clock.time())

        record = await self._change(name, change, ttl=REVOKED_FOR)
        await self._tell("key.revoked", record, by)
        return record

    async def get(self, name: str) -> Record | None:
        """A key by its name."""
        [value] = await self._store.get(KEYS + name)
        return unpacked(value.data) if value else None

    async def page(self, after: str = "", limit: int = PAGE) -> list[Record]:
        """Up to `limit` keys by name, of those after the name `after`."""
        scan = self._store.scan(KEYS, KEYS + after if after else "", limit)
        return [unpacked(value.data) async for _, value in scan]

    async def all(self) -> AsyncIterator[Record]:
        """Every key, by name."""
        page = await self.page()
        while page:
            for record in page:
                yield record
            page = await self.page(page[-1].name) if len(page) == PAGE else []

    async def _change(self, name: str, change: _Changing, *, ttl: float | None = None) -> Record:
        for _ in range(_TRIES):
            [value] = await self._store.get(KEYS + name)
            if value is None:
                raise Rejected(
                    f"The store holds no key `{name}`. `tollhouse keys list` shows them all.",
                    status=404,
                    code="key_not_found",
                    param="name",
                )
            record = change(unpacked(value.data))
            if await self._store.put(KEYS + name, packed(record), expect=value.version, ttl=ttl) is not None:
                return record
        raise Rejected(f"The key `{name}` is being changed by others; try again.", status=409, code="key_busy")

    async def _tell(self, what: str, record: Record, by: Actor, secret: str = "") -> None:
        change = Change(
            at=self._clock.time(),
            who=by.who,
            what=what,
            key=record.name,
            request_id=by.request_id,
            team=record.team,
            user=record.user,
            role=record.role,
            secret=shown(secret) if secret else "",
        )
        line = msgspec.json.encode(change)
        await self._store.publish(TOPIC, record.name.encode())
        await self._store.append(AUDIT, [line])
        await self._store.append(CHANGES, [line])


def cli_actor() -> Actor:
    """Who runs this command."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    return Actor(f"cli:{name}")
