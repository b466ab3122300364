"""The plugin: rules of every level on the way up and on the way down, and a word about each in the store's log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

from tollhouse import Attempt, ConfigError, Event, Exchange, Next, hookimpl
from tollhouse.edition import Edition
from tollhouse.gateway import Gateway

from . import hookspecs
from .checks import builtin
from .contract import Maker
from .holdback import Holdback
from .incoming import Incoming, unread
from .name import NAME, ORIGIN
from .policy import Policies, Policy
from .refusals import MISMATCH
from .retry import corrected
from .settings import Level, ModerationSettings, Short
from .verdicts import Verdicts

DAY = 86_400.0
"""Seconds between two sweeps of the log."""


class Moderation:
    """Checks what goes up and what comes down: blocks, masks and puts back, flags."""

    Settings = ModerationSettings
    Level = Level
    hookspecs = hookspecs

    def __init__(self, settings: ModerationSettings) -> None:
        self.settings = settings
        self.policies = Policies({}, last=False)
        self._sweeping: asyncio.Task[None] | None = None

    @hookimpl
    def moderation_checks(self) -> Mapping[str, Maker]:
        """The checks that come with this plugin."""
        return builtin()

    @hookimpl
    async def startup(self, gateway: Gateway, edition: Edition) -> None:
        """Make every rule once, so that a bad one is known now. Raises ConfigError, also when a plugin that answers
        without an upstream stands above: its answers would not be seen."""
        makers: dict[str, Maker] = {}
        for plugin, offered in edition.chain["moderation_checks"].gather():
            for name, maker in offered.items():
                if name in makers:
                    raise ConfigError(f'two plugins bring the check "{name}", last {plugin}.', path="plugins")
                makers[name] = maker
        self.policies = Policies(makers, last=self.settings.levels == "last")
        order = edition.chain["answer"].order
        for call in edition.chain["answer"].calls:
            if order[call.plugin] < order[NAME]:
                raise ConfigError(
                    f"{call.plugin} answers above moderation, which would not see its answers.",
                    path="plugins",
                    hint=f'List "{NAME}" before "{call.plugin}".',
                )
        for said in edition.levels.said():
            if said.path.rpartition(".")[2] == NAME and isinstance(said.scoped.value, tuple):
                for number, one in enumerate(said.scoped.value):
                    rule = one.rule if isinstance(one, Short) else one
                    self.policies.make(rule, f"{said.path}[{number}]")
        if keep := float(self.settings.keep):
            self._sweeping = gateway.spawn(lambda: _sweep(gateway, keep), name=NAME, each="cluster")

    @hookimpl
    async def shutdown(self) -> None:
        """End the sweeping of the log."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeping

    @hookimpl
    async def admit(self, exchange: Exchange) -> None:
        """Look at the input."""
        if exchange.origin == ORIGIN:
            return
        policy = self.policies.of([said.value for said in exchange.settings(NAME)])
        if not policy.rules:
            return
        verdicts = exchange.state[NAME] = Verdicts(exchange, policy, self.settings)
        exchange.vary[NAME] = policy.digest
        if exchange.route.body != "read":
            unread(exchange, policy, self.settings, verdicts)
            return
        await Incoming(exchange, policy, self.settings, verdicts).look()

    @hookimpl
    async def relay(self, exchange: Exchange, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
        """Look at the reply, and put back what was masked."""
        verdicts: Verdicts | None = exchange.state.get(NAME)
        if verdicts is None or not (self._looks(verdicts.policy) or verdicts.vault.values):
            async for event in events:
                yield event
            return
        if exchange.task not in ("chat", "compact"):
            async for event in events:  # vectors and counts say no words
                yield event
            return
        held = Holdback(verdicts, verdicts.policy, int(self.settings.hold))
        async for event in held.through(events):
            yield event

    @hookimpl
    async def recover(self, exchange: Exchange, attempt: Attempt) -> Next | None:
        """Ask once more when a reply broke its schema."""
        verdicts: Verdicts | None = exchange.state.get(NAME)
        if verdicts is None or verdicts.correction is None or exchange.task != "chat":
            return None
        wrong, verdicts.correction = verdicts.correction, None
        if getattr(attempt.error, "code", None) != MISMATCH:
            return None
        verdicts.corrected = True
        return Next(attempt.target, request=corrected(attempt.request, verdicts.answered, wrong))

    @hookimpl
    async def settle(self, exchange: Exchange) -> None:
        """Write the verdicts down."""
        verdicts: Verdicts | None = exchange.state.get(NAME)
        if verdicts is not None and (rows := verdicts.rows()):
            await exchange.gateway.store.append(NAME, rows)

    @staticmethod
    def _looks(policy: Policy) -> bool:
        return any(rule.looks("output") for rule in policy.rules)


async def _sweep(gateway: Gateway, keep: float) -> None:
    while True:
        await gateway.store.trim(NAME, gateway.clock.time() - keep)
        await asyncio.sleep(DAY)
