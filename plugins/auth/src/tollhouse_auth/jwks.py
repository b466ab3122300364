"""An identity provider's public keys: fetched when needed, kept while they may be right.

Facts of the formats: RFC 7517 (JWK Set) and OpenID Connect Discovery 1.0, section 4.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import jwt
import msgspec
from tollhouse import ProviderError
from tollhouse.config import Duration, Timeouts
from tollhouse.transport import Call, Transport

from .settings import JwtIssuer, safe_url

log = logging.getLogger("tollhouse.auth")

FRESH = 600.0
"""Seconds keys are used before they are fetched anew, beside the requests that still use them."""
STALE = 86400.0
"""Seconds they are used when fetching anew does not work."""
PAUSE = 30.0
"""Fewest seconds between two fetches for keys nobody has heard of, so that made-up ones cost nothing."""
RETRY = 2.0
"""Fewest seconds between two fetches after one that failed."""
LONGEST = 3.0
"""Seconds a fetch may take, discovery included: less than the hook's own limit."""
LARGEST = 1 << 20
MOST = 200

_TIMEOUTS = Timeouts(connect=Duration("2s"), first_byte=Duration("3s"), idle=Duration("3s"), total=Duration("3s"))


class KeysAway(Exception):
    """The issuer's keys cannot be had, and none are known."""


class KeySet:
    """One issuer's keys. At most one fetch is under way at a time."""

    def __init__(self, issuer: JwtIssuer, transport: Transport, monotonic: Callable[[], float]) -> None:
        self._issuer, self._transport, self._now = issuer, transport, monotonic
        self._keys: dict[str, dict[str, Any]] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._failed = False
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str, algorithm: str) -> jwt.PyJWK | None:
        """The key of this id for this algorithm; without an id the only one that fits. None when there is none, even
        after asking anew. Raises KeysAway."""
        age = self._now() - self._fetched_at
        if age > STALE:
            await self._fetch()
            if self._now() - self._fetched_at > STALE:
                raise KeysAway
        elif age > FRESH and self._may_try():
            self._begin()
        found = self._pick(kid, algorithm)
        if found is None and self._now() - self._tried_at > PAUSE:
            await self._fetch()
            found = self._pick(kid, algorithm)
        return found

    async def close(self) -> None:
        """End what is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])

    def _pick(self, kid: str, algorithm: str) -> jwt.PyJWK | None:
        fitting = []
        for name, key in self._keys.items():
            if kid and name != kid:
                continue
            if key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
                continue
            try:
                made = jwt.PyJWK.from_dict(key, algorithm=algorithm)
            except (jwt.PyJWTError, ValueError, TypeError, KeyError):
                continue  # of another family than the algorithm, or broken: not a key for this token
            fitting.append(made)
        return fitting[0] if len(fitting) == 1 else None

    def _may_try(self) -> bool:
        return self._now() - self._tried_at > (RETRY if self._failed else 0.0)

    async def _fetch(self) -> None:
        if self._fetching is None or self._fetching.done():
            if not self._may_try():
                return
            self._begin()
        assert self._fetching is not None
        await asyncio.shield(self._fetching)

    def _begin(self) -> None:
        if self._fetching is None or self._fetching.done():
            self._tried_at = self._now()
            self._fetching = asyncio.get_running_loop().create_task(self._load())

    async def _load(self) -> None:
        try:
            async with asyncio.timeout(LONGEST):
                url = self._issuer.jwks_url or await self._discovered()
                keys = _signing_keys(await self._get(url))
        except (ProviderError, TimeoutError, OSError, ValueError) as error:
            self._failed = True
            log.warning("the keys of %s cannot be fetched: %s", self._issuer.issuer, error or "it took too long")
            return
        self._failed = False
        self._keys, self._fetched_at = keys, self._now()

    async def _discovered(self) -> str:
        issuer = self._issuer.issuer
        document = await self._get(issuer.rstrip("/") + "/.well-known/openid-configuration")
        url = document.get("jwks_uri", "")
        if document.get("issuer") != issuer:
            raise ValueError(f"its discovery document is about {str(document.get('issuer'))[:100]!r}")
        if not isinstance(url, str) or not safe_url(url):
            raise ValueError("its jwks_uri is no https:// address")
        return url

    async def _get(self, url: str) -> dict[str, Any]:
        headers = [("accept", "application/json"), ("user-agent", "tollhouse")]
        response = await self._transport.open(Call("GET", url, headers, timeouts=_TIMEOUTS))
        try:
            body = await response.read(LARGEST)
            if response.status != 200:
                raise ValueError(f"{url} answers {response.status}")
        finally:
            await response.close()
        try:
            return msgspec.json.decode(body, type=dict[str, Any])
        except (msgspec.MsgspecError, RecursionError):
            raise ValueError(f"{url} answers with something else than a JSON object") from None


def _signing_keys(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Keys by their id; symmetric ones are left out: who may verify with them could sign."""
    keys = document.get("keys")
    found: dict[str, dict[str, Any]] = {}
    for number, key in enumerate(keys[:MOST] if isinstance(keys, list) else ()):
        if isinstance(key, dict) and key.get("kty") in ("RSA", "EC", "OKP"):
            found[str(key.get("kid") or f"#{number}")] = key
    if not found:
        raise ValueError("its document holds no public key")
    return found
