"""`tollhouse serve` as a process of its own, for journeys with real clients over real sockets."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path


class Served:
    """`with Served(folder, config) as gate`: writes gateway.toml into the folder, serves it on a free port of
    127.0.0.1, and ends the process by its id. `gate.url` is where it listens, `gate.output` what it printed."""

    def __init__(self, folder: Path, config: str, environ: Mapping[str, str] | None = None) -> None:
        self.folder, self.output, self.url = folder, "", ""
        (folder / "gateway.toml").write_text(config)
        self._environ = {**os.environ, **(environ or {}), "PYTHONUNBUFFERED": "1"}
        self._listening = threading.Event()

    def __enter__(self) -> Served:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tollhouse", "serve", "--listen", "127.0.0.1:0"],
            cwd=self.folder,
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._listening.wait(30) or not self.url:
            self.stop()
            raise AssertionError(f"the gateway did not start:\n{self.output}")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self, sig: int = signal.SIGTERM, seconds: float = 20.0) -> int:
        """Signal the process and wait; kills it when it does not end in time. Returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(5)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return self.process.returncode

    @property
    def workers(self) -> list[int]:
        """The ids of the processes that serve: this one's own, or those of its workers."""
        if "  workers  " not in self.output:
            return [self.process.pid]
        alive: list[int] = []
        for line in self.output.splitlines():
            if line.startswith("  workers  "):
                alive = [int(word) for word in line[11:].split(", ")]
            elif found := re.fullmatch(r"Worker (\d+) (ended .*|serves\.)", line):
                number = int(found[1])
                alive = [*alive, number] if found[2] == "serves." else [one for one in alive if one != number]
        return alive

    def reload(self, config: str, words: str = "Reloaded ") -> None:
        """Put another gateway.toml in place, ask for a reload by SIGHUP, and wait for these words about it."""
        (self.folder / "gateway.toml").write_text(config)
        before = self.output.count(words)
        self.process.send_signal(signal.SIGHUP)
        self._wait_until(lambda: self.output.count(words) > before, 20.0, words)

    def wait_for(self, words: str, seconds: float = 10.0) -> None:
        """Wait until the process has printed these words."""
        self._wait_until(lambda: words in self.output, seconds, words)

    def _wait_until(self, true: Callable[[], bool], seconds: float, words: str) -> None:
        until = time.monotonic() + seconds
        while not true():
            if time.monotonic() > until:
                raise AssertionError(f"{words!r} was not printed:\n{self.output}")
            time.sleep(0.01)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            if line.startswith("Tollhouse listens on "):
                self.url = line.rsplit(" ", 1)[1].strip()
            elif line.startswith("  plugins "):
                self._listening.set()
        self._listening.set()
