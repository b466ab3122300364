"""The plugin: asks every caller who they are, and brings what manages keys."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tollhouse import ConfigError, Endpoint, Exchange, Principal, StoreError, hookimpl
from tollhouse.config import did_you_mean
from tollhouse.edition import Edition
from tollhouse.gateway import Gateway
from tollhouse.neutral import Chat, Embed

from .credential import read_credential
from .endpoints import KeyEndpoints
from .keyring import Keyring
from .people import FileKeys
from .pepper import find_pepper
from .secret import Secrets
from .settings import AuthLevel, AuthSettings
from .stored import StoredKeys
from .telling import tell
from .tokens import Tokens
from .wish import APART, tasks

log = logging.getLogger("tollhouse.auth")

LONGEST_USER = 64
"""Characters of an end user that are written down."""


class Auth:
    """Who may call: keys of the file, keys of the store, and tokens of an identity provider."""

    Settings = AuthSettings
    Level = AuthLevel

    def __init__(self, settings: AuthSettings) -> None:
        self.settings = settings
        self._endpoints = KeyEndpoints()
        self._started = False
        self._work: list[asyncio.Task[None]] = []

    @property
    def needs_store(self) -> bool:
        """Whether callers are turned away while the store is down: when there are stored keys, or may be."""
        return self._started and self._stored.expected

    @hookimpl
    async def startup(self, gateway: Gateway, edition: Edition) -> None:
        """Raises ConfigError for a pepper that is not the stored keys' own, and for a name in both file and store."""
        self._files = FileKeys(edition, _levels(edition))
        secrets = Secrets(find_pepper(self.settings.pepper, os.environ, edition.config.store.url))
        self._stored = StoredKeys(gateway, edition, secrets)
        self._tokens = Tokens(self.settings.issuers, gateway.transport, gateway.clock)
        self._clock = gateway.clock
        try:
            await self._stored.check()
        except StoreError as error:
            log.warning("the keys in the store cannot be used yet: %s", error)
        self.keyring = Keyring(gateway.store, secrets, gateway.clock)
        self._endpoints.open(self.keyring, edition, gateway.clock)
        self._work = [
            gateway.spawn(self._stored.listen, name="auth.listen"),
            gateway.spawn(lambda: tell(gateway), name="auth.tell", each="cluster"),
        ]
        self._started = True

    @hookimpl
    async def shutdown(self) -> None:
        """Stop listening."""
        if not self._started:
            return
        for task in self._work:
            task.cancel()
        await asyncio.wait(self._work)
        await self._stored.close()
        await self._tokens.close()

    @hookimpl
    def endpoints(self) -> Sequence[Endpoint]:
        """The routes that manage keys."""
        return self._endpoints.routes()

    @hookimpl
    async def authenticate(self, exchange: Exchange) -> Principal | None:
        """By the credential's own shape: a key of the file, a token, a key of the store; None for anything else."""
        credential = read_credential(exchange.headers, exchange.query)
        if not credential:
            return None
        principal = self._files.find(credential, self._clock.time())
        if principal is None and self._tokens.takes(credential):
            principal = await self._tokens.find(credential, exchange.edition)
        return principal or await self._stored.find(credential)

    @hookimpl
    async def admit(self, exchange: Exchange) -> None:
        """Write down the end user, below the key's own name, so that no caller can spend as somebody else."""
        principal = exchange.principal
        if not self.settings.end_users or principal.user or not principal.key:
            return
        body = exchange.request.body if exchange.request.raw else None
        if isinstance(body, Chat | Embed) and body.user:
            end_user = "".join(c for c in body.user if c.isprintable())[:LONGEST_USER]
            exchange.principal = replace(principal, user=f"{principal.key}{APART}{end_user}")


def _levels(edition: Edition) -> Mapping[str, AuthLevel]:
    """What the file says of its keys. Raises ConfigError for what is said elsewhere, or names no dialect or task."""
    levels: dict[str, AuthLevel] = {}
    for said in edition.levels.said():
        if not isinstance(said.scoped.value, AuthLevel):
            continue
        if said.scoped.level != "key":
            raise ConfigError("belongs to a key: [keys.NAME].", path=said.path)
        level = levels[said.scoped.name] = said.scoped.value
        routes = [route for route in level.routes or () if route != "*" and not route.startswith("/")]
        for field, given, known in (
            ("dialects", level.dialects or (), list(edition.dialects)),
            ("routes", routes, tasks(edition)),
        ):
            for word in given:
                if word not in known:
                    raise ConfigError(f'unknown "{word}".', path=f"{said.path}.{field}", hint=did_you_mean(word, known))
    return levels
