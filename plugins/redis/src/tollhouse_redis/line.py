"""The way of many calls to one script: what is asked while a batch is under way goes out as the next batch."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from tollhouse.errors import StoreError, TollhouseError
from tollhouse.store.counters import micros

from .dialer import Dialer
from .link import Link
from .packing import command
from .scripts import Script

ANSWERS_WITHIN = 5.0
"""Seconds after which a connection that does not answer is given up."""
BACKLOG = 20_000
"""Calls that may wait; more are refused at once."""
BATCH_BYTES = 1024 * 1024
"""Bytes of operations after which a batch is full."""

_SLOWEST = 0.5
_REDIRECTS = 3
_REFUSED = ("NOPERM", "ERR unknown command", "ERR This Redis command is not allowed")
_GONE = ("LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "NOAUTH")


class _Call:
    """An operation and whoever awaits it."""

    __slots__ = ("future", "op")

    def __init__(self, op: bytes, future: asyncio.Future[Any]) -> None:
        self.op, self.future = op, future


class Line:
    """Calls of one script over one connection, which is made when needed and again when lost.

    There is no timer: an idle line sends what one turn of the event loop asked for, a busy one collects until the
    answer is there. A caller that is cancelled while it waits is not sent; one that was sent is answered and nobody
    listens. After a failed connect, calls fail at once until the next try, half a second later at most.
    """

    def __init__(
        self,
        dialer: Dialer,
        root: bytes,
        script: Script,
        clock: Callable[[], float] | None,
        *,
        batch: int,
    ) -> None:
        self._dialer, self._root, self._script, self._clock = dialer, root, script, clock
        self._batch = batch
        self._queue: deque[_Call] = deque()
        self._sent: list[_Call] = []
        self._sent_at = 0.0
        self._link: Link | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._flushing = self._watching = self._closed = False
        self._failures, self._not_before = 0, 0.0
        self._error: TollhouseError = StoreError("Redis was not asked yet")
        self._redirects = 0

    async def run(self, op: bytes) -> Any:
        """The answer to an operation. Raises StoreError; ConfigError when this Redis will never do."""
        if self._closed:
            raise StoreError("the store is closed")
        loop = asyncio.get_running_loop()
        if self._link is None and self._failures and loop.time() < self._not_before:
            raise _again(self._error)
        if len(self._queue) >= BACKLOG:
            raise StoreError(f"the store is overloaded: {BACKLOG} operations are waiting")
        call = _Call(op, loop.create_future())
        self._enqueue(call)
        return await call.future

    @property
    def connected(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._link is not None and not self._link.lost

    def post(self, op: bytes) -> None:
        """Send an operation for whose answer nobody waits; `close` does."""
        future = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._enqueue(_Call(op, future))

    async def close(self, within: float) -> None:
        """Let what was asked end, for so many seconds, and hang up."""
        self._closed = True
        waiting = [call.future for call in (*self._sent, *self._queue) if not call.future.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=within)
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        if self._link is not None:
            self._link.drop("the store is closed")
        self._fail([*self._sent, *self._queue], StoreError("the store is closed"))
        self._sent, self._queue = [], deque()

    def _enqueue(self, call: _Call) -> None:
        self._queue.append(call)
        if not self._sent:
            self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        if self._sent:
            return
        if self._link is None or self._link.lost:
            if self._queue and (self._connecting is None or self._connecting.done()):
                self._connecting = asyncio.get_running_loop().create_task(self._connect())
            return
        size = 0
        while self._queue and len(self._sent) < self._batch and size < BATCH_BYTES:
            call = self._queue.popleft()
            if not call.future.done():
                self._sent.append(call)
                size += len(call.op)
        if self._sent:
            self._send(self._link)

    def _send(self, link: Link, *, whole: bool = False) -> None:
        loop = asyncio.get_running_loop()
        self._sent_at = loop.time()
        if not self._watching:
            self._watching = True
            loop.call_later(ANSWERS_WITHIN, self._watch)
        now = str(micros(self._clock())) if self._clock else b""
        how = ("EVAL", self._script.source) if whole or not link.knows_sha else ("EVALSHA", self._script.sha)
        link.ask(command(*how, b"1", self._root, now, *(call.op for call in self._sent)), self._answered)

    def _answered(self, reply: Any) -> None:
        if isinstance(reply, list):
            self._redirects = 0
            for call, answer in zip(self._sent, reply, strict=True):
                if call.future.done():
                    continue
                if isinstance(answer, Exception):
                    call.future.set_exception(self._refused(answer))
                    self._leave_if_gone(str(answer))
                else:
                    call.future.set_result(answer)
        elif self._tried_otherwise(str(reply)):
            return
        else:
            self._fail(self._sent, reply if isinstance(reply, StoreError) else self._refused(reply))
            self._leave_if_gone(str(reply))
        self._sent = []
        if self._queue:
            # Behind the callers that were just answered, whose next calls belong into this batch.
            self._flush_soon()

    def _tried_otherwise(self, error: str) -> bool:
        """Send the batch, which was not run, another way: with its source, or to another node."""
        link = self._link
        if link is None or link.lost:
            return False
        if error.startswith("NOSCRIPT"):
            self._send(link, whole=True)
            return True
        if error.startswith(_REFUSED) and link.knows_sha:
            link.knows_sha = False
            self._send(link)
            return True
        if self._redirects < _REDIRECTS and self._dialer.follow(error):
            self._redirects += 1
            self._queue.extendleft(reversed(self._sent))
            self._sent, self._link = [], None
            link.drop("the keys are on another node")
            self._flush()
            return True
        return False

    async def _connect(self) -> None:
        try:
            self._link = await self._dialer.dial()
        except Exception as error:
            # Whatever it is, nobody may wait for ever: a host's name that cannot be one is a UnicodeError.
            if not isinstance(error, TollhouseError):
                error = StoreError(f"Redis cannot be reached: {error!r}")
            self._unreachable(error)
            return
        self._failures = 0
        self._flush()

    def _unreachable(self, error: TollhouseError) -> None:
        self._link, self._error, self._failures = None, error, self._failures + 1
        wait = min(_SLOWEST, 0.05 * 2 ** min(self._failures, 8))
        self._not_before = asyncio.get_running_loop().time() + random.uniform(wait / 2, wait)  # noqa: S311
        self._fail(self._queue, error)
        self._queue = deque()

    def _watch(self) -> None:
        """Give up a connection that has not answered for too long."""
        loop = asyncio.get_running_loop()
        left = self._sent_at + ANSWERS_WITHIN - loop.time()
        self._watching = bool(self._sent)
        if not self._sent or self._link is None:
            return
        if left <= 0:
            self._watching = False
            self._link.drop(f"Redis did not answer within {ANSWERS_WITHIN:g} seconds")
        else:
            loop.call_later(left, self._watch)

    def _refused(self, reply: Exception) -> StoreError:
        where = self._link.address if self._link is not None else "?"
        needs = "; the store needs EVALSHA or EVAL" if str(reply).startswith(_REFUSED) else ""
        return StoreError(f"Redis at {where} says: {reply}{needs}")

    def _leave_if_gone(self, error: str) -> None:
        """Dial again when this server cannot help any more: after a failover the name leads to another one."""
        if error.startswith(_GONE) and self._link is not None:
            self._link.drop(error)

    def _fail(self, calls: Iterable[_Call], error: TollhouseError) -> None:
        for call in calls:
            if not call.future.done():
                call.future.set_exception(_again(error))


def _again(error: TollhouseError) -> TollhouseError:
    """The same error for another caller, who adds a traceback of its own."""
    return StoreError(str(error)) if isinstance(error, StoreError) else error
