"""Simulated callers: several teams, each with its own model, pace and habits."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Habit:
    """What one caller does: asks `model` every `pause` seconds on average, by so many at once."""

    key: str
    model: str
    pause: float
    many: int = 1
    stream: bool = True
    repeats: float = 0.0
    """Share of questions that were asked before, word for word."""
    leaves: float = 0.0
    """Share of answers the caller does not wait for."""


HABITS = (
    Habit("ci", "smart", 1.5, many=3),
    Habit("app", "fast", 0.8, many=3, repeats=0.5),
    Habit("anna", "fast", 1.2, many=2, leaves=0.08),
    Habit("anna", "smart", 4.0),
    Habit("ben", "local", 3.0),
    Habit("ben", "preview", 2.5, stream=False),
    Habit("ben", "gpt-nine", 12.0),
    Habit("nightly", "embed", 0.9, many=2, stream=False),
)

QUESTIONS = (
    "How do I write a plugin?", "What does a budget do?", "Summarise this ticket in two sentences.",
    "Why was my request refused?", "Which model should answer support mail?", "Draft a friendly release note.",
)  # fmt: skip


class Callers:
    """Sends requests to a gateway until cancelled; `seen` counts answers by status, `left` for those not waited for."""

    def __init__(self, url: str, keys: dict[str, str], seed: int = 1) -> None:
        self._url, self._keys, self._dice = url, keys, random.Random(seed)  # noqa: S311 - it plays, it keeps no secret
        self.seen: Counter[str] = Counter()

    async def run(self) -> None:
        """All habits at once."""
        limits = httpx.Limits(max_connections=100)
        async with (
            httpx.AsyncClient(base_url=self._url, timeout=60.0, limits=limits, trust_env=False) as http,
            asyncio.TaskGroup() as tasks,
        ):
            for habit in HABITS:
                for _ in range(habit.many):
                    tasks.create_task(self._live(http, habit))

    async def _live(self, http: httpx.AsyncClient, habit: Habit) -> None:
        await asyncio.sleep(self._dice.uniform(0, habit.pause))
        while True:
            try:
                await self._ask(http, habit)
            except httpx.HTTPError as error:
                self.seen[type(error).__name__] += 1
                await asyncio.sleep(1)
            await asyncio.sleep(self._dice.expovariate(1 / habit.pause))

    async def _ask(self, http: httpx.AsyncClient, habit: Habit) -> None:
        text = self._dice.choice(QUESTIONS)
        if self._dice.random() >= habit.repeats:
            text = f"{text} (case {self._dice.randrange(100_000)})"
        body: dict[str, Any]
        path, body = "/v1/chat/completions", {"model": habit.model, "messages": [{"role": "user", "content": text}]}
        if habit.model == "embed":
            path, body = "/v1/embeddings", {"model": habit.model, "input": text}
        elif habit.stream:
            body["stream"] = True
        body |= {} if habit.model == "embed" else {"max_tokens": 400}
        headers = {"authorization": f"Bearer {self._keys[habit.key]}"}
        leaves = self._dice.random() < habit.leaves
        async with http.stream("POST", path, json=body, headers=headers) as answer:
            async for _ in answer.aiter_bytes():
                if leaves:
                    self.seen["left"] += 1
                    return
        self.seen[str(answer.status_code)] += 1
