"""Settlements that could not be delivered: kept in a bounded file of this process until the store is back."""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
from collections import deque
from collections.abc import Mapping
from pathlib import Path

import msgspec

from .interface import Row

log = logging.getLogger("tollhouse.store")

BOUND = 10_000
"""Settlements kept; beyond, the oldest are dropped."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One `settle` to be made later; making it twice changes nothing."""

    hold: str
    actual: Mapping[str, int]
    row: Row | None = None
    mail: tuple[tuple[str, bytes], ...] = ()


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Entry).decode


class Spool:
    """A queue of settlements with a file of its own in `folder` (None keeps it in memory only).

    The file is locked while its process lives. A new spool takes over the files whose process is gone, so a
    restart loses nothing; what was delivered already is delivered again, which `settle` ignores.
    """

    def __init__(self, folder: Path | None, bound: int = BOUND) -> None:
        self._folder, self._bound = folder, bound
        self._entries: deque[Entry] = deque()
        self._file: int | None = None
        self._path = Path()
        self._lines = 0
        self._complained = False
        self.dropped = 0
        if folder is not None and folder.is_dir():
            for path in sorted(folder.glob("settle-*.jsonl")):
                self._adopt(path)

    def __len__(self) -> int:
        return len(self._entries)

    def first(self) -> Entry | None:
        """The oldest settlement."""
        return self._entries[0] if self._entries else None

    def add(self, entry: Entry) -> None:
        """Keep one more, at the cost of the oldest when the spool is full."""
        if len(self._entries) >= self._bound:
            self._entries.popleft()
            self.dropped += 1
            if self.dropped == 1:
                log.error("more than %d settlements wait for the store: the oldest are dropped", self._bound)
        self._entries.append(entry)
        self._write([entry])

    def delivered(self, entry: Entry) -> None:
        """Forget the oldest, if it still is this one."""
        if self.first() is entry:
            self._entries.popleft()
        if not self._entries and self._file is not None:
            os.ftruncate(self._file, 0)
            self._lines = 0

    def close(self) -> None:
        """Leave the file for the next process, or none when nothing waits."""
        if self._file is not None:
            if not self._entries:
                self._path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = None
        elif self._entries:
            log.error("%d settlements were never delivered and are lost", len(self._entries))

    def _write(self, entries: list[Entry]) -> None:
        if self._folder is None:
            return
        try:
            if self._file is None or self._lines >= 2 * self._bound:
                self._begin(self._folder)
                entries = list(self._entries)
            if self._file is not None:
                os.write(self._file, b"".join(_encode(entry) + b"\n" for entry in entries))
                self._lines += len(entries)
        except OSError as error:
            if not self._complained:
                self._complained = True
                log.warning("settlements wait in memory only: %s cannot be written: %s", self._folder, error)

    def _begin(self, folder: Path) -> None:
        """Start a file, in place of the one before, which is full of delivered lines."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"settle-{os.getpid()}-{secrets.token_hex(4)}.jsonl"
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_RDWR, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        before, self._file = self._file, file
        if before is not None:
            self._path.unlink(missing_ok=True)
            os.close(before)
        self._path, self._lines = path, 0

    def _adopt(self, path: Path) -> None:
        try:
            file = os.open(path, os.O_RDWR)
        except OSError:
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lines = path.read_bytes().splitlines()
        except OSError:
            return  # Its process lives, or another one was faster.
        else:
            for line in lines:
                try:
                    self.add(_decode(line))
                except msgspec.MsgspecError:
                    continue  # The line a crash cut short.
            path.unlink(missing_ok=True)
        finally:
            os.close(file)
