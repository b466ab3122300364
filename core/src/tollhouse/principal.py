"""Who is calling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .config import allows

Access = Literal["public", "caller", "operator", "admin"]
"""Who may call an endpoint; each level includes those after it."""

_RANK: dict[str, int] = {"public": 0, "caller": 1, "operator": 2, "admin": 3}


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
