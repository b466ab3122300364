"""Callers with a token of an identity provider: JSON Web Tokens (RFC 7519) as OpenID Connect issues them."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import jwt
from tollhouse import Principal, Rejected
from tollhouse.clock import Clock
from tollhouse.edition import Edition
from tollhouse.transport import Transport

from .claims import bad_token, principal_of
from .jwks import KeysAway, KeySet
from .settings import JwtIssuer

log = logging.getLogger("tollhouse.auth")

KEPT = 60.0
"""Seconds a verdict on a token is kept, but never past the token's end."""
ROOM = 10_000
LONGEST = 16_384
"""Characters of the longest token that is read."""


class Tokens:
    """Verifies tokens of the configured issuers. Verdicts are kept by the hash of the whole token."""

    def __init__(self, issuers: Sequence[JwtIssuer], transport: Transport, clock: Clock) -> None:
        self._clock = clock
        self._issuers = {one.issuer: (one, KeySet(one, transport, clock.monotonic)) for one in issuers}
        self._verdicts: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()

    def takes(self, credential: str) -> bool:
        """Whether this may be a token for us to judge: three parts, when there are issuers."""
        return bool(self._issuers) and credential.startswith("ey") and credential.count(".") == 2

    async def find(self, token: str, edition: Edition) -> Principal | None:
        """The caller. Raises Rejected: 401 for a token that does not hold, 403 for a caller who may nothing here, 503
        while the issuer's keys cannot be had."""
        now = self._clock.time()
        digest = hashlib.sha256(token.encode()).digest()
        principal, until = self._verdicts.get(digest, (None, 0.0))
        if principal is not None and now < until:
            return principal
        issuer, claims = await self._verified(token)
        principal = principal_of(claims, issuer, edition)
        self._verdicts[digest] = principal, min(now + KEPT, float(claims["exp"]) + float(issuer.leeway))
        self._verdicts.move_to_end(digest)
        if len(self._verdicts) > ROOM:
            self._verdicts.popitem(last=False)
        return principal

    async def close(self) -> None:
        """End what is under way."""
        for _, keys in self._issuers.values():
            await keys.close()

    async def _verified(self, token: str) -> tuple[JwtIssuer, dict[str, Any]]:
        if len(token) > LONGEST:
            raise bad_token("it is too long")
        try:
            head = jwt.get_unverified_header(token)
            named = jwt.decode(token, options={"verify_signature": False}).get("iss")
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise bad_token("it cannot be read") from None
        issuer, keys = self._issuers.get(named, (None, None)) if isinstance(named, str) else (None, None)
        if issuer is None or keys is None:
            raise bad_token("its issuer is not one that this gateway trusts")
        algorithm, kid = head.get("alg"), head.get("kid", "")
        if algorithm not in issuer.algorithms or not isinstance(kid, str):
            raise bad_token("its algorithm is not one that this gateway accepts")
        try:
            key = await keys.find(kid, algorithm)
        except KeysAway:
            raise Rejected(
                "The gateway cannot check tokens right now, since their issuer does not answer. Try again shortly.",
                status=503,
                type="server_error",
                code="auth_unavailable",
                retry_after=2.0,
            ) from None
        if key is None:
            raise bad_token("its issuer has no such key")
        return issuer, self._decoded(token, key, algorithm, issuer)

    def _decoded(self, token: str, key: jwt.PyJWK, algorithm: str, issuer: JwtIssuer) -> dict[str, Any]:
        now = self._clock.time()
        leeway = float(issuer.leeway)
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=issuer.audiences,
                issuer=issuer.issuer,
                options={
                    "require": ["exp", "iss", "aud"],
                    "verify_exp": False,  # below, by the gateway's clock
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
            ends, begins = float(claims["exp"]), float(claims.get("nbf", 0))
        except jwt.InvalidAudienceError:
            raise bad_token("it is meant for somebody else") from None
        except jwt.MissingRequiredClaimError as error:
            raise bad_token(f"it lacks the claim {error.claim}") from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
            raise bad_token("its signature or its claims do not hold") from None
        if not now < ends + leeway:
            raise bad_token("it has expired", code="expired_token")
        if not begins - leeway <= now:
            raise bad_token("it is not valid yet")
        return claims
