"""Gateways whose time is the test's, and callers who say who they are."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from tollhouse import Principal, hookimpl
from tollhouse.store.memory import MemoryStore
from tollhouse.testing import Client, gateway
from tollhouse.testing.jumping import LoopClock, run_jumping
from tollhouse_rate_limit.events import LimitQueued, LimitReleased

sys.path.insert(0, str(Path(__file__).parent))

from limited import CHAT  # found in this folder


class Who:
    """Believes the header `x-who`: `key/team/user/tag tag`."""

    name = "who"

    @hookimpl
    async def authenticate(self, exchange):
        key, team, user, tags = (exchange.headers.get("x-who", "").split("/") + [""] * 4)[:4]
        access = "viewer" if key == "boss" else "caller"
        return Principal(key=key, team=team, user=user, tags=tuple(tags.split()), access=access)


class House:
    """A started gateway, and calls to it."""

    def __init__(self, made, clock):
        self.gateway, self.clock = made, clock

    async def chat(self, who="", model="demo", text="hi", headers=None, path=CHAT, **more):
        """The answer to a chat of somebody."""
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        return await Client(self.gateway, {"x-who": who}).post(path, body, headers)

    async def many(self, count, who="", **more):
        """The statuses of some chats at once."""
        answers = await asyncio.gather(*(self.chat(who, **more) for _ in range(count)))
        return [answer.status for answer in answers]

    async def get(self, path, who="boss"):
        """What an endpoint says."""
        return (await Client(self.gateway, {"x-who": who}).get(path)).json()

    async def counters(self):
        """Every counter used of late: its key without the plugin's name, and how much of it is used."""
        said = await self.get("/admin/v1/limits?limit=1000")
        return {one["key"].removeprefix("rate_limit:"): one["used"] for one in said["limits"]}

    def events(self, kind):
        """The events of a kind, oldest first."""
        return [event for _, event in self.gateway.feed.recent() if isinstance(event, kind)]

    def served(self):
        """The callers in the order in which their wait was over."""
        who = {event.id: event.caller for event in self.events(LimitQueued)}
        return [who[event.id] for event in self.events(LimitReleased) if event.how == "granted"]


@asynccontextmanager
async def house(text, *plugins, clock=None, store=None):
    """A gateway on the running loop's time."""
    clock = clock or LoopClock()
    async with gateway(text, *plugins, Who(), clock=clock, store=store or MemoryStore(clock.time)) as made:
        yield House(made, clock)


@pytest.fixture
def tell():
    """Runs `story(house)` on a gateway whose time jumps."""

    def run(text, story, *plugins, **more):
        async def whole():
            async with house(text, *plugins, **more) as made:
                return await story(made)

        return run_jumping(whole())

    return run


@pytest.fixture
def error():
    """The message of an OpenAI error."""
    return lambda answer: msgspec.json.decode(answer.body)["error"]["message"]
