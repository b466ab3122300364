"""What failover knows of one exchange."""

from __future__ import annotations

from dataclasses import dataclass, field

from tollhouse import Attempt, Exchange

from .settings import PLUGIN, Policy

ORIGIN = f"submit:{PLUGIN}"
"""The origin of what this plugin submits itself."""


@dataclass(slots=True)
class Trip:
    """Kept in `exchange.state`."""

    policy: Policy
    probes: list[str] = field(default_factory=list)
    """Targets whose probe the exchange is."""
    passed_over: set[str] = field(default_factory=set)
    """Targets that rested when their turn came."""
    forced: str = ""
    """The target that is asked although it rests."""
    hedge: int = 0
    """The number of the attempt that is a hedge."""
    broken: Attempt | None = None
    """The attempt whose stream broke off and was continued: the core takes it for a winner."""
    only: str = ""
    """The one target a check may ask."""
    avoid: frozenset[str] = frozenset()
    """Targets that broke off the stream this exchange continues."""


def trip_of(exchange: Exchange) -> Trip | None:
    """The exchange's, once there is one."""
    found: Trip | None = exchange.state.get(PLUGIN)
    return found


def racing(exchange: Exchange) -> bool:
    """Whether an attempt is under way already: the one to be dispatched is a hedge."""
    return any(attempt.state == "pending" for attempt in exchange.attempts)
