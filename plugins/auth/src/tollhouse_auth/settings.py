"""What gateway.toml says of authentication."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct
from tollhouse.config import DurationOrOff
from tollhouse.principal import Access

Role = Literal["member", "viewer", "operator", "admin"]

ACCESS: dict[Role, Access] = {"member": "caller", "viewer": "viewer", "operator": "operator", "admin": "admin"}
"""What the core calls each role."""

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures whose verifier cannot sign: there is no way to ask for `none` or a shared secret."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


class AuthLevel(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`auth` of a key: what it may do beyond its models."""

    role: Role = "member"
    """What it reaches of the gateway itself: `member`, `viewer`, `operator` or `admin`."""
    dialects: tuple[str, ...] | None = None
    """Dialects it may speak; absent all."""
    routes: tuple[str, ...] | None = None
    """Tasks and paths it may call; absent all, but none for a role above `member`; `["*"]` all."""


class JwtIssuer(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One identity provider whose tokens are accepted."""

    issuer: str
    """The `iss` of its tokens, character by character."""
    audience: tuple[str, ...] | str
    """The `aud` of tokens meant for this gateway; of several, one must fit."""
    name: str = "jwt"
    """What its callers' keys are called: `NAME:USER`."""
    jwks_url: str = ""
    """Where its public keys are; default what its discovery document says."""
    algorithms: tuple[Algorithm, ...] = ("RS256", "ES256")
    """Signatures that are accepted, all of them asymmetric."""
    leeway: DurationOrOff = DurationOrOff("30s")
    """How far the two clocks may be apart."""
    user: str = "sub"
    """The claim that names the user; must be in every token."""
    team: str = ""
    """The claim that names the team, one of `[teams]`; once set it must be in every token."""
    tags: str = ""
    """The claim with the tags."""
    models: str = ""
    """The claim with the models the caller may use; once set it must be in every token."""
    role: str = ""
    """The claim that `roles` reads."""
    roles: dict[str, Role] = {}
    """Roles by a value of that claim; of several the highest holds, without one `member`."""
    routes: tuple[str, ...] | None = None
    """Tasks and paths its callers may call; absent all."""

    def __post_init__(self) -> None:
        if not self.issuer or not self.audience or not self.algorithms or not self.user:
            raise ValueError("issuer, audience, algorithms and user must not be empty.")
        if not _NAME.match(self.name):
            raise ValueError('name is letters, digits, ".", "_" and "-".')
        if bool(self.role) != bool(self.roles):
            raise ValueError("role names the claim and roles says what its values mean: one needs the other.")
        url = self.jwks_url or self.issuer
        if not safe_url(url):
            raise ValueError(f"{url} must begin with https:// (http:// is for this machine only).")

    @property
    def audiences(self) -> list[str]:
        """The audiences as a list."""
        return [self.audience] if isinstance(self.audience, str) else list(self.audience)


class AuthSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[auth]`."""

    pepper: str = ""
    """What stored keys are hashed with, at least 16 characters and the same on every node; default $TOLLHOUSE_PEPPER,
    else a file `pepper` beside the store, made once."""
    end_users: bool = False
    """Whether the end user a body names is written down for keys without a user, as `KEY#END-USER`."""
    jwt: JwtIssuer | tuple[JwtIssuer, ...] = ()
    """Identity providers whose tokens are accepted: one table, or several."""

    def __post_init__(self) -> None:
        if self.pepper and len(self.pepper) < SHORTEST_PEPPER:
            raise ValueError(f"pepper must have at least {SHORTEST_PEPPER} characters.")
        names = [issuer.name for issuer in self.issuers]
        urls = [issuer.issuer for issuer in self.issuers]
        if len(set(names)) < len(names) or len(set(urls)) < len(urls):
            raise ValueError("two issuers in jwt share a name or an issuer; give each its own.")

    @property
    def issuers(self) -> tuple[JwtIssuer, ...]:
        """The issuers, one or several."""
        return (self.jwt,) if isinstance(self.jwt, JwtIssuer) else self.jwt


SHORTEST_PEPPER = 16


def safe_url(url: str) -> bool:
    """Whether public keys may be fetched there: nobody on the way can put in their own."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost"))
    )
