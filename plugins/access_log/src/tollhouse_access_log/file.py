"""Where lines go: the standard output, or a file that several processes write and any of them may rotate."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path


class Output:
    """The standard output."""

    def write(self, data: bytes) -> None:
        """Write whole lines."""
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def close(self) -> None:
        """It stays open: it is not ours."""


class File:
    """A file. Each write is one append, so that lines of several processes do not mix. A file that was moved away,
    by another process or by a tool such as logrotate, is made anew."""

    def __init__(self, path: Path, largest: int, keep: int) -> None:
        """Opens it. Raises OSError."""
        self._path, self._largest, self._keep = path, largest, keep
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._open()

    def write(self, data: bytes) -> None:
        """Append whole lines, after a rotation if the file has grown too large. Raises OSError."""
        if self._moved():
            self._reopen()
        elif os.fstat(self._file).st_size + len(data) > self._largest:
            self._rotate()
        while data:
            data = data[os.write(self._file, data) :]

    def close(self) -> None:
        """Close it."""
        os.close(self._file)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def _reopen(self) -> None:
        os.close(self._file)
        self._file = self._open()

    def _moved(self) -> bool:
        try:
            return not os.path.samestat(os.stat(self._path), os.fstat(self._file))
        except FileNotFoundError:
            return True

    def _rotate(self) -> None:
        """Move the files up by one; whoever comes second finds it done. The lock belongs to the file that is full, so
        nothing is left beside the log."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            if not self._moved() and os.fstat(self._file).st_size:
                for number in range(self._keep, 0, -1):
                    older = self._path.with_name(f"{self._path.name}.{number}")
                    newer = self._path if number == 1 else self._path.with_name(f"{self._path.name}.{number - 1}")
                    if newer.exists():
                        newer.replace(older)
                if not self._keep:
                    self._path.unlink()
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self._reopen()
