"""Who is calling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .config import allows

Access = Literal["public", "caller", "viewer", "operator", "admin"]
"""Who may call an endpoint: everybody; whoever has a key, about what is theirs; who reads everything and changes
nothing; who also runs the gateway (drains, cancels, reloads); who also changes money and keys."""

_RANK: dict[str, int] = {"public": 0, "caller": 1, "viewer": 2, "operator": 3, "admin": 4}


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. `models` None means all; a pattern may hold `*`."""

    key: str = ""
    """The key's name, never its secret."""
    user: str = ""
    team: str = ""
    tags: tuple[str, ...] = ()
    models: tuple[str, ...] | None = None
    access: Access = "caller"

    def may_use(self, model: str) -> bool:
        """Whether the caller may ask for this model name."""
        return allows(self.models, model)

    def may(self, access: Access) -> bool:
        """Whether the caller reaches endpoints of this level."""
        return _RANK[self.access] >= _RANK[access]


ANONYMOUS = Principal()
"""Everyone, when no plugin authenticates."""
