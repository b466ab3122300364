"""The load generator: callers that each make one call after another, and stop at a wrong answer.

A process of its own. `python load.py` reads a Job as a line of JSON, warms up, writes a line, waits for one, makes
the calls that count, and writes an Outcome. An answer is right when its status is 200 and it says all it should;
where the target passes answers on untouched, when it also has exactly the upstream's length.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field

from caller import Caller, joined
from loop import run
from payload import EVENTS, SENTENCE, TIMES, answer, events, question

LENGTHS = {False: len(answer()), True: len(b"".join(events()))}


@dataclass(slots=True)
class Job:
    """What to do: `streams` a caller, or requests for `seconds` when that is 0."""

    port: int
    path: str
    headers: dict[str, str]
    concurrency: int
    seconds: float
    exact: bool
    limit: float
    """Seconds after which calls under way are given up."""
    streams: int = 0
    gap: float = 0.0
    """Milliseconds between two events of a stream."""


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    good: int = 0
    wrong: int = 0
    said: str = ""
    """About the first wrong answer."""
    seconds: float = 0.0
    p50: float = 0.0
    """Microseconds of a call, as p99."""
    p99: float = 0.0
    taken: list[float] = field(default_factory=list)


class Load:
    """The callers of a job."""

    def __init__(self, job: Job) -> None:
        self.job, self.outcome = job, Outcome()
        self.callers: list[Caller | None] = [None] * job.concurrency
        self.requests = {False: self._request(question()), True: self._request(question(job.gap or 1.0))}

    async def warm(self) -> None:
        """Connect and make calls that do not count; when already the first one goes wrong, no more are made."""
        if await self._call(0, bool(self.job.streams)):
            until = time.perf_counter() + self.job.seconds / 4
            await self._together(lambda number: self._until(number, until))
        self.outcome = Outcome(wrong=self.outcome.wrong, said=self.outcome.said)

    async def measure(self) -> Outcome:
        """The calls that count, unless warming up went wrong."""
        outcome, begun = self.outcome, time.perf_counter()
        if not outcome.wrong:
            if self.job.streams:
                await self._together(self._streams)
            else:
                await self._together(lambda number: self._until(number, begun + self.job.seconds))
        outcome.seconds = time.perf_counter() - begun
        if len(outcome.taken) > 1:
            cuts = statistics.quantiles(outcome.taken, n=100)
            outcome.p50, outcome.p99 = cuts[49] * 1e6, cuts[98] * 1e6
        outcome.taken = []
        return outcome

    async def _together(self, work: Callable[[int], Awaitable[None]]) -> None:
        tasks = [asyncio.ensure_future(work(number)) for number in range(self.job.concurrency)]
        _, late = await asyncio.wait(tasks, timeout=self.job.limit)
        for task in late:
            task.cancel()
        if late:
            self._wrong(f"no answer within {self.job.limit:g} s", len(late))
            await asyncio.wait(late)

    async def _until(self, number: int, until: float) -> None:
        while await self._call(number, False) and time.perf_counter() < until:
            pass

    async def _streams(self, number: int) -> None:
        await asyncio.sleep(self.job.gap / 1000 * number / self.job.concurrency)
        for _ in range(self.job.streams):
            await self._call(number, True)

    async def _call(self, number: int, stream: bool) -> bool:
        """One call; whether it was answered rightly."""
        caller = self.callers[number]
        try:
            if caller is None or caller.last or not caller.open:
                if caller is not None:
                    caller.transport.close()
                loop = asyncio.get_running_loop()
                _, caller = await loop.create_connection(Caller, "127.0.0.1", self.job.port)
                self.callers[number] = caller
            begun = time.perf_counter()
            raw = await caller.call(self.requests[stream])
            taken = time.perf_counter() - begun
        except OSError as error:
            self._wrong(f"{type(error).__name__}: {error}")
            return False
        if not self._right(raw, stream):
            line, body = raw.split(b"\r\n", 1)[0], raw.partition(b"\r\n\r\n")[2]
            self._wrong(" ".join((line + b" " + body[:200]).decode("latin-1").split()))
            return False
        self.outcome.good += 1
        self.outcome.taken.append(taken)
        return True

    def _request(self, body: bytes) -> bytes:
        fields = {"host": f"127.0.0.1:{self.job.port}", "content-type": "application/json", **self.job.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"POST {self.job.path} HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body

    def _right(self, raw: bytes, stream: bool) -> bool:
        head, _, body = raw.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200") or body.count(SENTENCE.encode()) != (EVENTS if stream else TIMES):
            return False
        if not self.job.exact:
            return True
        if b"\r\ntransfer-encoding: chunked" in head.lower():
            body = joined(body)
        return len(body) == LENGTHS[stream]

    def _wrong(self, said: str, count: int = 1) -> None:
        self.outcome.wrong += count
        self.outcome.said = self.outcome.said or said


async def main() -> None:
    """One job."""
    load = Load(Job(**json.loads(sys.stdin.readline())))
    await load.warm()
    print("warm", flush=True)
    sys.stdin.readline()
    print(json.dumps(asdict(await load.measure())), flush=True)


if __name__ == "__main__":
    run(main())
