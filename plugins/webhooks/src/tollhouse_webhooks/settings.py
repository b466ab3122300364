"""`[webhooks.NAME]`: where messages go, which ones, and how they are written and signed."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct
from tollhouse.config import Duration, allows, did_you_mean

from .address import HookUrl, urlsplit_or_none
from .catalogue import TYPES
from .guard import as_network, check_url

Format = Literal["standard", "slack", "discord", "email"]

SHORTEST, LONGEST = 1.0, 60.0
"""Seconds of a timeout."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = ("host", "content-length", "content-type", "transfer-encoding", "connection", "user-agent")
_MAILBOX = re.compile(r"[^\s<>@,;:\"]+@[^\s<>@,;:\"]+")


class Webhook(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One webhook."""

    url: HookUrl
    """Where it posts to: https or http; for mail `smtp://HOST:587` or `smtps://HOST:465`."""
    format: Format = "standard"
    """How messages are written: by Standard Webhooks, for Slack, for Discord, or as mail."""
    secret: str | tuple[str, ...] = ()
    """What signs messages: `whsec_...`, or a list of two while one takes the other's place; only for `standard`."""
    events: tuple[str, ...] = ("*",)
    """Types of messages it gets; `*` stands for anything."""
    team: tuple[str, ...] | str | None = None
    """Only messages about these teams: a name or a list, `*` stands for anything."""
    model: tuple[str, ...] | str | None = None
    """Only messages about these models."""
    key: tuple[str, ...] | str | None = None
    """Only messages about these keys."""
    headers: dict[str, str] = {}
    """Further headers of each message, such as `authorization`."""
    timeout: Duration = Duration("20s")
    """How long one delivery may take: 1 to 60 seconds."""
    allow: tuple[str, ...] = ()
    """Hosts, addresses and networks that are not public and may be posted to all the same."""
    user: str = ""
    """Who logs in at the mail server."""
    password: str = ""
    """The mail server's password."""
    sender: str = ""
    """The address mail comes from."""
    to: tuple[str, ...] | str = ()
    """The addresses mail goes to."""
    starttls: bool = True
    """Whether `smtp://` must encrypt before it says anything; without it no password is sent."""

    def __post_init__(self) -> None:
        """Raises ValueError for what cannot work, with the reason."""
        if not SHORTEST <= float(self.timeout) <= LONGEST:
            raise ValueError(f"timeout must be {SHORTEST:g} to {LONGEST:g} seconds.")
        for pattern in self.events:
            if not any(allows((pattern,), one) for one in TYPES):
                hint = did_you_mean(pattern, TYPES, what="There are")
                raise ValueError(f"events: nothing is called {pattern!r}. {hint}")
        for entry in self.allow:
            if "/" in entry and as_network(entry) is None:
                raise ValueError(f"allow: {entry!r} is no name, address or network.")
        if self.format == "email":
            self._check_mail()
        else:
            self._check_post()
        if self.format == "standard":
            self._check_secrets()
        elif self.secrets:
            raise ValueError(f"secret: {self.format} reads no signatures; leave it out.")

    @property
    def secrets(self) -> tuple[str, ...]:
        """The live secrets, the first signs first."""
        return (self.secret,) if isinstance(self.secret, str) else self.secret

    @property
    def recipients(self) -> tuple[str, ...]:
        """Whom mail goes to."""
        return (self.to,) if isinstance(self.to, str) else self.to

    def gets(self, type_: str) -> bool:
        """Whether it gets messages of this type at all."""
        return allows(self.events, type_)

    def wants(self, type_: str, about: Mapping[str, str]) -> bool:
        """Whether it gets messages of this type about this team, model and key. One that does not say what is
        filtered by does not pass."""
        if not self.gets(type_):
            return False
        filters = (("team", self.team), ("model", self.model), ("key", self.key))
        return all(
            patterns is None or (bool(about.get(name)) and allows(_many(patterns), about[name]))
            for name, patterns in filters
        )

    def _check_post(self) -> None:
        try:
            check_url(str(self.url), self.allow)
        except ValueError as error:
            raise ValueError(f"url: {error}.") from None
        for name in ("user", "password", "sender", "to"):
            if getattr(self, name):
                raise ValueError(f'{name}: only for format = "email".')
        for name, value in self.headers.items():
            lower = name.lower()
            if not _TOKEN.fullmatch(name) or lower in _OURS or lower.startswith("webhook-"):
                raise ValueError(f"headers: {name[:40]!r} cannot be set.")
            if not value.isprintable() or not value.isascii():
                raise ValueError(f"headers: the value of {name} holds what no header may.")

    def _check_secrets(self) -> None:
        if not 1 <= len(self.secrets) <= 2:
            raise ValueError("secret: one is required, two at most. `tollhouse webhooks secret` makes one.")
        for secret in self.secrets:
            try:
                key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
            except (binascii.Error, ValueError):
                key = b""
            if not secret.startswith("whsec_") or not 24 <= len(key) <= 64:
                raise ValueError(
                    "secret: it must be whsec_ and the base64 of 24 to 64 bytes. `tollhouse webhooks secret` makes one."
                )

    def _check_mail(self) -> None:
        scheme, netloc = urlsplit_or_none(str(self.url)) or ("", "")
        if scheme not in ("smtp", "smtps") or "@" in netloc:
            raise ValueError("url: mail needs smtp://HOST:587 or smtps://HOST:465; user and password stand beside it.")
        if self.headers or self.allow:
            raise ValueError("headers and allow are not for mail.")
        for address in (self.sender, *self.recipients):
            if not _MAILBOX.fullmatch(address):
                raise ValueError("sender and to must be mail addresses, such as ops@example.com.")
        if not self.recipients:
            raise ValueError("to: mail needs somebody to go to.")
        if bool(self.user) != bool(self.password):
            raise ValueError("user and password go together.")
        if self.password and scheme == "smtp" and not self.starttls:
            raise ValueError("password: it would travel in the clear; use smtps:// or starttls = true.")


def _many(patterns: tuple[str, ...] | str) -> tuple[str, ...]:
    return (patterns,) if isinstance(patterns, str) else patterns
