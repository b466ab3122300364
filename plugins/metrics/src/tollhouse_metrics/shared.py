"""The folder where the workers of one server find each other's pages."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .page import VALUES, Page, Sibling

PREFIX = "tollhouse-metrics-"


class Folder:
    """One server's folder, readable by its user only. Workers know it by the process that started them."""

    def __init__(self, path: Path) -> None:
        """Makes it. Raises OSError, also for a folder that somebody else could read or write."""
        self.path = path
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise PermissionError(f"{path} is not this user's own folder")
        self._thread = threading.Lock()
        self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @contextmanager
    def locked(self, *, alone: bool) -> Iterator[None]:
        """While pages are made or adopted (`alone`), nobody reads them."""
        with self._thread:  # a file's lock is one for all threads of a process
            fcntl.flock(self._lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            try:
                yield
            finally:
                fcntl.flock(self._lock, fcntl.LOCK_UN)

    def siblings(self, but: str) -> list[Sibling]:
        """The pages of the other workers, those that ended included."""
        return [Sibling(one) for one in sorted(self.path.glob(f"*{VALUES}")) if one.name != but + VALUES]

    def close(self, page: Page) -> None:
        """Close a page and leave; whoever leaves last takes the folder away. Of two who leave at once the second finds
        the first one's page closed."""
        with self.locked(alone=True):
            page.close()
            if not any(one.alive for one in self.siblings(page.token)):
                shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def server_folder() -> Path:
    """The folder of the server this process works for. What servers that are gone left behind is deleted."""
    base, mine = Path(tempfile.gettempdir()), f"{PREFIX}{os.getuid()}-"
    supervisor = os.getppid()
    path = base / f"{mine}{supervisor}-{_began(supervisor)}"
    for other in base.glob(f"{mine}*-*"):
        pid, _, began = other.name.removeprefix(mine).partition("-")
        if other != path and pid.isdigit() and _began(int(pid)) != began:
            shutil.rmtree(other, ignore_errors=True)
    return path


def _began(pid: int) -> str:
    """When a process began, in a word that is never used for another of this number; empty when it is gone. Field 22
    of /proc/PID/stat; without /proc the number alone must do."""
    if not Path("/proc/self/stat").exists():
        return "0" if _exists(pid) else ""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
