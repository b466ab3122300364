"""`tollhouse demo`: a gateway, simulated providers, lively callers and the console, in one command."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from types import FrameType

from .. import figures
from ..access import TOKEN, Access
from ..client import Client, Trouble
from ..start import start
from ..top import summary
from .callers import Callers
from .config import scene
from .gate import Gate, GateError

TELL = 5.0
"""Seconds between two lines of a headless demo."""


def run(*, headless: bool, seconds: float, folder: Path | None, theme: str, screenshot: Path | None = None) -> int:
    """Run the demo until the console is left, it is interrupted, or the time is over; returns the exit code."""
    installed = {point.name for point in entry_points(group="tollhouse.plugins")}
    for needed in ("admin", "openai", "simulator"):
        if needed not in installed:
            print(f"tollhouse: the demo needs the plugin {needed}; install tollhouse-{needed}", file=sys.stderr)
            return 1
    if not (headless or screenshot) and not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("tollhouse: the console needs a terminal; --headless runs the demo without one", file=sys.stderr)
        return 1
    made = scene(installed)
    with _folder(folder) as place, _stopped_by_term():
        file = place / "gateway.toml"
        if folder and file.exists():
            print(
                f"tollhouse: {file} is there already; the demo writes its own, so name another folder", file=sys.stderr
            )
            return 1
        file.touch(mode=0o600)
        file.write_text(made.text)
        try:
            with Gate(place) as gate:
                key = made.admin or (place / TOKEN).read_text().strip()
                access = Access(gate.url, key, "the demo")
                callers = Callers(gate.url, made.keys)
                if headless:
                    return asyncio.run(_watch(access, callers, seconds))
                with _beside(callers):
                    if screenshot:
                        from .picture import take

                        return take(access, screenshot.resolve(), theme=theme, seconds=seconds)
                    return start(access, theme=theme, seconds=seconds)
        except GateError as error:
            print(f"tollhouse: the demo's gateway did not start:\n{error}", file=sys.stderr)
            return 1


async def _watch(access: Access, callers: Callers, seconds: float) -> int:
    print(f"The demo serves at {access.url}; its admin key is {access.key}", flush=True)
    until = time.monotonic() + seconds if seconds else float("inf")
    calls = asyncio.create_task(callers.run())
    try:
        async with Client(access) as client:
            while (left := until - time.monotonic()) > 0:
                await asyncio.sleep(min(TELL, left))
                try:
                    print(summary(await client.get("state")), _counted(callers), flush=True)
                except Trouble as trouble:
                    print(f"tollhouse: {trouble}", file=sys.stderr, flush=True)
                    return 1
    finally:
        calls.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await calls
    return 0


def _counted(callers: Callers) -> str:
    said = ", ".join(f"{status} ×{figures.count(many)}" for status, many in sorted(callers.seen.items()))
    return f" answers: {said or 'none yet'}"


@contextlib.contextmanager
def _beside(callers: Callers) -> Iterator[None]:
    """Callers in a thread with a loop of its own, so that the console's stays free."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(callers.run())

    def work() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(5)


@contextlib.contextmanager
def _folder(wanted: Path | None) -> Iterator[Path]:
    if wanted is not None:
        wanted.mkdir(parents=True, exist_ok=True)
        yield wanted.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="tollhouse-demo-", ignore_cleanup_errors=True) as made:
        yield Path(made)


@contextlib.contextmanager
def _stopped_by_term() -> Iterator[None]:
    """SIGTERM ends the demo like ctrl-C, so that its gateway never outlives it."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
