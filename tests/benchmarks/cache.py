"""What the cache costs and saves: `python tests/benchmarks/cache.py`, about a minute, prints a table.

Every call is a chat of about 1 KB through the whole front of a gateway, in this process and without sockets; the
provider answers at once, so that what is left is the gateway's own work. `none` is the same gateway without the cache:
the ratios are to it, within one run. CPU is this process's own, SQLite's threads included.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tollhouse import Reply, hookimpl
from tollhouse.neutral import Delta, End, Finish, PartEnd, PartStart, Start, Used
from tollhouse.provider import NoSettings
from tollhouse.testing import Client, gateway
from tollhouse.usage import Usage
from tollhouse_cache import Cache
from tollhouse_cache.entry import made
from tollhouse_cache.message import message
from tollhouse_cache.shelf import Shelf

EVENTS = 64
TEXT = "All that is said here was said before, and will be said again. " * 16
USAGE = {"prompt_tokens": 240, "completion_tokens": EVENTS, "total_tokens": 240 + EVENTS}
HEAD = {"id": "c1", "created": 1, "model": "x"}


def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
    """One chunk of a stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {**HEAD, "object": "chat.completion.chunk", "choices": [choice]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


FRAMES = [
    event({"role": "assistant", "content": ""}),
    *(event({"content": TEXT[n * 16 : n * 16 + 16]}) for n in range(EVENTS)),
    event({}, "stop"),
    b"data: " + json.dumps({**HEAD, "choices": [], "usage": USAGE}).encode() + b"\n\n",
    b"data: [DONE]\n\n",
]
CHOICE = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
BODY = json.dumps({**HEAD, "object": "chat.completion", "choices": [CHOICE], "usage": USAGE}).encode()


class Instant:
    """An upstream of the OpenAI dialect that has answered already."""

    Settings = NoSettings
    speaks = ("openai",)
    name = "instant"
    asked = 0

    def __init__(self, name: str, settings: Any, gateway: Any) -> None:
        pass

    async def send(self, attempt: Any) -> Reply:
        """A stream, or a body."""
        Instant.asked += 1
        if not attempt.request.stream:
            return Reply(dialect="openai", body=BODY)

        async def frames() -> Any:
            for frame in FRAMES:
                yield frame

        return Reply(dialect="openai", frames=frames())

    def failure(self, status: int, headers: Any, body: bytes) -> Any:
        """It never fails."""
        raise AssertionError

    async def close(self) -> None:
        """Nothing is open."""


class Offers:
    """The plugin that brings it."""

    name = "instant"

    @hookimpl
    def providers(self) -> Any:
        """Its only kind."""
        return {"instant": Instant}


def asks(text: str, *, stream: bool) -> dict[str, Any]:
    """A question of about 1 KB."""
    return {"model": "m", "stream": stream, "messages": [{"role": "user", "content": f"{text} " + "word " * 190}]}


async def rate(seconds: float, call: Callable[[], Awaitable[None]]) -> float:
    """Calls by second of CPU time."""
    for _ in range(5):
        await call()
    count, cpu, until = 0, time.process_time(), time.monotonic() + seconds
    while time.monotonic() < until:
        await call()
        count += 1
    return count / (time.process_time() - cpu)


async def through(folder: Path, cache: str, *, stream: bool, seconds: float, what: str) -> float:
    """The rate of one kind of call."""
    text = 'plugins = ["openai", "anthropic"]\n[providers]\ninstant = {}\n[models]\nm = ["instant/x"]\n' + cache
    text += f'\n[store]\nurl = "sqlite:{folder}/{what}.db"\nledger = false\n'
    plugins = (Offers, Cache) if cache else (Offers,)
    numbers = itertools.count()
    async with gateway(text, *plugins) as made_:
        client = Client(made_)

        async def ask(body: dict[str, Any], path: str = "/v1/chat/completions") -> None:
            answer = await client.post(path, body)
            assert answer.status == 200
            assert b"said before" in answer.body or stream

        async def new() -> None:
            await ask(asks(f"{next(numbers)}", stream=stream))

        async def again() -> None:
            await ask(asks("again", stream=stream))

        async def elsewhere() -> None:
            await ask({**asks("again", stream=stream), "max_tokens": 99}, "/v1/messages")

        async def stored() -> None:
            made_.keep("cache", dict).memory.clear()  # type: ignore[attr-defined]  # the cache's shelf
            await ask(asks("again", stream=stream))

        async def together() -> None:
            body = asks(f"{next(numbers)}", stream=stream)
            await asyncio.gather(*(ask(body) for _ in range(100)))

        calls = {"new": new, "again": again, "elsewhere": elsewhere, "stored": stored, "together": together}
        return await rate(seconds, calls[what]) * (100 if what == "together" else 1)


MEMORY = "[cache]\nstore = false\n"
STORE = "[cache]\n"
ROWS = [
    ("a new question, no cache", "", "new"),
    ("a new question, kept in memory", MEMORY, "new"),
    ("a new question, kept in memory and SQLite", STORE, "new"),
    ("a hit in memory", MEMORY, "again"),
    ("a hit in memory, asked in Anthropic's dialect", MEMORY, "elsewhere"),
    ("a hit in SQLite", STORE, "stored"),
    ("one of a hundred at once, no cache", "", "together"),
    ("one of a hundred at once, coalesced", MEMORY, "together"),
]


async def calls(seconds: float, rounds: int) -> None:
    """The table of calls."""
    print("| call | whole: calls by CPU second | x none | streamed: calls by CPU second | x none |")
    print("| --- | ---: | ---: | ---: | ---: |")
    figures: dict[tuple[str, bool], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(rounds):
            for name, cache, what in ROWS:
                for stream in (False, True):
                    place = Path(folder) / f"{turn}{len(figures)}{stream}"
                    place.mkdir(exist_ok=True)
                    figure = await through(place, cache, stream=stream, seconds=seconds, what=what)
                    figures.setdefault((name, stream), []).append(figure)
    for name, _, what in ROWS:
        none = "one of a hundred at once, no cache" if what == "together" else "a new question, no cache"
        cells = []
        for stream in (False, True):
            figure = statistics.median(figures[name, stream])
            ratios = [one / other for one, other in zip(figures[name, stream], figures[none, stream], strict=True)]
            cells += [f"{figure:.0f}", f"{statistics.median(ratios):.2f}"]
        print(f"| {name} | {' | '.join(cells)} |")


async def room() -> None:
    """What a hundred thousand entries take."""
    said = [
        Start(model="x"),
        PartStart(index=0, kind="text"),
        Delta(index=0, text=""),
        PartEnd(index=0),
        Finish(reason="stop", raw="stop"),
        Used(usage=Usage(input=240, output=64)),
        End(),
    ]
    async with gateway('plugins = ["openai"]') as made_:
        shelf = Shelf(made_, 64 << 20)
        before = _resident()
        plain = 0
        for number in range(100_000):
            said[2] = Delta(index=0, text=f"{number} {TEXT[: 200 + number % 800]}")
            entry = made(message(said), at=made_.clock.time(), ttl=600.0, tags=["model:m", "team:t"], cost=1)
            plain += entry.label.size
            shelf.keep(number.to_bytes(32, "big"), entry, store=False)
        grown = _resident() - before
        memory = shelf.memory
        print(f"\n100,000 entries put, {plain / 1e5:.0f} B of JSON each; room for {memory.room >> 20} MiB:")
        print(f"{len(memory):,} are kept, which count as {memory.used / memory.room:.1%} of the room,")
        print(f"and the process grew by {grown / memory.room:.1%} of it.")


def _resident() -> int:
    """Bytes of memory this process has."""
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="time for each kind of call")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    asyncio.run(calls(args.seconds, args.rounds))
    asyncio.run(room())
    return 0


if __name__ == "__main__":
    sys.exit(main())
