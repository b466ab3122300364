"""What may be cleared at once, as the command and the endpoint name it."""

from __future__ import annotations

from collections.abc import Mapping

from tollhouse.config import Duration

from .clears import Clear
from .entry import ALL

NAMES = ("model", "tag", "key", "team", "entry")
"""What entries are cleared by: each bears a tag of this kind for its own."""

WAYS = (*NAMES, "older_than", "all")


def rule(said: Mapping[str, str], now: float) -> Clear:
    """The rule for what is said, of which there must be exactly one. `now` is unix seconds. Raises ValueError in words
    for people."""
    named = {name: value for name, value in said.items() if value}
    if unknown := sorted(named.keys() - set(WAYS)):
        raise ValueError(f"There is nothing to clear by `{unknown[0][:40]}`; there is {', '.join(WAYS)}.")
    if len(named) != 1:
        raise ValueError(f"Say exactly one of {', '.join(WAYS)}.")
    [(name, value)] = named.items()
    if name == "all":
        if value not in ("true", "1"):
            raise ValueError("`all` is `true` or it is not said.")
        return Clear(ALL, now)
    if name == "older_than":
        return Clear(ALL, now - float(Duration(value)))
    return Clear(f"{name}:{value}", now)
