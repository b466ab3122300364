"""Callers with a key from the store."""

from __future__ import annotations

import asyncio
import logging

from tollhouse import ConfigError, Principal, Rejected, StoreError
from tollhouse.edition import Edition
from tollhouse.gateway import Gateway

from .credential import unauthenticated
from .keyring import KEYS, TOPIC
from .lookup import Lookup
from .people import expired, from_record
from .pepper import check_pepper
from .record import Live
from .secret import PREFIX, Secrets, shown

log = logging.getLogger("tollhouse.auth")

AGAIN = 1.0
"""Seconds between tries while the store is away, and what a caller is asked to wait."""


class StoredKeys:
    """Recognises keys of the store for one edition."""

    def __init__(self, gateway: Gateway, edition: Edition, secrets: Secrets) -> None:
        self._gateway, self._edition, self._secrets = gateway, edition, secrets
        self._lookup = Lookup(gateway.store, gateway.clock.monotonic)
        self.expected = True
        """Whether there are such keys, or may be."""
        self.checked = False

    async def check(self) -> None:
        """Raises ConfigError when the keys in the store were made with another pepper, or one has the name of a key in
        the file; StoreError when nobody can say."""
        store, names = self._gateway.store, list(self._edition.config.keys)
        self.expected = await check_pepper(store, self._secrets)
        values = await store.get(*(KEYS + name for name in names)) if names else []
        for name, value in zip(names, values, strict=True):
            if value is not None:
                raise ConfigError(
                    "a key of this name is in the store too.",
                    path=f"keys.{name}",
                    hint="Rename the one here. A name of the store stays taken for 30 days after it was revoked.",
                )
        self.checked = True

    async def find(self, credential: str) -> Principal | None:
        """The caller; None for what is no key of ours. Raises Rejected: 401 for a key that is known and over, 503 when
        the store cannot say."""
        id_ = self._secrets.id_of(credential)
        if id_ is None:
            if credential.startswith(PREFIX):
                raise _unknown()
            return None
        self.expected = True
        try:
            known = await self._lookup.find(id_)
        except StoreError as error:
            log.debug("a key could not be looked up: %s", error)
            raise _away() from None
        if known is None:
            raise _unknown()
        record = known.record
        now = self._gateway.clock.time()
        live = next((one for one in record.secrets if one.id == id_), None)
        if live is None or not self._secrets.fits(credential, live.hash):
            raise _unknown()
        _check_alive(record.name, record.revoked, live, now)
        if record.expires is not None and record.expires <= now:
            raise expired(record.name, record.expires)
        if known.principal is None:
            known.principal = from_record(record, self._edition)
        return known.principal

    async def listen(self) -> None:
        """Forget keys as soon as somebody says that they have changed. Checks first what could not be checked when the
        gateway started."""
        while not self.checked:
            await asyncio.sleep(AGAIN)
            try:
                await self.check()
            except StoreError as error:
                log.debug("the keys in the store cannot be used yet: %s", error)
            except ConfigError as error:
                log.error("%s", error)
                break
        while True:
            subscription = self._gateway.store.subscribe(TOPIC)
            try:
                async for _, name in subscription:
                    self._lookup.forget(name.decode())
            except StoreError as error:
                log.debug("word about keys does not come: %s", error)
            finally:
                await subscription.aclose()
            await asyncio.sleep(AGAIN)

    async def close(self) -> None:
        """End what is under way."""
        await self._lookup.close()


def _check_alive(name: str, revoked: float | None, live: Live, now: float) -> None:
    if revoked is not None:
        raise unauthenticated(
            f"The API key `{name}` was revoked. Ask whoever runs this gateway for a new one.",
            code="revoked_api_key",
        )
    if live.until is not None and live.until <= now:
        raise unauthenticated(
            f"The API key `{name}` was rotated, and this secret ({shown(live.id)}…) is its old one. Use the new one.",
            code="rotated_api_key",
        )


def _unknown() -> Rejected:
    return unauthenticated(
        "This API key is not known here. Check that it was copied whole, and that it is meant for this gateway.",
        code="invalid_api_key",
    )


def _away() -> Rejected:
    return Rejected(
        "The gateway cannot check API keys right now; the key may well be right. Try again shortly.",
        status=503,
        type="server_error",
        code="auth_unavailable",
        retry_after=AGAIN,
    )
