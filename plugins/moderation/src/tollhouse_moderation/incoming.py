"""The way up: every text of a request looked at, and masked where a rule says so."""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse import Edit, Exchange

from .aside import aside
from .json_text import rewritten, strings
from .judging import judge_input
from .places import Place, Places, places
from .policy import Active, Policy
from .refusals import Blocked, NotRun, input_blocked, input_unchecked, unreadable
from .screening import Screen
from .settings import ModerationSettings
from .verdicts import Verdicts


class Incoming:
    """One request on its way through the rules."""

    def __init__(self, exchange: Exchange, policy: Policy, settings: ModerationSettings, verdicts: Verdicts) -> None:
        self.exchange, self.policy, self.settings, self.verdicts = exchange, policy, settings, verdicts
        self.screen = Screen(policy.spans("input"), verdicts, "input")
        self.judges = policy.judges("input")

    async def look(self) -> None:
        """Run every rule. Raises `Rejected`; with `parallel` only for rules that mask, the others stand in a gate."""
        if not self.screen.rules and not self.judges:
            return
        for rule, _ in (*self.screen.rules, *self.judges):
            self.verdicts.of(rule, "input")
        found = places(self.exchange.request)
        self._unreadable(found)
        if self.settings.parallel:
            await self._mask(found.texts)
            self.exchange.gate(self._watch(found.texts))
        else:
            await self._watch(found.texts)
            await self._mask(found.texts)
        self.verdicts.tell()

    async def _watch(self, texts: Sequence[Place]) -> None:
        """The rules that do not mask, on what the caller said. Raises `Rejected`."""
        try:
            await aside(_size(texts), lambda: self._screened(texts))
            if self.judges:
                await judge_input(self.judges, self.verdicts, [(place.role, place.text) for place in texts])
        except Blocked as blocked:
            self.verdicts.tell(blocker=blocked.rule)
            raise input_blocked(blocked.rule) from None
        except NotRun as failed:
            self.verdicts.tell(blocker=failed.rule)
            raise input_unchecked(failed.rule) from None
        self.verdicts.tell()

    def _screened(self, texts: Sequence[Place]) -> None:
        for place in texts:
            for one in strings(place.text) if place.json else (place.text,):
                self.screen.watch(one, place.path)

    async def _mask(self, texts: Sequence[Place]) -> None:
        """The rules that mask: only the values they change are patched."""
        if not self.screen.masks:
            return
        try:
            edits = await aside(_size(texts), lambda: self._edits(texts))
        except NotRun as failed:
            self.verdicts.tell(blocker=failed.rule)
            raise input_unchecked(failed.rule) from None
        if edits:
            self.exchange.request.edit(*edits)

    def _edits(self, texts: Sequence[Place]) -> list[Edit]:
        for place in texts:
            self.verdicts.vault.reserve(place.text)
        changed = [(place, self._masked(place)) for place in texts]
        return [Edit(place.path, text) for place, text in changed if text != place.text]

    def _masked(self, place: Place) -> str:
        vault, screen = self.verdicts.vault, self.screen
        if place.json:
            return rewritten(place.text, lambda one: screen.masked(one, place.path, vault))
        return screen.masked(place.text, place.path, vault)

    def _unreadable(self, found: Places) -> None:
        """Tokens and media, which no check here can read. Raises `Rejected`."""
        if found.tokens:
            self._refuse("texts given as token numbers", refuse=True)
        if found.media:
            self._refuse("images and other media", refuse=self.settings.media == "refuse")

    def _refuse(self, what: str, *, refuse: bool) -> None:
        closed = self.policy.closed("input")
        if closed and refuse:
            blind(self.policy, self.verdicts, "input", what)
            self.verdicts.tell(blocker=closed[0])
            raise unreadable(closed[0], what)
        if not any(verdict.result == "matched" for verdict in self.verdicts.all.values()):
            blind(self.policy, self.verdicts, "input", f"{what} were not read")


def unread(exchange: Exchange, policy: Policy, settings: ModerationSettings, verdicts: Verdicts) -> None:
    """A call whose body nobody reads, and whose answer flows by: refused under a closed rule. Raises `Rejected`."""
    what = f"calls to {exchange.path[:100]}"
    closed: list[Active] = [*policy.closed("input"), *policy.closed("output")]
    blind(policy, verdicts, "input", "the call passes through unread")
    blind(policy, verdicts, "output", "the call passes through unread")
    if closed and settings.passthrough == "refuse":
        verdicts.tell(blocker=closed[0])
        raise unreadable(closed[0], what)
    verdicts.tell()


def blind(policy: Policy, verdicts: Verdicts, direction: str, why: str) -> None:
    """Every rule of a direction did not run, and says why."""
    for rule in policy.rules:
        if direction == "input" and rule.looks("input"):
            verdicts.not_run(rule, "input", why)
        elif direction == "output" and rule.looks("output"):
            verdicts.not_run(rule, "output", why)


def _size(texts: Sequence[Place]) -> int:
    return sum(len(place.text) for place in texts)
