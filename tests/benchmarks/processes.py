"""Processes held on one core, and what /proc says of them and of those they started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

TICK = 1 / os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Pinned:
    """`with Pinned(command, core) as process`: runs on that core, its children too; all are ended by their ids."""

    def __init__(
        self,
        command: Sequence[str],
        core: int,
        *,
        folder: Path | None = None,
        environ: Mapping[str, str] | None = None,
        piped: bool = False,
    ) -> None:
        self.command, self.core, self.folder, self.piped = command, core, folder, piped
        self.environ = {**os.environ, **(environ or {})}

    def __enter__(self) -> Pinned:
        self._log: IO[bytes] = tempfile.TemporaryFile()
        here = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self.core})  # inherited; a hook between fork and exec would cost start-up time
        try:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.environ,
                stdin=subprocess.PIPE if self.piped else subprocess.DEVNULL,
                stdout=subprocess.PIPE if self.piped else self._log,
                stderr=self._log,
            )
        except BaseException:
            self._log.close()
            raise
        finally:
            os.sched_setaffinity(0, here)
        return self

    def __exit__(self, *_: object) -> None:
        children = family(self.process.pid)[1:]
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self._log.close()

    @property
    def log(self) -> str:
        """What it has written, standard output only where that is not piped."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def say(self, line: str) -> None:
        """Write a line to it."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        """Wait for a line of it; RuntimeError when it ends instead."""
        assert self.process.stdout is not None
        if line := self.process.stdout.readline():
            return line.decode()
        raise RuntimeError(f"{self.command[-1]} ended: {self.log[-2000:]}")

    @property
    def cpu(self) -> float:
        """Seconds of CPU time that it and its descendants have used, those that have ended included."""
        used = sum(sum(map(int, fields[11:15])) for fields in map(_stat, family(self.process.pid)) if fields)
        return used * TICK

    @property
    def memory(self) -> int:
        """Bytes resident of it and its descendants; pages they share count for each."""
        total = 0
        for pid in family(self.process.pid):
            with contextlib.suppress(OSError):
                total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
        return total


def family(pid: int) -> list[int]:
    """A process and its descendants, itself first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def took(command: Sequence[str], core: int, times: int = 5) -> float:
    """Seconds that a command takes to its end, the median of several."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        with Pinned(command, core) as one:
            if one.process.wait(60):
                raise RuntimeError(f"{' '.join(command)} failed: {one.log[-2000:]}")
            taken.append(time.perf_counter() - begun)
    return sorted(taken)[times // 2]
