"""Which targets an exchange may go to, and which of them it has done with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tollhouse import Attempt, ConfigError, Exchange, ProviderError, Rejected, Target
from tollhouse.config import did_you_mean
from tollhouse.edition import Edition
from tollhouse.principal import ANONYMOUS

from .settings import FailoverLevel, FailoverSettings, Names, Policy
from .verdict import Verdict, verdict

_BUSY = frozenset({"connect", "timeout", "cut", "bad_reply", "rate_limit", "overloaded", "server"})
"""Kinds of failures after which the same provider is given a pause."""


def known(edition: Edition, name: str) -> tuple[Target, ...]:
    """The targets behind a name; none when there is no such model and no such provider."""
    provider, slash, model = name.partition("/")
    try:
        return tuple(edition.plan(name, ANONYMOUS).targets)
    except Rejected:
        return (Target(provider, model),) if slash and model and provider in edition.providers else ()


def reachable(exchange: Exchange, policy: Policy) -> list[Target]:
    """Every target the exchange may go to, best first: those of its plan, then its fallbacks; or those of the class
    of error it has met."""
    met = {verdict(attempt.error) for attempt in exchange.attempts if isinstance(attempt.error, ProviderError)}
    for names, word in ((policy.context_window, "context_window"), (policy.content_filter, "content_filter")):
        if word in met:
            return list(_of(exchange.edition, names))
    assert exchange.plan is not None
    return _once([*exchange.plan.targets, *_of(exchange.edition, policy.fallbacks)])


def _of(edition: Edition, names: Names) -> Sequence[Target]:
    return _once(target for name in names for target in known(edition, name))


def _once(targets: Iterable[Target]) -> list[Target]:
    first: dict[str, Target] = {}
    for target in targets:
        first.setdefault(target.name, target)
    return list(first.values())


def tried(exchange: Exchange, target: Target) -> int:
    """How many attempts this target has had."""
    return sum(attempt.target.name == target.name for attempt in exchange.attempts)


def failures(exchange: Exchange, target: Target) -> Iterator[tuple[ProviderError, Verdict]]:
    """How the target has failed, oldest first."""
    for attempt in exchange.attempts:
        if attempt.target.name == target.name and isinstance(attempt.error, ProviderError):
            yield attempt.error, verdict(attempt.error)


def done_with(exchange: Exchange, target: Target) -> bool:
    """Whether the target is out of question for this exchange: what it said cannot change, or its provider accepts no
    key of ours."""
    if any(said != "again" for _, said in failures(exchange, target)):
        return True
    return any(
        attempt.target.provider == target.provider
        and isinstance(attempt.error, ProviderError)
        and attempt.error.kind == "credentials"
        and attempt.error.status in (401, 402)
        for attempt in exchange.attempts
    )


def strained(exchange: Exchange, provider: str) -> int:
    """How often the provider has failed this exchange in a way that calls for a pause."""
    return sum(_strain(attempt) for attempt in exchange.attempts if attempt.target.provider == provider)


def _strain(attempt: Attempt) -> bool:
    return isinstance(attempt.error, ProviderError) and attempt.error.kind in _BUSY


def check(edition: Edition, settings: FailoverSettings, level: type[FailoverLevel]) -> None:
    """Raises ConfigError for a name in the table or at any level behind which there is no target."""
    said = [("failover", settings), *((one.path, one.scoped.value) for one in edition.levels.said())]
    for path, value in said:
        if not isinstance(value, FailoverSettings | level):
            continue
        for field in ("fallbacks", "context_window", "content_filter"):
            for place, name in enumerate(getattr(value, field) or ()):
                if not known(edition, name):
                    raise ConfigError(
                        f'there is no model "{name}", and no provider of that name either.',
                        path=f"{path}.{field}[{place}]",
                        hint=did_you_mean(name, [*edition.config.models, *edition.providers]),
                    )
