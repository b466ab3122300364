"""What no reload changes: where the gateway listens, what serves, and where its state lies."""

from __future__ import annotations

from ..config import Loaded
from ..config.problems import Problems

RESTART = "A reload cannot change it: put it back, or restart the gateway."


def check_fixed(old: Loaded, new: Loaded) -> None:
    """Raise ConfigError, or ConfigErrors, when `new` differs from `old` in what only a restart can change."""
    problems = Problems()
    before, after = old.config.server, new.config.server
    for name in ("listen", "engine", "workers"):
        if getattr(before, name) != getattr(after, name):
            said = f"{getattr(before, name)} became {getattr(after, name)}."
            problems.add(said, path=f"server.{name}", hint=RESTART)
    if (before.tls is None) != (after.tls is None):
        problems.add("was switched on." if after.tls else "was switched off.", path="server.tls", hint=RESTART)
    for name in old.config.store.__struct_fields__:
        if getattr(old.config.store, name) != getattr(new.config.store, name):
            problems.add("was changed.", path=f"store.{name}", hint=RESTART)
    problems.check()
