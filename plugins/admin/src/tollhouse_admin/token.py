"""The key of the admin API where no plugin authenticates: made once, in a file that only its owner reads."""

from __future__ import annotations

import secrets
from hmac import compare_digest
from pathlib import Path

from tollhouse import ConfigError
from tollhouse.secret_file import make_once

FILE = "admin-token"
SHORTEST = 32


def token_file(store_url: str) -> Path:
    """Beside the SQLite file of the store, else in `.tollhouse`."""
    scheme, _, rest = store_url.partition(":")
    folder = Path(rest).parent if scheme == "sqlite" and rest else Path(".tollhouse")
    return folder / FILE


def find_token(file: Path) -> str:
    """The token of this file, made if there is none. Raises ConfigError when it cannot be used, or read by others."""
    try:
        make_once(file, f"adm_{secrets.token_urlsafe(32)}")
        mode = file.stat().st_mode & 0o077
        token = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the admin token {file} cannot be used: {type(error).__name__}.",
            path="plugins",
            hint='Make its folder writable, or list a plugin that authenticates, such as "auth".',
        ) from None
    if mode:
        raise ConfigError(f"the admin token {file} can be read by others.", hint=f"Run: chmod 600 {file}")
    if len(token) < SHORTEST:
        raise ConfigError(f"the admin token {file} is too short.", hint="Delete the file; a new one is made.")
    return token


def same(given: str, token: str) -> bool:
    """Whether this is the token; takes as long for a near miss as for any other."""
    return compare_digest(given.encode(), token.encode())


def bearer(authorization: str) -> str:
    """The credential of an `Authorization: Bearer` header; empty for any other."""
    scheme, _, credential = authorization.partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else ""
