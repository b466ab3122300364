"""What `[admin]` may say."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from tollhouse.config import Size


class AdminSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[admin]`."""

    recent: Annotated[int, Meta(ge=1, le=50_000)] = 1000
    """Requests that each worker remembers, to be listed and looked into."""
    hosts: tuple[str, ...] = ()
    """Host names by which the admin API may be addressed, besides IP addresses, `localhost` and the one of
    `server.listen`; a page that tricks a browser by DNS comes by another."""
    capture: bool = False
    """Whether the remembered requests keep the beginning of what was asked and answered, credentials redacted."""
    capture_teams: tuple[str, ...] = ()
    """Only of these teams; with `capture_keys` empty too, of everybody."""
    capture_keys: tuple[str, ...] = ()
    """Only of these keys; with `capture_teams` empty too, of everybody."""
    capture_bytes: Size = Size("16 KiB")
    """Longest beginning of a request, and of a reply, that is kept."""
