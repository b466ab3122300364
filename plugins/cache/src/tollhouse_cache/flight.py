"""Calls under way that others wait for: one call upstream, one log of what it says, a cursor for each follower."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import islice
from typing import Literal

from tollhouse import Exchange, ProviderError
from tollhouse.neutral import Delta, Happening, Opaque, PartStart, Vectors

State = Literal["waiting", "open", "done", "failed", "needless"]

GRACE = 0.25
"""Seconds that a follower who lags may hold up the others, once."""

FLAT = 96
"""Bytes an event costs beside its text."""


class Flight:
    """One call. It is `waiting` until its reply has content that will not be taken back, then `open` until it is
    `done` or has `failed`; `needless` is one that was not made, since its answer was there."""

    def __init__(self, leader: Exchange, room: int) -> None:
        """`room` is how many bytes of the log are kept for a follower who lags."""
        self.leader, self.room = leader, room
        self.state: State = "waiting"
        self.turn = asyncio.Event()
        """Set once it is not `waiting` any more."""
        self.error: ProviderError | None = None
        self.cost = 0
        """Nano-USD the call cost, once it is done."""
        self.trimmed = False
        """Whether the log's beginning is gone: nobody can follow any more who did not before."""
        self._log: deque[tuple[Sequence[Happening], int]] = deque()
        self._first = self._size = 0
        self._cursors: set[Cursor] = set()
        self._news = asyncio.Event()
        self._was_read = asyncio.Event()
        self._aboard = 0
        self._sponsor = ExitStack()

    def board(self) -> None:
        """Somebody depends on this call: it goes on though its own caller leaves. Each must `leave` once."""
        self._aboard += 1
        if self._aboard == 1 and self.state in ("waiting", "open"):
            self._sponsor.enter_context(self.leader.sponsor())

    def leave(self) -> None:
        """One fewer does."""
        self._aboard -= 1
        if self._aboard == 0:
            self._sponsor.close()

    def follow(self) -> Cursor:
        """A place in the log, at its beginning; to be `closed` once."""
        cursor = Cursor(self, self._first)
        self._cursors.add(cursor)
        return cursor

    def say(self, happenings: Sequence[Happening]) -> None:
        """The reply says more, and will not take it back."""
        size = weight(happenings)
        self._log.append((happenings, size))
        self._size += size
        self._trim()
        if self.state == "waiting":
            self.state = "open"
            self.turn.set()
        self._tell()

    def done(self, cost: int) -> None:
        """The reply is complete."""
        self._end("done")
        self.cost = cost

    def fail(self, error: ProviderError) -> None:
        """The call failed. Who has read nothing yet asks again; who has, reads the same failure."""
        self.error = error
        self._end("failed")

    def needless(self) -> None:
        """The call need not be made. Who waits asks again."""
        self._end("needless")

    def _end(self, state: State) -> None:
        self.state = state
        self._sponsor.close()
        self.turn.set()
        self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    @property
    def crowded(self) -> bool:
        """Whether more is kept than there is room for, since somebody has yet to read it."""
        return self._size > self.room and len(self._log) > 1

    async def catch_up(self) -> None:
        """Give those who lag a moment to make room; who does not is left behind."""
        try:
            async with asyncio.timeout(GRACE):
                while self.crowded:
                    await self._was_read.wait()
                    self._was_read.clear()
                    self._trim()
        except TimeoutError:
            while self.crowded:
                for cursor in self._cursors:
                    cursor.lost = cursor.lost or cursor.at <= self._first
                self._drop()

    def _trim(self) -> None:
        """Forget what everybody has read, once there is more than room for."""
        least = min((cursor.at for cursor in self._cursors if not cursor.lost), default=self._first + len(self._log))
        while self.crowded and least > self._first:
            self._drop()

    def _drop(self) -> None:
        self.trimmed = True
        self._size -= self._log.popleft()[1]
        self._first += 1

    def forget(self, cursor: Cursor) -> None:
        """A follower is gone."""
        self._cursors.discard(cursor)
        self._was_read.set()

    async def read(self, cursor: Cursor) -> Sequence[Happening] | None:
        """What comes next at a cursor, all that is there; None at the end. Raises what the call failed with, and
        `ProviderError` for a follower who was left behind."""
        while not cursor.lost:
            place = cursor.at - self._first
            if place < len(self._log):
                said = [one for chunk, _ in islice(self._log, place, None) for one in chunk]
                cursor.at = self._first + len(self._log)
                self._was_read.set()
                return joined(said)
            if self.state == "done":
                return None
            if self.error is not None:
                raise copied(self.error)
            await self._news.wait()
        raise ProviderError(
            "This answer is shared with an identical call, and was read too slowly to keep up with it.",
            kind="cut",
            code="cache_follower_lost",
        )


class Cursor:
    """How far one follower has read."""

    __slots__ = ("_flight", "at", "lost")

    def __init__(self, flight: Flight, at: int) -> None:
        self._flight, self.at, self.lost = flight, at, False

    def close(self) -> None:
        """Read no more."""
        self._flight.forget(self)


def joined(happenings: Sequence[Happening]) -> list[Happening]:
    """The same with what is said of a part in one go said at once: who comes late need not hear it word by word."""
    out: list[Happening] = []
    run: list[Delta] = []
    for one in happenings:
        if isinstance(one, Delta) and run and (run[0].choice, run[0].index) == (one.choice, one.index):
            run.append(one)
            continue
        _close(run, out)
        run = [one] if isinstance(one, Delta) else []
        if not run:
            out.append(one)
    _close(run, out)
    return out


def _close(run: list[Delta], out: list[Happening]) -> None:
    if len(run) < 2:
        out += run
        return
    out.append(
        Delta(
            index=run[0].index,
            choice=run[0].choice,
            text="".join([one.text for one in run]),
            signature="".join([one.signature for one in run]),
            opaque="".join([one.opaque for one in run]),
        )
    )


def weight(happenings: Sequence[Happening]) -> int:
    """About how many bytes these hold."""
    total = FLAT * len(happenings)
    for one in happenings:
        match one:
            case Delta():
                total += len(one.text) + len(one.signature) + len(one.opaque)
            case Vectors(vectors=vectors):
                total += sum(map(len, vectors)) * 32
            case PartStart(opaque=Opaque(raw=raw)):
                total += len(bytes(raw))
            case _:
                pass
    return total


def late() -> ProviderError:
    """An identical call, whose reply this one shares, takes longer than this one may."""
    return ProviderError(
        "The upstream timed out: an identical call under way took longer than this one's deadline allows.",
        kind="timeout",
        code="upstream_timeout",
    )


def copied(error: ProviderError) -> ProviderError:
    """The same failure, for another caller: an exception has one traceback."""
    return ProviderError(
        error.message,
        kind=error.kind,
        status=error.status,
        code=error.code,
        type=error.type,
        param=error.param,
        retry_after=error.retry_after,
        raw=error.raw,
        content_type=error.content_type,
        should_retry=error.should_retry,
        again=error.again,
    )
