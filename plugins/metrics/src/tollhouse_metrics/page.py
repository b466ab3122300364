"""Where one worker's values stand: numbered slots in memory that the other workers of the server can read.

A value is changed in place, so that counting costs a look-up and an addition, and what was counted survives a worker
that is killed.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import secrets
from pathlib import Path

import msgspec

from .families import FAMILIES
from .family import Family

VALUES, NAMES = ".values", ".names"
SPILL = 0
"""The slot for what has no place any more; nobody reads it."""

Entry = tuple[str, tuple[str, ...], int]
"""A series: its family's name, its labels' values, its first slot."""

_decode = msgspec.json.Decoder(Entry).decode


class Page:
    """One worker's values. With a folder they are in a file there, which is locked as long as the worker lives; make
    and adopt such pages under the folder's lock."""

    def __init__(self, slots: int, folder: Path | None = None) -> None:
        """Raises OSError."""
        self.entries: list[Entry] = []
        self.token = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._next = SPILL + 1
        self._slots = slots
        self._file = self._names = -1
        if folder is None:
            self._map = mmap.mmap(-1, slots * 8)
        else:
            self._file = _opened(folder / (self.token + VALUES))
            fcntl.flock(self._file, fcntl.LOCK_EX)
            os.ftruncate(self._file, slots * 8)
            self._names = _opened(folder / (self.token + NAMES))
            self._map = mmap.mmap(self._file, slots * 8)
        self.values = memoryview(self._map).cast("d")

    def place(self, family: Family, labels: tuple[str, ...]) -> int:
        """The first slot of a new series; SPILL when the page is full."""
        first, after = self._next, self._next + family.width
        if after > self._slots:
            return SPILL
        self._next = after
        entry = (family.name, labels, first)
        self.entries.append(entry)
        if self._names >= 0:
            os.write(self._names, msgspec.json.encode(entry) + b"\n")
        return first

    def read(self) -> list[tuple[str, tuple[str, ...], list[float]]]:
        """Every series with its values."""
        return [(name, labels, list(self.values[at : at + FAMILIES[name].width])) for name, labels, at in self.entries]

    def close(self) -> None:
        """Let go of the memory; the files stay."""
        self.values.release()
        self._map.close()
        for number in (self._file, self._names):
            if number >= 0:
                os.close(number)


class Sibling:
    """The page of another worker, as it stands in its files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def alive(self) -> bool:
        """Whether its worker still lives: it holds the lock then. Raises OSError."""
        number = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            return False
        finally:
            os.close(number)

    def read(self) -> list[tuple[str, tuple[str, ...], list[float]]]:
        """Every series with its values; a name that is only half written has no value yet. Raises OSError."""
        names = self.path.with_suffix(NAMES).read_bytes().split(b"\n")[:-1]
        values = memoryview(self.path.read_bytes()).cast("d")
        found = []
        for line in names:
            name, labels, at = _decode(line)
            if name in FAMILIES:
                found.append((name, labels, list(values[at : at + FAMILIES[name].width])))
        return found

    def forget(self) -> None:
        """Delete its files."""
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(NAMES).unlink(missing_ok=True)


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
