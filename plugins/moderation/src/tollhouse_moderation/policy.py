"""Which rules hold for an exchange: those of all its levels, made into checks once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from tollhouse import ConfigError
from tollhouse.config import did_you_mean

from .contract import Check, Direction, Finding, Judge, Maker
from .settings import Action, Rule, Short

MOST = 1024
"""Policies that are remembered: keys made at run time may bring rules of their own."""


@dataclass(frozen=True, slots=True)
class Active:
    """A rule with its check."""

    number: int
    """Its place in the policy."""
    rule: Rule
    check: Check | Judge

    @property
    def title(self) -> str:
        """What verdicts call it."""
        return self.rule.title

    @property
    def action(self) -> Action:
        """What happens to what it finds."""
        return self.rule.action

    @property
    def enforces(self) -> bool:
        """Whether it does anything but tell."""
        return self.rule.action in ("block", "mask")

    def looks(self, direction: Direction) -> bool:
        """Whether it looks there."""
        return direction in (self.check.on if self.rule.on is None else self.rule.on)

    def counts(self, findings: Iterable[Finding]) -> list[Finding]:
        """The findings that reach its threshold, of the kinds it is for."""
        least = self.check.threshold if self.rule.threshold is None else self.rule.threshold
        kinds = self.rule.entities
        return [one for one in findings if one.score >= least and (not kinds or one.kind.lower() in _lower(kinds))]


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of an exchange."""

    rules: tuple[Active, ...]
    digest: str
    """Changes with every rule: part of a cached answer's key."""

    def spans(self, direction: Direction) -> list[tuple[Active, Check]]:
        """The rules that find spans there."""
        return [(one, one.check) for one in self.rules if not is_judge(one.check) and one.looks(direction)]  # type: ignore[misc]

    def judges(self, direction: Direction) -> list[tuple[Active, Judge]]:
        """The rules that judge wholes there."""
        return [(one, one.check) for one in self.rules if is_judge(one.check) and one.looks(direction)]  # type: ignore[misc]

    def closed(self, direction: Direction) -> list[Active]:
        """The rules there that may not be passed by."""
        return [one for one in self.rules if one.enforces and one.rule.mode == "closed" and one.looks(direction)]


class Policies:
    """Makes policies, each combination of rules once."""

    def __init__(self, makers: Mapping[str, Maker], *, last: bool) -> None:
        """`last` says that the narrowest level that names a check decides about it."""
        self._makers, self._last = makers, last
        self._made: dict[bytes, Policy] = {}

    def of(self, levels: Sequence[Any]) -> Policy:
        """The policy of these levels' words, weakest level first."""
        rules = self._together(levels)
        packed = msgspec.json.encode(rules, order="deterministic")
        known = self._made.get(packed)
        if known is None:
            made = tuple(Active(number, rule, self.make(rule, "")) for number, rule in enumerate(rules))
            if len(self._made) >= MOST:
                del self._made[next(iter(self._made))]
            known = self._made[packed] = Policy(made, hashlib.sha256(packed).hexdigest()[:16])
        return known

    def make(self, rule: Rule, path: str) -> Check | Judge:
        """The check of a rule. Raises ConfigError, at `path`."""
        maker = self._makers.get(rule.check)
        if maker is None:
            hint = did_you_mean(rule.check, self._makers, what="Checks")
            raise ConfigError(f'there is no check "{rule.check}".', path=path, hint=hint)
        try:
            check = maker(rule)
        except ValueError as error:
            raise ConfigError(str(error), path=path) from None
        if rule.action == "mask" and is_judge(check):
            raise ConfigError(
                f'"{rule.check}" judges texts as a whole and cannot mask.', path=path, hint="Use block, flag or shadow."
            )
        return check

    def _together(self, levels: Sequence[Any]) -> list[Rule]:
        rules: list[Rule] = []
        for said in levels:
            own = [one.rule if isinstance(one, Short) else one for one in said]
            if self._last:
                named = {one.check for one in own}
                rules = [one for one in rules if one.check not in named]
            rules += [one for one in own if one not in rules]
        return rules


def is_judge(check: object) -> bool:
    """Whether a check judges texts as a whole."""
    return hasattr(check, "judge")


def _lower(kinds: Sequence[str]) -> set[str]:
    return {kind.lower() for kind in kinds}
