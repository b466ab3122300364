"""What the tests share: callers with names, a provider that counts its calls and waits as it is told, and a clock."""

import asyncio
import time
from contextlib import asynccontextmanager
from decimal import Decimal

import msgspec
from tollhouse import Demand, Principal, ProviderError, Rates, SimpleProvider, Usage, hookimpl
from tollhouse.events import RequestEnded
from tollhouse.store.memory import MemoryStore
from tollhouse.testing import Client, gateway, run
from tollhouse_cache import Cache

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
NOON = 1_795_176_000.0

CONFIG = """
plugins = ["openai", "anthropic", "gemini"{plugins}]
[providers]
oracle = {{}}
other = {{ kind = "oracle" }}
[models]
m = ["oracle/x"]
n = ["oracle/y"]
two = ["oracle/x", "other/x"]
{more}
"""


class Clock:
    """Stands still until a test moves it; durations are real."""

    def __init__(self, now=NOON):
        self.now = now

    monotonic = staticmethod(time.monotonic)

    def time(self):
        return self.now


class Who:
    """Believes the header `x-who`: `key/team/user/tags`; `boss` operates the gateway."""

    name = "who"

    @hookimpl
    async def authenticate(self, exchange):
        key, team, user, tags = (exchange.headers.get("x-who", "").split("/") + [""] * 4)[:4]
        access = {"boss": "operator", "viewer": "viewer"}.get(key, "caller")
        return Principal(key=key, team=team, user=user, tags=tuple(tags.split()), access=access)


class Tariff:
    """A thousand nano-USD a token of input, ten thousand of output."""

    name = "tariff"

    @hookimpl
    def price(self, target):
        return Rates({"input": Decimal(1), "output": Decimal(10)}, "test")


class Counter:
    """Counts requests and money, as limits and budgets do: a cached answer costs nothing."""

    name = "counter"

    def demands(self, worth):
        kind = {"kind": "window", "until": 4e9, "limit": 10**12}
        one = Demand(key="counter:requests", measure="requests", amount=1, **kind)
        return [one, Demand(key="counter:usd", measure="nano_usd", amount=worth, **kind)] if worth else [one]

    @hookimpl
    def demand(self, exchange, target):
        return self.demands(10**6 if target else 0)

    async def used(self, made):
        return [level.used for level in await made.store.levels(self.demands(1))]


class Oracle(SimpleProvider):
    """Answers "the answer to TEXT", three tokens for five. The last message may hold words: `wait` waits for
    `Oracle.gate` before the answer, `hang` after its first two words; `down` fails before the answer, `break` after
    two words. `Oracle.asked` is what was asked."""

    name = "oracle"
    asked = None
    gate = None

    async def generate(self, request):
        text = request.body.messages[-1].parts[0].text
        Oracle.asked.append(text)
        said = text.split()
        if "wait" in said:
            await Oracle.gate.wait()
        if "down" in said:
            raise ProviderError("The oracle is closed.", kind="overloaded", status=503, code="closed")
        yield "the "
        yield "answer "
        if "hang" in said:
            await Oracle.gate.wait()
        if "break" in said:
            raise ProviderError("The oracle broke.", kind="server", status=500, code="broken")
        yield f"to {text}"
        if "long" in said:
            for _ in range(2000):
                yield "blah " * 100
        yield Usage(input=3, output=5)


class House:
    """A started gateway, and calls to it."""

    def __init__(self, made, clock, counter):
        self.gateway, self.clock, self.counter = made, clock, counter

    def client(self, who="ci", **headers):
        return Client(self.gateway, {"x-who": who, **{k.replace("_", "-"): v for k, v in headers.items()}})

    async def chat(self, text="hi", who="ci", headers=None, model="m", stream=False, **more):
        """An OpenAI chat; the answer."""
        body = {"model": model, "messages": [{"role": "user", "content": text}], "stream": stream, **more}
        return await self.client(who).post(CHAT, body, headers)

    async def message(self, text="hi", who="ci", headers=None, stream=False, **more):
        """The same in Anthropic's dialect, which wants a limit."""
        body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": text}], "stream": stream}
        return await self.client(who, anthropic_version="2023-06-01").post(MESSAGES, {**body, **more}, headers)

    async def verdicts(self, *calls):
        """What the cache did with each of these calls, one after the other."""
        return [verdict(await call) for call in calls]

    @property
    def ended(self):
        """How the exchanges ended, oldest first."""
        return [event for _, event in self.gateway.feed.recent() if isinstance(event, RequestEnded)]


@asynccontextmanager
async def house(more="", *plugins, clock=None, store=None, listed=(), cache=(Cache,), counted=True, **where):
    """A gateway with the cache behind the plugins given; `listed` ones are installed."""
    Oracle.asked, Oracle.gate = [], asyncio.Event()
    clock, counter = clock or Clock(), Counter()
    names = "".join(f', "{name}"' for name in listed)
    parts = (Oracle, Who(), Tariff(), *((counter,) if counted else ()), *plugins, *cache)
    text = CONFIG.format(plugins=names, more=more)
    async with gateway(text, *parts, clock=clock, store=store or MemoryStore(clock.time), **where) as made:
        yield House(made, clock, counter)


def tell(story, more="", *plugins, **where):
    """What `story(house)` returns."""

    async def whole():
        async with house(more, *plugins, **where) as made:
            return await story(made)

    return run(whole())


def verdict(answer):
    return answer.headers.get("x-tollhouse-cache", "")


def words(answer):
    """The text of an answer in either dialect, streamed or whole."""
    body = answer.body
    if body[:1] in (b"d", b":", b"e"):
        out = ""
        for line in body.split(b"\n"):
            if line.startswith(b"data: {"):
                said = msgspec.json.decode(line[6:])
                out += "".join(c["delta"].get("content") or "" for c in said.get("choices", ()))
                out += said.get("delta", {}).get("text", "") if "type" in said else ""
        return out
    said = msgspec.json.decode(body)
    if "choices" in said:
        return said["choices"][0]["message"]["content"]
    return "".join(part["text"] for part in said["content"])


async def soon(true):
    """Wait until `true()` is."""
    while not true():
        await asyncio.sleep(0.002)
