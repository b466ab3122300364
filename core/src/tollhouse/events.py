"""What happened, as typed events: one schema for the console, metrics and webhooks.

`type` is the stable name an operator filters by (`request.*`). Times are unix seconds, durations seconds, money
nano-USD. No event carries a prompt, a completion or a secret.
"""

from __future__ import annotations

from msgspec import Struct


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """What every event says."""

    at: float


class RequestStarted(Event, tag="request.started", frozen=True, kw_only=True):
    """A caller was let in and their request understood."""

    id: str
    request_id: str
    dialect: str
    task: str
    model: str = ""
    key: str = ""
    user: str = ""
    team: str = ""
    stream: bool = False
    origin: str = ""


class AttemptEnded(Event, tag="attempt.ended", frozen=True, kw_only=True):
    """One try of one target is over: won, lost or failed."""

    id: str
    number: int
    target: str
    state: str
    status: int = 0
    error: str = ""
    """The kind of ProviderError, or the class of anything else."""
    seconds: float = 0.0
    first_content: float | None = None
    """Seconds from the attempt's start to its first content."""
    tokens: dict[str, int] = {}
    usage_source: str = ""
    cost: int | None = 0


class RequestEnded(Event, tag="request.ended", frozen=True, kw_only=True):
    """An exchange ended in exactly one outcome."""

    id: str
    request_id: str
    outcome: str
    status: int
    dialect: str
    task: str
    model: str = ""
    target: str = ""
    key: str = ""
    user: str = ""
    team: str = ""
    origin: str = ""
    code: str = ""
    """The stable code of the error the caller got."""
    seconds: float = 0.0
    first_content: float | None = None
    tokens: dict[str, int] = {}
    cost: int | None = 0
    saved: int = 0
    attempts: int = 0
    stream: bool = False
    phases: dict[str, float] = {}
    labels: dict[str, str] = {}
    """A word a plugin said of it, by plugin name (`cache`: "hit")."""
    notes: tuple[tuple[str, str], ...] = ()
    translation: str = ""


class MarkCrossed(Event, tag="demand.mark", frozen=True, kw_only=True):
    """A counter reached a threshold, said once a window. `key` starts with the owning plugin's name."""

    key: str
    mark: int
    id: str = ""


class DemandRefused(Event, tag="demand.refused", frozen=True, kw_only=True):
    """A demand could not be held; `shadow` ones let the request pass."""

    key: str
    id: str
    shadow: bool = False


class TargetDown(Event, tag="target.down", frozen=True, kw_only=True):
    """A target is not asked for a while. Said once by the process that found out, not again when it stays so."""

    target: str
    why: str
    until: float
    """When it may be tried again, unix seconds."""


class TargetUp(Event, tag="target.up", frozen=True, kw_only=True):
    """A target that was down takes requests again."""

    target: str


class PriceMissing(Event, tag="price.missing", frozen=True, kw_only=True):
    """No plugin that prices knows what a target costs; said once a target and configuration. Its calls are booked as
    unpriced."""

    target: str


class PluginError(Event, tag="plugin.failed", frozen=True, kw_only=True):
    """A plugin raised or overran in a hook."""

    plugin: str
    hook: str
    why: str


class StoreChanged(Event, tag="store.changed", frozen=True, kw_only=True):
    """The store went away or came back."""

    up: bool
    why: str = ""


class ConfigReloaded(Event, tag="config.reloaded", frozen=True, kw_only=True):
    """A new configuration serves from now on; its predecessor ends with its last exchange."""

    edition: int


class ConfigRefused(Event, tag="config.refused", frozen=True, kw_only=True):
    """A reload was refused; the old configuration keeps serving."""

    why: str


class Draining(Event, tag="gateway.draining", frozen=True, kw_only=True):
    """No new work is taken; exchanges under way may end within the grace period."""

    in_flight: int
