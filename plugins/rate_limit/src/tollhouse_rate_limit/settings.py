"""What gateway.toml says about limits: the table [rate_limit], and the key of every level."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from tollhouse.config import Duration, DurationOrOff, Rate, did_you_mean

DIMENSIONS = ("caller", "key", "user", "team", "model", "provider", "target", "ip", "tag")
"""What a rule may count by; also `tag:NAME`."""

FILTERS = ("key", "user", "team", "model", "provider", "target", "tag")
"""What a rule may be narrowed to."""

LONGEST_NAME = 64

Words = str | tuple[str, ...]
"""One word, or several."""


class Rule(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry of `rules`."""

    limit: Rate
    """How much, such as "60 requests/minute" or "20 concurrent"."""
    by: Words = ()
    """What has a counter of its own: any of caller, key, user, team, model, provider, target, ip, tag and tag:NAME;
    each combination that comes is counted for itself, and who lacks one is not counted. Default one for all."""
    name: str = ""
    """How the limit is called in errors and counters; default `rule N`, its place in the list."""
    key: Words = ()
    """Only these keys; here and below a name may hold `*`."""
    user: Words = ()
    """Only these users."""
    team: Words = ()
    """Only these teams."""
    model: Words = ()
    """Only these models, as callers name them."""
    provider: Words = ()
    """Only these providers."""
    target: Words = ()
    """Only these targets, `provider/model`."""
    tag: Words = ()
    """Only callers with one of these tags."""
    burst: Annotated[int, Meta(ge=1)] | None = None
    """How much may come at once; default as much as the limit."""
    max_wait: DurationOrOff | None = None
    """As in [rate_limit], for this rule."""
    shadow: bool | None = None
    """As in [rate_limit], for this rule."""

    def __post_init__(self) -> None:
        for word in texts(self.by):
            if word not in DIMENSIONS and not (word.startswith("tag:") and len(word) > 4):
                raise ValueError(f'by: nothing is counted by "{word}". {did_you_mean(word, (*DIMENSIONS, "tag:NAME"))}')
        if self.burst is not None and self.limit.measure == "slot":
            raise ValueError("burst: what is counted at once has none.")
        if len(self.name) > LONGEST_NAME:
            raise ValueError(f"name: at most {LONGEST_NAME} characters.")


class RateLimitSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The table [rate_limit]."""

    rules: tuple[Rule, ...] = ()
    """Further limits, beside those of the levels."""
    max_wait: DurationOrOff = DurationOrOff("off")
    """How long a request may wait in line for a limit to free; "off" refuses at once."""
    max_queue: Annotated[int, Meta(ge=1, le=10_000)] = 100
    """Most requests that wait for one counter in one process; ten times as many for all counters together."""
    shadow: bool = False
    """Whether limits only count and report, and refuse nobody."""
    if_lost: Literal["refuse", "share", "allow"] = "share"
    """While the store is away: refuse with a 503, hold each limit divided by the workers in each, or allow."""

    def __post_init__(self) -> None:
        names = [name_of(rule, place) for place, rule in enumerate(self.rules)]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'rules: two of them are called "{name}".')


class Limits(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The key of a level in its long form."""

    limits: tuple[Rate, ...] = ()
    """What the short form says alone."""
    weight: Annotated[float, Meta(gt=0, le=1000)] | None = None
    """Share of a queue that each of its callers gets; default 1. The key's stands above the team's, and so on."""
    max_wait: DurationOrOff | None = None
    """As in [rate_limit], for these limits."""
    shadow: bool | None = None
    """As in [rate_limit], for these limits."""


Level: Any = Rate | tuple[Rate, ...] | Limits
"""The type of the plugin's key at every level."""


def long_form(said: Rate | tuple[Rate, ...] | Limits) -> Limits:
    """What a level says, in its long form."""
    if isinstance(said, Limits):
        return said
    return Limits(limits=(said,) if isinstance(said, Rate) else said)


def name_of(rule: Rule, place: int) -> str:
    """What the rule at this place of the list is called."""
    return rule.name or f"rule {place + 1}"


def texts(words: Words) -> tuple[str, ...]:
    """One word or several, as several."""
    return (words,) if isinstance(words, str) else words


def patience(own: Duration | None, general: Duration) -> float:
    """Seconds of the narrower setting if it is set; "off" is 0."""
    return float(general if own is None else own)
