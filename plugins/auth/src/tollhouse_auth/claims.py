"""From a token's verified claims to the caller they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tollhouse import Principal, Rejected
from tollhouse.edition import Edition

from .credential import unauthenticated
from .people import team_models
from .settings import ACCESS, JwtIssuer, Role
from .wish import APART

RANK: tuple[Role, ...] = ("member", "viewer", "operator", "admin")
LONGEST = 256
MOST = 200


def principal_of(claims: Mapping[str, Any], issuer: JwtIssuer, edition: Edition) -> Principal:
    """The caller. Raises Rejected: 401 for claims that are not there or not of their kind, 403 for a team that the
    configuration does not know."""
    user = _text(claims, issuer.user)
    if APART in user:
        raise _lacking(issuer.user)
    team = _text(claims, issuer.team) if issuer.team else ""
    if team and team not in edition.config.teams:
        raise Rejected(
            f"Your token says that you are of the team `{team}`, which is unknown here. Ask whoever runs this gateway.",
            status=403,
            code="unknown_team",
        )
    return Principal(
        key=f"{issuer.name}:{user}",
        user=user,
        team=team,
        tags=_texts(claims, issuer.tags) or () if issuer.tags else (),
        models=_needed(claims, issuer.models) if issuer.models else None,
        team_models=team_models(team, edition),
        access=ACCESS[_role(claims, issuer)],
        routes=issuer.routes if issuer.routes is None or "*" not in issuer.routes else None,
    )


def claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, or by a path with dots into nested ones (`realm_access.roles`); None when absent."""
    if name in claims:
        return claims[name]
    value: Any = claims
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _role(claims: Mapping[str, Any], issuer: JwtIssuer) -> Role:
    if not issuer.role:
        return "member"
    held = [issuer.roles[value] for value in _texts(claims, issuer.role) or () if value in issuer.roles]
    return max(held, key=RANK.index, default="member")


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claim(claims, name)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST or not value.isprintable():
        raise _lacking(name)
    return value


def _texts(claims: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    """A claim that is a list of texts, or one text with spaces between its words, as `scope` is (RFC 8693, 4.2)."""
    value = claim(claims, name)
    if isinstance(value, str):
        value = value.split()
    if not isinstance(value, list):
        return None
    return tuple(one for one in value[:MOST] if isinstance(one, str) and 0 < len(one) <= LONGEST)


def _needed(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = _texts(claims, name)
    if value is None:
        raise _lacking(name)
    return value


def bad_token(why: str, code: str = "invalid_token") -> Rejected:
    """The 401 of a token."""
    return unauthenticated(
        f"The token is not accepted: {why}. Get a fresh one from your identity provider.",
        code,
        'Bearer error="invalid_token"',
    )


def _lacking(name: str) -> Rejected:
    return bad_token(f"its claim {name} is not there, or not of the kind this gateway needs")
