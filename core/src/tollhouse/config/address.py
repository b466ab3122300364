"""A host and port to listen on, read from one string."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Self

from .spoken import Spoken

_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")


class Address(str, Spoken):
    """`host:port`; an IPv6 host in brackets. Port 0 takes any free one."""

    noun = "an address to listen on"
    forms = ('"127.0.0.1:8080"', '"0.0.0.0:8080"', '"[::1]:8080"')

    host: str
    """Without brackets."""
    port: int

    def __new__(cls, value: str) -> Self:
        found = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
        if not found or int(found[2]) > 65535:
            raise cls.wrong(value, guess=cls._guess(str(value)))
        made = str.__new__(cls, value)
        made.host, made.port = found[1].strip("[]"), int(found[2])
        return made

    @classmethod
    def _guess(cls, text: str) -> str:
        text = re.sub(r"^https?://|/$", "", text)
        tries = (text, f"0.0.0.0{text}", f"127.0.0.1:{text}", f"{text}:8080")  # noqa: S104 - a text to suggest
        return next((t for t in tries if (m := _ADDRESS.fullmatch(t)) and int(m[2]) <= 65535), "")

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it. A name is believed only if it is `localhost`."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    def spoken(self) -> str:
        """The text."""
        return str(self)
