"""Who owns an id an upstream gave out: responses, files and batches are shown to nobody else."""

from __future__ import annotations

import msgspec

from .errors import Rejected
from .principal import Principal
from .store import Store

KEPT = 30 * 24 * 3600.0
"""Seconds an ownership is remembered."""


class Owner(msgspec.Struct, frozen=True):
    """Whose an id is, and which target it came from (`provider/model`, or the provider's name)."""

    team: str
    key: str
    target: str


class Owners:
    """Binds ids to callers in the store. Members of one team share; callers without a team share by key."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def bind(self, kind: str, id: str, principal: Principal, target: str) -> None:
        """Remember that an id of this kind (`response`, `file`, `batch`) is the caller's. Raises StoreError."""
        owner = Owner(principal.team, principal.key, target)
        await self._store.put(_key(kind, id), msgspec.json.encode(owner), ttl=KEPT)

    async def check(self, kind: str, id: str, principal: Principal) -> Owner:
        """The id's owner if the caller may use it. Raises Rejected (404) for a stranger's id and for one nobody
        bound alike, and StoreError."""
        [value] = await self._store.get(_key(kind, id))
        owner = msgspec.json.decode(value.data, type=Owner) if value else None
        same = owner and (owner.team == principal.team if owner.team else owner.key == principal.key)
        if owner is None or not same:
            raise Rejected(f"There is no {kind} with this id.", status=404, code="not_found", param="id")
        return owner


def _key(kind: str, id: str) -> str:
    return f"owner:{kind}:{id}"[:512]
