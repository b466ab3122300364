"""Exchanges to route, providers that take their time, and a gateway in front of them."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager

import msgspec
from tollhouse import Attempt, Plan, Principal, ProviderError, SimpleProvider, Target, Usage, hookimpl
from tollhouse.rates import Rates
from tollhouse.store.memory import MemoryStore
from tollhouse.testing import exchange, gateway
from tollhouse.testing.jumping import LoopClock

CHAT = "/v1/chat/completions"

CONFIG = """
plugins = ["openai", "anthropic", "router"{plugins}]
[providers.a]
kind = "paced"
[providers.b]
kind = "paced"
[providers.c]
kind = "paced"
[models]
{models}
{more}
"""


def config(models='m = ["a/x", "b/x", "c/x"]', more="", plugins=""):
    return CONFIG.format(models=models, more=more, plugins=plugins)


def body(text="Hi", **more):
    return msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": text}], **more})


class Ticking:
    """A clock that stands still until it is told."""

    def __init__(self):
        self.at = 1000.0

    def monotonic(self):
        return self.at

    def time(self):
        return 1_700_000_000.0 + self.at


class Priced:
    """Prices by target."""

    name = "priced"

    def __init__(self, **usd):
        self.usd = usd

    @hookimpl
    def price(self, target):
        said = self.usd.get(target.provider)
        return Rates(*said, source="test") if isinstance(said, tuple) else said


class Known:
    """Lets everybody in as whom the header says: `key user team tags`."""

    name = "known"

    @hookimpl
    async def authenticate(self, exchange):
        key, user, team, *tags = (exchange.headers.get("x-who", "k") + ",,,").split(",")
        return Principal(key=key, user=user, team=team, tags=tuple(filter(None, tags)), access="admin")


class World:
    """How long every target takes to begin and for each word, by name; whether it fails; and who was asked."""

    def __init__(self):
        self.first, self.each, self.fails = {}, {}, {}
        self.asked = []
        world = self

        class Paced(SimpleProvider):
            name = "paced"

            async def send(self, attempt):
                name = attempt.target.name
                world.asked.append(name)
                if fails := world.fails.get(name):
                    raise ProviderError("scripted", **fails)
                reply = await super().send(attempt)
                reply.headers = world.headers.get(name, {})
                reply.happenings = world.paced(name, reply.happenings)
                return reply

            async def generate(self, request):
                for word in ("one", "two", "three"):
                    yield word
                yield Usage(input=7, output=3)

        self.plugin, self.headers = Paced, {}

    async def paced(self, name, happenings):
        await asyncio.sleep(self.first.get(name, 0.0))
        async for happening in happenings:
            if type(happening).__name__ == "Delta" and happening.text != "one":
                await asyncio.sleep(self.each.get(name, 0.0))
            yield happening

    @property
    def counts(self):
        return Counter(self.asked)


@asynccontextmanager
async def house(text, *plugins, world=None, clock=None):
    """A gateway with the providers of a world; its time is the loop's, or the given clock's."""
    world = world or World()
    clock = clock or LoopClock()
    async with gateway(text, world.plugin, *plugins, clock=clock, store=MemoryStore(clock.time)) as made:
        made.world = world
        yield made


def asked(made, raw=None, *, id="", key="", user="", team="", tags=(), headers=None, model="m", dialect="openai"):
    """An exchange that is ready to be routed."""
    one = exchange(made, dialect, raw=raw or body(), headers=headers or {})
    one.model = model
    if id:
        one.id = id
    one.principal = Principal(key=key, user=user, team=team, tags=tags)
    one.plan = made.edition.plan(model, one.principal)
    return one


def router(made):
    """The router of a gateway."""
    return next(one.plugin for one in made.edition.plugged if one.name == "router")


async def first(made, **more):
    """The name of the target an exchange goes to first."""
    return (await names(made, **more))[0]


async def names(made, raw=None, **more):
    """The names of all its targets, in their order."""
    one = asked(made, raw, **more)
    plan = await router(made).route(one) or one.plan
    return [target.name for target in plan.targets]


def attempt(made, one, target):
    """An attempt of an exchange that has not left yet."""
    provider, _, model = target.partition("/")
    return Attempt(
        one,
        len(one.attempts) + 1,
        Target(provider, model),
        made.edition.providers[provider],
        one.request,
        None,
        made.edition.timeouts("m", provider),
    )


async def sent(made, target, one=None):
    """An exchange's attempt at a target that is under way."""
    one = one or asked(made)
    try_ = attempt(made, one, target)
    await router(made).dispatch(one, try_)
    one.attempts.append(try_)
    return one, try_


def ended(made, one, try_, state="won", *, content=None, output=None, error=None, headers=None):
    """The attempt ends now; `content` says when it reached content."""
    try_.state, try_.error, try_.ended_at = state, error, one.now()
    try_.content_at = content if content is not None else (one.now() if state == "won" else None)
    try_.usage = Usage(input=7, output=output) if output is not None else None
    try_.reply_headers = headers or {}
    router(made).observe(one, try_)


__all__ = [
    "CHAT",
    "Known",
    "Plan",
    "Priced",
    "Ticking",
    "World",
    "asked",
    "attempt",
    "body",
    "config",
    "ended",
    "first",
]
__all__ += ["house", "names", "router", "sent"]
