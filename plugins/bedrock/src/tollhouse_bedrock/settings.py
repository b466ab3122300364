"""What may be said in `[providers.NAME]`."""

from __future__ import annotations

import msgspec


class BedrockSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An AWS account's Bedrock in one region. Exactly one way to prove who asks: `api_key`, `access_key` with
    `secret_key`, or AWS's default chain of credentials, in `profile` if one is named."""

    region: str = ""
    """The AWS region (`us-east-1`), for the address and the signature. Unless said, that of `profile`, or of
    AWS_DEFAULT_REGION."""
    api_key: str = ""
    """A Bedrock API key, sent as a bearer token."""
    api_keys: list[str] = []
    """Several API keys, used in turn; one that is turned away rests."""
    access_key: str = ""
    """An access key's id, which signs every call (Signature Version 4)."""
    secret_key: str = ""
    """The access key's secret."""
    session_token: str = ""
    """The session token of temporary credentials."""
    profile: str = ""
    """A profile of AWS's configuration files, with all it may say: roles, single sign-on, a process."""
    base_url: str = ""
    """Where the API lives, the region's public address unless said; for VPC endpoints and proxies."""
    headers: dict[str, str] = {}
    """More headers for every call."""
