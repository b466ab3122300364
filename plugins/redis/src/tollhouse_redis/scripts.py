"""The two scripts that run inside Redis, put together from their parts."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import NamedTuple

_CLAIMS = ("common", "counters", "outbox_post", "ledger_book", "claims", "dispatch")
_STATE = ("common", "values", "logs", "outbox", "ledger", "dispatch")


class Script(NamedTuple):
    """A script's source, and the name that Redis keeps it under."""

    source: bytes
    sha: bytes


def _script(*parts: str) -> Script:
    folder = files(__package__) / "scripts"
    source = b"".join((folder / f"{part}.lua").read_bytes() for part in parts)
    return Script(source, hashlib.sha1(source, usedforsecurity=False).hexdigest().encode())


CLAIMS = _script(*_CLAIMS)
"""claim, settle, renew, expired, levels."""
STATE = _script(*_STATE)
"""Values, logs, leaders, messages, the outbox, and reading the ledger."""
