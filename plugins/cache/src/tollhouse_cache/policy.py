"""What holds for one call: the settings, what each level says, and what the caller asks for within that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from .settings import LONGEST, CacheLevel, CacheSettings, Share
from .wishes import Wishes


@dataclass(frozen=True, slots=True)
class Policy:
    """Durations are seconds; a `max_age` of None sets no bound."""

    read: bool
    write: bool
    ttl: float
    max_age: float | None
    share: Share
    deterministic_only: bool
    only_if_cached: bool = False
    tags: tuple[str, ...] = ()


def of_levels(settings: CacheSettings, said: Iterable[Any]) -> Policy:
    """The policy before the caller is asked. `said` are the levels' own words, weakest first; each changes only what
    it names, and a life time alone also switches the cache on."""
    ttl, mode, max_age = float(settings.ttl), settings.mode, float(settings.max_age)
    share, deterministic = settings.share, settings.deterministic_only
    for one in said:
        if not isinstance(one, CacheLevel):
            mode = "on" if one else "off"
            ttl = min(float(one), LONGEST) if one else ttl
            continue
        ttl = ttl if one.ttl is None else float(one.ttl)
        mode = one.mode or mode
        max_age = max_age if one.max_age is None else float(one.max_age)
        share = one.share or share
        deterministic = deterministic if one.deterministic_only is None else one.deterministic_only
    return Policy(
        read=mode in ("on", "read"),
        write=mode in ("on", "write"),
        ttl=ttl,
        max_age=max_age or None,
        share=share,
        deterministic_only=deterministic,
    )


def narrowed(policy: Policy, wishes: Wishes) -> Policy:
    """The policy within what a caller wishes; a wish never widens it."""
    ages = [age for age in (policy.max_age, wishes.max_age) if age is not None]
    return replace(
        policy,
        read=policy.read and wishes.read,
        write=policy.write and wishes.write,
        max_age=min(ages, default=None),
        only_if_cached=wishes.only_if_cached,
        tags=wishes.tags,
    )
