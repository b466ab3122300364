"""What may be said in `[providers.NAME]`."""

from __future__ import annotations

import msgspec


class GeminiSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An account at the Gemini API, or at a host that speaks its dialect."""

    api_key: str = ""
    """The credential, sent as `x-goog-api-key`."""
    api_keys: list[str] = []
    """Several credentials, used in turn; one that is turned away rests."""
    base_url: str = "https://generativelanguage.googleapis.com"
    """Where the API lives, without its version."""
    api_version: str = "v1beta"
    """The version in every address; `v1` has no JSON Schema for functions and answers."""
    headers: dict[str, str] = {}
    """More headers for every call."""
