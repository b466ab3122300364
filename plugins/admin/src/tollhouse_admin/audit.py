"""Who did what, kept in the store's log `audit`, in a chain: each record bears the hash of the one before it.

Other plugins write lines of their own into the same log; they stand between ours and are no part of the chain.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from itertools import pairwise

import msgspec
from msgspec import Struct
from tollhouse import Rejected
from tollhouse.clock import Clock
from tollhouse.store import Store

from .settings_shapes import Audit, AuditItem

LOG = "audit"
HEAD = "admin:audit"
"""The number and the hash of the chain's last record."""
PAGE = 1000
_TRIES = 50
LONGEST = 500
"""Characters of what a record says of a thing."""


class Entry(Struct, frozen=True, kw_only=True):
    """One record. `before` is the SHA-256 of the record with the number before, in hex; empty for the first."""

    at: float
    who: str
    action: str
    what: str
    request_id: str
    number: int
    before: str


class Head(Struct, frozen=True, kw_only=True):
    """The chain's end."""

    number: int = 0
    hash: str = ""


class _Line(Struct, kw_only=True):
    """Any line of the log, of whichever plugin."""

    at: float = 0.0
    who: str = ""
    action: str = ""
    what: str = ""
    key: str = ""
    request_id: str = ""
    number: int | None = None
    before: str = ""


class Book:
    """Writes and reads the log."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def write(self, who: str, action: str, what: str, request_id: str) -> None:
        """Write one record, after the one that is last in all processes together. Raises StoreError, and Rejected when
        others write all the time."""
        for turn in range(_TRIES):
            [value] = await self._store.get(HEAD)
            head = msgspec.json.decode(value.data, type=Head) if value else Head()
            entry = Entry(
                at=self._clock.time(),
                who=who[:LONGEST],
                action=action,
                what=what[:LONGEST],
                request_id=request_id,
                number=head.number + 1,
                before=head.hash,
            )
            line = msgspec.json.encode(entry)
            fresh = msgspec.json.encode(Head(number=entry.number, hash=digest(line)))
            if await self._store.put(HEAD, fresh, expect=value.version if value else 0) is not None:
                await self._store.append(LOG, [line])
                return
            await asyncio.sleep(0.002 * turn)
        raise Rejected("Others write to the audit log all the time; try again.", status=503, code="audit_busy")

    async def read(self, after: str, limit: int) -> Audit:
        """Records after an id, oldest first; without one the latest. Raises StoreError."""
        [value] = await self._store.get(HEAD)
        head = msgspec.json.decode(value.data, type=Head) if value else Head()
        whole = not after
        if after:
            lines = await self._store.read(LOG, after, limit)
        else:
            kept: deque[tuple[str, bytes]] = deque(maxlen=limit)
            while page := await self._store.read(LOG, after, PAGE):
                whole = whole and len(kept) + len(page) <= limit
                kept.extend(page)
                after = page[-1][0]
            lines = list(kept)
        return Audit(
            items=[_item(*line) for line in lines],
            next=lines[-1][0] if lines else after,
            chain=chain(lines, head if whole else None),
        )


def digest(line: bytes) -> str:
    """What the next record says of this one."""
    return hashlib.sha256(line).hexdigest()


def _item(id_: str, data: bytes) -> AuditItem:
    line = _read(data)
    return AuditItem(
        id=id_,
        at=line.at,
        who=line.who,
        action=line.action or line.what,
        what=line.what if line.action else line.key,
        request_id=line.request_id,
        number=line.number,
    )


def chain(lines: list[tuple[str, bytes]], head: Head | None) -> str:
    """`intact`, or which record is missing, changed or out of its place. With the chain's `head` these are all lines
    there are, else some of them that follow one another. Two processes may append in another order than they were
    numbered in; one that was written while the head was read is beyond it."""
    ours = sorted(
        ((line.number, line.before, digest(data)) for _, data in lines if (line := _read(data)).number is not None),
        key=lambda one: one[0] or 0,
    )
    if head is not None:
        first, last = Head(), head
        ours = [(first.number, "", first.hash), *(one for one in ours if (one[0] or 0) <= last.number)]
        ours.append((last.number + 1, last.hash, ""))
    for (number, _, hash_), (following, before, _) in pairwise(ours):
        if following != (number or 0) + 1:
            return f"record {(number or 0) + 1} is not there"
        if before != hash_:
            return f"record {number} or {following} was changed"
    return "intact"


def _read(data: bytes) -> _Line:
    try:
        return msgspec.json.decode(data, type=_Line, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Line(what="unreadable")
