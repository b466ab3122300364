"""A simulated account that tests can ask, on a loop whose time jumps to whatever is awaited next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from tollhouse import Attempt, Reply, Request, Route, Target
from tollhouse.neutral import Answer, Body, Chat, Embed, Happening, Message, Text, fold
from tollhouse.testing.jumping import JumpingLoop
from tollhouse_simulator import SimulatedProvider, SimulatorSettings

T = TypeVar("T")


class Account:
    """One `[providers.simulator]`."""

    def __init__(self, run: Callable[[Awaitable[Any]], Any], settings: Mapping[str, Any]) -> None:
        self._run = run
        self.provider = SimulatedProvider("simulator", SimulatorSettings(**settings), None)

    def attempt(
        self,
        body: Body | str,
        model: str = "echo",
        *,
        headers: Mapping[str, str] | None = None,
        number: int = 1,
        stream: bool = False,
    ) -> Attempt:
        """The attempt of a caller who asks for this."""
        if isinstance(body, str):
            body = Chat(messages=[Message(role="user", parts=[Text(text=body)])])
        dialect: Any = SimpleNamespace(name="openai")
        task = "embed" if isinstance(body, Embed) else "chat"
        n = body.n if isinstance(body, Chat) else 1
        request = Request(b"", dialect=dialect, route=Route("POST", "/", task), stream=stream, n=n, body=body)
        exchange: Any = SimpleNamespace(
            id="req_1", headers=headers or {}, dialect=dialect, started_at=1_700_000_000.5, now=lambda: 0.0
        )
        target = Target("simulator", model)
        return Attempt(exchange, number, target, self.provider, request, None, None)  # type: ignore[arg-type]

    def reply(self, *args: Any, **kwargs: Any) -> Reply:
        """What the provider's `send` returns; raises what it raises."""
        reply: Reply = self._run(self.provider.send(self.attempt(*args, **kwargs)))
        return reply

    def timed(self, *args: Any, **kwargs: Any) -> list[tuple[float, Happening]]:
        """Every event of a reply with the second it came at."""

        async def collect() -> list[tuple[float, Happening]]:
            loop = asyncio.get_running_loop()
            begun = loop.time()
            reply = await self.provider.send(self.attempt(*args, **kwargs))
            assert reply.happenings is not None
            return [(round(loop.time() - begun, 6), event) async for event in reply.happenings]

        seen: list[tuple[float, Happening]] = self._run(collect())
        return seen

    def events(self, *args: Any, **kwargs: Any) -> list[Happening]:
        """Every event of a reply."""
        return [event for _, event in self.timed(*args, **kwargs)]

    def answer(self, *args: Any, **kwargs: Any) -> Answer:
        """The whole reply."""
        return fold(self.events(*args, **kwargs))

    def text(self, *args: Any, **kwargs: Any) -> str:
        """The visible text of the first choice."""
        return "".join(part.text for part in self.answer(*args, **kwargs).choices[0].parts if isinstance(part, Text))


@pytest.fixture
def run() -> Iterator[Callable[[Awaitable[Any]], Any]]:
    """Runs a coroutine to its end, in no time."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        yield runner.run  # type: ignore[misc]


@pytest.fixture
def account(run: Callable[[Awaitable[Any]], Any]) -> Callable[..., Account]:
    """Makes an account with these settings."""
    return lambda **settings: Account(run, settings)
