"""Who is calling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .config import Said, allows

Access = Literal["public", "caller", "viewer", "operator", "admin"]
"""Who may call an endpoint: everybody; whoever has a key, about what is theirs; who reads everything and changes
nothing; who also runs the gateway (drains, cancels, reloads); who also changes money and keys."""

_RANK: dict[str, int] = {"public": 0, "caller": 1, "viewer": 2, "operator": 3, "admin": 4}


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. None in `models`, `team_models`, `dialects` and `routes` allows all, an empty tuple
    nothing; a name of a model and a path may hold `*`."""

    key: str = ""
    """The key's name, never its secret."""
    user: str = ""
    team: str = ""
    tags: tuple[str, ...] = ()
    models: tuple[str, ...] | None = None
    team_models: tuple[str, ...] | None = None
    """The models of the team; the caller may use what both lists allow."""
    access: Access = "caller"
    dialects: tuple[str, ...] | None = None
    """Dialects the caller may speak."""
    routes: tuple[str, ...] | None = None
    """Tasks (`chat`, `passthrough`), and paths that begin with `/`; everybody may ask which models there are."""
    settings: Mapping[str, Said] = field(default_factory=dict, hash=False)
    """What the caller's own key says to plugins, by plugin, when it does not stand in the file: each read by
    `edition.levels.read`. `exchange.setting` and `exchange.settings` take it in above every other level."""

    def may_take(self, dialect: str, task: str, path: str) -> bool:
        """Whether the caller may send this kind of request."""
        if self.dialects is not None and dialect not in self.dialects:
            return False
        return task == "models" or self.routes is None or task in self.routes or _named(self.routes, path)

    def may_pass(self, path: str) -> bool:
        """Whether what nobody reads may pass, although it could ask for any model: yes without a list of models,
        else only where `routes` says so."""
        if self.models is None and self.team_models is None:
            return True
        return self.routes is not None and ("passthrough" in self.routes or _named(self.routes, path))

    def may_use(self, model: str) -> bool:
        """Whether the caller may ask for this model name."""
        return allows(self.models, model) and allows(self.team_models, model)

    def may(self, access: Access) -> bool:
        """Whether the caller reaches endpoints of this level."""
        return _RANK[self.access] >= _RANK[access]


def _named(routes: tuple[str, ...], path: str) -> bool:
    """Whether one of the routes is this path; a path that climbs could end up elsewhere, and is none of them."""
    return ".." not in path and allows(tuple(route for route in routes if route.startswith("/")), path)


ANONYMOUS = Principal()
"""Everyone, when no plugin authenticates."""
