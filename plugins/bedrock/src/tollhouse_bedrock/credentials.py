"""Proving to AWS who asks: a signature by botocore's signer, with keys from wherever AWS's tools find them. botocore is
imported when a provider is configured that needs it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from tollhouse import ProviderError

SERVICE = "bedrock"
"""The name under which calls are signed."""

_LARGE = 1024 * 1024
"""Bytes of a body beyond which it is hashed off the loop."""


class Signature:
    """Signature Version 4, with one access key or those of a chain, which may change while the gateway runs."""

    def __init__(self, region: str, source: Keys | Chain) -> None:
        self._region, self._source = region, source
        # at its debug level the signer writes down what it signs, session tokens included
        logging.getLogger("botocore.auth").setLevel(logging.INFO)

    async def headers(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        """The headers to send, names in lower case: these, and those that prove. They sign these, the address and the
        body. Raises `ProviderError(kind="credentials")` when no keys can be had."""
        keys = await self._source.keys()
        if len(body) > _LARGE:
            return await asyncio.to_thread(self._signed, keys, method, url, headers, body)
        return self._signed(keys, method, url, headers, body)

    def _signed(self, keys: Any, method: str, url: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        from botocore.auth import SigV4Auth  # type: ignore[import-untyped]
        from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]

        request = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
        SigV4Auth(keys, SERVICE, self._region).add_auth(request)
        return {name.lower(): str(value) for name, value in request.headers.items()}


class Keys:
    """One access key."""

    def __init__(self, access_key: str, secret_key: str, session_token: str) -> None:
        from botocore.credentials import Credentials  # type: ignore[import-untyped]

        self._keys = Credentials(access_key, secret_key, session_token or None)

    async def keys(self) -> Any:
        """The key."""
        return self._keys


class Chain:
    """The credentials that AWS's tools would find, looked for off the loop when the first call needs them: they may
    be asked of another service, and are renewed before they expire."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._found: Any = None
        self._looking = asyncio.Lock()

    async def keys(self) -> Any:
        """Keys that are valid now. Raises `ProviderError(kind="credentials")`."""
        from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]

        try:
            found = await self._resolved()
            renewing = getattr(found, "refresh_needed", None)
            if renewing is not None and renewing():
                return await asyncio.to_thread(found.get_frozen_credentials)
            return found.get_frozen_credentials()
        except BotoCoreError as error:
            raise ProviderError(
                f"the gateway's AWS credentials cannot be had: {type(error).__name__}", kind="credentials"
            ) from error

    async def _resolved(self) -> Any:
        async with self._looking:
            if self._found is None:
                self._found = await asyncio.to_thread(self._session.get_credentials)
            if self._found is None:
                raise ProviderError("the gateway has found no AWS credentials", kind="credentials")
            return self._found
