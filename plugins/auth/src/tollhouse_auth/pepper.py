"""Where the pepper comes from: the file's setting, the environment, or a file made once beside the store."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from tollhouse import ConfigError
from tollhouse.secret_file import make_once
from tollhouse.store import Store

from .keyring import KEYS
from .secret import Secrets
from .settings import SHORTEST_PEPPER

VARIABLE = "TOLLHOUSE_PEPPER"

FINGERPRINT = "auth:pepper"
"""What tells in the store which pepper its keys were made with."""


def find_pepper(setting: str, environ: Mapping[str, str], store_url: str) -> bytes:
    """The pepper of this gateway. Raises ConfigError when it is too short or its file cannot be used."""
    if setting:
        return setting.encode()
    if given := environ.get(VARIABLE):
        if len(given) < SHORTEST_PEPPER:
            raise ConfigError(f"${VARIABLE} must have at least {SHORTEST_PEPPER} characters.", path="auth.pepper")
        return given.encode()
    scheme, _, rest = store_url.partition(":")
    if scheme == "memory":
        return secrets.token_bytes(32)  # what it hashes is forgotten with the process
    folder = Path(rest).parent if scheme == "sqlite" and rest else Path(".tollhouse")
    file = folder / "pepper"
    try:
        make_once(file, secrets.token_hex(32))
        pepper = file.read_bytes().strip()
    except OSError as error:
        raise ConfigError(
            f"the pepper {file} cannot be used: {(error.strerror or type(error).__name__).lower()}.",
            path="auth.pepper",
            hint=f"Make its folder writable, or set ${VARIABLE}.",
        ) from None
    if len(pepper) < SHORTEST_PEPPER:
        raise ConfigError(
            f"the pepper {file} is too short.", path="auth.pepper", hint="Put back the file the keys were made with."
        )
    return pepper


async def check_pepper(store: Store, secrets: Secrets) -> bool:
    """Whether the store holds any keys. Raises ConfigError when they were made with another pepper: they would all be
    unknown here."""
    held = [pair async for pair in store.scan(KEYS, "", 1)]
    [written] = await store.get(FINGERPRINT)
    if written is not None and written.data == secrets.fingerprint:
        return bool(held)
    if held and written is not None:
        raise ConfigError(
            "the keys in the store were made with another pepper, and none of them would work.",
            path="auth.pepper",
            hint=f"Give every node the same ${VARIABLE}, or the file `pepper` the keys were made with.",
        )
    await store.put(FINGERPRINT, secrets.fingerprint)
    return bool(held)
