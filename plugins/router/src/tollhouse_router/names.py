"""Names in rules and canaries: which targets they mean, and that there are such."""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse import ConfigError, Rejected, Target
from tollhouse.config import allows, did_you_mean
from tollhouse.edition import Edition
from tollhouse.principal import ANONYMOUS

from .settings import RouterLevel, RouterSettings, Rule, Then

TASKS = ("chat", "embed", "count")


def known(edition: Edition, names: Sequence[str]) -> list[Target]:
    """The targets behind names of models and of targets, each once, in their order."""
    found: dict[str, Target] = {}
    for name in names:
        for target in _behind(edition, name):
            found.setdefault(target.name, target)
    return list(found.values())


def _behind(edition: Edition, name: str) -> Sequence[Target]:
    provider, slash, model = name.partition("/")
    try:
        return edition.plan(name, ANONYMOUS).targets
    except Rejected:
        return (Target(provider, model),) if slash and model and provider in edition.providers else ()


def arranged(order: Sequence[Target], then: Then) -> tuple[list[Target], str]:
    """The preferred targets in front, in the rule's order, the avoided ones behind; within each as they were."""
    prefer, avoid = then.prefer or (), then.avoid or ()

    def place(target: Target) -> int:
        for number, pattern in enumerate(prefer):
            if allows((pattern,), target.name):
                return number
        return len(prefer) + (bool(avoid) and allows(avoid, target.name))

    words = [f"prefer {', '.join(prefer)}"] * bool(prefer) + [f"avoid {', '.join(avoid)}"] * bool(avoid)
    return sorted(order, key=place), "; ".join(words)


def check(edition: Edition, settings: RouterSettings) -> None:
    """Raises ConfigError for a name in [router] or at any level behind which there is nothing."""
    _check_rules(edition, settings.rules, "router")
    for said in edition.levels.said():
        value = said.scoped.value
        if not isinstance(value, RouterLevel):
            continue
        _check_rules(edition, value.rules or (), said.path)
        if value.to:
            provider, slash, model = value.to.partition("/")
            if not (slash and model and provider in edition.providers):
                raise ConfigError(
                    f'"{value.to}" is not a target: a canary goes to one provider/model.',
                    path=f"{said.path}.to",
                    hint=did_you_mean(provider, edition.providers, what="Providers"),
                )


def _check_rules(edition: Edition, rules: Sequence[Rule], path: str) -> None:
    for number, rule in enumerate(rules):
        here = f"{path}.rules[{number}]"
        for place, name in enumerate(rule.then.targets or ()):
            if not _behind(edition, name):
                raise ConfigError(
                    f'there is no model "{name}", and no provider of that name either.',
                    path=f"{here}.then.targets[{place}]",
                    hint=did_you_mean(name, [*edition.config.models, *edition.providers]),
                )
        for field, words, there in (
            ("dialect", rule.when.dialect, list(edition.dialects)),
            ("task", rule.when.task, list(TASKS)),
        ):
            for word in words or ():
                if not any(allows((word,), one) for one in there):
                    raise ConfigError(
                        f'no {field} is called "{word}".',
                        path=f"{here}.when.{field}",
                        hint=did_you_mean(word, there),
                    )
