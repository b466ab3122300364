"""A served gateway under a moderate mixture of everything, for as long as asked: does anything grow?

    python tests/benchmarks/soak.py --seconds 1800 --engine uvicorn --workers 1

Calls that should work, streams, callers who leave in the middle, every fault of the simulator, and a reload now and
then. Memory and open files of the workers are read from /proc once a second; the median of the last quarter must not
stand above that of the second by more than the ratios given. The first quarter is for warming up. No 5xx may come
back that was not asked for. Prints a summary; the exit code is 1 when something grew or failed.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import httpx
from tollhouse.testing import Served

CONFIG = """
plugins = ["openai"]

[server]
engine = "{engine}"
workers = {workers}
max_headers = {headers}

[timeouts]
idle = "2s"

[providers]
simulator = {{ ttft = "off", tokens_per_second = {pace} }}

[models]
demo = ["simulator/lorem"]
"""

RELOAD_EVERY = 5.0
"""Seconds between two reloads; every third is of a file that is refused."""

ALLOWANCE = 12
"""Open files that may come and go with the load."""

FAULTS = (
    ("status=503", {503}),
    ("status=429 retry_after=1", {429}),
    ("status=401", {502}),
    ("malformed", {502}),
    ("cut_after=3", {200, 502}),
    ("error_after=3", {200, 500, 502}),
    ("stall_after=3", {200, 504}),
)
"""What goes wrong, and the statuses it may come back as."""


class Sample(NamedTuple):
    """One look at the workers."""

    memory: int
    """Bytes resident, of all together."""
    files: int
    """Open files of all together."""


class Caller:
    """Makes one call after another, of a kind drawn by lot, and notes what it did not expect."""

    def __init__(self, url: str, client: httpx.AsyncClient, dice: random.Random) -> None:
        self.url, self.client, self.dice = f"{url}/v1/chat/completions", client, dice
        self.made: Counter[str] = Counter()
        self.unexplained: list[str] = []

    async def call(self) -> None:
        """One call."""
        kinds = (self.whole, self.stream, self.leave, self.fault)
        [kind] = self.dice.choices(kinds, (50, 20, 15, 15))
        self.made[kind.__name__] += 1
        try:
            await kind()
        except httpx.HTTPError as error:
            self.unexplained.append(f"{kind.__name__}: {error!r}")

    async def whole(self) -> None:
        """A call that works."""
        response = await self.client.post(self.url, json=_body())
        self._note(response.status_code == 200, "whole", response)

    async def stream(self) -> None:
        """A stream read to its end."""
        response = await self.client.post(self.url, json=_body(stream=True))
        self._note(response.status_code == 200 and b"data: [DONE]" in response.content, "stream", response)

    async def leave(self) -> None:
        """A stream whose caller leaves after a few bytes, or before any."""
        async with self.client.stream("POST", self.url, json=_body(stream=True, n=2)) as response:
            if self.dice.random() < 0.7:
                async for _ in response.aiter_raw():
                    break

    async def fault(self) -> None:
        """Something an upstream does wrong."""
        directive, statuses = self.dice.choice(FAULTS)
        streams = self.dice.random() < 0.5
        headers = {"x-simulate": directive}
        response = await self.client.post(self.url, json=_body(stream=streams), headers=headers)
        self._note(response.status_code in statuses, f"fault {directive}", response)

    def _note(self, fine: bool, what: str, response: httpx.Response) -> None:
        if not fine:
            self.unexplained.append(f"{what}: {response.status_code} {response.text[:300]}")


def _body(**more: object) -> dict[str, object]:
    return {"model": "demo", "messages": [{"role": "user", "content": "Go on."}], "max_tokens": 30, **more}


def look(pids: list[int]) -> Sample:
    """The workers now; one that has just ended counts for nothing."""
    memory = files = 0
    for pid in pids:
        try:
            status = Path(f"/proc/{pid}/statm").read_text().split()
            files += len(list(Path(f"/proc/{pid}/fd").iterdir()))
        except OSError:
            continue
        memory += int(status[1]) * 4096
    return Sample(memory, files)


async def load(gate: Served, texts: list[str], seconds: float, rate: float) -> tuple[Caller, list[Sample]]:
    """The mixture, at `rate` calls a second, with a sample every second."""
    until = time.monotonic() + seconds
    limits = httpx.Limits(max_connections=100, keepalive_expiry=2.0)
    async with httpx.AsyncClient(timeout=30, limits=limits) as client:
        caller = Caller(gate.url, client, random.Random(7))
        samples: list[Sample] = []
        side = [asyncio.create_task(_sample(gate, samples)), asyncio.create_task(_reload(gate, texts))]
        calls: set[asyncio.Task[None]] = set()
        while time.monotonic() < until:
            call = asyncio.create_task(caller.call())
            calls.add(call)
            call.add_done_callback(calls.discard)
            await asyncio.sleep(caller.dice.expovariate(rate))
            while len(calls) > 50:
                await asyncio.sleep(0.01)
        await asyncio.gather(*calls)
        for task in side:
            task.cancel()
        await asyncio.wait(side)
    return caller, samples


async def _sample(gate: Served, samples: list[Sample]) -> None:
    while True:
        samples.append(look(gate.workers))
        await asyncio.sleep(1.0)


async def _reload(gate: Served, texts: list[str]) -> None:
    number = 0
    while True:
        await asyncio.sleep(RELOAD_EVERY)
        number += 1
        good = number % 3
        text, words = (texts[good - 1], "Reloaded ") if good else ("no TOML", "was refused")
        await asyncio.to_thread(gate.reload, text, words)


def median(samples: list[Sample], quarter: int) -> Sample:
    """The middle of a quarter of the samples, the first being 0."""
    size = max(1, len(samples) // 4)
    part = samples[quarter * size :][:size] if quarter < 3 else samples[-size:]
    return Sample(int(statistics.median(s.memory for s in part)), int(statistics.median(s.files for s in part)))


def soak(options: argparse.Namespace, folder: Path) -> list[str]:
    """Run it, print the summary, and return what was wrong."""
    texts = [
        CONFIG.format(engine=options.engine, workers=options.workers, pace=300, headers=headers)
        for headers in (100, 90)
    ]
    with Served(folder, texts[0]) as gate:
        caller, samples = asyncio.run(load(gate, texts, options.seconds, options.rate))
        log = gate.output
    before, after = median(samples, 1), median(samples, 3)
    memory, files = after.memory / before.memory, after.files / before.files
    calls = sum(caller.made.values())
    print(f"{options.engine}, {options.workers} workers, {options.seconds:g} s: {calls} calls {dict(caller.made)}")
    print(f"reloads {log.count('Reloaded ')}, refused {log.count('was refused')}")
    print(f"memory MiB {before.memory / 2**20:.1f} -> {after.memory / 2**20:.1f}, x {memory:.3f}")
    print(f"open files {before.files} -> {after.files}, x {files:.3f}")
    print(f"unexplained {len(caller.unexplained)}", *caller.unexplained[:5], sep="\n  ")
    wrong = []
    if memory > options.memory:
        wrong.append(f"memory grew {memory:.3f} times, more than {options.memory:g}")
    if files > options.files and after.files - before.files > ALLOWANCE * options.workers:
        wrong.append(f"open files grew {files:.3f} times, more than {options.files:g}")
    if caller.unexplained:
        wrong.append(f"{len(caller.unexplained)} calls ended as nobody asked for")
    if gate.process.returncode != 0 or "Traceback" in log:
        wrong.append(f"the gateway ended with {gate.process.returncode}: {log[-2000:]}")
    return wrong


def main(argv: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--engine", choices=("hypercorn", "uvicorn"), default="hypercorn")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--rate", type=float, default=80.0, help="calls a second")
    parser.add_argument("--memory", type=float, default=1.1, help="how many times the memory may be in the end")
    parser.add_argument("--files", type=float, default=1.2, help="how many times the open files may be in the end")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        wrong = soak(options, Path(folder))
    for line in wrong:
        print(f"NOT FLAT: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
