"""One webhook's queue and what takes from it: its own, so that a receiver that hangs holds up nobody else's mail."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import msgspec
from tollhouse import StoreError
from tollhouse.store import Mail

from . import standing as standings
from .courier import Courier
from .deliveries import Delivery, note
from .events import WebhookDisabled, WebhookFailed
from .guard import Resolve
from .letter import Letter, unpacked
from .mailbag import Mailbag
from .outbox import queue_of
from .schedule import Outcome, after
from .settings import Webhook
from .standing import Off

if TYPE_CHECKING:
    from tollhouse.gateway import Gateway

log = logging.getLogger("tollhouse.webhooks")

EVERY = 1.0
"""Seconds between two looks for what is due, when nobody says that something is."""

AT_ONCE = 8
"""Messages that are under way to one webhook at once, from one process."""

MARGIN = 5.0
"""Seconds that a message belongs to a process beyond the webhook's timeout; one whose process died is free then."""

SLOWEST = 60.0
"""Seconds of the longest pause after a receiver asked for less and did not say for how long."""

LONGEST_QUIET = 3600.0
"""Seconds of the longest pause that a receiver is believed; its next messages are then tried again."""

MINUTE = 60.0


class Carrier(Protocol):
    """What carries messages to a receiver."""

    async def deliver(self, letter: Letter) -> Outcome:
        """One delivery. Never raises."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def carrier(webhook: Webhook, time: Callable[[], float], resolve: Resolve | None = None) -> Carrier:
    """What carries messages to this webhook; close it."""
    return Mailbag(webhook) if webhook.format == "email" else Courier(webhook, time, resolve)


class Lane:
    """Takes what is due from one webhook's queue and delivers it, as long as the webhook stays as it is."""

    def __init__(
        self,
        gateway: Gateway,
        name: str,
        webhook: Webhook,
        *,
        resolve: Resolve | None = None,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self.name, self.webhook = name, webhook
        self.off = False
        """Whether the webhook was switched off when last looked."""
        self.carrier = carrier(webhook, gateway.clock.time, resolve)
        self._gateway, self._dice = gateway, dice
        self._wake = asyncio.Event()
        self._stopping = False
        self._quiet_until = 0.0
        self._quiet = 0.0
        self._failing = False
        self._looked_at = float("-inf")
        self._delivered_at: float | None = None

    def wake(self) -> None:
        """Something may be due."""
        self._wake.set()

    def stop(self) -> None:
        """End after what is under way."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Deliver until stopped. Cancelled, what was under way goes back into the queue."""
        try:
            while not self._stopping:
                self._wake.clear()
                try:
                    took = await self.turn()
                except StoreError as error:
                    log.debug("webhook %s waits for the store: %s", self.name, error)
                    took = 0
                if not took and not self._stopping:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(EVERY):
                            await self._wake.wait()
                    if self._gateway.clock.time() < self._quiet_until:
                        await asyncio.sleep(EVERY / 4)
        finally:
            await self.carrier.close()

    async def turn(self) -> int:
        """Deliver what is due, up to AT_ONCE messages; how many there were. Raises StoreError."""
        store, now = self._gateway.store, self._gateway.clock.time()
        await self._look(now)
        if self.off or now < self._quiet_until:
            return 0
        count = 1 if self._quiet else AT_ONCE
        mails = await store.take(queue_of(self.name), count, float(self.webhook.timeout) + MARGIN)
        if not mails:
            return 0
        letters = await self._readable(mails)
        try:
            outcomes = await asyncio.gather(*(self.carrier.deliver(letter) for _, letter in letters))
        except asyncio.CancelledError:
            with suppress(StoreError):
                await store.done(queue_of(self.name), [mail.id for mail, _ in letters], again_at=now)
            raise
        done = [(mail, letter, outcome) for (mail, letter), outcome in zip(letters, outcomes, strict=True)]
        await self._settle(done)
        return len(mails)

    async def _look(self, now: float) -> None:
        if now < self._looked_at + EVERY / 2:
            return
        found = await standings.standing(self._gateway.store, self.name)
        self.off, self._delivered_at = found.off is not None, found.delivered_at
        self._looked_at = now

    async def _readable(self, mails: Sequence[Mail]) -> list[tuple[Mail, Letter]]:
        letters = []
        for mail in mails:
            try:
                letters.append((mail, unpacked(mail.data)))
            except msgspec.DecodeError as error:
                log.error("a message to webhook %s cannot be read, and is dropped: %s", self.name, error)
                await self._gateway.store.done(queue_of(self.name), [mail.id])
        return letters

    async def _settle(self, done: Sequence[tuple[Mail, Letter, Outcome]]) -> None:
        store, now = self._gateway.store, self._gateway.clock.time()
        queue = queue_of(self.name)
        records: list[Delivery] = []
        taken: list[str] = []
        dead: list[tuple[Mail, Letter, Outcome]] = []
        for mail, letter, outcome in done:
            following = after(outcome, mail.tries, now, self._dice())
            records.append(
                Delivery(
                    at=now,
                    tries=mail.tries,
                    state=following.state,
                    status=outcome.status,
                    why=outcome.why,
                    seconds=round(outcome.seconds, 6),
                    letter=letter,
                    next_at=following.at or None,
                )
            )
            if following.state == "delivered":
                taken.append(mail.id)
            elif following.state == "dead":
                dead.append((mail, letter, outcome))
            else:
                await store.done(queue, [mail.id], again_at=following.at)
        self._pace([outcome for _, _, outcome in done], now)
        self._say([outcome for _, _, outcome in done])
        if taken:
            await store.done(queue, taken)
        if dead:
            await store.done(queue, [mail.id for mail, _, _ in dead], dead=True)
        await self._once_a_minute(bool(taken), now)
        await note(store, self.name, records)
        for _, letter, outcome in dead:
            await self._given_up(letter, outcome, now)

    def _pace(self, outcomes: Sequence[Outcome], now: float) -> None:
        """Go slower when the receiver asks for it, as fast as before when it takes messages again."""
        asking = [outcome for outcome in outcomes if outcome.throttled]
        if asking:
            self._quiet = min(SLOWEST, max(1.0, 2 * self._quiet))
            named = max((outcome.retry_after or 0.0 for outcome in asking), default=0.0)
            self._quiet_until = now + max(self._quiet, min(named, LONGEST_QUIET))
        elif any(outcome.ok for outcome in outcomes):
            self._quiet = 0.0

    def _say(self, outcomes: Sequence[Outcome]) -> None:
        """Tell the log when deliveries begin to fail and when they get through again, not each of them."""
        if any(outcome.ok for outcome in outcomes):
            if self._failing:
                log.warning("webhook %s gets through again", self.name)
            self._failing = False
        elif outcomes and not self._failing:
            self._failing = True
            log.warning("webhook %s does not get through, messages are tried again: %s", self.name, outcomes[0].why)

    async def _once_a_minute(self, ok: bool, now: float) -> None:
        if ok and (self._delivered_at is None or now - self._delivered_at >= MINUTE):
            self._delivered_at = now
            await standings.delivered(self._gateway.store, self.name, now)

    async def _given_up(self, letter: Letter, outcome: Outcome, now: float) -> None:
        log.warning("webhook %s: %s %s is given up: %s", self.name, letter.type, letter.id, outcome.why)
        self._gateway.emit(WebhookFailed(at=now, webhook=self.name, id=letter.id, about=letter.type, why=outcome.why))
        if outcome.gone:
            await self._switch_off("it answered 410 Gone", now)
        elif self._delivered_at is None or self._delivered_at < letter.at:
            await self._switch_off("nothing got through for as long as messages are tried again", now)

    async def _switch_off(self, why: str, now: float) -> None:
        self.off = True
        if await standings.switch_off(self._gateway.store, self.name, Off(at=now, why=why)):
            log.warning("webhook %s is disabled: %s", self.name, why)
            self._gateway.emit(WebhookDisabled(at=now, webhook=self.name, why=why))
