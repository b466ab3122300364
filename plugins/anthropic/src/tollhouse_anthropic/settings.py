"""What may be said in `[anthropic]` and in `[providers.NAME]`."""

from __future__ import annotations

from typing import Annotated

import msgspec

DEFAULT_MAX_TOKENS = 4096
"""The `max_tokens` of a request whose caller named none: every Claude model allows so many."""


BASE_URL = "https://api.anthropic.com"
"""Anthropic's own address, where every call needs a key."""


class AnthropicSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The dialect."""

    max_tokens: Annotated[int, msgspec.Meta(ge=1)] = DEFAULT_MAX_TOKENS
    """The most output tokens for a request of another dialect that names no maximum; Anthropic requires one."""


class HostSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An account at Anthropic, or at a host that speaks its dialect."""

    api_key: str = ""
    """The credential, sent as `x-api-key`. Required unless `base_url` is given."""
    api_keys: list[str] = []
    """Several credentials, used in turn; one that is turned away rests."""
    base_url: str = BASE_URL
    """Where the API lives, without its version."""
    version: str = "2023-06-01"
    """Sent as `anthropic-version` when the caller names none."""
    beta: list[str] = []
    """Sent as `anthropic-beta` with every call, beside what the caller asks for."""
    headers: dict[str, str] = {}
    """More headers for every call."""
