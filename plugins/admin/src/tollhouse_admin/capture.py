"""What was asked and answered, kept for operators where the configuration says so: the beginning, credentials out."""

from __future__ import annotations

import re
from collections import OrderedDict

from tollhouse import Event, Exchange, ProviderError

from .settings import AdminSettings
from .shapes import Bodies

MOST = 4096
"""Pieces of a reply that are kept, however short."""
REDACTED = "[redacted]"
_CREDENTIAL = re.compile(
    r"""(?x)
    \b(?:sk|pk|rk|th|adm|whsec|xai|gsk|hf|ghp|gho|github_pat|glpat|xox[abpr]|AIza|AKIA|ASIA|ya29)[-_.]?[A-Za-z0-9_\-./+]{12,}
    | \bey[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*
    | (?i:\bbearer\s+)[^\s"'\\]{6,}
    | (?i:(?<=://))[^\s/@"'\\]{3,}(?=@)
    | (?i:["']?(?:api[_-]?key|secret|password|passwd|authorization|access[_-]?token|token)\\?["']?\s*[:=]\s*\\?["'])
      (?!\s)[^"'\\]{4,}
    """
)


class Capture:
    """Decides what is kept, and redacts it."""

    def __init__(self, settings: AdminSettings) -> None:
        self._settings = settings
        self._longest = int(settings.capture_bytes)

    def wanted(self, exchange: Exchange) -> bool:
        """Whether this exchange's bodies are kept."""
        settings, principal = self._settings, exchange.principal
        if not (settings.capture_teams or settings.capture_keys):
            return True
        return principal.team in settings.capture_teams or principal.key in settings.capture_keys

    def hear(self, event: Event, said: list[str]) -> None:
        """Add the text of an event to what was said, while there is room."""
        if len(said) >= MOST or sum(map(len, said)) >= self._longest:
            return
        try:
            said.append(event.text[: self._longest])
        except ProviderError:
            return  # what cannot be read is for others to complain of

    def bodies(self, exchange: Exchange, said: list[str]) -> Bodies:
        """What is kept of an exchange that ended."""
        raw = exchange.request.raw[: self._longest * 2] if exchange.request else b""
        return Bodies(request=self._clean(raw.decode("utf-8", "replace")), reply=self._clean("".join(said)))

    def _clean(self, text: str) -> str:
        """Redacted before it is cut, so that no cut leaves half a credential unknown."""
        return _CREDENTIAL.sub(REDACTED, text)[: self._longest]


class Captured:
    """The captured bodies of one worker, of the last so many requests."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._kept: OrderedDict[str, Bodies] = OrderedDict()

    def put(self, id_: str, bodies: Bodies) -> None:
        """Take one in; the oldest goes."""
        self._kept[id_] = bodies
        self.resize(self._room)

    def resize(self, room: int) -> None:
        """Keep so many from now on."""
        self._room = room
        while len(self._kept) > room:
            self._kept.popitem(last=False)

    def get(self, id_: str) -> Bodies | None:
        """Those of a request."""
        return self._kept.get(id_)
