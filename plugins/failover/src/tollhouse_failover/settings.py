"""What gateway.toml says about failover: the table [failover], and the key of every level."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from tollhouse.config import Duration, DurationOrOff

PLUGIN = "failover"

Names = tuple[str, ...]
"""Names from [models], or `provider/model`."""
Count = Annotated[int, Meta(ge=0, le=100)]
Share = Annotated[float, Meta(ge=0, le=1)]


class BreakerSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The table [failover.breaker]: when a target is left alone, and for how long."""

    failures: Annotated[int, Meta(ge=1, le=1000)] = 5
    """So many failures one after the other open it."""
    ratio: Annotated[float, Meta(gt=0, le=1)] = 0.5
    """This share of failures within `window` opens it too."""
    least: Annotated[int, Meta(ge=1, le=100_000)] = 10
    """Fewest attempts within `window` of which a share is taken."""
    window: Duration = Duration("30s")
    """How far back the share looks."""
    cooldown: Duration = Duration("5s")
    """How long a target rests after a time-out, a broken connection, a 408, a 5xx or a 429 that names no time."""
    long_cooldown: Duration = Duration("5m")
    """How long it rests after a 401, 402, 403 or 404."""
    longest_cooldown: Duration = Duration("10m")
    """The longest rest an upstream's `retry-after` may bring about."""
    when_all_open: Literal["try", "refuse"] = "try"
    """When every target of a request rests: "try" one all the same, or "refuse" with a 503 but for one probe."""


class HealthCheck(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The table [failover.health_check]: what targets are asked once their rest is over."""

    every: Duration = Duration("30s")
    """How often."""
    text: str = "Say ok."
    """What the user says."""
    tokens: Annotated[int, Meta(ge=1, le=1024)] = 16
    """The most output tokens of the answer."""


class FailoverSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The table [failover]."""

    retries: Count = 2
    """How often an exchange asks one target again, once no other is left."""
    backoff: Duration = Duration("500ms")
    """The pause before the first retry; it doubles with each further one, and is shortened by chance, by half at
    most."""
    longest_backoff: Duration = Duration("8s")
    """The longest pause by doubling."""
    longest_wait: Duration = Duration("60s")
    """The longest `retry-after` that is waited for; after a longer one the target is not asked again."""
    retry_budget: Share = 0.2
    """Most retries at a provider within a minute, as a share of the attempts it gets otherwise; counted in each
    process."""
    retry_reserve: Count = 10
    """Retries at a provider that a minute has room for where the share is less, so that a quiet gateway retries too."""
    fallbacks: Names = ()
    """Models or targets to go on to when those of the asked model have failed."""
    context_window: Names = ()
    """Models or targets to go on to when the request is too long for a model; without any it fails."""
    content_filter: Names = ()
    """Models or targets to go on to when an upstream's content filter refuses the request; without any it fails."""
    first_content: DurationOrOff = DurationOrOff("off")
    """The longest wait for the first content of a stream, from the beginning of an attempt; then the next target."""
    hedge: bool = False
    """Whether a second target races the first when that is slower than 95 of 100 of its answers were."""
    hedge_budget: Share = 0.05
    """Most hedges within a minute, as a share of all other attempts; counted in each process."""
    continue_streams: bool = False
    """Whether a stream of text that breaks off goes on at another target. Levels may switch it off and on again, but
    only where this is true."""
    breaker: BreakerSettings | Literal["off"] = BreakerSettings()
    """When a target is left alone, and for how long; "off" never leaves one alone."""
    health_check: HealthCheck | Literal["off"] = "off"
    """Small requests of our own to targets whose rest is over; they cost money."""

    def __post_init__(self) -> None:
        if self.breaker == "off" and self.health_check != "off":
            raise ValueError("health_check: without breakers no target rests that could be checked.")


class FailoverLevel(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The key of a level; what it does not say is as in [failover]."""

    retries: Count | None = None
    """As in [failover]."""
    fallbacks: Names | None = None
    """As in [failover]."""
    context_window: Names | None = None
    """As in [failover]."""
    content_filter: Names | None = None
    """As in [failover]."""
    first_content: DurationOrOff | None = None
    """As in [failover]."""
    hedge: bool | None = None
    """As in [failover]."""
    continue_streams: bool | None = None
    """As in [failover]."""


Level: Any = FailoverLevel | Literal["off"]
"""The type of the plugin's key at every level; "off" leaves every failure as it is."""


class Policy(Struct, frozen=True):
    """What holds for one exchange."""

    on: bool
    retries: int
    fallbacks: Names
    context_window: Names
    content_filter: Names
    first_content: float
    hedge: bool
    continue_streams: bool


def policy(settings: FailoverSettings, level: FailoverLevel | Literal["off"] | None) -> Policy:
    """The level's word where there is one, else the table's."""

    def said(name: str) -> Any:
        own = getattr(level, name, None)
        return getattr(settings, name) if own is None else own

    on = level != "off"
    return Policy(
        on,
        said("retries"),
        said("fallbacks"),
        said("context_window"),
        said("content_filter"),
        float(said("first_content")),
        said("hedge"),
        settings.continue_streams and said("continue_streams"),
    )
