"""All workers as one: who there is, and a question put to every one of them through the store's topics.

Each worker keeps a key with a short life in the store. A question is published on one topic, each worker publishes its
answer on the asker's own; a worker that is alone answers itself and publishes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Raw, Struct
from tollhouse import Rejected, StoreError
from tollhouse.gateway import Gateway

log = logging.getLogger("tollhouse.admin")

WORKERS = "admin:worker:"
ASK = "admin:ask"
ANSWER = "admin:answer:"
ALIVE = 10.0
"""Seconds a worker counts as there without a sign of life."""
BEAT = 3.0
PATIENCE = 2.0
"""Seconds an answer may take; a store that is polled needs a part of it each way."""

T = TypeVar("T")
Work = Callable[[bytes], Awaitable[Any]]


class Peer(Struct, frozen=True, kw_only=True):
    """A worker, as it says of itself."""

    id: str
    pid: int
    node: str
    started_at: float
    seen_at: float


class Question(Struct, frozen=True, kw_only=True):
    """Asked of `to`, or of everybody when it is empty."""

    id: str
    asker: str
    what: str
    args: Raw = Raw(b"null")
    to: tuple[str, ...] = ()
    quiet: bool = False
    """Whether nobody waits for answers."""


class Answer(Struct, frozen=True, kw_only=True):
    """One worker's answer, or why there is none."""

    id: str
    worker: str
    data: Raw = Raw(b"null")
    failed: str = ""


class Replies(Generic[T]):
    """The answers by worker. `missing` did not answer in time; `failed` say why they could not."""

    def __init__(self) -> None:
        self.by: dict[str, T] = {}
        self.missing: list[str] = []
        self.failed: dict[str, str] = {}

    @property
    def replied(self) -> list[str]:
        """Who answered, in a stable order."""
        return sorted([*self.by, *self.failed])


class Cluster:
    """One worker's place among all. `answers` says what it can be asked, by name."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.id = secrets.token_hex(4)
        self.node = socket.gethostname()
        self.started_at = gateway.clock.time()
        self.answers: dict[str, Work] = {}
        self._waiting: dict[str, asyncio.Queue[Answer]] = {}
        self._working: set[asyncio.Task[None]] = set()

    def peer(self) -> Peer:
        """This worker."""
        now = self._gateway.clock.time()
        return Peer(id=self.id, pid=os.getpid(), node=self.node, started_at=self.started_at, seen_at=now)

    async def peers(self) -> list[Peer]:
        """Every worker that gave a sign of life of late, this one among them; only this one while the store is away."""
        found = {self.id: self.peer()}
        try:
            async for _, value in self._gateway.store.scan(WORKERS, "", 1000):
                peer = msgspec.json.decode(value.data, type=Peer)
                found.setdefault(peer.id, peer)
        except StoreError as error:
            log.debug("only this worker is known: %s", error)
        return sorted(found.values(), key=lambda one: (one.started_at, one.id))

    async def beat(self) -> None:
        """Give signs of life for ever."""
        store = self._gateway.store
        try:
            while True:
                try:
                    await store.put(WORKERS + self.id, msgspec.json.encode(self.peer()), ttl=ALIVE)
                except StoreError as error:
                    log.debug("no sign of life reached the store: %s", error)
                await asyncio.sleep(BEAT)
        finally:
            self._gateway.finishing(self._leave())

    async def listen(self) -> None:
        """Answer questions, and take answers, for ever."""
        subscription = self._gateway.store.subscribe(ASK, ANSWER + self.id)
        try:
            async for topic, data in subscription:
                if topic == ASK:
                    question = msgspec.json.decode(data, type=Question)
                    if question.asker != self.id and (not question.to or self.id in question.to):
                        task = asyncio.create_task(self._reply(question))
                        self._working.add(task)
                        task.add_done_callback(self._working.discard)
                    continue
                answer = msgspec.json.decode(data, type=Answer)
                if (waiting := self._waiting.get(answer.id)) is not None:
                    waiting.put_nowait(answer)
        finally:
            for task in self._working:
                task.cancel()
            await subscription.aclose()

    async def ask(
        self,
        what: str,
        args: Any,
        kind: type[T],
        *,
        to: Collection[str] = (),
        patience: float = PATIENCE,
    ) -> Replies[T]:
        """Ask every worker, or those in `to`; returns as soon as all have answered, or after `patience` seconds."""
        replies: Replies[T] = Replies()
        raw = msgspec.json.encode(args)
        expected = {peer.id for peer in await self.peers() if not to or peer.id in to}
        others = expected - {self.id}
        queue: asyncio.Queue[Answer] = asyncio.Queue()
        id_ = secrets.token_hex(8)
        if others:
            self._waiting[id_] = queue
            question = Question(id=id_, asker=self.id, what=what, args=Raw(raw), to=tuple(to))
            try:
                await self._gateway.store.publish(ASK, msgspec.json.encode(question))
            except StoreError as error:
                log.debug("nobody else could be asked: %s", error)
                patience = 0.0
        try:
            if not to or self.id in to:
                self._take(replies, await self._answer(id_, what, raw), kind)
            async with asyncio.timeout(patience):
                while others - replies.by.keys() - replies.failed.keys():
                    self._take(replies, await queue.get(), kind)
        except TimeoutError:
            pass
        finally:
            self._waiting.pop(id_, None)
        replies.missing = sorted(expected - replies.by.keys() - replies.failed.keys())
        return replies

    async def tell(self, what: str) -> None:
        """Tell every other worker something that needs no answer."""
        question = Question(id=secrets.token_hex(8), asker=self.id, what=what, quiet=True)
        try:
            await self._gateway.store.publish(ASK, msgspec.json.encode(question))
        except StoreError as error:
            log.debug("nobody else could be told: %s", error)

    def _take(self, replies: Replies[T], answer: Answer, kind: type[T]) -> None:
        if answer.failed:
            replies.failed[answer.worker] = answer.failed
        else:
            replies.by[answer.worker] = msgspec.json.decode(answer.data, type=kind)

    async def _reply(self, question: Question) -> None:
        answer = await self._answer(question.id, question.what, bytes(question.args))
        if question.quiet:
            return
        try:
            await self._gateway.store.publish(ANSWER + question.asker, msgspec.json.encode(answer))
        except StoreError as error:
            log.debug("an answer did not reach its asker: %s", error)

    async def _answer(self, id_: str, what: str, args: bytes) -> Answer:
        work = self.answers.get(what)
        if work is None:
            return Answer(id=id_, worker=self.id, failed="this worker does not know the question")
        try:
            said = await work(args)
        except Rejected as error:
            return Answer(id=id_, worker=self.id, failed=error.message)
        except Exception:
            log.exception("the question %s could not be answered", what)
            return Answer(id=id_, worker=self.id, failed="this worker failed; its log says why")
        return Answer(id=id_, worker=self.id, data=Raw(msgspec.json.encode(said)))

    async def _leave(self) -> None:
        try:
            await self._gateway.store.drop(WORKERS + self.id)
        except StoreError as error:
            log.debug("the store keeps this worker for a moment: %s", error)
