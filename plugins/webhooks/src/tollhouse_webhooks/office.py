"""The office: hears what happens, puts messages into the outbox, and keeps a lane for every webhook.

One a process, living as long as the gateway: it works by the configuration that serves, so that a reload changes
webhooks without losing or doubling a message.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tollhouse import StoreError
from tollhouse.events import Event, RequestEnded

from .deliveries import KEPT_FOR, Trim
from .lane import Lane
from .letter import Letter, about, write
from .notices import ONCE_IN, Notice, of_event, type_of, type_of_outcome
from .outbox import bury, put_in
from .settings import Webhook

if TYPE_CHECKING:
    from tollhouse.gateway import Gateway

log = logging.getLogger("tollhouse.webhooks")

LOOK = 1.0
"""Seconds between two looks at the configuration, when nothing says that it changed."""

UPKEEP = 60.0
"""Seconds between two trims of the logs."""

BURIALS = 60
"""Trims between two looks for old dead letters."""

HITS = 4096
"""Limits whose refusal within this minute a process remembers to have told."""

MONEY = "budget:"
"""How the counters of budgets begin: what they refuse is told as a budget that is used up, not as a limit."""


def webhooks_of(gateway: Gateway) -> Mapping[str, Webhook]:
    """The webhooks of the configuration that serves."""
    plugin: Any = next((one.plugin for one in gateway.edition.plugged if one.name == "webhooks"), None)
    return getattr(plugin, "webhooks", {})


def office_of(gateway: Gateway) -> Office:
    """The one office of a gateway."""
    return gateway.keep("webhooks:office", lambda: Office(gateway))


class Office:
    """Everything the webhooks of one process do."""

    def __init__(self, gateway: Gateway) -> None:
        self.lanes: dict[str, Lane] = {}
        self._gateway = gateway
        self._tasks: dict[Lane, asyncio.Task[None]] = {}
        self._open = False
        self._changed = asyncio.Event()
        self._minute = 0
        self._hits: set[str] = set()

    def open(self) -> None:
        """Begin to listen and to deliver; once."""
        if self._open:
            return
        self._open = True
        gateway = self._gateway
        gateway.feed.listen(self._hear)
        gateway.spawn(self._run, name="webhooks")
        gateway.spawn(self._keep_up, name="webhooks:upkeep", each="cluster")

    def wanting(self, notice: Notice, *, but: str = "") -> list[str]:
        """The webhooks that get this message: those that ask for it and are not switched off."""
        said = about(notice.data)
        return [
            name
            for name, webhook in webhooks_of(self._gateway).items()
            if name != but and webhook.wants(notice.type, said) and not self._is_off(name)
        ]

    async def post(self, notice: Notice, *, but: str = "") -> None:
        """Put a message into the outbox, once in all processes that know the store. Never raises: while the store is
        away the gateway keeps it in a file."""
        names = self.wanting(notice, but=but)
        if not names:
            return
        letter = write(notice.type, notice.at, notice.data, notice.id)
        if notice.type == "store.down":
            names = await self._at_once(names, letter)
        try:
            await put_in(self._gateway.store, f"mail:{letter.id}", names, letter)
        except StoreError as error:
            log.error("%s could not be put into the outbox: %s", letter.type, error)
        self.wake(names)

    def wake(self, names: Iterable[str]) -> None:
        """Something may be due for these."""
        for name in names:
            if name in self.lanes:
                self.lanes[name].wake()

    def _is_off(self, name: str) -> bool:
        lane = self.lanes.get(name)
        return lane is not None and lane.off

    async def _at_once(self, names: list[str], letter: Letter) -> list[str]:
        """Deliver without the outbox, which is what is away; the names of those who did not take it."""
        lanes = [self.lanes[name] for name in names if name in self.lanes]
        outcomes = await asyncio.gather(*(lane.carrier.deliver(letter) for lane in lanes))
        told = {lane.name for lane, outcome in zip(lanes, outcomes, strict=True) if outcome.ok}
        return [name for name in names if name not in told]

    def _hear(self, event: Event) -> None:
        tag = event.__struct_config__.tag
        if isinstance(event, RequestEnded):
            said = {"team": event.team, "model": event.model, "key": event.key}
            type_ = type_of_outcome(event.outcome)
            self.wake([name for name, lane in self.lanes.items() if lane.webhook.wants(type_, said)])
            return
        if tag == "config.reloaded":
            self._changed.set()
        type_ = type_of(event)
        if not type_ or not webhooks_of(self._gateway):
            return
        if type_ == "limit.hit" and not self._first(str(getattr(event, "key", "")), event.at):
            return
        if str(getattr(event, "about", "")).startswith("webhook."):
            return  # news of news that did not get through would never end
        id_ = getattr(event, "id", "") if type_ == "limit.hit" else ""
        exchange = next((one for one in self._gateway.in_flight if one.id == id_), None) if id_ else None
        notice = of_event(event, exchange)
        if notice is not None:
            self._gateway.finishing(self.post(notice, but=str(getattr(event, "webhook", ""))))

    def _first(self, key: str, at: float) -> bool:
        """Whether this limit has not been told in this minute."""
        minute = int(at // ONCE_IN)
        if minute != self._minute:
            self._minute = minute
            self._hits.clear()
        if key.startswith(MONEY) or key in self._hits or len(self._hits) >= HITS:
            return False
        self._hits.add(key)
        return True

    async def _run(self) -> None:
        """Keep a lane for each webhook as the configuration has it; ends with the gateway."""
        try:
            while True:
                self._changed.clear()
                self._arrange()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK):
                        await self._changed.wait()
        finally:
            for task in self._tasks.values():
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks.values())

    def _arrange(self) -> None:
        wanted = webhooks_of(self._gateway)
        for name, lane in list(self.lanes.items()):
            if wanted.get(name) != lane.webhook:
                lane.stop()
                del self.lanes[name]
        for lane, task in list(self._tasks.items()):
            if not task.done():
                continue
            del self._tasks[lane]
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("webhook %s stopped, and starts again", lane.name, exc_info=error)
                self.lanes.pop(lane.name, None)
        for name, webhook in wanted.items():
            if name not in self.lanes:
                lane = self.lanes[name] = Lane(self._gateway, name, webhook)
                self._tasks[lane] = asyncio.create_task(lane.run(), name=f"webhooks:{name}")

    async def _keep_up(self) -> None:
        """On one process of the cluster: keep logs and dead letters bounded."""
        trims: dict[str, Trim] = {}
        for turn in itertools.count():
            await asyncio.sleep(UPKEEP)
            for name in webhooks_of(self._gateway):
                trim = trims.setdefault(name, Trim(self._gateway.store, name))
                with suppress(StoreError):
                    now = self._gateway.clock.time()
                    await trim.look(now)
                    if turn % BURIALS == 0:
                        await bury(self._gateway.store, name, now - KEPT_FOR)
