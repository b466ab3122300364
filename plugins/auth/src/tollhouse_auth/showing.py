"""Keys as lists and answers show them: never with a hash, with a secret only when it was just made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from tollhouse import Principal
from tollhouse.edition import Edition

from .record import Record
from .secret import shown
from .settings import ACCESS, AuthLevel, Role

_ROLES: dict[str, Role] = {access: role for role, access in ACCESS.items()}


class Shown(Struct, frozen=True, kw_only=True):
    """One key."""

    name: str
    origin: str
    """`file`, `store` or `token`."""
    state: str
    role: Role = "member"
    secret: str | None = None
    """Only in the answer to what made it."""
    secrets: tuple[str, ...] = ()
    """The public beginnings of its secrets."""
    team: str = ""
    user: str = ""
    tags: tuple[str, ...] = ()
    models: tuple[str, ...] | None = None
    dialects: tuple[str, ...] | None = None
    routes: tuple[str, ...] | None = None
    expires: datetime | None = None
    created: datetime | None = None
    by: str = ""
    revoked: datetime | None = None
    settings: dict[str, Any] = {}

    @classmethod
    def of(cls, principal: Principal) -> Shown:
        """A caller who has no key of their own, but a token."""
        return cls(
            name=principal.key,
            origin="token",
            state="active",
            role=_ROLES[principal.access],
            team=principal.team,
            user=principal.user,
            tags=principal.tags,
            models=principal.models,
            dialects=principal.dialects,
            routes=principal.routes,
        )


def from_store(record: Record, now: float, *, secret: str | None = None) -> Shown:
    """A key of the store."""
    return Shown(
        name=record.name,
        origin="store",
        state=record.state(now),
        role=record.role,
        secret=secret,
        secrets=tuple(shown(one.id) for one in record.secrets if one.until is None or one.until > now),
        team=record.team,
        user=record.user,
        tags=record.tags,
        models=record.models,
        dialects=record.dialects,
        routes=record.routes,
        expires=_at(record.expires),
        created=_at(record.created),
        by=record.by,
        revoked=_at(record.revoked),
        settings=record.settings,
    )


def from_file(edition: Edition, now: float) -> Iterator[Shown]:
    """The keys of gateway.toml."""
    for key in edition.config.keys.values():
        level = next(
            (s.value for s in edition.levels.resolve("auth", key=key.name) if isinstance(s.value, AuthLevel)),
            AuthLevel(),
        )
        over = key.expires is not None and key.expires.timestamp() <= now
        yield Shown(
            name=key.name,
            origin="file",
            state="expired" if over else "active",
            role=level.role,
            team=key.team,
            user=key.user,
            tags=key.tags,
            models=key.models,
            dialects=level.dialects,
            routes=level.routes,
            expires=key.expires,
        )


def _at(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC)
