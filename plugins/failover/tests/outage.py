"""Providers that do what a test says, a gateway in front of them, and calls to it."""

import asyncio
from contextlib import asynccontextmanager

from tollhouse import Principal, ProviderError, SimpleProvider, Usage, hookimpl
from tollhouse.events import AttemptEnded, RequestEnded, TargetDown, TargetUp
from tollhouse.store.memory import MemoryStore
from tollhouse.testing import Client, gateway
from tollhouse.testing.jumping import LoopClock

CHAT = "/v1/chat/completions"

CONFIG = """
plugins = ["openai", "anthropic", "failover"]
max_attempts = 10
{top}
[providers.a]
kind = "scripted"
[providers.b]
kind = "scripted"
[providers.c]
kind = "scripted"
[models]
one = ["a/x"]
two = ["a/x", "b/x"]
same = ["a/x", "a/y"]
other = ["c/x"]
{more}
"""


def config(more="", *, top=""):
    return CONFIG.format(top=top, more=more)


def fails(status=503, kind=None, **more):
    """A provider that fails so."""
    kinds = {401: "credentials", 402: "credentials", 403: "credentials", 408: "timeout", 429: "rate_limit"}
    kinds |= {503: "overloaded", 529: "overloaded"}
    kind = kind or kinds.get(status, "invalid" if 0 < status < 500 else "server")

    async def act(attempt):
        raise ProviderError(more.get("message", "scripted"), kind=kind, status=status, **_without(more, "message"))

    return act


def _without(table, key):
    return {name: value for name, value in table.items() if name != key}


async def well(attempt):
    """A provider that answers."""


def slow(seconds, then=well):
    async def act(attempt):
        await asyncio.sleep(seconds)
        await then(attempt)

    return act


class World:
    """What every target does, by `provider/model` or provider, and who was asked when."""

    def __init__(self):
        self.does = {}
        self.asked = []
        self.words = ("Hello", " there")
        world = self

        class Scripted(SimpleProvider):
            name = "scripted"

            async def send(self, attempt):
                target = attempt.target
                world.asked.append((round(attempt.exchange.now(), 6), target.name))
                act = world.does.get(target.name) or world.does.get(target.provider) or well
                if isinstance(act, list):
                    act = act.pop(0) if len(act) > 1 else act[0]
                await act(attempt)
                return await super().send(attempt)

            async def generate(self, request):
                for word in world.words:
                    yield word
                yield Usage(input=7, output=3)

        self.plugin = Scripted

    @property
    def order(self):
        """The targets in the order in which they were asked."""
        return [name for _, name in self.asked]

    def count(self, name):
        return self.order.count(name)


class Who:
    """Believes the header `x-who` about what somebody may."""

    name = "who"

    @hookimpl
    async def authenticate(self, exchange):
        return Principal(key="k", access=exchange.headers.get("x-who", "caller"))


class House:
    """A started gateway, calls to it, and the world behind it."""

    def __init__(self, made, world):
        self.gateway, self.world = made, world
        self._changes = []
        made.feed.listen(self._heard)

    async def chat(self, model="two", **more):
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}
        return await Client(self.gateway).post(CHAT, body)

    async def many(self, count, model="two", every=0.0, **more):
        """The statuses of some chats, one after the other with a pause, or all at once."""
        if every:
            statuses = []
            for _ in range(count):
                statuses.append((await self.chat(model, **more)).status)
                await asyncio.sleep(every)
            return statuses
        return [answer.status for answer in await asyncio.gather(*(self.chat(model, **more) for _ in range(count)))]

    async def ask(self, path, method="GET", who="operator"):
        return await Client(self.gateway, {"x-who": who}).request(method, path)

    def events(self, *kinds):
        return [event for _, event in self.gateway.feed.recent() if isinstance(event, kinds)]

    def changes(self):
        """Which targets went down and came back, in order."""
        return self._changes

    def _heard(self, event):
        if isinstance(event, TargetDown | TargetUp):
            self._changes.append(("down" if isinstance(event, TargetDown) else "up", event.target))

    def notes(self):
        """What was noted of the last request."""
        return [words for who, words in self.events(RequestEnded)[-1].notes if who == "failover"]

    def attempts(self):
        return [(event.target, event.state, event.error) for event in self.events(AttemptEnded)]


@asynccontextmanager
async def house(text, world, **more):
    clock = more.pop("clock", None) or LoopClock()
    store = more.pop("store", None) or MemoryStore(clock.time)
    plugins = more.pop("plugins", ())
    async with gateway(text, world.plugin, Who(), *plugins, clock=clock, store=store, **more) as made:
        yield House(made, world)
