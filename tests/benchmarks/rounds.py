"""One round: every target in its turn is started, loaded in every way, looked at, and ended."""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from figures import Case, Measured, Taken
from load import Job, Outcome
from payload import EVENTS, question
from processes import Pinned
from targets import Launch, Target

HERE = Path(__file__).parent
PATH = "/v1/chat/completions"

PACE = 8000
"""Events a second of all streams together: what every target can still keep up with, or each event costs less the
more of them are read at once."""

STARTING = 60.0
"""Seconds that a target may take to give its first answer."""

ENDING = 20.0
"""Seconds after its time that a load waits for late answers."""

QUIET = 0.2
"""Seconds without work after which what a load caused is done."""

BEHIND = 1.2
"""Seconds after which a target that writes behind its answers is asked once more: it leaves a store that was too slow
alone for a second, and goes on with the next request."""

BESIDE = 0.8
"""About the seconds that a load takes to begin and end."""


class Bench:
    """The two cores, the loads, and what went wrong."""

    def __init__(self, cases: Sequence[Case], seconds: float) -> None:
        cores = sorted(os.sched_getaffinity(0))
        self.core, self.other = cores[0], cores[-1]
        """Where the targets run, and where everything else."""
        self.cases, self.seconds = cases, seconds
        self.wrong: Counter[str] = Counter()
        """What did not go well, and how often."""

    def length(self, target: Target) -> float:
        """About the seconds that all loads on a target take."""
        beside = BESIDE + (2 * BEHIND if target.behind else 0)
        return sum(1.25 * max(self.seconds, _streaming(case)) + beside for case in self.cases)

    def upstream(self) -> tuple[Pinned, int]:
        """The upstream, to be entered, and its port."""
        port = free_port()
        return Pinned([sys.executable, str(HERE / "upstream.py"), str(port)], self.other), port

    def measure(self, target: Target, upstream: int) -> Taken | None:
        """One round of a target; None when it gives no answer."""
        with tempfile.TemporaryDirectory() as name:
            folder, port = Path(name), free_port()
            launch = target.launch(folder, port, upstream)
            begun = time.perf_counter()
            with Pinned(launch.command, self.core, folder=folder, environ=launch.environ) as process:
                if failed := _answers(process, launch, port):
                    self.wrong[f"{target.name} did not start: {failed}"] += 1
                    return None
                taken = Taken(time.perf_counter() - begun, process.memory)
                for case in self.cases:
                    measured = self._load(target, launch, process, port, case)
                    if measured is not None:
                        taken.cases[case] = measured
                taken.after = process.memory
                return taken

    def _load(self, target: Target, launch: Launch, process: Pinned, port: int, case: Case) -> Measured | None:
        """One load; None when it brought no right answer."""
        job = Job(
            port=port,
            path=PATH,
            headers=launch.headers,
            concurrency=case.concurrency,
            seconds=self.seconds,
            exact=target.exact,
            limit=max(self.seconds, _streaming(case)) + ENDING,
        )
        if case.stream:
            job.streams = max(1, round(self.seconds / _streaming(case)))
            job.gap = max(1.0, case.concurrency / PACE * 1000)
        with Pinned([sys.executable, str(HERE / "load.py")], self.other, piped=True) as load:
            load.say(json.dumps(asdict(job)))
            load.hear()
            busy = process.cpu
            load.say("go")
            outcome = Outcome(**json.loads(load.hear()))
            busy = _quiet(process, launch, port, behind=target.behind) - busy
        if outcome.wrong:
            self.wrong[f"{target.name}, {case}: {outcome.wrong} wrong, {outcome.good} right: {outcome.said}"] += 1
        count = outcome.good * (EVENTS if case.stream else 1)
        if not count or not busy:
            return None
        return Measured(busy / count * 1e6, count / outcome.seconds, outcome.p50, outcome.p99)


def _streaming(case: Case) -> float:
    """Seconds that a stream of this load takes; 0 for requests."""
    return EVENTS * max(0.001, case.concurrency / PACE) if case.stream else 0.0


def _answers(process: Pinned, launch: Launch, port: int) -> str:
    """Wait for the first 200; what was wrong when there is none."""
    said, until = "", time.monotonic() + STARTING
    while time.monotonic() < until and process.process.poll() is None:
        if not (said := _asked(launch, port)):
            return ""
        time.sleep(0.005)
    last = (process.log.strip().splitlines() or [""])[-1]
    return f"{said} {last[:300]}" if process.process.poll() is None else f"it ended: {last[:300]}"


def _asked(launch: Launch, port: int) -> str:
    """Ask once; what was wrong when the answer is no 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", PATH, question(), {"content-type": "application/json", **launch.headers})
        response = connection.getresponse()
        said = response.read().decode(errors="replace")
        return "" if response.status == 200 else f"HTTP {response.status}: {said[:300]}"
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
    finally:
        connection.close()


def _quiet(process: Pinned, launch: Launch, port: int, *, behind: bool) -> float:
    """The CPU time that was used when a process has come to rest, or did not within the time for that."""
    used, until = process.cpu, time.monotonic() + ENDING
    while time.monotonic() < until:
        if behind:
            time.sleep(BEHIND)
            _asked(launch, port)
        time.sleep(QUIET)
        before, used = used, process.cpu
        if used - before <= QUIET / 10:
            break
    return used


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
