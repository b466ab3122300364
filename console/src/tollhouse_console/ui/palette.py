"""The command palette: every verb of this screen by its name."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from ..verbs import here, shown

if TYPE_CHECKING:
    from .app import Console


class Verbs(Provider):
    """Finds verbs by name and by what they say."""

    @property
    def _console(self) -> Console:
        return cast("Console", self.app)

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for verb in here(self._console.current):
            keys = " ".join(shown(key) for key in verb.keys)
            run = partial(self._console.run_verb, verb.name)
            yield DiscoveryHit(f"{verb.name}  ({keys})", run, help=verb.says)

    async def search(self, query: str) -> Hits:
        """Those that fit."""
        matcher = self.matcher(query)
        for verb in here(self._console.current):
            keys = " ".join(shown(key) for key in verb.keys)
            said = f"{verb.name} ({keys}) – {verb.says}"
            if (score := matcher.match(said)) > 0:
                yield Hit(score, matcher.highlight(said), partial(self._console.run_verb, verb.name))
