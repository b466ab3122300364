"""What a key looks like, how one is made, and how it is recognised without being kept.

A key reads `th-<id>-<random><tag>`. The id is public: lists and logs show it. The tag is a keyed checksum, so that
made-up keys are known as such without asking the store. What is stored is a keyed hash of the whole.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
import string
from typing import NamedTuple

PREFIX = "th-"
_WORD = string.ascii_letters + string.digits
_RANDOM, _TAG, _ID = 32, 8, 10
_FORM = re.compile(rf"(th-([a-z0-9]{{{_ID}}})-[A-Za-z0-9]{{{_RANDOM}}})([A-Za-z0-9]{{{_TAG}}})", re.ASCII)


class Made(NamedTuple):
    """A fresh key: `secret` is shown once and never kept."""

    id: str
    secret: str
    hash: str


class Secrets:
    """Makes and recognises keys by one pepper."""

    def __init__(self, pepper: bytes) -> None:
        self._pepper = pepper

    def make(self) -> Made:
        """A new key: about 190 random bits."""
        id_ = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(_ID))
        body = f"{PREFIX}{id_}-" + "".join(secrets.choice(_WORD) for _ in range(_RANDOM))
        secret = body + self._tag(body)
        return Made(id_, secret, self.hash(secret))

    def id_of(self, credential: str) -> str | None:
        """The id of a key that was made with this pepper; None for anything else."""
        found = _FORM.fullmatch(credential)
        if found is None or not hmac.compare_digest(self._tag(found[1]), found[3]):
            return None
        return found[2]

    def hash(self, secret: str) -> str:
        """What is stored of a key: HMAC-SHA256 with the pepper, in hex."""
        return hmac.digest(self._pepper, b"key:" + secret.encode(), "sha256").hex()

    def fits(self, secret: str, stored: str) -> bool:
        """Whether a key is the one a stored hash was made of, in constant time."""
        return hmac.compare_digest(self.hash(secret), stored)

    @property
    def fingerprint(self) -> bytes:
        """Tells two peppers apart and says nothing of either."""
        return hmac.digest(self._pepper, b"fingerprint", "sha256")[:16]

    def _tag(self, body: str) -> str:
        digest = hmac.digest(self._pepper, b"tag:" + body.encode(), "sha256")
        return base64.b32encode(digest[:5]).decode()[:_TAG].lower()


def shown(id_: str) -> str:
    """How lists and messages name a key's secret."""
    return f"{PREFIX}{id_}"
