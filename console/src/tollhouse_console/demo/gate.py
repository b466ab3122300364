"""`tollhouse serve` as a process of its own, for as long as the demo runs."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

LISTENS = "Tollhouse listens on "


class Gate:
    """`with Gate(folder) as gate`: serves the folder's gateway.toml on a free port; `gate.url` is where. What it prints
    is in `gateway.log`. Raises GateError when it does not come up; the process is ended by its id."""

    def __init__(self, folder: Path, seconds: float = 60.0) -> None:
        self._folder, self._seconds = folder, seconds
        self.log = folder / "gateway.log"
        self.url = ""

    def __enter__(self) -> Gate:
        with self.log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tollhouse", "serve", "--listen", "127.0.0.1:0"],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process: it may drain for some seconds."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _wait(self) -> None:
        last = time.monotonic() + self._seconds
        while time.monotonic() < last:
            lines = self.log.read_text(errors="replace").splitlines()
            # The line after it is printed once it serves.
            if len(lines) > 1 and (found := [line for line in lines if line.startswith(LISTENS)]):
                self.url = found[0].removeprefix(LISTENS).strip()
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise GateError("\n".join(self.log.read_text(errors="replace").splitlines()[-5:]) or "it printed nothing")


class GateError(Exception):
    """The gateway did not start; the message is the end of what it printed."""
