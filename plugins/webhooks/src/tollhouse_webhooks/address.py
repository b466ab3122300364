"""The URL of a webhook: read strictly, and never shown whole, since who knows it may post to it."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlsplit

from tollhouse.config import Spoken

MASK = "••••"


class HookUrl(str, Spoken):
    """An http, https, smtp or smtps URL. What may stand in it depends on the webhook's format."""

    noun = "the URL of a webhook"
    forms = ('"https://example.com/hooks"', '"smtp://mail.example.com:587"', '"smtps://mail.example.com"')

    def __new__(cls, value: str) -> Self:
        if not isinstance(value, str) or urlsplit_or_none(value) is None:
            raise cls.wrong("" if not isinstance(value, str) else "this", why="it has no scheme and host")
        return str.__new__(cls, value)

    def spoken(self) -> str:
        """Scheme and host; what follows may be a secret, as Slack's and Discord's is."""
        parts = urlsplit(str(self))
        host = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}://{host}" + (f"/{MASK}" if parts.path.strip("/") or parts.query else "")


def urlsplit_or_none(url: str) -> tuple[str, str] | None:
    """Scheme and host of an absolute URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return (parts.scheme, parts.netloc) if parts.scheme and parts.netloc else None
