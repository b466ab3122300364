"""What happens to keys, as events."""

from __future__ import annotations

from tollhouse.events import Event


class KeyChange(Event, frozen=True, kw_only=True):
    """What all of these say. `at` is when the change was made; `by` is who made it: `key:NAME` or `cli:USER`."""

    key: str
    by: str = ""
    team: str = ""
    user: str = ""
    role: str = ""
    change: str = ""
    """The change's own id: one that is told twice, since a process died in between, has the same."""


class KeyCreated(KeyChange, tag="key.created", frozen=True, kw_only=True):
    """A key was made."""


class KeyRotated(KeyChange, tag="key.rotated", frozen=True, kw_only=True):
    """A key got a new secret; the old one works for a grace period."""


class KeyRevoked(KeyChange, tag="key.revoked", frozen=True, kw_only=True):
    """A key was revoked."""
