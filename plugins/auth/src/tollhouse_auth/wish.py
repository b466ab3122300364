"""What somebody wants a new key to be, checked against the configuration before anything is written."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct
from tollhouse import ConfigError, Rejected
from tollhouse.config import did_you_mean
from tollhouse.edition import Edition

from .settings import Role

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z", re.ASCII)
APART = "#"
"""Stands between a key and its end user, and so in no user's own name."""

Word = Annotated[str, Meta(min_length=1, max_length=256)]
Few = Annotated[tuple[Word, ...], Meta(max_length=200)]


class Wish(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A key to be made; also the body of `POST /admin/v1/keys`. Nothing else can be wished for."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    team: Annotated[str, Meta(max_length=256)] = ""
    user: Annotated[str, Meta(max_length=256)] = ""
    tags: Few = ()
    models: Few | None = None
    dialects: Few | None = None
    routes: Few | None = None
    expires: Annotated[datetime, Meta(tz=True)] | None = None
    role: Role = "member"
    settings: dict[str, Any] = {}
    """What it says to plugins, by plugin name, as in `[keys.NAME]`."""


def check(wish: Wish, edition: Edition, now: float) -> None:
    """Raises Rejected (400) for what the configuration does not know; nothing is made then."""
    config = edition.config
    if not NAME.match(wish.name):
        raise wrong('A key\'s name is up to 64 letters, digits, ".", "_" and "-".', "name")
    if wish.name in config.keys:
        raise Rejected(
            f"The key `{wish.name}` stands in {edition.loaded.path.name} already; take another name.",
            status=409,
            code="key_exists",
            param="name",
        )
    if wish.team and wish.team not in config.teams:
        raise wrong(f"There is no team `{wish.team}`. {did_you_mean(wish.team, config.teams, what='Teams')}", "team")
    check_user(wish.user, "user")
    for tag in wish.tags:
        if not tag.isprintable():
            raise wrong("A tag has printable characters only.", "tags")
    for model in wish.models or ():
        _check_model(model, edition)
    _check_words(wish.dialects, edition.dialects, "dialects")
    known = tasks(edition)
    _check_words([r for r in wish.routes or () if r != "*" and not r.startswith("/")], known, "routes")
    if wish.expires is not None and wish.expires.timestamp() <= now:
        raise wrong(f"{wish.expires.isoformat()} is in the past.", "expires")
    for plugin, raw in wish.settings.items():
        if plugin == "auth":
            raise wrong("What `auth` would say is a field of the key itself: role, dialects, routes.", "settings.auth")
        if not edition.levels.takes(plugin):
            raise wrong(
                f"The plugin `{plugin}` is not loaded, or takes no settings of a key; list it in plugins, or leave "
                "its setting out.",
                f"settings.{plugin}",
            )
        try:
            edition.levels.read(plugin, raw, key=wish.name, team=wish.team)
        except ConfigError as error:
            raise wrong(str(error), f"settings.{plugin}") from None


def check_user(user: str, param: str) -> None:
    """Raises Rejected for a user's name that could be taken for something else."""
    if APART in user or not user.isprintable():
        raise wrong(f'A user\'s name has printable characters and no "{APART}".', param)


def tasks(edition: Edition) -> list[str]:
    """What a key's `routes` may name, beside paths."""
    found = {route.task for dialect in edition.dialects.values() for route in dialect.routes}
    return sorted({*found, "passthrough"} - {"models"})


def wrong(message: str, param: str) -> Rejected:
    """A 400 about one field."""
    return Rejected(message.strip(), code="invalid_key", param=param)


def _check_words(given: Iterable[str] | None, known: Collection[str], param: str) -> None:
    for word in given or ():
        if word not in known:
            raise wrong(f"`{word}` is unknown in {param}. {did_you_mean(word, known)}", param)


def _check_model(name: str, edition: Edition) -> None:
    config = edition.config
    provider, slash, model = name.partition("/")
    undeclared = config.undeclared_models or not config.models
    if "*" in name or name in config.models or (undeclared and slash and model and provider in config.providers):
        return
    raise wrong(f"There is no model `{name}`. {did_you_mean(name, config.models, what='Models')}", "models")
