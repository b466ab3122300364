"""From keys to principals: who a caller is, and what the configuration lets them do."""

from __future__ import annotations

import hmac
import logging
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

from tollhouse import ConfigError, Principal, Rejected
from tollhouse.config import Key, Said
from tollhouse.edition import Edition

from .credential import unauthenticated
from .record import Record
from .settings import ACCESS, AuthLevel
from .wish import APART

log = logging.getLogger("tollhouse.auth")


class FileKeys:
    """The keys of gateway.toml. They need no store; their secrets are kept as hashes by a random key of this
    process, so that looking one up tells nothing of the others."""

    def __init__(self, edition: Edition, levels: Mapping[str, AuthLevel]) -> None:
        """Raises ConfigError for a key that could be taken for another's end user."""
        self._salt = secrets.token_bytes(32)
        self._keys: dict[bytes, tuple[Principal, float | None]] = {}
        for key in edition.config.keys.values():
            if APART in key.user:
                raise ConfigError(f'a user\'s name has no "{APART}".', path=f"keys.{key.name}.user")
            level = levels.get(key.name, AuthLevel())
            expires = key.expires.timestamp() if key.expires else None
            self._keys[self._hash(key.secret)] = (_from_file(key, level, edition), expires)

    def find(self, credential: str, now: float) -> Principal | None:
        """The caller with this secret. Raises Rejected when it has expired."""
        principal, expires = self._keys.get(self._hash(credential), (None, None))
        if principal is not None and expires is not None and expires <= now:
            raise expired(principal.key, expires)
        return principal

    def _hash(self, secret: str) -> bytes:
        return hmac.digest(self._salt, secret.encode(), "sha256")


def from_record(record: Record, edition: Edition) -> Principal:
    """The caller a stored key stands for. Raises Rejected (403) when the configuration has changed under it so that
    nobody can say what it may do."""
    if record.team and record.team not in edition.config.teams:
        log.error("the key %s is of the team %s, which the configuration does not know", record.name, record.team)
        raise _unfit(record.name, f"its team `{record.team}` does not exist any more")
    return Principal(
        key=record.name,
        user=record.user,
        team=record.team,
        tags=record.tags,
        models=record.models,
        team_models=team_models(record.team, edition),
        access=ACCESS[record.role],
        dialects=record.dialects,
        routes=record.routes,
        settings=_settings(record, edition),
    )


def team_models(team: str, edition: Edition) -> tuple[str, ...] | None:
    """The models a team may use."""
    return edition.config.teams[team].models if team else None


def expired(name: str, at: float) -> Rejected:
    """The 401 of a key whose time is over."""
    return unauthenticated(
        f"The API key `{name}` expired on {datetime.fromtimestamp(at, UTC):%Y-%m-%d at %H:%M UTC}. Ask whoever runs "
        "this gateway for a new one.",
        code="expired_api_key",
    )


def _from_file(key: Key, level: AuthLevel, edition: Edition) -> Principal:
    routes = level.routes
    if routes is None and level.role != "member":
        routes = ()
    return Principal(
        key=key.name,
        user=key.user,
        team=key.team,
        tags=key.tags,
        models=key.models,
        team_models=team_models(key.team, edition),
        access=ACCESS[level.role],
        dialects=level.dialects,
        routes=None if routes is not None and "*" in routes else routes,
    )


def _settings(record: Record, edition: Edition) -> dict[str, Said]:
    said = {}
    for plugin, raw in record.settings.items():
        if not edition.levels.takes(plugin):
            _say_once(edition, plugin)
            continue
        try:
            said[plugin] = edition.levels.read(plugin, raw, key=record.name, team=record.team)
        except ConfigError as error:
            log.error("the key %s cannot be used: %s", record.name, error)
            raise _unfit(record.name, f"what it says to `{plugin}` does not fit the configuration any more") from None
    return said


def _say_once(edition: Edition, plugin: str) -> None:
    def say() -> bool:
        log.warning("keys in the store have settings of %s, which is not loaded: they mean nothing", plugin)
        return True

    edition.gateway.keep(f"auth.unloaded.{plugin}", say)


def _unfit(name: str, why: str) -> Rejected:
    return Rejected(
        f"The API key `{name}` cannot be used: {why}. Whoever runs this gateway must change one of the two.",
        status=403,
        code="key_unusable",
    )
