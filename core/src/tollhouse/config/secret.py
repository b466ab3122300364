"""Which settings are secrets, and how a value is shown without giving one away."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

MASK = "••••"

_LAST = re.compile(r"([^.\"\[\]]+|\"(?:[^\"\\]|\\.)*\")(?:\[\d+\])*\Z")
_NAMES = ("secret", "secrets", "token", "password", "passwd", "pepper", "authorization", "credentials")
_ENDS = ("_secret", "_secrets", "_token", "_password", "_pepper", "_key", "_keys")


def secret_name(path: str) -> bool:
    """Whether the last name in a path is that of a secret: `api_key`, `keys.ci.secret`, `x.api_keys[1]`."""
    found = _LAST.search(path)
    name = found[1].strip('"').lower().replace("-", "_") if found else ""
    return name in _NAMES or name.endswith(_ENDS)


def masked(text: str, *, from_env: bool = False) -> str:
    """A text that is no secret by name, without the secrets that URLs carry.

    User info and query of a URL are masked; of one from the environment the path too, since a webhook's URL
    is its own credential.
    """
    if "://" not in text:
        return text
    try:
        url = urlsplit(text)
    except ValueError:
        return MASK
    user, _, host = url.netloc.rpartition("@")
    tail = (
        f"/{MASK}" if from_env and (url.path.strip("/") or url.query) else url.path + (f"?{MASK}" if url.query else "")
    )
    return f"{url.scheme}://{f'{MASK}@' if user else ''}{host}{tail}"
