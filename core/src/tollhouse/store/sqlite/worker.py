"""A thread that owns a connection and runs jobs on it, as many in one transaction as are waiting."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from ...errors import StoreError
from ..counters import micros
from .sheet import Sheet

T = TypeVar("T")

BATCH = 256
"""Jobs in one transaction at most."""
BACKLOG = 20_000
"""Jobs that may wait; more are refused at once."""
PATIENCE = 2.0
"""Seconds to go on trying while other processes hold the lock."""

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class Tx:
    """A running transaction, as its jobs see it: the connection, the present (microseconds), the counters."""

    __slots__ = ("_sheet", "_writes", "db", "now")

    def __init__(self, db: sqlite3.Connection, now: int, *, writes: bool) -> None:
        self.db, self.now = db, now
        self._writes = writes
        self._sheet: Sheet | None = None

    @property
    def sheet(self) -> Sheet:
        """The counters this transaction touches; holds whose time ran out are lost by then."""
        if self._sheet is None:
            self._sheet = Sheet(self.db)
            self._sheet.reap(self.now, record=self._writes)
        return self._sheet

    def reap(self) -> None:
        """Lose the holds whose time ran out by now; `sheet` does so too."""
        _ = self.sheet

    def flush(self) -> None:
        """Write changed counters, before the commit."""
        if self._sheet is not None and self._writes:
            self._sheet.flush()


Job = Callable[[Tx], Any]


class _Call:
    """A job with the future that awaits it, if anybody does."""

    __slots__ = ("error", "future", "job", "result")

    def __init__(self, job: Job, future: asyncio.Future[Any] | None) -> None:
        self.job, self.future = job, future
        self.result: Any = None
        self.error: BaseException | None = None


class Worker:
    """Runs jobs in order on a thread of its own, which starts with the first job.

    A job is a pure function of its transaction: when one of a batch fails, the batch is rolled back and every
    job runs again alone, so that only the failing one fails. A job whose caller was cancelled is still run.
    `begin` is how a transaction starts, empty for none; `after` is called behind every batch.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], sqlite3.Connection],
        clock: Callable[[], float],
        *,
        begin: str,
        after: Callable[[], None] | None = None,
    ) -> None:
        self._name, self._connect, self._clock = name, connect, clock
        self._begin, self._after = begin, after
        self._queue: SimpleQueue[_Call | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._start = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._closed = False

    async def run(self, job: Callable[[Tx], T]) -> T:
        """The job's result, once it is committed."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._put(_Call(job, future))
        return await future

    def post(self, job: Job) -> None:
        """Run a job for which nobody waits, if there is room for it; from any thread."""
        try:
            self._put(_Call(job, None))
        except StoreError:
            return

    @property
    def started(self) -> bool:
        """Whether any job was given yet."""
        return self._thread is not None

    async def close(self) -> None:
        """Run what is queued, then end the thread and its connection."""
        self._closed = True
        if self._thread is not None:
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)

    def _put(self, call: _Call) -> None:
        if self._closed:
            raise StoreError("the store is closed")
        if self._queue.qsize() >= BACKLOG:
            raise StoreError(f"the store is overloaded: {BACKLOG} operations are waiting")
        self._queue.put(call)
        if self._thread is None:
            with self._start:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                    self._thread.start()

    def _work(self) -> None:
        ending = False
        while not ending:
            waiting = self._queue.get()
            batch: list[_Call] = []
            while waiting is not None:
                batch.append(waiting)
                if len(batch) == BATCH:
                    break
                try:
                    waiting = self._queue.get_nowait()
                except Empty:
                    break
            ending = waiting is None
            if batch:
                self._serve(batch)
                _deliver(batch)
                if self._after is not None:
                    self._after()
        self._disconnect()

    def _serve(self, batch: list[_Call]) -> None:
        deadline = time.monotonic() + PATIENCE
        error = self._transact(batch, deadline)
        if error is not None and len(batch) > 1:
            for call in batch:
                call.error = self._transact([call], deadline)
        else:
            batch[0].error = error

    def _transact(self, batch: list[_Call], deadline: float) -> BaseException | None:
        """Run a batch in one transaction; what went wrong with it, if anything."""
        while True:
            try:
                self._attempt(batch)
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _BUSY:
                    self._disconnect()
                    return _lost(error)
                if time.monotonic() > deadline:
                    return _lost(error)
                time.sleep(random.uniform(50e-6, 400e-6))  # noqa: S311
            except OSError as error:
                return _lost(error)
            except Exception as error:
                return error
            else:
                return None

    def _attempt(self, batch: list[_Call]) -> None:
        if self._db is None:
            self._db = self._connect()
        db = self._db
        if self._begin:
            db.execute(self._begin)
        try:
            tx = Tx(db, micros(self._clock()), writes=self._begin == "BEGIN IMMEDIATE")
            for call in batch:
                call.result = call.job(tx)
            tx.flush()
            if self._begin:
                db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _disconnect(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None


def _lost(error: Exception) -> StoreError:
    lost = StoreError(f"SQLite: {error}")
    lost.__cause__ = error
    return lost


def _deliver(batch: list[_Call]) -> None:
    loops: dict[asyncio.AbstractEventLoop, list[_Call]] = {}
    for call in batch:
        if call.future is not None:
            loops.setdefault(call.future.get_loop(), []).append(call)
    for loop, calls in loops.items():
        try:
            loop.call_soon_threadsafe(_resolve, calls)
        except RuntimeError:
            continue  # That loop is closed: nobody awaits these any more.


def _resolve(calls: list[_Call]) -> None:
    for call in calls:
        future = call.future
        if future is None or future.done():
            continue
        if call.error is not None:
            future.set_exception(call.error)
        else:
            future.set_result(call.result)
